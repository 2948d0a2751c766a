"""Sealed data, which research may not read: the last sessions, and some of the names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field, PositiveFloat

from alpha.core.errors import ConfigError, DataError
from alpha.core.identity import canonical, digest
from alpha.core.registry import Plugin, Schema

_WHOLE = 16**8
_HOW = {"calendar", "delay", "retries", "timeout", "zone"}  # how to read, in any source; the others say what


class Holdout(Schema, frozen=True):
    """Data that research cannot read. Blessing opens them, once a candidate has passed every other gate.

    Each look is recorded and spends part of `budget`, so that looking often makes passing harder, and chance passes
    with a probability of `budget` at most over all looks.
    """

    share: float = Field(gt=0, le=0.5, description="share of the sessions from start to end that is sealed: the last")
    symbols: float = Field(0.0, ge=0, le=0.5, description="share of the names that are sealed in every session")
    budget: PositiveFloat = Field(0.05, lt=1, description="probability that chance passes, over all looks together")


@dataclass(frozen=True)
class Key:
    """The key of a sealed source: for the gate, once the look is recorded, and for trading after the sealed sessions.

    Parameters
    ----------
    reason : str
        The reader of the sealed rows, and the purpose.

    Raises
    ------
    DataError
        ``no_reason``.
    """

    reason: str

    def __post_init__(self) -> None:
        if not isinstance(self.reason, str) or not self.reason.strip():
            raise DataError(f"a look at sealed rows needs a reason, in words; it was {self.reason!r}", code="no_reason")


@dataclass(frozen=True)
class Sealed(Plugin):
    """A bound source without the sealed rows.

    Parameters
    ----------
    first, last : date
        The sealed sessions, both included.
    share : float
        Share of the names that are sealed in every session.
    """

    first: date = date.max
    last: date = date.max
    share: float = 0.0

    def __call__(self, *args: Any) -> Any:
        """Read the bars of research from ``start`` to ``end``.

        Raises
        ------
        DataError
            ``sealed``: the dates asked for reach into the sealed sessions, or beyond them.
        """
        end = pd.Timestamp(args[1])
        if end is pd.NaT or end.date() >= self.first:
            raise DataError(
                f"the sessions from {self.first} to {self.last} are sealed, and {str(end)[:10]} was asked for; "
                f"research ends before them. Blessing opens them: python tools/bless_model_inference.py",
                code="sealed",
            )
        frame = super().__call__(args[0], end, *args[2:])  # as it was read here: "2019" is a year to pandas elsewhere
        if "time" in frame:  # a value that is no time is in no session: the checks of bars report it
            times = frame["time"]
            if not pd.api.types.is_datetime64_any_dtype(times):
                times = pd.to_datetime(times, utc=True, errors="coerce", format="mixed")
            frame = frame[(times < pd.Timestamp(self.first, tz=times.dt.tz)) | times.isna()]
        if not self.share or "symbol" not in frame:
            return frame
        hidden = {name for name in frame["symbol"].unique() if self.hides(name)}
        return frame[~frame["symbol"].isin(hidden)]

    def opened(self, key: Key) -> Plugin:
        """Return the source itself, which reads everything."""
        return Plugin(self.kind, self.name, self.params, self.make)

    def hides(self, symbol: object) -> bool:
        """Return whether a name is sealed: by a hash of it, so that the choice outlives any change of the universe."""
        return int(digest(f"sealed {symbol}")[:8], 16) < self.share * _WHOLE


def origin(source: Plugin) -> dict[str, str]:
    """Return the origin of a source's data, which a budget of looks belongs to: the same however it is spelled or read.

    Its files; or its name and parameters, except those of how to read, such as a timeout.
    """
    paths = {name: str(value.resolve()) for name, value in source.params.items() if isinstance(value, Path)}
    named = {name: canonical(value) for name, value in source.params.items() if name not in _HOW}
    return paths or {"name": source.name, **named}


def overlap(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether two origins share data: they agree in every entry that both have, and share a symbol at least.

    A folder holds the data of the files in it.
    """
    common = one.keys() & other.keys()
    same = bool(common) and all(_within(one[name], other[name]) for name in common - {"symbols"})
    return same and _share_symbols(*(_symbols(each) for each in (one, other)))


def _within(one: str, other: str) -> bool:
    a, b = Path(one), Path(other)
    return one == other or (a.is_absolute() and (a.is_relative_to(b) or b.is_relative_to(a)))


def _share_symbols(one: set[str] | None, other: set[str] | None) -> bool:
    return one is None or other is None or not one.isdisjoint(other)


def _symbols(origin: Mapping[str, str]) -> set[str] | None:
    """Return the symbols that an origin names, in capitals; None: all there are, or an unreadable list."""
    try:
        named = _listed(origin)
    except ValueError:
        return None
    return None if named is None else {str(name).upper() for name in named}


def _listed(origin: Mapping[str, str]) -> list[Any] | None:
    named = json.loads(origin.get("symbols", "null"))
    if not isinstance(named, list | None):
        raise ValueError(f"{named!r} is no list")
    return named


def expect_origin(given: object) -> dict[str, str]:
    """Return an origin in the form in which it is stored.

    Raises
    ------
    ConfigError
        `bad_parameter`: it has not the form that `origin` returns, so no later look could be compared with it.
    """
    try:
        if isinstance(given, Mapping) and all(isinstance(part, str) for pair in given.items() for part in pair):
            _listed(given)
            return dict(given)
    except ValueError:
        pass
    raise ConfigError(
        f"source must be origin(source): texts by name, and symbols a list of them in JSON; it is {given!r:.80}",
        code="bad_parameter",
    )


def sealed(source: Plugin, sessions: pd.DatetimeIndex, holdout: Holdout | None) -> Plugin:
    """Return a source without the sealed rows, for research.

    Parameters
    ----------
    sessions : DatetimeIndex
        All that may be read before paper trading begins; the last are sealed.
    """
    if holdout is None:
        return source
    first = sessions[len(sessions) - max(1, round(holdout.share * len(sessions)))]
    return Sealed(source.kind, source.name, source.params, source.make, first=first.date(), last=sessions[-1].date(),
                  share=holdout.symbols)  # fmt: skip
