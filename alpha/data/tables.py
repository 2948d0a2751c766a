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
