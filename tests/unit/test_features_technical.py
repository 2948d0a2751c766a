"""The technical features equal the `ta` package to 1e-9 in every row in which they are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from ta import momentum, trend, volatility, volume

from alpha.core.panel import Panel
from alpha.features import Plan, columns, feature, feature_set

ROWS, SYMBOLS = 1200, ("A", "B", "C")


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(4)
    shape = (ROWS, len(SYMBOLS))
    close = 80 * np.exp(np.cumsum(rng.normal(0, 0.02, shape), axis=0))
    start = close * np.exp(rng.normal(0, 0.01, shape))
    high = np.maximum(start, close) * np.exp(np.abs(rng.normal(0, 0.01, shape)))
    low = np.minimum(start, close) * np.exp(-np.abs(rng.normal(0, 0.01, shape)))
    fields = {"open": start, "high": high, "low": low, "close": close, "volume": np.exp(rng.normal(12, 1, shape))}
    return Panel(pd.date_range("2001-01-01", periods=ROWS, tz="UTC"), SYMBOLS, fields)


def percent(given, _):
    return given / 100


def as_is(given, _):
    return given


def over_close(given, bars):
    return given / bars["close"]


def below_close(given, bars):
    return bars["close"] / given - 1


def change_over_volume(rows):
    """What a running total of `ta` gained in `rows` rows, over what was traded in them."""
    return lambda given, bars: given.diff(rows) / bars["volume"].rolling(rows).sum()


def gain(rows):
    return lambda given, bars: given / given.shift(rows) - 1


def over_close_and_volume(given, bars):
    return given / (bars["close"] * bars["volume"].ewm(span=13, adjust=False).mean())


def over_squared_close(given, bars):
    return given / 1e8 / bars["close"] ** 2 * bars["volume"].rolling(14).mean()


MACD = ("close", trend.MACD, {})
PPO = ("close", momentum.PercentagePriceOscillator, {"window_slow": 30, "window_fast": 10, "window_sign": 5})
PVO = ("volume", momentum.PercentageVolumeOscillator, {})
KST = ("close", trend.KSTIndicator, {})
STOCHASTIC_RSI = ("close", momentum.StochRSIIndicator, {"window": 21, "smooth1": 4, "smooth2": 4})
ADX = ("high low close", trend.ADXIndicator, {"window": 10})
AROON = ("high low", trend.AroonIndicator, {"window": 20})
VORTEX = ("high low close", trend.VortexIndicator, {"window": 12})
ICHIMOKU = ("high low", trend.IchimokuIndicator, {})
KELTNER = ("high low close", volatility.KeltnerChannel,
           {"window": 15, "window_atr": 8, "original_version": False, "multiplier": 3})  # fmt: skip
ORIGINAL = ("high low close", volatility.KeltnerChannel, {"window": 30})
DONCHIAN = ("high low close", volatility.DonchianChannel, {"window": 25})
MODERN = {"window": 15, "atr_window": 8, "multiple": 3.0}
PRICE_LINES = {"fast": 10, "slow": 30, "signal": 5}

# The feature and its parameters; what `ta` reads, its class, its parameters and its output; from that to ours.
TABLE = [
    ("macd", {"part": "line"}, *MACD, "macd", over_close),
    ("macd", {"part": "signal"}, *MACD, "macd_signal", over_close),
    ("macd", {"part": "histogram"}, *MACD, "macd_diff", over_close),
    ("ppo", {"part": "line", **PRICE_LINES}, *PPO, "ppo", percent),
    ("ppo", {"part": "signal", **PRICE_LINES}, *PPO, "ppo_signal", percent),
    ("ppo", {"part": "histogram", **PRICE_LINES}, *PPO, "ppo_hist", percent),
    ("pvo", {"part": "line"}, *PVO, "pvo", percent),
    ("pvo", {"part": "signal"}, *PVO, "pvo_signal", percent),
    ("pvo", {"part": "histogram"}, *PVO, "pvo_hist", percent),
    ("kst", {"part": "line"}, *KST, "kst", percent),
    ("kst", {"part": "signal"}, *KST, "kst_sig", percent),
    ("kst", {"part": "histogram"}, *KST, "kst_diff", percent),
    ("stochastic_rsi", {"part": "raw", "window": 21, "smooth": 4}, *STOCHASTIC_RSI, "stochrsi", as_is),
    ("stochastic_rsi", {"part": "k", "window": 21, "smooth": 4}, *STOCHASTIC_RSI, "stochrsi_k", as_is),
    ("stochastic_rsi", {"part": "d", "window": 21, "smooth": 4}, *STOCHASTIC_RSI, "stochrsi_d", as_is),
    ("directional", {"part": "plus", "window": 10}, *ADX, "adx_pos", percent),
    ("directional", {"part": "minus", "window": 10}, *ADX, "adx_neg", percent),
    ("adx", {"window": 10}, *ADX, "adx", percent),
    ("adx", {}, "high low close", trend.ADXIndicator, {}, "adx", percent),
    ("aroon", {"part": "up", "window": 20}, *AROON, "aroon_up", percent),
    ("aroon", {"part": "down", "window": 20}, *AROON, "aroon_down", percent),
    ("aroon", {"part": "oscillator", "window": 20}, *AROON, "aroon_indicator", percent),
    ("vortex", {"part": "plus", "window": 12}, *VORTEX, "vortex_indicator_pos", as_is),
    ("vortex", {"part": "minus", "window": 12}, *VORTEX, "vortex_indicator_neg", as_is),
    ("vortex", {"part": "difference", "window": 12}, *VORTEX, "vortex_indicator_diff", as_is),
    ("ichimoku", {"part": "conversion"}, *ICHIMOKU, "ichimoku_conversion_line", over_close),
    ("ichimoku", {"part": "base"}, *ICHIMOKU, "ichimoku_base_line", over_close),
    ("ichimoku", {"part": "span_a"}, *ICHIMOKU, "ichimoku_a", over_close),
    ("ichimoku", {"part": "span_b"}, *ICHIMOKU, "ichimoku_b", over_close),
    ("keltner", {"part": "position", **MODERN}, *KELTNER, "keltner_channel_pband", as_is),
    ("keltner", {"part": "width", **MODERN}, *KELTNER, "keltner_channel_wband", percent),
    ("keltner", {"part": "lower", **MODERN}, *KELTNER, "keltner_channel_lband", over_close),
    ("keltner", {"part": "middle", **MODERN}, *KELTNER, "keltner_channel_mband", over_close),
    ("keltner", {"part": "upper", **MODERN}, *KELTNER, "keltner_channel_hband", over_close),
    ("keltner_original", {"part": "position", "window": 30}, *ORIGINAL, "keltner_channel_pband", as_is),
    ("keltner_original", {"part": "width", "window": 30}, *ORIGINAL, "keltner_channel_wband", percent),
    ("keltner_original", {"part": "lower", "window": 30}, *ORIGINAL, "keltner_channel_lband", over_close),
    ("keltner_original", {"part": "middle", "window": 30}, *ORIGINAL, "keltner_channel_mband", over_close),
    ("keltner_original", {"part": "upper", "window": 30}, *ORIGINAL, "keltner_channel_hband", over_close),
    ("donchian", {"part": "position", "window": 25}, *DONCHIAN, "donchian_channel_pband", as_is),
    ("donchian", {"part": "width", "window": 25}, *DONCHIAN, "donchian_channel_wband", percent),
    ("donchian", {"part": "lower", "window": 25}, *DONCHIAN, "donchian_channel_lband", over_close),
    ("donchian", {"part": "middle", "window": 25}, *DONCHIAN, "donchian_channel_mband", over_close),
    ("donchian", {"part": "upper", "window": 25}, *DONCHIAN, "donchian_channel_hband", over_close),
    ("rsi", {}, "close", momentum.RSIIndicator, {}, "rsi", percent),
    ("stochastic_k", {}, "high low close", momentum.StochasticOscillator, {}, "stoch", percent),
    ("stochastic_d", {}, "high low close", momentum.StochasticOscillator, {}, "stoch_signal", percent),
    ("williams_r", {"window": 10}, "high low close", momentum.WilliamsRIndicator, {"lbp": 10}, "williams_r", percent),
    ("cci", {"window": 30}, "high low close", trend.CCIIndicator, {"window": 30}, "cci", as_is),
    ("tsi", {"slow": 20, "fast": 7}, "close", momentum.TSIIndicator, {"window_slow": 20, "window_fast": 7}, "tsi",
     percent),
    ("ultimate_oscillator", {}, "high low close", momentum.UltimateOscillator, {}, "ultimate_oscillator", percent),
    ("awesome_oscillator", {}, "high low", momentum.AwesomeOscillatorIndicator, {}, "awesome_oscillator", over_close),
    ("ret", {"window": 12}, "close", momentum.ROCIndicator, {"window": 12}, "roc", percent),
    ("kama_distance", {}, "close", momentum.KAMAIndicator, {"pow2": 8}, "kama", below_close),
    ("kama_distance", {"slow": 30}, "close", momentum.KAMAIndicator, {}, "kama", below_close),
    ("bollinger_b", {}, "close", volatility.BollingerBands, {}, "bollinger_pband", as_is),
    ("bollinger_width", {}, "close", volatility.BollingerBands, {}, "bollinger_wband", percent),
    ("trix", {"window": 9}, "close", trend.TRIXIndicator, {"window": 9}, "trix", percent),
    ("mass_index", {}, "high low", trend.MassIndex, {}, "mass_index", as_is),
    ("detrended_price", {}, "close", trend.DPOIndicator, {}, "dpo", over_close),
    ("detrended_price", {"window": 9}, "close", trend.DPOIndicator, {"window": 9}, "dpo", over_close),
    ("schaff_trend_cycle", {"fast": 6, "slow": 13, "cycle": 20, "smooth": 5}, "close", trend.STCIndicator,
     {"window_fast": 6, "window_slow": 13, "cycle": 20, "smooth1": 5, "smooth2": 5}, "stc", percent),
    ("atr", {}, "high low close", volatility.AverageTrueRange, {}, "average_true_range", over_close),
    ("ulcer_index", {"window": 20}, "close", volatility.UlcerIndex, {"window": 20}, "ulcer_index", percent),
    ("money_flow", {}, "high low close volume", volume.ChaikinMoneyFlowIndicator, {}, "chaikin_money_flow", as_is),
    ("money_flow", {"window": 30}, "high low close volume", volume.AccDistIndexIndicator, {}, "acc_dist_index",
     change_over_volume(30)),
    ("money_flow_index", {}, "high low close volume", volume.MFIIndicator, {}, "money_flow_index", percent),
    ("on_balance_volume", {}, "close volume", volume.OnBalanceVolumeIndicator, {}, "on_balance_volume",
     change_over_volume(20)),
    ("volume_price_trend", {}, "close volume", volume.VolumePriceTrendIndicator, {}, "volume_price_trend",
     change_over_volume(20)),
    ("negative_volume_index", {}, "close volume", volume.NegativeVolumeIndexIndicator, {}, "negative_volume_index",
     gain(60)),
    ("force_index", {}, "close volume", volume.ForceIndexIndicator, {}, "force_index", over_close_and_volume),
    ("ease_of_movement", {}, "high low volume", volume.EaseOfMovementIndicator, {}, "sma_ease_of_movement",
     over_squared_close),
    ("vwap_distance", {}, "high low close volume", volume.VolumeWeightedAveragePrice, {},
     "volume_weighted_average_price", below_close),
]  # fmt: skip
LATE = {  # rows after which `ta` is right: before, it has another start, leaks, holds a zero, or has no change yet
    "kama_distance": 550, "kst": 60, "directional": 11, "money_flow": 31, "volume_price_trend": 21,
}  # fmt: skip


def label(case):
    return "-".join([case[0], *map(str, case[1].values())])


@pytest.mark.parametrize("case", TABLE, ids=label)
def test_feature_equals_ta(case, panel):
    name, params, inputs, indicator, options, output, scaled = case
    actual = Plan(columns([{"name": name, **params}])).batch(panel).values[..., 0]
    for s in range(len(SYMBOLS)):
        bars = pd.DataFrame({field: values[:, s] for field, values in panel.fields.items()})
        given = getattr(indicator(*(bars[field] for field in inputs.split()), **options), output)()
        expected = scaled(given, bars).to_numpy()
        known = np.isfinite(actual[:, s])
        known[: LATE.get(name, 0)] = False
        assert known.sum() > 600
        np.testing.assert_allclose(actual[known, s], expected[known], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", TABLE, ids=label)
def test_feature_is_known_from_a_row_on(case, panel):
    """Every symbol's warm-up is the same, and ends."""
    name, params, *_ = case
    known = np.isfinite(Plan(columns([{"name": name, **params}])).batch(panel).values[..., 0])
    first = known.argmax(axis=0)
    assert (first == first[0]).all()
    assert first[0] <= 90
    assert known[first[0] :].all()


