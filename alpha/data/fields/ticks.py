"""Trades and quotes, measured at the close of each bar: fields of the panel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError
from alpha.core.panel import Panel
from alpha.core.registry import Plugin
from alpha.data import aggregate
from alpha.data.fields.asof import expect_free
from alpha.data.sanity.finding import Finding
from alpha.data.tables import expect_symbols, read_table
from alpha.data.ticks import ODD, Epoch, read_quotes, read_trades

Read = Callable[[Path, str, Calendar], tuple[pd.DataFrame, list[Finding]]]
Measures = Annotated[dict[str, str | dict[str, Any]], Field(min_length=1)]


@aggregate
def ticks(
    panel: Panel,
    calendar: Calendar,
    *,
    measures: Measures,
    trades: Path | None = None,
    quotes: Path | None = None,
    trade_columns: dict[str, str] | None = None,
    quote_columns: dict[str, str] | None = None,
    zone: str | None = None,
    epoch: Epoch | None = None,
    odd: int = ODD,
    one_sided: bool = False,
) -> tuple[Panel, list[Finding]]:
    """Tick features of each symbol, at the close of each bar of the panel: a field a measure.

    Row t holds what the trades and quotes up to ``times[t]`` say of the interval since the row before, or since the
    session opened where it is the first of its session. Later events never change an earlier row. What came before the
    first row's session is not read. A symbol that the tables do not list is NaN.

    Parameters
    ----------
    measures : mapping of str to entry
        The field's name to a tick feature: ``{spread: effective_spread, toxicity: {name: vpin, bucket: 50000}}``.
    trades, quotes : Path, optional
        Parquet or CSV; one of them at least. With ``{symbol}`` in it, the path of each symbol's own file.
    trade_columns, quote_columns : mapping of str to str, optional
        Our name to the table's, as for `alpha.data.ticks.read_trades` and `read_quotes`.
    zone : str, optional
        The zone of times without one.
    epoch : {"s", "ms", "us", "ns"}, optional
        The unit of times that are integers.
    odd : int
        The bits of a trade's condition that leave it out.
    one_sided : bool
        Whether a row of quotes gives one side only, and the other side holds from earlier rows.

    Returns
    -------
    panel : Panel
    findings : list of Finding
        Counts of the rows left out, for each symbol.

    Raises
    ------
    ConfigError
        ``no_table``, ``field_taken``, ``unknown_tick_feature``, ``unknown_path``, ``unknown_column``.
    DataError
        ``foreign_table``, and those of `read_trades` and `read_quotes`.
    """
    from alpha.features.ticks import tick_feature  # with the compiler of its kernels

    if trades is None and quotes is None:
        raise ConfigError("ticks needs a table of `trades` or of `quotes`", code="no_table")
    expect_free(panel, measures, "give the measure another name")
    bound = {name: tick_feature.bind(entry) for name, entry in measures.items()}
    readers: dict[str, Read] = {
        "trades": partial(read_trades, columns=trade_columns, odd=odd, zone=zone, epoch=epoch),
        "quotes": partial(read_quotes, columns=quote_columns, one_sided=one_sided, zone=zone, epoch=epoch),
    }
    files = {"trades": _files(trades, trade_columns, panel), "quotes": _files(quotes, quote_columns, panel)}
    values = {name: np.full(panel.tradable.shape, np.nan) for name in measures}
    findings: list[Finding] = []
    for column, symbol in enumerate(panel.symbols):
        tables = {}
        for kind, read in readers.items():
            if symbol in files[kind]:
                tables[kind], left_out = read(files[kind][symbol], symbol, calendar)
                findings += left_out
        for name, found in _measured(tables, bound, panel.times, calendar).items():
            values[name][:, column] = found
    return panel.with_fields(**values), findings


def _measured(
    tables: Mapping[str, pd.DataFrame], bound: Mapping[str, Plugin], times: pd.DatetimeIndex, calendar: Calendar
) -> dict[str, np.ndarray]:
    """Return each measure of a symbol at `times`, from its tables of trades and quotes; nothing where it has none."""
    from alpha.features.ticks import Events, at_closes

    if not tables:
        return {}
    opens = calendar.opens(calendar.session_of(times).dropna().unique())
    known = {kind: table[table["time"] > opens[0]] for kind, table in tables.items()}
    events = Events.of(**known, opens=opens, closes=times)
    at = at_closes(events, {name: plugin() for name, plugin in bound.items()}, symbol="")
    return {name: at[name].to_numpy() for name in bound}


def _files(path: Path | None, columns: dict[str, str] | None, panel: Panel) -> dict[str, Path]:
    """Return the file of each symbol that has one."""
    if path is None:
        return {}
    if "{symbol}" in str(path):
        own = {symbol: Path(str(path).replace("{symbol}", symbol)) for symbol in panel.symbols}
        return {symbol: file for symbol, file in own.items() if file.exists()}
    name = (columns or {}).get("symbol", "symbol")
    table = read_table(path, (name,))
    expect_symbols(table[name], panel.symbols, path)
    return dict.fromkeys(map(str, table[name].unique()), path)
