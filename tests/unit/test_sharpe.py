"""Sharpe ratios: the examples that Bailey and Lopez de Prado print, and Ledoit and Wolf's test by its formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from skfolio.measures import probabilistic_sharpe_ratio as of_returns

from alpha.core.errors import ConfigError, DataError
from alpha.stats import metrics
from alpha.stats.sharpe import min_track_record_length, probabilistic_sharpe_ratio, sharpe_difference


@pytest.mark.parametrize(
    ("periods", "skew", "kurtosis", "years"),
    [(252, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_how_long_a_record_shows_that_two_is_more_than_one(
    periods: int, skew: float, kurtosis: float, years: float
) -> None:
    """Annual ratios of 2 and 1, 95 %: Bailey and Lopez de Prado (2012), "The Sharpe Ratio Efficient Frontier"."""
    length = min_track_record_length(2 / periods**0.5, skew, kurtosis, benchmark=1 / periods**0.5)
    assert length / periods == pytest.approx(years, abs=0.005)


def test_the_probability_that_a_record_as_long_shows() -> None:
    length = min_track_record_length(0.2, -1.0, 7.0, benchmark=0.05, confidence=0.9)
    assert probabilistic_sharpe_ratio(0.2, length, -1.0, 7.0, benchmark=0.05) == pytest.approx(0.9)
    assert min_track_record_length(0.05, benchmark=0.05) == np.inf
    assert min_track_record_length(0.04, benchmark=0.05) == np.inf


def test_the_moments_are_biased_and_the_kurtosis_of_a_normal_distribution_is_three() -> None:
    returns = np.random.default_rng(3).standard_t(5, 400) * 0.01 + 0.0005
    sharpe = metrics.sharpe(returns, 1)
    got = probabilistic_sharpe_ratio(
        sharpe, len(returns), stats.skew(returns), stats.kurtosis(returns, fisher=False), 0.01
    )
    assert got == pytest.approx(float(of_returns(returns, 0.01)), rel=1e-12)
    by_hand = (sharpe - 0.01) * np.sqrt(399) / np.sqrt(1 + sharpe**2 / 2)
    assert probabilistic_sharpe_ratio(sharpe, 400, benchmark=0.01) == pytest.approx(stats.norm.cdf(by_hand))


@pytest.mark.parametrize(
    "moments",
    [
        (10**400, 3.0),
        (0.0, 10**400),
        (1e200, 3.0),
        (0.0, 0.0),
        (9.0, 3.0),
        (5.0, 3.0),
        (3.0, 1.5),
        (-3.0, 7.0),
        (np.nan, 3.0),
        (0.0, np.inf),
    ],
)
def test_moments_that_cannot_be_are_refused(moments: tuple[float, float]) -> None:
    with pytest.raises(ConfigError) as raised:
        probabilistic_sharpe_ratio(0.3, 100, *moments)
    assert raised.value.code == "bad_parameter"


@pytest.mark.parametrize("odd", [{"sharpe": 1e200}, {"sharpe": 10**400}, {"n_obs": 10**400}, {"benchmark": -1e200}])
def test_what_is_endless_to_arithmetic_is_refused(odd: dict[str, float]) -> None:
    with pytest.raises(ConfigError) as raised:
        probabilistic_sharpe_ratio(**{"sharpe": 0.1, "n_obs": 100, **odd})
    assert raised.value.code == "bad_parameter"


@pytest.mark.parametrize("wrong", [{"confidence": 1.0}, {"confidence": 0.3}, {"benchmark": np.nan}])
def test_a_confidence_lies_between_a_half_and_one(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        min_track_record_length(0.1, **wrong)


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    common = rng.standard_t(4, 240)
    a, b = common + rng.normal(0.3, 1, 240), common + rng.normal(0.1, 1, 240)
    return a * 0.01, b * 0.02


def plain_error(a: np.ndarray, b: np.ndarray) -> float:
    """Return the error of the difference by Ledoit and Wolf (2008): Parzen's kernel, no shortcut."""
    from arch.covariance.kernel import Parzen

    v = np.column_stack([a, b, a**2, b**2])
    m1, m2, g1, g2 = v.mean(axis=0)
    gradient = np.array([
        g1 / (g1 - m1**2) ** 1.5, -g2 / (g2 - m2**2) ** 1.5,
        -m1 / (g1 - m1**2) ** 1.5 / 2, m2 / (g2 - m2**2) ** 1.5 / 2,
    ])  # fmt: skip
    y = v - v.mean(axis=0)
    bandwidth = Parzen(y @ gradient).bandwidth
    psi = np.zeros((4, 4))
    for lag in range(int(bandwidth) + 1):
        z = lag / (bandwidth + 1)
        weight = 1 - 6 * z**2 + 6 * z**3 if z <= 0.5 else 2 * (1 - z) ** 3
        gamma = y[lag:].T @ y[: len(y) - lag] / (len(y) - 4)
        psi += weight * (gamma if lag == 0 else gamma + gamma.T)
    return float(np.sqrt(gradient @ psi @ gradient / len(a)))


