"""The schema of a configuration: plain values in, callables out. Lower layers get values, never a configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pandas as pd
import yaml
from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from alpha.config.places import NAME, Paths, Section, keys, role
from alpha.core import plugins
from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError
from alpha.core.identity import definition, digest
from alpha.core.panel import Panel
from alpha.core.registry import Bound, Plugin, value_errors
from alpha.data import Finding, Join, Waiver, aggregate, load_panel, source
from alpha.data.feed import Feed, feed
from alpha.data.seal import Holdout, Key, Sealed, sealed
from alpha.execution import broker
from alpha.features import Plan, columns, entries
from alpha.features.apply import applied
from alpha.gates import gate, waiting
from alpha.labels import label
from alpha.models import model, weight
from alpha.models.search import Search
from alpha.portfolio import limit, overlay, policy, risk_model
from alpha.risk import guard
from alpha.strategy import Rules
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

FEWEST_SESSIONS = 20
YEARS = 1678, 2261  # the years that timestamps in nanoseconds can represent


def _distinct(plugins: tuple[Plugin, ...]) -> tuple[Plugin, ...]:
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


def _exchange(name: str) -> str:
    with value_errors():
        return Calendar(name).name


def _plugins(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Import the user's plugins, before the keys that name one are checked."""
    with value_errors():
        plugins.load(entries)
    return entries


