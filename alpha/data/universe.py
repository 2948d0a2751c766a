"""Membership of the universe: which symbols belonged to it, and when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError
from alpha.core.panel import Panel
from alpha.data.tables import expect_plain, read_dates, read_table

NAMES = {"symbol": ("symbol", "ticker"), "start": ("start", "start_date"), "end": ("end", "end_date")}


def read_membership(path: Path) -> pd.DataFrame:
    """Read a table of spells: symbol (or ticker), start (or start_date), end (or end_date; empty: still a member).

    Raises
    ------
    DataError
        ``missing_column``, ``null_symbol``, ``padded_symbol``, ``wrong_type`` where a date is none, ``null_time`` where
        a start is missing, ``reversed_spell`` where an end lies before its start.
    """
    table = read_table(path, NAMES["symbol"])
    found = {ours: next((name for name in names if name in table), None) for ours, names in NAMES.items()}
    for ours, name in found.items():
        if name is None:
            message = f"{path} needs a column {' or '.join(NAMES[ours])}; it has {', '.join(map(str, table.columns))}"
            raise DataError(message, code="missing_column")
    symbol = table[found["symbol"]]
    if symbol.isna().any():
        raise DataError(f"{path}: every spell needs a symbol; {int(symbol.isna().sum())} have none", code="null_symbol")
    expect_plain(symbol, path)
    start, end = (read_dates(table[found[side]], f"{path}: column {found[side]!r}") for side in ("start", "end"))
    if start.isna().any():
        message = f"{path}: every spell needs a start; {int(start.isna().sum())} have none"
        raise DataError(message, code="null_time")
    spells = pd.DataFrame({"symbol": symbol.astype(str), "start": start, "end": end})
    if (reversed_ := end < start).any():
        name, first, last = spells[reversed_].iloc[0]
        message = f"{path}: a spell ends after it starts; that of {name} is {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        raise DataError(message, code="reversed_spell")
    return spells


def members(panel: Panel, spells: pd.DataFrame, calendar: Calendar) -> Panel:
    """Return the panel in which only members are tradable.

    A symbol belongs from the session `start` until the session before `end`: the end is exclusive, an empty end means
    still a member, and a symbol may have several spells. One that is never listed is never tradable.

    Raises
    ------
    ConfigError
        ``foreign_membership`` where the table lists none of the panel's symbols.
    """
    place = {name: i for i, name in enumerate(panel.symbols)}
    known = spells[spells["symbol"].isin(list(place))]
    if known.empty:
        message = f"the membership lists none of the symbols ({', '.join(panel.symbols[:5])} ...)"
        raise ConfigError(message, code="foreign_membership")
    dates = calendar.session_of(panel.times).to_numpy()
    listed = np.zeros(panel.tradable.shape, bool)
    starts, ends = (known[side].to_numpy("datetime64[ns]") for side in ("start", "end"))
    firsts = np.where(np.isnat(starts), 0, np.searchsorted(dates, starts))
    lasts = np.where(np.isnat(ends), len(dates), np.searchsorted(dates, ends))
    for symbol, first, last in zip(known["symbol"], firsts, lasts, strict=True):
        listed[first:last, place[symbol]] = True
    return replace(panel, tradable=panel.tradable & listed)
