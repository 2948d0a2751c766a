"""Position of a bar in the calendar of its exchange: weekday, month, sessions to a holiday or an expiry.

Days ahead are counted in scheduled sessions, days back in sessions that took place: an unforeseen closure
(2001-09-11, 2012-10-29) is not known the day before. Dates are days since 1970.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from math import cos, nan, pi, sin
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from alpha.core.calendar import Calendar

EPOCH = date(1970, 1, 1).toordinal()
ALWAYS = ("1900-01-01", "2200-01-01")
FRIDAY, THIRD = 4, 15  # the third Friday is the first one from the 15th on


class Days(NamedTuple):
    """Sessions, holidays and closures of an exchange: instants in microseconds since 1970, dates in days."""

    zone: ZoneInfo
    opens: np.ndarray
    closes: np.ndarray
    sessions: np.ndarray
    scheduled: np.ndarray
    holidays: np.ndarray
    closures: np.ndarray


def position(time: np.ndarray, part: str, calendar: str) -> np.ndarray:
    """Return a row's position in the calendar: a window function of `time`, for `alpha.features.operators.apply`.

    Parameters
    ----------
    time : array of shape (window, N)
        Seconds since 1970, UTC, at which the bars closed.
    part : str
        One of `PARTS`.
    calendar : str
        The exchange.
    """
    days = days_of(calendar)
    day = session_day(float(time[-1, 0]), days) if time.shape[1] else 0
    known = days.sessions[0] <= day <= days.sessions[-1]
    return np.full(time.shape[1], PARTS[part](day, days) if known else nan)


@cache
def days_of(calendar: str) -> Days:
    """Return the days of an exchange, from 1970 to some years ahead."""
    exchange = Calendar(calendar)
    sessions, scheduled = exchange.sessions(*ALWAYS), exchange.scheduled(*ALWAYS)
    opens, closes = (each.as_unit("us").asi8 for each in (exchange.opens(sessions), exchange.closes(sessions)))
    span = np.arange(*_days(scheduled[[0, -1]]))
    week = span[np.isin((span + 3) % 7, (_days(scheduled) + 3) % 7)]  # days of the week that are ever traded
    return Days(
        ZoneInfo(exchange.zone), opens, closes, _days(sessions), _days(scheduled),
        holidays=np.setdiff1d(week, _days(scheduled)), closures=np.setdiff1d(week, _days(sessions)),
    )  # fmt: skip


def session_day(seconds: float, days: Days) -> int:
    """Return the date of the session in which an instant lies (open < instant <= close), else the date at the exchange.

    Midnight belongs to the day that ends.
    """
    instant = round(seconds * 1e6)
    at = int(days.closes.searchsorted(instant))
    if at < len(days.closes) and instant > days.opens[at]:
        return int(days.sessions[at])
    local = datetime.fromtimestamp((instant - 1) / 1e6, UTC).astimezone(days.zone)
    return local.toordinal() - EPOCH


def weekday(day: int, days: Days) -> float:
    """Return the day of the week: 0 is Monday."""
    return float((day + 3) % 7)


def month(day: int, days: Days) -> float:
    """Return the month, from 1 to 12."""
    return float(_date(day).month)


def year_sine(day: int, days: Days) -> float:
    """Return the sine of the time of the year."""
    return sin(_angle(day))


def year_cosine(day: int, days: Days) -> float:
    """Return the cosine of the time of the year."""
    return cos(_angle(day))


def month_sessions(day: int, days: Days) -> float:
    """Return the sessions of the month so far, this one included."""
    return _between(days.sessions, _first(day) - 1, day)


def month_sessions_left(day: int, days: Days) -> float:
    """Return the sessions of the month still to come, as scheduled."""
    return _between(days.scheduled, day, _next_first(day) - 1)


def to_holiday(day: int, days: Days) -> float:
    """Return the sessions between this one and the next scheduled holiday: 0 on the eve."""
    at = int(days.holidays.searchsorted(day, side="right"))
    return _between(days.scheduled, day, int(days.holidays[at])) if at < len(days.holidays) else nan


def after_holiday(day: int, days: Days) -> float:
    """Return the sessions since the one after the last holiday, or other closure of a weekday: 0 on that."""
    at = int(days.closures.searchsorted(day)) - 1
    return max(_between(days.sessions, int(days.closures[at]), day) - 1, 0.0) if at >= 0 else nan


def to_expiry(day: int, days: Days) -> float:
    """Return the sessions until the next monthly expiry of options, as scheduled: 0 on its day."""
    due = expiry(_first(day), days)
    return _between(days.scheduled, day, due if due >= day else expiry(_next_first(day), days))


def expiry(first: int, days: Days) -> int:
    """Return the third Friday of the month that begins on `first`, or the session before where that is a holiday."""
    friday = first + THIRD - 1 + (FRIDAY - (first + THIRD - 1 + 3)) % 7
    return int(days.scheduled[days.scheduled.searchsorted(friday, side="right") - 1])


PARTS: dict[str, Callable[[int, Days], float]] = {
    part.__name__: part
    for part in (weekday, month, year_sine, year_cosine, month_sessions, month_sessions_left, to_holiday,
                 after_holiday, to_expiry)
}  # fmt: skip


def _between(dates: np.ndarray, after: int, until: int) -> float:
    """Return how many dates lie in (after, until]."""
    low, high = dates.searchsorted((after, until), side="right")
    return float(high - low)


def _date(day: int) -> date:
    return date.fromordinal(day + EPOCH)


def _first(day: int) -> int:
    return day - _date(day).day + 1


def _next_first(day: int) -> int:
    return _first(_first(day) + 31)


def _angle(day: int) -> float:
    start = date(_date(day).year, 1, 1).toordinal() - EPOCH
    return 2 * pi * (day - start) / 365.25


def _days(dates: pd.DatetimeIndex) -> np.ndarray:
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)
