"""The account that events add up to."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import BrokerError
from alpha.core.nouns import Fill, Order
from alpha.core.panel import Bar
from alpha.execution import Ledger, Lot, MemoryJournal
from alpha.execution.corporate import actions, delistings
from alpha.execution.events import (
    KINDS,
    AccountOpened,
    BarMarked,
    BarSkipped,
    BundleChosen,
    DividendPaid,
    HaltAcknowledged,
    HoldingDelisted,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderPlaced,
    OrderRejected,
    OrdersSent,
    RateFixed,
    SharesSplit,
    TradingHalted,
    bar_key,
    bar_sleeve,
    bar_time,
)
from alpha.execution.ledger import quotes

DAYS = [f"2020-01-{day:02d}T21:00:00+00:00" for day in range(1, 29)]


def bar(day, symbols="AB", **fields):
    fields = {name: np.array(values, float) for name, values in fields.items()}
    return Bar(pd.Timestamp(DAYS[day]), tuple(symbols), fields, np.ones(len(symbols), bool))


def account(cash=1000.0):
    ledger = Ledger("run")
    ledger.post(AccountOpened.of("run", cash))
    return ledger


def trade(ledger, day, symbol, quantity, price, fee=0.0, slippage=0.0, asked=None):
    order = Order(f"{symbol}{day}", DAYS[day], symbol, asked or quantity)
    ledger.post(OrderPlaced.of(order, price))
    ledger.post(OrderFilled.of(DAYS[day + 1], Fill(order.id, DAYS[day + 1], symbol, quantity, price, fee, slippage)))


def test_a_fill_moves_cash_shares_and_costs():
    ledger = account()
    trade(ledger, 0, "A", 10, 20.0, fee=0.5, slippage=0.25)
    assert ledger.cash == 1000_000_000 - 200_000_000 - 500_000
    assert (ledger.fees, ledger.slippage) == (500_000, 250_000)
    assert ledger.positions == {"A": 10.0}
    assert ledger.open_orders == {}
    assert ledger.equity({"A": 21.0}) == pytest.approx(1009.5)


def test_lots_close_first_in_first_out():
    ledger = account()
    for day, (quantity, price) in enumerate([(10, 10.0), (10, 12.0), (-15, 15.0)]):
        trade(ledger, day, "A", quantity, price)
    assert ledger.realised == (10 * 5 + 5 * 3) * 1_000_000
    assert ledger.lots == {"A": deque([Lot(5, 12.0)])}
    trade(ledger, 5, "A", -8, 20.0)  # through zero: short three at 20
    assert ledger.realised == (50 + 15 + 5 * 8) * 1_000_000
    assert ledger.lots == {"A": deque([Lot(-3, 20.0)])}
    trade(ledger, 6, "A", 3, 18.0)
    assert ledger.realised == (50 + 15 + 40 + 3 * 2) * 1_000_000
    assert ledger.lots == ledger.positions == ledger.marks == {}


def test_an_event_counts_once():
    ledger = account()
    trade(ledger, 0, "A", 10, 20.0)
    before = vars(ledger).copy()
    trade(ledger, 0, "A", 10, 20.0)
    assert vars(ledger) == before


def test_a_part_filled_leaves_the_rest_open():
    ledger = account()
    trade(ledger, 0, "A", 4, 20.0, asked=10)
    assert ledger.open_orders["A0"].quantity == 6
    ledger.post(OrderFilled.of(DAYS[2], Fill("A0", DAYS[2], "A", 7.0, 20.0, 0.0)))  # one more than was asked for
    assert ledger.open_orders == {}
    assert ledger.positions == {"A": 11.0}


def test_a_fill_of_no_order_is_refused_and_changes_nothing():
    ledger = account()
    stray = OrderFilled.of(DAYS[1], Fill("nobody", DAYS[1], "A", 1.0, 20.0, 0.0))
    with pytest.raises(BrokerError, match=r"\[unknown_fill\].*nobody"):
        ledger.post(stray)
    assert (ledger.cash, ledger.positions, stray.id in ledger) == (1000_000_000, {}, False)


def test_a_cancelled_order_may_still_fill():
    ledger = account()
    order = Order("o", DAYS[0], "A", 5.0)
    ledger.post(OrderPlaced.of(order, 1.0))
    ledger.post(OrderCancelled.of(DAYS[1], order))
    assert ledger.open_orders == {}
    ledger.post(OrderFilled.of(DAYS[1], Fill("o", DAYS[1], "A", 5.0, 20.0, 0.0)))
    assert ledger.positions == {"A": 5.0}


def placed(*orders):
    ledger = account()
    for order in orders:
        ledger.post(OrderPlaced.of(order, 10.0))
    return ledger


def filled(ledger, order, quantity, name="f"):
    ledger.post(OrderFilled.of(DAYS[1], Fill(order, f"{DAYS[1]}{name}", "A", quantity, 10.0, 0.0)))


def test_the_status_of_an_order_follows_its_reports():
    ledger = placed(*(Order(name, DAYS[0], "A", 4.0) for name in "abcd"))
    assert set(ledger.status.values()) == {"submitted"}
    ledger.post(OrderAccepted.of(DAYS[1], "a"))
    assert ledger.status["a"] == "acknowledged"
    filled(ledger, "b", 1.0)
    assert ledger.status["b"] == "partially filled"
    ledger.post(OrderAccepted.of(DAYS[1], "b"))
    assert ledger.status["b"] == "partially filled", "a late acknowledgement says nothing new"
    filled(ledger, "b", 3.0, "g")
    assert ledger.status["b"] == "filled"
    ledger.post(OrderRejected.of(DAYS[1], "c", "no shares to borrow"))
    assert (ledger.status["c"], "c" in ledger.open_orders) == ("rejected", False)
    ledger.post(OrderExpired.of(DAYS[1], ledger.open_orders["d"]))
    filled(ledger, "d", 4.0)
    assert ledger.status["d"] == "expired", "a fill that comes late does not revive it"
    assert (ledger.rests, list(ledger.open_orders)) == ({}, ["a"])


def test_an_order_ends_once():
    order = Order("a", DAYS[0], "A", 4.0)
    ledger = placed(order)
    ledger.post(OrderCancelled.of(DAYS[1], order))
    ledger.post(OrderExpired.of(DAYS[1], order))
    assert (ledger.status, ledger.rests) == ({"a": "cancelled"}, {"a": order})


@pytest.mark.parametrize(
    "event",
    [
        OrderAccepted.of(DAYS[1], "nobody"),
        OrderRejected.of(DAYS[1], "nobody", "unknown"),
        OrderCancelled.of(DAYS[1], Order("nobody", DAYS[0], "A", 1.0)),
        OrderExpired.of(DAYS[1], Order("nobody", DAYS[0], "A", 1.0)),
    ],
    ids=lambda event: event.kind,
)
def test_a_report_on_no_order_is_refused(event):
    with pytest.raises(BrokerError, match=r"\[unknown_order\].*nobody"):
        account().post(event)


ONE = Order("o", DAYS[0], "A", 2.0)
IDS = [
    (AccountOpened.of("run", 1.0), "run|open"),
    (BundleChosen.of("run", DAYS[0], 3, ref="m/v1", trained_until="2019-12-31"), "run|bundle|3"),
    (OrdersSent.of("run", DAYS[0], [ONE]), f"run|{DAYS[0]}|sent"),
    (DividendPaid.of("run", DAYS[0], "A", 0.5, 2.0), f"run|{DAYS[0]}|A|dividend"),
    (SharesSplit.of("run", DAYS[0], "A", 2.0, 2.0), f"run|{DAYS[0]}|A|split"),
    (HoldingDelisted.of("run", DAYS[0], "A", 2.0, 9.0), f"run|{DAYS[0]}|A|delisting"),
    (RateFixed.of("run", DAYS[0], "EUR", 1.25), f"run|{DAYS[0]}|EUR|rate"),
    (BarMarked.of("run", DAYS[0], 1.0, prices={}, unpriced={}), f"run|{DAYS[0]}|mark"),
    (BarSkipped.of("run", DAYS[0], "bad data"), f"run|{DAYS[0]}|skip"),
    (TradingHalted.of("run", DAYS[0], 1, "lost", 1.0), f"run|{DAYS[0]}|halt|1"),
    (HaltAcknowledged.of("run", DAYS[0], 1, "seen"), f"run|{DAYS[0]}|acknowledge|1"),
]
REPORTS = [
    (OrderPlaced.of(ONE, 1.0), "o"),
    (OrderAccepted.of(DAYS[0], "o"), "o:accept"),
    (OrderFilled.of(DAYS[0], Fill("o", "x1", "A", 2.0, 9.0, 0.0)), "o:x1"),
    (OrderRejected.of(DAYS[0], "o", "no"), "o:reject"),
    (OrderCancelled.of(DAYS[0], ONE), "o:cancel"),
    (OrderExpired.of(DAYS[0], ONE), "o:expire"),
]


def test_an_event_keeps_the_id_that_journals_hold():
    """A run that goes on knows by the id what it has done, also in a journal of an earlier version."""
    assert [event.kind for event, _ in IDS] == [
        "open", "bundle", "sent", "dividend", "split", "delisting", "rate", "mark", "skip", "halt", "acknowledge",
    ]  # fmt: skip
    assert [event.kind for event, _ in REPORTS] == ["order", "accept", "fill", "reject", "cancel", "expire"]
    assert {event.kind for event, _ in IDS + REPORTS} == set(KINDS)
    for event, parts in IDS:
        assert event.id == hashlib.blake2b(parts.encode(), digest_size=10).hexdigest(), event.kind
        assert event.bar == ("" if event.kind == "open" else DAYS[0])
    for event, name in REPORTS:
        assert (event.id, event.bar) == (name, DAYS[0])


def test_an_event_leaves_out_what_was_not_said():
    mark = BarMarked.of("run", DAYS[0], 1.0, prices={}, unpriced={})
    assert (mark.orders, mark.limits) == (0, ())
    assert TradingHalted.of("run", DAYS[0], 1, "lost", 1.0).code == "halted"
    assert HaltAcknowledged.of("run", DAYS[0], 1).note == ""
    order = OrderPlaced("o", DAYS[0], "A", 2.0, 9.0)
    assert order == OrderPlaced.of(ONE, 9.0)
    assert order.order == ONE == Order("o", DAYS[0], "A", 2.0, "market", None, 1)
    assert AccountOpened.of("run", 1.0).currency == "USD"


def test_a_key_names_the_close_of_a_bar_and_its_sleeve():
    alone, sleeve = bar(0, close=[1.0, 1.0]), replace(bar(0, close=[1.0, 1.0]), sleeve="us")
    assert (bar_key(alone), bar_key(sleeve)) == (DAYS[0], f"{DAYS[0]}#us")
    assert [bar_time(bar_key(each)) for each in (alone, sleeve)] == [DAYS[0], DAYS[0]]
    assert [bar_sleeve(bar_key(each)) for each in (alone, sleeve)] == ["", "us"]


def test_fractions_are_kept_to_nine_digits():
    ledger = placed(Order("a", DAYS[0], "A", 0.75))
    filled(ledger, "a", 0.5)
    assert ledger.open_orders["a"].quantity == 0.25
    trade(ledger, 2, "B", 0.1, 10.0)
    trade(ledger, 3, "B", 0.2, 10.0)
    assert ledger.positions == {"A": 0.5, "B": 0.3}
    assert 0.1 + 0.2 != 0.3
    trade(ledger, 4, "C", 1.23456789012, 10.0)
    assert ledger.positions["C"] == 1.23456789


def test_a_fill_that_floating_point_left_short_is_whole():
    ledger = placed(Order("a", DAYS[0], "A", 0.1 + 0.2))
    filled(ledger, "a", 0.3)
    assert (ledger.open_orders, ledger.status["a"]) == ({}, "filled")


@pytest.mark.parametrize(("currency", "multiplier"), [("EUR", 1.0), ("", 50.0), ("EUR", 50.0), ("", 1.0)])
def test_the_terms_of_a_contract_are_learned_from_its_order(currency, multiplier):
    ledger = account()
    ledger.post(RateFixed.of("run", DAYS[0], "EUR", 1.25))
    ledger.post(OrderPlaced.of(Order("a", DAYS[0], "A", 1.0), 10.0, currency, multiplier))
    assert ledger.money.terms("A") == (currency, multiplier)
    assert ("A" in ledger.money.contracts) == (bool(currency) or multiplier != 1)


def test_a_bar_takes_one_off_the_life_of_orders_placed_before_it():
    lives = {"day": 1, "later": 3, "open": None}
    ledger = placed(*(Order(name, DAYS[0], "A", 1.0, expires=life) for name, life in lives.items()))
    new, other = Order("new", DAYS[1], "A", 1.0, expires=3), Order("else", f"{DAYS[0]}#other", "B", 1.0, expires=3)
    ledger.post(OrderPlaced.of(new, 10.0))
    ledger.post(OrderPlaced.of(other, 10.0))
    assert set(ledger.orders(DAYS[1])) == {*lives, "new"}
    assert list(ledger.orders(f"{DAYS[1]}#other")) == ["else"]
    ledger.post(BarMarked.of("run", DAYS[1], equity=1.0, prices={}, unpriced={}))
    assert {name: order.expires for name, order in ledger.open_orders.items()} == {
        "day": 0, "later": 2, "open": None, "new": 3, "else": 3,
    }  # fmt: skip


def test_a_split_divides_the_limit_of_an_open_order():
    order = Order("a", DAYS[0], "A", 3.0, kind="limit", limit=30.0)
    ledger = placed(order)
    ledger.post(SharesSplit.of("run", DAYS[1], "A", 2.0, 0.0))
    assert (ledger.open_orders["a"].quantity, ledger.open_orders["a"].limit) == (6.0, 15.0)


def test_the_last_bar_that_was_settled_and_the_last_that_was_decided():
    ledger = account()
    assert (ledger.settled, ledger.decided) == ("", "")
    trade(ledger, 0, "A", 10, 20.0)
    assert (ledger.settled, ledger.decided) == (DAYS[1], DAYS[0])
    ledger.post(DividendPaid.of("run", DAYS[2], "A", 1.0, 10.0))
    assert ledger.settled == DAYS[2]
    ledger.post(OrdersSent.of("run", DAYS[3], []))
    assert ledger.decided == DAYS[3]
    ledger.post(HoldingDelisted.of("run", DAYS[4], "A", 10.0, 20.0))
    assert ledger.settled == DAYS[4]


def test_before_it_is_opened_an_account_has_nothing():
    ledger = Ledger("run")
    assert (ledger.empty, ledger.cash, ledger.peak, ledger.last_equity) == (True, 0, 0.0, 0.0)


def test_a_quote_is_a_finite_price_above_zero():
    prices = bar(1, "ABCDE", close=[0.5, 0.0, np.inf, np.nan, -1.0])
    assert quotes(prices, "close", ["E", "D", "C", "B", "A", "Z"]) == {"A": 0.5}


def test_a_penny_stock_has_a_price_and_names_without_one_come_sorted():
    ledger = account()
    for symbol in "GECABDF":
        trade(ledger, 0, symbol, 10, 20.0)
    close = [0.5 if symbol == "A" else np.nan for symbol in "GECABDF"]
    found = ledger.value(bar(2, "GECABDF", close=close))
    assert found.unpriced == tuple("BCDEFG")
    assert (found.prices["A"], found.prices["B"]) == (0.5, 20.0)


def test_bars_without_a_price_are_counted_by_the_sleeve_that_holds_the_name():
    ledger = account()
    trade(ledger, 0, "A", 10, 20.0)
    trade(ledger, 0, "B", 10, 20.0)
    ledger.post(OrderPlaced.of(Order("c", f"{DAYS[0]}#other", "C", 1.0), 10.0))
    ledger.post(OrderFilled.of(DAYS[1], Fill("c", DAYS[1], "C", 1.0, 10.0, 0.0)))
    ledger.post(BarMarked.of("run", DAYS[1], equity=1.0, prices=dict.fromkeys("ABC", 10.0), unpriced={"A": 2, "C": 5}))
    assert ledger.silent(bar(2, close=[np.nan, 20.0])) == {"A": 3, "C": 5}
    assert ledger.silent(bar(2, close=[20.0, np.nan])) == {"B": 1, "C": 5}
    assert ledger.silent(replace(bar(2, "C", close=[np.nan]), sleeve="other")) == {"A": 2, "C": 6}


def test_a_split_multiplies_shares_lots_and_open_orders():
    ledger = account()
    trade(ledger, 0, "A", 10, 20.0)
    trade(ledger, 1, "A", 5, 30.0)
    ledger.post(OrderPlaced.of(Order("wait", DAYS[2], "A", -3.0), 30.0))
    ledger.post(OrderPlaced.of(Order("other", DAYS[2], "B", 7.0), 30.0))
    prices = bar(3, raw_close=[15.0, 1.0], close=[1.0, 1.0], split=[2.0, 3.0])
    [split] = [event for event in actions(prices, ledger) if event.symbol == "A"]
    assert (split.quantity, split.ratio, split.kind) == (15.0, 2.0, "split")
    value = ledger.equity({"A": 30.0})
    ledger.post(split)
    assert ledger.positions == {"A": 30.0}
    assert ledger.lots["A"] == deque([Lot(20, 10.0), Lot(10, 15.0)])
    assert ledger.marks["A"] == 15.0
    assert ledger.open_orders["wait"].quantity == -6
    assert ledger.open_orders["other"].quantity == 7
    assert ledger.equity({"A": 15.0}) == value


def test_a_split_concerns_an_order_without_a_position():
    ledger = account()
    ledger.post(OrderPlaced.of(Order("wait", DAYS[0], "A", 3.0), 30.0))
    [split] = actions(bar(1, raw_close=[10.0, 1], close=[1.0, 1], split=[3.0, 3.0]), ledger)
    assert (split.quantity, split.ratio) == (0.0, 3.0)
    ledger.post(split)
    assert ledger.open_orders["wait"].quantity == 9
    assert ledger.positions == {}


def test_actions_come_dividends_first_then_by_symbol():
    ledger = account()
    for symbol, quantity in {"B": 8, "A": 10}.items():
        trade(ledger, 0, symbol, quantity, 20.0)
    both = bar(2, "BA", raw_close=[20.0, 20.0], close=[1.0, 1.0], dividend=[0.5, 0.25], split=[0.25, 4.0])
    assert [(event.kind, *event[2:5]) for event in actions(both, ledger)] == [
        ("dividend", "A", 0.25, 2_500_000), ("dividend", "B", 0.5, 4_000_000),
        ("split", "A", 4.0, 30.0), ("split", "B", 0.25, -6.0),
    ]  # fmt: skip


@pytest.mark.parametrize("shares", [10, -10])
def test_dividends_are_paid_to_holders_and_by_the_short(shares):
    ledger = account()
    trade(ledger, 0, "A", shares, 20.0)
    cash = ledger.cash
    paying = bar(2, raw_close=[20.0, 1.0], close=[1.0, 1.0], dividend=[0.25, 5.0], split=[2.0, np.nan])
    for event in actions(paying, ledger):  # for each share held the evening before: before the split
        ledger.post(event)
    assert ledger.cash - cash == ledger.dividends == shares * 250_000
    assert ledger.positions == {"A": 2.0 * shares}


def test_adjusted_prices_contain_splits_and_dividends():
    ledger = account()
    trade(ledger, 0, "A", 10, 20.0)
    assert actions(bar(2, close=[20.0, 1.0], dividend=[0.25, 5.0], split=[2.0, 2.0]), ledger) == []


@pytest.mark.parametrize("nothing", [np.nan, 0.0, -1.0, np.inf])
def test_days_without_actions_have_none(nothing):
    ledger = account()
    trade(ledger, 0, "A", 10, 20.0)
    quiet = bar(2, raw_close=[20.0, 1.0], close=[20.0, 1.0], dividend=[nothing, 0], split=[nothing, 1.0])
    assert actions(quiet, ledger) == []
    assert actions(bar(2, raw_close=[20.0, 1.0], close=[20.0, 1.0], split=[1.0, 1.0]), ledger) == []


def mark(ledger, day, **close):
    account = ledger.value(bar(day, close=list(close.values()), symbols="".join(close)))
    unpriced = {name: ledger.unpriced.get(name, 0) + 1 for name in account.unpriced}
    ledger.post(BarMarked.of("run", DAYS[day], equity=account.equity, prices=account.prices, unpriced=unpriced))


def test_a_name_without_a_price_keeps_the_last_one():
    ledger = account()
    trade(ledger, 0, "A", 10, 20.0)
    mark(ledger, 1, A=22.0, B=1.0)
    assert ledger.last_equity == ledger.peak == 1020.0
    for day in (2, 3):
        mark(ledger, day, A=np.nan, B=1.0)
        assert (ledger.last_equity, ledger.marks, ledger.unpriced) == (1020.0, {"A": 22.0}, {"A": day - 1})
    mark(ledger, 4, A=21.0, B=1.0)
    assert (ledger.last_equity, ledger.peak, ledger.unpriced, ledger.last_bar) == (1010.0, 1020.0, {}, DAYS[4])


def test_a_name_outside_the_bar_still_counts():
    ledger = account(0.0)
    trade(ledger, 0, "Z", 10, 20.0)
    trade(ledger, 0, "A", 10, 30.0)
    value = ledger.value(bar(1, close=[40.0, 1.0]))
    assert value.prices == {"A": 40.0, "Z": 20.0}
    assert value.unpriced == ("Z",)
    np.testing.assert_array_equal(value.shares, [10, 0])
    assert value.equity == -500 + 400 + 200
    np.testing.assert_array_equal(value.weights, [4.0, 0.0])


def test_values_are_computed_anew_when_something_changed():
    ledger, today = account(), bar(1, close=[40.0, 1.0])
    assert ledger.value(today) is ledger.value(today)
    trade(ledger, 0, "A", 10, 20.0)
    assert ledger.value(today).equity == 1200.0
    ledger.post(SharesSplit.of("run", DAYS[1], "A", 2.0, 10.0))
    assert ledger.value(today).equity == 1600.0
    np.testing.assert_array_equal(ledger.weights(today), [0.5, 0.0])
    assert ledger.value(bar(1, close=[20.0, 1.0])).equity == 1200.0


def test_raw_prices_value_the_account_where_they_are_known():
    ledger = account()
    trade(ledger, 0, "A", 10, 20.0)
    assert ledger.value(bar(1, close=[40.0, 1.0], raw_close=[21.0, 1.0])).equity == 1010.0


def test_a_delisted_holding_is_settled_at_its_last_price():
    ledger = account()
    trade(ledger, 0, "A", 10, 20.0)
    gone = bar(5, close=[np.nan, 1.0])
    for day in (1, 2):
        mark(ledger, day, A=22.0 if day == 1 else np.nan, B=1.0)
    assert delistings(gone, ledger, 3) == []
    assert delistings(gone, ledger, 2, active={"A"}) == []
    assert delistings(bar(5, close=[22.0, 1.0]), ledger, 2) == []
    [event] = delistings(gone, ledger, 2)
    assert (event.quantity, event.price, event.cash, event.kind) == (-10.0, 22.0, 220_000_000, "delisting")
    ledger.post(event)
    assert (ledger.positions, ledger.unpriced, ledger.realised) == ({}, {}, 20_000_000)
    assert ledger.cash == 1020_000_000


def test_one_name_that_is_gone_takes_no_other_with_it():
    ledger = account()
    for symbol in "CBA":
        trade(ledger, 0, symbol, 10, 20.0)
    gone = bar(5, "CBA", close=[np.nan, 21.0, np.nan])
    assert [event.symbol for event in delistings(gone, ledger, 1)] == ["A", "C"], "at the first bar without a price"
    assert delistings(gone, ledger, 2) == []
    mark(ledger, 1, C=np.nan, B=21.0, A=22.0)
    assert [event.symbol for event in delistings(gone, ledger, 1)] == ["A", "C"]
    assert [event.symbol for event in delistings(gone, ledger, 2)] == ["C"]


def test_a_sleeve_settles_no_name_of_another():
    ledger = account()
    trade(ledger, 0, "A", 10, 20.0)
    gone = bar(5, close=[np.nan, 1.0])
    assert delistings(replace(gone, sleeve="other"), ledger, 1) == []
    assert [event.symbol for event in delistings(gone, ledger, 1)] == ["A"]


def test_a_mark_in_the_journal_stays_what_it_was():
    ledger, journal = account(), MemoryJournal("run")
    trade(ledger, 0, "A", 10, 20.0)
    event = BarMarked.of("run", DAYS[1], equity=1.0, prices={"A": 20.0}, unpriced={"A": 1})
    journal.append([event])
    ledger.post(event)
    trade(ledger, 2, "A", -10, 25.0)
    assert next(journal.events()).prices == {"A": 20.0}
    assert next(journal.events()).unpriced == {"A": 1}


def test_skips_finish_a_bar_and_halts_stand_until_acknowledged():
    ledger = account()
    ledger.post(BarSkipped.of("run", DAYS[3], "bad data"))
    assert ledger.last_bar == DAYS[3]
    ledger.post(TradingHalted.of("run", DAYS[4], 0, "lost too much", 700.0))
    assert (ledger.halted, ledger.halted_at, ledger.halts, ledger.peak) == ("lost too much", DAYS[4], 1, 1000.0)
    ledger.post(HaltAcknowledged.of("run", DAYS[4], 1, "seen"))
    assert (ledger.halted, ledger.peak) == ("", 700.0)
