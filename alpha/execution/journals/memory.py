"""A journal in memory, for backtests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alpha.execution.events import Event
from alpha.execution.journals.protocol import conflict


class MemoryJournal:
    """A journal that ends with the process."""

    def __init__(self, run: str = "backtest") -> None:
        self.run = run
        self._events: dict[str, Event] = {}

    def append(self, events: Sequence[Event]) -> None:
        """Keep all of `events` or none; see `Journal.append`."""
        fresh: dict[str, Event] = {}
        for event in events:
            known = self._events.get(event.id) or fresh.setdefault(event.id, event)
            if known is not event and known != event:
                raise conflict(known, event)
        self._events.update(fresh)

    def events(self) -> Iterator[Event]:
        """Yield every event in the order of writing."""
        yield from tuple(self._events.values())
