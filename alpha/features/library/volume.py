"""How much is traded, against its own past."""

from __future__ import annotations

from pydantic import PositiveInt

from alpha.features import feature
from alpha.features.expr import Expr, close, high, log, low, volume, where
from alpha.features.operators import corr, delta, lag, mean, std, sum


def _ret() -> Expr:
    return close / lag(close, 1) - 1


@feature
def volume_z(*, window: PositiveInt = 20) -> Expr:
    """Volume less its mean of `window` rows, in standard deviations (ddof 1)."""
    return (volume - mean(volume, window)) / std(volume, window)


@feature
def volume_ratio(*, fast: PositiveInt = 5, slow: PositiveInt = 60) -> Expr:
    """Mean volume of `fast` rows over that of `slow` rows, less 1. A fraction."""
    return mean(volume, fast) / mean(volume, slow) - 1


@feature
def dollar_volume_ratio(*, fast: PositiveInt = 5, slow: PositiveInt = 60) -> Expr:
    """Mean traded value (close x volume) of `fast` rows over that of `slow` rows, less 1. A fraction."""
    value = close * volume
    return mean(value, fast) / mean(value, slow) - 1


@feature
def illiquidity_ratio(*, fast: PositiveInt = 20, slow: PositiveInt = 120) -> Expr:
    """Amihud's |return| / traded value, mean of `fast` rows over that of `slow`, less 1. A fraction (Amihud, 2002)."""
    impact = abs(_ret()) / (close * volume)
    return mean(impact, fast) / mean(impact, slow) - 1


@feature
def up_volume_share(*, window: PositiveInt = 20) -> Expr:
    """Share of the volume of `window` rows traded in rows whose close rose. In [0, 1]."""
    return sum(where(_ret() > 0, volume, 0), window) / sum(volume, window)


@feature
def volume_return_corr(*, window: PositiveInt = 20) -> Expr:
    """Correlation over `window` rows of returns with changes of log volume. In [-1, 1]."""
    return corr(_ret(), delta(log(volume)), window)


@feature
def money_flow(*, window: PositiveInt = 20) -> Expr:
    """Chaikin money flow: volume weighted by where the close lies in the range, in [-1, 1] (Chaikin, 1980s)."""
    place = where(high > low, (2 * close - high - low) / (high - low), 0)
    return sum(place * volume, window) / sum(volume, window)
