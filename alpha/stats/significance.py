"""Tests of a mean whose terms overlap, and of one forecast against another."""

from __future__ import annotations

from typing import Any

import numpy as np

from alpha.stats.arguments import (
    FEWEST_OUTCOMES,
    SignificanceResult,
    aligned,
    between,
    count,
    numbers,
    same_length,
    varies,
    vector,
)


def newey_west_t(x: np.ndarray, lags: int | None = None, *, horizon: int = 1) -> float:
    """Return the t statistic of the mean of `x` that allows for autocorrelation (Newey and West, 1987).

    Parameters
    ----------
    x : array of shape (n,)
        In time order; NaN are left out.
    lags : int, optional
        Lags of the Bartlett kernel; default: ``floor(4 (n / 100) ** (2 / 9))`` (Newey and West, 1994).
    horizon : int
        Bars each term looks ahead. Terms overlap over ``horizon - 1`` bars, so there are never fewer lags.

    Returns
    -------
    float
        NaN with fewer than three values, or where all are equal but for rounding.

    Raises
    ------
    DataError
        `bad_shape`; `not_finite`, where one is infinite.
    ConfigError
        `bad_parameter`.
    """
    mean = _mean(x, lags, horizon)
    return np.nan if mean is None else float(mean.tvalues[0])


def mean_interval(
    x: np.ndarray, lags: int | None = None, level: float = 0.95, *, horizon: int = 1
) -> tuple[float, float]:
    """Return the ends of the confidence interval of the mean of `x`; see `newey_west_t`.

    NaN with fewer than ten outcomes that do not overlap: on so few the interval is far too narrow. With 20 bars of
    horizon and 60 values of pure noise its lower end lies above zero in 17 % of draws, where 2.5 % is meant.
    """
    between(level, "level", 0, 1)
    mean = _mean(x, lags, horizon)
    if mean is None or mean.nobs < FEWEST_OUTCOMES * horizon:
        return np.nan, np.nan
    low, high = mean.conf_int(alpha=1 - level)[0]
    return float(low), float(high)


def rolling_interval(
    x: np.ndarray, window: int, *, step: int = 1, level: float = 0.95, horizon: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of each stretch of `window` values, and half the width of its `mean_interval`.

    Parameters
    ----------
    x : array of shape (n,)
        In time order, finite.
    step : int
        From the end of one stretch to that of the next; the last ends with `x`.

    Returns
    -------
    two arrays, oldest first
        Empty where `x` is shorter than the window; the half widths are NaN with fewer than ten outcomes in it.
    """
    from scipy.special import stdtrit

    window, step, horizon = count(window, "window", 3), count(step, "step", 1), count(horizon, "horizon", 1)
    between(level, "level", 0, 1)
    x = vector(x, "x", fewest=0)
    if len(x) < window:
        return np.empty(0), np.empty(0)
    stretches = np.lib.stride_tricks.sliding_window_view(x, window)[::-step][::-1]
    mean = stretches.mean(axis=1)
    off, lags = stretches - mean[:, None], automatic_lags(window, horizon)
    total = np.einsum("tw,tw->t", off, off)
    for lag in range(1, lags + 1):
        total += 2 * (1 - lag / (lags + 1)) * np.einsum("tw,tw->t", off[:, lag:], off[:, :-lag])
    if window < FEWEST_OUTCOMES * horizon:
        return mean, np.full(len(mean), np.nan)
    reach = stdtrit(window - 1, (1 + level) / 2)
    return mean, reach * np.sqrt(np.maximum(total, 0) / (window * (window - 1)))


def automatic_lags(n: int, horizon: int = 1) -> int:
    """Return the lags used for n values of an outcome `horizon` bars long."""
    return min(max(int(4 * (n / 100) ** (2 / 9)), horizon - 1), n - 1)


def diebold_mariano(loss_a: np.ndarray, loss_b: np.ndarray, horizon: int = 1) -> SignificanceResult:
    """Test whether two forecasts lose equally (Diebold and Mariano, 1995), corrected for small samples.

    Parameters
    ----------
    loss_a, loss_b : array of shape (n,)
        Losses of the same rows, in time order; positive statistics say that a loses more.
    horizon : int
        Bars ahead that is forecast: errors overlap over ``horizon - 1`` bars.

    Returns
    -------
    SignificanceResult
        The statistic and two-sided p-value of Harvey, Leybourne and Newbold (1997): Student's t with n - 1 degrees of
        freedom. The variance sums ``horizon - 1`` autocovariances with equal weights, or with Bartlett's where that is
        not positive. Losses that never differ are 0 and 1.

    Raises
    ------
    DataError
        `bad_shape`, `not_finite`, `too_short` (fewer than three rows, or no more than the horizon).
    ConfigError
        `bad_parameter`.
    """
    from scipy.special import stdtr
    from statsmodels.tsa.stattools import acovf

    horizon = count(horizon, "horizon", 1)
    aligned(loss_a=loss_a, loss_b=loss_b)
    a, b = vector(loss_a, "loss_a", fewest=max(3, horizon + 1)), vector(loss_b, "loss_b")
    same_length(loss_a=a, loss_b=b)
    worse = a - b
    if not worse.any():
        return SignificanceResult(0.0, 1.0)
    n, lags = len(worse), np.arange(1, horizon)
    own, *shared = acovf(worse, nlag=horizon - 1, fft=False)
    variance = own + 2 * np.sum(shared)
    if variance <= 0:
        variance = own + 2 * np.sum((1 - lags / horizon) * shared)
    correction = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    with np.errstate(divide="ignore"):  # always worse by as much: as sure as can be
        statistic = float(worse.mean() / np.sqrt(variance / n) * np.sqrt(correction))
    return SignificanceResult(statistic, float(2 * stdtr(n - 1, -abs(statistic))))


def _mean(x: np.ndarray, lags: int | None, horizon: int) -> Any:
    from statsmodels.regression.linear_model import OLS

    horizon, values = count(horizon, "horizon", 1), numbers(x, "x")
    x = vector(values[~np.isnan(values)] if values.ndim == 1 else values, "x", fewest=0)
    lags = None if lags is None else count(lags, "lags", 0)
    if len(x) < 3 or not varies(x):
        return None
    used = automatic_lags(len(x), horizon) if lags is None else min(max(lags, horizon - 1), len(x) - 1)
    return OLS(x, np.ones(len(x))).fit(cov_type="HAC", cov_kwds={"maxlags": used, "use_correction": True}, use_t=True)
