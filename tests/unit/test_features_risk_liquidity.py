"""Features of price, risk and liquidity equal plain loops over each window, by their authors' formulas."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pandas as pd
import pytest

from alpha.core.panel import Panel
from alpha.features import Plan, columns, feature, feature_set

ROWS, SYMBOLS, CHECKED = 320, 6, (260, 287, 301, 319)


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(8)
    shape = (ROWS, SYMBOLS)
    market = rng.normal(0, 0.01, (ROWS, 1))
    close = 30 * np.exp(np.cumsum(market * rng.uniform(0.5, 1.5, SYMBOLS) + rng.normal(0, 0.012, shape), axis=0))
    close[40:300:13] = close[39:299:13]  # days without a change
    start = np.vstack([close[:1], close[:-1]]) * np.exp(rng.normal(0, 0.012, shape))
    high = np.maximum(start, close) * np.exp(np.abs(rng.normal(0, 0.004, shape)))
    low = np.minimum(start, close) * np.exp(-np.abs(rng.normal(0, 0.004, shape)))
    fields = {"open": start, "high": high, "low": low, "close": close, "volume": np.exp(rng.normal(12, 0.6, shape)),
              "shares_outstanding": np.full(shape, 3e7)}  # fmt: skip
    return Panel(pd.date_range("2001-01-01", periods=ROWS, tz="UTC"), tuple("ABCDEF"), fields)


class Bars:
    """One symbol's arrays, and the market's return."""

    def __init__(self, panel, symbol):
        for name, values in panel.fields.items():
            setattr(self, name, values[:, symbol])
        close = panel["close"]
        returns = np.vstack([np.full((1, close.shape[1]), np.nan), close[1:] / close[:-1] - 1])
        self.ret, self.market, self.value = returns[:, symbol], returns.mean(axis=1), self.close * self.volume


def rows(t, window):
    return range(t - window + 1, t + 1)


def overnight_mean(b, t, window=20):
    return np.mean([log(b.open[i] / b.close[i - 1]) for i in rows(t, window)])


def intraday_mean(b, t, window=20):
    return np.mean([log(b.close[i] / b.open[i]) for i in rows(t, window)])


def tug_of_war(b, t, window=20):
    return overnight_mean(b, t, window) - intraday_mean(b, t, window)


def high_nearness(b, t, window=252):
    return b.close[t] / max(b.high[i] for i in rows(t, window))


def fractional_difference(b, t, order=0.4, window=100):
    """The fixed-width sum of weighted log prices, each measured from the oldest."""
    total, weight = 0.0, 1.0
    for k in range(window + 1):
        total += weight * log(b.close[t - k] / b.close[t - window])
        weight *= -(order - k) / (k + 1)
    return total


def rogers_satchell(b, t, window=20):
    terms = [log(b.high[i] / b.close[i]) * log(b.high[i] / b.open[i])
             + log(b.low[i] / b.close[i]) * log(b.low[i] / b.open[i]) for i in rows(t, window)]  # fmt: skip
    return sqrt(np.mean(terms))


def yang_zhang(b, t, window=20):
    over = np.var([log(b.open[i] / b.close[i - 1]) for i in rows(t, window)], ddof=1)
    within = np.var([log(b.close[i] / b.open[i]) for i in rows(t, window)], ddof=1)
    k = 0.34 / (1.34 + (window + 1) / (window - 1))
    return sqrt(over + k * within + (1 - k) * rogers_satchell(b, t, window) ** 2)


def return_skew(b, t, window=60):
    return pd.Series(b.ret[list(rows(t, window))]).skew()


def return_kurtosis(b, t, window=60):
    return pd.Series(b.ret[list(rows(t, window))]).kurt()


def fitted(b, t, window):
    """Return the symbol's residuals and the market's return less its mean."""
    own, market = b.ret[list(rows(t, window))], b.market[list(rows(t, window))]
    slope, level = np.polyfit(market, own, 1)
    return own - slope * market - level, market - market.mean()


def idiosyncratic_vol(b, t, window=60):
    residual, _ = fitted(b, t, window)
    return sqrt(residual @ residual / (window - 2))


def coskewness(b, t, window=120):
    residual, market = fitted(b, t, window)
    return np.mean(residual * market**2) / (sqrt(np.mean(residual**2)) * np.mean(market**2))


def downside_beta(b, t, window=120):
    fell = [i for i in rows(t, window) if b.market[i] < 0]
    return np.polyfit(b.market[fell], b.ret[fell], 1)[0]


def amihud(b, t, window=20, usual=120):
    impact = np.mean([abs(b.ret[i]) / b.value[i] for i in rows(t, window)])
    return impact * np.mean([b.value[i] for i in rows(t, usual)])


def roll_spread(b, t, window=60):
    now = list(rows(t, window))
    return 2 * sqrt(max(-np.cov(b.ret[now], b.ret[[i - 1 for i in now]])[0, 1], 0))


def corwin_schultz(b, t, window=20):
    """As in the authors' own program: the second day is moved by the overnight gap."""
    spreads, k = [], 3 - 2 * sqrt(2)
    for i in rows(t, window):
        high, low, last = b.high[i], b.low[i], b.close[i - 1]
        if last < low:
            high, low = high - (low - last), last
        elif last > high:
            high, low = last, low + (last - high)
        beta = log(high / low) ** 2 + log(b.high[i - 1] / b.low[i - 1]) ** 2
        gamma = log(max(high, b.high[i - 1]) / min(low, b.low[i - 1])) ** 2
        alpha = (sqrt(2 * beta) - sqrt(beta)) / k - sqrt(gamma / k)
        spreads.append(max(2 * (exp(alpha) - 1) / (1 + exp(alpha)), 0))
    return np.mean(spreads)


