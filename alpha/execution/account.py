"""An account: its ledger, the journal that the ledger adds up, and the broker that trades for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol, Self, runtime_checkable

from alpha.core.errors import BrokerError, ConfigError, RiskBreach
from alpha.core.instrument import CURRENCY, Instrument
from alpha.core.nouns import Broker, Order
from alpha.core.panel import Bar
from alpha.execution.events import (
    AccountOpened,
    BundleChosen,
    Event,
    HaltAcknowledged,
    OrderCancelled,
    OrderExpired,
    RateFixed,
    TradingHalted,
    bar_key,
)
from alpha.execution.journals import Journal
from alpha.execution.ledger import Ledger
from alpha.execution.money import Terms

_TOLERANCE = 1e-6  # shares


@runtime_checkable
class Custodian(Protocol):
    """A broker that reports positions."""

    def positions(self) -> Mapping[str, float]:
        """Return the shares held, by symbol."""


@dataclass(frozen=True, eq=False)
class Account:
    """Ledger, journal and broker of one run. The ledger is the sum of the journal; the broker trades.

    Parameters
    ----------
    ledger : Ledger
        Cash, positions and open orders. Only `write` changes them.
    journal : Journal
    broker : Broker
    """

    ledger: Ledger
    journal: Journal
    broker: Broker

    @classmethod
    def replay(cls, journal: Journal, broker: Broker) -> Self:
        """Return the account of a journal, its events added up: the only way to start."""
        return cls(Ledger.replay(journal), journal, broker)

    @classmethod
    def open(cls, journal: Journal, cash: float, broker: Broker, currency: str = CURRENCY) -> Self:
        """Return the account of a journal; where that is empty, `cash` is paid in first, in `currency`.

        Raises
        ------
        ConfigError
            ``other_currency``: the account was opened in another.
        """
        account = cls.replay(journal, broker)
        if account.ledger.empty:
            account.write([AccountOpened.of(journal.run, cash, currency)])
        if (opened := account.ledger.money.currency) != currency:
            raise ConfigError(f"the ledger was opened in {opened}, not in {currency}; set paper.currency to {opened}, "
                              f"or name a new --ledger", code="other_currency")  # fmt: skip
        return account

    def expect(self, instrument: Instrument, symbols: Iterable[str]) -> None:
        """Raise unless the symbols that were traded before have the currency and the multiplier of `instrument`.

        Raises
        ------
        ConfigError
            ``other_instrument``.
        """
        money = self.ledger.money
        now = Terms.of(instrument, money.currency)
        for symbol in symbols:
            if symbol in self.ledger.sleeves and (before := money.terms(symbol)) != now:
                raise ConfigError(f"{symbol} was traded in {before.currency or money.currency} with a multiplier of "
                                  f"{before.multiplier:g}, not in {instrument.currency} with {now.multiplier:g}; "
                                  f"correct instrument, or name a new --ledger", code="other_instrument")  # fmt: skip

    def write(self, events: Iterable[Event]) -> None:
        """Journal events, then post them: the ledger holds nothing that is not on disk."""
        if events := tuple(events):
            self.journal.append(events)
            for event in events:
                self.ledger.post(event)

    def decided_by(self, ref: str, trained_until: str) -> None:
        """Journal that this bundle decides from here on, unless it decided before."""
        ledger = self.ledger
        last = ledger.bundles[-1] if ledger.bundles else None
        if last is None or (last.ref, last.trained_until) != (ref, trained_until):
            number = len(ledger.bundles)
            self.write([BundleChosen.of(ledger.run, ledger.last_bar, number, ref=ref, trained_until=trained_until)])

    def take_rate(self, bar: Bar) -> None:
        """Journal the rate of conversion of a bar, unless it is the last one that the ledger has."""
        money, currency = self.ledger.money, bar.instrument.currency
        if currency != money.currency and money.rates.get(currency) != bar.rate:
            self.write([RateFixed.of(self.ledger.run, bar_key(bar), currency, bar.rate)])

    def reconcile(self) -> None:
        """Bring the broker in line with the journal, after a restart.

        Open orders are handed over again under their ids; an order that the broker has already is ignored there.

        Raises
        ------
        BrokerError
            ``unknown_order``: the broker works on an order that is not open in the journal. ``position_mismatch``: its
            positions differ from the ledger's by more than the open orders can explain.
        RiskBreach
            ``halted``: the account waits for a person; its open orders are cancelled.
        """
        ledger, broker = self.ledger, self.broker
        if ledger.halted:
            self.cancel(ledger.halted_at)
            self.refuse()
        for order in broker.open_orders():
            if order.id not in ledger.open_orders:
                raise BrokerError(f"the broker has an order for {order.quantity:g} {order.symbol} with id "
                                  f"{order.id!r}, which is not open in the journal; cancel it there",
                                  code="unknown_order")  # fmt: skip
        if isinstance(broker, Custodian):
            _check_positions(ledger, broker.positions())
        broker.submit(tuple(ledger.open_orders.values()))

    def cancel(self, bar: str) -> None:
        """Cancel every open order: at the broker first, then in the journal, which records what has happened."""
        self.broker.cancel_all()
        self.write(OrderCancelled.of(bar, order) for order in self.ledger.open_orders.values())

    def withdraw(self, bar: str) -> None:
        """Cancel the open orders of the sleeve of a bar, at the broker first."""
        if orders := self.ledger.orders(bar):
            self.broker.cancel(list(orders))
            self.write(OrderCancelled.of(bar, order) for order in orders.values())

    def expire(self, bar: str) -> None:
        """Expire the orders of the sleeve of a bar whose last bar this was, at the broker first."""
        if over := [order for order in self.ledger.orders(bar).values() if _over(order, bar)]:
            self.broker.cancel([order.id for order in over])
            self.write(OrderExpired.of(bar, order) for order in over)

    def halt(self, reason: str, bar: Bar, *, code: str = "halted") -> NoReturn:
        """Stop trading for a person: journal why, cancel what is open, raise.

        Raises
        ------
        RiskBreach
            Always, with `code`.
        """
        key, ledger = bar_key(bar), self.ledger
        self.write([TradingHalted.of(ledger.run, key, ledger.halts, reason, ledger.value(bar).equity, code)])
        self.cancel(key)
        self.refuse(code)

    def refuse(self, code: str = "halted") -> NoReturn:
        """Raise `RiskBreach`: the account is halted."""
        why = self.ledger.halted
        raise RiskBreach(f"trading was halted: {why}; look into it, then acknowledge the halt", code=code)

    def acknowledge(self, note: str = "") -> None:
        """Let trading go on after a halt; losses count from the equity of the halt. Without a halt, do nothing."""
        if self.ledger.halted:
            self.cancel(self.ledger.halted_at)
            self.write([HaltAcknowledged.of(self.ledger.run, self.ledger.halted_at, self.ledger.halts, note)])


def _over(order: Order, bar: str) -> bool:
    """Return whether `bar` was the last one in which an order could trade."""
    return order.expires is not None and order.bar < bar and order.expires <= 1


def _check_positions(ledger: Ledger, reported: Mapping[str, float]) -> None:
    """Compare positions; fills that are not journaled yet may account for a difference."""
    for symbol in sorted({*ledger.positions, *reported}):
        held, there = ledger.positions.get(symbol, 0.0), reported.get(symbol, 0.0)
        waiting = [order.quantity for order in ledger.open_orders.values() if order.symbol == symbol]
        low, high = sum(q for q in waiting if q < 0), sum(q for q in waiting if q > 0)
        if not low - _TOLERANCE <= there - held <= high + _TOLERANCE:
            raise BrokerError(f"the journal adds up to {held:g} shares of {symbol}, the broker holds {there:g}; "
                              f"find out which is right before trading goes on", code="position_mismatch")  # fmt: skip
