"""What every broker must do, whoever wrote it: verbs that can be repeated without harm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.nouns import Order
from alpha.core.panel import Bar
from alpha.execution import broker

DAYS = [f"2020-01-{day:02d}T21:00:00+00:00" for day in range(1, 29)]
ORDERS = [Order("one", DAYS[1], "A", 10.0), Order("two", DAYS[1], "B", -4.0)]


def bar(day, a=20.0, b=30.0):
    prices = np.array([a, b])
    fields = dict.fromkeys(("open", "high", "low", "close"), prices)
    return Bar(pd.Timestamp(DAYS[day]), ("A", "B"), fields, np.ones(2, bool))


@pytest.fixture(params=list(broker))
def venue(request):
    return broker.bind(request.param)()


def filled(fills):
    return {fill.order_id: fill.quantity for fill in fills}


def test_every_order_fills_once_with_its_own_symbol_and_sign(venue):
    venue.submit(ORDERS)
    fills = [fill for day in range(2, 6) for fill in venue.settle(bar(day))]
    assert filled(fills) == {"one": 10.0, "two": -4.0}
    assert len(fills) == 2
    assert {(fill.order_id, fill.symbol) for fill in fills} == {("one", "A"), ("two", "B")}
    assert all(fill.price > 0 and fill.fee >= 0 and fill.slippage >= 0 for fill in fills)
    assert all(fill.bar in DAYS for fill in fills)


def test_sending_again_is_harmless_at_any_time(venue):
    venue.submit(ORDERS)
    venue.submit(ORDERS)
    first = list(venue.settle(bar(2)))
    venue.submit(ORDERS)
    assert filled([*first, *venue.settle(bar(3)), *venue.settle(bar(4))]) == {"one": 10.0, "two": -4.0}


def test_asking_again_for_a_bar_tells_no_fill_twice(venue):
    venue.submit(ORDERS)
    fills = [*venue.settle(bar(2)), *venue.settle(bar(2))]
    assert len({fill.order_id for fill in fills}) == len(fills)


def test_nothing_fills_on_the_bar_of_its_decision_or_before(venue):
    venue.submit(ORDERS)
    assert list(venue.settle(bar(0))) == []
    assert list(venue.settle(bar(1))) == []
    assert set(venue.open_orders()) == set(ORDERS)


def test_an_order_waits_for_a_price_and_the_others_do_not(venue):
    venue.submit(ORDERS)
    assert filled(venue.settle(bar(2, a=np.nan))) == {"two": -4.0}
    assert list(venue.open_orders()) == ORDERS[:1]
    assert filled(venue.settle(bar(3))) == {"one": 10.0}


def test_what_is_cancelled_is_gone(venue):
    venue.submit(ORDERS)
    assert set(venue.cancel_all()) == set(ORDERS)
    assert list(venue.cancel_all()) == list(venue.open_orders()) == []
    venue.submit(ORDERS)
    assert list(venue.settle(bar(2))) == []


def test_sending_nothing_is_nothing(venue):
    venue.submit([])
    assert list(venue.open_orders()) == list(venue.settle(bar(2))) == []
