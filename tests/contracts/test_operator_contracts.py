"""Every operator says what it makes of NaN, and equals a plain loop and pandas on panels with holes."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_references import FADING, WINDOWS, X, Y, faded, of_pandas

from alpha.core.panel import Panel
from alpha.features import Plan, across
from alpha.features import expr as e
from alpha.features import operators as o

POINTWISE = ("abs", "clip", "exp", "is_finite", "log", "maximum", "minimum", "sign", "sqrt", "where")
NO_WINDOW = ("adaptive", "apply", "delta", "group", "lag", "pct_change", "power", "weighted")
OPERATORS = {**{name: getattr(o, name) for name in o.__all__}, **{name: getattr(e, name) for name in POINTWISE}}
SETTINGS = settings(max_examples=15, deadline=None)


def computed(expression, x, y=None, tradable=None, groups=None):
    fields = {"close": np.ones_like(x), "x": x, "y": x if y is None else y}
    times = pd.date_range("2001-01-01", periods=len(x), tz="UTC")
    panel = Panel(times, tuple(map(str, range(x.shape[1]))), fields, tradable, groups or {})
    return Plan({"out": expression}).batch(panel, chunk=16).values[..., 0]


@st.composite
def panels(draw, columns=2, rows=50):
    """Return panels of few symbols with many holes, some listed late."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    made = rng.normal(5, 2, (columns, rows, draw(st.integers(1, 4))))
    made[rng.random(made.shape) < draw(st.sampled_from([0.0, 0.05, 0.3]))] = np.nan
    made[:, : draw(st.integers(0, 12)), 0] = np.nan
    return made


def looped(case, window, least, *columns):
    """Apply a loop to each window of each symbol."""
    out = np.full(columns[0].shape, np.nan)
    takes_window = "w" in inspect.signature(case.loop).parameters or case.loop.__name__ == "weighted_mean"
    for t, s in np.ndindex(out.shape):
        rows = [r for r in range(max(t - window + 1, 0), t + 1) if all(np.isfinite(c[r, s]) for c in columns)]
        if len(rows) < least or (case.now and rows[-1:] != [t]):
            continue
        parts = [[float(column[r, s]) for r in rows] for column in columns]
        out[t, s] = case.loop(*parts, [float(t - r) for r in rows], *([window] if takes_window else []))
    return out


@pytest.mark.parametrize("name", OPERATORS)
def test_its_docstring_says_what_it_makes_of_nan(name):
    text = inspect.getdoc(OPERATORS[name]) or ""
    words = ("NaN", "take no part", "takes no part", "without a label")
    assert any(word in text for word in words), f"{name}: say what a NaN does"


def test_every_operator_over_a_window_has_references_and_min_periods():
    windows = {name for name in o.__all__ if name not in NO_WINDOW and not name.startswith("cs_")}
    assert windows == set(WINDOWS) | {"ema", "wilder"}, "give it a loop and pandas' equal in operator_references"
    for name in windows - {"count", "days_since"}:
        assert "min_periods" in inspect.signature(OPERATORS[name]).parameters, name
    assert all(WINDOWS[name].always for name in ("count", "days_since")), "these have a value however few there are"


