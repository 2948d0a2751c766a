"""The sections of a configuration, and the types of its keys: plugins and checked values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
)

from alpha.config.places import Section, role
from alpha.core import instrument, plugins
from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError
from alpha.core.instrument import CURRENCY, check_code
from alpha.core.registry import Bound, Plugin, value_errors
from alpha.data import Waiver, aggregate, source
from alpha.data.conversion import Conversion
from alpha.execution import broker
from alpha.features import columns, entries
from alpha.gates import gate
from alpha.labels import label
from alpha.models import model, weight
from alpha.models.search import Search
from alpha.portfolio import limit, overlay, policy, risk_model
from alpha.risk import guard
from alpha.validation import baseline, splitter

Source = Annotated[Plugin, Bound(source)]
Aggregate = Annotated[Plugin, Bound(aggregate)]
LabelPlugin = Annotated[Plugin, Bound(label)]
ModelPlugin = Annotated[Plugin, Bound(model)]
Weight = Annotated[Plugin, Bound(weight)]
Baseline = Annotated[Plugin, Bound(baseline)]
Policy = Annotated[Plugin, Bound(policy)]
Overlay = Annotated[Plugin, Bound(overlay)]
Limit = Annotated[Plugin, Bound(limit)]
RiskModelPlugin = Annotated[Plugin, Bound(risk_model)]
Guard = Annotated[Plugin, Bound(guard)]
BrokerPlugin = Annotated[Plugin, Bound(broker)]
Gate = Annotated[Plugin, Bound(gate)]

YEARS = 1678, 2261  # the years that timestamps in nanoseconds can represent


def distinct(plugins: tuple[Plugin, ...]) -> tuple[Plugin, ...]:
    """Refuse two plugins of one name: results are kept by name."""
    twice = [name for name, count in Counter(plugin.name for plugin in plugins).items() if count > 1]
    if twice:
        raise ValueError(f"{', '.join(twice)} is given twice; results are kept by name, so keep one of each")
    return plugins


def _walks(plugin: Plugin) -> Plugin:
    """Refuse a splitter that does not walk forward: its folds judge candidates, so they must be possible live."""
    if not getattr(plugin.make, "walks", False):
        marked = ", ".join(name for name in splitter if getattr(splitter[name], "walks", False))
        raise ValueError(
            f"{plugin.name} does not walk forward through every row and symbol, so what it shows cannot be blessed; "
            f"use one of {marked}. Call the others from Python, to diagnose"
        )
    return plugin


def _session(day: date) -> date:
    if not YEARS[0] <= day.year <= YEARS[1]:
        raise ValueError(f"must lie between {YEARS[0]} and {YEARS[1]}")
    return day


def _currency(code: str) -> str:
    with value_errors():
        return check_code(code)


def _exchange(name: str) -> str:
    with value_errors():
        return Calendar(name).name


def _plugins(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Import the user's plugins, before the keys that name one are checked."""
    with value_errors():
        plugins.load(entries)
    return entries


Session = Annotated[date, AfterValidator(_session)]
Currency = Annotated[str, AfterValidator(_currency)]
Exchange = Annotated[str, AfterValidator(_exchange)]
UserPlugins = Annotated[tuple[str, ...], AfterValidator(_plugins)]
Splitter = Annotated[Plugin, Bound(splitter), AfterValidator(_walks)]


class Universe(Section):
    """The names that may be held, and when."""

    membership: Path | None = Field(None, description="table of symbol, start_date, end_date: point-in-time members")
    exclude: tuple[str, ...] = Field((), description="symbols left out altogether")
    waive: tuple[Waiver, ...] = Field((), description="findings of the sanity checks accepted by a person")


