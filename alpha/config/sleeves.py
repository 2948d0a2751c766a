"""The configuration of an account with sleeves: the configurations that trade in it, each with a share of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, PositiveFloat, field_validator

from alpha.config.layers import validated
from alpha.config.places import NAME, Paths, Section
from alpha.config.reading import load
from alpha.config.schema import Config
from alpha.config.sections import Paper
from alpha.core.errors import ConfigError
from alpha.core.nouns import Broker
from alpha.core.registry import value_errors
from alpha.execution.routing import routed
from alpha.sleeves import check_shares


class SleeveEntry(Section):
    """One sleeve: its configuration files, and its share of the account."""

    config: Path = Field(description="configuration file; its `name` names the sleeve")
    overlay: tuple[Path, ...] = Field((), description="laid over it, left to right")
    share: PositiveFloat = Field(le=1, description="part of the account's equity that it trades")
    selected: str | None = Field(None, description="its blessed bundle, `name/version`; default: `models.selected`")

    def load(self) -> Config:
        """Return its configuration."""
        return load(self.config, self.overlay, [f"models.selected={self.selected}"] if self.selected else [])

    @property
    def options(self) -> str:
        """The command-line options that choose this configuration, each after a space."""
        given = [("--config", self.config), *(("--overlay", each) for each in self.overlay)]
        return "".join(f" {option} {shlex.quote(str(value))}" for option, value in given)


class Sleeves(Section):
    """An account that several configurations share. Each is researched, judged and blessed on its own."""

    name: str = Field(pattern=NAME, description="names the account in reports")
    sleeves: tuple[SleeveEntry, ...] = Field(min_length=1, description="shares sum to 1 at most; the rest is cash")
    paper: Paper = Field(Paper(), description="cash, currency, ledger, kill file and dates of the account")
    paths: Paths = Field(Paths(), description="where the account's own ledger and reports go")

    @field_validator("sleeves")
    @classmethod
    def _shared(cls, given: tuple[SleeveEntry, ...]) -> tuple[SleeveEntry, ...]:
        with value_errors():
            check_shares({str(number): entry.share for number, entry in enumerate(given)})
        return given

    @property
    def calendar(self) -> str:
        """The calendar of the account, which has a bar whenever one of its sleeves has one."""
        return "24/7"

    @property
    def ledger(self) -> Path:
        """The journal of a paper run."""
        return self.paper.ledger or self.paths.artifacts / self.name / "paper.sqlite"

    def configs(self) -> dict[str, Config]:
        """Return the configuration of each sleeve, by name.

        Raises
        ------
        ConfigError
            ``same_name``: two sleeves have one name. ``other_currency``: a sleeve's account has another currency.
            ``other_conversion``: two sleeves convert one currency differently. Also as `alpha.config.load`.
        """
        found = [entry.load() for entry in self.sleeves]
        by_name = {cfg.name: cfg for cfg in found}
        if len(by_name) < len(found):
            raise ConfigError(f"each sleeve of {self.name} needs a `name` of its own; they are "
                              f"{', '.join(cfg.name for cfg in found)}", code="same_name")  # fmt: skip
        self._check_currencies(found)
        return by_name

    def _check_currencies(self, found: Sequence[Config]) -> None:
        conversions: dict[str, object] = {}
        for cfg in found:
            if cfg.paper.currency != self.paper.currency:
                raise ConfigError(f"the account is in {self.paper.currency}, and the sleeve {cfg.name!r} is researched "
                                  f"in {cfg.paper.currency}: give both the same paper.currency",
                                  code="other_currency")  # fmt: skip
            conversion, currency = cfg.instrument and cfg.instrument.conversion, cfg.traded().currency
            if conversions.setdefault(currency, conversion) != conversion:
                raise ConfigError(f"the sleeve {cfg.name!r} converts {currency} by other rates than the ones before: "
                                  f"give each the same instrument.conversion", code="other_conversion")  # fmt: skip

    def broker(self) -> Broker:
        """Return the broker of the account: each sleeve's orders go to the broker of its configuration."""
        return routed({name: cfg.broker() for name, cfg in self.configs().items()})


def load_sleeves(path: str | Path, overlays: Sequence[str | Path] = (), overrides: Sequence[str] = ()) -> Sleeves:
    """Read the configuration of an account with sleeves, as `alpha.config.load` reads that of one strategy."""
    return validated(Sleeves, path, overlays, overrides)
