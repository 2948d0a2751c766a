"""Features of the state of the market and of earnings, against pandas."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import ConfigError, DataError
from alpha.core.panel import Panel
from alpha.features import Plan, columns
from alpha.features.expr import close, field
from alpha.features.operators import cs_demean, cs_mean, cs_rank, group, pct_change

T, SYMBOLS = 320, tuple("ABCDE")
RNG = np.random.default_rng(6)
SECTORS = ("tech", "tech", "oil", "oil", "")
COMMON = RNG.normal(0, 0.01, (T, 1))
CLOSE = pd.DataFrame(50 * np.exp(np.cumsum(COMMON + RNG.normal(0, 0.01, (T, 5)), axis=0)), columns=list(SYMBOLS))
CLOSE.iloc[100, 2] = np.nan
VIX = pd.Series(20 * np.exp(np.cumsum(RNG.normal(0, 0.03, T))))
VIX3M = VIX * np.exp(RNG.normal(0.05, 0.05, T))
AGE = pd.Series(np.arange(T) % 63 + 0.5)
FIELDS = {
    "eps": np.repeat(RNG.normal(2, 3, T // 64 + 1), 64)[:T], "raw_close": np.linspace(40, 60, T),
    "eps_surprise": np.repeat(RNG.normal(0, 0.2, T // 64 + 1), 64)[:T], "eps_age": AGE.to_numpy(),
    "eps_sue": np.repeat(RNG.normal(0, 1.5, T // 64 + 1), 64)[:T], "earnings_until": 63 - AGE.to_numpy(),
    "revision_count": RNG.poisson(3, T).astype(float), "vix": VIX.to_numpy(), "vix3m": VIX3M.to_numpy(),
}  # fmt: skip
PANEL = Panel(
    pd.date_range("2010-01-04", periods=T, tz="UTC"), SYMBOLS,
    {"close": CLOSE.to_numpy(), **{name: np.repeat(values[:, None], 5, axis=1) for name, values in FIELDS.items()}},
    groups={"sector": SECTORS},
)  # fmt: skip
FRAME = pd.DataFrame(FIELDS)
RETURNS = CLOSE.pct_change(fill_method=None)
MARKET = RETURNS.mean(axis=1)


def made(name, **params):
    return Plan(columns([{"name": name, **params}])).batch(PANEL).values[..., 0]


def agrees(name, expected, least=0.3, **params):
    """`expected` is a Series where all symbols have the same, else a DataFrame."""
    got = made(name, **params)
    assert np.isfinite(got).mean() > least
    if isinstance(expected, pd.Series):
        expected = np.repeat(expected.to_numpy(float)[:, None], 5, axis=1)
    np.testing.assert_allclose(got, np.asarray(expected, float), rtol=1e-9, atol=1e-12)


def ret(window):
    return CLOSE / CLOSE.shift(window) - 1


def by_sector(frame):
    """Mean of each symbol's sector, NaN for the one without."""
    means = frame.T.groupby(list(SECTORS)).transform("mean").T
    means["E"] = np.nan
    return means


def test_volatility_that_options_expect():
    agrees("vix_percentile", VIX.rolling(60).rank(pct=True), window=60)
    agrees("vix_term", VIX3M / VIX - 1)
    agrees("variance_premium", (VIX / 100) ** 2 - 252 * MARKET.rolling(20).var())


def test_how_the_market_moves():
    agrees("market_trend", MARKET.rolling(50).mean() / (MARKET.rolling(50).std() / np.sqrt(50)), window=50)
    volatility = MARKET.rolling(10).std()
    agrees("market_volatility_percentile", volatility.rolling(60).rank(pct=True), fast=10, window=60)


