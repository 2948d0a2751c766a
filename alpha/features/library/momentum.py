"""Continuation and reversal of returns."""

from __future__ import annotations

from pydantic import NonNegativeInt, PositiveInt

from alpha.core.errors import ConfigError
from alpha.features import feature
from alpha.features.expr import Expr, close, log
from alpha.features.operators import delta, lag, mean, rank, std


def _check_skip(window: int, skip: int) -> None:
    if skip >= window:
        raise ConfigError(f"skip must be less than the window of {window} rows; it was {skip}", code="bad_window")


def _ret(window: int) -> Expr:
    return close / lag(close, window) - 1


@feature
def momentum(*, window: PositiveInt = 252, skip: NonNegativeInt = 21) -> Expr:
    """Return from `window` to `skip` rows ago. A fraction (Jegadeesh and Titman, 1993)."""
    _check_skip(window, skip)
    return lag(close, skip) / lag(close, window) - 1


@feature
def reversal(*, window: PositiveInt = 5) -> Expr:
    """Minus the return over `window` rows. A fraction (Jegadeesh, 1990)."""
    return -_ret(window)


@feature
def risk_adjusted_momentum(*, window: PositiveInt = 126, skip: NonNegativeInt = 21) -> Expr:
    """Mean over standard deviation of the daily log returns from `window` to `skip` rows ago. A ratio, a row."""
    _check_skip(window, skip)
    steps = lag(log(close / lag(close, 1)), skip)
    return mean(steps, window - skip) / std(steps, window - skip)


@feature
def acceleration(*, window: PositiveInt = 20) -> Expr:
    """Return over `window` rows less that over the `window` rows before. A fraction."""
    return delta(_ret(window), window)


@feature
def up_share(*, window: PositiveInt = 20) -> Expr:
    """Share of the last `window` rows in which the close rose. In [0, 1]."""
    return mean(_ret(1) > 0, window)


@feature
def price_rank(*, window: PositiveInt = 60) -> Expr:
    """Rank of the close among the last `window` closes. In (0, 1]."""
    return rank(close, window)
