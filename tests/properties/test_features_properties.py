"""Properties of any expression, drawn at random: units, memory, causality, batch and stream, permutation."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha.core.panel import Panel
from alpha.features import Plan
from alpha.features import expr as e
from alpha.features import operators as o

ROWS, SYMBOLS = 60, 5
LEAVES = st.sampled_from([e.close / e.open, e.volume, e.field("vix"), o.delta(e.close) / e.close, e.expr(0.5)])
SIZES = st.integers(2, 7)


def _grown(inner):
    one = st.sampled_from([abs, e.sign, e.is_finite, e.sqrt, e.exp, o.cs_rank, o.cs_zscore, o.cs_demean, o.cs_mean])
    two = st.sampled_from([e.minimum, e.maximum, lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b,
                           lambda a, b: a / b, lambda a, b: a > b, lambda a, b: a >= b])  # fmt: skip
    rolled = st.sampled_from([o.lag, o.sum, o.mean, o.std, o.var, o.min, o.max, o.argmin, o.argmax, o.rank, o.slope,
                              o.resid, o.rsquare, lambda x, n: o.quantile(x, n, 0.4)])  # fmt: skip
    paired = st.sampled_from([o.cov, o.corr])
    return st.one_of(
        st.builds(lambda f, a: f(a), one, inner),
        st.builds(lambda f, a, b: f(a, b), two, inner, inner),
        st.builds(lambda f, a, n: f(a, n), rolled, inner, SIZES),
        st.builds(lambda f, a, b, n: f(a, b, n), paired, inner, inner, SIZES),
        st.builds(e.where, inner, inner, inner),
    )


EXPRESSIONS = st.recursive(LEAVES, _grown, max_leaves=6).map(lambda x: e.expr(x)).filter(lambda x: not x.unit)
FADING = st.builds(lambda f, a, n: f(a, n), st.sampled_from([o.ema, o.wilder]), EXPRESSIONS, SIZES)


def market(seed):
    rng = np.random.default_rng(seed)
    shape = (ROWS, SYMBOLS)
    close = np.exp(np.cumsum(rng.normal(0, 0.05, shape), axis=0))
    fields = {"close": close, "open": close * np.exp(rng.normal(0, 0.01, shape)), "volume": rng.integers(0, 5, shape),
              "vix": np.repeat(rng.normal(20, 2, (ROWS, 1)), SYMBOLS, axis=1)}  # fmt: skip
    for name in ("close", "volume"):
        fields[name] = np.where(rng.random(shape) < 0.02, np.nan, fields[name])
    tradable = rng.random(shape) < 0.9
    return Panel(pd.date_range("2001-01-01", periods=ROWS, tz="UTC"), tuple("ABCDE"), fields, tradable)


def computed(expressions, panel, **kwargs):
    return Plan({str(i): x for i, x in enumerate(expressions)}).batch(panel, threads=1, **kwargs).values


@settings(max_examples=60, deadline=None)
@given(st.lists(EXPRESSIONS | FADING, min_size=1, max_size=4), st.integers(0, 99), st.integers(1, 40))
def test_the_future_and_the_chunk_do_not_matter(expressions, seed, cut):
    panel = market(seed)
    whole = computed(expressions, panel)
    np.testing.assert_array_equal(computed(expressions, panel.rows(slice(0, cut)), chunk=3), whole[:cut])


@settings(max_examples=60, deadline=None)
@given(st.lists(EXPRESSIONS, min_size=1, max_size=4), st.integers(0, 99), st.integers(1, 20))
def test_lookback_is_enough(expressions, seed, start):
    panel = market(seed)
    lookback = max(x.lookback for x in expressions)
    part = computed(expressions, panel.rows(slice(start, None)))
    np.testing.assert_array_equal(part[lookback:], computed(expressions, panel)[start + lookback :])


@settings(max_examples=40, deadline=None)
@given(st.lists(EXPRESSIONS | FADING, min_size=1, max_size=4), st.integers(0, 99), st.integers(0, 50))
def test_stream_equals_batch(expressions, seed, start):
    panel = market(seed)
    plan = Plan({str(i): x for i, x in enumerate(expressions)})
    stream = plan.stream(panel.rows(slice(0, start)))
    live = [stream.push(panel.bar(row)) for row in range(start, ROWS)]
    np.testing.assert_array_equal(live, plan.batch(panel).values[start:])


@settings(max_examples=40, deadline=None)
@given(st.lists(EXPRESSIONS | FADING, min_size=1, max_size=4), st.integers(0, 99), st.permutations(range(SYMBOLS)))
def test_symbols_are_interchangeable(expressions, seed, order):
    panel = market(seed)
    permuted = panel.select([panel.symbols[i] for i in order])
    np.testing.assert_array_equal(computed(expressions, permuted), computed(expressions, panel)[:, order])


@settings(max_examples=60, deadline=None)
@given(st.lists(EXPRESSIONS | FADING, min_size=1, max_size=4), st.integers(0, 99), st.sampled_from([0.25, 2.0, 1024.0]))
def test_unit_zero_means_that_the_level_of_prices_does_not_matter(expressions, seed, factor):
    """To the last bit, for a power of two."""
    panel = market(seed)
    scaled = panel.with_fields(close=panel["close"] * factor, open=panel["open"] * factor)
    np.testing.assert_array_equal(computed(expressions, scaled), computed(expressions, panel))
