"""What every policy must do, whoever wrote it."""

from __future__ import annotations

import numpy as np
import pytest

from alpha.portfolio import policy

N = 30


def case(seed=0):
    rng = np.random.default_rng(seed)
    signal = np.round(rng.normal(size=N), 1)  # with ties
    signal[rng.random(N) < 0.2] = np.nan
    return signal, rng.normal(0, 0.05, N)


@pytest.fixture(params=list(policy))
def bound(request):
    return policy.bind(request.param)


def test_weights_are_finite_and_as_many_as_the_signals(bound):
    weights = bound(*case())
    assert weights.shape == (N,)
    assert weights.dtype == np.float64
    assert np.isfinite(weights).all()
    assert np.abs(weights).sum() > 0


def test_no_opinion_no_weight(bound):
    signal, held = case()
    assert (bound(signal, held)[np.isnan(signal)] == 0).all()
    np.testing.assert_array_equal(bound(np.full(N, np.nan), held), np.zeros(N))


def test_the_inputs_stay_as_they_are(bound):
    signal, held = case()
    copies = signal.copy(), held.copy()
    signal.flags.writeable = held.flags.writeable = False
    bound(signal, held)
    np.testing.assert_array_equal((signal, held), copies)


def test_the_same_question_has_the_same_answer(bound):
    np.testing.assert_array_equal(bound(*case()), bound(*case()))


def test_the_order_of_the_names_does_not_matter(bound):
    signal, held = case()
    order = np.random.default_rng(1).permutation(N)
    np.testing.assert_allclose(bound(signal, held)[order], bound(signal[order], held[order]), atol=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_a_higher_signal_is_never_held_less(bound, seed):
    signal, _ = case(seed)
    weights = bound(signal, np.zeros(N))
    known = np.flatnonzero(np.isfinite(signal))
    ascending = known[np.argsort(signal[known], kind="stable")]
    assert (np.diff(weights[ascending]) >= -1e-15).all()


def test_the_whole_gross_is_used(bound):
    assert np.abs(bound(case()[0], np.zeros(N))).sum() == pytest.approx(bound.params["gross"])
