"""What an expression knows about itself, and what it refuses to be."""

from __future__ import annotations

import pickle

import pytest

from alpha.core.errors import ConfigError
from alpha.features.expr import (
    Expr,
    clip,
    close,
    exp,
    expr,
    field,
    is_finite,
    log,
    maximum,
    minimum,
    sign,
    sqrt,
    volume,
    where,
)
from alpha.features.operators import (
    argmax,
    corr,
    cov,
    cs_mean,
    cs_rank,
    delta,
    ema,
    lag,
    mean,
    quantile,
    rank,
    rsquare,
    slope,
    std,
    var,
    wilder,
)


def refused(code, make):
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.code == code
    return str(caught.value)


def test_equal_trees_are_equal_and_hash_equal():
    one, two = mean(close, 5) / close, mean(close, 5) / close
    assert one == two
    assert hash(one) == hash(two)
    assert len({one, two}) == 1
    assert one != mean(close, 6) / close
    assert one != "mean"
    assert pickle.loads(pickle.dumps(one)) == one
    assert field("x", unit=1) != field("x")
    assert close - volume * close != close * volume - close


def test_expressions_cannot_be_changed():
    with pytest.raises(AttributeError):
        close.op = "open"


@pytest.mark.parametrize(
    ("expression", "lookback"),
    [
        (close, 0),
        (expr(3), 0),
        (lag(close, 3), 3),
        (delta(close), 1),
        (mean(close, 5), 4),
        (std(delta(close), 20), 20),
        (lag(mean(close, 5), 2) + lag(close, 9), 9),
        (rank(quantile(close, 3, 0.5), 4), 5),
        (cs_rank(mean(close, 5) / close), 4),
        (ema(close, 1), 0),
        (ema(close, 3), 40),  # half a row: 2 ** -40 < 1e-12
        (wilder(close, 2), 40),
        (wilder(close, 2, seed="mean"), 41),
        (ema(lag(close, 2), 3), 42),
    ],
)
def test_lookback_is_derived(expression, lookback):
    assert expression.lookback == lookback
    assert expression.recursive == ("ema" in repr(expression) or "wilder" in repr(expression))


def test_fields_are_derived():
    assert (close / lag(field("vix"), 2) * cs_mean(volume)).fields == {"close", "vix", "volume"}


@pytest.mark.parametrize(
    ("expression", "unit"),
    [
        (close, 1), (volume, 0), (field("vix"), 0), (field("raw_open"), 1), (field("eps", unit=1), 1),
        (close / close, 0), (close * close, 2), (1 / close, -1), (close * volume, 1),
        (close * 0, None), (0 / close, None), (sqrt(expr(0)), None),
        (close / expr(0), 1), (expr(0) / expr(0), None), (-close, 1), (abs(close), 1), (sqrt(close * close), 1),
        (close - lag(close, 1), 1), (maximum(close, 0), 1), (minimum(0, 0), None), (clip(close, 0, 2 * close), 1),
        (close > lag(close, 1), 0), (close > 0, 0), (sign(close), 0), (is_finite(close), 0), (log(close / close), 0),
        (exp(volume), 0), (where(close > 0, close, 0), 1), (where(volume > 1, float("nan"), close), 1),
        (mean(close, 3), 1), (std(close, 3), 1), (var(close, 3), 2), (cov(close, volume, 3), 1), (slope(close, 3), 1),
        (corr(close, volume, 3), 0), (rsquare(close, 3), 0), (rank(close, 3), 0), (argmax(close, 3), 0),
        (quantile(close, 3, 0.5), 1), (ema(close, 3), 1), (wilder(close, 3), 1), (cs_rank(volume), 0),
    ],
)  # fmt: skip
def test_price_unit_is_derived(expression, unit):
    assert expression.unit == unit


@pytest.mark.parametrize(
    "make",
    [
        lambda: close + volume,
        lambda: close > 50,
        lambda: close + 1,
        lambda: maximum(close, 1),
        lambda: where(volume > 0, close, 1),
        lambda: close < volume,
    ],
)
def test_mixed_units_are_refused(make):
    assert "divide by a price" in refused("mixed_units", make)


@pytest.mark.parametrize("make", [lambda: log(close), lambda: exp(close), lambda: cs_rank(close)])
def test_a_price_where_a_number_is_needed_is_refused(make):
    assert "divide by a price" in refused("price_unit", make)


def test_looking_ahead_is_refused():
    assert "2 rows ahead" in refused("looks_ahead", lambda: lag(close, -2))
    refused("looks_ahead", lambda: delta(close, -1))


@pytest.mark.parametrize(
    "make",
    [
        lambda: mean(close, 0),
        lambda: std(close, 1),
        lambda: slope(close, 1),
        lambda: mean(close, 2.5),
        lambda: ema(close, 0),
        lambda: wilder(close, 1.5),
    ],
)
def test_bad_windows_are_refused(make):
    refused("bad_window", make)


def test_bad_quantiles_are_refused():
    refused("bad_quantile", lambda: quantile(close, 3, 1.5))


def test_other_values_are_refused():
    assert "'a'" in refused("not_an_expression", lambda: close + "a")


def test_an_expression_has_no_truth():
    assert "where(condition" in refused("ambiguous_truth", lambda: bool(close > 0))


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        (close / lag(close, 1) - 1, "((close / lag(close, 1)) - 1)"),
        (lag(volume, 1) < volume, "(volume > lag(volume, 1))"),
        (-volume, "neg(volume)"),
        (cs_rank(quantile(volume, 9, 0.25)), "cs_rank(quantile(volume, 9, 0.25))"),
    ],
)
def test_expressions_print_as_they_are_written(expression, shown):
    assert isinstance(expression, Expr)
    assert repr(expression) == shown


@pytest.mark.parametrize("rows", [0.5, float("nan"), True, "2"])
def test_a_lag_is_a_whole_number_of_rows(rows):
    with pytest.raises(ConfigError, match="whole number"):
        lag(close, rows)
