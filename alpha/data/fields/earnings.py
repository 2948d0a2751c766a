"""Earnings: announcements, their schedule and analysts' estimates, by the time that each became known."""

from __future__ import annotations

from collections.abc import Iterator
from math import fsum, isfinite, nan
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError
from alpha.core.panel import Panel
from alpha.data import aggregate
from alpha.data.fields.asof import Span, Zone, expect_free, known_instants
from alpha.data.sanity.finding import Finding
from alpha.data.tables import expect_columns, expect_symbols, read_dates, read_table

FIELDS = ("eps", "eps_surprise", "eps_sue", "eps_age")
DAY = 86_400 * 10**9
QUARTERS = 4
YEAR_OF_QUARTERS = 330 * DAY  # four quarters in a row are announced over some 273 days; five over a year


@aggregate
def earnings(
    panel: Panel,
    calendar: Calendar,
    *,
    path: Path,
    symbol: str = "symbol",
    known_at: str | None = None,
    date: str | None = None,
    delay: Span | None = None,
    zone: Zone = "America/New_York",
    actual: str | None = None,
    estimate: str | None = None,
    surprise: str | None = None,
    period: str | None = None,
    past: Annotated[int, Field(ge=2)] = 8,
    max_age: Span | None = "120D",
) -> tuple[Panel, list[Finding]]:
    """Quarterly announcements of earnings: the newest one known, and its surprise against those before it.

    - ``eps``: earnings a share of the last four quarters, for a share as it is traded at that row (see below); NaN
      unless all four are known and none was skipped;
    - ``eps_surprise``: (actual - estimate) / |estimate| of the newest, a fraction;
    - ``eps_sue``: that over the standard deviation (ddof 1) of the `past` known surprises before it, the standardised
      unexpected earnings of Latane and Jones (1979), with fractions in the place of amounts, so that a split between
      two announcements changes nothing;
    - ``eps_age``: days since the newest was first known.

    Row t holds what follows from the rows of the table that were known at ``times[t]``, so that a restatement counts
    from when it is known, and never before. An announcement dated by its day alone is known after the end of that day.

    **Splits.** Earnings a share must be as first reported. Those reported before a split are divided by it, where the
    panel has a field ``split``; then what was reported before the first row is not known to be for which share, and
    counts as unknown. A vendor who restates old quarters for later splits (many do, some for some symbols only) gives
    a wrong ``eps``, and right surprises.

    Parameters
    ----------
    path : Path
        Parquet or CSV, one row an announcement, or a restatement of one.
    symbol : str
        Its column of symbols.
    known_at, date, delay, zone : str
        Its column of instants; or that of days, and how long after the end of a day an announcement is known.
    actual, estimate : str, optional
        Its columns of earnings a share, announced and expected.
    surprise : str, optional
        Its column of surprises in per cent, in the place of those that follow from the two.
    period : str, optional
        Its column of dates that name the quarter, such as its last day: rows of one period are versions of it. Default:
        every day (or instant) of announcement is a period.
    past : int
        Surprises that make a standard deviation.
    max_age : str, optional
        All but the age are NaN where the newest announcement has been known for longer.

    Raises
    ------
    ConfigError
        ``field_taken``, ``no_instant``, ``no_columns``.
    DataError
        ``missing_column``, ``wrong_type``, ``naive_time``, ``null_time``, ``midnight_stamp``, ``foreign_table``,
        ``infinite_value``.
    """
    expect_free(panel, FIELDS, "only one table of announcements can be read")
    if actual is None and surprise is None:
        raise ConfigError(f"{path}: earnings needs the column `actual` or `surprise`", code="no_columns")
    table = _read(path, panel, symbol, [actual, estimate, surprise, period])
    known = known_instants(table, known_at=known_at, date=date, delay=delay, zone=zone, where=path)
    about = period or date
    announced, expected, percent = (_numbers(table, name, path) for name in (actual, estimate, surprise))
    rows = pd.DataFrame({
        "symbol": table[symbol].astype(str),
        "known": known,
        "period": known if about is None else _days(table, about, path),
        "actual": announced,
        "surprise": surprises(announced, expected) if surprise is None else percent / 100,
    })  # fmt: skip
    rows = rows[rows["actual"].notna() | rows["surprise"].notna()]  # the others are still to come
    return _with_earnings(panel, rows, past, None if max_age is None else pd.Timedelta(max_age).value), []


