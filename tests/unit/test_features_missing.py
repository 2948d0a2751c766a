"""Windows that hold fewer observations than rows, and higher moments: against pandas and scipy, with holes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

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


def applied(function, window, least, *columns):
    """Apply a function to the rows of each window in which all columns are known, their ages last."""
    out = np.full(columns[0].shape, np.nan)
    for t in range(len(out)):
        rows = np.arange(max(t - window + 1, 0), t + 1)
        for s in range(out.shape[1]):
            parts = [column[rows, s] for column in columns]
            known = np.logical_and.reduce([np.isfinite(part) for part in parts])
            if known.sum() >= least:
                out[t, s] = function(*(part[known] for part in parts), (t - rows)[known])
    return out


def line(x, ages):
    return np.polyfit(-ages, x, 1) if len(x) > 1 else (np.nan, np.nan)


def rolling(name, *args, **kwargs):
    return lambda x, w, m: getattr(pd.DataFrame(x).rolling(w, min_periods=m), name)(*args, **kwargs).to_numpy()


OF_PANDAS = {
    "sum": (o.sum, rolling("sum"), 1), "mean": (o.mean, rolling("mean"), 1), "std": (o.std, rolling("std"), 2),
    "var": (o.var, rolling("var"), 2), "min": (o.min, rolling("min"), 1), "max": (o.max, rolling("max"), 1),
    "skew": (o.skew, rolling("skew"), 3), "kurt": (o.kurt, rolling("kurt"), 4),
    "median": (o.median, rolling("median"), 1), "rank": (o.rank, rolling("rank", pct=True), 1),
    "quantile": (lambda x, w, **k: o.quantile(x, w, 0.3, **k), rolling("quantile", 0.3), 1),
}  # fmt: skip
OF_LOOPS = {
    "argmin": (o.argmin, lambda x, ages: ages[np.argmin(x)], 1),
    "argmax": (o.argmax, lambda x, ages: ages[np.argmax(x)], 1),
    "mad": (o.mad, lambda x, ages: stats.median_abs_deviation(x), 1),
    "slope": (o.slope, lambda x, ages: line(x, ages)[0], 2),
    "rsquare": (o.rsquare, lambda x, ages: np.corrcoef(x, ages)[0, 1] ** 2, 2),
    "resid": (o.resid, lambda x, ages: x[-1] - line(x, ages)[1] if ages[-1] == 0 else np.nan, 2),
}


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 23), st.data())
@pytest.mark.parametrize("name", OF_PANDAS)
def test_as_pandas_counts_observations(name, seed, window, data):
    made, reference, least = OF_PANDAS[name]
    periods = data.draw(st.integers(least, window))
    x = holey(60, seed)
    actual = computed(made(X, window, min_periods=periods), x)
    expected = reference(x, window, periods)
    if periods < window:  # pandas has a value from `periods` rows on, where a full window has not been there yet
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9)
    else:
        np.testing.assert_allclose(actual[window - 1 :], expected[window - 1 :], rtol=1e-9, atol=1e-9)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 23), st.data())
@pytest.mark.parametrize("name", OF_LOOPS)
def test_as_a_loop_says(name, seed, window, data):
    made, reference, least = OF_LOOPS[name]
    periods = data.draw(st.integers(least + 1, window - 1))
    x = holey(50, seed)
    actual = computed(made(X, window, min_periods=periods), x)
    np.testing.assert_allclose(actual, applied(reference, window, periods, x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("name", ["intercept", "wma", "autocorr", "beta", "cov", "corr", "zscore", "drawdown"])
def test_the_others(name, full):
    window, periods = 9, None if full else 5
    x, y = holey(60, 3, 0.05 if full else 0.25), holey(60, 4, 0.05 if full else 0.25)
    made = {
        "intercept": o.intercept(X, window, min_periods=periods),
        "wma": o.wma(X, window, min_periods=periods),
        "autocorr": o.autocorr(X, window, 2, min_periods=periods),
        "beta": o.beta(Y, X, window, min_periods=periods),
        "cov": o.cov(X, Y, window, min_periods=periods),
        "corr": o.corr(X, Y, window, min_periods=periods),
        "zscore": o.zscore(X, window, min_periods=periods),
        "drawdown": o.drawdown(X, window, min_periods=periods),
    }[name]
    lagged = np.vstack([np.full((2, 3), np.nan), x[:-2]])
    least = window if full else periods

    def now(value):
        return lambda part, ages: value(part, ages) if ages[-1] == 0 else np.nan

    expected = {
        "intercept": lambda: applied(lambda p, ages: np.polyval(line(p, ages), 1 - window), window, least, x),
        "wma": lambda: applied(lambda p, ages: np.average(p, weights=window - ages), window, least, x),
        "autocorr": lambda: applied(lambda p, q, ages: np.corrcoef(p, q)[0, 1], window, least, x, lagged),
        "beta": lambda: applied(lambda p, q, ages: np.polyfit(q, p, 1)[0], window, least, y, x),
        "cov": lambda: applied(lambda p, q, ages: np.cov(p, q)[0, 1], window, least, x, y),
        "corr": lambda: applied(lambda p, q, ages: np.corrcoef(p, q)[0, 1], window, least, x, y),
        "zscore": lambda: applied(now(lambda p, ages: (p[-1] - p.mean()) / p.std(ddof=1)), window, least, x),
        "drawdown": lambda: applied(now(lambda p, ages: p[-1] / p.max() - 1), window, least, x),
    }[name]()
    np.testing.assert_allclose(computed(made, x, y), expected, rtol=1e-9, atol=1e-9)
    assert 0.2 < np.isfinite(expected).mean() < 1


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
