"""Everything a run depends on, as a schema: plain values in, callables out. Nothing below reads a configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pandas as pd
import yaml
from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError
from alpha.core.identity import definition, digest
from alpha.core.panel import Panel
from alpha.core.registry import Bound, Plugin, Schema, value_errors
from alpha.data import Finding, Join, Waiver, aggregate, load_panel, source
from alpha.data.seal import Holdout, Key, Sealed, sealed
from alpha.execution import broker
from alpha.features import Plan, columns, entries
from alpha.features.apply import applied
from alpha.gates import gate
from alpha.labels import label
from alpha.models import model, weight
from alpha.models.search import Search
from alpha.portfolio import limit, policy
from alpha.strategy import Rules
from alpha.validation import baseline, splitter

Source = Annotated[Plugin, Bound(source)]
Aggregate = Annotated[Plugin, Bound(aggregate)]
LabelPlugin = Annotated[Plugin, Bound(label)]
ModelPlugin = Annotated[Plugin, Bound(model)]
Weight = Annotated[Plugin, Bound(weight)]
Baseline = Annotated[Plugin, Bound(baseline)]
Policy = Annotated[Plugin, Bound(policy)]
Limit = Annotated[Plugin, Bound(limit)]
BrokerPlugin = Annotated[Plugin, Bound(broker)]
Gate = Annotated[Plugin, Bound(gate)]

FEWEST_SESSIONS = 20
YEARS = 1678, 2261  # those whose every nanosecond has a number


def _distinct(plugins: tuple[Plugin, ...]) -> tuple[Plugin, ...]:
    """Refuse two of one name: what they earned is kept by it."""
    twice = [name for name, count in Counter(plugin.name for plugin in plugins).items() if count > 1]
    if twice:
        raise ValueError(f"{', '.join(twice)} is given twice; results are kept by name, so keep one of each")
    return plugins


def _walks(plugin: Plugin) -> Plugin:
    """Refuse folds that could not be had live: a candidate is judged on them."""
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


Session = Annotated[date, AfterValidator(_session)]
Exchange = Annotated[str, AfterValidator(_exchange)]
Splitter = Annotated[Plugin, Bound(splitter), AfterValidator(_walks)]

PLACES = (
    ("models", "selected"), ("paper", "ledger"), ("paper", "kill_file"),
    ("paths", "artifacts"), ("paths", "reports"), ("paths", "trials"), ("paths", "looks"),
)  # fmt: skip
"""Keys that say where a result is, and change none."""

PANEL = "calendar", "start", "end", "holdout", "source", "joins", "aggregates", "universe"  # its id says all they do
LATER = ("weights",)  # keys that came after the first bundles: left empty they change no id
AFTERWARDS = "name", "models", "baselines", "gates", "paper", "paths"  # no score depends on more of them than one model


class _Section(Schema):
    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)


class Universe(_Section):
    """Which names may be held, and when."""

    membership: Path | None = Field(None, description="table of symbol, start_date, end_date: point-in-time members")
    exclude: tuple[str, ...] = Field((), description="symbols left out altogether")
    waive: tuple[Waiver, ...] = Field((), description="findings of the sanity checks accepted by a person")


class Features(_Section):
    """The columns a model reads."""

    cross_section: Literal["rank", "zscore", "none"] = Field(
        "rank", description="how each column is compared across the tradable names, unless it says otherwise"
    )
    columns: tuple[dict[str, Any], ...] = Field(
        min_length=1, description="entries {name, parameters, as, cross_section} or {set: name}"
    )

    @field_validator("columns")
    @classmethod
    def _known(cls, given: tuple[dict[str, Any], ...], info: ValidationInfo) -> tuple[dict[str, Any], ...]:
        """Return one entry a column with every default spelled out, so that equal columns have equal ids."""
        problems = [problem for entry in given if (problem := _column_problem(entry))]
        if problems:
            raise ValueError("; ".join(problems))
        across = info.data.get("cross_section", "rank")
        with value_errors():
            columns(given, cross_section=across)
            return tuple(entries(given, cross_section=across))


class Models(_Section):
    """What is tried, and what is blessed."""

    candidates: Annotated[tuple[ModelPlugin, ...], AfterValidator(_distinct)] = Field(
        min_length=1, description="models that research fits and judges; no two of one name"
    )
    search: Search | None = Field(None, description="parameters of the candidates are drawn, each draw a trial")
    selected: str | None = Field(None, description="the blessed bundle, `name/version`; set by tools")
    fallback: str | None = Field(None, description="the bundle to use where the selected one is refused")


class Risk(_Section):
    """What bounds the book as a whole, and how orders are cut."""

    max_drawdown: PositiveFloat = Field(0.25, le=1, description="loss from the peak that halts the runner")
    lot_size: NonNegativeFloat = Field(1.0, description="shares are traded in multiples of this; 0: fractions")
    min_trade: NonNegativeFloat = Field(0.0005, description="smaller changes of weight are not traded")
    delist_after: PositiveInt = Field(5, description="bars without a price before a holding is settled in cash")


class Paper(_Section):
    """How the paper runner runs."""

    cash: PositiveFloat = Field(1_000_000.0, description="cash at the start of a ledger")
    sessions: PositiveInt = Field(60, description="bars replayed when no start is given")
    end: Session | None = Field(None, description="last session traded; default: the newest there is")
    poll_sec: NonNegativeFloat = Field(0.0, le=86_400, description="seconds between bars; 0: as fast as possible")
    max_bad_bars: PositiveInt = Field(3, description="bars in a row that may be skipped before the runner halts")
    kill_file: Path = Field(Path("artifacts/KILL"), description="while this file exists nothing is traded")
    ledger: Path | None = Field(
        None, description="the journal of orders and fills; default: `<artifacts>/<name>/paper.sqlite`"
    )


class Paths(_Section):
    """Where results go, relative to the folder the command is run in."""

    artifacts: Path = Field(Path("artifacts"), description="a folder a world: bundles and ledgers")
    reports: Path = Field(Path("reports"), description="scorecards and reports")
    trials: Path = Field(Path("artifacts/trials.jsonl"), description="the count of everything that was ever scored")
    looks: Path = Field(Path("artifacts/looks.jsonl"), description="every look at a sealed holdout")

    @field_validator("*")
    @classmethod
    def _can_be_made(cls, path: Path, info: ValidationInfo) -> Path:
        """A file in the way is told before the work, not after it."""
        folder = path.parent if info.field_name in ("trials", "looks") else path
        try:
            there = next(place for place in (folder, *folder.parents) if place.exists())
            if folder != path and path.is_dir():
                raise ValueError(f"{path} is a folder; name a file in it")
        except OSError as error:
            raise ValueError(f"cannot be used: {error}") from None
        if not there.is_dir():
            raise ValueError(f"{there} is no folder, so nothing can be kept in it")
        return path


class Config(_Section):
    """Everything a run depends on. Equal configs have equal ids, whatever their spelling."""

    name: str = Field(pattern=r"^[a-z0-9_]+$", description="names the world in reports")
    calendar: Exchange = Field("XNYS", description="exchange calendar of the sessions")
    start: Session = Field(description="first session read")
    end: Session = Field(description="last session of research and its holdout; paper runs on what comes after")
    holdout: Holdout | None = Field(None, description="what of this research may not read, and blessing must pass on")
    seed: NonNegativeInt = Field(7, description="seed of the checks that draw at random")
    source: Source = Field(description="where bars come from")
    joins: tuple[Join, ...] = Field((), description="other tables, joined by the time they became known")
    aggregates: tuple[Aggregate, ...] = Field((), description="texts, options, announcements, labels: made into fields")
    universe: Universe = Universe()
    features: Features
    label: LabelPlugin = Field(description="what is predicted")
    models: Models
    weights: Annotated[tuple[Weight, ...], AfterValidator(_distinct)] = Field(
        (), description="how much each sample counts when a model is fitted, multiplied; none: all alike"
    )
    baselines: Annotated[tuple[Baseline, ...], AfterValidator(_distinct)] = Field(
        description="what a model must beat, scored in the same run; no two of one name"
    )
    walk_forward: Splitter = Field(description="how time is cut into folds; only splitters that walk forward")
    policy: Policy = Field(description="from a signal to the weights wanted")
    limits: tuple[Limit, ...] = Field((), description="applied to the weights in this order")
    risk: Risk = Risk()
    broker: BrokerPlugin = Field(description="who fills orders, and at what cost")
    gates: tuple[Gate, ...] = Field(min_length=1, description="what a candidate must show to be blessed")
    paper: Paper = Paper()
    paths: Paths = Paths()

    @field_validator("end")
    @classmethod
    def _after_start(cls, end: date, info: ValidationInfo) -> date:
        start = info.data.get("start", date.min)
        if end <= start:
            raise ValueError(f"must be after start ({start})")
        return end

    @model_validator(mode="after")
    def _seal(self) -> Self:
        """Put the seal on the source itself, so that nothing below can read past it."""
        if self.holdout is not None:
            sessions = Calendar(self.calendar).sessions(pd.Timestamp(self.start), pd.Timestamp(self.end))
            if len(sessions) < FEWEST_SESSIONS:
                raise ValueError(f"holdout: there must be {FEWEST_SESSIONS} sessions from start to end to seal some; "
                                 f"there are {len(sessions)}")  # fmt: skip
            self.__dict__["source"] = sealed(self.source, sessions, self.holdout)
        return self

    @property
    def research_end(self) -> date:
        """The last day that research may read: `end`, less what is sealed."""
        return self.source.first - timedelta(days=1) if isinstance(self.source, Sealed) else self.end

    def resolved(self) -> dict[str, Any]:
        """Return the whole configuration as plain values, every default spelled out."""
        return self.model_dump(mode="json")

    def text(self) -> str:
        """Return the resolved configuration as YAML, as `load` reads it."""
        return yaml.safe_dump(self.resolved(), sort_keys=False)

    def panel(self, until: date | None = None, key: Key | None = None) -> tuple[Panel, tuple[Finding, ...]]:
        """Return the data up to `until` (default: all that research may read), and what looked odd in them.

        Raises
        ------
        DataError
            ``sealed``, where they reach into the holdout and there is no key.
        """
        opened = self.source.opened(key) if key and isinstance(self.source, Sealed) else self.source
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
        """Return how the strategy decides and what bounds it."""
        return Rules(policy=self.policy, limits=self.limits, **self.risk.model_dump())

    @property
    def id(self) -> str:
        """Hash of the resolved configuration, less the bundle that is selected and the places that files go to."""
        values = self._stated()
        for section, key in PLACES:
            del values[section][key]
        return digest(values)[:12]

    def _stated(self) -> dict[str, Any]:
        """Return the resolved configuration without the later keys that are empty."""
        return {key: value for key, value in self.resolved().items() if value or key not in LATER}

    @property
    def home(self) -> Path:
        """The folder of what this world made: bundles blessed in it, candidates, ledgers."""
        return self.paths.artifacts / self.name

    @property
    def ledger(self) -> Path:
        """The journal of a paper run."""
        return self.paper.ledger or self.home / "paper.sqlite"

    def trial_id(self, model: Plugin) -> str:
        """Hash of the experiment: what a model's score depends on, given the data.

        A plugin that is rewritten under its name makes another: features count by their formulas and window functions,
        label, splitter, weights, policy, limits, broker and model by the code of their modules (see `definition`). So
        do the features and labels that the label is made of.
        """
        values = self._stated()
        for section in (*PANEL, *AFTERWARDS):
            del values[section]
        primary, outcome = self.label.params.get("primary"), self.label.params.get("outcome")
        made = [*columns(self.features.columns).values(), *(columns([primary]).values() if primary else ())]
        labels = (self.label, label.bind(outcome)) if outcome else (self.label,)
        plugins = *labels, self.walk_forward, *self.weights, self.policy, *self.limits, self.broker, model
        values["formulas"] = [column.key.hex() for column in made]
        values["code"] = [definition(each) for each in (*(plugin.make for plugin in plugins), *applied(made))]
        return digest({**values, "cash": self.paper.cash, "model": model.entry})[:12]


def _hidden(source: Plugin, symbol: str) -> bool:
    return isinstance(source, Sealed) and source.hides(symbol)


def _column_problem(entry: Mapping[str, Any]) -> str:
    try:
        columns((entry,))
    except ConfigError as error:
        return error.args[0]
    return ""
