"""Risk models against plain computations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.covariance import ledoit_wolf

from alpha.core.errors import ConfigError
from alpha.core.panel import Panel
from alpha.portfolio import risk_model

ROWS, NAMES = 120, 6


def moves(seed=0):
    rng = np.random.default_rng(seed)
    beta = np.linspace(0.5, 1.5, NAMES)
    return rng.normal(0, 0.01, (ROWS, 1)) * beta + rng.normal(0, 0.008, (ROWS, NAMES))


def panel(returns, **fields):
    close = 50 * np.cumprod(1 + returns, axis=0)
    times = pd.bdate_range("2020-01-01 21:00", periods=len(close), tz="UTC")
    return Panel(times, tuple(f"S{i}" for i in range(close.shape[1])), {"close": close, **fields})


def last(name, market, **params):
    machine = risk_model.bind({"name": name, **params})()
    machine.catch_up(market)
    return machine.push(market.bar(len(market) - 1))


def test_exponential_weights_are_those_of_a_loop():
    returns = moves()
    weights = 0.5 ** (np.arange(ROWS - 2, -1, -1) / 30.0)
    expected = sum(w * np.outer(r, r) for w, r in zip(weights, returns[1:], strict=True)) / weights.sum()
    np.testing.assert_allclose(last("exponential", panel(returns), halflife=30.0).cov, expected, rtol=1e-10)


def test_ledoit_wolf_is_scikit_learns_on_the_last_returns():
    returns = moves()
    np.testing.assert_allclose(last("ledoit_wolf", panel(returns), window=50).cov, ledoit_wolf(returns[-50:])[0],
                               rtol=1e-9)  # fmt: skip


def test_factors_keep_the_variances_and_as_many_dimensions_as_there_are_factors():
    returns = moves()[-60:]
    risk = last("statistical_factors", panel(moves()), window=60, factors=1)
    np.testing.assert_allclose(risk.vol, returns.std(axis=0), rtol=1e-9)
    common = risk.cov / np.outer(risk.vol, risk.vol)
    loading = common[0, 2] * common[0, 1] / common[1, 2]  # of one factor: the square of that of the first name
    for other in (3, 4, 5):
        assert common[0, other] ** 2 == pytest.approx(loading * common[1, other] ** 2 / (common[0, 1] ** 2 / loading))
    everything = last("statistical_factors", panel(moves()), window=60, factors=NAMES)
    np.testing.assert_allclose(everything.cov, np.cov(returns.T, bias=True), rtol=1e-8)


@pytest.mark.parametrize("name", list(risk_model))
def test_a_planted_beta_is_found(name):
    beta = last(name, panel(moves())).beta
    planted = np.linspace(0.5, 1.5, NAMES)
    np.testing.assert_allclose(beta, planted, atol=0.25)
    assert np.corrcoef(beta, planted)[0, 1] > 0.95


def test_a_short_history_has_the_upper_variances_of_the_long_ones():
    market = panel(moves())
    close = market["close"].copy()
    close[:-10, 0] = np.nan
    risk = last("exponential", market.with_fields(close=close), min_bars=20)
    assert risk.vol[0] == pytest.approx(np.sqrt(np.quantile(risk.vol[1:] ** 2, 0.9)))
    longer = last("exponential", market.with_fields(close=close), min_bars=5)
    assert longer.vol[0] < risk.vol[0]


def test_before_any_history_is_long_the_stated_deviation_is_the_least():
    risk = last("exponential", panel(moves()[:10]), unseen=0.07)
    np.testing.assert_allclose(risk.vol, 0.07)
    assert last("exponential", panel(moves()[:10]), min_bars=5, unseen=0.07).vol.max() < 0.07


def test_a_gap_counts_as_one_return_and_is_filled_with_the_market():
    returns = moves()
    market = panel(returns)
    close = market["close"].copy()
    close[-2, 0] = np.nan
    seen = np.diff(close, axis=0) / close[:-1]
    seen[-2, 0] = seen[-2, 1:].mean()
    seen[-1, 0] = close[-1, 0] / close[-3, 0] - 1
    own = np.delete(seen[:, 0], -2)
    weights = 0.5 ** (np.arange(ROWS - 2, -1, -1) / 60.0)
    expected = (weights[:, None] * seen).T @ seen / weights.sum()
    added = (np.delete(weights, -2) @ own**2) / np.delete(weights, -2).sum() - expected[0, 0]
    cov = last("exponential", market.with_fields(close=close)).cov
    np.testing.assert_allclose(cov[0, 1:], expected[0, 1:], rtol=1e-10)
    assert cov[0, 0] == pytest.approx(expected[0, 0] + max(added, 0))


def test_traded_value_is_that_of_the_shares_as_traded():
    """A split multiplies the shares: volume is divided by it, and the price as traded falls."""
    returns = moves()
    split = np.ones_like(returns)
    split[60, 0] = 4.0
    shares = np.cumprod(split, axis=0)
    close = 50 * np.cumprod(1 + returns, axis=0)
    raw, traded = close / shares, np.full_like(close, 1e4) * shares
    market = panel(returns, raw_close=raw, split=split, volume=traded / shares)
    risk = last("exponential", market, adv_window=10)
    np.testing.assert_allclose(risk.adv, (raw * traded)[-10:].mean(axis=0), rtol=1e-12)
    unadjusted = panel(returns, volume=traded)
    np.testing.assert_allclose(last("exponential", unadjusted).adv, (close * traded)[-20:].mean(axis=0), rtol=1e-12)
    assert np.isnan(last("exponential", panel(returns)).adv).all()


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("exponential", {"halflife": 60.0, "min_bars": 20, "unseen": 0.05, "adv_window": 20}),
        ("ledoit_wolf", {"window": 252}),
        ("statistical_factors", {"window": 252, "factors": 5}),
    ],
)
def test_unless_configured_otherwise_it_counts_half_after_60_bars_or_the_last_252(name, defaults):
    returns = np.vstack([moves(seed) for seed in range(3)])
    market = panel(returns, volume=np.abs(returns) * 1e6)
    for bars in (15, 22, len(market)):
        part = market.rows(slice(0, bars))
        np.testing.assert_array_equal(last(name, part).cov, last(name, part, **defaults).cov)
        np.testing.assert_array_equal(last(name, part).adv, last(name, part, **defaults).adv)


@pytest.mark.parametrize("odd", [-1e4, np.inf, np.nan])
def test_a_volume_that_cannot_be_is_missing(odd):
    volume = np.full((ROWS, NAMES), 1e4)
    volume[-3, 1] = odd
    market = panel(moves(), volume=volume)
    expected = np.delete((market["close"] * 1e4)[-20:, 1], -3).mean()
    assert last("exponential", market).adv[1] == pytest.approx(expected)


@pytest.mark.parametrize("name", ["ledoit_wolf", "statistical_factors"])
def test_returns_before_the_window_are_no_history(name):
    """A name without a price for the whole window is as risky as a new one, however long it was known."""
    market = panel(moves())
    close = market["close"].copy()
    close[-45:, 0] = np.nan
    risk = last(name, market.with_fields(close=close), window=40)
    assert risk.vol[0] == pytest.approx(np.sqrt(np.quantile(risk.vol[1:] ** 2, 0.9)))


def test_a_name_that_does_not_move_has_no_variance_and_spoils_no_other():
    returns = moves()
    returns[:, 2] = 0.0
    risk = last("statistical_factors", panel(returns), window=60)
    assert risk.vol[2] == 0.0
    np.testing.assert_allclose(np.delete(risk.vol, 2), np.delete(returns[-60:].std(axis=0), 2))


@pytest.mark.parametrize("wrong", [{"halflife": 0}, {"min_bars": 0}, {"unseen": -1}, {"adv_window": 0}, {"window": 9}])
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ConfigError):
        risk_model.bind({"name": "exponential", **wrong})
