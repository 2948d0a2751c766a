"""The catalogue and docs/features.md: made from the registry, complete, and the newest."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import features

from alpha.features import catalogue, feature, feature_set
from alpha.features.ticks import bar_builder, tick_feature

PAGE = features.page()


@pytest.fixture(scope="module")
def table():
    return catalogue()


def test_the_page_is_the_newest():
    path = Path(__file__).resolve().parents[2] / "docs/features.md"
    assert path.read_text(encoding="utf-8") == PAGE, "run: make docs"


def test_every_feature_and_set_is_there(table):
    assert set(table.index) == set(feature)
    for name in (*feature, *feature_set):
        assert f"\n| `{name}` | " in PAGE, name
    assert (table["description"].str.len() > 20).all()


PROMISED = {
    "technical": ("macd", "bollinger_b", "stochastic_k", "rsi", "atr", "adx", "directional", "cci", "money_flow_index",
                  "on_balance_volume", "williams_r", "aroon", "keltner", "donchian", "ichimoku", "kama_distance",
                  "trix", "vortex", "ulcer_index"),
    "price and risk": ("momentum", "reversal", "high_nearness", "overnight_mean", "intraday_mean", "parkinson",
                       "garman_klass", "rogers_satchell", "yang_zhang", "beta", "idiosyncratic_vol", "max_return",
                       "return_skew", "coskewness", "fractional_difference"),
    "liquidity": ("amihud", "roll_spread", "corwin_schultz", "log_dollar_volume", "turnover", "volume_shock",
                  "kyle_lambda"),
    "of ticks, by the field": ("field_level", "field_change", "field_z", "field_rank"),
    "fundamental": ("price_earnings", "earnings_yield", "earnings_surprise", "sue", "earnings_age", "earnings_until",
                    "revision_count"),
    "regime": ("vix_level", "vix_change", "vix_term", "market_trend", "market_volatility_percentile",
               "sector_strength", "sector_rotation", "average_correlation", "dispersion", "mixture_regime",
               "markov_regime", "regime_scaled"),
    "news": ("news_sentiment", "news_novelty", "news_volume"),
    "options": ("put_call_volume", "put_call_open_interest", "implied_vol_level", "implied_vol_skew",
                "implied_vol_term", "unusual_option_volume"),
    "calendar": ("day_of_week", "turn_of_month", "sessions_to_holiday", "sessions_to_expiry"),
}  # fmt: skip
PROMISED_OF_TICKS = (
    "quoted_spread", "effective_spread", "order_flow_imbalance", "trade_sign", "vpin", "weighted_mid",
    "realised_variance", "bipower_variation",
)  # fmt: skip


def test_the_library_has_what_was_promised():
    missing = {family: set(names) - set(feature) for family, names in PROMISED.items()}
    assert not {family: names for family, names in missing.items() if names}
    assert set(PROMISED_OF_TICKS) <= set(tick_feature)
    assert {"tick_bars", "volume_bars", "dollar_bars", "imbalance_bars"} <= set(bar_builder)


def test_what_a_row_says(table):
    macd = table.loc["macd"]
    assert (macd["family"], macd["fades"], macd["fields"]) == ("oscillators", True, ("close",))
    assert macd["parameters"] == {"part": "histogram", "fast": 12, "slow": 26, "signal": 9}
    assert macd["source"] == "Appel, 1979"
    assert table.loc["ret", "formula"] == "((close / lag(close, 1)) - 1)"
    assert table.loc["ret", "lookback"] == 1
    assert table.loc["ret", "source"] == ""
    assert (table["source"] != "").mean() > 0.5, "most features come from somewhere"


def test_tables_are_tables():
    widths = {line.replace("\\|", "").count("|") for line in PAGE.splitlines() if line.startswith("|")}
    assert widths == {5, 8}
