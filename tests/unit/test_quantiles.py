"""Quantiles of a signal: their means, the spread, and the test of Patton and Timmermann by a loop."""

from __future__ import annotations

import numpy as np
import pytest

from alpha.core.errors import ConfigError, DataError
from alpha.stats.bootstrap import block_rows
from alpha.stats.metrics import quantile_returns
from alpha.stats.quantiles import monotonic_relation, quantile_spread
from alpha.stats.significance import mean_interval, newey_west_t


def test_the_monotonic_relation_by_a_loop() -> None:
    """Patton and Timmermann (2010): the least step, recentred in every draw."""
    returns = np.random.default_rng(1).normal(size=(80, 4)) + np.array([0, 0.1, 0.2, 0.3])
    got = monotonic_relation(returns, block=4, draws=99, seed=2)
    mean = returns.mean(axis=0)
    steps = [mean[i] - mean[i - 1] for i in range(1, 4)]
    as_large = 0
    for rows in block_rows(80, 99, block=4, seed=2):
        drawn = returns[rows].mean(axis=0)
        as_large += min(drawn[i] - drawn[i - 1] - steps[i - 1] for i in range(1, 4)) >= min(steps)
    assert got.statistic == pytest.approx(min(steps))
    assert got.pvalue == (as_large + 1) / 100


def test_one_step_down_is_enough_to_fail() -> None:
    rng = np.random.default_rng(0)
    returns = rng.normal(size=(400, 1)) + 0.3 * rng.normal(size=(400, 5))  # the market moves all of them
    rising = monotonic_relation(returns + 0.1 * np.arange(5), draws=199)
    hump = monotonic_relation(returns + np.array([0, 0.1, 0.4, 0.3, 0.5]), draws=199)
    assert rising.pvalue == 1 / 200
    assert hump.pvalue > 0.5
    assert monotonic_relation((returns + 0.1 * np.arange(5))[:, ::-1], draws=199).pvalue > 0.9


@pytest.fixture(scope="module")
def market() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    signal = rng.normal(size=(150, 40))
    realised = 0.2 * signal + rng.normal(size=signal.shape)
    realised[3, 5:] = np.nan
    return signal, realised


def test_the_spread_is_top_less_bottom(market: tuple[np.ndarray, np.ndarray]) -> None:
    got = quantile_spread(*market, quantiles=8, horizon=2, draws=199)
    returns = quantile_returns(*market, quantiles=8)
    known = np.arange(150) != 3
    spread = returns[known, -1] - returns[known, 0]
    np.testing.assert_allclose(got.means, returns[known].mean(axis=0))
    np.testing.assert_array_equal(got.spread[known], spread)
    assert np.isnan(got.spread[3]), "five names make no eight quantiles"
    assert got.mean == spread.mean()
    assert got.t == newey_west_t(spread, horizon=2)
    assert (got.low, got.high) == mean_interval(spread, horizon=2)
    assert got.monotonic.pvalue < 0.05
    long = quantile_spread(*market, horizon=14, draws=199).monotonic
    five = quantile_returns(*market)
    assert long == monotonic_relation(five, block=14, draws=199), "no block is shorter than an outcome"
    assert quantile_spread(-market[0], market[1], draws=199).monotonic.pvalue > 0.9


def test_too_little_to_tell_is_refused(market: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(DataError) as raised:
        quantile_spread(market[0][:9], market[1][:9])
    assert raised.value.code == "too_short"
    with pytest.raises(DataError):
        monotonic_relation(np.ones((20, 1)))
    with pytest.raises(DataError):
        monotonic_relation(np.full((20, 2), np.nan))
    with pytest.raises(ConfigError):
        quantile_spread(*market, quantiles=1)
