"""Groups of symbols, such as sectors: labels of the panel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError
from alpha.core.panel import Panel
from alpha.data import aggregate
from alpha.data.sanity.finding import Finding
from alpha.data.tables import expect_columns, expect_symbols, read_table


@aggregate
def groups(
    panel: Panel,
    calendar: Calendar,
    *,
    path: Path,
    label: str = "sector",
    symbol: str = "symbol",
    group: str = "sector",
) -> tuple[Panel, list[Finding]]:
    """Label symbols by a table, such as by their sector; one that it does not list has no label.

    A label holds in every row, so a table of today's labels gives past rows what a company became later. Where that
    matters, as for companies that changed their business, leave them out of the table.

    Parameters
    ----------
    path : Path
        Parquet or CSV, one row a symbol.
    label, symbol : str
        Its columns.
    group : str
        Its name in features: ``group("sector")``.

    Raises
    ------
    ConfigError
        ``group_taken``.
    DataError
        ``missing_column``, ``foreign_table``, ``duplicate_symbol``.
    """
    if group in panel.groups:
        raise ConfigError(f"the data have a group {group!r} already; give this one another name", code="group_taken")
    table = read_table(path, (symbol,))
    expect_columns(table, (label, symbol), path)
    expect_symbols(table[symbol], panel.symbols, path)
    known = table[table[label].notna()].astype({symbol: str, label: str})
    if (twice := known[symbol].duplicated()).any():
        raise DataError(f"{path} labels {known[symbol][twice].iloc[0]!r} twice; a symbol has one row",
                        code="duplicate_symbol")  # fmt: skip
    labels = dict(zip(known[symbol], known[label], strict=True))
    found = tuple(labels.get(name, "") for name in panel.symbols)
    return replace(panel, groups={**panel.groups, group: found}), []
