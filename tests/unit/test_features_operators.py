"""Every operator against a plain loop: on noise, with holes, on constants, with an outlier that leaves the window."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from alpha.core.panel import Panel
from alpha.features import Plan
from alpha.features import expr as e
from alpha.features import operators as o

X, Y = e.field("x"), e.field("y")
ROWS = 90


def series(kind, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(3, 1, ROWS)
    if kind == "holes":
        values[[0, 17, 40, 41, 70]] = np.nan
    elif kind == "constant":
        values[20:60] = 0.1 + 0.2
    elif kind == "outlier":
        values[30] = 1e12
    elif kind == "ties":
        values = rng.integers(-1, 2, ROWS).astype(float) * 0.5
    return values


KINDS = ("noise", "holes", "constant", "outlier", "ties")


def computed(expression, **fields):
    first = next(iter(fields.values()))
    arrays = {name: np.asarray(values, float).reshape(len(first), -1) for name, values in fields.items()}
    close = np.ones((len(first), next(iter(arrays.values())).shape[1]))
    times = pd.date_range("2001-01-01", periods=len(first), tz="UTC")
    tradable = arrays.pop("tradable", np.ones_like(close)).astype(bool)
    panel = Panel(times, tuple(f"S{i}" for i in range(close.shape[1])), {"close": close, **arrays}, tradable)
    values = Plan({"out": expression}).batch(panel, chunk=16).values[..., 0]
    return values if values.shape[1] > 1 else values[:, 0]


def rolled(function, window, *columns):
    out = np.full(len(columns[0]), np.nan)
    for t in range(window - 1, len(out)):
        parts = [column[t - window + 1 : t + 1] for column in columns]
        if all(np.isfinite(part).all() for part in parts):
            out[t] = function(*parts)
    return out


def comoment(x, y):
    mx, my = math.fsum(x) / len(x), math.fsum(y) / len(y)
    if min(x) == max(x) or min(y) == max(y):
        return 0.0
    return math.fsum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))


def ratio(a, b):
    return a / b if b else math.nan


def trend(x):
    return 0.0 if min(x) == max(x) else comoment(x, list(range(len(x))))


def time_moment(n):
    return n * (n * n - 1) / 12


def fitted_residual(x):
    n = len(x)
    return x[-1] - math.fsum(x) / n - trend(x) / time_moment(n) * (n - 1) / 2


WINDOWED = {
    "sum": (lambda n: o.sum(X, n), math.fsum, 1),
    "mean": (lambda n: o.mean(X, n), lambda x: math.fsum(x) / len(x), 1),
    "var": (lambda n: o.var(X, n), lambda x: comoment(x, x) / (len(x) - 1), 2),
    "std": (lambda n: o.std(X, n), lambda x: math.sqrt(comoment(x, x) / (len(x) - 1)), 2),
    "std0": (lambda n: o.std(X, n, ddof=0), lambda x: math.sqrt(comoment(x, x) / len(x)), 1),
    "min": (lambda n: o.min(X, n), min, 1),
    "max": (lambda n: o.max(X, n), max, 1),
    "argmin": (lambda n: o.argmin(X, n), lambda x: len(x) - 1 - int(np.argmin(x)), 1),
    "argmax": (lambda n: o.argmax(X, n), lambda x: len(x) - 1 - int(np.argmax(x)), 1),
    "rank": (
        lambda n: o.rank(X, n),
        lambda x: (sum(v < x[-1] for v in x) + (sum(v == x[-1] for v in x) + 1) / 2) / len(x),
        1,
    ),
    "quantile": (lambda n: o.quantile(X, n, 0.3), lambda x: np.quantile(x, 0.3), 1),
    "median": (lambda n: o.quantile(X, n, 0.5), np.median, 1),
    "slope": (lambda n: o.slope(X, n), lambda x: trend(x) / time_moment(len(x)), 2),
    "resid": (lambda n: o.resid(X, n), fitted_residual, 2),
    "rsquare": (lambda n: o.rsquare(X, n), lambda x: ratio(trend(x) ** 2, time_moment(len(x)) * comoment(x, x)), 2),
}
PAIRED = {
    "cov": (lambda n: o.cov(X, Y, n), lambda x, y: comoment(x, y) / (len(x) - 1)),
    "corr": (
        lambda n: o.corr(X, Y, n),
        lambda x, y: ratio(comoment(x, y), math.sqrt(comoment(x, x)) * math.sqrt(comoment(y, y))),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WINDOWED)
def test_window_equals_a_plain_loop(name, kind):
    made, reference, least = WINDOWED[name]
    x = series(kind)
    scale = max(1.0, np.nanmax(np.abs(x)))
    for window in sorted({least, 2, 3, 5, 8, 20, 33}):
        actual, expected = computed(made(window), x=x), rolled(reference, window, x)
        large = rolled(lambda part: np.max(np.abs(part)), window, x)  # the outlier's error must leave with it
        tolerance = 1e-12 * np.maximum(1.0, np.nan_to_num(large)) ** (2 if name == "var" else 1) * window
        assert (np.isnan(actual) == np.isnan(expected)).all(), (name, kind, window)
        assert (np.nan_to_num(np.abs(actual - expected)) <= tolerance).all(), (name, kind, window, scale)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PAIRED)
def test_pair_equals_a_plain_loop(name, kind):
    made, reference = PAIRED[name]
    x, y = series(kind), series("holes" if kind == "holes" else "noise", seed=1)
    for window in (2, 3, 7, 16, 21):
        actual, expected = computed(made(window), x=x, y=y), rolled(reference, window, x, y)
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("window", [2, 3, 5, 7, 10, 20, 50, 63])
@pytest.mark.parametrize("value", [0.1, 1e12 + 0.1, 123.456, 1 / 3])
def test_a_constant_window_has_exactly_no_spread(window, value):
    x = np.full(ROWS, value)
    for expression in (o.var(X, window), o.std(X, window), o.slope(X, window), X - o.mean(X, window)):
        assert (computed(expression, x=x)[window - 1 :] == 0).all(), expression
    for expression in (o.corr(X, Y, window), o.rsquare(X, window)):
        assert np.isnan(computed(expression, x=x, y=series("noise"))).all(), expression


@pytest.mark.parametrize("made", [o.sum, o.mean, o.std, o.slope, o.resid, o.rsquare, o.rank, o.argmax])
def test_an_outlier_leaves_no_trace(made):
    clean, dirty = series("noise"), series("outlier")
    for window in (5, 20):
        a, b = computed(made(X, window), x=clean), computed(made(X, window), x=dirty)
        np.testing.assert_array_equal(a[30 + window :], b[30 + window :])
        np.testing.assert_array_equal(a[:30], b[:30])


def test_minus_zero_is_zero():
    x = np.where(np.arange(ROWS) % 2, 0.0, -0.0)
    for q in (0, 0.5, 1):
        assert not np.signbit(computed(o.quantile(X, 4, q), x=x)[4:]).any()


def test_infinities_leave_with_their_window():
    x = series("noise")
    x[30] = np.inf
    for made in (o.mean, o.std, o.max, o.rank, lambda v, n: o.quantile(v, n, 0.5)):
        got = computed(made(X, 5), x=x)
        assert np.isfinite(got[4:30]).all()
        assert np.isfinite(got[35:]).all()


@pytest.mark.parametrize("span", [1, 2, 5, 12])
@pytest.mark.parametrize("listed", [0, 9])
def test_ema_equals_pandas(span, listed):
    x = series("noise")
    x[:listed] = np.nan
    expected = pd.Series(x).ewm(span=span, adjust=False, min_periods=span).mean()
    np.testing.assert_allclose(computed(o.ema(X, span), x=x), expected, rtol=1e-13)
    expected = pd.Series(x).ewm(alpha=1 / span, adjust=False, min_periods=span).mean()
    np.testing.assert_allclose(computed(o.wilder(X, span), x=x), expected, rtol=1e-13)


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_a_fading_average_carries_its_state_over_a_hole(hole):
    x = series("noise")
    holes = [3, 4, 30, 31, 50]
    x[holes] = hole
    packed = np.delete(x, holes)
    for made, seed in ((lambda v: o.ema(v, 6), None), (lambda v: o.wilder(v, 6, seed="mean"), "mean")):
        got = computed(made(X), x=x)
        assert np.isnan(got[holes]).all()
        np.testing.assert_array_equal(np.delete(got, holes), computed(made(X), x=packed), err_msg=str(seed))


def test_wilder_from_the_mean_of_the_first_window():
    x, n = series("noise"), 7
    expected = np.full(ROWS, np.nan)
    expected[n - 1] = x[:n].mean()
    for t in range(n, ROWS):
        expected[t] = (expected[t - 1] * (n - 1) + x[t]) / n
    np.testing.assert_allclose(computed(o.wilder(X, n, seed="mean"), x=x), expected, rtol=1e-13)


POINTWISE = {
    "add": (X + Y, lambda x, y: x + y), "sub": (X - Y, lambda x, y: x - y), "mul": (X * Y, lambda x, y: x * y),
    "div": (X / Y, lambda x, y: x / y), "neg": (-X, lambda x, y: -x),
    "add_c": (X + 2, lambda x, y: x + 2), "c_add": (2 + X, lambda x, y: 2 + x), "sub_c": (X - 2, lambda x, y: x - 2),
    "c_sub": (2 - X, lambda x, y: 2 - x), "mul_c": (X * 3, lambda x, y: x * 3), "c_mul": (3 * X, lambda x, y: 3 * x),
    "div_c": (X / 3, lambda x, y: x / 3), "c_div": (3 / X, lambda x, y: 3 / x),
    "numpy": (np.float64(3) * X, lambda x, y: 3 * x),
    "gt": (X > Y, lambda x, y: x > y), "ge": (X >= Y, lambda x, y: x >= y), "lt": (X < Y, lambda x, y: x < y),
    "le": (X <= Y, lambda x, y: x <= y), "gt_c": (X > 0.5, lambda x, y: x > 0.5),
    "ge_c": (X >= 0.5, lambda x, y: x >= 0.5),
    "lt_c": (X < 0.5, lambda x, y: x < 0.5), "le_c": (X <= 0.5, lambda x, y: x <= 0.5),
    "minimum": (e.minimum(X, Y), np.minimum), "maximum": (e.maximum(X, Y), np.maximum),
    "minimum_c": (e.minimum(X, 0.5), lambda x, y: np.minimum(x, 0.5)),
    "c_maximum": (e.maximum(0.5, X), lambda x, y: np.maximum(x, 0.5)),
    "clip": (e.clip(X, -1, 0.5), lambda x, y: np.clip(x, -1, 0.5)), "abs": (abs(X), lambda x, y: abs(x)),
    "sqrt": (e.sqrt(X), lambda x, y: np.sqrt(x)), "log": (e.log(X), lambda x, y: np.log(x)),
    "exp": (e.exp(X), lambda x, y: np.exp(x)), "sign": (e.sign(X), lambda x, y: np.sign(x)),
    "where": (e.where(X > 0, X, Y), lambda x, y: np.where(x > 0, x, y)),
    "where_c": (e.where(X > 0, 1, np.nan), lambda x, y: np.where(x > 0, 1, np.nan)),
    "folded": (X * (e.expr(2) + 3 > 4), lambda x, y: x * 1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", POINTWISE)
def test_pointwise_equals_numpy_and_nan_stays_unknown(name):
    rng = np.random.default_rng(5)
    x, y = rng.choice([-2, -1, 0.0, 0.5, 1, 3], ROWS), rng.choice([-1, 0.0, 0.5, 2], ROWS)
    x[::11] = np.nan
    y[::7] = np.nan
    expression, reference = POINTWISE[name]
    with np.errstate(all="ignore"):
        expected = np.asarray(reference(x, y), float)
    unknown = np.isnan(x) | (np.isnan(y) if Y.key in _leaves(expression) and name != "where" else False)
    expected[unknown | ~np.isfinite(expected)] = np.nan
    np.testing.assert_allclose(computed(expression, x=x, y=y), expected, rtol=1e-15)


def _leaves(expression):
    return {expression.key}.union(*(_leaves(arg) for arg in expression.args))


def test_features_are_finite_or_unknown():
    x = [1.0, 0.0, -1.0, np.inf, np.nan]
    np.testing.assert_array_equal(computed(1 / X, x=x), [1, np.nan, -1, 0, np.nan])
    np.testing.assert_array_equal(computed(1 / (1 / X), x=x), [1, 0, -1, np.nan, np.nan])


def test_is_finite_is_never_unknown():
    got = computed(e.is_finite(X), x=[1.0, np.nan, np.inf, -np.inf, 0.0])
    np.testing.assert_array_equal(got, [1, 0, 0, 0, 1])


def test_lag_and_delta():
    x = series("holes")
    np.testing.assert_array_equal(computed(o.lag(X, 3), x=x), pd.Series(x).shift(3))
    np.testing.assert_array_equal(computed(o.delta(X, 5), x=x), pd.Series(x).diff(5))
    np.testing.assert_array_equal(
        computed(o.lag(o.mean(o.lag(X, 2), 4), 3), x=x), computed(o.lag(o.mean(X, 4), 5), x=x)
    )
    assert o.lag(X, 0) is X


@pytest.mark.parametrize("made", [o.ema, o.wilder, o.rank, o.argmin, o.std, lambda x, n: o.quantile(x, n, 0.7)])
def test_an_operator_of_a_lag_is_the_lag_of_the_operator(made):
    x = series("holes")
    np.testing.assert_array_equal(computed(made(o.lag(X, 3), 5), x=x)[3:], computed(made(X, 5), x=x)[:-3])
    asked = computed(e.is_finite(o.lag(X, 3)), x=x)
    np.testing.assert_array_equal(asked, np.isfinite(pd.Series(x).shift(3)))


def test_windows_of_a_constant():
    np.testing.assert_array_equal(computed(o.sum(e.expr(2), 3) + 0 * X, x=[1.0, 1, 1, 1]), [np.nan, np.nan, 6, 6])
    np.testing.assert_array_equal(computed(X + o.lag(e.expr(2), 3), x=[1.0, 1]), [3, 3])
    np.testing.assert_array_equal(computed(e.expr(2), x=[1.0, 1]), [2, 2])


@pytest.fixture
def across():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(60, 9))
    x[:, 3] = x[:, 5]  # ties
    x[7] = 0.1  # all equal
    x[9] = np.nan
    x[10, 1:] = np.nan  # one alone
    x[rng.random(x.shape) < 0.05] = np.nan
    x[12, 2] = np.inf
    tradable = rng.random(x.shape) < 0.9
    return x, tradable


def test_cross_section_among_the_tradable_and_finite(across):
    x, tradable = across
    part = pd.DataFrame(np.where(tradable & np.isfinite(x), x, np.nan))
    mean = part.mean(axis=1)
    centred = part.sub(mean, axis=0)
    equal = part.max(axis=1) == part.min(axis=1)
    expected = {
        o.cs_rank: (part.rank(axis=1) - 0.5).div(part.count(axis=1), axis=0) - 0.5,
        o.cs_demean: centred,
        o.cs_zscore: centred.div(part.std(axis=1).mask(equal), axis=0),
        o.cs_mean: pd.DataFrame(dict.fromkeys(range(9), mean)),
    }
    for made, reference in expected.items():
        np.testing.assert_allclose(computed(made(X), x=x, tradable=tradable), reference, rtol=1e-12, atol=1e-14)


def test_equal_values_are_in_the_middle(across):
    x = np.full((1, 7), 0.3)
    assert (computed(o.cs_rank(X), x=x) == 0).all()
    assert (computed(o.cs_demean(X), x=x) == 0).all()
    assert np.isnan(computed(o.cs_zscore(X), x=x)).all()


def test_cross_sections_nest(across):
    x, tradable = across
    inner = computed(o.cs_demean(X), x=x, tradable=tradable)
    smooth = computed(o.mean(X, 3), x=inner, tradable=tradable)
    outer = computed(o.cs_rank(X), x=smooth, tradable=tradable)
    nested = o.cs_rank(o.mean(o.cs_demean(X), 3))
    np.testing.assert_array_equal(computed(nested, x=x, tradable=tradable), outer)
    np.testing.assert_array_equal(computed(e.tradable + 0 * 1, x=x, tradable=tradable), tradable)
