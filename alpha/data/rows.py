"""A long frame of bars as arrays: sorted by symbol and time, each with its session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from alpha.core.calendar import Calendar


@dataclass(frozen=True, eq=False)
class Rows:
    """The R bars of a long frame, those of one symbol together and in the order of time.

    Parameters
    ----------
    names : array of str
        The symbols, sorted.
    code : int array of shape (R,)
        Position in `names`.
    time : DatetimeIndex of length R
        Session dates without a zone, or instants in UTC.
    session : int array of shape (R,)
        Position in `sessions`; -1 off the calendar.
    sessions : DatetimeIndex
        The calendar's sessions, from the first bar's to the last's.
    raw : bool
        Whether prices are as traded.
    unordered : tuple of (symbol, time, time before, count)
        Symbols whose bars were not in the order of time, with the first bar that was not.
    """

    names: np.ndarray
    code: np.ndarray
    time: pd.DatetimeIndex
    session: np.ndarray
    sessions: pd.DatetimeIndex
    calendar: Calendar
    raw: bool
    fields: Mapping[str, np.ndarray]
    unordered: tuple[tuple[str, pd.Timestamp, pd.Timestamp, int], ...]

    @classmethod
    def of(cls, frame: pd.DataFrame, calendar: Calendar) -> Rows:
        """Sort a frame whose columns have the right types."""
        code, names = codes(frame["symbol"])
        time = pd.DatetimeIndex(frame["time"]).as_unit("ns")
        order = slice(None) if bool((code[1:] >= code[:-1]).all()) else np.argsort(code, kind="stable")
        code, time = code[order], time[order]
        back = np.flatnonzero((code[1:] == code[:-1]) & (np.diff(time.asi8) < 0)) + 1
        firsts, counts = np.unique(code[back], return_index=True, return_counts=True)[1:]
        unordered = tuple(
            (str(names[code[i]]), time[i], time[i - 1], int(n))
            for i, n in zip(back[firsts].tolist(), counts, strict=True)
        )
        fields = {str(name): _numbers(frame[name])[order] for name in frame if name not in ("time", "symbol")}
        if unordered:
            order = np.lexsort((time.asi8, code))
            code, time, fields = code[order], time[order], {name: values[order] for name, values in fields.items()}
        session, sessions = _sessions(time, calendar)
        raw = frame.attrs.get("prices") == "raw"
        return cls(names, code, time, session, sessions, calendar, raw, fields, unordered)

    def __len__(self) -> int:
        return len(self.code)

    @property
    def daily(self) -> bool:
        """True where times are session dates."""
        return self.time.tz is None

    @cached_property
    def follows(self) -> np.ndarray:
        """True where the row before is of the same symbol, shape (R,)."""
        return np.r_[False, self.code[1:] == self.code[:-1]]

    @cached_property
    def ends(self) -> np.ndarray:
        """The instant (ns) at which each bar was complete: its session's close; off the calendar, its own time."""
        if not self.daily or self.sessions.empty:
            return self.time.asi8
        closes = self.calendar.closes(self.sessions).asi8
        return np.where(self.session < 0, self.time.asi8, closes[self.session])

    def before(self, name: str) -> np.ndarray:
        """Return the field's value in the symbol's row before; NaN in its first."""
        values = np.asarray(self.fields[name], float)
        return np.where(self.follows, np.r_[np.nan, values[:-1]], np.nan)

    def symbol(self, row: int) -> str:
        """Return the symbol of one row."""
        return str(self.names[self.code[row]])

    def runs(self, mask: np.ndarray) -> Iterator[tuple[int, int]]:
        """Yield the first and last row of every stretch of one symbol on which `mask` holds."""
        joined = mask & np.r_[False, mask[:-1]] & self.follows
        starts = np.flatnonzero(mask & ~joined)
        ends = np.flatnonzero(mask & ~np.r_[joined[1:], False])
        yield from zip(starts.tolist(), ends.tolist(), strict=True)


def codes(symbols: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return each symbol's position among the sorted names, and those names."""
    categories = symbols.astype("category").cat.remove_unused_categories().cat
    names = categories.categories.to_numpy(object).astype(str)
    order = np.argsort(names, kind="stable")
    rank = np.empty(len(names), np.int32)
    rank[order] = np.arange(len(names), dtype=np.int32)
    return rank[categories.codes.to_numpy()], names[order]


def _numbers(values: pd.Series) -> np.ndarray:
    if isinstance(values.dtype, np.dtype):
        return values.to_numpy()
    return values.to_numpy(float, na_value=np.nan)


def _sessions(time: pd.DatetimeIndex, calendar: Calendar) -> tuple[np.ndarray, pd.DatetimeIndex]:
    dates = time if time.tz is None else calendar.session_of(time)
    known = dates.dropna()
    if known.empty:
        return np.full(len(time), -1), known
    sessions = calendar.sessions(known.min(), known.max())
    return sessions.get_indexer(dates), sessions
