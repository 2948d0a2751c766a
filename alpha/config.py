"""The composition root: YAML in, callables out. The only reader of YAML; nothing below reads a config."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, nearest
from alpha.core.identity import digest
from alpha.core.panel import Panel
from alpha.core.registry import Bound, Plugin, Schema, value_errors
from alpha.data import Finding, Join, Waiver, aggregate, load_panel, source
from alpha.execution import broker
from alpha.features import Plan, columns, entries
from alpha.gates import gate
from alpha.labels import label
from alpha.models import model
from alpha.portfolio import limit, policy
from alpha.strategy import Rules
from alpha.validation import baseline, splitter

Source = Annotated[Plugin, Bound(source)]
Aggregate = Annotated[Plugin, Bound(aggregate)]
LabelPlugin = Annotated[Plugin, Bound(label)]
ModelPlugin = Annotated[Plugin, Bound(model)]
Splitter = Annotated[Plugin, Bound(splitter)]
Baseline = Annotated[Plugin, Bound(baseline)]
Policy = Annotated[Plugin, Bound(policy)]
Limit = Annotated[Plugin, Bound(limit)]
BrokerPlugin = Annotated[Plugin, Bound(broker)]
Gate = Annotated[Plugin, Bound(gate)]

YEARS = 1678, 2261  # those whose every nanosecond has a number


def _distinct(plugins: tuple[Plugin, ...]) -> tuple[Plugin, ...]:
    """Refuse two of one name: what they earned is kept by it."""
    twice = [name for name, count in Counter(plugin.name for plugin in plugins).items() if count > 1]
    if twice:
        raise ValueError(f"{', '.join(twice)} is given twice; results are kept by name, so keep one of each")
    return plugins


def _session(day: date) -> date:
    if not YEARS[0] <= day.year <= YEARS[1]:
        raise ValueError(f"must lie between {YEARS[0]} and {YEARS[1]}")
    return day


def _exchange(name: str) -> str:
    with value_errors():
        return Calendar(name).name


Session = Annotated[date, AfterValidator(_session)]
Exchange = Annotated[str, AfterValidator(_exchange)]

PLACES = (
    ("models", "selected"), ("paper", "ledger"), ("paper", "kill_file"),
    ("paths", "artifacts"), ("paths", "reports"), ("paths", "trials"),
)  # fmt: skip
"""Keys that say where a result is, and change none."""

PANEL = "calendar", "start", "end", "source", "joins", "aggregates", "universe"  # the panel's id says all they do
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

    @field_validator("*")
    @classmethod
    def _can_be_made(cls, path: Path, info: ValidationInfo) -> Path:
        """A file in the way is told before the work, not after it."""
        folder = path.parent if info.field_name == "trials" else path
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
    end: Session = Field(description="last session that research may read; paper runs on what comes after")
    seed: NonNegativeInt = Field(7, description="seed of the checks that draw at random")
    source: Source = Field(description="where bars come from")
    joins: tuple[Join, ...] = Field((), description="other tables, joined by the time they became known")
    aggregates: tuple[Aggregate, ...] = Field((), description="texts, options, announcements, labels: made into fields")
    universe: Universe = Universe()
    features: Features
    label: LabelPlugin = Field(description="what is predicted")
    models: Models
    baselines: Annotated[tuple[Baseline, ...], AfterValidator(_distinct)] = Field(
        description="what a model must beat, scored in the same run; no two of one name"
    )
    walk_forward: Splitter = Field(description="how time is cut into folds")
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

    def resolved(self) -> dict[str, Any]:
        """Return the whole configuration as plain values, every default spelled out."""
        return self.model_dump(mode="json")

    def text(self) -> str:
        """Return the resolved configuration as YAML, as `load` reads it."""
        return yaml.safe_dump(self.resolved(), sort_keys=False)

    def panel(self, until: date | None = None) -> tuple[Panel, tuple[Finding, ...]]:
        """Return the data up to `until` (default: the end of research), and what looked odd in them."""
        panel, findings = load_panel(
            self.source, pd.Timestamp(self.start), pd.Timestamp(until or self.end), calendar=self.calendar,
            joins=self.joins, aggregates=self.aggregates, membership=self.universe.membership,
            exclude=self.universe.exclude, waive=self.universe.waive,
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
        values = self.resolved()
        for section, key in PLACES:
            del values[section][key]
        return digest(values)[:12]

    @property
    def home(self) -> Path:
        """The folder of what this world made: bundles blessed in it, candidates, ledgers."""
        return self.paths.artifacts / self.name

    @property
    def ledger(self) -> Path:
        """The journal of a paper run."""
        return self.paper.ledger or self.home / "paper.sqlite"

    def trial_id(self, model: Plugin) -> str:
        """Hash of the experiment: what a model's score depends on, given the data; a rewritten feature is another."""
        values = self.resolved()
        for section in (*PANEL, *AFTERWARDS):
            del values[section]
        formulas = [column.key.hex() for column in columns(self.features.columns).values()]
        return digest({**values, "formulas": formulas, "cash": self.paper.cash, "model": model.entry})[:12]


