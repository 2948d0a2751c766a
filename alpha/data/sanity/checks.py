"""The sanity checks, one function each: bars in, findings out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from alpha.core.panel import PRICES
from alpha.data.rows import Rows
from alpha.data.sanity.finding import CODES, Finding

STALE_DAYS, STALE_BARS = 5, 60  # equal closes in a row, of daily and of intraday bars
SPIKE = 0.35  # |log return| that is worth a look, where it is also
SPIKE_SIGMAS = 15.0  # this many robust standard deviations of the symbol's own returns
ROUNDING = 1e-6  # of a price: vendors round, and adjust the high and the close apart
RATIOS = np.array([3 / 2, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, *(1 / np.array([2, 3, 4, 5, 6, 7, 8, 10, 15, 20]))])
NEAR, NEAR_CLOSES = 0.05, 0.03  # |log| distance from such a ratio; of closes without a volume, which would show a crash
ORDINARY = 4.0  # times the usual volume; a crash is on more


def order(rows: Rows, now: pd.Timestamp | None) -> Iterator[Finding]:
    """Each symbol's bars come in the order of time, one for each time."""
    for symbol, time, before, count in rows.unordered:
        message = f"comes after the bar of {before} ({count} out of order)"
        yield Finding("unordered_time", "error", symbol, time, str(time), message)
    for first, last in rows.runs(rows.follows & np.r_[False, np.diff(rows.time.asi8) == 0]):
        many = last - first + 2
        yield _found(
            rows, "duplicate_time", first, many, f"there are {many} bars of this symbol for this time; keep one"
        )


def prices(rows: Rows, now: pd.Timestamp | None) -> Iterator[Finding]:
    """Prices are finite and positive. A bar that did not happen is absent, not NaN."""
    for name in (*PRICES, "adj_close"):
        values = rows.fields.get(name)
        if values is None or bool(((values > 0) & (values < np.inf)).all()):
            continue
        wrong = {
            "nan_price": np.isnan(values), "infinite_price": np.isinf(values), "zero_price": values == 0,
            "negative_price": (values < 0) & ~np.isinf(values),
        }  # fmt: skip
        for code, mask in wrong.items():
            yield from _each(rows, code, mask, values, f"{name} must be a positive number")


def ranges(rows: Rows, now: pd.Timestamp | None) -> Iterator[Finding]:
    """The low is the lowest and the high the highest."""
    high, low = rows.fields.get("high"), rows.fields.get("low")
    if high is not None and low is not None:
        yield from _each(rows, "high_below_low", high < low * (1 - ROUNDING), high, "high is below the low of", low)
    for name in ("open", "close"):
        values, code = rows.fields.get(name), f"{name}_outside_range"
        if values is not None and high is not None:
            yield from _each(rows, code, values > high * (1 + ROUNDING), values, f"{name} is above the high of", high)
        if values is not None and low is not None:
            yield from _each(rows, code, values < low * (1 - ROUNDING), values, f"{name} is below the low of", low)


def events(rows: Rows, now: pd.Timestamp | None) -> Iterator[Finding]:
    """Volumes are finite and not negative, dividends are less than the price, splits are ratios."""
    volume, paid, split = (rows.fields.get(name) for name in ("volume", "dividend", "split"))
    if volume is not None:
        yield from _each(rows, "negative_volume", volume < 0, volume, "volume cannot be negative")
        yield from _each(rows, "infinite_volume", volume == np.inf, volume, "volume must be finite")
    if paid is not None:
        before = rows.before("close")
        wrong = (paid < 0) | ((paid > 0) & (paid * _splits(rows) >= before))
        yield from _each(rows, "bad_dividend", wrong, paid, "dividend must lie between 0 and the close before,", before)
    if split is not None:
        yield from _each(rows, "bad_split", (split < 0) | np.isinf(split), split, "split must be a positive ratio")


