"""Readers of tables that are not bars."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import pandas as pd

from alpha.core.errors import ConfigError, DataError, nearest

OFFSET = r"(?:[Zz]|[+-]\d{2}:?\d{2})$"
MISSING = ["", "NA", "N/A", "#N/A", "<NA>", "n/a", "NaN", "nan", "NULL", "null", "None"]
UNREADABLE = (ValueError, OSError, EOFError, KeyError, zlib.error)
"""Errors that pandas, pyarrow and gzip raise on a file of another kind, and on one that is cut off or damaged."""


def read_csv(path: Path, texts: Collection[str], columns: list[str] | None = None) -> pd.DataFrame:
    """Read a CSV table, or some of its columns; `texts` stay as they are written: a ticker may be called NA or 000001.

    Raises
    ------
    One of ``UNREADABLE``.
    """
    missing = {str(name): [""] if name in texts else MISSING for name in pd.read_csv(path, nrows=0)}
    return pd.read_csv(
        path, usecols=columns, dtype=dict.fromkeys(texts, str), na_values=missing, keep_default_na=False
    )  # fmt: skip


def read_table(path: Path, texts: Collection[str] = ()) -> pd.DataFrame:
    """Read a Parquet or CSV table as it is; `texts` are columns of names, which a CSV file does not mark as such.

    Raises
    ------
    ConfigError
        ``unknown_path``, with the nearest name beside it.
    DataError
        ``unreadable_file``.
    """
    if not path.is_file():
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise ConfigError(f"no file {path}; {nearest(path.name, beside)}", code="unknown_path")
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else read_csv(path, texts)
    except UNREADABLE as error:
        raise DataError(f"{path} cannot be read as a table: {error}", code="unreadable_file") from None


def read_dates(column: pd.Series, where: str) -> pd.Series:
    """Return a column of dates without a zone, empty ones as NaT.

    Numbers are refused: 20200131 read as nanoseconds is a moment of 1970, and everything would be known since then.

    Raises
    ------
    DataError
        ``wrong_type``.
    """
    if column.isna().all():
        return pd.to_datetime(pd.Series(pd.NaT, column.index))
    expected = f"{where} must hold dates such as 2020-01-31"
    if pd.api.types.is_numeric_dtype(column) or isinstance(column.dtype, pd.DatetimeTZDtype):
        raise DataError(f"{expected}; it holds {column.dtype}", code="wrong_type")
    try:
        return pd.to_datetime(column, format="ISO8601" if pd.api.types.is_string_dtype(column) else None)
    except (ValueError, TypeError) as error:
        raise DataError(f"{expected}: {error}", code="wrong_type") from None


def read_instants(column: pd.Series) -> pd.Series:
    """Return a column of instants with a zone, or of texts that name one, in nanoseconds since 1970, UTC.

    Raises
    ------
    DataError
        ``naive_time``, ``null_time``, ``wrong_type``.
    """
    known = _parsed(column) if pd.api.types.is_string_dtype(column) else column
    if not isinstance(known.dtype, pd.DatetimeTZDtype):
        message = f"column {column.name!r} must hold instants with a zone; it holds {known.dtype}"
        raise DataError(message, code="naive_time")
    if known.isna().any():
        message = f"column {column.name!r} must say when each value became known; {int(known.isna().sum())} rows do not"
        raise DataError(message, code="null_time")
    return known.dt.tz_convert("UTC").dt.as_unit("ns").astype("int64")


def _parsed(texts: pd.Series) -> pd.Series:
    """Read instants that a CSV file holds as texts; they stay naive where they name no zone."""
    try:
        placed = texts.dropna().str.contains(OFFSET).all()  # one column may hold summer and winter
        return pd.to_datetime(texts, format="ISO8601", utc=bool(placed))
    except ValueError as error:
        raise DataError(f"column {texts.name!r} must hold instants such as 2020-01-31T21:00:00+00:00: {error}",
                        code="wrong_type") from None  # fmt: skip


def expect_columns(table: pd.DataFrame, names: Iterable[str], where: Path) -> None:
    """Raise DataError (``missing_column``) where the table lacks one of these columns."""
    for name in names:
        if name not in table:
            raise DataError(f"{where} has no column {name!r}; {nearest(name, table.columns)}", code="missing_column")


def expect_plain(column: pd.Series, where: Path) -> None:
    """Raise DataError (``padded_symbol``) where a symbol has spaces around it: it would be another one."""
    for name in map(str, column.dropna().unique()):
        if name != name.strip():
            message = f"{where}: column {column.name!r} must hold symbols without spaces around them; one is {name!r}"
            raise DataError(message, code="padded_symbol")


def expect_symbols(column: pd.Series, symbols: Sequence[str], where: Path) -> None:
    """Raise DataError where a column of symbols names none of the panel's (``foreign_table``), or ``padded_symbol``."""
    expect_plain(column, where)
    if not column.astype(str).isin(symbols).any():
        message = f"{where}: column {column.name!r} names none of the symbols ({symbols[0]} ...)"
        raise DataError(message, code="foreign_table")
