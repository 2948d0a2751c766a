"""Load a panel from a source: read, check, adjust, join. There is no other way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError, nearest
from alpha.core.panel import Panel
from alpha.core.registry import Plugin
from alpha.data.bars import to_panel
from alpha.data.fields.asof import Join
from alpha.data.sanity.accept import Waiver, accept, coverage, inspect_bars
from alpha.data.sanity.finding import Finding
from alpha.data.universe import members, read_membership


def load_panel(
    source: Plugin,
    start: pd.Timestamp,
    end: pd.Timestamp,
    *,
    calendar: str = "XNYS",
    joins: Sequence[Join] = (),
    aggregates: Sequence[Plugin] = (),
    membership: Path | None = None,
    exclude: Sequence[str] = (),
    waive: Sequence[Waiver] = (),
    now: pd.Timestamp | None = None,
) -> tuple[Panel, list[Finding]]:
    """Read bars, check them, place them on the calendar's grid, adjust them, join the other tables.

    Loading to a later `end` never changes an earlier row, in any bit; it can add symbols, which are absent (NaN, not
    tradable) in the rows before.

    Parameters
    ----------
    source : Plugin
        A bound source; returns long bars.
    start, end : Timestamp
        Session dates, both included.
    joins : sequence of Join
        Tables that are not bars, joined by the time they became known.
    aggregates : sequence of Plugin
        Bound aggregates: tables with many rows a bar, such as texts or option chains, summed up into fields.
    membership : Path, optional
        Table of symbol, start, end (exclusive): when each may be traded. Default: whenever it has a price.
    exclude : sequence of str
        Symbols left out altogether, before the checks.
    waive : sequence of Waiver
        Findings that are known and accepted.
    now : Timestamp, optional
        In UTC; bars that end later are refused. Default: the wall clock.

    Returns
    -------
    panel : Panel
    findings : list of Finding
        Warnings, and errors that were waived; to be shown.

    Raises
    ------
    ConfigError
        ``unknown_symbol`` in `exclude`.
    DataError
        Where a finding is an error, and ``no_bars`` where nothing is left.
    """
    exchange = Calendar(calendar)
    frame = source(pd.Timestamp(start), pd.Timestamp(end))
    if exclude and "symbol" in frame:
        _check_excluded(frame["symbol"], exclude)
        frame = frame[~frame["symbol"].isin(list(exclude))]
    findings = accept(inspect_bars(frame, exchange, now or pd.Timestamp.now("UTC")), waive, frame)
    findings += coverage(frame, pd.Timestamp(start), pd.Timestamp(end), exchange)
    if frame.empty:
        span = frame.attrs.get("span")
        there = f"; its bars run from {span[0]} to {span[1]}" if span else ""
        raise DataError(f"{source.label} has no bars from {start:%Y-%m-%d} to {end:%Y-%m-%d}{there}", code="no_bars")
    panel = to_panel(frame, exchange)
    del frame
    for join in joins:
        panel = join(panel)
    for summed_up in aggregates:
        panel, odd = summed_up(panel, exchange)
        findings += odd
    if membership is not None:
        panel = members(panel, read_membership(membership), exchange)
    return panel, findings


def _check_excluded(symbols: pd.Series, exclude: Sequence[str]) -> None:
    known = set(map(str, symbols.unique()))
    for symbol in exclude:
        if symbol not in known:
            raise ConfigError(f"universe.exclude: the data have no {symbol!r}; {nearest(symbol, known)}",
                              code="unknown_symbol")  # fmt: skip
