"""How many independent trials leave luck as much to choose from as a set of trials that are partly alike."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd

from alpha.stats.arguments import varies
from alpha.stats.overfit import expected_max_sharpe

ALIKE = 0.5  # trials whose returns correlate more than this, on average, are one idea
FEWEST_ROWS = 60  # shared by two trials, to measure their correlation
DRAWS = 1000  # each with its mirror image
EVERY = 256  # up to so many trials, all are clustered again as each comes
GROWTH = 32  # later whenever there are a thirty-second more


def effective_number(returns: pd.DataFrame) -> float:
    """Return how many independent trials these are worth; see `EffectiveNumber`.

    Parameters
    ----------
    returns : DataFrame of shape (T, n)
        Net returns, one trial a column in the order in which they came; NaN where a trial was not tested.
    """
    return EffectiveNumber().add(returns).value


class EffectiveNumber:
    """The effective number of trials, kept up to date as trials come.

    It is the larger of `equivalent` and `clusters`. Neither falls when a trial is added. Clusters alone would take a
    hundred ideas that share half of their returns for one.

    Adding a trial costs T x 1,000 products for `equivalent`, and T for each trial before it for their correlations.
    """

    def __init__(self, alike: float = ALIKE) -> None:
        self._times = np.empty(0, np.int64)
        self._luck, self._correlations, self._clusters = _Luck(), _Correlations(), _Clusters(alike)

    def add(self, returns: pd.DataFrame) -> Self:
        """Take in more trials.

        Parameters
        ----------
        returns : DataFrame of shape (T, k)
            As for `effective_number`; other rows than those before may be tested.
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
        """The most clusters that there ever were as trials came: blends of earlier trials draw clusters together.

        Average linkage on ``sqrt((1 - correlation) / 2)``, cut at the correlation `ALIKE`. Trials that share fewer than
        60 rows, or never move, are like no other. All trials are clustered again as each comes, up to 256 of them, and
        later whenever there are a thirty-second more. In between a trial joins the cluster that it is most like on
        average, or begins one; a thirty-second is added for the peaks that are missed, once clustering again has ever
        changed the number.

        References
        ----------
        Lopez de Prado and Lewis (2019), "Detection of False Investment Strategies Using Unsupervised Learning Methods",
        Quantitative Finance 19 (9).
        """
        return self._clusters.most

    @property
    def equivalent(self) -> float:
        """The number of independent trials among which luck alone gives as good a best one.

        The best that luck gives is the mean of the largest of normal variables which correlate as the means of the
        returns do; a row on which a trial was not tested correlates with nothing. Each row draws by numbers of its own
        instant, so that more trials or rows leave the draws of the others as they were.
        """
        return self._luck.number

    @property
    def value(self) -> float:
        """The larger of `equivalent` and `clusters`."""
        return max(float(self.clusters), self.equivalent)


def _standardised(row: np.ndarray) -> np.ndarray:
    """Return values with mean 0 and standard deviation 1 over those that are known; 0 where they are constant."""
    known = row[~np.isnan(row)]
    spread = known.std() if len(known) else 0.0
    return (row - known.mean()) / spread if spread > 0 else row * 0.0


class _Luck:
    """The largest and smallest of the normal variables drawn for the trials so far."""

    def __init__(self) -> None:
        self.trials = 0
        self._largest, self._smallest = np.full(DRAWS, -np.inf), np.full(DRAWS, np.inf)
        self._normals = np.empty((0, DRAWS))

    def widen(self, times: np.ndarray, was: np.ndarray) -> None:
        """Draw for the rows that are new."""
        known, self._normals = self._normals, np.empty((len(times), DRAWS))
        self._normals[was] = known
        for row in np.setdiff1d(np.arange(len(times)), was):
            self._normals[row] = np.random.default_rng(int(times[row].view(np.uint64))).standard_normal(DRAWS)

    def add(self, weights: np.ndarray) -> None:
        """Draw for more trials, each a weighted sum over rows; weights of shape (k, T)."""
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
    """The correlation of each trial with those before it, over the rows that both have."""

    def __init__(self) -> None:
        self._count, self._holes = 0, False
        self._values = np.empty((0, 0))  # standardised, 0 where unknown
        self._known = np.empty((0, 0))  # 1 or 0
        self._squares = np.empty(0)  # sums of squares

    def widen(self, rows: int, was: np.ndarray) -> None:
        """Make room for rows that are new, on which no trial so far was tested."""
        for name in ("_values", "_known"):
            old = getattr(self, name)
            wider = np.zeros((len(old), rows))
            wider[:, was] = old
            setattr(self, name, wider)
        self._holes = self._count > 0

    def add(self, scaled: np.ndarray) -> list[np.ndarray]:
        """Keep k more trials, an array of shape (k, T); return of each its correlations with all before it."""
        first, self._count = self._count, self._count + len(scaled)
        self._values, self._known = (_with_room(each, self._count) for each in (self._values, self._known))
        known = ~np.isnan(scaled)
        self._values[first : self._count], self._known[first : self._count] = np.nan_to_num(scaled), known
        self._squares = np.append(self._squares, np.nansum(scaled**2, axis=1))
        self._holes = self._holes or not known.all()
        found = self._measured(first)
        return [found[row, : first + row] for row in range(len(scaled))]

    def _measured(self, first: int) -> np.ndarray:
        """Return the correlations of the trials from the `first` on with all; 0 where none can be measured."""
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
    """Return an array that has at least so many rows; twice as many as before, so that the copies cost little."""
    if rows <= len(array):
        return array
    larger = np.zeros((max(rows, 2 * len(array)), array.shape[1]))
    larger[: len(array)] = array
    return larger


class _Clusters:
    """The clusters of the trials so far, and the most that there ever were."""

    def __init__(self, alike: float) -> None:
        self.most = 0
        self._cut, self._due, self._moved = np.sqrt((1 - alike) / 2), 0, False
        self._distances: list[np.ndarray] = []
        self._labels = np.empty(0, np.intp)  # from 0

    def add(self, distances: np.ndarray) -> None:
        """Take in one trial, at these distances from all before it."""
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
        """Return the cluster that a trial is most like on average; the next number where it is like none."""
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
