"""Turn long bars into a panel: the calendar's grid, with prices adjusted forward from the first row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from alpha.core.calendar import Calendar
from alpha.core.errors import DataError
from alpha.core.instrument import Instrument
from alpha.core.panel import PRICES, Panel
from alpha.data.rows import codes

EVENTS = ("dividend", "split")


def to_panel(frame: pd.DataFrame, calendar: Calendar) -> Panel:
    """Place checked bars on the grid of sessions (or of the bars' own instants) and symbols sorted by name.

    Row t is known at ``times[t]``: the close of its session, or the instant of an intraday bar. Bars off the calendar
    are left out, and a session in which no symbol has a bar gets no row; the sanity checks report both.

    Raw prices are adjusted forward, with a factor of 1 at a symbol's first bar::

        factor[t] = factor[t-1] * split[t] / (1 - dividend[t] / close[t-1])

    and volume is divided by the product of the splits, so that a later dividend or split never changes an earlier
    value. Where the frame has the events, the panel has ``raw_open raw_close dividend split`` too.
    Where it has only ``adj_close``, the factor is its ratio to ``close`` over the same ratio at the first bar, and
    volume stays as it is.

    The frame's dividend is cash (or the worth of what was spun off) for each share as it is *after* a split of the same
    day, which is how vendors have it. The panel's is for each share held over the close before: what a holder is paid.

    Parameters
    ----------
    frame : DataFrame
        Long bars without errors; ``frame.attrs["prices"]`` is ``raw`` or ``adjusted``. A split is new shares for each
        old one, NaN or 0 where there is none.

    Raises
    ------
    DataError
        ``no_bars``.
    """
    column, symbols = codes(frame["symbol"])
    row, times = _rows(pd.DatetimeIndex(frame["time"]), calendar)
    if not len(times):
        raise DataError(f"there are no bars on sessions of {calendar.name}", code="no_bars")
    on = row >= 0
    place = (row, column) if on.all() else (row[on], column[on])

    def grid(name: str) -> np.ndarray:
        values = frame[name].to_numpy()
        out = np.full((len(times), len(symbols)), np.nan)
        out[place] = values if on.all() else values[on]
        return out

    fields = {name: grid(name) for name in frame.columns if name not in ("time", "symbol")}
    raw = frame.attrs.get("prices") == "raw"
    adjusted = _adjusted(fields) if raw else _plain(fields)
    return Panel(times, tuple(symbols), adjusted, instrument=Instrument(calendar=calendar.name))


def _rows(time: pd.DatetimeIndex, calendar: Calendar) -> tuple[np.ndarray, pd.DatetimeIndex]:
    """Return the row of each bar (-1: none) and the rows' instants."""
    if time.tz is None:
        position, dates = pd.factorize(time.as_unit("ns"), sort=True)
        known = np.array([], np.int64) if dates.empty else calendar.sessions(dates[0], dates[-1]).get_indexer(dates)
        number = np.where(known >= 0, np.cumsum(known >= 0) - 1, -1)
        return number[position], calendar.closes(pd.DatetimeIndex(dates[known >= 0]))
    time = time.as_unit("ns")
    inside = np.asarray(calendar.session_of(time).notna())
    times = time[inside].unique().sort_values()
    return np.where(inside, times.get_indexer(time), -1), times.rename(None)


def _plain(fields: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: values for name, values in fields.items() if name not in (*EVENTS, "adj_close")}


def _adjusted(fields: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    done = _plain(fields)
    if any(name in fields for name in EVENTS):
        split, dividend = _events(fields)
        before = _close_before(fields["close"])
        paid = np.divide(dividend, before, out=np.zeros_like(before), where=np.isfinite(before))
        splits = np.where(np.isfinite(before), split, 1.0)
        factor, shares = np.cumprod(splits / (1.0 - paid), axis=0), np.cumprod(splits, axis=0)
        done |= {f"raw_{name}": fields[name] for name in ("open", "close") if name in fields}
        done |= {name: values for name, values in (("dividend", dividend), ("split", split)) if name in fields}
    elif "adj_close" in fields:
        factor, shares = _from_ratio(fields["adj_close"] / fields["close"]), np.array(1.0)
    else:
        return done
    done |= {name: fields[name] * factor for name in PRICES if name in fields}
    if "volume" in fields:
        done["volume"] = fields["volume"] / shares
    return done


def _events(fields: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return splits, 1 where there is none, and dividends for each share as it was before them."""
    shape = fields["close"].shape
    split, dividend = fields.get("split", np.ones(shape)), fields.get("dividend", np.zeros(shape))
    split = np.where(split > 0, split, 1.0)
    return split, np.nan_to_num(dividend) * split


def _close_before(close: np.ndarray) -> np.ndarray:
    """Return the last close known before each row, NaN before the first."""
    rows = np.arange(len(close))[:, None]
    last = np.maximum.accumulate(np.where((close > 0) & (close < np.inf), rows, -1), axis=0)
    last = np.vstack([np.full((1, close.shape[1]), -1), last[:-1]])
    return np.where(last >= 0, np.take_along_axis(close, np.maximum(last, 0), axis=0), np.nan)


def _from_ratio(ratio: np.ndarray) -> np.ndarray:
    """Return a ratio over its first value."""
    first = np.isfinite(ratio).argmax(axis=0)
    return ratio / np.take_along_axis(ratio, first[None], axis=0)
