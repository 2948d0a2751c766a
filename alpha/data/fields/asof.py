"""Join tables that are not bars to a panel by the time each value became known, not by the time it is about."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from zoneinfo import available_timezones

import numpy as np
import pandas as pd
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from alpha.core.errors import ConfigError, DataError, nearest
from alpha.core.panel import Panel
from alpha.data.tables import expect_columns, expect_symbols, read_dates, read_instants, read_table


def _span(text: str) -> str:
    try:
        span = pd.Timedelta(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a length of time such as '16h15min' or '45D'") from None
    if not span >= pd.Timedelta(0):
        raise ValueError(f"{text!r} must not be negative")
    return text


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"no time zone {name!r}; {nearest(name, available_timezones())}")
    return name


Span = Annotated[str, AfterValidator(_span)]
Zone = Annotated[str, AfterValidator(_zone)]


class Join(BaseModel):
    """A table to be joined as a field, as a configuration describes it.

    Parameters
    ----------
    field : str
        The panel's new field.
    path : Path
        Parquet or CSV.
    column : str
        The column of values.
    known_at : str, optional
        The column of instants, with a zone, at which each value became known.
    date : str, optional
        The column of dates that the values are about. Without `known_at`, a value is taken to be known at the *end*
        of its date in `zone`, plus `delay`, which must then be given: ``0D`` for a close of that day (VIX, say, which
        is published after the bell and so known from the next bar), ``45D`` for a statistic that appears weeks later.
        With `known_at`, a restatement of an older date never replaces the value of a newer one.
    symbol : str, optional
        The column of symbols. Default: the value is of the whole market, and every symbol has it.
    where : mapping of str to str
        Rows to keep: ``{series: DGS10}``.
    max_age : str, optional
        A value known for longer is no value. Default: it holds until the next.
    age : bool
        Also add ``<field>_age``: days since the value became known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    field: str = Field(description="name of the panel's new field")
    path: Path = Field(description="Parquet or CSV file")
    column: str = Field(description="column of values")
    known_at: str | None = Field(None, description="column of the instants at which values became known")
    date: str | None = Field(None, description="column of the dates that values are about")
    delay: Span | None = Field(None, description="from the end of the date until the value is known, such as 0D or 45D")
    zone: Zone = Field("America/New_York", description="where a date ends")
    symbol: str | None = Field(None, description="column of symbols; none: a value of the whole market")
    where: dict[str, str] = Field(default_factory=dict, description="rows to keep, by column")
    max_age: Span | None = Field(None, description="a value known for longer is no value")
    age: bool = Field(False, description="also add the days since the value became known")

    @model_validator(mode="after")
    def _dated(self) -> Join:
        if self.known_at is None and (self.date is None or self.delay is None):
            raise ValueError(
                "needs known_at (a column of instants), or date and delay: a date alone does not say when it was known"
            )
        if self.known_at is not None and self.delay is not None:
            raise ValueError("delay belongs to date; known_at says already when a value was known")
        return self

    def __call__(self, panel: Panel) -> Panel:
        """Return the panel with this table's field; raise what `known_instants` and `asof` do."""
        texts = [*filter(None, [self.symbol]), *self.where]
        table = read_table(self.path, texts)
        expect_columns(table, filter(None, [self.column, self.known_at, self.date, *texts]), self.path)
        table = self._narrowed(table)
        if self.symbol is not None:
            expect_symbols(table[self.symbol], panel.symbols, self.path)
        known = known_instants(
            table, known_at=self.known_at, date=self.date, delay=self.delay, zone=self.zone, where=self.path
        )  # fmt: skip
        return asof(
            panel, table.assign(_known_at=pd.to_datetime(known, utc=True)), field=self.field, column=self.column,
            known_at="_known_at", about=self.date, symbol=self.symbol, age=self.age,
            max_age=None if self.max_age is None else pd.Timedelta(self.max_age),
        )  # fmt: skip

    def _narrowed(self, table: pd.DataFrame) -> pd.DataFrame:
        for name, value in self.where.items():
            texts = table[name].astype(str)
            if not (texts == value).any():
                message = f"{self.path} has no row where {name} is {value!r}; {nearest(value, texts.dropna().unique())}"
                raise DataError(message, code="no_rows")
            table = table[texts == value]
        return table


def asof(
    panel: Panel, table: pd.DataFrame, *, field: str, column: str, known_at: str, about: str | None = None,
    symbol: str | None = None, max_age: pd.Timedelta | None = None, age: bool = False,
) -> Panel:  # fmt: skip
    """Return the panel with a field whose row t is the latest value known at ``times[t]``.

    Rows without a value are passed over; of values that became known at once, the last in the table counts. A value
    that becomes known later, a restatement included, never changes an earlier row.

    Parameters
    ----------
    table : DataFrame
        One row a value, in any order.
    column, known_at : str
        Its columns of numbers and of instants (with a zone).
    about : str, optional
        Its column of what a value is about, such as the end of a quarter: a value about something older than what is
        already known is passed over.
    symbol : str, optional
        Its column of symbols. Default: every symbol has the value.
    max_age : Timedelta, optional
        NaN where the latest value became known longer ago.
    age : bool
        Also add ``<field>_age``, in days.

    Raises
    ------
    ConfigError
        ``field_taken``.
    DataError
        ``naive_time`` or ``null_time`` in `known_at`, ``wrong_type`` or ``infinite_value`` in `column`.
    """
    expect_free(panel, (field, f"{field}_age") if age else (field,), "give the join another name")
    rows = _sorted(table, column, known_at, about)
    times = panel.times.as_unit("ns").asi8
    values = np.full((len(panel), len(panel.symbols)), np.nan)
    ages = values.copy()
    if symbol is None:
        latest, elapsed = _latest(rows, times, column, about)
        values[:], ages[:] = latest[:, None], elapsed[:, None]
    else:
        place = {name: i for i, name in enumerate(panel.symbols)}
        for name, part in rows.groupby(rows[symbol].astype(str), sort=False):
            if name in place:
                values[:, place[name]], ages[:, place[name]] = _latest(part, times, column, about)
    if max_age is not None:
        values[ages > max_age / pd.Timedelta(days=1)] = np.nan
    return panel.with_fields(**{field: values, **({f"{field}_age": ages} if age else {})})


