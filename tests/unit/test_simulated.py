"""The simulated market: when an order fills, at what price, and what it costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import ConfigError
from alpha.core.nouns import Accepted, Fill, Order
from alpha.core.panel import Bar
from alpha.execution import broker

DAYS = [f"2020-01-{day:02d}T21:00:00+00:00" for day in range(1, 29)]


def bar(day, **fields):
    fields = {name: np.array(values, float) for name, values in fields.items()}
    return Bar(pd.Timestamp(DAYS[day]), ("A", "B"), fields, np.ones(2, bool))


def venue(**params):
    return broker.bind({"name": "simulated", **params})()


def order(symbol="A", quantity=10.0, day=0, **terms):
    return Order(f"{symbol}{day}", DAYS[day], symbol, quantity, **terms)


def traded(market, bar):
    """Return the fills of one more bar."""
    market.advance(bar)
    return [update for update in market.poll() if isinstance(update, Fill)]


def test_orders_fill_at_the_next_open_with_slippage_against_the_trader():
    market = venue(slippage_bps=10, fee_bps=2)
    market.submit([order(), order("B", -4.0)])
    [buy, sell] = traded(market, bar(1, open=[20.0, 50.0], close=[99.0, 99.0]))
    assert buy[:4] == ("A0", DAYS[1], "A", 10.0)
    assert buy.price == pytest.approx(20.0 * 1.001)
    assert sell.price == pytest.approx(50.0 * 0.999)
    assert buy.fee == pytest.approx(10 * 20.02 * 2e-4)
    assert sell.fee == pytest.approx(4 * 49.95 * 2e-4)
    assert buy.slippage == pytest.approx(10 * 0.02)
    assert sell.slippage == pytest.approx(4 * 0.05)
    assert market.open_orders() == ()


def test_nothing_fills_on_the_bar_that_made_the_signal():
    market = venue()
    market.submit([order(day=1)])
    assert traded(market, bar(0, open=[20.0, 50.0], close=[99.0, 99.0])) == []
    assert traded(market, bar(1, open=[20.0, 50.0], close=[99.0, 99.0])) == []
    assert len(traded(market, bar(2, open=[20.0, 50.0], close=[99.0, 99.0]))) == 1


def test_the_next_close_stands_in_for_an_absent_open():
    market = venue(slippage_bps=0)
    market.submit([order()])
    assert traded(market, bar(1, close=[20.0, 1.0]))[0].price == 20.0


def test_the_price_as_traded_is_paid():
    for name in ("open", "close"):
        market = venue(slippage_bps=0, price=name)
        market.submit([order()])
        prices = {"open": [1.0, 1], "close": [2.0, 2], "raw_open": [10.0, 1], "raw_close": [20.0, 1]}
        assert traded(market, bar(1, **prices))[0].price == {"open": 10.0, "close": 20.0}[name]


def test_an_open_that_is_only_known_adjusted_is_brought_to_raw_units():
    assert bar(1, open=[11.0, 1], close=[10.0, 1], raw_close=[50.0, 1]).quoted("open")[0] == 55.0


@pytest.mark.parametrize("price", [np.nan, 0.0, np.inf])
def test_an_order_waits_for_a_price(price):
    market = venue(slippage_bps=0)
    market.submit([order()])
    assert traded(market, bar(1, open=[price, 1.0], close=[5.0, 1.0])) == []
    assert market.open_orders() == (order(),)
    assert traded(market, bar(2, open=[7.0, 1.0], close=[5.0, 1.0]))[0].price == 7.0


def test_an_order_for_an_unknown_symbol_waits():
    market = venue()
    market.submit([order("Z")])
    assert traded(market, bar(1, open=[1.0, 1.0], close=[5.0, 1.0])) == []
    assert len(market.open_orders()) == 1


def test_sending_twice_is_sending_once_filled_or_not():
    market = venue()
    market.submit([order()])
    market.submit([order(), order()])
    prices = {"open": [20.0, 50.0], "close": [99.0, 99.0]}
    assert len(traded(market, bar(1, **prices))) == 1
    market.submit([order()])
    assert market.open_orders() == ()
    assert traded(market, bar(1, **prices)) == traded(market, bar(2, **prices)) == []


def test_cancelled_orders_never_fill_nor_come_back():
    market = venue()
    market.submit([order(), order("B")])
    market.cancel_all()
    market.submit([order()])
    assert (market.open_orders(), traded(market, bar(1, close=[1.0, 1.0]))) == ((), [])


def test_one_order_is_cancelled_and_the_others_are_not():
    market = venue()
    market.submit([order(), order("B")])
    market.cancel(["A0", "unknown"])
    assert market.open_orders() == (order("B"),)


def test_a_split_multiplies_what_waits_once():
    market = venue(slippage_bps=0)
    market.submit([order(), order("B", 3.0)])
    split = {"close": [1.0, 1.0], "raw_close": [5.0, 1.0], "split": [2.0, np.nan], "raw_open": [np.nan, np.nan]}
    for _ in range(2):
        assert traded(market, bar(1, **split)) == []
    assert [waiting.quantity for waiting in market.open_orders()] == [20.0, 3.0]


def test_a_split_on_the_day_of_the_fill_multiplies_too():
    market = venue(slippage_bps=0)
    market.submit([order()])
    [fill] = traded(market, bar(1, close=[1.0, 1.0], raw_close=[5.0, 1.0], split=[2.0, 1.0]))
    assert (fill.quantity, fill.price) == (20.0, 5.0)


@pytest.mark.parametrize("wrong", [{"slippage_bps": -1}, {"fee_bps": -1}, {"price": "high"}, {"slippage": 1}])
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ConfigError):
        venue(**wrong)


@pytest.mark.parametrize(("quantity", "quote", "far", "price"), [
    (10.0, 19.0, 18.0, 19.0),  # the open is better than the limit
    (10.0, 20.0, 20.0, 20.0),
    (10.0, 21.0, 19.9, 20.0),  # the bar trades through it
    (10.0, 21.0, 20.0, None),  # it is touched only
    (10.0, 21.0, 20.5, None),
    (-10.0, 21.0, 22.0, 21.0),
    (-10.0, 19.0, 20.1, 20.0),
    (-10.0, 19.0, 20.0, None),
])  # fmt: skip
def test_a_limit_order_fills_where_the_bar_trades_through_it(quantity, quote, far, price):
    market = venue(slippage_bps=0)
    market.submit([order(quantity=quantity, kind="limit", limit=20.0)])
    name = "low" if quantity > 0 else "high"
    fills = traded(market, bar(1, open=[quote, 1.0], close=[quote, 1.0], **{name: [far, 1.0]}))
    assert [(fill.quantity, fill.price, fill.slippage) for fill in fills] == ([(quantity, price, 0.0)] if price else [])


def test_slippage_never_takes_a_price_beyond_the_limit():
    market = venue(slippage_bps=100)
    market.submit([order(kind="limit", limit=20.1), order("B", -10.0, kind="limit", limit=49.9)])
    buy, sell = traded(market, bar(1, open=[20.0, 50.0], close=[20.0, 50.0]))
    assert (buy.price, sell.price) == (20.1, 49.9)
    assert (buy.slippage, sell.slippage) == (pytest.approx(1.0), pytest.approx(1.0))


def test_where_closes_fill_only_the_close_counts_for_a_limit():
    market = venue(slippage_bps=0, price="close")
    market.submit([order(kind="limit", limit=20.0)])
    assert traded(market, bar(1, open=[19.0, 1.0], low=[18.0, 1.0], close=[21.0, 1.0])) == []
    assert traded(market, bar(2, open=[21.0, 1.0], low=[18.0, 1.0], close=[19.5, 1.0]))[0].price == 19.5


def test_a_split_divides_the_limit():
    market = venue(slippage_bps=0)
    market.submit([order(kind="limit", limit=20.0)])
    split = {"close": [1.0, 1.0], "raw_close": [11.0, 1.0], "split": [2.0, 1.0], "raw_open": [11.0, 1.0]}
    assert traded(market, bar(1, **split, raw_low=[10.5, 1.0])) == []
    assert market.open_orders() == (order(quantity=20.0, kind="limit", limit=10.0),)


def test_an_order_that_waits_is_acknowledged_once():
    market = venue()
    market.submit([order()])
    for day, expected in ((1, [Accepted("A0")]), (2, [])):
        market.advance(bar(day, close=[np.nan, 1.0]))
        assert market.poll() == expected
    assert market.poll() == []