def test_every_indicator_of_the_set_is_checked():
    asked = {entry["name"] for entry in feature_set["technical"]()}
    assert asked - {name for name, *_ in TABLE} == {"parabolic_sar"}
    assert asked <= set(feature)


def test_set_has_every_part():
    for entry in feature_set["technical"]():
        parts = feature.schema(entry["name"]).model_json_schema()["properties"].get("part", {"enum": [None]})["enum"]
        named = {other.get("part") for other in feature_set["technical"]() if other["name"] == entry["name"]}
        assert named == set(parts), entry["name"]


def wilder_stops(high, low, step=0.02, most=0.2):
    """Wilder's rules of 1978 for one series, a rise and a fall written out; a stop for every row after the first."""
    rising = not low[0] - low[1] > max(high[1] - high[0], 0)
    stop, extreme, share, stops = (low[0], high[1], step, []) if rising else (high[0], low[1], step, [])
    for t in range(1, len(high)):
        if rising and low[t] <= stop:
            rising, stop, extreme, share = False, max(extreme, high[t], high[t - 1]), low[t], step
        elif not rising and high[t] >= stop:
            rising, stop, extreme, share = True, min(extreme, low[t], low[t - 1]), high[t], step
        stops.append(stop)
        if rising:
            if high[t] > extreme:
                extreme, share = high[t], min(share + step, most)
            stop = min(stop + share * (extreme - stop), low[t], low[t - 1])
        else:
            if low[t] < extreme:
                extreme, share = low[t], min(share + step, most)
            stop = max(stop + share * (extreme - stop), high[t], high[t - 1])
    return np.array(stops)


