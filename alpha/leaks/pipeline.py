"""The object of the checks: the stages of a pipeline, from data to the returns of a book, and their results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from alpha.core.nouns import FeatureSet, Fold, Label
from alpha.core.panel import Panel
from alpha.leaks import lookahead


@dataclass(frozen=True, eq=False)
class Pipeline:
    """The stages of a pipeline, as functions. The checks call them again on data that are cut or changed.

    Parameters
    ----------
    load : callable
        ``load(at)``: the panel of all data available at the instant `at`, a Timestamp in UTC; None: all data.
    features : callable
        ``features(panel)``: a FeatureSet; row t is known at ``times[t]``.
    label : callable
        ``label(panel)``: a Label.
    folds : callable
        ``folds(times, label)``: a sequence of Fold.
    predict : callable
        ``predict(features, label, fold, tradable)``: fit on the training cells of the fold and predict its test rows;
        an array of shape (test rows, N).
    trade : callable
        ``trade(signal, panel)``: the return of the book in each row, before costs, shape (T,); the signal (T, N) of
        row t is known at ``times[t]``.
    tolerance : float
        Largest change of a prediction with the rows predicted along with it, as a fraction of the largest prediction;
        0: none in any bit.
    """

    load: Callable[[pd.Timestamp | None], Panel]
    features: Callable[[Panel], FeatureSet]
    label: Callable[[Panel], Label]
    folds: Callable[[pd.DatetimeIndex, Label], Sequence[Fold]]
    predict: Callable[[FeatureSet, Label, Fold, np.ndarray], np.ndarray]
    trade: Callable[[np.ndarray, Panel], np.ndarray]
    tolerance: float = 0.0


@dataclass(frozen=True, eq=False)
class Case:
    """A pipeline and its results on the given data, with which the checks compare.

    Parameters
    ----------
    signal : array of shape (T, N)
        Predictions of the test rows; NaN elsewhere.
    seed : int
        Seed of the drawn rows and of the shocks.
    """

    pipeline: Pipeline
    panel: Panel
    features: FeatureSet
    label: Label
    folds: tuple[Fold, ...]
    signal: np.ndarray
    seed: int = 0

    @classmethod
    def of(cls, pipeline: Pipeline, *, seed: int = 0) -> Self:
        """Run every stage once on all data."""
        panel = pipeline.load(None)
        features, label = pipeline.features(panel), pipeline.label(panel)
        folds = tuple(pipeline.folds(panel.times, label))
        signal = np.full(panel.tradable.shape, np.nan)
        for fold in folds:
            signal[fold.test] = pipeline.predict(features, label, fold, panel.tradable)
        return cls(pipeline, panel, features, label, folds, signal, seed)

    @property
    def outcome(self) -> np.ndarray:
        """The plain outcome of a decision at each row, shape (T, N), with which a signal is compared."""
        return self.label.values if self.label.realised is None else self.label.realised

    def rng(self, what: str) -> np.random.Generator:
        """Return a generator of random numbers that depends on the seed and on the purpose `what`."""
        return np.random.default_rng([self.seed, *what.encode()])

    def rows(self, count: int, what: str, among: np.ndarray | None = None) -> list[int]:
        """Return up to `count` rows after which the future is hidden: see `lookahead.telling_rows`."""
        return lookahead.telling_rows(self.panel, count, self.rng(what), among)

    def thinned(self, fold: Fold, samples: int) -> Fold:
        """Return the fold with only its newest training rows: about `samples` cells."""
        return replace(fold, train=fold.train[-max(samples // len(self.panel.symbols), lookahead.FEWEST_ROWS) :])
