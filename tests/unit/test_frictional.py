"""The market with frictions: parts, volume and rejects."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import ConfigError, DataError
from alpha.core.nouns import Accepted, Fill, Order, Rejected
from alpha.core.panel import Bar
from alpha.execution import broker

DAYS = [f"2020-01-{day:02d}T21:00:00+00:00" for day in range(1, 29)]


def bar(day, **fields):
    fields = {"volume": [1000.0, 1000.0], **fields}
    arrays = {name: np.array(values, float) for name, values in fields.items()}
    return Bar(pd.Timestamp(DAYS[day]), ("A", "B"), arrays, np.ones(2, bool))


def venue(**params):
    return broker.bind({"name": "frictional", "slippage_bps": 0, "fee_bps": 0, "parts": 1, **params})()


def order(quantity=100.0, name="o", symbol="A", **terms):
    return Order(name, DAYS[0], symbol, quantity, **{"expires": None, **terms})


def fills(market, bar):
    market.advance(bar)
    return [(update.order_id, update.quantity, update.price) for update in market.poll() if isinstance(update, Fill)]


def test_parts_trade_on_the_way_from_the_open_to_the_close():
    market = venue(participation=1.0, parts=4)
    market.submit([order(10.0)])
    prices = {"open": [20.0, 1.0], "close": [28.0, 1.0]}
    assert fills(market, bar(1, **prices)) == [("o", 2.0, 20.0), ("o", 3.0, 22.0), ("o", 2.0, 24.0), ("o", 3.0, 26.0)]
    assert market.open_orders() == ()


def test_every_part_has_an_id_of_its_own():
    market = venue(participation=1.0, parts=3)
    market.submit([order(-9.0)])
    market.advance(bar(1, close=[20.0, 1.0]))
    assert [fill.id for fill in market.poll()] == [DAYS[1], f"{DAYS[1]}/1", f"{DAYS[1]}/2"]


def test_fewer_shares_than_parts_are_fewer_fills():
    market = venue(participation=1.0, parts=5)
    market.submit([order(2.0), order(-0.5, "half", "B")])
    found = fills(market, bar(1, close=[20.0, 10.0]))
    assert [quantity for name, quantity, _ in found if name == "o"] == [1.0, 1.0]
    assert [quantity for name, quantity, _ in found if name == "half"] == pytest.approx([-0.1] * 5)


def test_no_more_trades_than_a_fraction_of_the_volume_and_the_rest_waits():
    market = venue(participation=0.04)
    market.submit([order(100.0), order(-30.0, "other")])
    prices = {"close": [20.0, 1.0]}
    assert fills(market, bar(1, **prices)) == [("o", 40.0, 20.0)], "both orders share the volume of the symbol"
    assert [rest.quantity for rest in market.open_orders()] == [60.0, -30.0]
    assert fills(market, bar(2, **prices)) == [("o", 40.0, 20.0)]
    assert fills(market, bar(3, **prices)) == [("o", 20.0, 20.0), ("other", -20.0, 20.0)]
    assert fills(market, bar(4, **prices)) == [("other", -10.0, 20.0)]


def test_a_fraction_of_the_volume_is_whole_shares_where_the_order_is():
    market = venue(participation=0.0109)
    market.submit([order(100.0), order(100.5, "half", "B")])
    assert fills(market, bar(1, close=[20.0, 1.0])) == [("o", 10.0, 20.0), ("half", 10.9, 1.0)]


@pytest.mark.parametrize("volume", [0.0, np.nan, np.inf])
def test_without_a_volume_nothing_trades_and_the_order_is_acknowledged_once(volume):
    market = venue()
    market.submit([order()])
    for expected in ([Accepted("o")], []):
        market.advance(bar(1 + (not expected), close=[20.0, 1.0], volume=[volume, 1.0]))
        assert market.poll() == expected


def test_a_volume_adjusted_for_splits_is_brought_back_to_shares():
    market = venue(participation=0.1)
    market.submit([order(1000.0)])
    [(_, quantity, _)] = fills(market, bar(1, close=[40.0, 1.0], raw_close=[10.0, 1.0], raw_open=[10.0, 1.0]))
    assert quantity == 0.1 * 1000 * 4


def test_data_without_volumes_are_refused():
    market = venue()
    market.submit([order()])
    with pytest.raises(DataError, match="volume"):
        market.advance(Bar(pd.Timestamp(DAYS[1]), ("A",), {"close": np.array([1.0])}, np.ones(1, bool)))


def test_about_the_fraction_asked_for_is_rejected_the_same_ones_each_time():
    orders = [order(1.0, f"order {number}") for number in range(1000)]
    found = []
    for seed in (1, 1, 2):
        market = venue(rejects=0.2, seed=seed)
        market.submit(orders)
        found.append({update.order_id for update in market.poll() if isinstance(update, Rejected)})
        assert len(market.open_orders()) == 1000 - len(found[-1])
        market.submit(orders)
        assert not market.poll(), "a rejected order does not come back"
    assert found[0] == found[1] != found[2]
    assert 160 < len(found[0]) < 240


@pytest.mark.parametrize("wrong", [{"participation": 1.5}, {"participation": -0.1}, {"parts": 0}, {"rejects": 2.0}])
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ConfigError):
        venue(**wrong)
