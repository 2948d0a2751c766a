"""Confidence in a Sharpe ratio, and in the difference of two. All are per period, never annualised."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from alpha.core.errors import ConfigError, DataError
from alpha.stats.arguments import (
    CANCELLED,
    LARGEST,
    ONE_VALUE,
    aligned,
    at_least,
    between,
    count,
    one_of,
    same_length,
    vector,
)
from alpha.stats.bootstrap import chunks, optimal_block


class SharpeDifference(NamedTuple):
    """The Sharpe ratio of one series less that of another, its t statistic, p-value and confidence interval."""

    difference: float
    statistic: float
    pvalue: float
    low: float
    high: float


def probabilistic_sharpe_ratio(
    sharpe: float, n_obs: float, skew: float = 0.0, kurtosis: float = 3.0, benchmark: float = 0.0
) -> float:
    """Return the probability that the true Sharpe ratio exceeds a benchmark (Bailey and Lopez de Prado, 2012).

    ``Phi((sharpe - benchmark) sqrt(n_obs - 1) / sqrt(1 - skew sharpe + (kurtosis - 1) / 4 sharpe ** 2))``

    Parameters
    ----------
    sharpe, benchmark : float
        Per period, not annualised: mean over standard deviation (ddof 1).
    n_obs : float
        Periods observed.
    skew, kurtosis : float
        Moments of the returns, biased (moments divided by n); kurtosis is 3 for a normal distribution, not 0.

    Raises
    ------
    ConfigError
        `bad_parameter`: fewer than two periods; moments that no distribution has.
    """
    from scipy.special import ndtr

    at_least(n_obs, "n_obs", 2)
    error = np.sqrt(_variance(sharpe, skew, kurtosis) / (n_obs - 1))
    return float(ndtr((sharpe - _number(benchmark, "benchmark")) / error))


def min_track_record_length(
    sharpe: float, skew: float = 0.0, kurtosis: float = 3.0, benchmark: float = 0.0, confidence: float = 0.95
) -> float:
    """Return how many periods `sharpe` must last for its probabilistic Sharpe ratio to reach `confidence`.

    Not rounded; infinite where `sharpe` does not exceed the benchmark. The parameters are those of
    `probabilistic_sharpe_ratio` (Bailey and Lopez de Prado, 2012, equation 13).
    """
    from scipy.special import ndtri

    between(confidence, "confidence", 0.5, 1)
    variance = _variance(sharpe, skew, kurtosis)
    edge = sharpe - _number(benchmark, "benchmark")
    return float(1 + variance * (ndtri(confidence) / edge) ** 2) if edge > 0 else np.inf


def sharpe_difference(
    returns_a: np.ndarray,
    returns_b: np.ndarray,
    *,
    method: str = "bootstrap",
    block: int | None = None,
    draws: int = 1999,
    level: float = 0.95,
    seed: int = 0,
) -> SharpeDifference:
    """Test whether two series have the same Sharpe ratio, whatever their tails and memory (Ledoit and Wolf, 2008).

    Parameters
    ----------
    returns_a, returns_b : array of shape (n,)
        Returns of the same periods, over the risk-free rate.
    method : {"bootstrap", "hac"}
        Studentised circular block bootstrap, or the normal approximation. The standard error of the statistic is
        that of a Parzen kernel, bandwidth by Newey and West (1994), either way. A draw in which a series does not
        vary, as happens to one that seldom moves, counts as far away as any: the p-value is larger for it, and the
        interval infinite where such draws are more than ``1 - level``.
    block : int, optional
        Length of the blocks; default: Politis and White's choice for the difference.

    Raises
    ------
    DataError
        `bad_shape`, `not_finite`, `too_short` (fewer than ten periods), `constant`.
    """
    from scipy.special import ndtr, ndtri

    one_of(method, "method", ("bootstrap", "hac"))
    between(level, "level", 0, 1)
    aligned(returns_a=returns_a, returns_b=returns_b)
    a, b = vector(returns_a, "returns_a", fewest=10), vector(returns_b, "returns_b", fewest=10)
    same_length(returns_a=a, returns_b=b)
    moments = np.column_stack([a, b, a * a, b * b])
    mean = moments.mean(axis=0)
    difference, slope = _difference(mean)
    if np.isnan(difference):
        raise DataError("returns must vary to have a Sharpe ratio; those of one series do not", code="constant")
    influence = (moments - mean) @ slope  # the difference is, to first order, the mean of this
    error = _long_run_error(influence) if np.abs(influence).max() > ONE_VALUE else 0.0
    if not error > 0:
        raise DataError("one series is the other, or a multiple of it: there is nothing to compare", code="constant")
    difference, statistic = float(difference), float(difference / error)
    if method == "hac":
        pvalue, reach = float(2 * ndtr(-abs(statistic))), float(ndtri((1 + level) / 2))
    else:
        drawn = _studentised_draws(moments, difference, influence, block, count(draws, "draws", 99), seed)
        pvalue = float((np.sum(drawn >= abs(statistic)) + 1) / (len(drawn) + 1))
        reach = float(np.quantile(drawn, level, method="higher"))
    return SharpeDifference(difference, statistic, pvalue, difference - reach * error, difference + reach * error)


def _variance(sharpe: float, skew: float, kurtosis: float) -> float:
    """Return n times the variance of an estimated Sharpe ratio (Mertens, 2002)."""
    sharpe, skew, kurtosis = _number(sharpe, "sharpe"), _number(skew, "skew"), at_least(kurtosis, "kurtosis", 1)
    variance = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if variance <= 0 or kurtosis < (1 + skew**2) * (1 - 1e-9):
        raise ConfigError(
            f"no returns have a skewness of {skew} and a kurtosis of {kurtosis}: at least {1 + skew**2} is expected "
            "(3 is normal; excess kurtosis lacks the 3)",
            code="bad_parameter",
        )
    return variance


def _number(value: float, name: str) -> float:
    return float(between(value, name, -LARGEST, LARGEST, closed=True))


def _difference(moments: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return the difference of two Sharpe ratios given mean a, mean b, mean a squared, mean b squared; its gradient.

    NaN where a series does not vary.
    """
    mean, square = moments[..., :2], moments[..., 2:]
    variance = square - mean**2
    deviation = np.sqrt(np.where(variance > CANCELLED * square, variance, np.nan))
    sharpe = mean / deviation
    sign = np.array([1.0, -1.0])
    slope = np.concatenate([sign * square / deviation**3, -sign * mean / (2 * deviation**3)], axis=-1)
    return sharpe[..., 0] - sharpe[..., 1], slope


