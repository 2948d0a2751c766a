"""Contracts of every broker: verbs that can be repeated without harm, reports that add up to what was ordered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.nouns import Accepted, Fill, Order, Rejected
from alpha.core.panel import Bar
from alpha.execution import Account, MemoryJournal, broker, order_hash
from alpha.execution.events import OrderFilled, OrderPlaced
from alpha.portfolio import policy
from alpha.strategy import Rules, step

DAYS = [f"2020-01-{day:02d}T21:00:00+00:00" for day in range(1, 29)]
ORDERS = [Order("one", DAYS[1], "A", 10.0, expires=None), Order("two", DAYS[1], "B", -4.0, expires=None)]
MOODS = [
    {"name": "simulated", "price": "close"},
    {"name": "frictional", "parts": 3, "participation": 1.0},
    {"name": "frictional", "participation": 0.05, "price": "close"},
]
LIMITED = pytest.mark.parametrize("quantity", [8.0, -8.0])


def bar(day, a=20.0, b=30.0, wide=0.0, volume=60.0):
    prices = np.array([a, b])
    fields = {"open": prices, "high": prices + wide, "low": prices - wide, "close": prices}
    return Bar(pd.Timestamp(DAYS[day]), ("A", "B"), {**fields, "volume": np.full(2, volume)}, np.ones(2, bool))


@pytest.fixture(params=[*broker, *MOODS], ids=str)
def entry(request):
    return broker.bind(request.param)


@pytest.fixture
def venue(entry):
    return entry()


def traded(venue, *days, **prices):
    """Return the fills of some bars."""
    for day in days:
        venue.advance(bar(day, **prices))
    return [update for update in venue.poll() if isinstance(update, Fill)]


def filled(fills):
    """Return the shares filled of each order; a fill that is reported twice counts once."""
    once = {(fill.order_id, fill.id): fill.quantity for fill in fills}
    return {name: sum(shares for (order, _), shares in once.items() if order == name) for name, _ in once}


def test_the_fills_of_an_order_add_up_to_it(venue):
    venue.submit(ORDERS)
    fills = traded(venue, *range(2, 9))
    assert filled(fills) == {"one": 10.0, "two": -4.0}
    assert {(fill.order_id, fill.symbol) for fill in fills} == {("one", "A"), ("two", "B")}
    assert all(fill.price > 0 and fill.fee >= 0 and fill.slippage >= 0 for fill in fills)
    assert len({(fill.order_id, fill.id) for fill in fills}) == len(fills)
    assert traded(venue, *range(9, 12)) == []
    assert not venue.open_orders()


def test_what_is_open_and_what_is_filled_add_up_at_any_time(venue):
    venue.submit(ORDERS)
    done = []
    for day in range(2, 9):
        done += traded(venue, day)
        rest = {order.id: order.quantity for order in venue.open_orders()}
        for order in ORDERS:
            assert filled(done).get(order.id, 0.0) + rest.get(order.id, 0.0) == order.quantity


def test_sending_again_is_harmless_at_any_time(venue):
    done = []
    for day in range(2, 9):
        venue.submit(ORDERS)
        venue.submit(ORDERS)
        done += traded(venue, day)
    assert filled(done) == {"one": 10.0, "two": -4.0}


def test_a_bar_trades_once(venue):
    venue.submit(ORDERS)
    fills = traded(venue, 2)
    rest = list(venue.open_orders())
    assert filled([*fills, *traded(venue, 2, 2)]) == filled(fills)
    assert list(venue.open_orders()) == rest


def test_nothing_fills_on_the_bar_of_its_decision_or_before(venue):
    venue.submit(ORDERS)
    assert traded(venue, 0) == traded(venue, 1) == []
    assert set(venue.open_orders()) == set(ORDERS)


def test_an_order_waits_for_a_price_and_the_others_do_not(venue):
    venue.submit(ORDERS)
    venue.advance(bar(2, a=np.nan))
    updates = venue.poll()
    assert {update.order_id for update in updates if isinstance(update, Fill)} == {"two"}
    assert [update.order_id for update in updates if isinstance(update, Accepted)] == ["one"]
    assert ORDERS[0] in venue.open_orders()
    assert filled(traded(venue, *range(3, 9)))["one"] == 10.0


def test_what_is_cancelled_is_gone(venue):
    venue.submit(ORDERS)
    venue.cancel(["one", "one", "never heard of"])
    assert [order.id for order in venue.open_orders()] == ["two"]
    venue.cancel_all()
    venue.cancel_all()
    assert not venue.open_orders()
    venue.submit(ORDERS)
    assert traded(venue, 2) == []


def test_sending_nothing_is_nothing(venue):
    venue.submit([])
    venue.advance(bar(2))
    assert list(venue.open_orders()) == list(venue.poll()) == []


@LIMITED
def test_a_limit_order_never_pays_more_than_its_limit(venue, quantity):
    venue.submit([Order("o", DAYS[1], "A", quantity, "limit", 20.0, expires=None)])
    side, fills = np.sign(quantity), []
    for day, away in enumerate([1.0, 0.5, 0.001, -0.001, -0.5, -1.0, 2.0, -2.0, -3.0], start=2):
        fills += traded(venue, day, a=20.0 + side * away, wide=0.1)
    assert filled(fills) == {"o": quantity}
    assert all(side * fill.price <= side * 20.0 for fill in fills)
    assert all(fill.slippage >= 0 for fill in fills)


@LIMITED
def test_a_limit_order_waits_until_a_bar_trades_through_it(venue, quantity):
    venue.submit([Order("o", DAYS[1], "A", quantity, "limit", 20.0, expires=None)])
    assert traded(venue, 2, 3, a=20.0 + np.sign(quantity), wide=1.0) == [], "the limit is touched, not passed"
    assert [order.quantity for order in venue.open_orders()] == [quantity]


# Through an account: `step` trades bars against the venue.

RULES = Rules(policy.bind({"name": "long_short", "quantile": 0.5}), max_drawdown=1.0)


class Repeating:
    """A venue that reports everything again at every poll, the newest first."""

    def __init__(self, inner):
        self._inner, self._told = inner, []

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def poll(self):
        self._told += self._inner.poll()
        return [*self._told, *self._told]


def live(account, days, placed=()):
    """Trade bars, with some orders placed by hand on day 1."""
    rng = np.random.default_rng(7)
    prices, signals = 20 * np.exp(rng.normal(0, 0.05, (28, 2))), rng.normal(size=(28, 2))
    for day in days:
        step(signals[day], bar(day, *prices[day], wide=1.0, volume=20_000.0), RULES, account)
        if placed and day == 1:
            account.write(OrderPlaced.of(order, 20.0) for order in placed)
            account.broker.submit(placed)


def test_the_journal_is_the_same_however_often_a_report_comes(entry):
    once, often = (Account.open(MemoryJournal("run"), 10_000.0, make(entry())) for make in (lambda it: it, Repeating))
    for account in (once, often):
        live(account, range(1, 15))
    assert list(often.journal.events()) == list(once.journal.events())
    assert sum(isinstance(event, OrderFilled) for event in once.journal.events()) > 10


def test_the_journal_is_the_same_however_often_the_venue_is_new(entry):
    whole, parts = Account.open(MemoryJournal("run"), 1e6, entry()), MemoryJournal("run")
    long = [Order("wait", DAYS[1], "A", 5_000.0, "limit", 19.0, 6), Order("days", DAYS[1], "B", -9_000.0, expires=3)]
    live(whole, range(1, 15), long)
    for day in range(1, 15):
        account = Account.open(parts, 1e6, entry())
        account.reconcile()
        live(account, [day], long)
    assert list(parts.events()) == list(whole.journal.events())
    assert order_hash(parts.events()) == order_hash(whole.journal.events())


def test_positions_are_never_more_than_was_ordered(entry):
    account = Account.open(MemoryJournal("run"), 10_000.0, entry())
    live(account, range(1, 15))
    ordered = {event.id: event.quantity for event in account.journal.events() if isinstance(event, OrderPlaced)}
    fills = [event for event in account.journal.events() if isinstance(event, OrderFilled)]
    for name, quantity in ordered.items():
        got = sum(fill.quantity for fill in fills if fill.order == name)
        assert 0 <= got * np.sign(quantity) <= abs(quantity)
    for symbol, held in account.ledger.positions.items():
        assert held == sum(fill.quantity for fill in fills if fill.symbol == symbol)


def test_every_order_comes_to_an_end(entry):
    account = Account.open(MemoryJournal("run"), 10_000.0, entry())
    live(account, range(1, 15))
    assert {"filled", "submitted"} <= set(account.ledger.status.values()) <= {"filled", "expired", "submitted"}
    last = {order.id for order in account.ledger.open_orders.values()}
    assert {name for name, status in account.ledger.status.items() if status == "submitted"} == last
    assert all(order.bar == DAYS[14] for order in account.ledger.open_orders.values())


def test_a_rejected_order_leaves_nothing_open():
    venue = broker.bind({"name": "frictional", "rejects": 1.0})()
    venue.submit(ORDERS)
    venue.advance(bar(2))
    updates = venue.poll()
    assert [(type(update), update.order_id) for update in updates] == [(Rejected, "one"), (Rejected, "two")]
    assert not venue.open_orders()
    account = Account.open(MemoryJournal("run"), 10_000.0, broker.bind({"name": "frictional", "rejects": 0.5})())
    live(account, range(1, 15))
    status = list(account.ledger.status.values())
    assert {"rejected", "filled"} <= set(status)
    assert not [event for event in account.journal.events()
                if isinstance(event, OrderFilled) and account.ledger.status[event.order] == "rejected"]  # fmt: skip
    assert len(account.ledger.open_orders) == len(account.broker.open_orders()) + sum(
        isinstance(update, Rejected) for update in account.broker.poll()
    )
