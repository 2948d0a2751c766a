"""What every overlay must do, whoever wrote it."""

from __future__ import annotations

import numpy as np
import pytest
from views import decided, frozen, permuted, risk, view

from alpha.core.errors import ConfigError
from alpha.portfolio import limit, overlay, policy

N = 12
WEIGHTS = np.array([0.2, -0.1, 0.0, 0.05, -0.2, 0.3, 0.0, 0.1, -0.15, 0.004, -0.004, 0.25])
HELD = np.array([0.19, -0.3, 0.1, -0.05, -0.2, 0.0, -0.1, 0.2, 0.15, 0.001, 0.001, 0.25])


def seen(stuck=(), **more):
    return view(np.sign(WEIGHTS), HELD, stuck=stuck, risk=more.pop("risk", risk(N)), **more)


@pytest.fixture(params=list(overlay))
def bound(request):
    return overlay.bind(request.param)


def test_it_does_something_and_leaves_its_input_alone(bound):
    weights = WEIGHTS.copy()
    weights.flags.writeable = False
    changed = bound(weights, frozen(seen()))
    assert changed.shape == weights.shape
    assert np.isfinite(changed).all()
    assert not np.array_equal(changed, weights)


def test_it_turns_no_sign_and_opens_no_position(bound):
    changed = bound(WEIGHTS, seen())
    assert (changed * WEIGHTS >= 0).all()
    assert not changed[WEIGHTS == 0].any()
    assert not bound(np.zeros(N), seen()).any()


def test_the_order_of_the_names_does_not_matter(bound):
    order = np.random.default_rng(1).permutation(N)
    found, other = bound(WEIGHTS, seen()), bound(WEIGHTS[order], permuted(seen(), order))
    np.testing.assert_allclose(found[order], other, atol=1e-13)


def test_it_treats_long_and_short_alike(bound):
    mirrored = view(-np.sign(WEIGHTS), -HELD, risk=risk(N))
    np.testing.assert_array_equal(bound(-WEIGHTS, mirrored), -bound(WEIGHTS, seen()))


def test_one_that_reads_covariances_says_so(bound):
    if getattr(bound.make, "needs_risk", False):
        with pytest.raises(ConfigError, match=r"\[no_risk_model\]"):
            bound(WEIGHTS, seen(risk=None))
    else:
        np.testing.assert_array_equal(bound(WEIGHTS, seen(risk=None)), bound(WEIGHTS, seen()))


@pytest.mark.parametrize("odd", [np.inf, 1e300, -1e300, 1e-300, np.nan])
@pytest.mark.parametrize("stuck", [(), (1, 5), range(N)])
def test_whatever_is_held_or_wanted_the_target_is_finite_and_within_the_limits_or_trading_halts(bound, odd, stuck):
    wants = policy.bind("signal_weighted")
    for signal, held in ((odd, 0.01), (1.0, odd)):
        given = view(np.r_[signal, np.linspace(-1, 1, N - 1)], np.r_[held, HELD[1:] / 10], stuck=stuck, risk=risk(N))
        found = decided(given, wants, (bound,), (limit.bind("max_name"), limit.bind("max_gross")))
        if found is None:
            continue
        assert np.isfinite(found.weights).all()
        if np.abs(given.held[list(stuck)]).sum() <= 1:
            assert np.abs(found.weights).sum() <= 1 + 1e-9