def calendar(rows: Rows, now: pd.Timestamp | None) -> Iterator[Finding]:
    """Bars lie on sessions, and none lies in the future."""
    severity = "error" if rows.daily else "warning"
    for first, last in rows.runs(rows.session < 0):
        message = _closed(rows, first, last) if rows.daily else _outside(rows, first, last)
        yield _found(rows, "off_calendar", first, str(rows.time[first]), message, last, severity)
    if now is not None:
        for first, last in rows.runs(rows.ends > now.as_unit("ns").value):
            message = f"the bar ends after now, {now:%Y-%m-%dT%H:%MZ}"
            yield _found(rows, "future_bar", first, str(rows.time[first]), message, last)


def _closed(rows: Rows, first: int, last: int) -> str:
    if last > first:
        return f"the exchange ({rows.calendar.name}) was closed on these {last - first + 1} days"
    why = "a weekend" if rows.time[first].weekday() > 4 else "a holiday"
    return f"the exchange ({rows.calendar.name}) was closed on this {rows.time[first]:%A}: {why}"


def _outside(rows: Rows, first: int, last: int) -> str:
    many = "this bar is" if last == first else f"these {last - first + 1} bars are"
    return f"outside the hours of the exchange ({rows.calendar.name}); {many} left out"


def gaps(rows: Rows, now: pd.Timestamp | None) -> Iterator[Finding]:
    """No session lacks all bars, nor the bar of a symbol between its first one and its last."""
    on = np.flatnonzero(rows.session >= 0)
    traded = np.zeros(len(rows.sessions), bool)
    traded[rows.session[on]] = True
    edges = np.flatnonzero(np.diff(np.r_[True, traded, True].astype(int)))
    for first, last in edges.reshape(-1, 2).tolist():
        message, until = "sessions on which no symbol has a bar", rows.sessions[last - 1]
        yield Finding("calendar_gap", "warning", "*", rows.sessions[first], last - first, message, until)
    at = (np.cumsum(traded) - 1)[rows.session[on]]  # counted in sessions in which some symbol has a bar
    sessions = rows.sessions[traded]
    for i in np.flatnonzero((rows.code[on][1:] == rows.code[on][:-1]) & (np.diff(at) > 1)).tolist():
        first, last = sessions[at[i] + 1], sessions[at[i + 1] - 1]
        count, symbol = int(at[i + 1] - at[i] - 1), rows.symbol(on[i])
        yield Finding("calendar_gap", "warning", symbol, first, count, "sessions without a bar", last)


def stale(rows: Rows, now: pd.Timestamp | None) -> Iterator[Finding]:
    """A price that does not move for many bars may be a copy of an old one."""
    close, volume = rows.fields["close"], rows.fields.get("volume")
    for second, last in rows.runs(rows.follows & np.r_[False, close[1:] == close[:-1]]):
        first, count = second - 1, last - second + 2
        if count >= (STALE_DAYS if rows.daily else STALE_BARS):
            idle = 0 if volume is None else int((volume[first : last + 1] == 0).sum())
            message = f"{count} equal closes" + (f", {idle} of them without volume" if idle else "")
            yield _found(rows, "stale_run", first, close[first], message, last)


def jumps(rows: Rows, now: pd.Timestamp | None) -> Iterator[Finding]:
    """Prices do not jump, least of all by the ratio of an undeclared split; declared splits show in the price."""
    split, earned = _splits(rows), _earned(rows, "close")
    size = np.abs(np.log(split))
    missing = (split == 1) & _like_a_split(rows, earned)
    absent = (size > 0.2) & (np.abs(earned) > 0.75 * size)
    odd = np.abs(earned) > np.maximum(SPIKE, SPIKE_SIGMAS * _sigma(rows, earned))
    close = rows.fields["close"]
    for i in np.flatnonzero(missing | absent | odd).tolist():
        moved = f"close went from {close[i - 1]:g} to {close[i]:g}"
        if missing[i]:
            hint = (
                "none is declared" if rows.raw else "prices are said to be adjusted; declare them raw if they are not"
            )
            message = f"{moved}, as by a split of {np.exp(-earned[i]):.3g}, and {hint}"
            severity = "error" if rows.raw else "warning"
            yield _found(rows, "unadjusted_split", i, close[i] / close[i - 1], message, severity=severity)
        elif absent[i]:
            yield _found(rows, "split_not_in_price", i, split[i], f"a split of {split[i]:g} is declared, but {moved}")
        elif split[i] != 1:
            message = f"{moved} with a split of {split[i]:g}{_volume_note(rows, i)}"
            yield _found(rows, "spike_with_split", i, earned[i], message)
        else:
            yield _found(rows, "spike", i, earned[i], moved + _volume_note(rows, i))


