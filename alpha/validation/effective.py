"""The effective number of trials: the number of independent trials that partly similar trials are worth."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd

from alpha.stats.arguments import varies
from alpha.stats.overfit import expected_max_sharpe

ALIKE = 0.5  # trials whose returns correlate more than this, on average, form one cluster
FEWEST_ROWS = 60  # rows that two trials must share for a correlation
DRAWS = 1000  # each with its mirror image
EVERY = 256  # up to this many trials, each new trial clusters all of them again
GROWTH = 32  # beyond, all are clustered again when their number has grown by 1/32


def effective_number(returns: pd.DataFrame) -> float:
    """Return the number of independent trials that these are worth; see `EffectiveNumber`.

    Parameters
    ----------
    returns : DataFrame of shape (T, n)
        Net returns, one column for each trial, in the order of the trials; NaN where a trial was not tested.
    """
    return EffectiveNumber().add(returns).value


class EffectiveNumber:
    """The effective number of trials, updated as trials are added.

    It is the larger of `equivalent` and `clusters`. Neither falls when a trial is added. Clusters alone would count a
    hundred ideas that share half of their returns as one.

    Adding a trial costs T x 1,000 products for `equivalent`, and T for the correlation with each earlier trial.
    """

    def __init__(self, alike: float = ALIKE) -> None:
        self._times = np.empty(0, np.int64)
        self._luck, self._correlations, self._clusters = _Luck(), _Correlations(), _Clusters(alike)

    def add(self, returns: pd.DataFrame) -> Self:
        """Add trials.

        Parameters
        ----------
        returns : DataFrame of shape (T, k)
            As for `effective_number`; the tested rows may differ from those of earlier trials.
        """
        own = pd.DatetimeIndex(returns.index).as_unit("ns").asi8
        times = np.union1d(self._times, own)
        if len(times) > len(self._times):
            was, self._times = np.searchsorted(times, self._times), times
            self._luck.widen(times, was)
            self._correlations.widen(len(times), was)
        values = np.full((returns.shape[1], len(times)), np.nan)
        values[:, np.searchsorted(times, own)] = returns.to_numpy().T
        moving = np.array([bool(varies(row[~np.isnan(row)])) for row in values], bool)
        scaled = np.stack([_standardised(row) for row in values]) if len(values) else values
        self._luck.add(scaled[moving] / np.sqrt((~np.isnan(scaled[moving])).sum(axis=1, keepdims=True)))
        for correlation in self._correlations.add(scaled):
            self._clusters.add(np.sqrt(np.clip((1 - correlation) / 2, 0, 1)))
        return self

    @property
    def clusters(self) -> int:
        """The largest number of clusters so far. (The number can fall: a blend of earlier trials merges clusters.)

        Average linkage on ``sqrt((1 - correlation) / 2)``, cut at the correlation `ALIKE`. The correlation is 0 for
        trials that share fewer than 60 rows, or with constant returns. Up to 256 trials, each new trial clusters all of
        them again; beyond, this happens whenever their number has grown by 1/32. In between a trial joins the nearest
        cluster on average, or begins one. Once clustering again has changed the number, 1/32 of it is added for the
        peaks that this may miss.

        References
        ----------
        Lopez de Prado and Lewis (2019), "Detection of False Investment Strategies Using Unsupervised Learning Methods",
        Quantitative Finance 19 (9).
        """
        return self._clusters.most

    @property
    def equivalent(self) -> float:
        """The number of independent trials whose expected best, by luck alone, equals that of these trials.

        The expected best is the mean of the maximum of normal variables that correlate as the mean returns of the
        trials do; a row on which a trial was not tested adds no correlation. The random numbers of a row depend on
        its instant, so that adding trials or rows does not change the draws of the others.
        """
        return self._luck.number

    @property
    def value(self) -> float:
        """The larger of `equivalent` and `clusters`."""
        return max(float(self.clusters), self.equivalent)


def _standardised(row: np.ndarray) -> np.ndarray:
    """Return values scaled to mean 0 and standard deviation 1 over the known ones; 0 where they are constant."""
    known = row[~np.isnan(row)]
    return (row - known.mean()) / known.std() if varies(known) else row * 0.0


class _Luck:
    """The largest and smallest of the normal variables drawn for the trials so far."""

    def __init__(self) -> None:
        self.trials = 0
        self._largest, self._smallest = np.full(DRAWS, -np.inf), np.full(DRAWS, np.inf)
        self._normals = np.empty((0, DRAWS))

    def widen(self, times: np.ndarray, was: np.ndarray) -> None:
        """Draw for the new rows."""
        known, self._normals = self._normals, np.empty((len(times), DRAWS))
        self._normals[was] = known
        for row in np.setdiff1d(np.arange(len(times)), was):
            self._normals[row] = np.random.default_rng(int(times[row].view(np.uint64))).standard_normal(DRAWS)

    def add(self, weights: np.ndarray) -> None:
        """Draw for k more trials, each a weighted sum over rows; `weights` has shape (k, T)."""
        drawn = np.zeros((len(weights), DRAWS))
        for row, normal in zip(np.nan_to_num(weights).T, self._normals, strict=True):
            drawn += row[:, None] * normal
        self.trials += len(weights)
        self._largest = np.maximum(self._largest, drawn.max(axis=0, initial=-np.inf))
        self._smallest = np.minimum(self._smallest, drawn.min(axis=0, initial=np.inf))

    @property
    def number(self) -> float:
        from scipy.optimize import brentq

        if self.trials < 2:
            return float(self.trials)
        luck = float(self._largest.mean() - self._smallest.mean()) / 2
        if luck >= expected_max_sharpe(self.trials):
            return float(self.trials)
        return float(brentq(lambda n: expected_max_sharpe(n) - luck, 1.0, self.trials)) if luck > 1e-9 else 1.0


class _Correlations:
    """The correlation of each trial with the earlier ones, over the rows that both have."""

    def __init__(self) -> None:
        self._count, self._holes = 0, False
        self._values = np.empty((0, 0))  # standardised, 0 where unknown
        self._known = np.empty((0, 0))  # 1 or 0
        self._squares = np.empty(0)  # sums of squares

    def widen(self, rows: int, was: np.ndarray) -> None:
        """Make room for new rows, on which no earlier trial was tested."""
        for name in ("_values", "_known"):
            old = getattr(self, name)
            wider = np.zeros((len(old), rows))
            wider[:, was] = old
            setattr(self, name, wider)
        self._holes = self._count > 0

    def add(self, scaled: np.ndarray) -> list[np.ndarray]:
        """Add k trials, an array of shape (k, T); return the correlations of each with all earlier trials."""
        first, self._count = self._count, self._count + len(scaled)
        self._values, self._known = (_with_room(each, self._count) for each in (self._values, self._known))
        known = ~np.isnan(scaled)
        self._values[first : self._count], self._known[first : self._count] = np.nan_to_num(scaled), known
        self._squares = np.append(self._squares, np.nansum(scaled**2, axis=1))
        self._holes = self._holes or not known.all()
        found = self._measured(first)
        return [found[row, : first + row] for row in range(len(scaled))]

    def _measured(self, first: int) -> np.ndarray:
        """Return the correlations of the trials from number `first` on with all; 0 where there are too few rows."""
        z, m = self._values[: self._count], self._known[: self._count]
        x, w = z[first:], m[first:]
        if not self._holes:
            return _ratio(x @ z.T, self._squares[first:, None], self._squares[None], np.array(z.shape[1]))
        shared = w @ m.T
        rows = np.maximum(shared, 1)
        mean_x, mean_z = (x @ m.T) / rows, (w @ z.T) / rows
        return _ratio(x @ z.T - rows * mean_x * mean_z, (x**2) @ m.T - rows * mean_x**2,
                      w @ (z**2).T - rows * mean_z**2, shared)  # fmt: skip


def _ratio(covariance: np.ndarray, own: np.ndarray, other: np.ndarray, shared: np.ndarray) -> np.ndarray:
    measurable = (shared >= FEWEST_ROWS) & (np.minimum(own, other) > 1e-12 * shared)
    return np.where(measurable, covariance, 0.0) / np.sqrt(np.where(measurable, own * other, 1.0))


def _with_room(array: np.ndarray, rows: int) -> np.ndarray:
    """Return an array of at least this many rows; it doubles in size, so that copies are rare."""
    if rows <= len(array):
        return array
    larger = np.zeros((max(rows, 2 * len(array)), array.shape[1]))
    larger[: len(array)] = array
    return larger


class _Clusters:
    """The clusters of the trials so far, and the largest number of clusters so far."""

    def __init__(self, alike: float) -> None:
        self.most = 0
        self._cut, self._due, self._moved = np.sqrt((1 - alike) / 2), 0, False
        self._distances: list[np.ndarray] = []
        self._labels = np.empty(0, np.intp)  # from 0

    def add(self, distances: np.ndarray) -> None:
        """Add one trial, given its distances from all earlier ones."""
        joined = self._nearest(distances)
        self._distances.append(distances)
        self._labels = np.append(self._labels, joined)
        trials, count = len(self._distances), self._count
        if trials <= EVERY or trials >= self._due:
            self._labels, self._due = self._cut_tree(), trials + trials // GROWTH
            self._moved = self._moved or self._count != count
            count = self._count if trials <= EVERY else max(count, self._count)
        missed = -(-count // GROWTH) if self._moved and trials > EVERY else 0
        self.most = max(self.most, min(count + missed, trials))

    @property
    def _count(self) -> int:
        return int(self._labels.max(initial=-1)) + 1

    def _nearest(self, distances: np.ndarray) -> int:
        """Return the cluster nearest to a trial on average; a new number where none is near enough."""
        if not self._count:
            return 0
        means = np.bincount(self._labels, distances) / np.bincount(self._labels)
        nearest = int(means.argmin())
        return nearest if means[nearest] <= self._cut else len(means)

    def _cut_tree(self) -> np.ndarray:
        from scipy.cluster.hierarchy import fcluster, linkage
        from scipy.spatial.distance import squareform

        count = len(self._distances)
        if count < 2:
            return np.zeros(count, np.intp)
        square = np.zeros((count, count))
        for row, distances in enumerate(self._distances):
            square[row, :row] = square[:row, row] = distances
        return fcluster(linkage(squareform(square, checks=False), "average"), self._cut, "distance") - 1
