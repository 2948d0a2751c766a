"""The state of the market from outside: implied volatility. These need the field ``vix``, in points."""

from __future__ import annotations

from pydantic import PositiveInt

from alpha.features import feature
from alpha.features.expr import Expr, field
from alpha.features.operators import lag, mean, std

vix = field("vix")


@feature
def vix_level() -> Expr:
    """The VIX as a fraction a year (20 points are 0.2; Whaley, 2000), the same for all."""
    return vix / 100


@feature
def vix_change(*, window: PositiveInt = 5) -> Expr:
    """VIX over its value `window` rows ago, less 1, the same for all. A fraction."""
    return vix / lag(vix, window) - 1


@feature
def vix_z(*, window: PositiveInt = 252) -> Expr:
    """VIX less its mean of `window` rows, in standard deviations (ddof 1), the same for all."""
    return (vix - mean(vix, window)) / std(vix, window)
