"""What every limit must do, whoever wrote it; `tests/properties` shows that each is a projection."""

from __future__ import annotations

import numpy as np
import pytest

from alpha.portfolio import limit

WEIGHTS = np.array([0.9, -0.05, 0.0, 0.6, -0.2])


@pytest.fixture(params=list(limit))
def bound(request):
    return limit.bind(request.param)


def test_it_does_something_and_leaves_its_input_alone(bound):
    weights = WEIGHTS.copy()
    weights.flags.writeable = False
    inside = bound(weights)
    assert inside.shape == weights.shape
    assert not np.array_equal(inside, weights)


def test_the_order_of_the_names_does_not_matter(bound):
    order = [3, 1, 4, 0, 2]
    np.testing.assert_allclose(bound(WEIGHTS)[order], bound(WEIGHTS[order]), atol=1e-15)


def test_it_treats_long_and_short_alike(bound):
    np.testing.assert_array_equal(bound(-WEIGHTS), -bound(WEIGHTS))


def test_an_empty_book_is_inside(bound):
    np.testing.assert_array_equal(bound(np.zeros(3)), np.zeros(3))
    assert bound(np.zeros(0)).shape == (0,)
