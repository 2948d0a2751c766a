"""Reports of a broker: each counts once, in any order, and one that cannot be true is refused."""

from __future__ import annotations

import itertools

import pytest

from alpha.core.errors import BrokerError
from alpha.core.nouns import Accepted, Cancelled, Expired, Fill, Order, Rejected
from alpha.execution import Ledger
from alpha.execution.events import AccountOpened, OrderCancelled, OrderExpired, OrderPlaced, SharesSplit
from alpha.execution.reports import news

DAYS = [f"2020-01-{day:02d}T21:00:00+00:00" for day in range(1, 10)]
BUY, SELL = Order("buy", DAYS[0], "A", 100.0), Order("sell", DAYS[0], "B", -50.0, "limit", 30.0, None)


def fill(name="f1", quantity=100.0, order="buy", symbol="A", price=20.0):
    return Fill(order, name, symbol, quantity, price, 0.5, 1.0)


@pytest.fixture
def ledger():
    ledger = Ledger("run")
    for event in (AccountOpened.of("run", 10_000.0), OrderPlaced.of(BUY, 20.0), OrderPlaced.of(SELL, 30.0)):
        ledger.post(event)
    return ledger


def hear(ledger, *updates, day=1, **ratios):
    """Post what is new in some reports; return the kinds of the events."""
    events = list(news(updates, DAYS[day], ledger, ratios))
    for event in events:
        ledger.post(event)
    return [event.kind for event in events]


def raises(code, told=""):
    return pytest.raises(BrokerError, match=rf"^\[{code}\].*{told}")


def test_an_order_goes_from_submitted_to_filled(ledger):
    seen = [ledger.status["buy"]]
    for update in (Accepted("buy"), fill("f1", 30.0), fill("f2", 30.0), fill("f3", 40.0)):
        hear(ledger, update)
        seen.append(ledger.status["buy"])
    assert seen == ["submitted", "acknowledged", "partially filled", "partially filled", "filled"]
    assert ledger.positions == {"A": 100.0}
    assert ledger.open_orders == {"sell": SELL}


def test_two_fills_of_one_order_in_one_bar_are_two(ledger):
    assert hear(ledger, fill("f1", 60.0, price=20.0), fill("f2", 40.0, price=21.0)) == ["fill", "fill"]
    assert ledger.cash == 10_000_000_000 - 60 * 20_000_000 - 40 * 21_000_000 - 2 * 500_000
    assert [lot.quantity for lot in ledger.lots["A"]] == [60.0, 40.0]


@pytest.mark.parametrize(("update", "status"), [(Rejected("buy", "halted"), "rejected"), (Expired("buy"), "expired"),
                                                 (Cancelled("buy"), "cancelled")])  # fmt: skip
def test_an_order_may_end_without_a_fill(ledger, update, status):
    assert len(hear(ledger, update, update)) == 1
    assert hear(ledger, update, day=2) == []
    assert (ledger.status["buy"], "buy" in ledger.open_orders) == (status, False)


@pytest.mark.parametrize("late", [Accepted("buy"), Rejected("buy", "late"), Expired("buy"), Cancelled("buy")])
@pytest.mark.parametrize("last", [fill(), Rejected("buy", "no"), Expired("buy"), Cancelled("buy")])
def test_a_report_after_the_end_of_an_order_says_nothing_new(ledger, last, late):
    assert len(hear(ledger, last, late)) == 1
    status = ledger.status["buy"]
    assert hear(ledger, late) == []
    assert ledger.status["buy"] == status


def test_the_end_that_the_account_made_is_not_reported_again(ledger):
    ledger.post(OrderExpired.of(DAYS[1], BUY))
    ledger.post(OrderCancelled.of(DAYS[1], SELL))
    assert hear(ledger, Cancelled("buy"), Cancelled("sell"), Expired("sell")) == []
    assert ledger.status == {"buy": "expired", "sell": "cancelled"}


def test_reports_in_any_order_and_number_come_to_the_same_account(ledger):
    reports = [Accepted("sell"), fill("f1", 60.0), fill("f2", 40.0), fill("s1", -50.0, "sell", "B", 30.0)]
    hear(ledger, *reports)
    for order in itertools.permutations(reports):
        other = Ledger("run")
        for event in (AccountOpened.of("run", 10_000.0), OrderPlaced.of(BUY, 20.0), OrderPlaced.of(SELL, 30.0)):
            other.post(event)
        for more in (order, order[:2], order):
            hear(other, *more, *more)
        assert (other.cash, other.positions, other.status, other.fees) == (
            ledger.cash, ledger.positions, ledger.status, ledger.fees)  # fmt: skip


def test_a_fill_that_was_faster_than_the_cancellation_counts_up_to_the_rest(ledger):
    assert hear(ledger, fill("f1", 60.0), Cancelled("buy"), fill("f2", 30.0)) == ["fill", "cancel", "fill"]
    assert (ledger.status["buy"], ledger.positions) == ("cancelled", {"A": 90.0})
    with raises("over_fill", "10 A was left"):
        hear(ledger, fill("f3", 11.0), day=2)
    hear(ledger, fill("f3", 10.0), day=2)
    assert ledger.positions == {"A": 100.0}
    with raises("over_fill", "0 A was left"):
        hear(ledger, fill("f4", 1.0), day=2)


@pytest.mark.parametrize("fills", [
    [fill(quantity=100.5)], [fill("f1", 60.0), fill("f2", 41.0)], [fill(), fill("f2", 1.0)],
    [Rejected("buy", "no"), fill(quantity=1.0)],
])  # fmt: skip
def test_more_than_was_ordered_is_refused_and_nothing_is_kept(ledger, fills):
    with raises("over_fill"):
        hear(ledger, *fills)
    assert (ledger.positions, ledger.cash) == ({}, 10_000_000_000)


def test_a_fill_after_a_reject_is_refused_in_a_later_bar_too(ledger):
    hear(ledger, Rejected("buy", "no"))
    with raises("over_fill"):
        hear(ledger, fill(), day=2)


@pytest.mark.parametrize("wrong", [fill(quantity=-10.0), fill(quantity=0.0), fill(symbol="B"),
                                   fill("s", 5.0, "sell", "B")])  # fmt: skip
def test_a_fill_of_another_symbol_or_side_is_refused(ledger, wrong):
    with raises("wrong_fill"):
        hear(ledger, wrong)


def test_a_report_on_an_order_that_was_never_placed_is_refused(ledger):
    with raises("unknown_fill", "stray"):
        hear(ledger, fill(order="stray"))
    for update in (Accepted("stray"), Rejected("stray", "no"), Cancelled("stray"), Expired("stray")):
        with raises("unknown_order", "stray"):
            hear(ledger, update)


def test_two_fills_under_one_id_are_a_conflict(ledger):
    with raises("journal_conflict"):
        hear(ledger, fill("f1", 10.0), fill("f1", 11.0))


def test_what_is_left_is_counted_after_the_split_of_the_bar(ledger):
    events = list(news([fill("f1", 250.0), fill("f2", 50.0)], DAYS[1], ledger, {"A": 3.0}))
    ledger.post(SharesSplit.of("run", DAYS[1], "A", 3.0, 0.0))
    for event in events:
        ledger.post(event)
    assert (ledger.positions, ledger.status["buy"]) == ({"A": 300.0}, "filled")
    with raises("over_fill"):
        hear(ledger, fill("s", -101.0, "sell", "B"), B=2.0)