def test_the_statistic_is_that_of_ledoit_and_wolf(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = pair
    got = sharpe_difference(a, b, method="hac")
    difference = a.mean() / a.std() - b.mean() / b.std()
    assert got.difference == pytest.approx(difference)
    assert got.statistic == pytest.approx(difference / plain_error(a, b))
    assert got.pvalue == pytest.approx(2 * stats.norm.sf(abs(got.statistic)))
    assert got.low == pytest.approx(difference - stats.norm.ppf(0.975) * difference / got.statistic)


@pytest.mark.parametrize("block", [1, 7])
def test_the_bootstrap_is_studentised_draw_by_draw(pair: tuple[np.ndarray, np.ndarray], block: int) -> None:
    """A loop over draws and blocks with the same random starts."""
    a, b = pair
    got = sharpe_difference(a, b, block=block, draws=99, seed=5)
    n, blocks, rng = len(a), len(a) // block, np.random.default_rng(5)
    starts = rng.integers(n, size=(99, blocks))
    extreme = 0
    for draw in starts:
        rows = [(np.arange(block) + start) % n for start in draw]
        x, y = a[np.concatenate(rows)], b[np.concatenate(rows)]
        v = np.column_stack([x, y, x**2, y**2])
        m1, m2, g1, g2 = v.mean(axis=0)
        gradient = np.array([
            g1 / (g1 - m1**2) ** 1.5, -g2 / (g2 - m2**2) ** 1.5,
            -m1 / (g1 - m1**2) ** 1.5 / 2, m2 / (g2 - m2**2) ** 1.5 / 2,
        ])  # fmt: skip
        zeta = (v - v.mean(axis=0)).reshape(blocks, block, 4).sum(axis=1) / np.sqrt(block)
        psi = zeta.T @ zeta / blocks
        error = np.sqrt(gradient @ psi @ gradient / (blocks * block))
        drawn = abs(x.mean() / x.std() - y.mean() / y.std() - got.difference) / error
        extreme += drawn >= abs(got.statistic)
    assert got.pvalue == (extreme + 1) / 100


def test_a_large_difference_is_seen_and_its_interval_lies_above_zero() -> None:
    rng = np.random.default_rng(2)
    got = sharpe_difference(rng.normal(0.5, 1, 500), rng.normal(0.0, 1, 500), draws=499)
    assert got.pvalue == 1 / 500
    assert 0 < got.low < 0.5 < got.high


@pytest.mark.parametrize(
    ("a", "b", "code"),
    [
        (np.arange(20.0), 2 * np.arange(20.0), "constant"),
        (np.ones(20), np.arange(20.0), "constant"),
        (np.arange(20.0), np.arange(21.0), "bad_shape"),
        (np.arange(9.0), np.arange(9.0) ** 2, "too_short"),
        (np.full(20, np.nan), np.arange(20.0), "not_finite"),
        (1 + 1e-12 * np.arange(20.0), np.arange(20.0), "constant"),
        (1e-200 * np.arange(20.0), np.arange(20.0), "out_of_range"),
        (1e200 * np.arange(20.0), np.arange(20.0), "out_of_range"),
    ],
)
def test_series_that_cannot_be_compared_are_refused(a: np.ndarray, b: np.ndarray, code: str) -> None:
    with pytest.raises(DataError) as raised:
        sharpe_difference(a, b)
    assert raised.value.code == code


def test_a_draw_without_a_ratio_is_as_far_away_as_any() -> None:
    """Of a series that seldom moves, many draws are still: they must not make the rest look more certain."""
    rng = np.random.default_rng(0)
    seldom = np.zeros(100)
    seldom[40] = 1.0
    got = sharpe_difference(seldom, rng.normal(0.5, 1, 100), block=1, draws=999)
    still = np.exp(-1)  # the one row is in none of 100
    assert got.pvalue > still - 0.06
    assert (got.low, got.high) == (-np.inf, np.inf)
    assert np.isfinite(got.statistic)
    narrow = sharpe_difference(seldom, rng.normal(0.5, 1, 100), block=1, draws=999, level=0.4)
    assert np.isfinite(narrow.low)


@pytest.mark.parametrize("wrong", [{"method": "student"}, {"block": 0}, {"draws": 10}, {"level": 1.0}])
def test_parameters_of_the_comparison_are_checked(
    wrong: dict[str, object], pair: tuple[np.ndarray, np.ndarray]
) -> None:
    with pytest.raises(ConfigError):
        sharpe_difference(*pair, **wrong)
