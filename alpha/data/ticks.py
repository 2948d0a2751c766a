"""Tables of trades and of quotes, cleaned: unusable rows are left out, and counted under a stable code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError, nearest
from alpha.data.sanity.finding import CODES, Finding
from alpha.data.tables import expect_columns, read_instants, read_table

TRADES = ("time", "symbol", "price", "size")
QUOTES = ("time", "symbol", "bid", "bid_size", "ask", "ask_size")
OPTIONAL = ("suspicious", "condition", "buyer_is_maker")
FLAGS = {  # of a trade, by the bit of its condition
    "cash": 0x2, "next_day": 0x4, "seller": 0x8, "derivatively_priced": 0x200, "form_t": 0x400, "sold": 0x800,
    "extended_hours": 0x2000, "out_of_sequence": 0x4000, "average_price": 0x100000, "official_close": 0x1000000,
    "prior_reference_price": 0x2000000, "official_open": 0x4000000,
}  # fmt: skip
ODD = sum(FLAGS.values())
"""Conditions of trades that were not made at the price of their moment, or are reported twice."""
REASONS = {
    "bad_trade": "no positive price and size",
    "odd_condition": "not made at the price of its moment, or reported twice",
    "bad_quote": "a price or size that is negative or no number",
    "zero_quote": "a side without a price or without a size",
    "one_sided_quote": "the other side is not known yet",
    "crossed_quote": "the bid is above the ask",
    "suspicious_tick": "the source calls it suspicious",
    "off_session": "the exchange was closed",
}
Epoch = Literal["s", "ms", "us", "ns"]


def read_trades(
    path: Path, symbol: str, calendar: Calendar, *, columns: Mapping[str, str] | None = None, zone: str | None = None,
    epoch: Epoch | None = None, where: Mapping[str, str] | None = None, odd: int = ODD,
) -> tuple[pd.DataFrame, list[Finding]]:  # fmt: skip
    """Return the trades of a symbol within sessions, in the order of the table.

    Parameters
    ----------
    path : Path
        Parquet or CSV, one row a trade.
    symbol : str
    calendar : Calendar
        A session is open < time <= close, so prints of a closing auction that are later than that are left out.
    columns : mapping of str to str, optional
        The table's names of time, symbol, price and size, where they differ, and of those that it has of suspicious
        (true: leave out), condition (hexadecimal bits) and buyer_is_maker (true: the seller began the trade).
    zone : str, optional
        The zone of times without one, such as ``America/New_York``.
    epoch : {"s", "ms", "us", "ns"}, optional
        The unit of times that are integers: since 1970, UTC.
    where : mapping of str to str, optional
        Rows to keep: ``{market: spot}``.
    odd : int
        The bits of `condition` that leave a trade out. Default: ``ODD``.

    Returns
    -------
    trades : DataFrame
        ``time`` (UTC), ``price``, ``size``, ``side`` (1: the buyer began it; -1; NaN: unknown).
    findings : list of Finding
        Counts of the rows left out: ``suspicious_tick``, ``off_session``, ``bad_trade``, ``odd_condition``.

    Raises
    ------
    ConfigError
        ``unknown_path``, ``unknown_column``.
    DataError
        ``missing_column``, ``no_rows``, ``wrong_type``, ``naive_time``, ``ambiguous_time``, ``unordered_time``.
    """
    ticks, findings = _read(path, symbol, calendar, TRADES, columns or {}, zone, epoch, where or {})
    for code, test in (("bad_trade", _bad_trade), ("odd_condition", lambda rows: rows["condition"] & odd != 0)):
        ticks = _left(ticks, code, test(ticks), symbol, findings)
    return ticks[["time", "price", "size", "side"]].reset_index(drop=True), findings


def read_quotes(
    path: Path, symbol: str, calendar: Calendar, *, columns: Mapping[str, str] | None = None, zone: str | None = None,
    epoch: Epoch | None = None, where: Mapping[str, str] | None = None, one_sided: bool = False,
) -> tuple[pd.DataFrame, list[Finding]]:  # fmt: skip
    """Return the best quotes of a symbol within sessions, in the order of the table. Parameters as of `read_trades`.

    Parameters
    ----------
    one_sided : bool
        Whether a row gives one side only, the other being 0: that one holds from earlier rows of the session. Otherwise
        a side of 0 leaves the row out. The table must hold the best quotes, not those of each exchange.

    Returns
    -------
    quotes : DataFrame
        ``time`` (UTC), ``bid``, ``bid_size``, ``ask``, ``ask_size``; no bid is above its ask, which it may equal.
    findings : list of Finding
        ``suspicious_tick``, ``off_session``, ``bad_quote``, ``zero_quote``, ``one_sided_quote``, ``crossed_quote``.
    """
    ticks, findings = _read(path, symbol, calendar, QUOTES, columns or {}, zone, epoch, where or {})
    ticks = _left(ticks, "bad_quote", _bad_quote(ticks), symbol, findings)
    if one_sided:
        ticks = _left(ticks, "zero_quote", ~(_has_side(ticks, "bid") | _has_side(ticks, "ask")), symbol, findings)
        ticks = _carried(ticks)
        ticks = _left(ticks, "one_sided_quote", ticks[["bid", "ask"]].isna().any(axis=1), symbol, findings)
    else:
        ticks = _left(ticks, "zero_quote", ~(_has_side(ticks, "bid") & _has_side(ticks, "ask")), symbol, findings)
    ticks = _left(ticks, "crossed_quote", ticks["bid"] > ticks["ask"], symbol, findings)
    return ticks[["time", "bid", "bid_size", "ask", "ask_size"]].reset_index(drop=True), findings


def _read(
    path: Path, symbol: str, calendar: Calendar, needed: tuple[str, ...], columns: Mapping[str, str],
    zone: str | None, epoch: Epoch | None, where: Mapping[str, str],
) -> tuple[pd.DataFrame, list[Finding]]:  # fmt: skip
    """Return the rows of a symbol within sessions that are not marked suspicious, by their standard names."""
    for name in columns:
        if name not in {*needed, *OPTIONAL}:
            message = f"there is no column {name!r} to name; {nearest(name, {*needed, *OPTIONAL})}"
            raise ConfigError(message, code="unknown_column")
    table = read_table(path)
    names = {name: columns.get(name, name) for name in needed}
    expect_columns(table, [*names.values(), *columns.values(), *where], path)
    for column, value in {names["symbol"]: symbol, **where}.items():
        texts = table[column].astype(str)
        if not (texts == value).any():
            message = f"{path} has no row where {column} is {value!r}; {nearest(value, texts.unique())}"
            raise DataError(message, code="no_rows")
        table = table[texts == value]
    ticks = pd.DataFrame({name: _number(table[names[name]], path) for name in needed[2:]})
    ticks = ticks.assign(time=_instants(table[names["time"]], zone, epoch, path), **_extras(table, columns, path))
    if not ticks["time"].is_monotonic_increasing:
        raise DataError(f"{path}: rows of {symbol} must be in the order of {names['time']!r}", code="unordered_time")
    findings: list[Finding] = []
    ticks = _left(ticks, "suspicious_tick", ticks["suspicious"], symbol, findings)
    ticks = ticks.assign(session=calendar.session_of(pd.DatetimeIndex(ticks["time"])))
    return _left(ticks, "off_session", ticks["session"].isna(), symbol, findings), findings


def _extras(table: pd.DataFrame, columns: Mapping[str, str], path: Path) -> dict[str, Any]:
    """Return the optional columns of a table, with defaults for those that it lacks."""
    found: dict[str, Any] = {"suspicious": False, "condition": 0, "side": np.nan}
    for name in ("suspicious", "buyer_is_maker"):
        if name in columns and not pd.api.types.is_bool_dtype(table[columns[name]]):
            held = table[columns[name]].dtype
            raise DataError(f"{path}: {columns[name]!r} must hold true and false; it holds {held}", code="wrong_type")
    if "suspicious" in columns:
        found["suspicious"] = table[columns["suspicious"]]
    if "buyer_is_maker" in columns:
        found["side"] = 1.0 - 2.0 * table[columns["buyer_is_maker"]].astype(float)
    if "condition" in columns:
        found["condition"] = _bits(table[columns["condition"]], path)
    return found


def _bits(column: pd.Series, path: Path) -> pd.Series:
    """Return hexadecimal texts as numbers; an empty one has no bits."""
    bits = {}
    for text in column.unique():
        try:
            bits[text] = 0 if pd.isna(text) else int(str(text) or "0", 16)
        except ValueError:
            message = f"{path}: column {column.name!r} must hold hexadecimal bits such as 20000020; one is {text!r}"
            raise DataError(message, code="wrong_type") from None
    return column.map(bits).fillna(0).astype("int64")


def _instants(column: pd.Series, zone: str | None, epoch: Epoch | None, path: Path) -> pd.Series:
    """Return times in UTC."""
    if epoch is not None:
        if not pd.api.types.is_integer_dtype(column):
            message = f"{path}: {column.name!r} must hold integers, in {epoch} since 1970; it holds {column.dtype}"
            raise DataError(message, code="wrong_type")
        return pd.to_datetime(column, unit=epoch, utc=True).dt.as_unit("ns")
    if zone is not None and pd.api.types.is_datetime64_dtype(column):
        try:
            column = column.dt.tz_localize(zone)
        except ValueError as error:  # the hour that clocks show twice, or not at all
            raise DataError(f"{path}: {column.name!r}: {error}", code="ambiguous_time") from None
    return pd.to_datetime(read_instants(column), utc=True)


def _number(column: pd.Series, path: Path) -> pd.Series:
    """Return numbers in double precision; a single-precision one is read as the decimal that was meant."""
    if not pd.api.types.is_numeric_dtype(column):
        raise DataError(f"{path}: column {column.name!r} must hold numbers; it holds {column.dtype}", code="wrong_type")
    values = column.to_numpy(np.float64)
    if column.dtype == np.float32:
        for digits in (6, 4, 2):  # the fewest that give the same number
            rounded = np.round(values, digits)
            values = np.where(rounded.astype(np.float32) == column.to_numpy(), rounded, values)
    return pd.Series(values, column.index)


def _bad_trade(rows: pd.DataFrame) -> pd.Series:
    numbers = rows[["price", "size"]]
    return ~((numbers > 0) & np.isfinite(numbers)).all(axis=1)


def _bad_quote(rows: pd.DataFrame) -> pd.Series:
    numbers = rows[["bid", "bid_size", "ask", "ask_size"]]
    return ~((numbers >= 0) & np.isfinite(numbers)).all(axis=1)


def _has_side(rows: pd.DataFrame, side: str) -> pd.Series:
    return (rows[side] > 0) & (rows[f"{side}_size"] > 0)


def _carried(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with each missing side filled from the last row of its session that has it."""
    sides = {name: rows[name].where(_has_side(rows, side)).groupby(rows["session"]).ffill()
             for side in ("bid", "ask") for name in (side, f"{side}_size")}  # fmt: skip
    return rows.assign(**sides)


def _left(ticks: pd.DataFrame, code: str, odd: pd.Series, symbol: str, findings: list[Finding]) -> pd.DataFrame:
    """Leave rows out, and count them."""
    if odd.any():
        times = ticks["time"][odd]
        message = f"ticks left out: {REASONS[code]}"
        findings.append(Finding(code, CODES[code], symbol, times.iloc[0], len(times), message, times.iloc[-1]))
    return ticks[~odd]