Session = Annotated[date, AfterValidator(_session)]
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

    candidates: Annotated[tuple[ModelPlugin, ...], AfterValidator(_distinct)] = Field(
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
    """Properties of the names that are traded."""

    shortable: bool = Field(True, description="whether they can be sold short; if not, no target weight is negative")


class Paper(Section):
    """Settings of the paper runner."""

    cash: PositiveFloat = Field(1_000_000.0, description="cash at the start of a ledger")
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


class Config(Section):
    """All settings of a run. Equal configurations have equal ids, however they are written."""

    name: str = Field(pattern=NAME, description="names the world in reports", **role("after"))
    plugins: UserPlugins = Field(
        (), description="folders, files or modules with plugins of your own: their code is run", **role("place")
    )
    calendar: Exchange = Field("XNYS", description="exchange calendar of the sessions", **role("data"))
    start: Session = Field(description="first session read", **role("window"))
    end: Session = Field(
        description="last session of research and its holdout; paper runs on what comes after", **role("window")
    )
    holdout: Holdout | None = Field(
        None, description="data that research may not read and that blessing must pass on", **role("window")
    )
    jobs: PositiveInt | None = Field(
        None, description="largest number of processes; default: all processors", **role("place")
    )
    seed: NonNegativeInt = Field(7, description="seed of the checks that draw random numbers")
    source: Source = Field(description="where bars come from", **role("data"))
    joins: tuple[Join, ...] = Field(
        (), description="other tables, joined by the time they became known", **role("data")
    )
    aggregates: tuple[Aggregate, ...] = Field(
        (), description="texts, options, announcements or labels, from which fields are made", **role("data")
    )
    universe: Universe = Field(Universe(), **role("data"))
    features: Features
    label: LabelPlugin = Field(description="what is predicted")
    models: Models = Field(**role("after"))
    weights: Annotated[tuple[Weight, ...], AfterValidator(_distinct)] = Field(
        (),
        description="sample weights in the fit of a model, multiplied; none: all equal",
        **role(later=True),
    )
    baselines: Annotated[tuple[Baseline, ...], AfterValidator(_distinct)] = Field(
        description="models to beat, scored in the same run; their names must differ", **role("after")
    )
    walk_forward: Splitter = Field(description="how time is cut into folds; only splitters that walk forward")
    policy: Policy = Field(description="turns a signal into target weights")
    overlays: tuple[Overlay, ...] = Field(
        (), description="changes to the weights, in this order, before the limits", **role(later=True)
    )
    limits: tuple[Limit, ...] = Field((), description="applied to the weights in this order")
    risk_model: RiskModelPlugin | None = Field(
        None, description="estimates the covariances that policy, overlays and limits may read", **role(later=True)
    )
    risk: Risk = Risk()
    instrument: Instrument | None = Field(
        None, description="properties of the names that are traded", **role(later=True)
    )
    guards: tuple[Guard, ...] = Field(
        (),
        description="checks on paper that halt trading or allow only reductions",
        **role("after", later=True),
    )
    broker: BrokerPlugin = Field(description="fills orders, and charges their costs")
    gates: tuple[Gate, ...] = Field(
        min_length=1, description="tests that a candidate must pass to be blessed", **role("after")
    )
    paper: Paper = Field(Paper(), **role("after"))
    paths: Paths = Field(Paths(), **role("after"))

    @field_validator("end")
    @classmethod
    def _after_start(cls, end: date, info: ValidationInfo) -> date:
        start = info.data.get("start", date.min)
        if end <= start:
            raise ValueError(f"must be after start ({start})")
        return end

    @field_validator("gates")
    @classmethod
    def _something_to_open(cls, given: tuple[Plugin, ...], info: ValidationInfo) -> tuple[Plugin, ...]:
        names = waiting(given)
        if names and info.data.get("holdout", ...) is None:
            raise ValueError(
                f"{', '.join(names)}: no data are sealed for it; give the section `holdout`, or leave it out"
            )
        return given

    @model_validator(mode="after")
    def _seal(self) -> Self:
        """Seal the source itself, so that no code can read the sealed data through it."""
        if self.holdout is not None:
            sessions = Calendar(self.calendar).sessions(pd.Timestamp(self.start), pd.Timestamp(self.end))
            if len(sessions) < FEWEST_SESSIONS:
                raise ValueError(f"holdout: there must be {FEWEST_SESSIONS} sessions from start to end to seal some; "
                                 f"there are {len(sessions)}")  # fmt: skip
            self.__dict__["source"] = sealed(self.source, sessions, self.holdout)
        return self

    @model_validator(mode="after")
    def _has_risk(self) -> Self:
        """Refuse plugins that read covariances where no risk model estimates them."""
        readers = (self.policy, *self.overlays, *self.limits, *self.guards) if self.risk_model is None else ()
        if needing := [plugin.name for plugin in readers if getattr(plugin.make, "needs_risk", False)]:
            raise ValueError(f"risk_model: {', '.join(needing)} needs one; name one of {', '.join(risk_model)}")
        return self

    @property
    def research_end(self) -> date:
        """The last day that research may read: `end`, less the sealed sessions."""
        return self.source.first - timedelta(days=1) if isinstance(self.source, Sealed) else self.end

    @property
    def judges(self) -> tuple[Plugin, ...]:
        """The gates that judge a candidate: those listed, and `holdout` where data are sealed."""
        listed = self.holdout is None or waiting(self.gates)
        return self.gates if listed else (*self.gates, gate.bind("holdout"))

    def resolved(self) -> dict[str, Any]:
        """Return the whole configuration as plain values, every default spelled out."""
        return self.model_dump(mode="json")

    def _without(self, *roles: str) -> dict[str, Any]:
        """Return the plain values without the keys of these roles and without the later keys that are left empty."""
        values = self.resolved()
        for *sections, key in keys(Config, *roles):
            del reduce(getitem, sections, values)[key]
        later = {name for name, field in type(self).model_fields.items() if _later(field.json_schema_extra)}
        return {key: value for key, value in values.items() if value or key not in later}

    def text(self) -> str:
        """Return the resolved configuration as YAML, as `load` reads it."""
        return yaml.safe_dump(self.resolved(), sort_keys=False)

    def panel(self, until: date | None = None, key: Key | None = None) -> tuple[Panel, tuple[Finding, ...]]:
        """Return the data up to `until` (default: all that research may read), and the findings of the sanity checks.

        Raises
        ------
        DataError
            ``sealed``: the data reach into the holdout, and no key is given.
        """
        return self._loaded(self._opened(key), until)

    def feed(self, until: Callable[[], date], key: Key | None = None) -> Feed:
        """Return a feed of the data up to a day that may move, such as the newest session.

        Raises
        ------
        DataError
            ``sealed``, on reading, as `panel` raises it.
        """
        return feed(self._opened(key), lambda source: self._loaded(source, until())[0])

    def _opened(self, key: Key | None) -> Plugin:
        return self.source.opened(key) if key and isinstance(self.source, Sealed) else self.source

    def _loaded(self, opened: Plugin, until: date | None) -> tuple[Panel, tuple[Finding, ...]]:
        panel, findings = load_panel(
            opened, pd.Timestamp(self.start), pd.Timestamp(until or self.research_end), calendar=self.calendar,
            joins=self.joins, aggregates=self.aggregates, membership=self.universe.membership,
            exclude=[name for name in self.universe.exclude if not _hidden(opened, name)], waive=self.universe.waive,
        )  # fmt: skip
        return panel, tuple(findings)

    def plan(self) -> Plan:
        """Return the compiled features."""
        return Plan(columns(self.features.columns))

    def rules(self) -> Rules:
        """Return the rules of the strategy: its policy, overlays, limits and risk settings."""
        shortable = self.instrument is None or self.instrument.shortable
        return Rules(policy=self.policy, limits=self.limits, overlays=self.overlays, guards=self.guards,
                     risk_model=self.risk_model, shortable=shortable, **self.risk.model_dump())  # fmt: skip

    @property
    def id(self) -> str:
        """Hash of the resolved configuration, without the selected bundle and the paths of files."""
        return digest(self._without("place"))[:12]

    @property
    def home(self) -> Path:
        """The folder of the results of this world: blessed bundles, candidates, ledgers."""
        return self.paths.artifacts / self.name

    @property
    def ledger(self) -> Path:
        """The journal of a paper run."""
        return self.paper.ledger or self.home / "paper.sqlite"

    def trial_id(self, model: Plugin) -> str:
        """Return the hash of an experiment: all settings and code that a model's score depends on, given the data.

        A plugin whose code changes under the same name changes the hash. Features count by their formulas and window
        functions; label, splitter, weights, policy, limits, broker, model, overlays and risk model count by the code of
        their modules (see `definition`), as do the features and labels that the label uses.
        """
        values = self._without("data", "window", "after", "place")
        primary, outcome = self.label.params.get("primary"), self.label.params.get("outcome")
        made = [*columns(self.features.columns).values(), *(columns([primary]).values() if primary else ())]
        labels = (self.label, label.bind(outcome)) if outcome else (self.label,)
        plugins = [*labels, self.walk_forward, *self.weights, self.policy, *self.limits, self.broker, model]
        plugins += [*self.overlays, *([self.risk_model] if self.risk_model else [])]
        values["formulas"] = [column.key.hex() for column in made]
        values["code"] = [definition(each) for each in (*(plugin.make for plugin in plugins), *applied(made))]
        return digest({**values, "cash": self.paper.cash, "model": model.entry})[:12]


def _later(extra: object) -> bool:
    return isinstance(extra, dict) and bool(extra.get("later"))


def _hidden(source: Plugin, symbol: str) -> bool:
    return isinstance(source, Sealed) and source.hides(symbol)


def _column_problem(entry: Mapping[str, Any]) -> str:
    try:
        columns((entry,))
    except ConfigError as error:
        return error.args[0]
    return ""
