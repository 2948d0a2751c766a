"""The population stability index by its formula."""

from __future__ import annotations

import numpy as np
import pytest

from alpha.core.errors import ConfigError, DataError
from alpha.stats.drift import population_stability_index


def test_equals_the_formula() -> None:
    rng = np.random.default_rng(0)
    expected, actual = rng.normal(size=5000), rng.normal(0.3, 1.2, 3000)
    edges = np.concatenate([[-np.inf], np.quantile(expected, np.arange(0.1, 0.95, 0.1)), [np.inf]])
    e, a = (np.histogram(x, edges)[0] / len(x) for x in (expected, actual))
    assert population_stability_index(expected, actual) == pytest.approx(sum((a - e) * np.log(a / e)))


def test_by_hand() -> None:
    """Two bins: half and half before, a quarter and three quarters now."""
    got = population_stability_index([1, 2, 3, 4], [1, 3, 4, 5], bins=2)
    assert got == pytest.approx(-0.25 * np.log(0.25 / 0.5) + 0.25 * np.log(0.75 / 0.5))


def test_no_move_is_zero_and_chance_is_small() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=1000)
    assert population_stability_index(x, x) == 0
    by_chance = np.mean([population_stability_index(rng.normal(size=1000), rng.normal(size=1000)) for _ in range(100)])
    assert by_chance == pytest.approx(9 * (1 / 1000 + 1 / 1000), rel=0.15)
    assert population_stability_index(x, x + 1) > 0.25


def test_an_empty_bin_is_half_an_observation() -> None:
    got = population_stability_index([1, 2, 3, 4], [3.5, 3.6, 4.5, 5.0], bins=2)
    assert got == pytest.approx((0.125 - 0.5) * np.log(0.125 / 0.5) + 0.5 * np.log(1 / 0.5))


def test_equal_values_share_a_bin() -> None:
    """Of a feature that is mostly zero, most edges are the same."""
    x = np.concatenate([np.zeros(90), np.arange(1.0, 11)])
    assert population_stability_index(x, x) == 0
    assert population_stability_index(np.zeros(20), np.zeros(10)) == 0
    assert population_stability_index(np.zeros(20), np.ones(10)) > 1
    assert population_stability_index(np.zeros(20), -np.ones(10)) > 1


def test_a_move_below_what_most_are_is_seen_like_one_above() -> None:
    x = np.concatenate([np.zeros(95), np.ones(5)])
    below, above = (population_stability_index(x, np.full(100, moved)) for moved in (-9.0, 9.0))
    assert below > 5
    assert above > 5


def index(before: list[float], after: list[float]) -> float:
    """Return the index of two distributions over a few values, by its formula."""
    e, a = np.array(before), np.array(after)
    return float(np.sum((a - e) * np.log(a / e)))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([0.05, 0.95], [0.95, 0.05]),
        ([0.95, 0.05], [0.05, 0.95]),
        ([0.08, 0.92], [0.80, 0.20]),
        ([0.50, 0.50], [0.10, 0.90]),
        ([0.08, 0.90, 0.02], [0.90, 0.08, 0.02]),
        ([0.02, 0.90, 0.08], [0.90, 0.02, 0.08]),
        ([0.45, 0.05, 0.50], [0.05, 0.45, 0.50]),
    ],
)
def test_a_rare_value_is_not_lost_in_a_common_one(before: list[float], after: list[float], sign: int) -> None:
    """Of a feature of few values it does not matter which is the rare one, nor which way round they are."""
    x, y = (sign * np.repeat(np.arange(len(shares)), (1000 * np.array(shares)).round().astype(int))
            for shares in (before, after))  # fmt: skip
    assert population_stability_index(x, y) == pytest.approx(index(before, after))


@pytest.mark.parametrize(
    ("expected", "actual", "code"),
    [(np.arange(5.0), np.arange(5.0), "too_short"), (np.full(20, np.nan), np.arange(5.0), "not_finite"),
     (np.arange(20.0), [], "too_short"), (np.ones((20, 2)), np.arange(5.0), "bad_shape")],
)  # fmt: skip
def test_samples_are_checked(expected: np.ndarray, actual: np.ndarray, code: str) -> None:
    with pytest.raises(DataError) as raised:
        population_stability_index(expected, actual)
    assert raised.value.code == code


def test_one_bin_tells_nothing() -> None:
    with pytest.raises(ConfigError):
        population_stability_index(np.arange(9.0), np.arange(9.0), bins=1)
