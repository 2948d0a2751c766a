"""Operators that look along time (past rows only).

A window holds the current row and the `window` - 1 rows before it. A NaN in it is a missing observation: a window that
holds fewer than `min_periods` observations has no value. By default all are needed, so that a NaN makes the value NaN
until it has left, and the first `window` - 1 rows are NaN. The result depends on the content of the window
alone: no drift, and it does not matter where the data starts.

Operators across the symbols of a row are in `across`; both are offered here.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from math import ceil, inf, isfinite, log, log1p
from typing import Literal

from alpha.core.errors import ConfigError
from alpha.features.across import (
    cs_bucket,
    cs_demean,
    cs_mean,
    cs_neutralize,
    cs_rank,
    cs_std,
    cs_winsorize,
    cs_zscore,
    group,
)
from alpha.features.apply import apply
from alpha.features.expr import Expr, pure, sqrt

__all__ = [
    "adaptive", "apply", "argmax", "argmin", "autocorr", "beta", "corr", "count", "cov", "cs_bucket", "cs_demean",
    "cs_mean", "cs_neutralize", "cs_rank", "cs_std", "cs_winsorize", "cs_zscore", "days_since", "delta", "drawdown",
    "ema", "group", "intercept", "kurt", "lag", "mad", "max", "mean", "mean_deviation", "median", "min", "pct_change",
    "power", "quantile", "rank", "resid", "rsquare", "skew", "slope", "std", "sum", "var", "weighted", "wilder", "wma",
    "zscore",
]  # fmt: skip

FADED = 1e-12  # relative weight at which the start of a recursive average counts as forgotten


def lag(x: Expr, rows: int) -> Expr:
    """Return the value `rows` rows ago; NaN before the start of the data."""
    if not isinstance(rows, int) or isinstance(rows, bool):
        raise ConfigError(f"lag takes a whole number of rows; it was {rows!r}", code="bad_window")
    if rows < 0:
        raise ConfigError(
            f"lag({x!r}, {rows}) would read {-rows} rows ahead; rows must be 0 or more", code="looks_ahead"
        )
    return x if rows == 0 or x.op == "const" else Expr("lag", (x,), (rows,), unit=x.unit, past=rows)


def delta(x: Expr, rows: int = 1) -> Expr:
    """Return the change over `rows` rows; NaN where either end is missing."""
    return x - lag(x, rows)


def pct_change(x: Expr, rows: int = 1) -> Expr:
    """Return the relative change over `rows` rows: a fraction; NaN where either end is missing."""
    return x / lag(x, rows) - 1


def power(x: Expr, exponent: float) -> Expr:
    """Return `x` to a constant power, and its unit times the exponent; NaN for a root of a negative number."""
    if not isfinite(exponent):
        raise ConfigError(f"power needs a finite exponent; it was {exponent!r}", code="bad_exponent")
    return Expr("power", (x,), (float(exponent),), unit=None if x.unit is None else x.unit * exponent)


def sum(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the sum over a window of the observations that are there; NaN where they are too few."""
    return _window("sum", (x,), window, min_periods=min_periods, unit=x.unit)


def count(x: Expr, window: int) -> Expr:
    """Return how many observations a window holds, never NaN; rows before the start of the data are none."""
    return _counted("count", x, window)


