"""Prices that come with an installed package, so that a fresh clone has a real market to work on."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from alpha.core.errors import ConfigError, nearest
from alpha.data import source


@source
def bundled(start: pd.Timestamp, end: pd.Timestamp, *, symbols: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Adjusted daily closes of 20 US large caps, 1990-01-02 to 2022-12-28.

    Closes only: opens, highs, lows and volumes are absent, and so is every feature that needs them. The names are
    those of 2022, so the past has survivorship bias.

    Source: ``skfolio.datasets.load_sp500_dataset`` (BSD-3), read from the package's own data file; importing the
    package itself would take two seconds.
    """
    whole = pd.read_csv(_path(), index_col=0, parse_dates=[0])
    wide = whole.loc[start:end]
    wanted = list(wide.columns) if symbols is None else list(symbols)
    for symbol in wanted:
        if symbol not in wide.columns:
            message = f"the bundled data have no symbol {symbol!r}; {nearest(symbol, wide.columns)}"
            raise ConfigError(message, code="unknown_symbol")
    wide = wide[wanted].rename_axis(index="time", columns="symbol").reset_index()
    frame = wide.melt(id_vars="time", value_name="close").dropna(ignore_index=True)
    frame.attrs |= {"prices": "adjusted", "span": [f"{day:%Y-%m-%d}" for day in (whole.index[0], whole.index[-1])]}
    return frame


def _path() -> Path:
    package = find_spec("skfolio")
    if package is None or package.origin is None:
        raise ConfigError("the bundled prices come with the package skfolio, which is not installed", code="no_package")
    return Path(package.origin).parent / "datasets" / "data" / "sp500_dataset.csv.gz"