@aggregate
def earnings_schedule(
    panel: Panel,
    calendar: Calendar,
    *,
    path: Path,
    scheduled: str = "scheduled",
    symbol: str = "symbol",
    known_at: str | None = None,
    date: str | None = None,
    delay: Span | None = None,
    zone: Zone = "America/New_York",
    period: str | None = None,
) -> tuple[Panel, list[Finding]]:
    """Days until the next announcement of earnings, as scheduled and known.

    - ``earnings_until``: days from the row's date to the first scheduled date that is not past; 0 on the day. NaN where
      none is known. The announcement itself, and its date, play no part.

    Parameters
    ----------
    path : Path
        Parquet or CSV, one row each time that a date was set or moved.
    scheduled : str
        Its column of dates of announcements.
    symbol : str
        Its column of symbols.
    known_at, date, delay, zone : str
        Its column of instants at which each schedule became known; or that of days, and how long after the end of a
        day it was known.
    period : str, optional
        Its column of what is to be announced: a later row of the same period moves its date. Default: a later row
        takes the place of all earlier ones of the symbol.

    Raises
    ------
    ConfigError
        ``field_taken``, ``no_instant``.
    DataError
        ``missing_column``, ``wrong_type``, ``naive_time``, ``null_time``, ``midnight_stamp``, ``foreign_table``.
    """
    expect_free(panel, ["earnings_until"], "only one schedule can be read")
    table = _read(path, panel, symbol, [scheduled, period])
    table = table[table[scheduled].notna()]
    known = known_instants(table, known_at=known_at, date=date, delay=delay, zone=zone, where=path)
    rows = pd.DataFrame({"symbol": table[symbol].astype(str), "known": known, "day": _days(table, scheduled, path),
                         "period": "" if period is None else table[period].astype(str)})  # fmt: skip
    today = (panel.times - pd.Timedelta(1)).tz_convert(zone).tz_localize(None).to_numpy("datetime64[D]")
    until = np.full((len(panel), len(panel.symbols)), np.nan)
    for column, own in _by_symbol(rows, panel):
        until[:, column] = _until(own, panel.times.as_unit("ns").asi8, today.astype(np.int64))
    return panel.with_fields(earnings_until=until), []


@aggregate
def estimates(
    panel: Panel,
    calendar: Calendar,
    *,
    path: Path,
    symbol: str = "symbol",
    known_at: str | None = None,
    date: str | None = None,
    delay: Span | None = None,
    zone: Zone = "America/New_York",
    window: Span = "90D",
) -> tuple[Panel, list[Finding]]:
    """Number of estimates that analysts made or revised.

    - ``revision_count``: rows that became known in the `window` up to the row; NaN before a symbol's first row of all:
      a table that does not cover a symbol is no evidence that nothing happened.

    Parameters
    ----------
    path : Path
        Parquet or CSV, one row an estimate.
    symbol : str
        Its column of symbols.
    known_at, date, delay, zone : str
        Its column of instants; or that of days, and how long after the end of a day an estimate is known.
    window : str
        How far back is counted.

    Raises
    ------
    ConfigError
        ``field_taken``, ``no_instant``.
    DataError
        ``missing_column``, ``wrong_type``, ``naive_time``, ``null_time``, ``midnight_stamp``, ``foreign_table``.
    """
    expect_free(panel, ["revision_count"], "only one table of estimates can be read")
    table = _read(path, panel, symbol, [])
    known = known_instants(table, known_at=known_at, date=date, delay=delay, zone=zone, where=path)
    rows = pd.DataFrame({"symbol": table[symbol].astype(str), "known": known})
    times, span = panel.times.as_unit("ns").asi8, pd.Timedelta(window).value
    count = np.full((len(panel), len(panel.symbols)), np.nan)
    for column, own in _by_symbol(rows, panel):
        instants = own["known"].to_numpy()
        until, before = (np.searchsorted(instants, at, side="right") for at in (times, times - span))
        count[:, column] = np.where(until > 0, until - before, np.nan)
    return panel.with_fields(revision_count=count), []


def surprises(actual: pd.Series, estimate: pd.Series) -> pd.Series:
    """Return (actual - estimate) / |estimate|, a fraction; NaN where the estimate is 0."""
    return (actual - estimate) / estimate.abs().where(estimate != 0)


class Version(NamedTuple):
    """Earnings known from an instant on: `announced` is when the newest quarter was first known (ns)."""

    announced: int
    trailing: float
    surprise: float
    sue: float


def versions(
    known: np.ndarray, period: np.ndarray, actual: np.ndarray, surprise: np.ndarray, *, past: int = 8
) -> Iterator[Version]:
    """Yield, for each row of one symbol's announcements, the earnings known from it and the rows before it.

    Parameters
    ----------
    known : int array
        Nanoseconds since 1970, UTC, never decreasing.
    period : int array
        The quarter that each row is about, in the order of time; a later row about the same replaces it.
    actual, surprise : float array
    """
    latest: dict[int, tuple[float, float]] = {}
    first: dict[int, int] = {}
    for instant, about, *values in zip(known.tolist(), period.tolist(), actual, surprise, strict=True):
        latest[about] = (float(values[0]), float(values[1]))
        first.setdefault(about, instant)
        order = sorted(latest)
        *before, newest = (latest[each][1] for each in order)
        year = order[-QUARTERS:]
        whole = len(year) == QUARTERS and first[year[-1]] - first[year[0]] <= YEAR_OF_QUARTERS
        trailing = fsum(latest[each][0] for each in year) if whole else nan
        yield Version(first[order[-1]], trailing, newest, _standardised(newest, before, past))