def test_how_alike_its_parts_move():
    def likeness(window):
        return MARKET.rolling(window).var() / RETURNS.rolling(window).var().where(CLOSE.notna()).mean(axis=1)

    agrees("average_correlation", likeness(40), window=40)
    agrees("correlation_change", likeness(10) - likeness(40), fast=10, slow=40)
    spread = ret(5).std(axis=1)
    agrees("dispersion_percentile", spread.rolling(60).rank(pct=True), window=5, past=60)


def test_average_correlation_is_near_the_mean_of_pairs():
    """Of five symbols whose returns share half of their variance."""
    pairs = RETURNS.iloc[-250:].corr().to_numpy()[~np.eye(5, dtype=bool)].mean()
    assert made("average_correlation", window=200)[-1, 0] == pytest.approx(pairs + (1 - pairs) / 5, abs=0.05)


def test_sectors_against_the_market_and_symbols_against_sectors():
    strength = by_sector(ret(40)).sub(ret(40).mean(axis=1), axis=0)
    agrees("sector_strength", strength, window=40)
    short = by_sector(ret(20)).sub(ret(20).mean(axis=1), axis=0)
    agrees("sector_rotation", short - short.shift(20))
    sectors = by_sector(ret(20)).where(CLOSE.notna())
    agrees("sector_dispersion", sectors.std(axis=1))
    agrees("relative_to_sector", ret(20) - by_sector(ret(20)))


def test_a_symbol_without_a_sector_takes_no_part_and_holds_nothing_up():
    """It made a kernel go round for ever."""
    move = pct_change(close)
    plan = Plan({"mean": cs_mean(move, by=group("sector")), "apart": cs_demean(move, by=group("sector")),
                 "rank": cs_rank(move, by=group("sector")), "all": cs_mean(move)})  # fmt: skip
    values = plan.batch(PANEL).values
    assert np.isnan(values[:, 4, :3]).all()
    np.testing.assert_allclose(values[:, 4, 3], MARKET)
    np.testing.assert_allclose(values[:, :4, 0], by_sector(RETURNS).iloc[:, :4])
    nobody = replace(PANEL, groups={"sector": ("",) * 5})
    assert np.isnan(plan.batch(nobody).values[..., :3]).all()


def test_scaled_by_volatility_and_by_regime():
    agrees("volatility_scaled", ret(40) / (RETURNS.rolling(30).std() * np.sqrt(40)), window=40, volatility=30)
    for regime in ("markov", "mixture"):
        turbulent = made(f"{regime}_regime", fit=100)
        expected = (CLOSE.shift(5) / CLOSE.shift(60) - 1) * (1 - turbulent)
        agrees("regime_scaled", expected, window=60, skip=5, fit=100, regime=regime)


def test_earnings_over_the_price_as_traded():
    agrees("earnings_yield", FRAME["eps"] / FRAME["raw_close"])
    agrees("price_earnings", (FRAME["raw_close"] / FRAME["eps"]).where(FRAME["eps"] > 0), least=0.2)


def test_announcements_are_what_the_fields_say():
    agrees("earnings_surprise", FRAME["eps_surprise"])
    agrees("sue", FRAME["eps_sue"])
    agrees("earnings_age", AGE)
    agrees("earnings_until", FRAME["earnings_until"])
    agrees("revision_count", np.log1p(FRAME["revision_count"]))


def test_drift_fades_by_half():
    agrees("post_earnings_drift", FRAME["eps_sue"] * 0.5 ** (AGE / 10), half_life=10.0)
    agrees("surprise_drift", np.sign(FRAME["eps_surprise"]) * 0.5 ** (AGE / 20))


def test_earnings_a_share_are_money_and_want_the_price_as_traded():
    with pytest.raises(ConfigError) as caught:
        Plan({"eps": field("eps", unit=1.0)})
    assert caught.value.code == "price_level"
    adjusted = replace(PANEL, fields={name: PANEL[name] for name in ("close", "eps")})
    with pytest.raises(DataError, match="raw_close") as caught:
        Plan(columns(["earnings_yield"])).batch(adjusted)
    assert caught.value.code == "absent_field"
