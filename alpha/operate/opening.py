"""Open the sealed holdout for one candidate: record the look, read the sealed cells, and judge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from alpha.config import Config
from alpha.core.panel import Panel
from alpha.data.seal import Key, Sealed, origin
from alpha.models import model
from alpha.strategy import Candidate
from alpha.study import Study
from alpha.validation import Trials
from alpha.validation.crossfit import fit, predict, training_mask
from alpha.validation.holdout import Looks, Opened, sealed_ic


def opened(found: Study, candidate: Candidate, reason: str | None = None) -> Candidate:
    """Return the candidate judged by the gates that waited for the holdout.

    The holdout stays sealed for a candidate that has failed a gate, and where no gate waits.

    Parameters
    ----------
    reason : str, optional
        Kept with the record of the look.
    """
    if not candidate.waiting or not candidate.passed:
        return candidate
    return examined(found, candidate, reason or f"to bless {candidate.bundle.name}")


def examined(found: Study, candidate: Candidate, reason: str) -> Candidate:
    """Record and take a look at the holdout; return the candidate with the verdicts of the gates that waited for it.

    They judge the IC over all sealed cells: every name in the sealed sessions, predicted by the bundle; and the sealed
    names in the tested rows, predicted by models fitted only on the other names.
    """
    cfg, source, key = found.config, _seal(found.config), Key(reason)
    look = Looks(cfg.paths.looks).take(
        **_about(cfg, found.panel.id), reason=reason, model=candidate.bundle.name, config_id=cfg.id
    )
    panel = cfg.panel(source.last, key)[0]
    hidden = sum(map(source.hides, panel.symbols))
    seen = Opened(look, _sealed_ic(found, candidate, panel), candidate.label.horizon, hidden, len(panel.symbols))
    verdicts = [each().judge(each.name, seen) for each in cfg.judges if each.name in candidate.waiting]
    card = replace(candidate.scorecard, metrics={**candidate.scorecard.metrics, **seen.metrics})
    return replace(candidate, scorecard=card, gates=(*candidate.gates, *verdicts), waiting=())


def state(cfg: Config, data_id: str) -> str:
    """Return a line that describes the holdout, the looks so far and the level of the next one."""
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
    """Return the arguments of a look: the sealed sessions, their origin and the trials that have seen them."""
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
        fitted = fit(model.bind(bundle.model_entry), features, label, learned, weights=bundle.weights)
        signal[fold.test] = predict(fitted, features.values[fold.test], panel.tradable[fold.test] & hidden)
    realised = label.values if label.realised is None else label.realised
    return sealed_ic(signal, realised, later[:, None] | hidden)
