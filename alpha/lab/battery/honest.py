"""A correct pipeline over the small market, stage by stage. A plant replaces one stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from alpha.core.nouns import FeatureSet, Fold, Label
from alpha.core.panel import Panel
from alpha.data.bars import to_panel
from alpha.data.fields.asof import asof
from alpha.features import Plan, columns
from alpha.features.expr import field, is_finite, where
from alpha.features.operators import cs_rank
from alpha.lab.battery.market import EXCHANGE, Records, Tables
from alpha.labels import label as label_registry
from alpha.leaks import Pipeline
from alpha.models import model
from alpha.validation import splitter
from alpha.validation.crossfit import cross_fit

Load = Callable[[Tables], Panel]
MAX_AGE = pd.Timedelta(days=21)


def honest(data: Records, load: Load | None = None, *, horizon: int = 1, **stages: Any) -> Pipeline:
    """Return the correct pipeline over `data`, with some stages replaced.

    Parameters
    ----------
    load : callable, optional
        From the tables available at an instant to a panel; default: `panel`.
    """
    read = load or panel
    default = {
        "features": features, "label": outcome(horizon), "folds": walk(), "predict": predictor(), "trade": trade,
    }  # fmt: skip
    return Pipeline(load=lambda at: read(data.at(at)), **(default | stages))


def panel(tables: Tables) -> Panel:
    """Return the panel of bars, adjusted forward, with reports and scores as they became public, for members only."""
    return joined(bars(tables["bars"]), tables)


def bars(table: pd.DataFrame) -> Panel:
    """Return the panel of bars as traded."""
    frame = table.copy()
    frame.attrs["prices"] = "raw"
    return to_panel(frame, EXCHANGE)


def joined(panel: Panel, tables: Tables, *, reports: pd.DataFrame | None = None, known_at: str = "announced") -> Panel:
    """Return the panel with reports, scores, the macro series and the members of the index."""
    panel = asof(panel, tables["reports"] if reports is None else reports, field="surprise", column="surprise",
                 known_at=known_at, symbol="symbol", max_age=MAX_AGE)  # fmt: skip
    panel = panel.with_fields(score=grid(tables["scores"], "score", panel))
    macro = tables["macro"].assign(at=EXCHANGE.closes(pd.DatetimeIndex(tables["macro"]["time"])))
    return with_members(asof(panel, macro, field="macro", column="value", known_at="at"), tables["index"])


def grid(table: pd.DataFrame, column: str, panel: Panel) -> np.ndarray:
    """Return a column of a table of symbols and sessions on the panel's grid."""
    wide = table.pivot_table(column, "time", "symbol")
    sessions = EXCHANGE.session_of(panel.times)
    return wide.reindex(index=sessions, columns=list(panel.symbols)).to_numpy(float)


def with_members(panel: Panel, index: pd.DataFrame) -> Panel:
    """Return the panel in which only members of the index are tradable, by changes made before the session."""
    wide = index.pivot_table("member", "time", "symbol", aggfunc="first").reindex(columns=list(panel.symbols))
    at = np.searchsorted(wide.index.to_numpy(), EXCHANGE.session_of(panel.times).to_numpy()) - 1
    member = np.where(at[:, None] >= 0, wide.to_numpy(bool)[np.maximum(at, 0)], False)
    return Panel(panel.times, panel.symbols, panel.fields, panel.tradable & member)


def plan() -> Plan:
    """Return the plan of the correct features: past returns and volatility, the score, the newest surprise."""
    made = columns([{"name": "ret", "window": 1}, {"name": "ret", "window": 5}, {"name": "vol", "window": 10}],
                   cross_section="rank")  # fmt: skip
    surprise = field("surprise")
    return Plan(made | {"score": cs_rank(field("score")), "surprise": where(is_finite(surprise), surprise, 0.0)})


def features(panel: Panel) -> FeatureSet:
    """Return the correct features of a panel, computed in one thread."""
    return plan().batch(panel, threads=1)


def short_returns(panel: Panel) -> FeatureSet:
    """Return features of hourly bars: the returns over one and three bars."""
    made = columns([{"name": "ret", "window": 1}, {"name": "ret", "window": 3}], cross_section="rank")
    return Plan(made).batch(panel, threads=1)


def with_column(name: str, column: Callable[[Panel], np.ndarray]) -> Callable[[Panel], FeatureSet]:
    """Return features with one more column, of shape (T, N), computed from the panel; NaN becomes 0."""

    def made(panel: Panel) -> FeatureSet:
        before = features(panel)
        values = np.concatenate([before.values, np.nan_to_num(column(panel))[..., None]], axis=-1)
        return FeatureSet(before.times, before.symbols, (*before.names, name), values)

    return made


def outcome(horizon: int) -> Callable[[Panel], Label]:
    """Return Alpha's excess-return label over `horizon` bars."""
    return label_registry.bind({"name": "forward_excess", "horizon": horizon})


def walk(folds: int = 2, **params: Any) -> Callable[[pd.DatetimeIndex, Label], Sequence[Fold]]:
    """Return Alpha's walk forward over the second half of the rows."""
    return splitter.bind({"name": "walk_forward", "folds": folds, "first_test": 0.5, **params})


def predictor(entry: Any = "linear_v1") -> Callable[[FeatureSet, Label, Fold, np.ndarray], np.ndarray]:
    """Return a function that fits one of Alpha's models on a fold and predicts its test rows."""
    return partial(_predict, model.bind(entry))


def _predict(bound: Any, features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
    return cross_fit(bound, features, label, [fold], tradable)[fold.test]


def weights(signal: np.ndarray) -> np.ndarray:
    """Return weights proportional to the signal minus its mean, with absolute sum 1; 0 without a signal."""
    known = np.isfinite(signal)
    mean = np.where(known, signal, 0).sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    centred = np.where(known, signal - mean, 0.0)
    return centred / np.maximum(np.abs(centred).sum(axis=1, keepdims=True), 1e-12)


def trade(signal: np.ndarray, panel: Panel) -> np.ndarray:
    """Hold the weights of each row from the open of the next bar to the open after it."""
    return held(weights(signal), panel)


def held(wanted: np.ndarray, panel: Panel) -> np.ndarray:
    """Return the book's return in each row: weights of two rows ago overnight, of one row ago in the session."""
    night, day = np.zeros(wanted.shape), panel["close"] / panel["open"] - 1
    night[1:] = panel["open"][1:] / panel["close"][:-1] - 1
    earned = np.zeros(wanted.shape)
    earned[1:] += wanted[:-1] * np.nan_to_num(day[1:])
    earned[2:] += wanted[:-2] * np.nan_to_num(night[2:])
    return earned.sum(axis=1)
