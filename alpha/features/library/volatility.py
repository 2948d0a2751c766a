"""Volatility and tails of returns."""

from __future__ import annotations

from math import log as ln
from typing import Annotated

from pydantic import Field, PositiveInt

from alpha.features import feature
from alpha.features.expr import Expr, close, high, is_finite, log, low, maximum, minimum, open, sqrt, where
from alpha.features.operators import drawdown, kurt, lag, max, mean, quantile, skew, std, var, wilder


def _ret() -> Expr:
    return close / lag(close, 1) - 1


def true_range() -> Expr:
    """Return the greatest of high - low, |high - last close| and |low - last close|; NaN without a last close."""
    last = lag(close, 1)
    return maximum(high - low, maximum(abs(high - last), abs(low - last)))


@feature
def vol(*, window: PositiveInt = 20) -> Expr:
    """Standard deviation (ddof 1) of the one-row returns of `window` rows. A fraction a row."""
    return std(_ret(), window)


@feature
def vol_ratio(*, fast: PositiveInt = 10, slow: PositiveInt = 60) -> Expr:
    """Volatility of `fast` rows over that of `slow` rows, less 1. A fraction."""
    return std(_ret(), fast) / std(_ret(), slow) - 1


@feature
def downside_vol(*, window: PositiveInt = 20) -> Expr:
    """Root mean square over `window` rows of the negative one-row returns. A fraction a row (Sortino, 1991)."""
    loss = minimum(_ret(), 0)
    return sqrt(mean(loss * loss, window))


@feature
def atr(*, window: PositiveInt = 14) -> Expr:
    """Average true range over the close. A fraction (Wilder, 1978); times the close it is that of `ta`.

    The true range is the greatest of high - low, |high - last close| and |low - last close|; where there is no
    last close, high - low.
    """
    return wilder(where(is_finite(lag(close, 1)), true_range(), high - low), window, seed="mean") / close


@feature
def parkinson(*, window: PositiveInt = 20) -> Expr:
    """Volatility from ranges: sqrt(mean(log(high / low)^2) / (4 log 2)). A fraction a row (Parkinson, 1980)."""
    spread = log(high / low)
    return sqrt(mean(spread * spread, window) / (4 * ln(2)))


@feature
def garman_klass(*, window: PositiveInt = 20) -> Expr:
    """Volatility from open, high, low and close. A fraction a row (Garman and Klass, 1980)."""
    spread, move = log(high / low), log(close / open)
    return sqrt(maximum(mean(0.5 * spread * spread - (2 * ln(2) - 1) * move * move, window), 0))


@feature
def rogers_satchell(*, window: PositiveInt = 20) -> Expr:
    """Volatility that a drift within the bar does not disturb. A fraction a row (Rogers and Satchell, 1991).

    The root of the mean over `window` rows of log(high/close) log(high/open) + log(low/close) log(low/open).
    """
    return sqrt(maximum(mean(_driftless(), window), 0))


@feature
def yang_zhang(*, window: Annotated[int, Field(ge=2)] = 20) -> Expr:
    """Volatility from overnight, intraday and driftless variance, k = 0.34 / (1.34 + (n + 1) / (n - 1)).

    The root of var(log(open/last close)) + k var(log(close/open)) + (1 - k) Rogers-Satchell over n = `window` rows
    (ddof 1). A fraction a row, overnight moves included (Yang and Zhang, 2000).
    """
    k = 0.34 / (1.34 + (window + 1) / (window - 1))
    overnight, intraday = var(log(open / lag(close, 1)), window), var(log(close / open), window)
    return sqrt(maximum(overnight + k * intraday + (1 - k) * mean(_driftless(), window), 0))


def _driftless() -> Expr:
    return log(high / close) * log(high / open) + log(low / close) * log(low / open)


@feature
def return_skew(*, window: Annotated[int, Field(ge=3)] = 60) -> Expr:
    """Skewness, unbiased, of the one-row returns of `window` rows (Boyer, Mitton and Vorkink, 2010)."""
    return skew(_ret(), window)


@feature
def return_kurtosis(*, window: Annotated[int, Field(ge=4)] = 60) -> Expr:
    """Excess kurtosis, unbiased, of the one-row returns of `window` rows; 0 for a normal law (Dittmar, 2002)."""
    return kurt(_ret(), window)


@feature
def ulcer_index(*, window: PositiveInt = 14) -> Expr:
    """Root mean square over `window` rows of the loss from the greatest close of as many. A fraction (Martin, 1987)."""
    loss = drawdown(close, window)
    return sqrt(mean(loss * loss, window))


@feature
def max_return(*, window: PositiveInt = 20) -> Expr:
    """Greatest one-row return of `window` rows. A fraction (Bali, Cakici and Whitelaw, 2011)."""
    return max(_ret(), window)


@feature
def tail_return(*, window: PositiveInt = 60, q: float = 0.05) -> Expr:
    """Quantile `q` of the one-row returns of `window` rows: minus the historical value at risk. A fraction."""
    return quantile(_ret(), window, q)
