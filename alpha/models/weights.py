"""Sample weights: how much each sample counts when a model is fitted."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import PositiveFloat

from alpha.models import weight
from alpha.models.samples import Samples

_YEAR = np.timedelta64(31_557_600, "s")  # 365.25 days


@weight
def age(samples: Samples, *, half_life: PositiveFloat = 3.0, unit: Literal["years", "rows"] = "years") -> np.ndarray:
    """Half the weight for each `half_life` that a sample is older than the newest one.

    Parameters
    ----------
    half_life : float
    unit : {"years", "rows"}
        Years of 365.25 days, or rows of the panel.
    """
    old = (samples.instant[-1] - samples.instant) / _YEAR if unit == "years" else samples.row[-1] - samples.row
    return np.exp2(-old / half_life)


@weight
def uniqueness(samples: Samples) -> np.ndarray:
    """Average uniqueness of each label: the mean over its span of 1 / the labels of the symbol that span the same bar.

    The span of a label is half-open, from its row up to, and without, the bar at whose close it became known. Its bars
    are those at which some sample is decided or becomes known.

    References
    ----------
    Lopez de Prado (2018), "Advances in Financial Machine Learning", section 4.4.
    """
    bars = np.unique(np.concatenate([samples.instant, samples.known_at[~np.isnat(samples.known_at)]]))
    first = np.searchsorted(bars, samples.instant)
    last = np.where(np.isnat(samples.known_at), len(bars), np.searchsorted(bars, samples.known_at))
    result = np.empty(len(samples))
    for symbol in np.unique(samples.symbol):
        own = samples.symbol == symbol
        result[own] = _uniqueness(first[own], last[own], len(bars))
    return result


def _uniqueness(first: np.ndarray, last: np.ndarray, bars: int) -> np.ndarray:
    """Return the mean of 1 / concurrency over each half-open span of bar numbers."""
    starts, ends = np.bincount(first, minlength=bars + 1), np.bincount(last, minlength=bars + 1)
    concurrent = np.cumsum(starts - ends)[:bars]
    total = np.concatenate([[0.0], np.cumsum(1 / np.maximum(concurrent, 1))])
    return (total[last] - total[first]) / (last - first)
