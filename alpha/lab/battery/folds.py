"""Mistakes in splitting: a fold trains on rows that share outcomes with its test rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from alpha.core.nouns import FeatureSet, Fold, Label
from alpha.core.panel import Panel
from alpha.lab.battery import plant
from alpha.lab.battery.honest import features, honest, outcome, panel, plan, predictor, walk
from alpha.lab.battery.market import Tables, records
from alpha.leaks import Pipeline
from alpha.validation.crossfit import training_mask

ALL_KNOWN = np.datetime64("2100-01-01", "ns")


@plant("folds", "refit", "whole")
def unpurged_overlap(seed: int) -> Pipeline:
    """Training goes up to the row before the test, although outcomes take ten bars.

    The outcomes of the last ten training rows contain returns of the first test rows. Public splitters purge a number
    of rows that is 0 by default.
    """

    def folds(times: pd.DatetimeIndex, label: Label) -> Sequence[Fold]:
        return [replace(fold, train=np.arange(fold.test[0])) for fold in walk()(times, label)]

    return honest(records(seed), folds=folds, predict=_learns_all, horizon=10)


@plant("folds", "refit", "reversed_labels")
def embargo_of_zero(seed: int) -> Pipeline:
    """Folds train on rows before and after the test: purged before it, without an embargo after it.

    Outcomes overlap for some rows. Training rows right after the test share outcomes with its last rows, and a model
    recognises them by slowly moving features.
    """

    def folds(times: pd.DatetimeIndex, label: Label) -> Sequence[Fold]:
        rows = np.arange(len(times) - label.horizon - 1)
        tests = np.array_split(rows[60:], 80)
        return [Fold(index, rows[(rows < test[0] - label.horizon) | (rows > test[-1])], test, ALL_KNOWN)
                for index, test in enumerate(tests)]  # fmt: skip

    return honest(records(seed, rows=400, names=12), folds=folds, features=_slow, predict=_remembers, horizon=6)


@plant("folds", "shuffled_labels", "reversed_labels")
def shuffled_kfold(seed: int) -> Pipeline:
    """Rows are assigned to folds at random, as for data without time.

    With outcomes of ten bars, each test row has neighbours in training that share nine tenths of its outcome.
    """

    def folds(times: pd.DatetimeIndex, label: Label) -> Sequence[Fold]:
        rows = np.random.default_rng(seed).permutation(np.arange(40, len(times) - label.horizon - 1))
        parts = [np.sort(part) for part in np.array_split(rows, 4)]
        return [Fold(k, np.sort(np.concatenate(parts[:k] + parts[k + 1 :])), part, ALL_KNOWN)
                for k, part in enumerate(parts)]  # fmt: skip

    return honest(records(seed), folds=folds, features=_slow, predict=_remembers, horizon=10)


@plant("folds", "duplicates")
def oversampled_before_the_split(seed: int) -> Pipeline:
    """Every row exists twice, one second apart, and the copies are assigned to folds at random.

    This happens where rows are repeated to balance classes, or a file is joined twice. Most test rows have a copy in
    the training rows.
    """

    def load(tables: Tables) -> Panel:
        made = panel(tables)
        second = pd.to_timedelta(np.arange(2 * len(made)) % 2, unit="s")
        return replace(made, times=made.times.repeat(2) + second, tradable=made.tradable.repeat(2, axis=0),
                       fields={name: values.repeat(2, axis=0) for name, values in made.fields.items()})  # fmt: skip

    def repeated(panel: Panel) -> FeatureSet:
        values = features(panel.rows(slice(0, None, 2))).values.repeat(2, axis=0)[: len(panel)]
        return FeatureSet(panel.times, panel.symbols, plan().names, values)

    def outcomes(panel: Panel) -> Label:
        once = outcome(2)(panel.rows(slice(0, None, 2)))
        values, known_at = once.values.repeat(2, axis=0), once.known_at.repeat(2)
        return replace(once, values=values[: len(panel)], known_at=known_at[: len(panel)], realised=None)

    def folds(times: pd.DatetimeIndex, label: Label) -> Sequence[Fold]:
        rows = np.random.default_rng(seed).permutation(np.arange(80, len(times) - 2 * label.horizon - 2))
        return [Fold(0, np.sort(rows[:300]), np.sort(rows[300:]), ALL_KNOWN)]

    return honest(records(seed), load, features=repeated, label=outcomes, folds=folds, predict=_remembers)


@plant("duplicates")
def repeated_history(seed: int) -> Pipeline:
    """A part of the history is repeated at the end of the file, under new dates.

    This happens where files are concatenated, or where data are augmented. The order in time is correct, but the test
    rows are copies of training rows.
    """

    def load(tables: Tables) -> Panel:
        made = panel(tables)
        sessions = made.times[: 2 * 150]
        rows = np.arange(len(sessions))
        rows[150:] -= 150
        return replace(made, times=sessions, tradable=made.tradable[rows],
                       fields={name: values[rows] for name, values in made.fields.items()})  # fmt: skip

    return honest(records(seed), load, predict=_remembers)


def _learns_all(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
    """Fit on every training row of the fold without purging, as a library without `known_at` does."""
    return predictor()(features, label, replace(fold, cutoff=ALL_KNOWN), tradable)


def _remembers(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
    """Predict the mean outcome of the two nearest training cells."""
    from sklearn.neighbors import KNeighborsRegressor

    usable = tradable & np.isfinite(features.values).all(axis=-1)
    known = training_mask(label, fold) & usable & np.isfinite(label.values)
    model = KNeighborsRegressor(2).fit(features.values[known], label.values[known])
    signal, tested = np.full(tradable.shape, np.nan), np.zeros_like(usable)
    tested[fold.test] = usable[fold.test]
    signal[tested] = model.predict(features.values[tested])
    return signal[fold.test]


def _slow(panel: Panel) -> FeatureSet:
    """Return features that change little from row to row, so that a row resembles its neighbours."""
    logs = pd.DataFrame(np.log(panel.frame("close").ffill().to_numpy()))
    since = logs - logs.iloc[0]
    values = np.stack([since.rolling(window).mean().to_numpy() for window in (5, 20, 40)], axis=-1)
    return FeatureSet(panel.times, panel.symbols, ("mean_5", "mean_20", "mean_40"), values)
