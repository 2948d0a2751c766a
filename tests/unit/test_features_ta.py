"""The oscillators equal the `ta` package to 1e-9 in every row that has a value, and have values in the same rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from ta.momentum import RSIIndicator, StochasticOscillator
from ta.trend import MACD
from ta.volatility import AverageTrueRange, BollingerBands

from alpha.core.panel import Panel
from alpha.features import Plan, columns

ROWS = 300


@pytest.fixture(scope="module")
def bars():
    rng = np.random.default_rng(8)
    close = pd.Series(80 * np.exp(np.cumsum(rng.normal(0, 0.02, ROWS))))
    close[100:130] = close[100]  # a halt
    start = close * np.exp(rng.normal(0, 0.01, ROWS))
    high = np.maximum(start, close) * np.exp(np.abs(rng.normal(0, 0.01, ROWS)))
    low = np.minimum(start, close) * np.exp(-np.abs(rng.normal(0, 0.01, ROWS)))
    volume = pd.Series(np.exp(rng.normal(12, 1, ROWS)))
    return pd.DataFrame({"open": start, "high": high, "low": low, "close": close, "volume": volume})


def computed(bars, listed=0, **entry):
    """Compute a feature of one symbol that is listed after `listed` rows; return the rows since then."""
    fields = {name: np.concatenate([np.full(listed, np.nan), bars[name]])[:, None] for name in bars}
    times = pd.date_range("2001-01-01", periods=listed + len(bars), tz="UTC")
    features = Plan(columns([entry])).batch(Panel(times, ("A",), fields))
    return features.values[listed:, 0, 0]


def assert_equal(actual, expected, rows=slice(None)):
    expected = np.asarray(expected, float)[rows]
    assert np.isfinite(expected).sum() > 200
    np.testing.assert_allclose(actual[rows], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("listed", [0, 17])
@pytest.mark.parametrize("window", [2, 14, 30])
def test_rsi(bars, window, listed):
    expected = RSIIndicator(bars["close"], window).rsi() / 100
    assert_equal(computed(bars, listed, name="rsi", window=window), expected)


def test_rsi_without_a_loss_is_one():
    bars = pd.DataFrame(dict.fromkeys(["open", "high", "low", "close", "volume"], np.arange(1.0, 251)))
    assert_equal(computed(bars, name="rsi"), RSIIndicator(bars["close"]).rsi() / 100)


@pytest.mark.parametrize("listed", [0, 17])
@pytest.mark.parametrize(("part", "method"), [("line", "macd"), ("signal", "macd_signal"), ("histogram", "macd_diff")])
def test_macd(bars, part, method, listed):
    indicator = MACD(bars["close"], window_slow=26, window_fast=12, window_sign=9)
    assert_equal(computed(bars, listed, name="macd", part=part) * bars["close"], getattr(indicator, method)())


@pytest.mark.parametrize(("window", "deviations"), [(20, 2), (7, 3)])
def test_bollinger(bars, window, deviations):
    bands = BollingerBands(bars["close"], window, deviations)
    entry = {"window": window, "deviations": deviations}
    moving = bars["close"].rolling(window).std() > 1e-6  # in a halt `ta` divides by a remnant of rounding
    expected = bands.bollinger_pband().where(moving)
    assert_equal(np.where(moving, computed(bars, name="bollinger_b", **entry), np.nan), expected)
    assert_equal(computed(bars, name="bollinger_width", **entry), bands.bollinger_wband() / 100, moving)


@pytest.mark.parametrize("listed", [0, 17])
def test_stochastic(bars, listed):
    indicator = StochasticOscillator(bars["high"], bars["low"], bars["close"], 14, 3)
    assert_equal(computed(bars, listed, name="stochastic_k"), indicator.stoch() / 100)
    assert_equal(computed(bars, listed, name="stochastic_d"), indicator.stoch_signal() / 100)


@pytest.mark.parametrize("listed", [0, 17])
@pytest.mark.parametrize("window", [5, 14])
def test_atr(bars, window, listed):
    indicator = AverageTrueRange(bars["high"], bars["low"], bars["close"], window)
    expected = indicator.average_true_range().replace(0.0, np.nan)  # `ta` holds zeros before the first value
    assert_equal(computed(bars, listed, name="atr", window=window) * bars["close"], expected)


def test_the_original_eight(bars):
    close, volume = bars["close"], bars["volume"]
    ret = close.pct_change()
    expected = {
        "ret_1d": ret,
        "ret_5d": close.pct_change(5),
        "ret_20d": close.pct_change(20),
        "sma_ratio_20_50": close.rolling(20).mean() / close.rolling(50).mean() - 1,
        "vol_10d": ret.rolling(10).std(),
        "vol_20d": ret.rolling(20).std(),
        "rsi_14": RSIIndicator(close, 14).rsi() / 100,
        "volume_z_20d": (volume - volume.rolling(20).mean()) / volume.rolling(20).std(),
    }
    plan = Plan(columns([{"set": "alpha_v1"}]))
    assert plan.names == tuple(expected)
    fields = {name: bars[name].to_numpy()[:, None] for name in bars}
    panel = Panel(pd.date_range("2001-01-01", periods=ROWS, tz="UTC"), ("A",), fields)
    values = plan.batch(panel).values[:, 0]
    for f, name in enumerate(plan.names):
        assert_equal(values[:, f], expected[name])
