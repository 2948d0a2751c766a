"""Checks under the null: trained on labels without a tie to the features, a model has no IC out of sample.

An IC that remains comes from a leak of the test labels: training rows that share outcomes with the test rows, or
encodings, selections and early stopping that use them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from alpha.core.nouns import Label
from alpha.leaks import check
from alpha.leaks.pipeline import Case
from alpha.stats.metrics import daily_ic

FEWEST_BLOCKS = 8


class Mean(NamedTuple):
    """A mean over blocks of rows, its standard error and its one-sided p-value for a true mean of 0."""

    value: float
    error: float
    chance: float


def block_mean(x: np.ndarray, block: int) -> Mean:
    """Return the mean of a series with independent blocks of `block` rows, tested by Student's t over the block means.

    The p-value is 1 where fewer than 8 blocks have a value.
    """
    from scipy.stats import t

    parts = [x[start : start + block] for start in range(0, len(x), block)]
    means = np.array([np.nanmean(part) for part in parts if np.isfinite(part).any()])
    if len(means) < FEWEST_BLOCKS:
        return Mean(float(means.mean()) if len(means) else np.nan, np.inf, 1.0)
    value, error = float(means.mean()), float(means.std(ddof=1) / np.sqrt(len(means)))
    if error == 0:
        return Mean(value, error, float(value <= 0))
    return Mean(value, error, float(t.sf(value / error, len(means) - 1)))


@check
def shuffled_labels(
    case: Case, *, blocks: PositiveInt = 60, samples: PositiveInt = 100_000, chance: PositiveFloat = 1e-4
) -> str | None:
    """Trained on labels shuffled across symbols, a model has no IC on labels shuffled in the same way.

    All rows of a block have the same permutation, so that overlapping labels still overlap; blocks are permuted
    independently, so that nothing learned in one holds in another. Under the null the mean IC of a block is exactly 0.

    Parameters
    ----------
    blocks : int
        Number of blocks after which no further fold is tested.
    samples : int
        A fold trains on about this many cells, the newest ones.
    chance : float
        Significance level: a leak is reported where an IC so high has a smaller probability by chance.
    """
    block, rng = _block(case), case.rng("shuffle")
    starts = {int(fold.test[0]) for fold in case.folds}
    order = np.empty(case.panel.tradable.shape, int)
    for row in range(len(order)):
        fresh = row % block == 0 or row in starts
        order[row] = rng.permutation(len(case.panel.symbols)) if fresh else order[row - 1]

    def dealt(values: np.ndarray) -> np.ndarray:
        return np.take_along_axis(values, order, axis=1) if values.ndim == 2 else values

    label = replace(_rearranged(case.label, dealt), known_at=dealt(case.label.known_at))
    return _null(case, label, blocks, samples, chance, "dealt out to other symbols")


@check
def reversed_labels(
    case: Case, *, blocks: PositiveInt = 60, samples: PositiveInt = 100_000, chance: PositiveFloat = 1e-4
) -> str | None:
    """Trained on labels reversed in time, a model has no IC on the reversed labels.

    Reversed labels keep their autocorrelation at every lag; each symbol's mean is subtracted, because reversal does not
    change it. Parameters as in `shuffled_labels`.
    """

    def mirrored(values: np.ndarray) -> np.ndarray:
        count = np.maximum(np.isfinite(values).sum(axis=0), 1)
        return (values - np.nansum(values, axis=0) / count)[::-1]

    label = replace(_rearranged(case.label, mirrored), known_at=_latest(case))
    return _null(case, label, blocks, samples, chance, "in reversed order of time")


def _latest(case: Case) -> np.ndarray:
    """Return when the outcomes of each row are known; where that varies by cell, the latest possible instant.

    Reversal moves each label to another cell, so the span of its old cell does not apply.
    """
    if case.label.known_at.ndim == 1:
        return case.label.known_at
    times = case.panel.times.as_unit("ns").asi8.view("datetime64[ns]")
    later = np.concatenate([times, np.full(1 + case.label.horizon, np.datetime64("NaT", "ns"))])
    return np.broadcast_to(later[1 + case.label.horizon :, None], case.label.known_at.shape)


def _rearranged(label: Label, rearrange: Callable[[np.ndarray], np.ndarray]) -> Label:
    realised = None if label.realised is None else rearrange(label.realised)
    return replace(label, values=rearrange(label.values), realised=realised)


def _block(case: Case) -> int:
    return max(5, 2 * case.label.horizon)


def _null(case: Case, label: Label, blocks: int, samples: int, chance: float, how: str) -> str | None:
    outcome = label.values if label.realised is None else label.realised
    ic: list[np.ndarray] = []
    for fold in (case.thinned(fold, samples) for fold in case.folds):
        if sum(map(len, ic)) >= blocks * _block(case):
            break
        signal = case.pipeline.predict(case.features, label, fold, case.panel.tradable)
        ic.append(daily_ic(signal, outcome[fold.test]))
    mean = block_mean(np.concatenate(ic), _block(case))
    if mean.chance >= chance:
        return None
    return (
        f"trained on labels {how}, it still has an IC of {mean.value:.3f} out of sample, where at most "
        f"{mean.error * mean_limit(chance):.3f} is chance"
    )


def mean_limit(chance: float) -> float:
    """Return the number of standard errors that a mean exceeds with probability `chance` if the true mean is 0."""
    from scipy.special import ndtri

    return float(-ndtri(chance))