def end_of_dates(column: pd.Series, zone: str, where: str) -> pd.Series:
    """Return the instants at which the dates of a column end in `zone`, NaT where there is none."""
    ends = read_dates(column, where).dt.normalize() + pd.Timedelta(days=1)
    return ends.dt.tz_localize(zone, nonexistent="shift_forward", ambiguous=False)


def known_instants(
    table: pd.DataFrame, *, known_at: str | None, date: str | None, delay: str | None, zone: str, where: Path
) -> pd.Series:
    """Return when each row of a table about events became known, in nanoseconds since 1970, UTC.

    Parameters
    ----------
    known_at : str, optional
        The column of instants, with a zone.
    date, delay : str, optional
        Without `known_at`, the column of dates of the events, and how long after the *end* of its date in `zone` an
        event is known: one dated by its day alone may have come after the close of that day.

    Raises
    ------
    ConfigError
        ``no_instant`` unless there is either `known_at` or both of `date` and `delay`.
    DataError
        ``midnight_stamp`` where every instant is a midnight: a date written as an instant, known a day too early.
    """
    if (known_at is None and (date is None or delay is None)) or (known_at is not None and delay is not None):
        message = "needs either known_at (a column of instants), or date and delay: a date alone does not say when"
        raise ConfigError(f"{where}: {message} it was known", code="no_instant")
    expect_columns(table, filter(None, (known_at, date)), where)
    if known_at is None:
        ends = end_of_dates(table[date], zone, f"{where}: column {date!r}")
        return read_instants((ends + pd.Timedelta(delay or 0)).rename(date))
    instants = read_instants(table[known_at])
    local = pd.DatetimeIndex(instants, tz="UTC").tz_convert(zone).tz_localize(None)
    for clock, stamps in (("UTC", pd.DatetimeIndex(instants)), (zone, local)):
        if len(stamps) and (stamps == stamps.normalize()).all():
            message = (
                f"every instant of column {known_at!r} is a midnight ({clock}), so it holds dates: an event of the"
            )
            raise DataError(f"{where}: {message} day would be known before it; use date and delay",
                            code="midnight_stamp")  # fmt: skip
    return instants


def expect_free(panel: Panel, names: Iterable[str], way_out: str) -> None:
    """Raise ConfigError (``field_taken``) where the panel has one of these fields already."""
    for name in names:
        if name in panel:
            raise ConfigError(f"the data have a field {name!r} already; {way_out}", code="field_taken")


def arrivals(times: pd.DatetimeIndex, instants: np.ndarray) -> np.ndarray:
    """Return the row at whose close each instant (ns since 1970, UTC) is first known, -1 where it is in no row.

    Row t takes what became known after the close of row t - 1 and not after its own. The beginning of row 0 is not
    known, so nothing arrives in it.
    """
    rows = np.searchsorted(times.as_unit("ns").asi8, instants, side="left")
    return np.where((rows > 0) & (rows < len(times)), rows, -1)


def _sorted(table: pd.DataFrame, column: str, known_at: str, about: str | None) -> pd.DataFrame:
    """Return the rows that hold a value, in the order in which they became known."""
    if not pd.api.types.is_numeric_dtype(table[column]):
        raise DataError(f"column {column!r} must hold numbers; it holds {table[column].dtype}", code="wrong_type")
    rows = table.assign(_instant=read_instants(table[known_at]))[table[column].notna()]
    if (infinite := np.isinf(rows[column].to_numpy(float))).any():
        at = rows.iloc[int(infinite.argmax())]
        message = f"column {column!r} must hold finite numbers; it is {at[column]} at {at[known_at]}"
        raise DataError(message, code="infinite_value")
    return rows.sort_values("_instant", kind="stable")


def _latest(rows: pd.DataFrame, times: np.ndarray, column: str, about: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Return value and age in days, shape (T,), NaN before anything is known."""
    if about is not None:
        subject = read_dates(rows[about], f"column {about!r}")
        rows = rows[(subject >= subject.cummax()).to_numpy()]
    instants = rows["_instant"].to_numpy()
    at = np.searchsorted(instants, times, side="right") - 1
    known = at >= 0
    if not known.any():
        return np.full(len(times), np.nan), np.full(len(times), np.nan)
    values = np.where(known, rows[column].to_numpy(float)[at], np.nan)
    return values, np.where(known, (times - instants[at]) / 86_400e9, np.nan)
