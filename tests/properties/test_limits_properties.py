"""Limits are projections, alone and together."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from alpha.portfolio import limit
from alpha.portfolio.limits import limited

WEIGHTS = arrays(np.float64, st.integers(0, 12), elements=st.floats(-5, 5))
BOUNDS = st.floats(0.01, 3.0)


@pytest.mark.parametrize("name", list(limit))
@settings(max_examples=60, deadline=None)
@given(weights=WEIGHTS, bound=BOUNDS)
def test_each_limit_is_a_projection(name, weights, bound):
    each = limit.bind({"name": name, "limit": bound})
    inside = each(weights)
    np.testing.assert_array_equal(each(inside), inside)  # once is enough, to the bit
    assert (np.abs(inside) <= np.abs(weights)).all()
    assert (inside * weights >= 0).all()


@settings(max_examples=60, deadline=None)
@given(weights=WEIGHTS, bounds=st.tuples(BOUNDS, BOUNDS, BOUNDS))
def test_all_limits_hold_whatever_their_order(weights, bounds):
    names = ("max_name", "max_net", "max_gross")
    plugins = [limit.bind({"name": name, "limit": bound}) for name, bound in zip(names, bounds, strict=True)]
    for order in permutations(plugins):
        target = limited(weights, order)
        inside = target.weights
        assert np.abs(inside).max(initial=0.0) <= bounds[0]
        assert abs(inside.sum()) <= bounds[1] + 1e-9
        assert np.abs(inside).sum() <= bounds[2] * (1 + 1e-9)
        assert (np.abs(inside) <= np.abs(weights)).all()
        assert limited(inside, order).clipped == ()
        assert bool(target.clipped) == (not np.array_equal(inside, weights))


@settings(max_examples=60, deadline=None)
@given(weights=WEIGHTS, bounds=st.tuples(BOUNDS, BOUNDS, BOUNDS))
def test_clipping_first_one_pass_is_enough(weights, bounds):
    names = ("max_name", "max_net", "max_gross")
    once = weights
    plugins = [limit.bind({"name": name, "limit": bound}) for name, bound in zip(names, bounds, strict=True)]
    for each in plugins:
        once = each(once)
    np.testing.assert_array_equal(limited(weights, plugins).weights, once)
