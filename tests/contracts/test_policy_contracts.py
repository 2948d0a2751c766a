"""What every policy must do, whoever wrote it."""

from __future__ import annotations

import numpy as np
import pytest
from views import decided, frozen, permuted, risk, view

from alpha.portfolio import limit, policy

N = 30


def case(seed=0, **more):
    rng = np.random.default_rng(seed)
    signal = np.round(rng.normal(size=N), 1)  # with ties
    signal[rng.random(N) < 0.2] = np.nan
    return view(signal, more.pop("held", rng.normal(0, 0.05, N)), risk=risk(N), **more)


@pytest.fixture(params=list(policy))
def bound(request):
    return policy.bind(request.param)


def test_weights_are_finite_and_as_many_as_the_signals(bound):
    weights = bound(case())
    assert weights.shape == (N,)
    assert weights.dtype == np.float64
    assert np.isfinite(weights).all()
    assert np.abs(weights).sum() > 0


def test_no_opinion_no_weight(bound):
    seen = case()
    assert (bound(seen)[np.isnan(seen.signal)] == 0).all()
    np.testing.assert_array_equal(bound(view(np.full(N, np.nan), seen.held, risk=risk(N))), np.zeros(N))


def test_the_inputs_stay_as_they_are(bound):
    bound(frozen(case()))


def test_the_same_question_has_the_same_answer(bound):
    np.testing.assert_array_equal(bound(case()), bound(case()))


def test_the_order_of_the_names_does_not_matter(bound):
    order = np.random.default_rng(1).permutation(N)
    np.testing.assert_allclose(bound(case())[order], bound(permuted(case(), order)), atol=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_a_higher_signal_is_never_held_less(bound, seed):
    seen = case(seed, held=np.zeros(N))
    weights = bound(seen)
    known = np.flatnonzero(np.isfinite(seen.signal))
    ascending = known[np.argsort(seen.signal[known], kind="stable")]
    assert (np.diff(weights[ascending]) >= -1e-15).all()


def test_the_whole_gross_is_used(bound):
    assert np.abs(bound(case(held=np.zeros(N)))).sum() == pytest.approx(bound.params["gross"])


@pytest.mark.parametrize("odd", [np.inf, -np.inf, 1e300, -1e300, 1e-300, np.nan])
@pytest.mark.parametrize("stuck", [(), (0, 4, 7), range(N)])
def test_whatever_the_signal_the_target_is_finite_and_within_the_limits_or_trading_halts(bound, odd, stuck):
    seen = case(stuck=stuck, held=np.full(N, 0.01))
    for places in ([3], [3, 4], range(N)):
        seen.signal[list(places)] = odd
        found = decided(seen, bound, (), (limit.bind("max_name"), limit.bind("max_gross")))
        if found is None:
            continue
        assert np.abs(found.weights).sum() <= 1 + 1e-9
        np.testing.assert_array_equal(found.weights[list(stuck)], 0.01)
        assert not found.weights[~np.isfinite(seen.signal) & ~seen.stuck].any()