def log_dollar_volume(b, t, fast=1, slow=60):
    return log(np.mean(b.value[list(rows(t, fast))]) / np.mean(b.value[list(rows(t, slow))]))


def turnover(b, t, window=20):
    return np.mean(b.volume[list(rows(t, window))]) / 3e7


def volume_shock(b, t, window=50):
    return log(b.volume[t] / np.mean(b.volume[t - window : t]))


def relative_value(b, i, window):
    return b.value[i] / np.mean(b.value[list(rows(i, window))])


def kyle_lambda(b, t, window=60):
    now = list(rows(t, window))
    signed = [np.sign(b.ret[i]) * relative_value(b, i, window) for i in now]
    return np.polyfit(signed, b.ret[now], 1)[0]


def zero_return_share(b, t, window=60):
    return np.mean([b.close[i] == b.close[i - 1] for i in rows(t, window)])


def pastor_stambaugh(b, t, window=60):
    now, excess = list(rows(t, window)), b.ret - b.market
    signed = [np.sign(excess[i - 1]) * relative_value(b, i - 1, window) for i in now]
    design = np.column_stack([np.ones(window), b.ret[[i - 1 for i in now]], signed])
    return np.linalg.lstsq(design, excess[now], rcond=None)[0][2]


REFERENCES = {function.__name__: function for function in (
    overnight_mean, intraday_mean, tug_of_war, high_nearness, fractional_difference, rogers_satchell, yang_zhang,
    return_skew, return_kurtosis, idiosyncratic_vol, coskewness, downside_beta, amihud, roll_spread, corwin_schultz,
    log_dollar_volume, turnover, volume_shock, kyle_lambda, zero_return_share, pastor_stambaugh,
)}  # fmt: skip
OTHERWISE = {
    "overnight_mean": {"window": 5}, "high_nearness": {"window": 60}, "yang_zhang": {"window": 8},
    "fractional_difference": {"order": 0.7, "window": 20}, "coskewness": {"window": 40}, "amihud": {"usual": 20},
    "log_dollar_volume": {"fast": 5}, "pastor_stambaugh": {"window": 30}, "kyle_lambda": {"window": 20},
    "roll_spread": {"window": 10}, "corwin_schultz": {"window": 1},
}  # fmt: skip
CASES = [(name, {}) for name in REFERENCES] + list(OTHERWISE.items())


@pytest.mark.parametrize(("name", "params"), CASES)
def test_feature_is_its_authors_formula(name, params, panel):
    values = Plan(columns([{"name": name, **params}])).batch(panel).values[..., 0]
    expected = [[REFERENCES[name](Bars(panel, s), t, **params) for s in range(SYMBOLS)] for t in CHECKED]
    assert np.std(expected) > 0
    np.testing.assert_allclose(values[list(CHECKED)], expected, rtol=1e-9, atol=1e-13)


def planted(returns, rng, spread=0.0):
    """Return the bars of one symbol that trades at bid or ask by chance."""
    price = 50 * np.exp(np.cumsum(returns, axis=0))
    close = price * (1 + spread / 2 * rng.choice([-1, 1], price.shape))
    fields = {"close": close, "volume": np.ones(price.shape)}
    return Panel(pd.date_range("2001-01-01", periods=len(price), tz="UTC"), ("A",), fields)


def test_roll_finds_a_planted_spread():
    rng = np.random.default_rng(3)
    market = planted(rng.normal(0, 0.002, (4000, 1)), rng, spread=0.02)
    values = Plan(columns([{"name": "roll_spread", "window": 3000}])).batch(market).values[-1]
    assert values[0, 0] == pytest.approx(0.02, rel=0.05)


def test_a_fractional_difference_of_nearly_one_is_the_return(panel):
    values = Plan(columns([{"name": "fractional_difference", "order": 0.999999}])).batch(panel).values[..., 0]
    np.testing.assert_allclose(values[150:], np.diff(np.log(panel["close"]), axis=0)[149:], atol=1e-5)


def test_halves_of_the_day_add_up_to_the_whole(panel):
    values = Plan(columns(["overnight_mean", "intraday_mean"])).batch(panel).values[30:].sum(axis=-1)
    whole = pd.DataFrame(np.log(panel["close"])).diff().rolling(20).mean().to_numpy()[30:]
    np.testing.assert_allclose(values, whole, atol=1e-14)


def test_without_trades_the_impact_is_unknown(panel):
    fields = {name: values.copy() for name, values in panel.fields.items()}
    fields["volume"][200] = 0
    values = Plan(columns(["amihud"])).batch(Panel(panel.times, panel.symbols, fields)).values[..., 0]
    assert np.isnan(values[200:220]).all()
    assert np.isfinite(values[[199, 220]]).all()


def test_the_sets_hold_what_they_say():
    named = {name: [entry["name"] for entry in feature_set[name]()] for name in ("price_risk", "liquidity")}
    assert set(REFERENCES) - {"turnover"} <= {*named["price_risk"], *named["liquidity"]} <= set(feature)
    with_shares = feature_set["liquidity"](shares_outstanding=True)
    assert [entry["name"] for entry in with_shares] == [*named["liquidity"], "turnover"]
