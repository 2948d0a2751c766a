"""Bars from files: Parquet or CSV, one file or a folder of them, in long format."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, NonNegativeFloat, PositiveFloat, model_validator

from alpha.core.errors import ConfigError, DataError, nearest
from alpha.data import source
from alpha.data.fields.asof import Span
from alpha.data.tables import OFFSET, UNREADABLE, read_csv

NUMBERS = ("open", "high", "low", "close", "volume", "dividend", "split", "adj_close")
ALIASES = {
    "date": "time", "datetime": "time", "timestamp": "time", "ts": "time", "ticker": "symbol",
    "dividends": "dividend", "stock_splits": "split", "splits": "split", "adjclose": "adj_close",
}  # fmt: skip


class Action(BaseModel):
    """A split or a dividend of one session that a file lacks or has wrong, declared by a person.

    Parameters
    ----------
    date : date
        The first session on which the price shows it.
    split : float, optional
        New shares for each old one; 1 where the file has a split that did not happen.
    dividend : float, optional
        Cash, or the worth of what was spun off, for each share as it is after a split of the same day.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    symbol: str
    date: dt.date
    split: PositiveFloat | None = None
    dividend: NonNegativeFloat | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Action:
        if self.split is None and self.dividend is None:
            raise ValueError("an action needs a split or a dividend")
        return self


@source
def parquet(
    start: pd.Timestamp,
    end: pd.Timestamp,
    *,
    path: Path,
    prices: Literal["raw", "adjusted"] = "raw",
    columns: dict[str, str] | None = None,
    zone: str | None = None,
    delay: Span = "0min",
    actions: tuple[Action, ...] = (),
) -> pd.DataFrame:
    """Bars from a Parquet file, or from all of a folder's.

    Parameters
    ----------
    path : Path
        A file, or a folder whose files are read in the order of their names. Where a folder's files have no
        symbol column, each is named after its symbol.
    prices : {"raw", "adjusted"}
        Whether prices are as traded. Raw ones are adjusted forward by the columns ``dividend`` and ``split`` or, where
        neither is there, by the ratio of ``adj_close`` to ``close``.
    columns : mapping, optional
        Our name to the file's: ``{time: Date, close: Last}``. Names such as ``date``, ``ticker`` and ``Adj Close`` are
        understood without it. A name of ours that is no price becomes a field of its own (``{short_interest: si}``).
    zone : str, optional
        Where the times of intraday bars are written without a zone: the zone they are in.
    delay : str
        From the time written beside an intraday bar to the instant at which it is complete: ``60min`` for hourly
        bars labelled by their start.
    actions : sequence of {symbol, date, split, dividend}
        Splits and dividends that the file lacks.

    Raises
    ------
    ConfigError
        ``unknown_path``, or ``bad_zone``.
    DataError
        ``missing_column``, naming the file's columns.
    """
    return _load(_read_parquet, "parquet", start, end, path, prices, columns, zone, delay, actions)


@source
def csv(
    start: pd.Timestamp,
    end: pd.Timestamp,
    *,
    path: Path,
    prices: Literal["raw", "adjusted"] = "raw",
    columns: dict[str, str] | None = None,
    zone: str | None = None,
    delay: Span = "0min",
    actions: tuple[Action, ...] = (),
) -> pd.DataFrame:
    """Bars from a CSV file (or ``.csv.gz``), or from all of a folder's; parameters as for ``parquet``."""
    return _load(_read_csv, "csv", start, end, path, prices, columns, zone, delay, actions)


_Read = Callable[[Path, Mapping[str, str], str], pd.DataFrame]


def _load(
    read: _Read, kind: str, start: pd.Timestamp, end: pd.Timestamp, path: Path, prices: str,
    columns: Mapping[str, str] | None, zone: str | None, delay: str, actions: tuple[Any, ...],
) -> pd.DataFrame:  # fmt: skip
    parts, files, spans, header, total = [], [], [], [], 0
    for file in _files(path, kind):
        part = read(file, columns or {}, prices)
        header = part.attrs.pop("header")
        files.append((str(file), total, len(part)))
        part.index += total
        total += len(part)
        if path.is_dir() and "symbol" not in part:
            part["symbol"] = file.name.removesuffix(".gz").removesuffix(f".{kind}")
        part = _instants(part, zone, delay)
        spans += _span(part)
        parts.append(_within(part, start, end))
    frame = parts[0] if len(parts) == 1 else pd.concat(parts)
    for action in actions:
        _declare(frame, Action.model_validate(action), start, end)
    frame.attrs.update(prices=prices, header=header, files=files, span=[min(spans), max(spans)] if spans else None)
    return frame


