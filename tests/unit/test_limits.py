"""Limits one by one, and in a row."""

from __future__ import annotations

import numpy as np
import pytest
from views import view

from alpha.core.errors import ConfigError
from alpha.portfolio import limit
from alpha.portfolio.limits import limited


def apply(name, weights, stuck=(), **params):
    return limit.bind({"name": name, **params})(np.array(weights), view(weights, weights, stuck=stuck))


def allowed(weights, limits, stuck=()):
    return limited(np.array(weights, float), limits, view(weights, weights, stuck=stuck))


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
    limits = [limit.bind("max_name"), limit.bind({"name": "max_net", "limit": 0.5}), limit.bind("max_gross")]
    target = limited(raw, limits, view(raw))
    np.testing.assert_array_equal(target.weights, [0.1, -0.05, 0.0])
    assert target.raw is raw
    assert target.clipped == ("max_name",)
    assert limited(raw, [], view(raw)).clipped == ()
    assert allowed(np.zeros(3), [limit.bind("max_name")]).clipped == ()


def test_a_limit_listed_too_early_still_holds():
    limits = [limit.bind({"name": "max_net", "limit": 0.0}), limit.bind({"name": "max_name", "limit": 0.1})]
    target = allowed([0.4, -0.2, -0.2], limits)
    np.testing.assert_allclose(target.weights, [0.1, -0.05, -0.05])
    assert target.clipped == ("max_name", "max_net")


@pytest.mark.parametrize("wrong", [{"limit": -1}, {"limit": "x"}, {"limits": 1}])
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ConfigError):
        apply("max_net", [0.0], **wrong)


def test_positions_without_a_price_count_in_the_gross():
    np.testing.assert_allclose(apply("max_gross", [0.4, -0.8, 0.8], stuck=[0], limit=1.0), [0.4, -0.3, 0.3])
    np.testing.assert_allclose(apply("max_gross", [-0.6, 0.2, -0.1], stuck=[0], limit=1.0), [-0.6, 0.2, -0.1])


def test_positions_without_a_price_count_in_the_net():
    np.testing.assert_allclose(apply("max_net", [0.4, 0.6, -0.5], stuck=[0], limit=0.2), [0.4, 0.3, -0.5])
    np.testing.assert_allclose(apply("max_net", [-0.4, -0.6, 0.5], stuck=[0], limit=0.2), [-0.4, -0.3, 0.5])


@pytest.mark.parametrize(
    ("name", "wanted", "left"),
    [
        ("max_gross", [0.9, 0.4, -0.4], [0.9, 0.0, -0.0]),
        ("max_net", [0.9, 0.4, -0.4], [0.9, 0.0, -0.4]),  # the shorts make it smaller, so they stay
        ("max_name", [0.9, 0.1, -0.1], [0.9, 0.1, -0.1]),
    ],
)
def test_a_limit_that_the_stuck_positions_alone_break_is_reported(name, wanted, left):
    each = limit.bind({"name": name, "limit": 0.4})
    target = allowed(wanted, [each], stuck=[0])
    np.testing.assert_array_equal(target.weights, left)
    assert target.clipped == (name,)
    assert target.stuck == ("S000",)
    assert allowed(target.weights, [each], stuck=[0]).clipped == (name,), "also where there is nothing left to scale"


def test_a_side_whose_stuck_positions_alone_are_too_large_comes_out_at_the_limit():
    np.testing.assert_allclose(apply("max_gross", [0.9, 0.4, -0.4], stuck=[0], limit=0.4), [0.4, 0.0, 0.0])
    np.testing.assert_allclose(apply("max_net", [0.9, 0.4, -0.1], stuck=[0], limit=0.4), [0.5, 0.0, -0.1])


def test_a_stuck_position_has_the_weight_at_which_it_is_held_whatever_is_wanted():
    target = limited(np.array([0.0, 0.5]), [], view([0.0, 1.0], [0.3, 0.0], stuck=[0]))
    np.testing.assert_array_equal(target.weights, [0.3, 0.5])
    np.testing.assert_array_equal(target.raw, [0.0, 0.5])


def test_thirty_unpriced_holdings_of_sixty_stay_within_a_gross_of_one():
    """They were left out of every limit: the gross came to 1.52, and no limit was hit."""
    held = np.tile([1 / 60, -1 / 60], 30) * 1.04  # prices have moved since
    wanted = np.where(np.arange(60) < 30, 0.0, np.sign(held) / 30)
    target = limited(wanted, [limit.bind("max_gross")], view(np.ones(60), held, stuck=range(30)))
    assert np.abs(target.weights).sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(target.weights[:30], held[:30])
    assert target.clipped == ("max_gross",)
    assert len(target.stuck) == 30