def mean(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the mean of a window's observations, of equal ones exactly that value; NaN where they are too few."""
    return _window("mean", (x,), window, min_periods=min_periods, unit=x.unit)


def var(x: Expr, window: int, *, ddof: int = 1, min_periods: int | None = None) -> Expr:
    """Return the variance of a window's observations, exactly zero of a constant one (Chan, Golub and LeVeque, 1979).

    NaN where they are too few.
    """
    return cov(x, x, window, ddof=ddof, min_periods=min_periods)


def std(x: Expr, window: int, *, ddof: int = 1, min_periods: int | None = None) -> Expr:
    """Return the root of `var`: exactly zero of a constant window, NaN where its observations are too few."""
    if _partial(window, min_periods):
        return sqrt(var(x, window, ddof=ddof, min_periods=min_periods))
    return _window("std", (x,), window, ddof, unit=x.unit, least=1 + ddof)


def cov(x: Expr, y: Expr, window: int, *, ddof: int = 1, min_periods: int | None = None) -> Expr:
    """Return the covariance over a window; its unit is the sum of the two.

    A row counts where both are known; NaN where such rows are too few.
    """
    unit = (x.unit or 0.0) + (y.unit or 0.0)
    return _window("cov", (x, y), window, ddof, min_periods=min_periods, unit=unit, least=1 + ddof)


def corr(x: Expr, y: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return Pearson's correlation over a window, of the rows in which both are known.

    NaN where such rows are too few, or either side is constant in them.
    """
    return _window("corr", (x, y), window, min_periods=min_periods, least=2)


def autocorr(x: Expr, window: int, rows: int = 1, *, min_periods: int | None = None) -> Expr:
    """Return the correlation of `window` values with those `rows` rows before each; NaN as for `corr`."""
    return corr(x, lag(x, rows), window, min_periods=min_periods)


def beta(y: Expr, x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the slope of the least-squares line of `y` on `x` over a window, of the rows in which both are known.

    NaN where such rows are too few, or `x` is constant in them.
    """
    if _partial(window, min_periods):
        unit = (y.unit or 0.0) - (x.unit or 0.0)
        return _window("beta", (y, x), window, min_periods=min_periods, unit=unit, least=2)
    return cov(y, x, window) / var(x, window)


def skew(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the skewness of a window's observations, unbiased (Joanes and Gill, 1998: G1).

    NaN where they are too few or all equal.
    """
    return _window("skew", (x,), window, min_periods=min_periods, least=3)


def kurt(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the excess kurtosis of a window's observations, unbiased (Joanes and Gill, 1998: G2).

    NaN where they are too few or all equal.
    """
    return _window("kurt", (x,), window, min_periods=min_periods, least=4)


def zscore(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the distance from the mean of the window in standard deviations (ddof 1).

    NaN where the current value is missing, or the window's observations are too few or all equal.
    """
    return (x - mean(x, window, min_periods=min_periods)) / std(x, window, min_periods=min_periods)


def slope(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the slope, a row, of the least-squares line through a window's observations; NaN of too few."""
    return _window("slope", (x,), window, min_periods=min_periods, unit=x.unit, least=2)


def intercept(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return where the least-squares line through a window begins: its height at the oldest row of the window.

    NaN where the observations are too few; that of the oldest row may be missing.
    """
    if _partial(window, min_periods):
        return _window("intercept", (x,), window, min_periods=min_periods, unit=x.unit, least=2)
    return mean(x, window) - slope(x, window) * ((window - 1) / 2)


def resid(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the distance of the current value from the least-squares line through its window.

    NaN where that value is missing, or the observations are too few.
    """
    return _window("resid", (x,), window, min_periods=min_periods, unit=x.unit, least=2)


def rsquare(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the R-squared of the least-squares line through a window; NaN of too few values, or equal ones."""
    return _window("rsquare", (x,), window, min_periods=min_periods, least=2)


def min(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the least of a window's observations; NaN where they are too few."""
    return _window("min", (x,), window, min_periods=min_periods, unit=x.unit)


def max(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the greatest of a window's observations; NaN where they are too few."""
    return _window("max", (x,), window, min_periods=min_periods, unit=x.unit)


def argmin(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return how many rows ago the least observation of a window was; of equals, the earliest counts.

    Rows are counted whether they hold a value or not; NaN where the observations are too few.
    """
    return _window("argmin", (x,), window, min_periods=min_periods)


def argmax(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return how many rows ago the greatest observation of a window was; of equals, the earliest counts.

    Rows are counted whether they hold a value or not; NaN where the observations are too few.
    """
    return _window("argmax", (x,), window, min_periods=min_periods)


def drawdown(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the value over the greatest of its window, less 1: a fraction, at most 0 for positive values.

    NaN where the value is missing, or the observations are too few.
    """
    return x / max(x, window, min_periods=min_periods) - 1


def days_since(condition: Expr, window: int) -> Expr:
    """Return how many rows ago the condition last held (was not 0) within a window; NaN where it did not.

    A row in which the condition is NaN is one in which it did not hold.
    """
    return _counted("since", condition, window)


def rank(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the rank of the current value in its window, as a fraction in (0, 1]; equals share their mean rank.

    A fraction of the observations; NaN where the value is missing, or they are too few.
    """
    return _window("rank", (x,), window, min_periods=min_periods)


def quantile(x: Expr, window: int, q: float, *, min_periods: int | None = None) -> Expr:
    """Return the quantile `q` in [0, 1] of a window's observations, interpolated linearly; NaN of too few."""
    if not 0 <= q <= 1:
        raise ConfigError(f"quantile needs q in [0, 1]; it was {q!r}", code="bad_quantile")
    fewer = _fewer("quantile", window, min_periods, 1)
    return Expr("quantile", (x,), (int(window), float(q), *fewer), unit=x.unit, past=int(window) - 1)


def median(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the median of a window's observations; NaN where they are too few."""
    return quantile(x, window, 0.5, min_periods=min_periods)


def mad(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the median absolute deviation from the median of a window, as it is (not scaled to a normal's).

    Both medians are over its observations; NaN where they are too few.
    """
    (least,) = _fewer("mad", window, min_periods, 1) or (window,)
    return Expr("gather", (x,), ("mad", int(window), int(least), 0.0), unit=x.unit, past=int(window) - 1)


def mean_deviation(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the mean absolute deviation from the mean of a window's observations; NaN where they are too few."""
    return _window("mean_deviation", (x,), window, min_periods=min_periods, unit=x.unit)


def wma(x: Expr, window: int, *, min_periods: int | None = None) -> Expr:
    """Return the mean of a window with weights that rise by one a row, from 1 to `window`.

    A missing row is left out with its weight; NaN where the observations are too few.
    """
    return _window("wma", (x,), window, min_periods=min_periods, unit=x.unit)


def weighted(x: Expr, weights: Sequence[float]) -> Expr:
    """Return the sum of ``weights[i] * lag(x, i)``, a finite impulse response; NaN where any of them is missing."""
    if not len(weights) or not all(map(isfinite, weights)):
        raise ConfigError(f"weighted needs finite weights, at least one; they were {list(weights)}", code="bad_weights")
    return Expr("weighted", (x,), tuple(map(float, weights)), unit=x.unit, past=len(weights) - 1)


def ema(x: Expr, span: int, *, min_periods: int | None = None) -> Expr:
    """Return the exponential moving average with weight 2 / (span + 1).

    It starts at the first finite value, is NaN until it has seen `min_periods` (default: `span`) of them, and carries
    its state over a NaN, giving NaN there: ``x.ewm(span=span, adjust=False, min_periods=span).mean()`` of pandas where
    there are no holes. Its memory is counted in finite values.
    """
    return _fading("ema", x, span, 2 / (span + 1), "first", min_periods)


def wilder(x: Expr, window: int, *, seed: Literal["first", "mean"] = "first", min_periods: int | None = None) -> Expr:
    """Return Wilder's moving average, with weight 1 / window (Wilder, 1978).

    Parameters
    ----------
    seed : "first" or "mean"
        Start at the first finite value, as `ta` does for the RSI, or at the mean of the first
        `window` of them, as Wilder and `ta` do for the ATR. Otherwise, and of a NaN, as `ema`.
    """
    return _fading("wilder", x, window, 1 / window if window else 0.0, seed, min_periods)


def adaptive(x: Expr, weight: Expr, *, slowest: float) -> Expr:
    """Return the exponential average whose weight is another expression, between `slowest` and 1 (Kaufman, 1995).

    It starts at the first row in which both are known, carries its state over a NaN, and gives NaN there.
    """
    if not 0 < slowest <= 1:
        raise ConfigError(f"adaptive needs a least weight in (0, 1]; it was {slowest!r}", code="bad_weights")
    return Expr("adapt", (x, pure("adaptive", weight)), unit=x.unit, past=_faded(slowest), fades=True)


def _partial(window: int, min_periods: int | None) -> bool:
    return min_periods is not None and min_periods != window


def _fewer(op: str, window: int, min_periods: int | None, least: int) -> tuple[int, ...]:
    """Return how many observations are enough, or nothing where all of the window's are needed."""
    if window != int(window) or window < least:
        raise ConfigError(f"{op} needs a whole window of at least {least} rows; it was {window!r}", code="bad_window")
    if min_periods is None or min_periods == window:
        return ()
    if min_periods != int(min_periods) or not least <= min_periods < window:
        message = f"{op} needs min_periods from {least} to the window of {window}; it was {min_periods!r}"
        raise ConfigError(message, code="bad_window")
    return (int(min_periods),)


def _window(
    op: str, args: tuple[Expr, ...], window: int, *params: float, min_periods: int | None = None,
    unit: float | None = 0.0, least: int = 1,
) -> Expr:  # fmt: skip
    fewer = _fewer(op, window, min_periods, least)
    past = int(window) - 1
    if fewer:
        return Expr("gather", args, (op, int(window), *fewer, *(params or (0.0,))), unit=unit, past=past)
    return Expr(op, args, (int(window), *params), unit=unit, past=past)


def _counted(op: str, x: Expr, window: int) -> Expr:
    """Return a window function that has a value however few observations there are."""
    _fewer(op, window, None, 1)
    return Expr("gather", (x,), (op, int(window), 0, 0.0), past=int(window) - 1)


def _fading(op: str, x: Expr, window: int, alpha: float, seed: str, min_periods: int | None) -> Expr:
    fewer = _fewer(op, window, min_periods, 1)
    faded = _faded(alpha)
    past = window - 1 + faded if seed == "mean" else builtins.max(window - 1, faded)
    return Expr(op, (x,), (int(window), alpha, seed, *fewer), unit=x.unit, past=past, fades=True)


def _faded(alpha: float) -> int:
    return ceil(log(FADED) / (log1p(-alpha) if alpha < 1 else -inf))
