"""Many hypotheses at once: a printed example, and the tests of the best of many by plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from alpha.core.errors import ConfigError, DataError
from alpha.stats.bootstrap import block_rows
from alpha.stats.multiple import benjamini_hochberg, holm, reality_check, superior_predictive_ability

# Benjamini and Hochberg (1995): fifteen p-values of a trial of thrombolysis.
PRINTED = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
           0.7590, 1.0000]  # fmt: skip


def test_the_example_of_benjamini_and_hochberg() -> None:
    assert benjamini_hochberg(PRINTED).rejected.sum() == 4
    assert holm(PRINTED).rejected.sum() == 3
    shuffled = np.random.default_rng(0).permutation(15)
    rejected = benjamini_hochberg(np.array(PRINTED)[shuffled]).rejected
    assert sorted(shuffled[rejected]) == [0, 1, 2, 3], "in the order given"


def test_adjusted_p_values_by_definition() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.2])
    np.testing.assert_allclose(holm(p).pvalues, [0.04, 0.09, 0.09, 0.2])  # 4 x .01; 3 x .03; max with 2 x .04; 1 x .2
    np.testing.assert_allclose(benjamini_hochberg(p).pvalues, [0.04, 0.16 / 3, 0.16 / 3, 0.2])
    assert benjamini_hochberg(p, 0.06).rejected.tolist() == [True, True, True, False]


@pytest.mark.parametrize("adjust", [benjamini_hochberg, holm])
def test_a_family_of_tiny_p_values_is_legal(adjust):
    assert adjust([1e-200, 0.0, 5e-324]).rejected.all()


@pytest.mark.parametrize(
    ("pvalues", "code"), [([0.1, np.nan], "not_finite"), ([0.1, 1.2], "not_probabilities"), ([], "too_short")]
)
def test_what_are_no_p_values_is_refused(pvalues: list[float], code: str) -> None:
    with pytest.raises(DataError) as raised:
        holm(pvalues)
    assert raised.value.code == code


@pytest.fixture(scope="module")
def differences() -> np.ndarray:
    """Six configurations: one better, one far worse, one that varies a hundred times as much as the others."""
    rng = np.random.default_rng(12)
    noise = rng.normal(size=(150, 6))
    noise[1:] += 0.4 * noise[:-1]
    return noise * [1, 1, 1, 1, 1, 100] + [0.25, 0, 0, -2, 0, 0]


def test_the_reality_check_by_a_loop(differences: np.ndarray) -> None:
    """White (2000): all are recentred, nothing is divided."""
    benchmark = np.random.default_rng(1).normal(size=150)
    got = reality_check(differences + benchmark[:, None], benchmark, block=5, draws=200, seed=3)
    mean = differences.mean(axis=0)
    larger = [
        (differences[rows].mean(axis=0) - mean).max() > mean.max() for rows in block_rows(150, 200, block=5, seed=3)
    ]
    assert got.statistic == pytest.approx(np.sqrt(150) * mean.max())
    assert got.pvalue == pytest.approx((np.sum(larger) + 1) / 201)


def deviation(x: np.ndarray, block: float) -> float:
    """Return omega of Hansen (2005): the variance under the stationary bootstrap."""
    n, q, d = len(x), 1 / block, x - x.mean()
    total = d @ d / n
    for i in range(1, n):
        kappa = (n - i) / n * (1 - q) ** i + i / n * (1 - q) ** (n - i)
        total += 2 * kappa * (d[:-i] @ d[i:]) / n
    return float(np.sqrt(total))


def test_superior_ability_by_a_loop(differences: np.ndarray) -> None:
    """Hansen (2005): each difference is divided by its error, and those far below zero are not recentred to it."""
    got = superior_predictive_ability(differences, block=5, draws=300, seed=4)
    n, mean = len(differences), differences.mean(axis=0)
    omega = np.array([deviation(column, 5) for column in differences.T])
    t = max(0, (np.sqrt(n) * mean / omega).max())
    centres = {
        "lower": np.maximum(mean, 0),
        "pvalue": np.where(mean >= -omega / np.sqrt(n) * np.sqrt(2 * np.log(np.log(n))), mean, 0),
        "upper": mean,
    }
    drawn = np.array([differences[rows].mean(axis=0) for rows in block_rows(n, 300, block=5, seed=4)])
    assert got.statistic == pytest.approx(t)
    for name, centre in centres.items():
        largest = (np.sqrt(n) * (drawn - centre) / omega).max(axis=1)
        assert getattr(got, name) == pytest.approx((np.sum(largest > t) + 1) / 301), name
    assert got.lower <= got.pvalue <= got.upper
    assert got.pvalue < got.upper, "the one far worse does not count"


def test_leverage_hides_nothing_from_superior_ability(differences: np.ndarray) -> None:
    levered = differences * [1, 5, 0.1, 1, 20, 0.01]
    plain, scaled = (superior_predictive_ability(x, block=5, draws=200) for x in (differences, levered))
    assert scaled == pytest.approx(plain)
    assert plain.pvalue < 0.1 < reality_check(differences, block=5, draws=200).pvalue, "one that varies much hides it"


def test_a_poor_configuration_costs_superior_ability_nothing() -> None:
    rng = np.random.default_rng(6)
    good = rng.normal(0.2, 1, (200, 1))
    poor = rng.normal(-1, 1, (200, 60))
    alone = superior_predictive_ability(good, draws=400)
    among = superior_predictive_ability(np.column_stack([good, poor]), draws=400)
    assert among.pvalue == pytest.approx(alone.pvalue, abs=0.03)
    assert among.upper > among.pvalue


def test_what_equals_the_benchmark_is_left_out() -> None:
    x = np.random.default_rng(3).normal(size=(100, 2))
    x[:, 1] = 0
    assert superior_predictive_ability(x, block=2, draws=100) == superior_predictive_ability(
        x[:, :1], block=2, draws=100
    )
    with pytest.raises(DataError) as raised:
        superior_predictive_ability(x[:, 1:])
    assert raised.value.code == "constant"


def test_no_evidence_is_beyond_doubt() -> None:
    """What was observed is one of the draws, as in every other test here: no p-value is 0."""
    sure = np.random.default_rng(5).normal(9, 1, (100, 2))
    assert reality_check(sure, draws=199).pvalue == superior_predictive_ability(sure, draws=199).pvalue == 1 / 200


def test_no_configuration_better_than_nothing_is_no_evidence() -> None:
    worse = np.random.default_rng(5).normal(-1, 1, (100, 4))
    got = superior_predictive_ability(worse, draws=100)
    assert got.statistic == 0
    assert got.pvalue == 1


@pytest.mark.parametrize("test", [reality_check, superior_predictive_ability])
def test_input_of_the_comparisons_is_checked(test) -> None:
    x = np.random.default_rng(0).normal(size=(50, 3))
    for given, code in (
        ((x[:9],), "too_short"),
        ((x, x[:-1, 0]), "bad_shape"),
        ((np.where(x > 2, np.nan, x),), "not_finite"),
    ):
        with pytest.raises(DataError) as raised:
            test(*given)
        assert raised.value.code == code
    for wrong in ({"block": 0.5}, {"draws": 5}):
        with pytest.raises(ConfigError):
            test(x, **wrong)


@pytest.mark.parametrize("test", [reality_check, superior_predictive_ability])
def test_nothing_earned_is_no_evidence(test):
    """Ties with the draws are not the rarest of them: what earns what its benchmark does has no p-value of 0."""
    base = np.random.default_rng(3).normal(0, 0.01, 300)
    for better in (np.zeros((300, 3)), base[:, None], (base + 0.0001)[:, None]):
        with pytest.raises(DataError, match="constant") as caught:
            test(better, base if better.any() else None)
        assert caught.value.code == "constant"
    even = np.zeros((60, 1))
    even[5], even[9] = 0.01, -0.01
    assert test(even).pvalue == 1