def _declare(frame: pd.DataFrame, action: Action, start: pd.Timestamp, end: pd.Timestamp) -> None:
    """Write a declared split or dividend into its row, in place."""
    date = pd.Timestamp(action.date)
    if not start <= date <= end:
        return
    row = np.flatnonzero((frame["symbol"] == action.symbol) & (frame["time"] == date))
    if len(row) != 1:
        message = f"an action is declared for {action.symbol} on {action.date}; the file has {len(row)} bars then"
        raise ConfigError(message, code="unknown_action")
    for name, value, nothing in (("split", action.split, 1.0), ("dividend", action.dividend, 0.0)):
        if value is not None:
            if name not in frame:
                frame[name] = nothing
            elif pd.api.types.is_integer_dtype(frame[name]):
                frame[name] = frame[name].astype(float)
            frame.loc[frame.index[row], name] = value


def _files(path: Path, kind: str) -> list[Path]:
    endings = (f".{kind}", f".{kind}.gz")
    if path.is_file():
        return [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.name.endswith(endings))
        if files:
            return files
        raise ConfigError(f"folder {path} has no files named *.{kind}", code="unknown_path")
    beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    raise ConfigError(f"no file or folder {path}; {nearest(path.name, beside)}", code="unknown_path")


def _read_parquet(path: Path, columns: Mapping[str, str], prices: str) -> pd.DataFrame:
    import pyarrow
    import pyarrow.parquet as pq

    try:
        header = pq.ParquetFile(path).schema_arrow.names
        names = _names(header, columns, prices, path)
        table = pq.read_table(path, columns=list(names), read_dictionary=[k for k, v in names.items() if v == "symbol"])
    except UNREADABLE as error:
        raise DataError(f"{path} is no whole Parquet file: {error}", code="unreadable_file") from None
    frame = table.rename_columns([names[name] for name in table.column_names]).to_pandas(date_as_object=False)
    del table
    pyarrow.default_memory_pool().release_unused()  # it would keep twice the size of the bars
    frame.attrs["header"] = header
    return frame


def _read_csv(path: Path, columns: Mapping[str, str], prices: str) -> pd.DataFrame:
    try:
        header = list(pd.read_csv(path, nrows=0).columns)
        names = _names(header, columns, prices, path)
        frame = read_csv(path, [name for name, ours in names.items() if ours in ("time", "symbol")], list(names))
    except UNREADABLE as error:
        raise DataError(f"{path} is no whole CSV file: {error}", code="unreadable_file") from None
    frame = frame.rename(columns=names)
    frame.attrs["header"] = header
    return frame


def _names(header: list[str], columns: Mapping[str, str], prices: str, path: Path) -> dict[str, str]:
    """Return which of the file's columns are read, by our names."""
    for ours, theirs in columns.items():
        if theirs not in header:
            message = f"{path} has no column {theirs!r} for {ours!r}; {nearest(theirs, header)}"
            raise DataError(message, code="missing_column")
    names = {theirs: ours for ours, theirs in columns.items()}
    for theirs in header:
        ours = theirs.strip().lower().replace(" ", "_")
        ours = ALIASES.get(ours, ours)
        if theirs not in names and ours in ("time", "symbol", *NUMBERS) and ours not in names.values():
            names[theirs] = ours
    known = set(names.values())
    unused = {"adj_close"} if prices == "adjusted" or known & {"dividend", "split"} else set()
    return {theirs: ours for theirs, ours in names.items() if ours not in unused}


def _instants(frame: pd.DataFrame, zone: str | None, delay: str) -> pd.DataFrame:
    """Turn times into session dates or UTC instants where they say which; leave the rest to the sanity checks."""
    if "time" not in frame:
        return frame
    times = _parsed(frame["time"])
    if zone is not None and isinstance(times.dtype, np.dtype) and times.dtype.kind == "M":
        try:
            times = times.dt.tz_localize(zone, ambiguous="infer").dt.tz_convert("UTC")
        except (KeyError, ValueError) as error:
            raise ConfigError(f"times cannot be in zone {zone!r}: {error}", code="bad_zone") from None
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        times = times.dt.tz_convert("UTC") + pd.Timedelta(delay)
    frame["time"] = times
    return frame


def _parsed(times: pd.Series) -> pd.Series:
    if not pd.api.types.is_string_dtype(times.dtype):
        return times
    zoned = times.str.contains(OFFSET)
    try:
        if zoned.all() or not zoned.any():
            return pd.to_datetime(times, format="ISO8601", utc=bool(zoned.all()) and len(times) > 0)
        return pd.Series([pd.Timestamp(text) for text in times], times.index, dtype=object)
    except ValueError:
        return times  # not times at all: a finding


def _within(frame: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    times = frame.get("time")
    if times is None or times.dtype.kind != "M":
        return frame
    zone = getattr(times.dtype, "tz", None)
    first, last = start.tz_localize(zone), (end + pd.Timedelta(days=1)).tz_localize(zone)
    inside = ((times >= first) & (times < last)) | times.isna()
    return frame if inside.all() else frame[inside]


def _span(frame: pd.DataFrame) -> list[str]:
    """Return the first and the last day there is, as texts."""
    times = frame["time"].dropna() if "time" in frame else pd.Series(dtype=object)
    if times.dtype.kind != "M" or times.empty:
        return []
    return [f"{time:%Y-%m-%d}" for time in (times.min(), times.max())]
