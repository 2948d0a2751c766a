"""Check that a frame can be read as bars at all: its columns, their types, and the meaning of its times."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from alpha.data.sanity.finding import Finding


def structure(frame: pd.DataFrame) -> Iterator[Finding]:
    """Yield the findings that leave the symbol of a bar, its time or the meaning of a value unknown."""
    for name in ("time", "symbol", "close"):
        if name not in frame:
            there = ", ".join(map(str, frame.attrs.get("header", frame.columns)))
            why = f"bars need this column; there are {there}; say which one it is in source.columns ({{{name}: ...}})"
            yield Finding("missing_column", "error", "*", None, name, why)
    if frame.empty:
        return
    if "symbol" in frame:
        yield from _symbols(frame)
    if "time" in frame:
        yield from _times(frame)
    for name in frame.columns.difference(["time", "symbol"]):
        yield from _numbers(frame, name)


def _symbols(frame: pd.DataFrame) -> Iterator[Finding]:
    symbols = frame["symbol"]
    texts = symbols.cat.categories if isinstance(symbols.dtype, pd.CategoricalDtype) else symbols
    if symbols.isna().any():
        at = int(symbols.isna().to_numpy().argmax())
        yield _found("null_symbol", frame, at, symbols.iloc[at], "the row has no symbol")
    elif not pd.api.types.is_string_dtype(texts.dtype):
        kind = type(symbols.iloc[0]).__name__
        yield _found("wrong_type", frame, 0, symbols.iloc[0], f"symbol must be a text; it is {kind}")
    elif odd := [name for name in symbols.unique() if name != name.strip() or not name]:
        at = int((symbols == odd[0]).to_numpy().argmax())
        code, why = ("padded_symbol", "spaces around its symbol") if odd[0].strip() else ("null_symbol", "no symbol")
        yield _found(code, frame, at, odd[0], f"the row has {why}")


def _times(frame: pd.DataFrame) -> Iterator[Finding]:
    times = frame["time"]
    if times.isna().any():
        at = int(times.isna().to_numpy().argmax())
        yield _found("null_time", frame, at, times.iloc[at], "the row has no time")
    elif times.dtype.kind != "M":
        yield _odd_times(frame, times.to_numpy(object))
    elif not times.dt.year.between(1678, 2261).all():
        yield _found("wrong_type", frame, int(times.argmax()), str(times.max()), "time must lie between 1678 and 2261")
    elif times.dt.tz is None:
        inside = (times != times.dt.normalize()).to_numpy()
        if inside.any():
            at = int(inside.argmax())
            why = "the time of an intraday bar must say its zone (sources of files take `zone`)"
            yield _found("naive_time", frame, at, str(times.iloc[at]), why)
    elif str(times.dt.tz) != "UTC":
        yield _found("mixed_time_zones", frame, 0, str(times.dt.tz), "instants must be in UTC")


def _odd_times(frame: pd.DataFrame, times: np.ndarray) -> Finding:
    strange = [i for i, time in enumerate(times) if not hasattr(time, "tzinfo")]
    if strange:
        at = next((i for i in strange if not _dated(times[i])), strange[0])
        why = "time must be a date such as 2020-01-31, or an instant in ISO 8601"
        return _found("wrong_type", frame, at, times[at], why)
    zones = [str(time.tzinfo) for time in times]
    at = next((i for i, zone in enumerate(zones) if zone != zones[0]), 0)
    message = f"times must be in one zone; they are in {', '.join(sorted(set(zones)))} (None: no zone)"
    return _found("mixed_time_zones", frame, at, str(times[at]), message)


def _dated(value: object) -> bool:
    """Return whether a text is a date: where one row of a file has none, that row is at fault."""
    try:
        return isinstance(value, str) and bool(pd.to_datetime(value, format="ISO8601"))
    except ValueError:
        return False


def _numbers(frame: pd.DataFrame, name: str) -> Iterator[Finding]:
    dtype = frame[name].dtype
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype) and dtype.kind != "c":
        return
    values = frame[name].to_numpy(object)
    at = next((i for i, value in enumerate(values) if not _numeric(value)), 0)
    kind = type(values[at]).__name__
    yield _found("wrong_type", frame, at, values[at], f"{name} must be a number; it is {kind}")


def _numeric(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def _found(code: str, frame: pd.DataFrame, at: int, value: object, message: str) -> Finding:
    symbol = str(frame["symbol"].iloc[at]) if "symbol" in frame else "*"
    time = frame["time"].iloc[at] if "time" in frame else None
    known = isinstance(time, pd.Timestamp)
    return Finding(code, "error", symbol, time if known else None, value, message, row=at)
