"""Where the account and the broker meet: after a restart, at a halt, and when a person lets trading go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn, Protocol, runtime_checkable

from alpha.core.errors import BrokerError, RiskBreach
from alpha.core.nouns import Broker
from alpha.core.panel import Bar
from alpha.execution.events import Event, bar_key
from alpha.execution.journal import Journal
from alpha.execution.ledger import Ledger

_TOLERANCE = 1e-6  # shares


@runtime_checkable
class Custodian(Protocol):
    """A broker that knows what is held."""

    def positions(self) -> Mapping[str, float]:
        """Return the shares held, by symbol."""


def write(events: list[Event], ledger: Ledger, journal: Journal) -> None:
    """Journal events, and only then post them: the account never holds what is not on disk."""
    if events:
        journal.append(events)
        for event in events:
            ledger.post(event)


def reconcile(ledger: Ledger, broker: Broker, journal: Journal) -> None:
    """Bring a broker to what the journal says, after a restart.

    Open orders are handed over again under their ids; an order that the broker has already is ignored there.

    Raises
    ------
    BrokerError
        ``unknown_order``: the broker works on an order that the journal never saw. ``position_mismatch``: the
        broker holds what neither the positions nor the orders still open explain.
    RiskBreach
        ``halted``: the account waits for a person; whatever was still open is cancelled.
    """
    if ledger.halted:
        cancel(ledger.halted_at, ledger, journal, broker)
        refuse(ledger)
    for order in broker.open_orders():
        if order.id not in ledger.open_orders:
            raise BrokerError(f"the broker has an order for {order.quantity:g} {order.symbol} with id {order.id!r}, "
                              f"which is not open in the journal; cancel it there", code="unknown_order")  # fmt: skip
    if isinstance(broker, Custodian):
        _check_positions(ledger, broker.positions())
    broker.submit(tuple(ledger.open_orders.values()))


def _check_positions(ledger: Ledger, reported: Mapping[str, float]) -> None:
    """Compare positions; what is filled but not yet settled may account for a difference."""
    for symbol in sorted({*ledger.positions, *reported}):
        held, there = ledger.positions.get(symbol, 0.0), reported.get(symbol, 0.0)
        waiting = [order.quantity for order in ledger.open_orders.values() if order.symbol == symbol]
        low, high = sum(q for q in waiting if q < 0), sum(q for q in waiting if q > 0)
        if not low - _TOLERANCE <= there - held <= high + _TOLERANCE:
            raise BrokerError(f"the journal adds up to {held:g} shares of {symbol}, the broker holds {there:g}; "
                              f"find out which is right before trading goes on", code="position_mismatch")  # fmt: skip


def cancel(bar: str, ledger: Ledger, journal: Journal, broker: Broker) -> None:
    """Cancel every open order, at the broker first: a row says what has happened."""
    broker.cancel_all()
    write([Event.cancel(bar, order) for order in ledger.open_orders.values()], ledger, journal)


def halt(reason: str, bar: Bar, ledger: Ledger, journal: Journal, broker: Broker, *, code: str = "halted") -> NoReturn:
    """Stop trading for a person: journal why, cancel what is open, raise.

    Raises
    ------
    RiskBreach
        Always, with `code`.
    """
    key, equity = bar_key(bar), ledger.value(bar).equity
    write([Event.halt(ledger.run, key, ledger.halts, reason, equity)], ledger, journal)
    cancel(key, ledger, journal, broker)
    refuse(ledger, code)


def refuse(ledger: Ledger, code: str = "halted") -> NoReturn:
    """Raise `RiskBreach`: the account is halted."""
    raise RiskBreach(f"trading was halted: {ledger.halted}; look into it, then acknowledge the halt", code=code)


def acknowledge(ledger: Ledger, journal: Journal, note: str = "") -> None:
    """Let trading go on after a halt; losses count from the equity of the halt. Does nothing where none stands."""
    if ledger.halted:
        bar, waiting = ledger.halted_at, list(ledger.open_orders.values())
        event = Event.acknowledge(ledger.run, bar, ledger.halts, note)
        write([*(Event.cancel(bar, order) for order in waiting), event], ledger, journal)
