"""Costs of trading, estimated from bars. Traded value is close x volume; a row without trades has no price impact.

Impacts are scaled by a usual day's traded value, so that neither a split nor the currency matters.
"""

from __future__ import annotations

from math import nan
from typing import Annotated

from pydantic import Field, PositiveInt

from alpha.features import feature
from alpha.features.expr import (
    Expr,
    abs,
    close,
    exp,
    field,
    high,
    log,
    low,
    maximum,
    minimum,
    sign,
    sqrt,
    volume,
    where,
)
from alpha.features.operators import beta, cov, cs_mean, lag, mean, pct_change, var

Window = Annotated[int, Field(ge=5)]
_FLAT = 1e-12  # share of the variance below which one regressor is taken to be the other


@feature
def amihud(*, window: PositiveInt = 20, usual: PositiveInt = 120) -> Expr:
    """Mean of |return| / traded value over `window` rows, times the mean traded value of `usual` rows (Amihud, 2002).

    The return that trading a usual day's value comes with: a fraction.
    """
    return mean(abs(pct_change(close)) / _value(), window) * mean(_value(), usual)


@feature
def roll_spread(*, window: Window = 60) -> Expr:
    """Spread between bid and ask: 2 sqrt(-cov) of successive returns of `window` rows. A fraction (Roll, 1984).

    0 where the covariance is positive: a bounce between bid and ask cannot make it so.
    """
    own = pct_change(close)
    return 2 * sqrt(maximum(-cov(own, lag(own, 1), window), 0))


@feature
def corwin_schultz(*, window: PositiveInt = 20) -> Expr:
    """Spread between bid and ask from ranges of one row and of two, mean of `window` rows (Corwin and Schultz, 2012).

    A fraction. A row's range is moved by the gap from the last close to it, and a spread below 0 counts as 0.
    """
    last = lag(close, 1)
    gap = maximum(last - high, 0) - maximum(low - last, 0)
    top, bottom = high + gap, low + gap
    single = _square(log(lag(high, 1) / lag(low, 1))) + _square(log(top / bottom))
    double = _square(log(maximum(lag(high, 1), top) / minimum(lag(low, 1), bottom)))
    k = 3 - 2 * 2**0.5
    alpha = (2**0.5 - 1) / k * sqrt(single) - sqrt(double / k)
    return mean(maximum(2 * (exp(alpha) - 1) / (1 + exp(alpha)), 0), window)


@feature
def log_dollar_volume(*, fast: PositiveInt = 1, slow: PositiveInt = 60) -> Expr:
    """Logarithm of the mean traded value of `fast` rows over that of `slow` rows (Brennan et al., 1998).

    Against the symbol's own past: a value in currency would move with dividends and with the currency.
    """
    return log(mean(_value(), fast) / mean(_value(), slow))


@feature
def turnover(*, window: PositiveInt = 20) -> Expr:
    """Mean over `window` rows of volume over the field ``shares_outstanding``. A fraction a row (Datar et al., 1998).

    Both must count shares alike: as traded, or both adjusted for splits.
    """
    return mean(volume / field("shares_outstanding"), window)


@feature
def volume_shock(*, window: PositiveInt = 50) -> Expr:
    """Logarithm of volume over the mean of the `window` rows before (Gervais, Kaniel and Mingelgrin, 2001)."""
    return log(volume / lag(mean(volume, window), 1))


@feature
def kyle_lambda(*, window: Window = 60) -> Expr:
    """Slope of returns on traded value with the sign of the return, over `window` rows. A fraction (after Kyle, 1985).

    The return that a usual day's value, bought in net, comes with: value is over its mean of `window` rows. The sign
    of a bar takes the place of the side of its trades.
    """
    own = pct_change(close)
    return beta(own, sign(own) * _value() / mean(_value(), window), window)


@feature
def zero_return_share(*, window: PositiveInt = 60) -> Expr:
    """Share of `window` rows whose close equals the last. In [0, 1] (Lesmond, Ogden and Trzcinka, 1999)."""
    return 1 - mean(abs(sign(close - lag(close, 1))), window)


@feature
def pastor_stambaugh(*, window: Window = 60) -> Expr:
    """Reversal of a return after traded value: below 0 where trading moves prices (Pastor and Stambaugh, 2003).

    Over `window` rows, the return less the market's is fitted to a constant, the last return, and the last traded value
    with the sign of the last return less the market's; the result is the slope on that value, which is over its
    mean of `window` rows. A fraction.
    """
    own = pct_change(close)
    excess = own - cs_mean(own)
    first = lag(own, 1)
    second = lag(sign(excess) * _value() / mean(_value(), window), 1)
    both, spread = cov(first, second, window), var(first, window) * var(second, window)
    apart = spread - both * both
    slope = (cov(excess, second, window) * var(first, window) - cov(excess, first, window) * both) / apart
    return where(apart > _FLAT * spread, slope, nan)


def _value() -> Expr:
    return close * volume


def _square(x: Expr) -> Expr:
    return x * x
