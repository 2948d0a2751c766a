"""Limits one by one, and in a row."""

from __future__ import annotations

import numpy as np
import pytest

from alpha.core.errors import ConfigError
from alpha.portfolio import limit
from alpha.portfolio.limits import limited


def apply(name, weights, **params):
    return limit.bind({"name": name, **params})(np.array(weights))


def test_names_are_clipped():
    np.testing.assert_array_equal(apply("max_name", [0.3, -0.3, 0.05], limit=0.1), [0.1, -0.1, 0.05])


def test_gross_is_scaled():
    np.testing.assert_allclose(apply("max_gross", [1.0, -1.0, 0.5], limit=1.25), [0.5, -0.5, 0.25])
    np.testing.assert_array_equal(apply("max_gross", [0.5, -0.5], limit=1.0), [0.5, -0.5])


def test_the_heavier_side_is_scaled_to_the_net():
    np.testing.assert_allclose(apply("max_net", [0.6, 0.4, -0.3], limit=0.2), [0.3, 0.2, -0.3])
    np.testing.assert_allclose(apply("max_net", [0.3, -0.6, -0.4], limit=0.2), [0.3, -0.3, -0.2])
    np.testing.assert_array_equal(apply("max_net", [0.6, 0.4], limit=0.0), [0.0, 0.0])
    np.testing.assert_array_equal(apply("max_net", [0.3, -0.1], limit=0.2), [0.3, -0.1])


def test_what_floating_point_adds_to_a_sum_is_no_breach():
    heavy = np.array([1000.2 * (1 + 1e-13), -1000.0])
    assert 0.2 + 1e-11 < heavy.sum() < 0.2 + 1e-9
    np.testing.assert_array_equal(apply("max_net", heavy), heavy)
    assert apply("max_net", heavy + np.array([1e-8, 0]))[0] < heavy[0]


def test_the_defaults_are_a_tenth_a_fifth_and_one():
    np.testing.assert_array_equal(apply("max_name", [3.0]), [0.1])
    np.testing.assert_allclose(apply("max_net", [3.0]), [0.2])
    np.testing.assert_allclose(apply("max_gross", [3.0]), [1.0])


def test_the_target_says_what_was_asked_for_and_which_limits_were_hit():
    raw = np.array([1.0, -0.05, 0.0])
    target = limited(
        raw, [limit.bind("max_name"), limit.bind({"name": "max_net", "limit": 0.5}), limit.bind("max_gross")]
    )
    np.testing.assert_array_equal(target.weights, [0.1, -0.05, 0.0])
    assert target.raw is raw
    assert target.clipped == ("max_name",)
    assert limited(raw, []).clipped == ()
    assert limited(np.zeros(3), [limit.bind("max_name")]).clipped == ()


def test_a_limit_listed_too_early_still_holds():
    limits = [limit.bind({"name": "max_net", "limit": 0.0}), limit.bind({"name": "max_name", "limit": 0.1})]
    target = limited(np.array([0.4, -0.2, -0.2]), limits)
    np.testing.assert_allclose(target.weights, [0.1, -0.05, -0.05])
    assert target.clipped == ("max_name", "max_net")


@pytest.mark.parametrize("wrong", [{"limit": -1}, {"limit": "x"}, {"limits": 1}])
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ConfigError):
        apply("max_net", [0.0], **wrong)
