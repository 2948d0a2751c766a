"""Returns, and the place of the price in its own past."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from alpha.features import feature
from alpha.features.expr import Expr, close, high, log, low, open
from alpha.features.operators import argmax, argmin, lag, max, mean, min, resid, rsquare, slope, weighted


def typical_price() -> Expr:
    """Return the mean of high, low and close: a price."""
    return (high + low + close) / 3


@feature
def ret(*, window: PositiveInt = 1) -> Expr:
    """Return over `window` rows: close / close `window` rows ago - 1. A fraction."""
    return close / lag(close, window) - 1


@feature
def sma_ratio(*, fast: PositiveInt = 20, slow: PositiveInt = 50) -> Expr:
    """Mean close of `fast` rows over that of `slow` rows, less 1. A fraction (Brock, Lakonishok and LeBaron, 1992)."""
    return mean(close, fast) / mean(close, slow) - 1


@feature
def sma_distance(*, window: PositiveInt = 20) -> Expr:
    """Close over its mean of `window` rows, less 1. A fraction."""
    return close / mean(close, window) - 1


@feature
def gap() -> Expr:
    """Overnight return: open / last close - 1. A fraction."""
    return open / lag(close, 1) - 1


@feature
def intraday_return() -> Expr:
    """Return of the session: close / open - 1. A fraction."""
    return close / open - 1


@feature
def overnight_mean(*, window: PositiveInt = 20) -> Expr:
    """Mean over `window` rows of the logarithm of open over last close. A fraction a row (Lou, Polk and Skouras, 2019).

    With `intraday_mean` it adds up to the mean logarithmic return.
    """
    return mean(log(open / lag(close, 1)), window)


@feature
def intraday_mean(*, window: PositiveInt = 20) -> Expr:
    """Mean over `window` rows of the logarithm of close over open. A fraction a row (Lou, Polk and Skouras, 2019)."""
    return mean(log(close / open), window)


@feature
def tug_of_war(*, window: PositiveInt = 20) -> Expr:
    """`overnight_mean` less `intraday_mean`. A fraction a row (Lou, Polk and Skouras, 2019)."""
    return overnight_mean(window=window) - intraday_mean(window=window)


@feature
def high_low_range(*, window: PositiveInt = 1) -> Expr:
    """Mean over `window` rows of (high - low) / close. A fraction."""
    return mean((high - low) / close, window)


@feature
def close_location(*, window: PositiveInt = 1) -> Expr:
    """Mean over `window` rows of where the close lies between low (0) and high (1); NaN in a row without a range."""
    return mean((close - low) / (high - low), window)


@feature
def range_position(*, window: PositiveInt = 20) -> Expr:
    """Where the close lies between the least (0) and the greatest (1) close of `window` rows."""
    least = min(close, window)
    return (close - least) / (max(close, window) - least)


@feature
def drawdown(*, window: PositiveInt = 252) -> Expr:
    """Close over the greatest close of `window` rows, less 1. A fraction, at most 0."""
    return close / max(close, window) - 1


@feature
def high_nearness(*, window: PositiveInt = 252) -> Expr:
    """Close over the greatest high of `window` rows, in (0, 1]: of 52 weeks by default (George and Hwang, 2004)."""
    return close / max(high, window)


@feature
def fractional_difference(
    *, order: Annotated[float, Field(gt=0, lt=1)] = 0.4, window: Annotated[int, Field(ge=2)] = 100
) -> Expr:
    """Fractional difference of the logarithm of the close, over `window` rows of returns (Lopez de Prado, 2018, ch. 5).

    Order 0 is the price, 1 its return; between, a series that is nearly stationary and remembers. Of the fixed-width
    sum w[0] log p[t] + ... + w[window] log p[t - window] the weights do not add up to 0, so it would move with the
    level of prices; here log p is measured from the oldest price of the window. As (1 - L)^d = (1 - L)^(d - 1) (1 - L),
    that is the sum of returns with the weights of order d - 1: 1, (1 - d), (1 - d)(2 - d) / 2, ...
    """
    weights = [1.0]
    for k in range(1, window):
        weights.append(weights[-1] * (k - order) / k)
    return weighted(log(close / lag(close, 1)), weights)


@feature
def high_age(*, window: PositiveInt = 20) -> Expr:
    """Rows since the greatest close of `window` rows was, over `window`: the Aroon of Chande (1995). In [0, 1)."""
    return argmax(close, window) / window


@feature
def low_age(*, window: PositiveInt = 20) -> Expr:
    """Rows since the least close of `window` rows was, over `window`. In [0, 1)."""
    return argmin(close, window) / window


@feature
def trend(*, window: PositiveInt = 20) -> Expr:
    """Slope of the least-squares line through `window` closes, over the close. A fraction a row."""
    return slope(close, window) / close


@feature
def trend_strength(*, window: PositiveInt = 20) -> Expr:
    """R-squared of the least-squares line through `window` closes. In [0, 1]."""
    return rsquare(close, window)


@feature
def trend_residual(*, window: PositiveInt = 20) -> Expr:
    """Distance of the close from the least-squares line through `window` closes, over the close. A fraction."""
    return resid(close, window) / close