@pytest.mark.parametrize("name", WINDOWS)
@SETTINGS
@given(panels(), st.integers(4, 21), st.data())
def test_a_window_equals_a_loop_and_pandas(name, columns, window, data):
    case = WINDOWS[name]
    least = data.draw(st.integers(case.least, window))
    made = case.made(X, window) if case.always else case.made(X, window, min_periods=least)
    x, y = columns
    if name == "autocorr":
        y = np.vstack([np.full((1, x.shape[1]), np.nan), x[:-1]])
    given_columns = (x, y) if case.pair else (x,)
    actual = computed(made, x, y)
    expected = looped(case, window, 0 if case.always else least, *given_columns)
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9)
    others = case.pandas(*map(pd.DataFrame, given_columns), window, least)
    np.testing.assert_allclose(actual, others.to_numpy(), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", WINDOWS)
def test_a_full_window_is_one_with_all_observations(name):
    case, rng = WINDOWS[name], np.random.default_rng(3)
    x, y = rng.normal(5, 2, (2, 60, 3))
    x[[20, 21, 50], 1] = y[33, 2] = np.nan
    columns = (x, np.vstack([np.full((1, 3), np.nan), x[:-1]]) if name == "autocorr" else y)
    expected = looped(case, 9, 0 if case.always else 9, *columns[: 1 + case.pair])
    np.testing.assert_allclose(computed(case.made(X, 9), *columns), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", FADING)
@SETTINGS
@given(panels(1), st.integers(1, 15), st.data())
def test_a_fading_average_equals_a_loop_and_pandas(name, columns, window, data):
    made, weight, from_mean = FADING[name]
    least = window if from_mean else data.draw(st.integers(1, window))
    (x,) = columns
    actual = computed(made(window, least), x)
    start = window if from_mean else 0
    expected = np.column_stack([faded(column, weight(window), least, start) for column in x.T.tolist()])
    np.testing.assert_allclose(actual, expected, rtol=1e-10)
    np.testing.assert_allclose(actual, of_pandas(pd.DataFrame(x), weight(window), least, start), rtol=1e-10)


FRAMES = {
    "lag": (o.lag(X, 3), lambda x, y: x.shift(3)), "delta": (o.delta(X, 2), lambda x, y: x.diff(2)),
    "pct_change": (o.pct_change(X, 2), lambda x, y: x.pct_change(2, fill_method=None)),
    "log": (e.log(abs(X)), lambda x, y: np.log(x.abs())), "exp": (e.exp(X), lambda x, y: np.exp(x)),
    "sqrt": (e.sqrt(X), lambda x, y: x.where(x >= 0) ** 0.5), "sign": (e.sign(X - 5), lambda x, y: np.sign(x - 5)),
    "abs": (e.abs(X), lambda x, y: x.abs()), "power": (o.power(X, 3), lambda x, y: x**3),
    "where": (e.where(X > 5, X, Y), lambda x, y: x.where(x > 5, y).where(x.notna())),
    "clip": (e.clip(X, 3, 6), lambda x, y: x.clip(3, 6)),
    "minimum": (e.minimum(X, Y), lambda x, y: x.where(x < y, y).where(x.notna() & y.notna())),
    "maximum": (e.maximum(X, Y), lambda x, y: x.where(x > y, y).where(x.notna() & y.notna())),
    "is_finite": (e.is_finite(X), lambda x, y: x.notna().astype(float)),
    "weighted": (o.weighted(X, [1, -2, 0.5]), lambda x, y: x - 2 * x.shift(1) + 0.5 * x.shift(2)),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
@SETTINGS
@given(panels())
def test_a_pointwise_operator_equals_pandas(name, columns):
    made, reference = FRAMES[name]
    expected = reference(*map(pd.DataFrame, columns)).to_numpy()
    np.testing.assert_allclose(computed(made, *columns), expected, rtol=1e-12)


def test_every_pointwise_operator_is_compared():
    assert set(POINTWISE) <= set(FRAMES)
    assert set(NO_WINDOW) - set(FRAMES) == {"adaptive", "apply", "group"}, "these have tests of their own"


def zscored(x):
    return (x - x.mean()) / x.std() if x.min() < x.max() else x * np.nan


def left_over(x, y, labels):
    """One slope for all, a constant for each group."""
    design = np.column_stack([y, *(labels == label for label in np.unique(labels))])
    return x - design @ np.linalg.lstsq(design, x, rcond=None)[0]


ACROSS = {
    "cs_rank": (o.cs_rank, lambda x: (x.rank() - 0.5) / len(x) - 0.5), "cs_zscore": (o.cs_zscore, zscored),
    "cs_demean": (o.cs_demean, lambda x: x - x.mean()), "cs_mean": (o.cs_mean, lambda x: x * 0 + x.mean()),
    "cs_std": (o.cs_std, lambda x: x * 0 + (x.std() if x.min() < x.max() else np.nan)),
    "cs_winsorize": (lambda x, by=None: o.cs_winsorize(x, 0.1, 0.8, by=by),
                     lambda x: x.clip(x.quantile(0.1), x.quantile(0.8))),
    "cs_bucket": (lambda x, by=None: o.cs_bucket(x, 3, by=by), lambda x: np.floor((x.rank() - 0.5) / len(x) * 3)),
    "cs_neutralize": (lambda x, by=None: o.cs_neutralize(x, Y, by=by), left_over),
}  # fmt: skip


def test_every_operator_across_is_compared():
    assert {name for name in o.__all__ if name.startswith("cs_")} == set(ACROSS)
    assert all(getattr(across, name) is getattr(o, name) for name in ACROSS)


@pytest.mark.parametrize("grouped", [False, True], ids=["all", "grouped"])
@pytest.mark.parametrize("name", ACROSS)
@SETTINGS
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.2, 0.7]))
def test_an_operator_across_equals_pandas(name, grouped, seed, share):
    made, reference = ACROSS[name]
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 12, 14))
    x[:, 4] = x[:, 7]  # ties
    x[rng.random(x.shape) < share] = np.nan
    y[rng.random(y.shape) < share / 4] = np.nan
    tradable = rng.random(x.shape) < 0.9
    labels = np.array([("a", "b", "")[i % 3] if grouped else "all" for i in range(14)])
    actual = computed(made(X, by=o.group("g") if grouped else None), x, y, tradable, {"g": tuple(labels)})
    member = tradable & np.isfinite(x) & (labels != "")
    if name == "cs_neutralize":
        member &= np.isfinite(y)
    expected = np.full(x.shape, np.nan)
    for t, row in enumerate(member):
        if name == "cs_neutralize" and row.any():
            expected[t, row] = reference(x[t, row], y[t, row], labels[row])
            continue
        for label in np.unique(labels[row]):
            at = row & (labels == label)
            expected[t, at] = reference(pd.Series(x[t, at])).to_numpy()
    if name in ("cs_mean", "cs_std"):
        actual = np.where(member, actual, np.nan)  # they are given as well to those that took no part
    np.testing.assert_allclose(actual, expected, rtol=1e-8, atol=1e-9)
