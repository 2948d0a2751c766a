"""Open the sealed holdout for one candidate: record the look, read what was sealed, judge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from alpha.config import Config
from alpha.core.nouns import GateResult
from alpha.core.panel import Panel
from alpha.data.seal import Key, Sealed, origin
from alpha.models import model
from alpha.research import Study
from alpha.strategy import Candidate
from alpha.validation import Trials
from alpha.validation.crossfit import fit, predict, training_mask
from alpha.validation.holdout import Looks, lower_bound, sealed_ic

GATE = "holdout"


def opened(found: Study, candidate: Candidate, reason: str | None = None) -> Candidate:
    """Return the candidate with the verdict of the holdout beside those of its gates.

    Nothing is opened for a candidate that has failed a gate, nor where the configuration seals nothing.

    Parameters
    ----------
    reason : str, optional
        Kept with the record of the look.
    """
    if found.config.holdout is None or not candidate.passed:
        return candidate
    return examined(found, candidate, reason or f"to bless {candidate.bundle.name}")


def examined(found: Study, candidate: Candidate, reason: str) -> Candidate:
    """Record a look at the holdout, take it, and return the candidate with the verdict.

    What counts is the IC over all sealed cells: of every name in the sealed sessions, by the bundle; and of the sealed
    names in the tested rows, by models fitted on the other names alone. Its one-sided lower bound, at the level that
    the number of the look leaves, must lie above zero.
    """
    cfg, source, key = found.config, _seal(found.config), Key(reason)
    look = Looks(cfg.paths.looks).take(
        **_about(cfg, found.panel.id), reason=reason, model=candidate.bundle.name, config_id=cfg.id
    )
    panel = cfg.panel(source.last, key)[0]
    ic = _sealed_ic(found, candidate, panel)
    low = lower_bound(ic, look.level, horizon=candidate.label.horizon)
    mean = float(np.nanmean(ic)) if np.isfinite(ic).any() else np.nan
    names = f"{sum(map(source.hides, panel.symbols))} of {len(panel.symbols)} names sealed; " if source.share else ""
    note = (f"IC {mean:.4f} over {int(np.isfinite(ic).sum())} sealed days; {names}look {look.number} at level "
            f"{look.level:.2g}")  # fmt: skip
    verdict = GateResult(GATE, bool(low > 0), low, 0.0, ">", note)
    metrics = {
        **candidate.scorecard.metrics,
        "holdout_ic": mean,
        "holdout_ic_low": low,
        "holdout_looks": float(look.number),
    }
    card = replace(candidate.scorecard, metrics=metrics)
    return replace(candidate, scorecard=card, gates=(*candidate.gates, verdict))


def state(cfg: Config, data_id: str) -> str:
    """Return a line that says what is sealed, and what looking would cost."""
    if cfg.holdout is None:
        return "holdout: none; what research reads is all there is to judge by"
    source, about = _seal(cfg), _about(cfg, data_id)
    look = Looks(cfg.paths.looks).next(**about)
    names = f", and names chosen by hash, about {cfg.holdout.symbols:.0%}, throughout" if cfg.holdout.symbols else ""
    by_research = f", {about['seen']} of them by trials that were tested on these sessions" if about["seen"] else ""
    return (
        f"holdout: {source.first} to {source.last}{names}; looks so far {look.number - 1}{by_research}; error budget "
        f"left {look.budget / look.number:.2g} of {look.budget:g}, the next look is judged at {look.level:.2g}"
    )


def _about(cfg: Config, data_id: str) -> dict[str, Any]:
    """Return what a look is at, and what has been seen of it already."""
    source, budget = _seal(cfg), cfg.holdout.budget if cfg.holdout else 0.0
    at: dict[str, Any] = {"source": origin(source), "first": source.first, "last": source.last}
    return {"data_id": data_id, **at, "budget": budget, "seen": Trials(cfg.paths.trials).scored_on(**at)}


def _seal(cfg: Config) -> Sealed:
    assert isinstance(cfg.source, Sealed), "a configuration with a holdout seals its source"
    return cfg.source


def _sealed_ic(found: Study, candidate: Candidate, panel: Panel) -> np.ndarray:
    """Return the IC of each row of the whole panel over its sealed cells; NaN in rows without any."""
    bundle, label = candidate.bundle, found.config.label(panel)
    features = bundle.plan.batch(panel)
    hidden = np.array([_seal(found.config).hides(symbol) for symbol in panel.symbols])
    later = panel.times > found.panel.times[-1]
    signal = np.full(panel.tradable.shape, np.nan)
    signal[later] = bundle.predict(features.values[later], panel.tradable[later])
    for fold in found.folds if hidden.any() else ():
        learned = training_mask(label, fold) & panel.tradable & ~hidden
        fitted = fit(model.bind(bundle.model_entry), features, label, learned, weights=candidate.weights)
        signal[fold.test] = predict(fitted, features.values[fold.test], panel.tradable[fold.test] & hidden)
    realised = label.values if label.realised is None else label.realised
    return sealed_ic(signal, realised, later[:, None] | hidden)
