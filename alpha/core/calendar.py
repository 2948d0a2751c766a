"""Trading calendars: the sessions of an exchange, and the instants at which their bars are complete."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from alpha.core.errors import ConfigError, nearest

FIRST = "1970-01-01"  # holidays before this date are not known exactly
YEARS_AHEAD = 5
COMMON = ("XNYS", "24/7")  # accepted without importing exchange-calendars, which takes half a second
SAMPLE = "2000-01-01", "2019-12-31"  # years over which the sessions in a year are averaged
FEW_BARS = 10  # with fewer, the sessions in a bar are not counted
SEVERAL = 0.75  # below this many bars a session, a bar covers several sessions; above it, bars are missing


@dataclass(frozen=True)
class Calendar:
    """The sessions of an exchange, with its holidays and early closes (source: exchange-calendars).

    A session is labelled by its date, a Timestamp without a zone. Instants are in UTC.

    Parameters
    ----------
    name : str
        An ISO market code such as ``XNYS``, an alias such as ``NYSE``, or ``24/7``.

    Raises
    ------
    ConfigError
        ``unknown_calendar``, with the nearest known name.
    """

    name: str = "XNYS"

    def __post_init__(self) -> None:
        if self.name in COMMON:
            return
        from exchange_calendars import get_calendar_names

        names = get_calendar_names(include_aliases=True)
        if self.name not in names:
            message = f"no exchange calendar named {self.name!r}; {nearest(self.name, names)}"
            raise ConfigError(message, code="unknown_calendar")

    def sessions(self, start: pd.Timestamp | str, end: pd.Timestamp | str) -> pd.DatetimeIndex:
        """Return the session dates from `start` to `end`, both included."""
        known = _schedule(self.name).sessions
        return known[known.searchsorted(_date(start)) : known.searchsorted(_date(end), side="right")]

    def scheduled(self, start: pd.Timestamp | str, end: pd.Timestamp | str) -> pd.DatetimeIndex:
        """Return the dates from `start` to `end`, both included, on which the exchange's rules plan a session.

        Use these to count days ahead. An unplanned closure (2001-09-11, 2012-10-29, a day of mourning) is no session,
        but was not known in advance, so its date is included here.
        """
        known = _scheduled(self.name)
        return known[known.searchsorted(_date(start)) : known.searchsorted(_date(end), side="right")]

    @property
    def zone(self) -> str:
        """The time zone of the exchange."""
        from exchange_calendars import get_calendar

        return str(get_calendar(self.name).tz)

    def is_session(self, date: pd.Timestamp | str) -> bool:
        """Return whether the exchange trades on `date`."""
        return _date(date) in _schedule(self.name).sessions

    def periods(self, times: pd.DatetimeIndex) -> float:
        """Return the number of bars in a year of this calendar, for bars that close at `times`.

        Sessions a year are a mean over twenty years, rounded: 252 on XNYS, 365 on ``24/7``. They are multiplied by the
        bars in a session, or divided by the sessions in a bar, both counted in `times`: weekly bars have 52 a year.

        Parameters
        ----------
        times : DatetimeIndex
            In increasing order. A few gaps do not change the result.
        """
        sessions = len(self.sessions(times[0], times[-1])) if len(times) else 0
        each = len(times) / sessions if sessions else 1.0
        if each < SEVERAL and len(times) >= FEW_BARS:
            return float(max(1, round(_sessions_a_year(self.name) * (len(times) - 1) / (sessions - 1))))
        return float(_sessions_a_year(self.name) * max(1, round(each)))

    def opens(self, sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the instants, in UTC, at which the sessions open."""
        return _schedule(self.name).opens[self._rows(sessions)]

    def closes(self, sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the instants, in UTC, at which the sessions close: when their daily bars are known."""
        return _schedule(self.name).closes[self._rows(sessions)]

    def next(self, date: pd.Timestamp | str) -> pd.Timestamp:
        """Return the first session after `date`, which need not be a session."""
        return self._session(int(_schedule(self.name).sessions.searchsorted(_date(date), side="right")), date)

    def previous(self, date: pd.Timestamp | str) -> pd.Timestamp:
        """Return the last session before `date`, which need not be a session."""
        return self._session(int(_schedule(self.name).sessions.searchsorted(_date(date))) - 1, date)

    def session_of(self, instants: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the session in which each bar ends (open < instant <= close); NaT where there is none."""
        sessions, opens, closes = _schedule(self.name)
        at = closes.searchsorted(instants)
        known = at < len(closes)
        at = np.minimum(at, len(closes) - 1)
        return pd.DatetimeIndex(sessions[at].where(known & (instants > opens[at])))

    def _rows(self, sessions: pd.DatetimeIndex) -> np.ndarray:
        known = _schedule(self.name).sessions
        rows = known.get_indexer(sessions.as_unit("ns"))
        if (rows < 0).any():
            stray = sessions[int((rows < 0).argmax())]
            message = f"{stray:%Y-%m-%d} is not a session of {self.name}; the next is {self.next(stray):%Y-%m-%d}"
            raise ConfigError(message, code="not_a_session")
        return rows

    def _session(self, row: int, date: object) -> pd.Timestamp:
        known = _schedule(self.name).sessions
        if not 0 <= row < len(known):
            span = f"from {known[0]:%Y-%m-%d} to {known[-1]:%Y-%m-%d}"
            raise ConfigError(f"the calendar {self.name} is known {span}, not beyond {date}", code="outside_calendar")
        return known[row]


@cache
def _sessions_a_year(name: str) -> int:
    """Return the mean number of sessions in a year, rounded."""
    known = _schedule(name).sessions
    first, last = max(pd.Timestamp(SAMPLE[0]), known[0]), min(pd.Timestamp(SAMPLE[1]), known[-1])
    return round(((known >= first) & (known <= last)).sum() / ((last - first).days + 1) * 365.25)


class _Schedule(NamedTuple):
    sessions: pd.DatetimeIndex
    opens: pd.DatetimeIndex
    closes: pd.DatetimeIndex


@cache
def _schedule(name: str) -> _Schedule:
    """Return every session from 1970 (or the first year known for the exchange) to some years ahead."""
    from exchange_calendars import get_calendar

    start, end = pd.Timestamp(FIRST), pd.Timestamp.now().normalize() + pd.DateOffset(years=YEARS_AHEAD)
    try:
        days = get_calendar(name, start=start, end=end).schedule
    except ValueError:  # the exchange is known for fewer years, which only its calendar object gives
        bounds = get_calendar(name)
        start, end = max(start, bounds.bound_min() or start), min(end, bounds.bound_max() or end)
        days = get_calendar(name, start=start, end=end).schedule
    opens, closes = (pd.DatetimeIndex(days[side]).as_unit("ns").rename(None) for side in ("open", "close"))
    return _Schedule(pd.DatetimeIndex(days.index.to_numpy()).as_unit("ns"), opens, closes)


@cache
def _scheduled(name: str) -> pd.DatetimeIndex:
    from exchange_calendars import get_calendar
    from pandas.tseries.offsets import CustomBusinessDay

    exchange, known = get_calendar(name), _schedule(name).sessions
    rules = CustomBusinessDay(calendar=exchange.regular_holidays, weekmask=exchange.weekmask)
    return pd.date_range(known[0], known[-1], freq=rules).as_unit("ns")


def _date(value: pd.Timestamp | str) -> pd.Timestamp:
    return pd.Timestamp(value).normalize().tz_localize(None).as_unit("ns")
