"""The schema of a configuration: plain values in, callables out. Lower layers get values, never a configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import pandas as pd
import yaml
from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from alpha.config.places import NAME, Paths, Section, keys, role, without_later
from alpha.config.sections import (
    Aggregate,
    Baseline,
    BrokerPlugin,
    Exchange,
    Features,
    Gate,
    Guard,
    Instrument,
    LabelPlugin,
    Limit,
    Models,
    Overlay,
    Paper,
    Policy,
    Risk,
    RiskModelPlugin,
    Session,
    Source,
    Splitter,
    Universe,
    UserPlugins,
    Weight,
    distinct,
)
from alpha.core import instrument as core
from alpha.core.calendar import Calendar
from alpha.core.identity import definition, digest
from alpha.core.instrument import check_converted
from alpha.core.registry import Plugin, value_errors
from alpha.data import Join
from alpha.data.conversion import converted
from alpha.data.seal import Holdout, Key, Sealed, sealed
from alpha.features import columns
from alpha.gates import gate
from alpha.labels import label
from alpha.portfolio import risk_model

if TYPE_CHECKING:
    from alpha.core.panel import Panel
    from alpha.data import Finding
    from alpha.data.feed import Feed
    from alpha.features import Plan
    from alpha.strategy import Rules

FEWEST_SESSIONS = 20


class Config(Section):
    """All settings of a run. Equal configurations have equal ids, however they are written."""

    name: str = Field(pattern=NAME, description="names the world in reports", **role("after"))
    plugins: UserPlugins = Field(
        (), description="folders, files or modules with plugins of your own: their code is run", **role("place")
    )
    calendar: Exchange = Field("XNYS", description="exchange calendar of the sessions", **role("data"))
    start: Session = Field(description="first session read", **role("window"))
    end: Session = Field(
        description="last session of research and its holdout; paper trades later sessions", **role("window")
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
    label: LabelPlugin = Field(description="the outcome that models predict")
    models: Models = Field(**role("after"))
    weights: Annotated[tuple[Weight, ...], AfterValidator(distinct)] = Field(
        (),
        description="sample weights in the fit of a model, multiplied; none: all equal",
        **role(later=True),
    )
    baselines: Annotated[tuple[Baseline, ...], AfterValidator(distinct)] = Field(
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
        None, description="the terms on which the names are traded", **role(later=True)
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
        if info.data.get("holdout", ...) is None and (names := _waiting(given)):
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

    @model_validator(mode="after")
    def _is_converted(self) -> Self:
        """Refuse prices in another currency than the account's without a conversion, and an unused conversion."""
        with value_errors():
            check_converted(self.traded(), self.paper.currency, bool(self.instrument and self.instrument.conversion))
        return self

    @property
    def research_end(self) -> date:
        """The last day that research may read: `end`, less the sealed sessions."""
        return self.source.first - timedelta(days=1) if isinstance(self.source, Sealed) else self.end

    @property
    def judges(self) -> tuple[Plugin, ...]:
        """The gates that judge a candidate: those listed, and `holdout` where data are sealed."""
        listed = self.holdout is None or _waiting(self.gates)
        return self.gates if listed else (*self.gates, gate.bind("holdout"))

    def resolved(self) -> dict[str, Any]:
        """Return the whole configuration as plain values, every default spelled out."""
        return self.model_dump(mode="json")

    def _without(self, *roles: str) -> dict[str, Any]:
        """Return the plain values without the keys of these roles and without the later keys at their default."""
        values = self.resolved()
        for *sections, key in keys(Config, *roles):
            del reduce(getitem, sections, values)[key]
        return without_later(type(self), values)

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
        from alpha.data.feed import feed

        return feed(self._opened(key), lambda source: self._loaded(source, until())[0])

    def _opened(self, key: Key | None) -> Plugin:
        return self.source.opened(key) if key and isinstance(self.source, Sealed) else self.source

    def _loaded(self, opened: Plugin, until: date | None) -> tuple[Panel, tuple[Finding, ...]]:
        from alpha.data import load_panel

        panel, findings = load_panel(
            opened, pd.Timestamp(self.start), pd.Timestamp(until or self.research_end), calendar=self.calendar,
            joins=self.joins, aggregates=self.aggregates, membership=self.universe.membership,
            exclude=[name for name in self.universe.exclude if not _hidden(opened, name)], waive=self.universe.waive,
        )  # fmt: skip
        panel = replace(panel, instrument=self.traded())
        if self.instrument is None or self.instrument.conversion is None:
            return panel, tuple(findings)
        panel, odd = converted(panel, self.instrument.conversion, pd.Timestamp(until or self.research_end))
        return panel, (*findings, *odd)

    def traded(self) -> core.Instrument:
        """Return the terms on which the symbols are traded: `instrument`, `calendar` and `risk.lot_size` in one."""
        return (self.instrument or Instrument()).terms(self.paper.currency, lot=self.risk.lot_size,
                                                       calendar=self.calendar)  # fmt: skip

    def plan(self) -> Plan:
        """Return the compiled features."""
        from alpha.features import Plan

        return Plan(columns(self.features.columns))

    def rules(self) -> Rules:
        """Return the rules of the strategy: its policy, overlays, limits and risk settings."""
        from alpha.strategy import Rules

        return Rules(policy=self.policy, limits=self.limits, overlays=self.overlays, guards=self.guards,
                     risk_model=self.risk_model, **self.risk.model_dump(exclude={"lot_size"}))  # fmt: skip

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
        from alpha.features.apply import applied

        values = self._without("data", "window", "after", "place")
        primary, outcome = self.label.params.get("primary"), self.label.params.get("outcome")
        made = [*columns(self.features.columns).values(), *(columns([primary]).values() if primary else ())]
        labels = (self.label, label.bind(outcome)) if outcome else (self.label,)
        plugins = [*labels, self.walk_forward, *self.weights, self.policy, *self.limits, self.broker, model]
        plugins += [*self.overlays, *([self.risk_model] if self.risk_model else [])]
        values["formulas"] = [column.key.hex() for column in made]
        values["code"] = [definition(each) for each in (*(plugin.make for plugin in plugins), *applied(made))]
        return digest({**values, "cash": self.paper.cash, "model": model.entry})[:12]


def _hidden(source: Plugin, symbol: str) -> bool:
    return isinstance(source, Sealed) and source.hides(symbol)


def _waiting(gates: tuple[Plugin, ...]) -> tuple[str, ...]:
    from alpha.gates import waiting  # imported on demand, because it imports the leak checks

    return waiting(gates)