class Features(Section):
    """The columns that models read."""

    cross_section: Literal["rank", "zscore", "none"] = Field(
        "rank", description="how each column is compared across the tradable names, unless its entry sets another way"
    )
    columns: tuple[dict[str, Any], ...] = Field(
        min_length=1, description="entries {name, parameters, as, cross_section} or {set: name}"
    )

    @field_validator("columns")
    @classmethod
    def _known(cls, given: tuple[dict[str, Any], ...], info: ValidationInfo) -> tuple[dict[str, Any], ...]:
        """Return one entry for each column, with every default spelled out, so that equal columns have equal ids."""
        problems = [problem for entry in given if (problem := _column_problem(entry))]
        if problems:
            raise ValueError("; ".join(problems))
        across = info.data.get("cross_section", "rank")
        with value_errors():
            columns(given, cross_section=across)
            return tuple(entries(given, cross_section=across))


class Models(Section):
    """The models that research tries, and the blessed one."""

    candidates: Annotated[tuple[ModelPlugin, ...], AfterValidator(distinct)] = Field(
        min_length=1, description="models that research fits and judges; their names must differ"
    )
    search: Search | None = Field(None, description="parameters of the candidates are drawn, each draw a trial")
    selected: str | None = Field(None, description="the blessed bundle, `name/version`; set by tools", **role("place"))
    fallback: str | None = Field(None, description="the bundle to use where the selected one is refused")


class Risk(Section):
    """Limits of the account as a whole, and how changes of weight become orders."""

    max_drawdown: PositiveFloat = Field(0.25, le=1, description="loss from the peak that halts the runner")
    lot_size: NonNegativeFloat = Field(1.0, description="shares are traded in multiples of this; 0: fractions")
    min_trade: NonNegativeFloat = Field(0.0005, description="smaller changes of weight are not traded")
    delist_after: PositiveInt = Field(5, description="bars without a price before a holding is settled in cash")


class Instrument(Section):
    """The terms on which the names are traded."""

    currency: Currency | None = Field(
        None, description="currency of the prices, such as EUR; default: that of the account", **role(later=True)
    )
    multiplier: PositiveFloat = Field(
        1.0, description="value of one unit at a price of 1: 50 for a future of 50 a point", **role(later=True)
    )
    tick: NonNegativeFloat = Field(
        0.0, description="step of limit prices, which are rounded to it: buys down, sells up", **role(later=True)
    )
    shortable: bool = Field(
        True, description="whether they can be sold short; if not, no target weight is negative", **role(later=True)
    )
    conversion: PositiveFloat | Conversion | None = Field(
        None,
        description="units of the account's currency for one of the prices': a number, or a series {source, symbol, "
        "calendar, inverted}, whose last close known at each bar counts",
        **role(later=True),
    )

    def terms(self, account: str, *, lot: float, calendar: str) -> instrument.Instrument:
        """Return the instrument, given the currency of the account and the keys of other sections."""
        return instrument.Instrument(currency=self.currency or account, multiplier=self.multiplier, tick=self.tick,
                                     lot=lot, shortable=self.shortable, calendar=calendar)  # fmt: skip


class Paper(Section):
    """Settings of the paper runner."""

    cash: PositiveFloat = Field(1_000_000.0, description="cash at the start of a ledger")
    currency: Currency = Field(CURRENCY, description="currency of the account", **role(later=True))
    sessions: PositiveInt = Field(60, description="bars replayed when no start is given")
    end: Session | None = Field(None, description="last session traded; default: the newest in the data")
    poll_sec: NonNegativeFloat = Field(0.0, le=86_400, description="seconds between bars; 0: as fast as possible")
    max_bad_bars: PositiveInt = Field(3, description="bars in a row that may be skipped before the runner halts")
    kill_file: Path = Field(
        Path("artifacts/KILL"), description="while this file exists nothing is traded", **role("place")
    )
    ledger: Path | None = Field(
        None, description="the journal of orders and fills; default: `<artifacts>/<name>/paper.sqlite`", **role("place")
    )


def _column_problem(entry: Mapping[str, Any]) -> str:
    try:
        columns((entry,))
    except ConfigError as error:
        return error.args[0]
    return ""
