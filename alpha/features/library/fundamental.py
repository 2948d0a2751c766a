"""Earnings of a company, against its price and against the analysts' estimates.

These need the fields of the aggregates `earnings` (``eps``, ``eps_surprise``, ``eps_sue``, ``eps_age``),
`earnings_schedule` (``earnings_until``) and `estimates` (``revision_count``).
"""

from __future__ import annotations

from math import log as ln

from pydantic import PositiveFloat

from alpha.features import feature
from alpha.features.expr import Expr, exp, field, log, where

eps = field("eps", unit=1.0)  # money a share, as `raw_close` is: of the share that is traded at that row
surprise, unexpected, age = map(field, ("eps_surprise", "eps_sue", "eps_age"))
price = field("raw_close")


@feature
def earnings_yield() -> Expr:
    """Earnings a share of the last four quarters over the price as traded. A fraction (Basu, 1977).

    Both are of one share as it is traded at that row, so no split changes it, provided that the vendor's earnings a
    share are as first reported. Where they were restated for later splits, it is too small before each of these.
    """
    return eps / price


@feature
def price_earnings() -> Expr:
    """Price as traded over the earnings a share of the last four quarters: P/E (Basu, 1977); NaN unless they are > 0.

    It leaps where earnings are near 0; `earnings_yield` holds the same without leaps, and for losses too.
    """
    return where(eps > 0, price / eps, float("nan"))


@feature
def earnings_surprise() -> Expr:
    """(Actual - estimate) / |estimate| of the newest announcement. A fraction (Ball and Brown, 1968).

    It leaps where the estimate is near 0; compare it by rank.
    """
    return surprise


@feature
def sue() -> Expr:
    """Standardised unexpected earnings: the newest surprise in standard deviations of the 8 before it.

    The parameter `past` of the aggregate `earnings` sets how many are before it. (Latane and Jones, 1979).
    """
    return unexpected


@feature
def earnings_age() -> Expr:
    """Days since the newest announcement was known."""
    return age


@feature
def earnings_until() -> Expr:
    """Days until the next announcement, as scheduled and known by now: 0 on its day; NaN where none is scheduled."""
    return field("earnings_until")


@feature
def post_earnings_drift(*, half_life: PositiveFloat = 20.0) -> Expr:
    """SUE times 0.5 ** (days since / `half_life`): what is left of the drift after it (Bernard and Thomas, 1989)."""
    return unexpected * _fading(half_life)


@feature
def surprise_drift(*, half_life: PositiveFloat = 20.0) -> Expr:
    """As `post_earnings_drift`, of the sign of the surprise alone: in [-1, 1] (Foster, Olsen and Shevlin, 1984)."""
    return where(surprise > 0, 1, where(surprise < 0, -1, 0)) * _fading(half_life)


@feature
def revision_count() -> Expr:
    """Estimates made or revised in the last 90 days (the `window` of the aggregate `estimates`), as log(1 + count)."""
    return log(1 + field("revision_count"))


def _fading(half_life: float) -> Expr:
    return exp(age * (-ln(2) / half_life))
