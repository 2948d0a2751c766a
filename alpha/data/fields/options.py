"""Option chains, summed up into fields of the panel: volume, open interest and implied volatility."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError, nearest
from alpha.core.panel import Panel
from alpha.data import aggregate
from alpha.data.fields.asof import Span, arrivals, expect_free
from alpha.data.fields.smile import CHAIN, FAR_OFF, measures
from alpha.data.sanity.finding import CODES, Finding
from alpha.data.tables import expect_columns, expect_symbols, read_dates, read_table

FIELDS = (
    "option_put_volume", "option_call_volume", "option_put_open_interest", "option_call_open_interest",
    "option_iv", "option_iv_skew", "option_iv_term",
)  # fmt: skip
NEEDED = ("date", "symbol", "expiry", "right", "strike", "price")
NUMBERS = ("strike", "price", "volume", "open_interest", "implied_volatility")
SHOWN = 5  # symbols named in a finding
CONTRACT = ["symbol", "date", "expiry", "right", "strike"]


@aggregate
def options(
    panel: Panel,
    calendar: Calendar,
    *,
    path: Path,
    columns: dict[str, str] | None = None,
    delay: Span = "15min",
    rate: float = 0.0,
    volatility: Literal["price", "table"] = "price",
) -> tuple[Panel, list[Finding]]:
    """Option chains of each symbol and session: volume, open interest and implied volatility.

    The chain of a session is known `delay` after its close, and counts in the first bar that closes then or later. A
    bar without one is NaN: nothing is carried forward. A later chain never changes an earlier row.

    - ``option_put_volume``, ``option_call_volume``: contracts traded, of all strikes and expiries;
    - ``option_put_open_interest``, ``option_call_open_interest``: contracts open;
    - ``option_iv``: implied volatility at the money in 30 days, a fraction a year;
    - ``option_iv_skew``: that of the put with a delta of -0.25 less that of the call with 0.25, in 30 days;
    - ``option_iv_term``: that at the money in 90 days less that in 30.

    Volatilities are found from the prices of options (Black, 1976). The forward comes from put-call parity in the chain
    itself, not from the price of the share, which may be adjusted where strikes are not.

    Parameters
    ----------
    path : Path
        Parquet or CSV, one row a contract and session.
    columns : mapping of str to str, optional
        The table's names of date, symbol, expiry, right (call or put), strike, price, volume, open_interest and
        implied_volatility, where they differ: ``{price: close}``. The last three may be absent.
    delay : str
        From the close of the session. 15 minutes by default: options on indexes trade on after shares have closed.
    rate : float
        Interest, a fraction a year: discounts the prices that volatilities are found from.
    volatility : {"price", "table"}
        Which volatility counts: that of the price, or the table's (not null, not 0), and that of the price where it has
        none. Take the table's where its prices are those of old trades, and price and table agree elsewhere.

    Returns
    -------
    panel : Panel
    findings : list of Finding
        Counts of odd rows. Left out: ``header_row``, ``expired_contract``, ``bad_contract``, ``duplicate_contract``,
        ``off_session``, and ``no_implied_volatility`` of the measures of volatility. Left in: ``volatility_mismatch``.

    Raises
    ------
    ConfigError
        ``field_taken``, ``unknown_column``.
    DataError
        ``missing_column``, ``wrong_type``, ``foreign_table``.
    """
    expect_free(panel, FIELDS, "only one table of chains can be read")
    table = _read(path, columns or {})
    expect_symbols(table["symbol"], panel.symbols, path)
    chains, findings = _sound(_placed(table, panel, calendar, pd.Timedelta(delay)))
    chains = chains[chains["date"] == chains.groupby(CHAIN)["date"].transform("max")]
    implied, odd = measures(chains, rate, volatility)
    findings += [finding for code, rows in odd.items() for finding in _count(rows, code)]
    return _filled(panel, _traded(chains).join(implied)), findings


def _read(path: Path, columns: dict[str, str]) -> pd.DataFrame:
    """Return the columns that are used, by their standard names; optional ones that the table lacks are NaN."""
    for name in columns:
        if name not in {*NEEDED, *NUMBERS}:
            message = f"options.columns: there is no column {name!r} to name; {nearest(name, {*NEEDED, *NUMBERS})}"
            raise ConfigError(message, code="unknown_column")
    table = read_table(path, (columns.get("symbol", "symbol"),))
    there = {columns.get(name, name): name for name in (*NEEDED, *NUMBERS)}
    expect_columns(table, [columns.get(name, name) for name in NEEDED], path)
    expect_columns(table, columns.values(), path)
    table = table[[name for name in there if name in table]].rename(columns=there)
    for name in NUMBERS:
        if name in table and not (pd.api.types.is_numeric_dtype(table[name]) or table[name].isna().all()):
            message = f"{path}: column {columns.get(name, name)!r} must hold numbers; it holds {table[name].dtype}"
            raise DataError(message, code="wrong_type")
    dates = {
        name: read_dates(table[name], f"{path}: column {columns.get(name, name)!r}") for name in ("date", "expiry")
    }
    numbers = {name: table[name].astype(float) if name in table else np.nan for name in NUMBERS}
    right = table["right"].astype("string").str.strip().str.upper().str[:1]
    return table.assign(**dates, **numbers, right=right, symbol=table["symbol"].astype(str))


def _placed(table: pd.DataFrame, panel: Panel, calendar: Calendar, delay: pd.Timedelta) -> pd.DataFrame:
    """Return the contracts that arrive in a row of the panel, with its row, column and whether there was a session."""
    days = pd.DatetimeIndex(table["date"]).normalize().as_unit("ns")
    sessions = calendar.sessions(days.min(), days.max() + pd.Timedelta("30D"))
    closing = sessions[sessions.searchsorted(days)]
    row = arrivals(panel.times, calendar.closes(closing).as_unit("ns").asi8 + delay.value)
    column = pd.Index(panel.symbols).get_indexer(pd.Index(table["symbol"]))
    table = table.assign(date=days, row=row, column=column, in_session=closing == days)
    return table[(column >= 0) & (row >= 0)]


def _sound(chains: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """Leave out the rows that are no live contract, and count them."""
    findings: list[Finding] = []
    for code, (test, _) in UNSOUND.items():
        odd = test(chains)
        findings += _count(chains[odd], code)
        chains = chains[~odd]
    return chains, findings


def _impossible(rows: pd.DataFrame) -> pd.Series:
    numbers = rows[["price", "volume", "open_interest"]]
    wrong = (numbers < 0) | np.isinf(numbers)
    return wrong.any(axis=1) | ~rows["right"].isin(["C", "P"]) | ~(rows["strike"] > 0) | np.isinf(rows["strike"])


UNSOUND: dict[str, tuple[Callable[[pd.DataFrame], pd.Series], str]] = {
    "header_row": (lambda rows: rows[["expiry", "right", "strike"]].isna().any(axis=1), "no expiry, right or strike"),
    "bad_contract": (_impossible, "neither put nor call, or a number that cannot be"),
    "off_session": (lambda rows: ~rows["in_session"], "the exchange was closed"),
    "expired_contract": (lambda rows: rows["expiry"] < rows["date"], "the contract had expired"),
    "duplicate_contract": (lambda rows: rows.duplicated(CONTRACT, keep="last"), "listed twice; the last counts"),
}
REASONS = {
    **{code: why for code, (_, why) in UNSOUND.items()},
    "no_implied_volatility": "out of the money, and no volatility can be found",
    "volatility_mismatch": f"the table's volatility is more than {FAR_OFF} from that of the price; left in",
}


def _count(rows: pd.DataFrame, code: str) -> Iterator[Finding]:
    if not rows.empty:
        days, symbols = rows["date"], ", ".join(sorted(rows["symbol"].unique())[:SHOWN])
        message = f"rows of option chains ({symbols}): {REASONS[code]}"
        yield Finding(code, CODES[code], "*", days.min(), len(rows), message, days.max())


def _traded(chains: pd.DataFrame) -> pd.DataFrame:
    """Return volume and open interest of puts and calls, NaN where no row has one."""
    sides = {"put": "P", "call": "C"}
    sums = {side: chains[chains["right"] == right].groupby(CHAIN)[["volume", "open_interest"]].sum(min_count=1)
            for side, right in sides.items()}  # fmt: skip
    return pd.concat([each.add_prefix(f"option_{side}_") for side, each in sums.items()], axis=1)


def _filled(panel: Panel, found: pd.DataFrame) -> Panel:
    at = found.index.get_level_values("row"), found.index.get_level_values("column")
    fields = {name: np.full((len(panel), len(panel.symbols)), np.nan) for name in FIELDS}
    for name in found:
        fields[str(name)][at] = found[name]
    return panel.with_fields(**fields)
