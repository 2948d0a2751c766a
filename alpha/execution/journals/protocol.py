"""The protocol of a journal, and the text in which an event is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from alpha.core.errors import BrokerError
from alpha.core.identity import canonical
from alpha.execution.events import KINDS, Event

COMMON = ("id", "bar", "kind")  # fields that every event has; the others are its payload


class Journal(Protocol):
    """The record of one run. An account is the sum of its events."""

    run: str

    def append(self, events: Sequence[Event]) -> None:
        """Keep all of `events` or none, durably before it returns; one that is there already is ignored.

        Raises
        ------
        BrokerError
            With code ``journal_conflict``: another event has the same id.
        """

    def events(self) -> Iterator[Event]:
        """Yield every event in the order of writing."""


def conflict(known: Event, event: Event) -> BrokerError:
    """Return the error of a second event under one id."""
    return BrokerError(f"one id names one event; the journal has {known}, not {event}", code="journal_conflict")


def encoded(event: Event) -> str:
    """Return the payload of an event as canonical JSON; equal events have equal texts.

    Fields that were added later (see `alpha.execution.events`) are left out where they are at their default.

    Raises
    ------
    BrokerError
        With code ``journal_value``: a number in it is not finite.
    """
    floats, added = _FLOATS[event.kind], _ADDED[event.kind]
    payload = {name: _exact(value) if name in floats else value
               for name, value in zip(event._fields, event, strict=True)
               if name not in COMMON and not (name in added and value == added[name])}  # fmt: skip
    try:
        return canonical(payload)
    except ValueError:
        raise BrokerError(f"an event holds finite numbers; this does not: {event}", code="journal_value") from None


def decoded(kind: str, name: str, bar: str, payload: str) -> Event:
    """Return the event of a row."""
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in json.loads(payload).items()}
    event: Event = KINDS[kind](id=name, bar=bar, **values)
    return event


def _exact(value: Any) -> float | None:
    """Return a number as it comes back from text: whole numbers are floats too, and there is no -0.0."""
    return None if value is None else float(value) + 0.0


_FLOATS = {kind: {name for name, of in cls.__annotations__.items() if "float" in str(of) and "Mapping" not in str(of)}
           for kind, cls in KINDS.items()}  # fmt: skip
_ADDED = {kind: {name: cls._field_defaults[name] for name in cls._fields[cls._fields.index("kind") + 1 :]}
          for kind, cls in KINDS.items()}  # fmt: skip