def load(path: str | Path, overlays: Sequence[str | Path] = (), overrides: Sequence[str] = ()) -> Config:
    """Read a configuration: base < overlays left to right < ``key.path=value`` overrides.

    Raises
    ------
    ConfigError
        Naming every problem at once, with the nearest right answer.
    """
    values: dict[str, Any] = {}
    for each in (path, *overlays):
        values = merged(values, read_yaml(each))
    for override in overrides:
        values = merged(values, _parse_override(override))
    try:
        return Config(**values)
    except ValidationError as error:
        problems = [_describe(problem) for problem in error.errors(include_url=False) if not _follows(problem)]
        shown = "\n".join(f"  {line}" for line in problems)
        noun = "problem" if len(problems) == 1 else "problems"
        given = " + ".join([*map(str, (path, *overlays)), *(f"--set {override}" for override in overrides)])
        raise ConfigError(f"{given} has {len(problems)} {noun}:\n{shown}", code="invalid_config") from None


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `over` on top: mappings are merged, anything else is replaced.

    A mapping that names another plugin than the one below it replaces it whole.
    """
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(below, str) and isinstance(value, Mapping):
            below = {"name": below}  # a plugin named without parameters
        same = isinstance(value, Mapping) and isinstance(below, Mapping) and _named_alike(below, value)
        result[key] = merged(below, value) if same else value  # type: ignore[arg-type]
    return result


YAML_FAULTS = (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError)
"""What the parser raises on bad text: on no date, on tags that do not fit their value, on endless nesting."""


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML mapping strictly: no duplicate keys, no aliases, no infinities."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}", code="unreadable_config") from None
    try:
        values = yaml.load(text, _Strict)
    except YAML_FAULTS as error:
        raise ConfigError(f"{path} is not valid: {error}", code="invalid_yaml") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold a mapping; it holds {type(values).__name__}", code="invalid_yaml")
    return values


class _Strict(yaml.SafeLoader):
    """Safe YAML in which nothing is said twice and nothing is said by reference."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()
            raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} must be a text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _parse_override(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set takes key=value, with dots in the key; it was {text!r}", code="bad_override")
    try:
        result: Any = yaml.load(value, _Strict)
    except YAML_FAULTS as error:
        raise ConfigError(f"--set {key}: {value!r} is not a value: {error}", code="bad_override") from None
    for part in reversed(key.strip().split(".")):
        result = {part: result}
    return result


def _named_alike(below: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    return "name" not in value or below.get("name") == value["name"]


def _column_problem(entry: Mapping[str, Any]) -> str:
    try:
        columns((entry,))
    except ConfigError as error:
        return error.args[0]
    return ""


def _follows(problem: Mapping[str, Any]) -> bool:
    """Whether it only repeats others: a list is too short for what is wrong in it is left out."""
    return problem["type"] == "too_short" and bool(problem["input"])


def _describe(problem: Mapping[str, Any]) -> str:
    where = ".".join(map(str, problem["loc"])) or "the file"
    if problem["type"] == "extra_forbidden":
        return f"{where}: no such key; {nearest(problem['loc'][-1], _keys_at(problem['loc'][:-1]))}"
    if problem["type"] == "missing":
        return f"{where}: is missing"
    message = problem["msg"].removeprefix("Value error, ")
    given = problem["input"]
    shown = str(given) if isinstance(given, date) else repr(given)
    return f"{where}: {message}" + (f" (it was {shown})" if len(shown) < 60 else "")


def _keys_at(location: Sequence[Any]) -> Iterator[str]:
    """Yield the keys a section may have, found by walking the schema along `location`."""
    section: Any = Config
    for part in location:
        if isinstance(part, str) and isinstance(section, type) and issubclass(section, BaseModel):
            annotation = section.model_fields[part].annotation
            arguments = [a for a in getattr(annotation, "__args__", ()) if isinstance(a, type)]
            section = next((a for a in [*arguments, annotation] if _is_model(a)), None)
    if _is_model(section):
        yield from section.model_fields


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)
