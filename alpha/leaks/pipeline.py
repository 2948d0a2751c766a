"""What is checked: the stages from data to what a book earned, and what they made of the data at hand."""

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
    """The stages of a pipeline, as functions. Each is called again on data that were cut or changed.

    Parameters
    ----------
    load : callable
        ``load(at)``: the panel of all that could be had at the instant `at`, a Timestamp in UTC; None: of all there is.
    features : callable
        ``features(panel)``: a FeatureSet; row t is known at ``times[t]``.
    label : callable
        ``label(panel)``: a Label.
    folds : callable
        ``folds(times, label)``: a sequence of Fold.
    predict : callable
        ``predict(features, label, fold, tradable)``: fit on what the fold may learn from, and predict its test rows;
        an array of shape (test rows, N).
    trade : callable
        ``trade(signal, panel)``: the return of the book in each row, before costs, shape (T,); the signal (T, N) of
        row t is known at ``times[t]``.
    tolerance : float
        By how much a prediction may depend on what is predicted with it, a fraction of the largest; 0: not in a bit.
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
    """A pipeline and what it made of the data: what the checks compare with.

    Parameters
    ----------
    signal : array of shape (T, N)
        Predictions of the test rows; NaN elsewhere.
    seed : int
        Of the rows that are drawn and of the shocks.
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
        """Run every stage once on all there is."""
        panel = pipeline.load(None)
        features, label = pipeline.features(panel), pipeline.label(panel)
        folds = tuple(pipeline.folds(panel.times, label))
        signal = np.full(panel.tradable.shape, np.nan)
        for fold in folds:
            signal[fold.test] = pipeline.predict(features, label, fold, panel.tradable)
        return cls(pipeline, panel, features, label, folds, signal, seed)

    @property
    def outcome(self) -> np.ndarray:
        """The plain outcome of deciding at each row, shape (T, N): what a signal is held against."""
        return self.label.values if self.label.realised is None else self.label.realised

    def rng(self, what: str) -> np.random.Generator:
        """Return a generator of random numbers that depends on the seed and on what they are for."""
        return np.random.default_rng([self.seed, *what.encode()])

    def rows(self, count: int, what: str, among: np.ndarray | None = None) -> list[int]:
        """Return up to `count` rows after which the future is hidden: see `lookahead.telling_rows`."""
        return lookahead.telling_rows(self.panel, count, self.rng(what), among)

    def thinned(self, fold: Fold, samples: int) -> Fold:
        """Return a fold that learns from its newest rows only: about `samples` cells."""
        return replace(fold, train=fold.train[-max(samples // len(self.panel.symbols), lookahead.FEWEST_ROWS) :])
