"""The `ta` adapter gives the last value of `ta` on each window, finds out its unit, and names what is wrong."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest
from ta.momentum import KAMAIndicator, RSIIndicator
from ta.trend import KSTIndicator, PSARIndicator
from ta.volatility import KeltnerChannel
from ta.volume import MFIIndicator

from alpha.core.errors import ConfigError
from alpha.core.panel import Panel
from alpha.features import Plan, columns, entries
from alpha.features.library.ta_adapter import _classes

ROWS, SYMBOLS = 220, ("A", "B")
SQUARES = {"ease_of_movement", "sma_ease_of_movement"}


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(6)
    shape = (ROWS, len(SYMBOLS))
    close = 30 * np.exp(np.cumsum(rng.normal(0, 0.02, shape), axis=0))
    start = close * np.exp(rng.normal(0, 0.01, shape))
    high, low = np.maximum(start, close) * 1.01, np.minimum(start, close) * 0.99
    fields = {"open": start, "high": high, "low": low, "close": close, "volume": np.exp(rng.normal(12, 1, shape))}
    return Panel(pd.date_range("2001-01-01", periods=ROWS, tz="UTC"), SYMBOLS, fields)


def computed(panel, **entry):
    return Plan(columns([{"name": "ta", **entry}])).batch(panel).values[..., 0]


@pytest.mark.parametrize(("indicator", "output", "window", "parameters", "inputs", "priced"), [
    (KeltnerChannel, "keltner_channel_hband", 120, {"window": 20, "original_version": False}, "high low close", True),
    (RSIIndicator, "rsi", 60, {"window": 7}, "close", False),
    (MFIIndicator, "money_flow_index", 30, {}, "high low close volume", False),
    (KAMAIndicator, "kama", 50, {"pow2": 20}, "close", True),
    (PSARIndicator, "psar", 40, {"step": 0.03}, "high low close", True),
    (KSTIndicator, "kst", 80, {}, "close", False),
])  # fmt: skip
def test_value_is_that_of_ta_on_the_window(indicator, output, window, parameters, inputs, priced, panel):
    actual = computed(panel, indicator=indicator.__name__, output=output, window=window, parameters=parameters)
    assert np.isnan(actual[: window - 1]).all()
    for s in range(len(SYMBOLS)):
        for row in range(window - 1, ROWS, 7):
            rows = slice(row - window + 1, row + 1)
            series = [pd.Series(panel.fields[name][rows, s]) for name in inputs.split()]
            expected = getattr(indicator(*series, **parameters), output)().iloc[-1]
            assert actual[row, s] == expected / (panel.fields["close"][row, s] if priced else 1)


OUTPUTS = [(name, output) for name, made in _classes().items() for output, value in vars(made).items()
           if inspect.isfunction(value) and not output.startswith("_")]  # fmt: skip


@pytest.mark.parametrize(("indicator", "output"), OUTPUTS)
def test_every_output_of_ta_can_be_had(indicator, output, panel):
    given = {"window": 9} if indicator == "SMAIndicator" else {}
    entry = {"indicator": indicator, "output": output, "window": 120, "parameters": given}
    if output in SQUARES:
        with pytest.raises(ConfigError, match="neither a price nor"):
            computed(panel, **entry)
    else:
        known = np.isfinite(computed(panel.rows(slice(0, 160)), **entry))
        assert not known[:119].any()
        assert known.any() if output in ("psar_up", "psar_down") else known[119:].all()


def test_price_levels_are_found_out():
    found = {entry["output"]: columns([{"name": "ta", "window": 60, **entry}]) for entry in [
        {"indicator": "BollingerBands", "output": "bollinger_hband"},
        {"indicator": "BollingerBands", "output": "bollinger_pband"},
        {"indicator": "MACD", "output": "macd_diff"},
        {"indicator": "OnBalanceVolumeIndicator", "output": "on_balance_volume"},
    ]}  # fmt: skip
    divided = {output for output, made in found.items() for expr in made.values() if expr.op == "div"}
    assert divided == {"bollinger_hband", "macd_diff"}


@pytest.mark.parametrize(("entry", "over_close"), [
    ({}, True),
    ({"indicator": "EMAIndicator", "output": "ema_indicator"}, False),
])  # fmt: skip
def test_a_wrong_over_close_is_a_price_level(entry, over_close):
    right = columns([{"name": "ta", "over_close": not over_close, **entry}])
    assert list(right.values()) == list(columns([{"name": "ta", **entry}]).values())
    with pytest.raises(ConfigError) as caught:
        Plan(columns([{"name": "ta", "over_close": over_close, **entry}]))
    assert caught.value.code == "price_level"


def test_a_hole_makes_its_windows_unknown(panel):
    fields = {name: values.copy() for name, values in panel.fields.items()}
    fields["high"][100, 1] = np.nan
    holed = Panel(panel.times, panel.symbols, fields)
    entry = {"indicator": "WilliamsRIndicator", "output": "williams_r", "window": 20}
    actual, whole = computed(holed, **entry), computed(panel, **entry)
    assert np.isnan(actual[100:120, 1]).all()
    actual[100:120, 1] = whole[100:120, 1]
    np.testing.assert_array_equal(actual, whole)
    np.testing.assert_array_equal(computed(holed), computed(panel))  # the rate of change does not read the high


def test_no_window_sees_further_than_itself(panel):
    """The KST of `ta` leaks within what it is given; a window holds no future."""
    entry = {"indicator": "KSTIndicator", "output": "kst", "window": 30}
    whole = computed(panel, **entry)
    np.testing.assert_array_equal(computed(panel.rows(slice(0, 150)), **entry), whole[:150])
    stream = Plan(columns([{"name": "ta", **entry}])).stream(panel.rows(slice(0, 150)))
    for row in range(150, 160):
        np.testing.assert_array_equal(stream.push(panel.bar(row))[:, 0], whole[row])


@pytest.mark.parametrize(("entry", "code", "hint"), [
    ({"indicator": "KeltnerChanel"}, "unknown_indicator", "did you mean 'KeltnerChannel'"),
    ({"indicator": "BollingerBands", "output": "bollinger_hbnd"}, "unknown_output", "did you mean 'bollinger_hband'"),
    ({"output": "_run"}, "unknown_output", "choose from roc"),
    ({"parameters": {"windw": 3}}, "bad_parameter", "did you mean 'window'"),
    ({"parameters": {"close": 3}}, "bad_parameter", "no parameter 'close'"),
    ({"indicator": "SMAIndicator", "output": "sma_indicator"}, "bad_parameter", "needs `parameters` with window"),
    ({"parameters": {"window": "long"}}, "bad_parameter", "long"),
    ({"parameters": {"window": 2.5}}, "bad_parameter", "cannot be had from 20 rows"),
    ({"indicator": "RSIIndicator", "output": "rsi", "parameters": {"window": 0}}, "bad_parameter", "division by zero"),
    ({"indicator": "ADXIndicator", "output": "adx"}, "bad_parameter", "cannot be had from 20 rows"),
    ({"window": 12}, "bad_window", "choose a longer window"),
    ({"window": 1}, "bad_parameter", "greater than or equal to 2"),
    ({"indicator": "EaseOfMovementIndicator", "output": "ease_of_movement"}, "price_level", "neither a price nor"),
])  # fmt: skip
def test_what_is_wrong_is_named(entry, code, hint):
    with pytest.raises(ConfigError, match=hint) as caught:
        columns([{"name": "ta", **entry}])
    assert caught.value.code == code


def test_equal_entries_are_one_expression():
    spelled = {"name": "ta", "parameters": {"window": 12, "fillna": False}, "as": "roc"}
    (short,), (long,) = (columns([entry]).values() for entry in ({"name": "ta"}, spelled))
    assert short == long
    assert list(columns(["ta"])) == ["ta_ROCIndicator_roc_20"]
    assert entries([spelled])[0]["parameters"] == {"window": 12, "fillna": False}
