"""Calendar of the exchange, the same for all symbols. Days ahead are counted in sessions as they are scheduled.

`calendar` is an ISO market code; a bar belongs to the session in which it closed, by the exchange's own clock.
"""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeInt

from alpha.core.calendar import Calendar
from alpha.features import feature
from alpha.features.dates import position
from alpha.features.expr import Expr, maximum, time
from alpha.features.operators import apply


def _position(part: str, calendar: str) -> Expr:
    return apply(position, time, window=1, params=(part, Calendar(calendar).name))


@feature
def day_of_week(*, calendar: str = "XNYS") -> Expr:
    """Day of the week: 0 is Monday, 4 is Friday (French, 1980)."""
    return _position("weekday", calendar)


@feature
def month_of_year(*, calendar: str = "XNYS") -> Expr:
    """Month, from 1 to 12 (Rozeff and Kinney, 1976). For trees; `season` is for models that add up."""
    return _position("month", calendar)


@feature
def season(*, part: Literal["sine", "cosine"] = "sine", calendar: str = "XNYS") -> Expr:
    """Sine, or cosine, of 2 pi times the part of the year that is over: in [-1, 1], without a leap at New Year."""
    return _position(f"year_{part}", calendar)


@feature
def turn_of_month(*, last: NonNegativeInt = 1, first: NonNegativeInt = 3, calendar: str = "XNYS") -> Expr:
    """1 in the `last` and in the `first` sessions of a month, else 0 (Lakonishok and Smidt, 1988)."""
    over, left = _position("month_sessions", calendar), _position("month_sessions_left", calendar)
    return maximum(left < last, over <= first)


@feature
def month_sessions(*, calendar: str = "XNYS") -> Expr:
    """Sessions of the month so far, this one included: 1 on its first (Ariel, 1987)."""
    return _position("month_sessions", calendar)


@feature
def month_sessions_left(*, calendar: str = "XNYS") -> Expr:
    """Sessions of the month that are scheduled after this one: 0 on its last (Ariel, 1987)."""
    return _position("month_sessions_left", calendar)


@feature
def sessions_to_holiday(*, calendar: str = "XNYS") -> Expr:
    """Sessions between this one and the next scheduled holiday: 0 on the eve (Ariel, 1990)."""
    return _position("to_holiday", calendar)


@feature
def sessions_after_holiday(*, calendar: str = "XNYS") -> Expr:
    """Sessions since the first one after a holiday, or another closure of a weekday: 0 on that (Ariel, 1990)."""
    return _position("after_holiday", calendar)


@feature
def sessions_to_expiry(*, calendar: str = "XNYS") -> Expr:
    """Sessions until monthly options expire, on the third Friday: 0 on the day (Ni, Pearson and Poteshman, 2005).

    Where that Friday is a scheduled holiday, they expire on the session before.
    """
    return _position("to_expiry", calendar)
