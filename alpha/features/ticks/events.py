"""Trades, quotes, and the instants at which sessions begin and intervals end, as one sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alpha.core.errors import DataError
from alpha.features.ticks.book import CLOSE, OPEN, QUOTE, TRADE

QUOTED = ("bid", "bid_size", "ask", "ask_size")
TRADED = ("price", "size")
_Part = tuple[int, np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Events:
    """The events of one symbol, in the order of time.

    Parameters
    ----------
    kind : int8 array of shape (n,)
        QUOTE 0, TRADE 1, CLOSE 2 (the end of an interval), OPEN 3 (the beginning of a session).
    time : int64 array of shape (n,)
        Nanoseconds since 1970, UTC; never falling. An event is known at its time.
    values : float64 array of shape (n, 4)
        For a quote bid, bid size, ask, ask size; for a trade price, size and initiator: 1 the buyer, -1 the seller,
        NaN where unknown. Unused places are NaN.
    """

    kind: np.ndarray
    time: np.ndarray
    values: np.ndarray

    @classmethod
    def of(
        cls, trades: pd.DataFrame | None = None, quotes: pd.DataFrame | None = None, *,
        opens: Sequence[pd.Timestamp] | pd.DatetimeIndex = (), closes: Sequence[pd.Timestamp] | pd.DatetimeIndex = (),
    ) -> Events:  # fmt: skip
        """Merge tables. At one instant quotes come first, then trades, then a CLOSE, then an OPEN.

        Parameters
        ----------
        trades : DataFrame, optional
            ``time`` (with a zone), ``price``, ``size``, and ``side`` if it is known who began them.
        quotes : DataFrame, optional
            ``time``, ``bid``, ``bid_size``, ``ask``, ``ask_size``: the best of both sides.
        opens, closes : instants with a zone
            A session is open < time <= close, as in a calendar.

        Raises
        ------
        DataError
            ``missing_column``, ``naive_time``, ``unordered_time``; ``bad_tick`` where a price is not positive, a size
            is negative, a value is not finite, or a quote is crossed.
        """
        parts = [_part(QUOTE, quotes, QUOTED), _part(TRADE, trades, TRADED, "side"), _marks(CLOSE, closes),
                 _marks(OPEN, opens)]  # fmt: skip
        kind = np.concatenate([np.full(len(time), each, np.int8) for each, time, _ in parts])
        time = np.concatenate([time for _, time, _ in parts])
        values = np.concatenate([values for _, _, values in parts])
        order = np.lexsort((kind, time))
        return cls(kind[order], time[order], np.ascontiguousarray(values[order]))

    def __len__(self) -> int:
        return len(self.kind)

    def __getitem__(self, rows: slice) -> Events:
        """Return some of the events, without copying them."""
        return Events(self.kind[rows], self.time[rows], self.values[rows])


def _marks(kind: int, instants: Sequence[pd.Timestamp] | pd.DatetimeIndex) -> _Part:
    column = pd.Series(pd.DatetimeIndex(list(instants)) if len(instants) else pd.DatetimeIndex([], tz="UTC"))
    return kind, np.sort(_nanoseconds(column, "opens and closes")), np.full((len(column), 4), np.nan)


def _part(kind: int, table: pd.DataFrame | None, names: tuple[str, ...], side: str = "") -> _Part:
    """Return the events of a table, checked."""
    if table is None:
        return _marks(kind, ())
    what = "quotes" if kind == QUOTE else "trades"
    for name in ("time", *names):
        if name not in table:
            raise DataError(
                f"{what} need a column {name!r}; they have {', '.join(table.columns)}", code="missing_column"
            )
    time = _nanoseconds(table["time"], what)
    values = np.full((len(table), 4), np.nan)
    values[:, : len(names)] = table[list(names)].to_numpy(np.float64)
    if (late := np.diff(time) < 0).any():
        at = pd.Timestamp(time[int(late.argmax()) + 1], tz="UTC")
        raise DataError(f"{what} must be in the order of time; the one of {at} comes too late", code="unordered_time")
    if side in table:
        values[:, len(names)] = table[side].to_numpy(np.float64)
    _check(what, kind, table, values)
    return kind, time, values


def _check(what: str, kind: int, table: pd.DataFrame, values: np.ndarray) -> None:
    a, b, c, d = values.T
    infinite = np.isinf(values).any(axis=1)
    if kind == QUOTE:
        odd = infinite | ~((a > 0) & (b >= 0) & (c >= a) & (d >= 0))
    else:
        odd = infinite | ~((a > 0) & (b > 0)) | ~(np.isnan(c) | (np.abs(c) == 1))
    if odd.any():
        row = table.iloc[int(odd.argmax())].to_dict()
        expected = "positive prices, sizes of 0 or more, and no bid above its ask"
        if kind == TRADE:
            expected = "a positive price, a positive size, and a side of 1, -1 or NaN"
        message = f"{what} need {expected}; one is {row}"
        raise DataError(f"{message}: leave such out, and count them", code="bad_tick")


def _nanoseconds(column: pd.Series, what: str) -> np.ndarray:
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        raise DataError(f"the times of {what} must have a zone; they are {column.dtype}", code="naive_time")
    if column.isna().any():
        raise DataError(f"{what} must say when they were; {int(column.isna().sum())} do not", code="null_time")
    return column.dt.tz_convert("UTC").dt.as_unit("ns").astype("int64").to_numpy()
