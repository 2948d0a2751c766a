"""Against what is printed in Hull, Options, Futures and Other Derivatives, and there and back again."""

import numpy as np
import pytest

from alpha.data.fields.black import delta, implied_spread, price

HULL = {"spot": 42.0, "strike": 40.0, "rate": 0.10, "vol": 0.20, "years": 0.5}  # call 4.76, put 0.81


def hull(call):
    grown = np.exp(HULL["rate"] * HULL["years"])
    args = np.array([HULL["spot"] * grown]), np.array([HULL["strike"]])
    return args, HULL["vol"] * np.sqrt(HULL["years"]), np.array([call]), grown


@pytest.mark.parametrize(("call", "printed"), [(True, 4.76), (False, 0.81)])
def test_the_prices_of_a_textbook(call, printed):
    args, spread, side, grown = hull(call)
    worth = price(*args, np.array([spread]), side)
    assert round(float(worth[0] / grown), 2) == printed
    found = implied_spread(np.array([printed * grown]), *args, side)
    assert found[0] / np.sqrt(HULL["years"]) == pytest.approx(0.20, abs=5e-4)


def test_put_and_call_are_at_parity():
    forward, strike, spread = np.full(5, 100.0), np.array([60.0, 90, 100, 110, 300]), np.full(5, 0.3)
    apart = price(forward, strike, spread, np.full(5, True)) - price(forward, strike, spread, np.full(5, False))
    np.testing.assert_allclose(apart, forward - strike, atol=1e-12)


def test_the_delta_is_the_change_of_the_price():
    forward, strike, spread, h = np.full(4, 100.0), np.array([70.0, 100, 101, 160]), np.full(4, 0.25), 1e-4
    up, down = (price(forward + bump, strike, spread, np.full(4, True)) for bump in (h, -h))
    np.testing.assert_allclose(delta(forward, strike, spread), (up - down) / (2 * h), rtol=1e-7)


def test_there_and_back_again_far_from_the_money_too():
    rng = np.random.default_rng(4)
    strike, spread = 100 * np.exp(rng.normal(0, 0.4, 4000)), np.exp(rng.uniform(np.log(0.01), np.log(3), 4000))
    forward, call = np.full(4000, 100.0), strike >= 100
    worth = price(forward, strike, spread, call)
    told = worth > 1e-9
    assert told.mean() > 0.7
    found = implied_spread(worth[told], forward[told], strike[told], call[told])
    np.testing.assert_allclose(found, spread[told], rtol=1e-9)


def test_an_option_has_one_volatility_whatever_stands_beside_it():
    rng = np.random.default_rng(5)
    forward, strike, worth = np.full(99, 100.0), rng.uniform(100, 150, 99), rng.uniform(0.1, 9, 99)
    whole = implied_spread(worth, forward, strike, np.full(99, True))
    for count in (1, 7, 50):
        part = implied_spread(worth[:count], forward[:count], strike[:count], np.full(count, True))
        np.testing.assert_array_equal(part, whole[:count])


@pytest.mark.parametrize("worth", [0.0, -1.0, 20.0, 19.9, 100.0, 101.0, np.nan, np.inf])
def test_a_price_that_cannot_be_has_no_volatility(worth):
    """A call on 100 at 80 is worth more than 20 and less than 100."""
    found = implied_spread(np.array([worth]), np.array([100.0]), np.array([80.0]), np.array([True]))
    assert np.isnan(found).all()
