"""When an exchange trades: its sessions, and the instants at which their bars are complete."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from alpha.core.errors import ConfigError, nearest

FIRST = pd.Timestamp("1960-01-01")
YEARS_AHEAD = 5


@dataclass(frozen=True)
class Calendar:
    """Sessions of an exchange, holidays and early closes included (source: exchange-calendars).

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
        from exchange_calendars import get_calendar_names

        names = get_calendar_names(include_aliases=True)
        if self.name not in names:
            message = f"no exchange calendar named {self.name!r}; {nearest(self.name, names)}"
            raise ConfigError(message, code="unknown_calendar")

    def sessions(self, start: pd.Timestamp | str, end: pd.Timestamp | str) -> pd.DatetimeIndex:
        """Return the session dates from `start` to `end`, both included."""
        known = _schedule(self.name).index
        return known[known.searchsorted(_date(start)) : known.searchsorted(_date(end), side="right")]

    def is_session(self, date: pd.Timestamp | str) -> bool:
        """Return whether the exchange trades on `date`."""
        return _date(date) in _schedule(self.name).index

    def opens(self, sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the instants, in UTC, at which the sessions open."""
        return self._instants(sessions, "open")

    def closes(self, sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the instants, in UTC, at which the sessions close: when their daily bars are known."""
        return self._instants(sessions, "close")

    def next(self, date: pd.Timestamp | str) -> pd.Timestamp:
        """Return the first session after `date`, itself a session or not."""
        known = _schedule(self.name).index
        return self._at(known.searchsorted(_date(date), side="right"), date)

    def previous(self, date: pd.Timestamp | str) -> pd.Timestamp:
        """Return the last session before `date`, itself a session or not."""
        known = _schedule(self.name).index
        return self._at(known.searchsorted(_date(date)) - 1, date)

    def session_of(self, instants: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the session during which each bar ended (open < instant <= close); NaT where there was none."""
        schedule = _schedule(self.name)
        closes = pd.DatetimeIndex(schedule["close"])
        at = closes.searchsorted(instants)
        inside = at < len(closes)
        at = at.clip(max=len(closes) - 1)
        inside &= instants > pd.DatetimeIndex(schedule["open"])[at]
        return schedule.index[at].where(inside)

    def _instants(self, sessions: pd.DatetimeIndex, side: str) -> pd.DatetimeIndex:
        schedule = _schedule(self.name)
        at = schedule.index.get_indexer(pd.DatetimeIndex(sessions).as_unit("ns"))
        if (at < 0).any():
            first = sessions[int((at < 0).argmax())]
            raise ConfigError(f"{first.date()} is not a session of {self.name}", code="not_a_session")
        return pd.DatetimeIndex(schedule[side])[at]

    def _at(self, position: int, date: object) -> pd.Timestamp:
        known = _schedule(self.name).index
        if not 0 <= position < len(known):
            span = f"{known[0].date()} to {known[-1].date()}"
            raise ConfigError(f"{self.name} is known from {span}; {date} is at its edge", code="outside_calendar")
        return known[position]


@cache
def _schedule(name: str) -> pd.DataFrame:
    """Return open and close of every session, from 1960 (or as far back as the exchange is known) to years ahead."""
    from exchange_calendars import get_calendar

    bounds: Any = get_calendar(name)
    last = pd.Timestamp.now().normalize() + pd.DateOffset(years=YEARS_AHEAD)
    start = max(filter(None, [FIRST, bounds.bound_min()]))
    end = min(filter(None, [last, bounds.bound_max()]))
    calendar = get_calendar(name, start=start, end=end)
    index = pd.DatetimeIndex(calendar.sessions.to_numpy(), dtype="datetime64[ns]")
    opens, closes = (pd.DatetimeIndex(s.to_numpy(), tz="UTC").as_unit("ns") for s in (calendar.opens, calendar.closes))
    return pd.DataFrame({"open": opens, "close": closes}, index=index)


def _date(value: pd.Timestamp | str) -> pd.Timestamp:
    return pd.Timestamp(value).normalize().tz_localize(None).as_unit("ns")
