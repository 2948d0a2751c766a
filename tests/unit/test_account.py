"""An account after a restart, at a halt, and when a person lets trading go on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import BrokerError, RiskBreach
from alpha.core.nouns import Fill, Order
from alpha.core.panel import Bar
from alpha.execution import Account, Ledger, MemoryJournal, broker
from alpha.execution.events import AccountOpened, BarSkipped, OrderFilled, OrderPlaced, TradingHalted

DAYS = [f"2020-01-{day:02d}T21:00:00+00:00" for day in range(1, 29)]
BAR = Bar(pd.Timestamp(DAYS[3]), ("A",), {"close": np.array([30.0])}, np.ones(1, bool))
FILLED, OPEN = Order("filled", DAYS[0], "A", 10.0), Order("open", DAYS[2], "A", -4.0)


@pytest.fixture
def journal():
    journal = MemoryJournal("run")
    fill = Fill("filled", "f1", "A", 10.0, 20.0, 0.0)
    journal.append([AccountOpened.of("run", 1000.0), OrderPlaced.of(FILLED, 20.0), OrderFilled.of(DAYS[1], fill),
                    OrderPlaced.of(OPEN, 20.0)])  # fmt: skip
    return journal


@pytest.fixture
def market():
    return broker.bind("simulated")()


def test_the_account_never_holds_what_is_not_in_the_journal(journal):
    account, known = Account.replay(journal, None), next(journal.events())
    with pytest.raises(BrokerError, match="journal_conflict"):
        account.write([BarSkipped.of("run", DAYS[3], "bad"), known._replace(cash=1)])
    assert account.ledger.last_bar == ""
    account.write([])


def test_an_account_opens_with_cash_once():
    journal = MemoryJournal("run")
    for cash in (1000.0, 5.0):
        ledger = Account.open(journal, cash, None).ledger
        assert (ledger.cash, ledger.peak, ledger.last_equity) == (1000_000_000, 1000.0, 1000.0)
    assert len(list(journal.events())) == 1
    assert Account.replay(MemoryJournal(), None).ledger.cash == 0


def test_a_bundle_is_journaled_where_it_is_another_one(journal):
    account = Account.replay(journal, None)
    for ref in ("a/1", "a/1", "b/1", "a/1"):
        account.decided_by(ref, "2019")
    assert [by.ref for by in Ledger.replay(journal).bundles] == ["a/1", "b/1", "a/1"]


def test_open_orders_are_handed_over_again(journal, market):
    account = Account.replay(journal, market)
    for _ in range(2):
        account.reconcile()
    assert market.open_orders() == (OPEN,)


def test_an_order_that_was_never_journaled_is_found(journal, market):
    market.submit([Order("stray", DAYS[2], "B", 7.0)])
    with pytest.raises(BrokerError, match=r"\[unknown_order\].*7 B.*stray"):
        Account.replay(journal, market).reconcile()


class Bank:
    """A broker that knows what is held."""

    def __init__(self, **held):
        self.held = held

    def positions(self):
        return self.held

    def submit(self, orders):
        self.sent = orders

    def advance(self, bar):
        pass

    def poll(self):
        return []

    def open_orders(self):
        return []

    def cancel(self, ids):
        pass

    def cancel_all(self):
        pass


@pytest.mark.parametrize("held", [{"A": 10}, {"A": 8}, {"A": 6.0}, {"A": 10, "B": 0.0}])
def test_positions_agree_where_open_orders_explain_the_difference(journal, held):
    bank = Bank(**held)
    Account.replay(journal, bank).reconcile()
    assert bank.sent == (OPEN,)


@pytest.mark.parametrize("held", [{"A": 11}, {"A": 5.9}, {}, {"A": 10, "B": 1.0}])
def test_positions_that_nothing_explains_stop_the_run(journal, held):
    bank = Bank(**held)
    with pytest.raises(BrokerError, match=r"\[position_mismatch\]"):
        Account.replay(journal, bank).reconcile()
    assert not hasattr(bank, "sent")


def test_a_halt_is_journaled_orders_cancelled_and_a_person_called(journal, market):
    account = Account.replay(journal, market)
    ledger = account.ledger
    account.reconcile()
    with pytest.raises(RiskBreach, match=r"\[halted\].*the kill file exists"):
        account.halt("the kill file exists", BAR)
    assert [event.kind for event in journal.events()][-2:] == ["halt", "cancel"]
    assert (market.open_orders(), ledger.open_orders) == ((), {})
    assert ledger.last_equity == 1100.0
    assert vars(Ledger.replay(journal))["halted"] == ledger.halted == "the kill file exists"


def test_a_halted_account_is_not_handed_over(journal, market):
    account = Account.replay(journal, market)
    account.write([TradingHalted.of("run", DAYS[3], 0, "lost", 700.0)])  # killed before it could cancel
    market.submit([OPEN])
    with pytest.raises(RiskBreach, match=r"\[halted\].*lost"):
        account.reconcile()
    assert (market.open_orders(), account.ledger.open_orders) == ((), {})
    assert [event.bar for event in journal.events() if event.kind == "cancel"] == [DAYS[3]]


def test_a_person_lets_trading_go_on(journal, market):
    account = Account.replay(journal, market)
    ledger = account.ledger
    account.acknowledge("nothing to acknowledge")
    assert len(list(journal.events())) == 4
    for count in (1, 2):
        with pytest.raises(RiskBreach):
            account.halt("again", BAR)
        account.acknowledge(f"seen {count}")
        assert (ledger.halted, ledger.peak, ledger.halts) == ("", 1100.0, count)
    account.reconcile()
    assert market.open_orders() == ()
    assert [event.note for event in journal.events() if event.kind == "acknowledge"] == ["seen 1", "seen 2"]


def test_orders_left_open_by_a_kill_in_a_halt_are_cancelled_by_the_acknowledgement(journal, market):
    account = Account.replay(journal, market)
    market.submit([OPEN])
    account.write([TradingHalted.of("run", DAYS[3], 0, "lost", 700.0)])
    account.acknowledge()
    assert account.ledger.open_orders == {}
    assert market.open_orders() == ()
    account.reconcile()
    assert market.open_orders() == ()
