"""Tables that are not bars."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from alpha.core.errors import ConfigError, DataError, nearest


def read_table(path: Path) -> pd.DataFrame:
    """Read a Parquet or CSV table as it is.

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
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (ValueError, OSError) as error:  # what pyarrow and pandas raise on a file of another kind
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