@pytest.mark.parametrize("window", [2, 30, 100])
def test_parabolic_sar_is_wilders_begun_in_the_window(window, panel):
    entry = {"name": "parabolic_sar", "window": window}
    actual = Plan(columns([entry])).batch(panel).values[..., 0] * panel.fields["close"]
    high, low = panel.fields["high"], panel.fields["low"]
    assert np.isnan(actual[: window - 1]).all()
    for s in range(len(SYMBOLS)):
        expected = [wilder_stops(high[t - window : t, s], low[t - window : t, s])[-1] for t in range(window, 400)]
        np.testing.assert_allclose(actual[window - 1 : 399, s], expected, rtol=1e-13)


def test_parabolic_sar_forgets_its_start(panel):
    values = Plan(columns(["parabolic_sar", {"name": "parabolic_sar", "window": 600}])).batch(panel).values[600:]
    same = np.isclose(values[..., 0], values[..., 1], rtol=1e-12)
    assert same.mean() > 0.995


def test_parabolic_sar_stays_out_of_the_last_two_ranges(panel):
    stop = Plan(columns(["parabolic_sar"])).batch(panel).values[..., 0] * panel.fields["close"]
    high, low = panel.fields["high"], panel.fields["low"]
    assert np.isfinite(stop).sum() > 3000
    for rows in (1, 2):
        inside = (stop[rows:] > low[:-rows] * (1 + 1e-12)) & (stop[rows:] < high[:-rows] * (1 - 1e-12))
        assert not inside.any()
