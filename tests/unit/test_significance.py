"""Newey-West by its formula, and that it does what it is for: overlap does not look like evidence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from alpha.validation.significance import automatic_lags, mean_interval, newey_west_t


def by_formula(x: np.ndarray, lags: int) -> tuple[float, float]:
    """Return the mean and its standard error: Bartlett weights, corrected for the degree of freedom."""
    n, d = len(x), x - x.mean()
    variance = d @ d
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * (d[lag:] @ d[:-lag])
    return x.mean(), np.sqrt(variance / n**2 * n / (n - 1))


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.convolve(np.random.default_rng(2).normal(0.02, 0.1, 304), np.ones(5) / 5, "valid")


@pytest.mark.parametrize("lags", [0, 1, 4, 12])
def test_equals_the_formula(x: np.ndarray, lags: int) -> None:
    mean, error = by_formula(x, lags)
    assert newey_west_t(x, lags) == pytest.approx(mean / error)
    reach = stats.t.ppf(0.975, len(x) - 1) * error
    assert mean_interval(x, lags) == pytest.approx((mean - reach, mean + reach))


def test_lags_are_automatic_and_cover_the_overlap(x: np.ndarray) -> None:
    assert automatic_lags(300) == 5
    assert automatic_lags(300, horizon=21) == 20
    assert automatic_lags(4, horizon=21) == 3
    assert newey_west_t(x) == newey_west_t(x, 5)
    assert newey_west_t(x, horizon=21) == newey_west_t(x, 20)
    assert newey_west_t(x, 2, horizon=21) == newey_west_t(x, 20), "never fewer lags than the overlap"
    assert mean_interval(x, horizon=21) == mean_interval(x, 20)


def test_overlap_widens_the_interval(x: np.ndarray) -> None:
    assert abs(newey_west_t(x, horizon=5)) < abs(newey_west_t(x, 0))
    naive, honest = mean_interval(x, 0), mean_interval(x, horizon=5)
    assert honest[0] < naive[0] < naive[1] < honest[1]


def test_the_level_of_the_interval(x: np.ndarray) -> None:
    narrow, wide = mean_interval(x, level=0.5), mean_interval(x, level=0.99)
    assert wide[0] < narrow[0] < x.mean() < narrow[1] < wide[1]


def test_gaps_are_left_out(x: np.ndarray) -> None:
    assert newey_west_t(np.concatenate([[np.nan], x, [np.nan]])) == newey_west_t(x)


@pytest.mark.parametrize("x", [[], [1.0], [1.0, 2.0], [3.0] * 9, [np.nan] * 9])
def test_undefined_without_variation(x: list[float]) -> None:
    assert np.isnan(newey_west_t(np.array(x)))
    assert np.isnan(mean_interval(np.array(x))).all()


def test_an_interval_needs_ten_outcomes_that_do_not_overlap() -> None:
    x = np.random.default_rng(0).normal(size=200)
    assert np.isfinite(mean_interval(x, horizon=20)).all()
    assert np.isnan(mean_interval(x[:-1], horizon=20)).all()
    assert np.isnan(mean_interval(np.append(x[:-1], np.nan), horizon=20)).all()
