"""From weights to orders: sizes, rounding, and the hash of a list of them."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

from alpha.core.instrument import Instrument
from alpha.core.nouns import Fill, Order
from alpha.core.panel import Bar
from alpha.execution import Ledger, order_hash, rebalance
from alpha.execution.events import AccountOpened, OrderFilled, OrderPlaced, OrdersSent, order_id

KEY = "2020-01-02T21:00:00+00:00"
SHARE = Instrument()


def bar(close, symbols=("A", "B", "C"), time=KEY, instrument=SHARE, rate=1.0, **fields):
    columns = {"close": close, **fields}
    return Bar(pd.Timestamp(time), symbols, {name: np.array(v, float) for name, v in columns.items()},
               np.ones(len(symbols), bool), instrument=instrument, rate=rate)  # fmt: skip


def ledger(cash=1000.0, **held):
    """Return an account with `cash` left after its positions were bought at 10."""
    account = Ledger("run")
    account.post(AccountOpened.of("run", cash + sum(10 * shares for shares in held.values())))
    for symbol, shares in held.items():
        order = Order(order_id("run", "2020-01-01", symbol), "2020-01-01", symbol, shares)
        account.post(OrderPlaced.of(order, 10.0))
        account.post(OrderFilled.of("2020-01-01", Fill(order.id, "x", symbol, shares, 10.0, 0.0)))
    return account


def shares(orders):
    return {order.symbol: order.quantity for order in orders}


def test_whole_shares_are_rounded_toward_the_present_position():
    orders = rebalance(np.array([0.55, -0.55, 0.0]), ledger(), bar([10.0, 30.0, 10.0]))
    assert shares(orders) == {"A": 55, "B": -18}  # 18.33 shares wanted short
    assert shares(rebalance(np.array([0.249, 0, 0]), ledger(0.0, A=100), bar([10.0, 1, 1]))) == {"A": -75}
    assert shares(rebalance(np.array([0.999, 0, 0]), ledger(0.0, A=100), bar([10.0, 1, 1]))) == {}


def test_the_target_is_never_passed_when_the_sign_changes():
    orders = rebalance(np.array([-0.105, 0, 0]), ledger(0.0, A=10), bar([10.0, 1, 1]))
    assert shares(orders) == {"A": -11}  # from 10 to -1, not to -1.05


def test_a_target_of_zero_closes_odd_lots_too():
    assert shares(rebalance(np.zeros(3), ledger(A=7.5), bar([10.0, 1, 1]))) == {"A": -7.5}
    assert shares(rebalance(np.zeros(3), ledger(A=7.5), bar([10.0, 1, 1]), min_trade=0.5)) == {"A": -7.5}


def test_small_changes_are_not_traded():
    target = np.array([0.02, 0.2, 0])
    assert shares(rebalance(target, ledger(), bar([1.0, 1, 1]), min_trade=0.05)) == {"B": 200}


def test_a_change_is_small_by_its_worth_and_not_by_its_shares():
    target = np.array([0.04, 0.05, 0])
    assert shares(rebalance(target, ledger(), bar([0.5, 10, 1]), min_trade=0.05)) == {"B": 5}, (
        "at the limit it is worth it"
    )


def test_a_worthless_name_is_not_closed():
    assert shares(rebalance(np.zeros(3), ledger(A=5), bar([0.0, 10.0, 10.0]))) == {}


def test_lots_and_fractions():
    hundreds, fractions = Instrument(lot=100), Instrument(lot=0)
    assert shares(rebalance(np.array([0.555, 0, 0]), ledger(), bar([1.0, 1, 1], instrument=hundreds))) == {"A": 500}
    found = shares(rebalance(np.array([0.5, 0, 0]), ledger(), bar([3.0, 1, 1], instrument=fractions)))
    assert found == {"A": 166.666666667}


def test_a_sleeve_trades_its_share_of_the_equity():
    target = np.array([0.5, 0.03, 0])
    prices = bar([10.0, 1.0, 1.0])
    found = rebalance(target, ledger(), prices, share=0.25, min_trade=0.05)
    assert shares(found) == {"A": 12}, "12.5 % of 1000; 3 % of 250 is too small"


def test_a_lot_that_floating_point_left_short_is_whole():
    weight = 0.29  # 0.29 * 100 / 0.01 is 2899.9999999999995
    assert shares(rebalance(np.array([weight, 0, 0]), ledger(100.0), bar([0.01, 1, 1]))) == {"A": 2900}
    assert weight * 100.0 / 0.01 < 2900


@pytest.mark.parametrize("price", [np.nan, 0.0, -1.0, np.inf])
def test_a_name_without_a_price_is_left_alone(price):
    assert shares(rebalance(np.array([0.5, 0.5, 0]), ledger(A=5), bar([price, 10.0, 10.0]))) == {"B": 52}


def test_orders_are_sorted_by_symbol_whatever_the_columns():
    straight = rebalance(np.array([0.1, 0.2, 0.3]), ledger(), bar([1.0, 2.0, 3.0]))
    mixed = rebalance(np.array([0.3, 0.1, 0.2]), ledger(), bar([3.0, 1.0, 2.0], ("C", "A", "B")))
    assert straight == mixed
    assert [order.symbol for order in straight] == ["A", "B", "C"]


def test_ids_name_the_decision_and_no_other():
    assert order_id("run", KEY, "A") == order_id("run", KEY, "A")
    others = {order_id("paper", KEY, "A"), order_id("run", "x", "A"), order_id("run", KEY, "B"),
              order_id("run", KEY, "A", 1)}  # fmt: skip
    assert len(others | {order_id("run", KEY, "A")}) == 5


def test_the_hash_is_of_bar_symbol_and_quantity_in_order():
    one, two = Order("1", KEY, "A", 3.0), Order("2", KEY, "B", -4.5)
    expected = hashlib.sha256(f"{KEY}|A|3.0\n{KEY}|B|-4.5\n".encode()).hexdigest()
    assert order_hash([one, two]) == expected != order_hash([two, one])
    events = [
        AccountOpened.of("r", 1.0),
        OrderPlaced.of(one, 9.0),
        OrdersSent.of("r", KEY, [one]),
        OrderPlaced.of(two._replace(id="z"), 1),
    ]
    assert order_hash(events) == expected
    assert order_hash([one._replace(quantity=3), two]) == expected


def test_orders_that_are_still_open_count_as_held():
    account = ledger(A=10, B=5)
    for order in (Order("more", "2020-01-01", "A", 30.0), Order("away", "2020-01-01", "Z", 3.0)):
        account.post(OrderPlaced.of(order, 10.0))
    prices = bar([10.0, 10.0, 10.0])
    assert account.value(prices).equity == 1150.0
    orders = rebalance(np.array([0.5, 0.0, 0.0]), account, prices)
    assert shares(orders) == {"A": 17, "B": -5}  # 57 wanted, 10 held, 30 on order
    assert shares(rebalance(np.zeros(3), account, prices)) == {"A": -40, "B": -5}


def test_kind_limit_and_life_count_in_the_hash_where_they_are_no_market_order_for_one_bar():
    plain = Order("1", KEY, "A", 3.0)
    kinds = [plain, plain._replace(kind="limit", limit=9.0), plain._replace(kind="limit", limit=9.5),
             plain._replace(expires=2), plain._replace(expires=None)]  # fmt: skip
    assert len({order_hash([order]) for order in kinds}) == 5
    limited = Order("1", KEY, "A", 3.0, kind="limit", limit=9.0, expires=2)
    assert order_hash([limited]) == hashlib.sha256(f"{KEY}|A|3.0|limit|9.0|2\n".encode()).hexdigest()
    for order in kinds:
        assert order_hash([OrderPlaced.of(order, 9.0)]) == order_hash([order])