def _standardised(newest: float, before: list[float], past: int) -> float:
    known = [each for each in before if isfinite(each)][-past:]
    if len(known) < past or min(known) == max(known):
        return nan
    return newest / float(np.std(known, ddof=1))


def _with_earnings(panel: Panel, rows: pd.DataFrame, past: int, max_age: int | None) -> Panel:
    times = panel.times.as_unit("ns").asi8
    fields = {name: np.full((len(panel), len(panel.symbols)), np.nan) for name in FIELDS}
    shares = _shares(panel)
    for column, own in _by_symbol(rows, panel):
        known = own["known"].to_numpy()
        actual = own["actual"].to_numpy() * _basis(panel, shares[:, column], known)
        found = list(versions(known, own["period"].to_numpy(), actual, own["surprise"].to_numpy(), past=past))
        row = np.searchsorted(known, times, side="right") - 1
        age = np.where(row >= 0, times - np.array([version.announced for version in found])[row], -1)
        values = np.array([version[1:] for version in found])
        stale = (age < 0) if max_age is None else (age < 0) | (age > max_age)
        for name, each in zip(FIELDS, np.where(stale[:, None], np.nan, values[row]).T, strict=False):
            fields[name][:, column] = each
        fields["eps_age"][:, column] = np.where(age < 0, np.nan, age / DAY)
    return panel.with_fields(**{**fields, "eps": fields["eps"] / shares})


def _shares(panel: Panel) -> np.ndarray:
    """Return what one share of the first row has become by each row."""
    if "split" not in panel:
        return np.ones((len(panel), len(panel.symbols)))
    split = panel["split"]
    return np.cumprod(np.where(split > 0, split, 1.0), axis=0)


def _basis(panel: Panel, shares: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the shares there were at each instant; NaN before the first row of a panel with splits."""
    row = np.searchsorted(panel.times.as_unit("ns").asi8, known, side="right") - 1
    return np.where(row >= 0, shares[row], np.nan if "split" in panel else 1.0)


def _until(rows: pd.DataFrame, times: np.ndarray, today: np.ndarray) -> np.ndarray:
    """Return the days from `today` until the first date scheduled that is not past, as known at each of `times`."""
    found = np.full(len(times), np.nan)
    known, dates = rows["known"].to_numpy(), {}
    begins = np.searchsorted(times, known, side="left")  # the first row in which each is known
    for i, (begin, period, day) in enumerate(zip(begins, rows["period"], rows["day"], strict=True)):
        dates[period] = day
        span = slice(begin, begins[i + 1] if i + 1 < len(rows) else len(times))
        ahead = np.array(sorted(dates.values()))
        at = np.searchsorted(ahead, today[span], side="left")
        found[span] = np.where(at < len(ahead), ahead[np.minimum(at, len(ahead) - 1)] - today[span], np.nan)
    return found


def _by_symbol(rows: pd.DataFrame, panel: Panel) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield the column and the rows of each symbol of the panel, in the order in which they became known."""
    place = {name: column for column, name in enumerate(panel.symbols)}
    for name, own in rows.sort_values("known", kind="stable").groupby("symbol", sort=False):
        if name in place:
            yield place[str(name)], own


def _read(path: Path, panel: Panel, symbol: str, names: list[str | None]) -> pd.DataFrame:
    table = read_table(path, (symbol,))
    expect_columns(table, filter(None, (symbol, *names)), path)
    expect_symbols(table[symbol], panel.symbols, path)
    return table


def _days(table: pd.DataFrame, name: str, path: Path) -> np.ndarray:
    """Return a column of dates as days since 1970."""
    dates = read_dates(table[name], f"{path}: column {name!r}")
    if dates.isna().any():
        raise DataError(f"{path}: column {name!r} must hold a date in every row; {int(dates.isna().sum())} have none",
                        code="null_time")  # fmt: skip
    return dates.to_numpy("datetime64[D]").astype(np.int64)


def _numbers(table: pd.DataFrame, name: str | None, path: Path) -> pd.Series:
    if name is None:
        return pd.Series(np.nan, table.index)
    if not pd.api.types.is_numeric_dtype(table[name]) or pd.api.types.is_bool_dtype(table[name]):
        raise DataError(f"{path}: column {name!r} must hold numbers; it holds {table[name].dtype}", code="wrong_type")
    values = table[name].astype(float)
    if np.isinf(values).any():
        raise DataError(
            f"{path}: column {name!r} must hold finite numbers; it holds an infinity", code="infinite_value"
        )
    return values
