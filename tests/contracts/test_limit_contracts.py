"""What every limit must do, whoever wrote it; `tests/properties` shows that each is a projection."""

from __future__ import annotations

import numpy as np
import pytest
from views import frozen, permuted, risk, view

from alpha.portfolio import limit
from alpha.portfolio.limits import limited

WEIGHTS = np.array([0.9, -0.05, 0.0, 0.6, -0.2])


def seen(weights=WEIGHTS, stuck=()):
    return view(weights, weights, stuck=stuck, risk=risk(len(weights)))


@pytest.fixture(params=list(limit))
def bound(request):
    return limit.bind(request.param)


def test_it_does_something_and_leaves_its_input_alone(bound):
    weights = WEIGHTS.copy()
    weights.flags.writeable = False
    inside = bound(weights, frozen(seen()))
    assert inside.shape == weights.shape
    assert not np.array_equal(inside, weights)


def test_the_order_of_the_names_does_not_matter(bound):
    order = np.array([3, 1, 4, 0, 2])
    found, other = bound(WEIGHTS, seen()), bound(WEIGHTS[order], permuted(seen(), order))
    np.testing.assert_allclose(found[order], other, atol=1e-15)


def test_it_treats_long_and_short_alike(bound):
    np.testing.assert_array_equal(bound(-WEIGHTS, seen(-WEIGHTS)), -bound(WEIGHTS, seen()))


def test_an_empty_book_is_inside(bound):
    np.testing.assert_array_equal(bound(np.zeros(3), seen(np.zeros(3))), np.zeros(3))
    assert bound(np.zeros(0), seen(np.zeros(0))).shape == (0,)


@pytest.mark.parametrize("stuck", [[3], [1, 4], [2]])
def test_a_stuck_position_that_leaves_room_keeps_its_weight(bound, stuck):
    weights = WEIGHTS / 20
    weights[0] = 1.9
    inside = bound(weights, seen(weights, stuck))
    np.testing.assert_array_equal(inside[stuck], weights[stuck])
    assert not np.array_equal(inside, weights)


def test_weights_that_can_be_traded_make_room_for_those_that_cannot(bound):
    """The whole book comes out as large as if all of it could be traded; the stuck weights are not what is scaled."""
    stuck, held = range(5), np.where(np.arange(10) < 5, 0.02, 0.0)
    weights = np.where(np.arange(10) < 5, held, 0.3)
    whole = limited(weights, [bound], view(weights, held)).weights
    left = limited(weights, [bound], view(weights, held, stuck=stuck)).weights
    np.testing.assert_array_equal(left[:5], held[:5])
    assert left.sum() == pytest.approx(whole.sum())
    assert (left[5:] > 0).all()


@pytest.mark.parametrize("size", [1e300, -1e300, 1e-300])
def test_weights_of_any_size_come_out_finite(bound, size):
    weights = np.array([size, 0.1, -0.1, size / 2, 0.0])
    for stuck in ([], [1], [1, 2]):
        inside = limited(weights, [bound], view(weights, [0.0, 0.2, -0.1, 0, 0], stuck=stuck)).weights
        assert np.isfinite(inside).all()
        assert (np.abs(inside) <= np.maximum(np.abs(weights), 0.2)).all()
        assert np.abs(inside).max() < 2


def test_a_book_that_is_stuck_altogether_is_reported_as_too_large(bound):
    held = np.full(10, 0.9)
    target = limited(np.zeros(10), [bound], view(np.zeros(10), held, stuck=range(10)))
    np.testing.assert_array_equal(target.weights, held)
    assert target.clipped == (bound.name,)
