"""Clean worlds: they do correctly what the plants do wrong. No check may report a leak in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from alpha.core.nouns import FeatureSet, Fold, Label
from alpha.core.panel import Panel
from alpha.core.registry import Plugin
from alpha.lab.battery import clean
from alpha.lab.battery.data import hourly
from alpha.lab.battery.execution import sessions
from alpha.lab.battery.honest import (
    bars,
    held,
    honest,
    joined,
    panel,
    predictor,
    short_returns,
    walk,
    weights,
    with_column,
)  # fmt: skip
from alpha.lab.battery.market import Tables, hours, records
from alpha.labels import label as label_registry
from alpha.leaks import Pipeline
from alpha.leaks.nulls import block_mean
from alpha.models import model, weight
from alpha.models.samples import Samples
from alpha.stats.metrics import daily_ic
from alpha.validation.crossfit import cross_fit, training_mask

SETTINGS = ({"name": "linear_v1"}, {"name": "lightgbm_v1", "n_estimators": 20, "num_threads": 1})


@clean
def ridge_on_an_edge(seed: int) -> Pipeline:
    """A ridge regression finds the edge of the market, one bar ahead."""
    return honest(records(seed))


@clean
def ridge_on_noise(seed: int) -> Pipeline:
    """A ridge regression where the score predicts nothing, five bars ahead."""
    return honest(records(seed, edge=0.0), horizon=5)


@clean
def strong_edge_of_a_day(seed: int) -> Pipeline:
    """Trees where the score predicts well: a large IC is no leak."""
    return honest(records(seed, edge=0.5), predict=predictor(SETTINGS[1]))


@clean
def long_outcomes(seed: int) -> Pipeline:
    """Outcomes of ten bars overlap; they are purged, and each fold trains on its newest rows."""
    return honest(records(seed), folds=walk(train="rolling", embargo=3), horizon=10)


@clean
def tuned_inside_the_fold(seed: int) -> Pipeline:
    """Scaling, encoding and the choice of the model use only training rows; the newest of them decide the choice."""

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        scaled = _with_code(_scaled(features, fold), label, fold, tradable)
        inner = _inner(fold, label)
        tried = [predictor(each)(scaled, label, inner, tradable) for each in SETTINGS]
        ic = [block_mean(daily_ic(signal, label.values[inner.test]), 1).value for signal in tried]
        return predictor(SETTINGS[int(np.argmax(ic))])(scaled, label, fold, tradable)

    return honest(records(seed), predict=predict, horizon=2)


@clean
def filled_forward_and_filtered(seed: int) -> Pipeline:
    """Missing values are filled from the past, windows end at their row, and the scale comes from earlier rows."""

    def trailing(panel: Panel) -> np.ndarray:
        close = panel.frame("close").ffill()
        past = close.expanding(20)
        return ((close - past.mean()) / past.std() + panel.frame("surprise").ffill()).to_numpy()

    return honest(records(seed), features=with_column("trailing", trailing), horizon=5)


@clean
def first_reports_and_old_members(seed: int) -> Pipeline:
    """Reports are used as first published, one hour later; names stay in the universe until they are delisted."""

    def load(tables: Tables) -> Panel:
        first = tables["reports"].drop_duplicates(["symbol", "quarter"])
        late = first.assign(announced=first["announced"] + pd.Timedelta(hours=1))
        return joined(bars(tables["bars"]), tables, reports=late)

    return honest(records(seed), load, horizon=5)


@clean
def bars_labelled_at_their_end(seed: int) -> Pipeline:
    """Hourly bars, made of half-hourly prices, are stamped with their end."""
    return honest(hours(seed), lambda tables: hourly(tables, "right"), features=short_returns)


@clean
def closes_only(seed: int) -> Pipeline:
    """The data have no opens; outcomes and orders start at the close of the next bar."""

    def load(tables: Tables) -> Panel:
        made = panel(tables)
        return replace(made, fields={name: values for name, values in made.fields.items()
                                     if name not in ("open", "high", "low", "raw_open", "raw_close")})  # fmt: skip

    def trade(signal: np.ndarray, panel: Panel) -> np.ndarray:
        change = np.nan_to_num(panel["close"][2:] / panel["close"][1:-1] - 1)
        return np.r_[0.0, 0.0, (weights(signal)[:-2] * change).sum(axis=1)]

    return honest(records(seed), load, trade=trade, horizon=2)


@clean
def careful_stops(seed: int) -> Pipeline:
    """Sizes follow past volatility; a bar that touches both stop and target counts as stopped."""

    def trade(signal: np.ndarray, panel: Panel) -> np.ndarray:
        volatility = panel.frame("close").pct_change(fill_method=None).rolling(10).std().to_numpy()
        sized = np.where(volatility > 0, signal * 0.01 / volatility, np.nan)
        return sessions(sized, panel, target_first=False) + held(weights(sized), panel)

    return honest(records(seed), trade=trade)


@clean
def stacked_and_stopped_inside_the_fit(seed: int) -> Pipeline:
    """A stack weighs its models on purged inner folds, and its boosting stops early on purged rows."""
    return honest(records(seed), predict=partial(_cross_fitted, Plugin("model", "stack", {}, _Stack), ()), horizon=10)


@clean
def barriers_weighed_by_age_and_uniqueness(seed: int) -> Pipeline:
    """Outcomes end where a barrier is touched, at a time of their own; old or overlapping samples weigh less."""
    weights = (weight.bind({"name": "age", "half_life": 0.5}), weight.bind("uniqueness"))
    ends = label_registry.bind({"name": "barrier", "horizon": 8, "window": 10})
    return honest(records(seed), label=ends, predict=partial(_cross_fitted, model.bind("linear_v1"), weights))


@clean
def confidence_in_a_primary(seed: int) -> Pipeline:
    """A meta-label on a short-term reversal signal with barriers: trees predict when to follow the signal."""
    entry = {"name": "meta", "primary": {"name": "reversal", "window": 3},
             "outcome": {"name": "barrier", "horizon": 5, "window": 10}}  # fmt: skip
    return honest(records(seed), label=label_registry.bind(entry), predict=predictor(SETTINGS[1]))


class _Stack:
    """A ridge regression and boosted trees with early stopping, weighed by their predictions on held-out rows."""

    handles_nan: ClassVar[bool] = False

    def fit(self, samples: Samples) -> Self:
        made = [[(part.predict(block.X), block.y) for part in self._members(learned)]
                for learned, block in samples.folds(3)]  # fmt: skip
        members = [np.concatenate([predicted for predicted, _ in each]) for each in zip(*made, strict=True)]
        outcomes = np.concatenate([each[0][1] for each in made])
        self.weights_ = np.linalg.lstsq(np.stack(members, axis=1), outcomes)[0]
        self.members_ = self._members(samples)
        return self

    def _members(self, samples: Samples) -> list[Any]:
        learned, held_out = samples.split(0.2)
        tried = [model.bind({**SETTINGS[1], "n_estimators": n})().fit(learned) for n in (5, 20)]
        loss = [float(((made.predict(held_out.X) - held_out.y) ** 2).mean()) for made in tried]
        return [model.bind(SETTINGS[0])().fit(samples), tried[int(np.argmin(loss))]]

    def predict(self, X: np.ndarray) -> np.ndarray:
        return sum(weight * made.predict(X) for weight, made in zip(self.weights_, self.members_, strict=True))


def _cross_fitted(
    bound: Plugin, weights: Sequence[Plugin], features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray
) -> np.ndarray:
    return cross_fit(bound, features, label, [fold], tradable, weights=weights)[fold.test]


def _inner(fold: Fold, label: Label) -> Fold:
    """Return a fold within the training rows: it tests the newest third and trains on labels known before."""
    test = fold.train[-(len(fold.train) // 3) :]
    train = fold.train[: -len(test) - label.horizon - 1]
    return replace(fold, train=train, test=test)


def _scaled(features: FeatureSet, fold: Fold) -> FeatureSet:
    seen = features.values[fold.train]
    return replace(features, values=(features.values - np.nanmean(seen, axis=(0, 1))) / np.nanstd(seen, axis=(0, 1)))


def _with_code(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> FeatureSet:
    """Encode each name by its mean outcome over the training rows of the inner fold."""
    inner = _inner(fold, label)
    known = training_mask(label, inner) & tradable & np.isfinite(label.values)
    code = np.where(known, label.values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    column = np.broadcast_to(code, label.values.shape)[..., None]
    return replace(features, names=(*features.names, "code"), values=np.concatenate([features.values, column], axis=-1))
