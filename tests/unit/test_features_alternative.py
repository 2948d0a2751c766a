"""News and options features against pandas, on a panel with what the real ones have: days without anything."""

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import DataError
from alpha.core.panel import Panel
from alpha.features import Plan, columns

T = 160
RNG = np.random.default_rng(8)
COUNT = RNG.poisson(0.7, T).astype(float)
COUNT[:10] = np.nan
NEWS = pd.DataFrame({
    "count": COUNT,
    "sentiment": np.where(COUNT > 0, RNG.uniform(-1, 1, T), np.nan),
    "novelty": np.where(COUNT > 0, RNG.uniform(0, 1, T), np.nan),
})  # fmt: skip
FLOW = pd.DataFrame({
    name: np.where(RNG.random(T) < 0.1, np.nan, RNG.poisson(200, T))
    for name in ("put_volume", "call_volume", "put_open_interest", "call_open_interest")
})  # fmt: skip
FLOW.loc[20:25, ["call_volume", "call_open_interest"]] = 0.0
FLOW["iv"] = 0.3 + 0.05 * RNG.standard_normal(T)
FLOW["iv_skew"], FLOW["iv_term"] = RNG.normal(0, 0.05, (2, T))
CLOSE = pd.Series(50 * np.exp(np.cumsum(0.01 * RNG.standard_normal(T))))
FIELDS = {"close": CLOSE, **{f"news_{name}": NEWS[name] for name in NEWS}, **{f"option_{n}": FLOW[n] for n in FLOW}}
PANEL = Panel(pd.date_range("2010-01-04", periods=T, tz="UTC"), ("A",),
              {name: values.to_numpy(float)[:, None] for name, values in FIELDS.items()})  # fmt: skip


def feature(name, **params):
    return Plan(columns([{"name": name, **params}])).batch(PANEL).values[:, 0, 0]


def agrees(name, expected, least=0.5, **params):
    got = feature(name, **params)
    assert np.isfinite(got).mean() > least
    np.testing.assert_allclose(got, np.asarray(expected, float), rtol=1e-10, atol=1e-12)


def decayed(weight, half_life, window):
    """A row at a time, over the texts themselves."""
    result = np.full(T, np.nan)
    for row in range(window - 1, T):
        span = range(row - window + 1, row + 1)
        if np.isnan(COUNT[list(span)]).any():
            continue
        total = fading = 0.0
        for past in span:
            if COUNT[past] > 0:
                own = weight[past] * 0.5 ** ((row - past) / half_life)
                total, fading = total + own * NEWS["sentiment"][past], fading + own
        result[row] = total / fading if fading else np.nan
    return result


def test_decayed_sentiment():
    agrees("news_sentiment", decayed(COUNT, 3.0, 20), half_life=3.0, window=20)


def test_sentiment_weighted_by_novelty():
    agrees("novel_sentiment", decayed(COUNT * NEWS["novelty"], 3.0, 20), half_life=3.0, window=20)


def test_half_of_the_weight_is_gone_after_a_half_life():
    told = np.zeros(12)
    told[[5, 9]] = 1.0
    fields = {"news_count": told, "news_sentiment": np.where(told > 0, [*[-1.0] * 7, *[1.0] * 5], np.nan)}
    panel = Panel(PANEL.times[:12], ("A",), {n: v[:, None] for n, v in {"close": told + 1, **fields}.items()})
    got = Plan(columns([{"name": "news_sentiment", "half_life": 4.0, "window": 8}])).batch(panel).values[:, 0, 0]
    assert got[9:] == pytest.approx([(1 - 0.5) / 1.5] * 3)  # what is past decays alike


def test_sentiment_surprise():
    told = (NEWS["sentiment"] * COUNT).where(COUNT > 0, 0.0).where(np.isfinite(COUNT))
    counted = pd.Series(COUNT)
    before = (told.rolling(30).sum() / counted.rolling(30).sum()).shift(4)
    spread = NEWS["sentiment"].rolling(30, min_periods=2).std().shift(4)
    agrees("sentiment_surprise", (told.rolling(4).sum() / counted.rolling(4).sum() - before) / spread, fast=4, slow=30)


def test_abnormal_news():
    counted = pd.Series(COUNT)
    agrees("abnormal_news", np.log1p(counted) - np.log1p(counted.rolling(20).median().shift(1)), window=20)


def test_news_volume_and_novelty():
    counted, new = pd.Series(COUNT), (NEWS["novelty"] * COUNT).where(COUNT > 0, 0.0).where(np.isfinite(COUNT))
    agrees("news_volume", np.log1p(counted.rolling(5).mean()))
    agrees("news_novelty", new.rolling(5).sum() / counted.rolling(5).sum())


def test_days_since_news():
    expected, last = [], None
    for row in range(T):
        last = row if COUNT[row] > 0 else last
        expected.append(np.nan if last is None or row - last >= 6 else row - last)
    agrees("days_since_news", expected, window=6)


def test_put_call_ratios():
    puts, calls = (FLOW[f"{side}_volume"].rolling(3, min_periods=1).sum() for side in ("put", "call"))
    agrees("put_call_volume", puts / calls.where(calls > 0), window=3)
    open_calls = FLOW["call_open_interest"]
    agrees("put_call_open_interest", FLOW["put_open_interest"] / open_calls.where(open_calls > 0))
    assert np.isnan(feature("put_call_open_interest")[20:26]).all()
    assert np.isnan(feature("put_call_volume", window=3)[22:26]).all()


def test_implied_volatility_is_as_it_is_known():
    agrees("implied_vol_level", FLOW["iv"])
    agrees("implied_vol_skew", FLOW["iv_skew"])
    agrees("implied_vol_term", FLOW["iv_term"])
    agrees("implied_vol_change", FLOW["iv"] / FLOW["iv"].shift(5) - 1)


def test_implied_less_realised_volatility():
    realised = CLOSE.pct_change().rolling(15).std() * np.sqrt(252)
    agrees("iv_minus_realised", FLOW["iv"] - realised, window=15)
    agrees("iv_minus_realised", FLOW["iv"] - realised * np.sqrt(52 / 252), window=15, per_year=52.0)


def test_unusual_option_volume():
    traded = np.log1p(FLOW["put_volume"] + FLOW["call_volume"])
    past = traded.shift(1).rolling(20, min_periods=5)
    agrees("unusual_option_volume", (traded - past.mean()) / past.std(), window=20)


@pytest.mark.parametrize(
    ("name", "missing"), [("news_sentiment", "news_count"), ("put_call_volume", "option_call_volume")]
)
def test_without_the_fields_a_feature_says_which_it_needs(name, missing):
    bare = Panel(PANEL.times, ("A",), {"close": PANEL["close"]})
    with pytest.raises(DataError, match=missing) as caught:
        Plan(columns([name])).batch(bare)
    assert caught.value.code == "absent_field"
