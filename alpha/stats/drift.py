"""The population stability index: how far a distribution has moved from a reference."""

from __future__ import annotations

import numpy as np

from alpha.stats.arguments import count, vector


def population_stability_index(expected: np.ndarray, actual: np.ndarray, bins: int = 10) -> float:
    """Return how far `actual` has moved from `expected`: ``sum((a - e) log(a / e))`` over bins.

    Below 0.1 is usually read as no change, above 0.25 as a large one; with few values, chance alone gives about
    ``(bins - 1) (1 / n_expected + 1 / n_actual)``.

    Parameters
    ----------
    expected, actual : array of shape (n,), (m,)
        The bins hold equal shares of `expected`; the outer ones are open. Equal values share a bin, and a value that is
        more than such a share has one to itself: rarer ones beside it are not lost in it.
    bins : int
        At least 2.

    Raises
    ------
    DataError
        `bad_shape`, `not_finite`, `too_short` (fewer values than bins).
    ConfigError
        `bad_parameter`.

    Notes
    -----
    An empty bin counts as half an observation, so that the index is finite.
    """
    bins = count(bins, "bins", 2)
    expected, actual = vector(expected, "expected", fewest=bins), vector(actual, "actual", fewest=1)
    values, times = np.unique(expected, return_counts=True)
    alone = values[times > len(expected) / bins]
    edges = np.unique([*np.quantile(expected, np.arange(1, bins) / bins), *alone, *np.nextafter(alone, -np.inf)])
    counts = np.array([np.bincount(np.searchsorted(edges, x), minlength=len(edges) + 1) for x in (expected, actual)])
    counts = counts[:, counts.any(axis=0)]
    e, a = np.maximum(counts, 0.5) / [[len(expected)], [len(actual)]]
    return float(np.sum((a - e) * np.log(a / e)))
