"""Open the sealed holdout for one candidate: record the look, read what was sealed, judge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from alpha.config import Config
from alpha.core.panel import Panel
from alpha.core.types import GateResult
from alpha.data.seal import Key, Sealed
from alpha.models import model
from alpha.research import Study
from alpha.strategy import Candidate
from alpha.validation.crossfit import fit, predict, training_mask
from alpha.validation.holdout import Looks, level, lower_bound, sealed_ic

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
    budget = cfg.holdout.budget if cfg.holdout else 0.0
    entry = source.opened(key).entry  # refuses an empty reason before anything is recorded
    look = Looks(cfg.paths.looks).take(
        data_id=found.panel.id, source=entry, first=source.first, last=source.last, reason=reason,
        model=candidate.bundle.name, config_id=cfg.id,
    )  # fmt: skip
    ic = _sealed_ic(found, candidate, cfg.panel(source.last, key)[0])
    spent = level(budget, look)
    low = lower_bound(ic, spent, horizon=candidate.label.horizon)
    mean = float(np.nanmean(ic)) if np.isfinite(ic).any() else np.nan
    note = f"IC {mean:.4f} over {int(np.isfinite(ic).sum())} sealed days; look {look} at level {spent:.2g}"
    verdict = GateResult(GATE, bool(low > 0), low, 0.0, ">", note)
    metrics = {**candidate.scorecard.metrics, "holdout_ic": mean, "holdout_ic_low": low, "holdout_looks": float(look)}
    card = replace(candidate.scorecard, metrics=metrics)
    return replace(candidate, scorecard=card, gates=(*candidate.gates, verdict))


def state(cfg: Config, data_id: str) -> str:
    """Return a line that says what is sealed, and what looking would cost."""
    if cfg.holdout is None:
        return "holdout: none; what research reads is all there is to judge by"
    source = _seal(cfg)
    looks = Looks(cfg.paths.looks).taken(data_id, source.entry, source.first, source.last)
    names = f", and {cfg.holdout.symbols:.0%} of the names throughout" if cfg.holdout.symbols else ""
    left = cfg.holdout.budget - sum(level(cfg.holdout.budget, look) for look in range(1, looks + 1))
    return (
        f"holdout: {source.first} to {source.last}{names}; looks so far {looks}; error budget left {left:.2g} of "
        f"{cfg.holdout.budget:g}, the next look is judged at {level(cfg.holdout.budget, looks + 1):.2g}"
    )


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
        fitted = fit(model.bind(bundle.model_entry), features, label, learned)
        signal[fold.test] = predict(fitted, features.values[fold.test], panel.tradable[fold.test] & hidden)
    realised = label.values if label.realised is None else label.realised
    return sealed_ic(signal, realised, later[:, None] | hidden)
