"""The terms on which symbols are traded, and where they meet a weight, a price and a cost."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import ConfigError, DataError
from alpha.core.instrument import Instrument, check_converted
from alpha.core.nouns import Fill, Order
from alpha.core.panel import Panel
from alpha.execution import Account, MemoryJournal, broker, rebalance

TIMES = pd.date_range("2020-01-01 21:00", periods=3, freq="D", tz="UTC")
FUTURE = Instrument(currency="EUR", multiplier=50.0, tick=0.25)


def panel(instrument=FUTURE, rates=(1.1, 1.2, 1.3), close=100.0):
    return Panel(TIMES, ("F",), {"close": np.full((3, 1), close)}, instrument=instrument, rates=rates)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({"currency": "eur"}, "bad_currency"), ({"currency": ""}, "bad_currency"), ({"multiplier": 0}, "bad_multiplier"),
     ({"multiplier": np.nan}, "bad_multiplier"), ({"multiplier": np.inf}, "bad_multiplier"), ({"tick": -1}, "bad_tick"),
     ({"tick": np.nan}, "bad_tick"), ({"lot": -0.1}, "bad_lot"), ({"lot": np.inf}, "bad_lot")],
)  # fmt: skip
def test_terms_that_cannot_be_are_refused(wrong, code):
    with pytest.raises(ConfigError) as caught:
        Instrument(**wrong)
    assert caught.value.code == code


def test_a_limit_between_two_ticks_becomes_one_that_is_no_worse():
    assert [FUTURE.on_tick(limit, 1) for limit in (10.0, 10.24, 10.25, 10.49)] == [10.0, 10.0, 10.25, 10.25]
    assert [FUTURE.on_tick(limit, -1) for limit in (10.0, 10.01, 10.25, 10.26)] == [10.0, 10.25, 10.25, 10.5]
    cents = Instrument(tick=0.01)
    for cent in range(1, 3000):
        assert cents.on_tick(cent / 100, 1) == cents.on_tick(cent / 100, -1) == cent / 100
    assert Instrument().on_tick(1 / 3, 1) == 1 / 3


def test_a_conversion_is_given_exactly_where_currencies_differ():
    check_converted(FUTURE, "EUR", converted=False)
    check_converted(FUTURE, "USD", converted=True)
    for account, converted, code in (("USD", False, "no_conversion"), ("EUR", True, "needless_conversion")):
        with pytest.raises(ConfigError) as caught:
            check_converted(FUTURE, account, converted)
        assert caught.value.code == code


def test_a_bar_has_the_rate_of_its_row():
    market = panel()
    assert [market.bar(row).rate for row in range(3)] == [1.1, 1.2, 1.3]
    assert market.bar(1).unit == 60.0
    assert [market.rows(slice(1, None)).bar(row).rate for row in range(2)] == [1.2, 1.3]
    assert market.until(TIMES[0]).rates.tolist() == [1.1]
    assert market.select(["F"]).bar(2).unit == 65.0
    again = pickle.loads(pickle.dumps(market))
    assert (again.instrument, again.rates.tolist(), again.id) == (FUTURE, [1.1, 1.2, 1.3], market.id)
    plain = panel(Instrument(), None).bar(0)
    assert (plain.rate, plain.unit, plain.instrument) == (1.0, 1.0, Instrument())


def test_the_id_of_data_is_another_only_where_they_are_converted():
    plain = panel(Instrument(), None)
    assert replace(plain, instrument=FUTURE).id == plain.id
    assert len({plain.id, panel().id, panel(rates=(1.1, 1.2, 1.4)).id}) == 3


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_rates_are_positive_and_finite(bad):
    with pytest.raises(DataError, match="2020-01-02") as caught:
        panel(rates=(1.0, bad, 1.0))
    assert caught.value.code == "bad_rate"
    with pytest.raises(DataError, match="rates"):
        panel(rates=(1.0, 1.0))


@pytest.mark.parametrize(("lot", "expected"), [(1.0, 8.0), (5.0, 5.0), (0.0, 8.333333333)])
def test_a_weight_becomes_contracts_by_multiplier_and_rate(lot, expected):
    """Half of 100,000 USD; a contract is worth 100 x 50 EUR, at 1.2 USD: 6,000 USD."""
    bar = panel(replace(FUTURE, lot=lot)).bar(1)
    account = Account.open(MemoryJournal(), 100_000.0, None)
    [order] = rebalance(np.array([0.5]), account.ledger, bar)
    assert order.quantity == expected
    assert rebalance(np.array([0.5]), account.ledger, bar, min_trade=0.51) == ()
    assert len(rebalance(np.array([0.5]), account.ledger, bar, min_trade=0.29)) == 1


@pytest.mark.parametrize("name", ["simulated", "frictional"])
def test_costs_are_fractions_of_the_value_of_a_contract(name):
    market = broker.bind({"name": name, "slippage_bps": 10, "fee_bps": 2, "price": "close"})()
    market.submit([Order("o", TIMES[0].isoformat(), "F", 3.0)])
    bar = replace(panel(), fields={"close": np.full((3, 1), 100.0), "volume": np.full((3, 1), 1e6)}).bar(1)
    market.advance(bar)
    fills = [update for update in market.poll() if isinstance(update, Fill)]
    assert sum(fill.quantity for fill in fills) == 3
    assert sum(fill.slippage for fill in fills) == pytest.approx(3 * 50 * 0.1)
    assert sum(fill.fee for fill in fills) == pytest.approx(3 * 50 * 100.1 * 2e-4)
    assert market.costs(bar).tolist() == pytest.approx([12e-4])


@pytest.mark.parametrize(("quantity", "limit", "paid"), [(1.0, 100.2, 100.0), (-1.0, 99.9, 100.0), (1.0, 99.99, None)])
def test_a_limit_trades_on_its_tick(quantity, limit, paid):
    """A buyer's 99.99 is an order at 99.75, through which a close of 99.80 does not trade."""
    market = broker.bind({"name": "simulated", "slippage_bps": 30, "fee_bps": 0, "price": "close"})()
    market.submit([Order("o", TIMES[0].isoformat(), "F", quantity, "limit", limit)])
    market.advance(panel(close=99.8 if paid is None else 100.0).bar(1))
    prices = [update.price for update in market.poll() if isinstance(update, Fill)]
    assert prices == ([] if paid is None else [paid])
