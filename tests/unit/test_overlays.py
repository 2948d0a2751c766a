"""Overlays one by one."""

from __future__ import annotations

import numpy as np
import pytest
from views import risk, view

from alpha.core.errors import ConfigError
from alpha.portfolio import overlay


def apply(name, weights, held=None, *, stuck=(), **params):
    weights = np.array(weights, float)
    return overlay.bind({"name": name, **params})(weights, view(weights, held, stuck=stuck, risk=risk(len(weights))))


def volatility(weights):
    return np.sqrt(weights @ risk(len(weights)).cov @ weights * 252)


def test_names_are_traded_to_the_edge_of_the_band():
    wanted = [0.10, 0.10, 0.10, -0.10, 0.01, -0.01, 0.0]
    held = [0.00, 0.11, 0.30, 0.20, -0.5, 0.5, 0.01]
    found = apply("no_trade_band", wanted, held, width=0.02)
    np.testing.assert_allclose(found, [0.08, 0.11, 0.12, -0.08, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(apply("no_trade_band", wanted, held, width=0.0), wanted)


def test_the_book_is_scaled_to_the_volatility():
    wanted = [0.3, -0.2, 0.1]
    found = apply("volatility_target", wanted, annual=0.05)
    assert volatility(found) == pytest.approx(0.05)
    np.testing.assert_allclose(found / found[0], np.array(wanted) / wanted[0])
    np.testing.assert_array_equal(apply("volatility_target", wanted, annual=9.0, most=1.5), np.array(wanted) * 1.5)


def test_the_volatility_is_that_of_the_book_with_its_stuck_positions():
    wanted, held = [0.0, 0.2, 0.1], [0.6, 0.0, 0.0]
    found = apply("volatility_target", wanted, held, stuck=[0], annual=0.05)
    expected = volatility(np.array([0.6, 0.2, 0.1]))
    np.testing.assert_allclose(found, np.array(wanted) * 0.05 / expected)


@pytest.mark.parametrize("hedge", [-1e300, -1e298])  # the second: a sum of infinities of both signs
def test_weights_too_large_to_square_are_scaled_to_nothing(hedge):
    np.testing.assert_array_equal(apply("volatility_target", [1e300, hedge, 0.1]), np.zeros(3))


@pytest.mark.parametrize("wrong", [{"annual": 0}, {"most": 0}, {"bars_per_year": -1}, {"width": 1}])
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ConfigError):
        overlay.bind({"name": "volatility_target", **wrong})
