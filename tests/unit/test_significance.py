"""Newey-West by its formula, as Stata prints it, and that overlap does not look like evidence; Diebold and Mariano."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import alpha.stats
from alpha.core.errors import ConfigError, DataError
from alpha.stats.significance import automatic_lags, diebold_mariano, mean_interval, newey_west_t


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


@pytest.mark.parametrize(
    ("column", "coefficient", "error", "t"),
    [
        (0, 4.3742216647032, 0.33125644884286, 13.204940401864),
        (1, -0.61399696947899, 0.29582347593197, -2.0755518727668),
    ],
)
def test_equals_stata(column: int, coefficient: float, error: float, t: float) -> None:
    """Stata: ``newey g_realinv g_realgdp L.realint, lag(4)`` on the macro data that statsmodels ships.

    The numbers are those of statsmodels' own tests (results_macro_ols_robust.py). A coefficient is the mean of itself
    plus what each row adds to its error; Stata corrects for three parameters, a mean has one.
    """
    from statsmodels.datasets import macrodata

    data = macrodata.load_pandas().data
    growth = 400 * np.log(data[["realgdp", "realinv"]]).diff().to_numpy()[1:]
    x = np.column_stack([growth[:, 0], data["realint"].to_numpy()[:-1], np.ones(202)])
    inverse = np.linalg.inv(x.T @ x)
    beta = inverse @ x.T @ growth[:, 1]
    terms = beta[column] + 202 * (x * (growth[:, 1] - x @ beta)[:, None]) @ inverse[:, column]
    got = newey_west_t(terms, 4) * np.sqrt((202 - 3) / (202 - 1))
    assert beta[column] == pytest.approx(coefficient)
    assert got == pytest.approx(t)
    assert beta[column] / got == pytest.approx(error)


def by_harvey(d: np.ndarray, h: int) -> float:
    """Return the corrected statistic of Harvey, Leybourne and Newbold (1997)."""
    n, e = len(d), d - d.mean()
    gamma = [sum(e[t] * e[t - k] for t in range(k, n)) / n for k in range(h)]
    s1 = d.mean() / np.sqrt((gamma[0] + 2 * sum(gamma[1:])) / n)
    return np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n) * s1


@pytest.mark.parametrize("horizon", [1, 2, 4])
def test_diebold_mariano_with_the_small_sample_correction(horizon: int) -> None:
    rng = np.random.default_rng(6)
    d = np.convolve(rng.normal(0.1, 1, 59 + horizon), np.ones(horizon), "valid")
    base = rng.random(60)
    got = diebold_mariano(base + d, base, horizon)
    assert got.statistic == pytest.approx(by_harvey(d, horizon))
    assert got.pvalue == pytest.approx(2 * stats.t.sf(abs(got.statistic), 59))


def test_diebold_mariano_equals_statsmodels() -> None:
    """At a horizon of one bar the variances agree; beyond, statsmodels weighs the lags by Bartlett."""
    from statsmodels.tsa.stattools import diebold_mariano_test

    rng = np.random.default_rng(1)
    y, a, b = rng.normal(size=(3, 40))
    expected = diebold_mariano_test(y, a, b, lags=0, harvey_adj=True)
    got = diebold_mariano((y - a) ** 2, (y - b) ** 2)
    assert tuple(got) == pytest.approx((expected.statistic, expected.pvalue))


def test_a_variance_below_zero_is_weighed_by_bartlett() -> None:
    d = np.tile([1.0, -0.9], 20)
    gamma = [np.mean((d - d.mean()) ** 2), np.sum((d - d.mean())[1:] * (d - d.mean())[:-1]) / 40]
    assert gamma[0] + 2 * gamma[1] < 0
    variance = (gamma[0] + gamma[1]) / 40
    expected = d.mean() / np.sqrt(variance) * np.sqrt((40 + 1 - 4 + 2 / 40) / 40)
    assert diebold_mariano(d, np.zeros(40), 2).statistic == pytest.approx(expected)


def test_forecasts_that_lose_equally_and_one_that_always_loses_more() -> None:
    x = np.arange(10.0)
    assert diebold_mariano(x, x) == (0, 1)
    assert diebold_mariano(x + 1, x) == (np.inf, 0)


def test_losses_are_checked() -> None:
    x = np.arange(10.0)
    for a, b, horizon, code in (
        (x, x[1:], 1, "bad_shape"), (x[:2], x[:2], 1, "too_short"), (x, x, 10, "too_short"),
        (x * np.nan, x, 1, "not_finite"),
    ):  # fmt: skip
        with pytest.raises(DataError) as raised:
            diebold_mariano(a, b, horizon)
        assert raised.value.code == code
    with pytest.raises(ConfigError):
        diebold_mariano(x, x, 0)


def test_all_names_can_be_had_in_one_place() -> None:
    for name in alpha.stats.__all__:
        assert callable(getattr(alpha.stats, name))
    assert set(alpha.stats.__all__) == set(dir(alpha.stats))


def test_importing_the_statistics_is_cheap() -> None:
    """What computes them is imported when it is needed."""
    import subprocess
    import sys

    heavy = "scipy statsmodels arch skfolio sklearn numba"
    code = f"import sys, alpha.validation; print(*[m for m in {heavy.split()} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_lists_and_series_are_taken_and_what_is_no_series_is_refused():
    x = np.random.default_rng(3).normal(0.2, 1, 60)
    for other in (list(x), pd.Series(x, index=range(5, 65))):
        assert newey_west_t(other) == newey_west_t(x)
        assert mean_interval(other) == mean_interval(x)
    assert np.isnan(newey_west_t([0.1 + 0.2, 0.3, 0.3])), "equal but for rounding"
    for use in (newey_west_t, mean_interval):
        for wrong, code in ((x.reshape(6, 10), "bad_shape"), ([*x, np.inf], "not_finite")):
            with pytest.raises(DataError) as caught:
                use(wrong)
            assert caught.value.code == code
        for wrong in ({"horizon": 0}, {"lags": -1}):
            with pytest.raises(ConfigError):
                use(x, **wrong)
    with pytest.raises(ConfigError):
        mean_interval(x, level=95)