CHECKS = (order, prices, ranges, events, calendar, gaps, stale, jumps)


def _splits(rows: Rows) -> np.ndarray:
    """Return the split of each row; 1 where there is none, or where prices are adjusted for it already."""
    split = np.asarray(rows.fields["split"], float) if rows.raw and "split" in rows.fields else np.ones(len(rows))
    return np.where((split > 0) & np.isfinite(split), split, 1.0)


def _earned(rows: Rows, price: str) -> np.ndarray:
    """Return the log return from the close before to `price`, with that day's dividend and split; NaN where unknown."""
    paid = np.nan_to_num(rows.fields["dividend"]) if rows.raw and "dividend" in rows.fields else 0.0
    ratio = (rows.fields[price] + paid) * _splits(rows) / np.where((b := rows.before("close")) > 0, b, np.nan)
    return np.log(np.where((ratio > 0) & np.isfinite(ratio), ratio, np.nan))


def _like_a_split(rows: Rows, earned: np.ndarray) -> np.ndarray:
    """Return where open and close both moved by a split's ratio, on ordinary volume."""
    tolerance = NEAR if "volume" in rows.fields else NEAR_CLOSES
    found = _near_ratio(earned, tolerance)
    if "open" in rows.fields and found.any():
        found &= _near_ratio(_earned(rows, "open"), tolerance)
    for i in np.flatnonzero(found).tolist():
        found[i] = _volume_ratio(rows, i) < ORDINARY
    return found


def _near_ratio(earned: np.ndarray, tolerance: float) -> np.ndarray:
    near = np.zeros(len(earned), bool)
    large = np.flatnonzero(np.abs(earned) > np.log(1.5) - tolerance)
    near[large] = (np.abs(earned[large, None] + np.log(RATIOS)) < tolerance).any(axis=1)
    return near


def _volume_ratio(rows: Rows, row: int) -> float:
    """Return the volume of a row against the median of up to 20 rows before it; 1 where it is unknown."""
    if "volume" not in rows.fields:
        return 1.0
    first = max(row - 20, int(np.searchsorted(rows.code, rows.code[row])))
    usual = float(np.median(rows.fields["volume"][first:row]))
    return float(rows.fields["volume"][row]) / usual if usual > 0 else 1.0


def _volume_note(rows: Rows, row: int) -> str:
    if "volume" not in rows.fields:
        return ""
    ratio = _volume_ratio(rows, row)
    hint = "; a corporate action may be missing" if ratio < ORDINARY else ""
    return f", on {ratio:.1f} times the usual volume{hint}"


def _sigma(rows: Rows, earned: np.ndarray) -> np.ndarray:
    """Return the robust standard deviation of its symbol's returns, for each row."""
    medians = pd.Series(np.abs(earned)).groupby(rows.code).median().to_numpy()
    return np.nan_to_num(1.4826 * medians)[rows.code]


def _each(
    rows: Rows, code: str, mask: np.ndarray, values: np.ndarray, message: str, other: np.ndarray | None = None
) -> Iterator[Finding]:
    for first, last in rows.runs(mask) if mask.any() else ():
        beside = "" if other is None else f" {float(other[first]):g}"
        many = f" ({last - first + 1} bars)" if last > first else ""
        yield _found(rows, code, first, values[first], message + beside + many, last)


def _found(
    rows: Rows, code: str, first: int, value: Any, message: str, last: int | None = None, severity: str | None = None
) -> Finding:
    value = float(value) if isinstance(value, np.number) else value
    until = None if last is None or last == first else rows.time[last]
    return Finding(code, severity or CODES[code], rows.symbol(first), rows.time[first], value, message, until)
