"""Limits are projections, alone and together."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from views import decided, view

from alpha.core.registry import Plugin
from alpha.portfolio import limit
from alpha.portfolio.limits import limited

ANY = st.floats(-5, 5) | st.sampled_from([1e300, -1e300, 1e-300])
WEIGHTS = arrays(np.float64, st.integers(0, 12), elements=ANY)
ODD = arrays(np.float64, 12, elements=ANY | st.sampled_from([np.nan, np.inf, -np.inf, 1.7e308]))
BOUNDS = st.floats(0.01, 3.0)
NAMES = "max_name", "max_net", "max_gross"


def bound(bounds):
    return [limit.bind({"name": name, "limit": each}) for name, each in zip(NAMES, bounds, strict=True)]


@pytest.mark.parametrize("name", list(limit))
@settings(max_examples=60, deadline=None)
@given(weights=WEIGHTS, bound=BOUNDS)
def test_each_limit_is_a_projection(name, weights, bound):
    each = limit.bind({"name": name, "limit": bound})
    inside = each(weights, view(weights))
    np.testing.assert_array_equal(each(inside, view(weights)), inside)  # once is enough, to the bit
    assert (np.abs(inside) <= np.abs(weights)).all()
    assert (inside * weights >= 0).all()


@settings(max_examples=60, deadline=None)
@given(weights=WEIGHTS, bounds=st.tuples(BOUNDS, BOUNDS, BOUNDS))
def test_all_limits_hold_whatever_their_order(weights, bounds):
    for order in permutations(bound(bounds)):
        found = limited(weights, order, view(weights))
        inside = found.weights
        assert np.abs(inside).max(initial=0.0) <= bounds[0]
        assert abs(inside.sum()) <= bounds[1] + 1e-9
        assert np.abs(inside).sum() <= bounds[2] * (1 + 1e-9)
        assert (np.abs(inside) <= np.abs(weights)).all()
        assert limited(inside, order, view(weights)).clipped == ()
        assert bool(found.clipped) == (not np.array_equal(inside, weights))


@settings(max_examples=60, deadline=None)
@given(weights=WEIGHTS, bounds=st.tuples(BOUNDS, BOUNDS, BOUNDS))
def test_clipping_first_one_pass_is_enough(weights, bounds):
    once, seen = weights, view(weights)
    for each in bound(bounds):
        once = each(once, seen)
    np.testing.assert_array_equal(limited(weights, bound(bounds), seen).weights, once)


@settings(max_examples=200, deadline=None)
@given(
    weights=arrays(np.float64, 12, elements=ANY),
    held=arrays(np.float64, 12, elements=st.floats(-0.5, 0.5)),
    stuck=st.sets(st.integers(0, 11)),
    bounds=st.tuples(BOUNDS, BOUNDS, BOUNDS),
)
def test_limits_hold_for_stuck_and_tradable_together_or_are_reported(weights, held, stuck, bounds):
    """Where the stuck positions leave room, all limits hold; where they do not, the one they break is in `clipped`."""
    for order in permutations(bound(bounds)):
        found = limited(weights, order, view(weights, held, stuck=list(stuck)))
        inside, fixed = found.weights, np.isin(np.arange(12), list(stuck))
        np.testing.assert_array_equal(inside[fixed], held[fixed])
        assert (np.abs(inside) <= np.abs(np.where(fixed, held, weights))).all()
        assert (inside * np.where(fixed, held, weights) >= 0).all()
        sizes = np.abs(inside).max(), abs(inside.sum()), np.abs(inside).sum()
        for name, size, most in zip(NAMES, sizes, bounds, strict=True):
            assert size <= most * (1 + 1e-9) or name in found.clipped
        if np.abs(held[fixed]).sum() <= bounds[2]:
            assert sizes[2] <= bounds[2] * (1 + 1e-9)
        else:
            assert not inside[~fixed].any(), "nothing is added to a book that is too large already"
        assert (np.abs(inside[~fixed]) <= bounds[0]).all()
        excess = abs(inside.sum()) - bounds[1]
        if excess > 1e-9:
            heavy = np.sign(inside.sum())
            assert not (inside[~fixed] * heavy > 0).any(), "nothing that can be traded is left on the heavier side"


@settings(max_examples=100, deadline=None)
@given(wanted=ODD, held=ODD, stuck=st.sets(st.integers(0, 11)), bounds=st.tuples(BOUNDS, BOUNDS, BOUNDS))
def test_weights_that_are_no_numbers_never_become_a_target(wanted, held, stuck, bounds):
    policy = Plugin("policy", "odd", {}, lambda view: wanted)
    found = decided(view(wanted, held, stuck=list(stuck)), policy, (), bound(bounds))
    if found is None:
        assert not np.isfinite(np.abs(wanted).sum()) or not np.isfinite(np.abs(held[list(stuck)]).sum())
    else:
        assert np.isfinite(found.weights).all()
