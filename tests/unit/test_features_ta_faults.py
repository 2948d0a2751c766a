"""Where `ta` 0.11 is wrong, and that Alpha is not: each test shows the fault and what stands here in its place."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest
from ta import momentum, trend, volatility, volume

from alpha.core.panel import Panel
from alpha.features import Plan, columns

ROWS = 300


def market(seed):
    rng = np.random.default_rng(seed)
    close = 80 * np.exp(np.cumsum(rng.normal(0, 0.02, ROWS)))
    start = close * np.exp(rng.normal(0, 0.01, ROWS))
    high = np.maximum(start, close) * np.exp(np.abs(rng.normal(0, 0.01, ROWS)))
    low = np.minimum(start, close) * np.exp(-np.abs(rng.normal(0, 0.01, ROWS)))
    traded = np.exp(rng.normal(12, 1, ROWS))
    return pd.DataFrame({"open": start, "high": high, "low": low, "close": close, "volume": traded})


@pytest.fixture(scope="module")
def bars():
    return market(8)


def ours(bars, name, **params):
    fields = {field: bars[field].to_numpy()[:, None] for field in bars}
    panel = Panel(pd.date_range("2001-01-01", periods=len(bars), tz="UTC"), ("A",), fields)
    return Plan(columns([{"name": name, **params}])).batch(panel).values[:, 0, 0]


def theirs(bars, indicator, output, **params):
    inputs = [bars[name] for name in inspect.signature(indicator).parameters if name in bars]
    return getattr(indicator(*inputs, **params), output)().to_numpy()


def changed(compute, bars, rows=200):
    """Return how many of the first `rows` values change by more than rounding when the bars after them are appended."""
    before, after = compute(bars[:rows]), compute(bars)[:rows]
    return (~np.isclose(before, after, rtol=1e-9, atol=0, equal_nan=True)).sum()


@pytest.mark.parametrize(("name", "params", "indicator", "output", "first"), [
    ("atr", {}, volatility.AverageTrueRange, "average_true_range", 13),
    ("adx", {}, trend.ADXIndicator, "adx", 27),
    ("directional", {"part": "plus"}, trend.ADXIndicator, "adx_pos", 14),
    ("directional", {"part": "minus"}, trend.ADXIndicator, "adx_neg", 14),
])  # fmt: skip
def test_warm_up_is_zero_in_ta_and_unknown_here(name, params, indicator, output, first, bars):
    assert (theirs(bars, indicator, output)[:first] == 0).all()
    mine = ours(bars, name, **params)
    assert np.isnan(mine[:first]).all()
    assert np.isfinite(mine[first:]).all()


def test_keltner_lines_lie_on_each_other_while_the_atr_of_ta_is_zero(bars):
    given = {"window": 5, "window_atr": 14, "original_version": False}
    upper = theirs(bars, volatility.KeltnerChannel, "keltner_channel_hband", **given)
    np.testing.assert_array_equal(
        upper[4:13], theirs(bars, volatility.KeltnerChannel, "keltner_channel_lband", **given)[4:13]
    )
    mine = ours(bars, "keltner", part="upper", window=5, atr_window=14)
    assert np.isnan(mine[:13]).all()
    np.testing.assert_allclose(mine[13:] * bars["close"][13:], upper[13:], rtol=1e-9)


@pytest.mark.parametrize(("name", "params", "indicator", "output", "given"), [
    ("kst", {"part": "line"}, trend.KSTIndicator, "kst", {}),
    ("kst", {"part": "signal"}, trend.KSTIndicator, "kst_sig", {}),
    ("kst", {"part": "histogram"}, trend.KSTIndicator, "kst_diff", {}),
    ("ichimoku", {"part": "span_a"}, trend.IchimokuIndicator, "ichimoku_a", {"visual": True}),
    ("ichimoku", {"part": "span_b"}, trend.IchimokuIndicator, "ichimoku_b", {"visual": True}),
    ("detrended_price", {"window": 2}, trend.DPOIndicator, "dpo", {"window": 2}),
    ("trix", {"window": 1}, trend.TRIXIndicator, "trix", {"window": 1}),
])  # fmt: skip
def test_past_of_ta_changes_when_bars_are_appended(name, params, indicator, output, given, bars):
    """It fills a shifted series with the mean of the whole, which holds the future."""
    assert changed(lambda some: theirs(some, indicator, output, **given), bars) > 0
    assert changed(lambda some: ours(some, name, **params), bars) == 0
    mine = ours(bars, name, **params)
    assert np.isfinite(mine[60:]).all()


@pytest.mark.parametrize(("name", "params", "indicator", "output", "early", "first"), [
    ("ichimoku", {"part": "span_b"}, trend.IchimokuIndicator, "ichimoku_b", 0, 51),
    ("keltner_original", {"part": "upper"}, volatility.KeltnerChannel, "keltner_channel_hband", 0, 19),
    ("kst", {"part": "signal"}, trend.KSTIndicator, "kst_sig", 14, 52),
    ("ulcer_index", {}, volatility.UlcerIndex, "ulcer_index", 13, 26),
    ("money_flow_index", {}, volume.MFIIndicator, "money_flow_index", 13, 14),
])  # fmt: skip
def test_ta_gives_a_value_before_its_window_is_full(name, params, indicator, output, early, first, bars):
    assert np.isfinite(theirs(bars, indicator, output)).argmax() == early
    assert np.isfinite(ours(bars, name, **params)).argmax() == first


def test_on_balance_volume_of_ta_rises_where_the_close_stands_still(bars):
    flat = bars.assign(close=50.0)
    assert (np.diff(theirs(flat, volume.OnBalanceVolumeIndicator, "on_balance_volume")) > 0).all()
    assert (ours(flat, "on_balance_volume")[20:] == 0).all()


@pytest.mark.parametrize(("name", "indicator", "output"), [
    ("atr", volatility.AverageTrueRange, "average_true_range"),
    ("adx", trend.ADXIndicator, "adx"),
    ("kama_distance", momentum.KAMAIndicator, "kama"),
])  # fmt: skip
def test_one_hole_ends_an_average_of_ta_for_ever(name, indicator, output, bars):
    holed = bars.copy()
    holed.loc[100] = np.nan
    assert np.isnan(theirs(holed, indicator, output)[130:]).all()
    assert np.isfinite(ours(holed, name)[130:]).all()


def test_stochastic_rsi_of_ta_is_a_remnant_of_rounding_in_a_halt(bars):
    halted = bars.copy()
    halted.loc[150:, "close"] = halted["close"][150]
    index = theirs(halted, momentum.RSIIndicator, "rsi")
    place = theirs(halted, momentum.StochRSIIndicator, "stochrsi")
    assert np.ptp(index[170:]) < 1e-9
    assert np.isfinite(place[170:]).any()
    assert np.isnan(ours(halted, "stochastic_rsi")[170:]).all()


def test_schaff_trend_cycle_of_ta_fails_in_a_steady_rise(bars):
    rise = bars.assign(close=50 * 1.01 ** np.arange(ROWS))
    given = theirs(rise, trend.STCIndicator, "stc")
    assert not np.allclose(given[150:], 100)
    np.testing.assert_array_equal(ours(rise, "schaff_trend_cycle")[150:], 1)


def test_stop_of_ta_lies_inside_the_range_of_the_row_before():
    """Wilder bounds the stop by the last two lows; `ta` takes the older even where the newer is lower."""
    bars = market(15)
    stop, low = theirs(bars, trend.PSARIndicator, "psar"), bars["low"].to_numpy()
    up = np.isfinite(theirs(bars, trend.PSARIndicator, "psar_up"))
    rising = np.flatnonzero(up[1:] & up[:-1]) + 1
    assert (stop[rising] > low[rising - 1] * (1 + 1e-9)).any()
    mine = ours(bars, "parabolic_sar") * bars["close"].to_numpy()
    inside = (mine[1:] > low[:-1] * (1 + 1e-9)) & (mine[1:] < bars["high"].to_numpy()[:-1] * (1 - 1e-9))
    assert np.isfinite(mine[99:]).all()
    assert not inside.any()


def test_stop_of_ta_ends_a_rise_at_a_low_above_the_lows_before():
    """It compares the low with the stop before that is bounded."""
    bars = market(12)
    low = bars["low"].to_numpy()
    before = np.minimum(low[1:-1], low[:-2])

    def ends(falling):
        return np.flatnonzero(falling[2:] & ~falling[1:-1] & (low[2:] > before)) + 2

    assert len(ends(np.isfinite(theirs(bars, trend.PSARIndicator, "psar_down"))))
    mine = ours(bars, "parabolic_sar")
    assert not (ends(mine > 1) > 100).any()


def test_stop_of_ta_grows_rows_where_the_index_is_of_dates(bars):
    """It writes by label where it means a position."""
    dated = bars.set_index(pd.date_range("2001-01-01", periods=ROWS))
    assert len(theirs(dated, trend.PSARIndicator, "psar")) > ROWS
