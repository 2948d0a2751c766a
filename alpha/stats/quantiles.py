"""Outcomes by quantile of the signal: means, spread, and a test that they rise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alpha.core.errors import DataError
from alpha.stats.arguments import SignificanceResult, count, matrix, paired
from alpha.stats.bootstrap import block_rows, optimal_block
from alpha.stats.metrics import quantile_returns
from alpha.stats.significance import mean_interval, newey_west_t


@dataclass(frozen=True)
class QuantileSpread:
    """Mean outcomes by quantile of a signal: `means` (Q,), lowest first; `spread` (T,), top less bottom, NaN unknown.

    `mean`, `t`, `low` and `high` are of the spread (Newey-West, 95 %); `monotonic` is the test that each quantile earns
    more than the one below.
    """

    means: np.ndarray
    spread: np.ndarray
    mean: float
    t: float
    low: float
    high: float
    monotonic: SignificanceResult


def quantile_spread(
    signal: np.ndarray, realised: np.ndarray, *, quantiles: int = 5, horizon: int = 1, draws: int = 1000, seed: int = 0
) -> QuantileSpread:
    """Return the mean outcome of each quantile of the signal, the spread, and a test that they are in order.

    Parameters
    ----------
    signal, realised : array of shape (T, N)
        As in `metrics.quantile_returns`. Rows in which a quantile is empty do not count.
    horizon : int
        Bars that an outcome lasts: the least number of Newey-West lags, and of rows in a block.

    Raises
    ------
    DataError
        `too_short`: fewer than ten rows count. `not_numbers`, `bad_shape`.
    """
    signal, realised = paired(signal=signal, realised=realised)
    quantiles, horizon = count(quantiles, "quantiles", 2), count(horizon, "horizon", 1)
    returns = quantile_returns(signal, realised, quantiles=quantiles)
    spread = returns[:, -1] - returns[:, 0]
    whole = returns[np.isfinite(returns).all(axis=1)]
    block = min(max(float(horizon), optimal_block(whole)), len(whole) / 2)
    tested = monotonic_relation(whole, block=block, draws=draws, seed=seed)
    counted = spread[np.isfinite(returns).all(axis=1)]
    low, high = mean_interval(counted, horizon=horizon)
    return QuantileSpread(
        means=whole.mean(axis=0),
        spread=spread,
        mean=float(counted.mean()),
        t=newey_west_t(counted, horizon=horizon),
        low=low,
        high=high,
        monotonic=tested,
    )


def monotonic_relation(
    returns: np.ndarray, *, block: float | None = None, draws: int = 1000, seed: int = 0
) -> SignificanceResult:
    """Test whether mean returns rise strictly from column to column (Patton and Timmermann, 2010).

    Parameters
    ----------
    returns : array of shape (T, Q)
        Returns of portfolios in order, lowest first; for a falling relation give them the other way round.
    block : float, optional
        Mean length of the blocks of the stationary bootstrap; default: `optimal_block` of the returns.

    Returns
    -------
    SignificanceResult
        The least difference of neighbouring means; the p-value of some column earning no more than the one before.

    Raises
    ------
    DataError
        `bad_shape`, `not_finite`, `too_short` (fewer than ten rows).
    """
    returns = matrix(returns, "returns", fewest=10)
    if returns.shape[1] < 2:
        raise DataError("returns of at least two portfolios are needed to compare them", code="bad_shape")
    steps = np.diff(returns, axis=1)
    mean = steps.mean(axis=0)
    length = optimal_block(steps) if block is None else block
    least = [(steps[rows].mean(axis=0) - mean).min() for rows in block_rows(len(steps), draws, block=length, seed=seed)]
    return SignificanceResult(float(mean.min()), float((np.sum(np.array(least) >= mean.min()) + 1) / (len(least) + 1)))