def _long_run_error(influence: np.ndarray) -> float:
    from arch.covariance.kernel import Parzen
    from statsmodels.tsa.stattools import acovf

    weights = Parzen(influence).kernel_weights[1:]
    own, *shared = acovf(influence, nlag=len(weights), fft=False)
    return float(np.sqrt(max(own + 2 * weights @ shared, 0.0) / (len(influence) - 4)))  # four moments are estimated


def _studentised_draws(
    moments: np.ndarray, difference: float, influence: np.ndarray, block: int | None, draws: int, seed: int
) -> np.ndarray:
    """Return ``|difference* - difference| / error*`` of each draw: blocks around a circle, errors between blocks.

    Infinite where a draw has no ratio, or no error: it may be as far away as any.
    """
    n = len(moments)
    wanted = optimal_block(influence, method="circular") if block is None else count(block, "block", 1)
    length = min(round(wanted), n // 2)
    blocks = n // length
    around = np.concatenate([moments, moments[: length - 1]])
    sums = np.lib.stride_tricks.sliding_window_view(around, length, axis=0).sum(axis=-1)
    rng = np.random.default_rng(count(seed, "seed", 0))
    drawn = []
    for some in chunks(draws, blocks):
        chosen = sums[rng.integers(n, size=(some, blocks))]
        mean = chosen.mean(axis=1) / length
        again, slope = _difference(mean)
        scores = np.einsum("dbm,dm->db", chosen - length * mean[:, None], slope)
        error = np.sqrt((scores**2).mean(axis=1) / length / (blocks * length))
        known = error > 0  # NaN compares False
        drawn.append(np.divide(np.abs(again - difference), error, out=np.full(some, np.inf), where=known))
    return np.concatenate(drawn)
