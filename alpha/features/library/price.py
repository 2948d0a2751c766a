"""Returns, and where the price stands in its past."""

from __future__ import annotations

from pydantic import PositiveInt

from alpha.features import feature
from alpha.features.expr import Expr, close, high, low, open
from alpha.features.operators import argmax, argmin, lag, max, mean, min, resid, rsquare, slope


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
    """Close over the greatest close of `window` rows, less 1. A fraction, at most 0 (George and Hwang, 2004)."""
    return close / max(close, window) - 1


@feature
def high_age(*, window: PositiveInt = 20) -> Expr:
    """How long ago the greatest close of `window` rows was, over `window`: the Aroon of Chande (1995). In [0, 1)."""
    return argmax(close, window) / window


@feature
def low_age(*, window: PositiveInt = 20) -> Expr:
    """How long ago the least close of `window` rows was, over `window`. In [0, 1)."""
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
