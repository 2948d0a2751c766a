"""Every number of alpha101 equals its formula as printed in the paper, evaluated with pandas one operator at a time."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import ConfigError
from alpha.core.panel import Panel
from alpha.features import Plan, columns, feature_set
from alpha.features.library.alpha101 import LEFT_OUT, PLAIN, SECTOR

LINES = Path(__file__).with_name("alpha101_formulas.txt").read_text(encoding="utf-8").splitlines()
FORMULAS = {int(number): text for number, text in (line.split(": ", 1) for line in LINES if line[0] != "#")}
TIES = {
    13,
    15,
    16,
    31,
    76,
    85,
    88,
    92,
    94,
    98,
}  # rank sums and correlations of ranks, equal but for rounding
ROWS, SYMBOLS = 420, tuple(f"S{i:02}" for i in range(32))  # a power of two: ranks add up without rounding
SECTORS = tuple("abcd"[i % 4] for i in range(len(SYMBOLS)))


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(101)
    shape = (ROWS, len(SYMBOLS))
    close = 60 * np.exp(np.cumsum(rng.normal(0, 0.02, shape), axis=0))
    start = close * np.exp(rng.normal(0, 0.01, shape))
    high = np.maximum(start, close) * np.exp(np.abs(rng.normal(0, 0.008, shape)))
    low = np.minimum(start, close) * np.exp(-np.abs(rng.normal(0, 0.008, shape)))
    fields = {"open": start, "high": high, "low": low, "close": close, "volume": np.exp(rng.normal(13, 0.5, shape))}
    fields["vwap"] = (start + high + low + close) / 4
    times = pd.date_range("2001-01-01", periods=ROWS, tz="UTC")
    return Panel(times, SYMBOLS, fields, groups={"sector": SECTORS})


def windows(x, days):
    """Return the last `days` values of each row, the first rows all NaN: shape (rows, symbols, days)."""
    padded = np.concatenate([np.full((int(days) - 1, x.shape[1]), np.nan), np.asarray(x, float)])
    return np.lib.stride_tricks.sliding_window_view(padded, int(days), axis=0)


def over_windows(function):
    return lambda x, days: pd.DataFrame(function(windows(x, days)), x.index, x.columns)


def centred(x, days):
    held = windows(x, days)
    return held - held.mean(axis=-1, keepdims=True)


def correlation(x, y, days):
    a, b = centred(x, days), centred(y, days)
    a, b = (np.where(np.abs(side).max(axis=-1, keepdims=True) < 1e-12, np.nan, side) for side in (a, b))
    found = (a * b).sum(axis=-1) / np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return pd.DataFrame(found, x.index, x.columns)


def covariance(x, y, days):
    return pd.DataFrame((centred(x, days) * centred(y, days)).sum(axis=-1) / (days - 1), x.index, x.columns)


def decay_linear(x, days):
    weights = np.arange(1, int(days) + 1)
    return pd.DataFrame((windows(x, days) * weights).sum(axis=-1) / weights.sum(), x.index, x.columns)


def time_rank(held):
    now = held[..., -1:]
    less, equal = (held < now).sum(axis=-1), (held == now).sum(axis=-1)
    return np.where(np.isnan(held).any(axis=-1), np.nan, (less + (equal + 1) / 2) / held.shape[-1])


def place_of(pick):
    return lambda held: np.where(np.isnan(held).any(axis=-1), np.nan, pick(held, axis=-1) + 1.0)


def rank(x):
    return (x.rank(axis=1) - 0.5).div(x.notna().sum(axis=1), axis=0)


def lt(x, y):
    known = (x - y).notna()
    return ((y - x) > 0).astype(float).where(known)


def where(condition, then, otherwise):
    return then.where(condition != 0, otherwise).where(condition.notna())


def least(x, y):
    return ts_min(x, y) if np.isscalar(y) else np.minimum(x, y)


ts_min = over_windows(lambda held: held.min(axis=-1))
LANGUAGE = {
    "rank": rank, "correlation": correlation, "covariance": covariance, "decay_linear": decay_linear, "lt": lt,
    "where": where, "min": least, "max": np.maximum, "ts_min": ts_min, "log": np.log, "sign": np.sign, "abs": np.abs,
    "ts_max": over_windows(lambda held: held.max(axis=-1)), "ts_rank": over_windows(time_rank),
    "ts_argmax": over_windows(place_of(np.argmax)), "ts_argmin": over_windows(place_of(np.argmin)),
    "sum": over_windows(lambda held: held.sum(axis=-1)), "product": over_windows(lambda held: held.prod(axis=-1)),
    "stddev": over_windows(lambda held: held.std(axis=-1, ddof=1)),
    "delay": lambda x, days: x.shift(int(days)), "delta": lambda x, days: x - x.shift(int(days)),
    "signedpower": lambda x, a: np.sign(x) * np.abs(x) ** a,
    "scale": lambda x: x.div(x.abs().mean(axis=1), axis=0),
    "indneutralize": lambda x: x - x.T.groupby(np.array(SECTORS)).transform("mean").T,
}  # fmt: skip


def printed(number, panel, vwap):
    """Return the formula's value, infinities as NaN."""
    names = dict(LANGUAGE) | {name: pd.DataFrame(values) for name, values in panel.fields.items()}
    close, value = names["close"], names["close"] * names["volume"]
    names["returns"], names["value"], names["one"] = close / close.shift(1) - 1, value, close * 0 + 1
    names["usual"] = lambda x: x / names["sum"](close, 250) * 250
    names["busy"] = lambda x: x / names["sum"](value, 250) * 250
    if not vwap:
        names["vwap"] = (names["high"] + names["low"] + close) / 3
    for days in set(re.findall(r"adv(\d+)", FORMULAS[number])):
        names[f"adv{days}"] = names["sum"](value, int(days)) / int(days)
    with np.errstate(all="ignore"):
        return eval(FORMULAS[number], {"__builtins__": {}}, names).replace([np.inf, -np.inf], np.nan).to_numpy()


@pytest.mark.parametrize("vwap", [False, True])
@pytest.mark.parametrize("number", sorted(FORMULAS))
def test_a_number_is_the_printed_formula(number, vwap, panel):
    plan = Plan(columns([{"name": "alpha101", "number": number, "vwap": vwap}]))
    actual, expected = plan.batch(panel).values[..., 0], printed(number, panel, vwap)
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
    assert np.isfinite(actual[-100:]).mean() > 0.6
    same = np.isclose(actual, expected, rtol=1e-9, atol=1e-9, equal_nan=True)
    assert same.mean() > (0.95 if number in TIES else 1 - 1e-9)


def test_every_number_is_there_or_told_why_not():
    assert set(PLAIN) | set(SECTOR) == set(FORMULAS)
    assert sorted([*PLAIN, *SECTOR, *LEFT_OUT]) == list(range(1, 102))


def test_an_absent_number_is_refused_with_its_reason():
    with pytest.raises(ConfigError, match="market values in currency"):
        columns([{"name": "alpha101", "number": 56}])
    with pytest.raises(ConfigError, match="there are 101"):
        columns([{"name": "alpha101", "number": 102}])


def test_the_sets_name_every_number_once():
    asked = [entry["number"] for name in ("alpha101", "alpha101_sector") for entry in feature_set[name]()]
    assert sorted(asked) == sorted(FORMULAS)
    fields = Plan(columns([{"set": "alpha101"}])).fields
    assert "vwap" not in fields
    assert not [name for name in fields if name.startswith("group:")]
    assert "group:sector" in Plan(columns([{"set": "alpha101_sector"}])).fields
