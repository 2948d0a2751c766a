"""Windows that hold fewer observations than rows, and higher moments: against pandas and scipy, with holes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import ConfigError
from alpha.core.panel import Panel
from alpha.features import Plan
from alpha.features import expr as e
from alpha.features import operators as o

X, Y = e.field("x"), e.field("y")


def computed(expression, x, y=None, chunk=16):
    fields = {"close": np.ones_like(x), "x": x, "y": x if y is None else y}
    panel = Panel(pd.date_range("2001-01-01", periods=len(x), tz="UTC"), tuple(map(str, range(x.shape[1]))), fields)
    return Plan({"out": expression}).batch(panel, chunk=chunk).values[..., 0]


def holey(rows, seed, share=0.2):
    rng = np.random.default_rng(seed)
    values = rng.normal(5, 2, (rows, 3))
    values[rng.random(values.shape) < share] = np.nan
    return values


def test_what_is_there_is_counted_from_the_first_row_on():
    x = np.array([[1.0], [np.nan], [3.0], [np.inf], [np.nan], [0.0], [2.0]])
    np.testing.assert_array_equal(computed(o.count(X, 3), x)[:, 0], [1, 1, 2, 1, 1, 1, 2])
    np.testing.assert_array_equal(computed(o.days_since(X > 1, 3), x)[:, 0], [np.nan, np.nan, 0, 0, 1, 2, 0])


def test_full_windows_of_higher_moments():
    x = holey(80, 9, 0.02)
    frame = pd.DataFrame(x).rolling(12)
    np.testing.assert_allclose(computed(o.skew(X, 12), x), frame.skew(), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(computed(o.kurt(X, 12), x), frame.kurt(), rtol=1e-9, atol=1e-11)
    deviation = frame.apply(lambda part: np.abs(part - part.mean()).mean(), raw=True)
    np.testing.assert_allclose(computed(o.mean_deviation(X, 12), x), deviation, rtol=1e-12)


@pytest.mark.parametrize("periods", [None, 6])
def test_a_constant_has_no_spread_exactly(periods):
    x = np.full((40, 1), 0.1 + 0.2)
    x[3] = np.nan
    for made in (o.std, o.var, o.mad):
        values = computed(made(X, 10, min_periods=periods), x)
        assert (values[np.isfinite(values)] == 0).all()
        assert np.isfinite(values).sum() >= 26
    for made in (o.skew, o.kurt, o.zscore):
        assert np.isnan(computed(made(X, 10, min_periods=periods), x)).all()
    assert (computed(o.mean(X, 10, min_periods=periods), x)[20:] == 0.1 + 0.2).all()


@pytest.mark.parametrize("periods", [None, 15])
@pytest.mark.parametrize("made", [o.mean, o.std, o.skew, o.kurt, o.slope, o.wma, o.median, o.mad, o.rank])
def test_an_outlier_leaves_no_trace_and_the_start_does_not_matter(made, periods):
    x = holey(140, 21, 0.0)
    spiked = x.copy()
    spiked[40] = 1e12
    expression = made(X, 20, min_periods=periods)
    clean, after = computed(expression, x), computed(expression, spiked)
    np.testing.assert_array_equal(after[60:], clean[60:])
    np.testing.assert_array_equal(computed(expression, x[37:])[19:], clean[37 + 19 :])


def test_recursions():
    x = holey(60, 5, 0.0)
    frame = pd.DataFrame(x)
    expected = frame.ewm(span=10, adjust=False, min_periods=3).mean()
    np.testing.assert_allclose(computed(o.ema(X, 10, min_periods=3), x), expected)
    weight = 0.1 + 0.5 * (np.sign(holey(60, 6, 0.0) - 5) + 1) / 2
    x[7] = np.nan
    expected, state = np.full_like(x, np.nan), x[0].copy()
    for t in range(60):
        known = np.isfinite(x[t])
        state = np.where(known & (t > 0), state + weight[t] * (x[t] - state), state)
        expected[t] = np.where(known, state, np.nan)
    np.testing.assert_allclose(computed(o.adaptive(X, Y, slowest=0.1), x, weight), expected, rtol=1e-14)
    assert o.adaptive(X, Y, slowest=0.1).lookback == 263
    assert o.adaptive(X, Y, slowest=0.1).recursive


def test_weights_and_powers():
    x = holey(30, 8)
    got = computed(o.weighted(X, [0.5, -0.25, 0.125]), x)
    lagged = [np.vstack([np.full((k, 3), np.nan), x[: len(x) - k]]) for k in range(3)]
    np.testing.assert_allclose(got, 0.5 * lagged[0] - 0.25 * lagged[1] + 0.125 * lagged[2])
    np.testing.assert_allclose(computed(o.power(X, 2.5), np.abs(x)), np.abs(x) ** 2.5)
    np.testing.assert_allclose(computed(o.pct_change(X, 2), x), x / lagged[2] - 1)
    assert o.power(e.close, 0.5).unit == 0.5
    assert o.weighted(X, [1, 2, 3]).lookback == 2


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda: o.mean(X, 5, min_periods=6), "bad_window"), (lambda: o.mean(X, 5, min_periods=0), "bad_window"),
        (lambda: o.std(X, 5, min_periods=1), "bad_window"), (lambda: o.kurt(X, 3), "bad_window"),
        (lambda: o.quantile(X, 5, 0.5, min_periods=2.5), "bad_window"), (lambda: o.count(X, 0), "bad_window"),
        (lambda: o.weighted(X, []), "bad_weights"), (lambda: o.weighted(X, [np.nan]), "bad_weights"),
        (lambda: o.adaptive(X, Y, slowest=0), "bad_weights"), (lambda: o.power(X, np.inf), "bad_exponent"),
        (lambda: o.adaptive(X, e.close, slowest=0.5), "price_unit"),
    ],
)  # fmt: skip
def test_nonsense_is_refused(made, code):
    with pytest.raises(ConfigError) as caught:
        made()
    assert caught.value.code == code
