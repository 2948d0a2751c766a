"""Violations of a value at risk: printed examples of Jorion and of the Basel Committee, and the formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from alpha.core.errors import ConfigError, DataError
from alpha.stats.risk_tests import basel_traffic_light, christoffersen, christoffersen_independence, kupiec_pof


def test_six_exceptions_in_a_year_of_a_99_percent_value_at_risk() -> None:
    """Jorion, "Value at Risk", chapter 6, question 10: 6 in 252 days; 3.498 does not reject."""
    got = kupiec_pof(6, 252, 0.99)
    assert got.statistic == pytest.approx(3.498, abs=1e-3)
    assert got.pvalue > 0.05


def test_exceptions_that_follow_each_other() -> None:
    """The same question: 4 of the 6 follow another; 25.837 is far too high."""
    days = np.zeros(253, dtype=bool)  # 252 pairs of neighbours: two runs of three
    days[[50, 51, 52, 150, 151, 152]] = True
    got = christoffersen_independence(days)
    assert got.statistic == pytest.approx(25.837, abs=1e-3)
    assert got.pvalue < 1e-6


def test_coverage_is_the_sum_of_both() -> None:
    days = np.random.default_rng(0).random(500) < 0.08
    rate, alone = kupiec_pof(int(days.sum()), 500, 0.95), christoffersen_independence(days)
    both = christoffersen(days, 0.95)
    assert both.statistic == rate.statistic + alone.statistic
    assert both.pvalue == pytest.approx(stats.chi2.sf(both.statistic, 2))


def test_the_likelihood_ratios_by_definition() -> None:
    days = np.random.default_rng(1).random(300) < 0.1
    x, n = int(days.sum()), 300
    null, free = (stats.binom.logpmf(x, n, rate) for rate in (0.05, x / n))
    got = kupiec_pof(x, n, 0.95)
    assert got.statistic == pytest.approx(2 * (free - null))
    assert got.pvalue == pytest.approx(stats.chi2.sf(got.statistic, 1))
    table = np.array([[np.sum((days[:-1] == i) & (days[1:] == j)) for j in (0, 1)] for i in (0, 1)])
    g = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
    assert christoffersen_independence(days).statistic == pytest.approx(g)


def test_the_rate_may_be_told_instead_of_the_level() -> None:
    assert kupiec_pof(4, 250, 0.99) == kupiec_pof(4, 250, 0.01)
    assert basel_traffic_light(7, 250, 0.99) == basel_traffic_light(7, 250, 0.01)


@pytest.mark.parametrize("x", [0, 1, 249, 250])
def test_none_and_all_are_no_special_case(x: int) -> None:
    got = kupiec_pof(x, 250, 0.99)
    assert np.isfinite(got).all()
    days = np.arange(250) < x
    assert np.isfinite(christoffersen(days, 0.99)).all()
    assert kupiec_pof(0, 250, 0.99).statistic == pytest.approx(-2 * 250 * np.log(0.99))


def test_as_many_as_expected_is_no_evidence() -> None:
    assert kupiec_pof(5, 100, 0.95) == pytest.approx((0, 1))


@pytest.mark.parametrize(
    ("violations", "zone", "percent", "add_on"),
    [
        (0, "green", 8.11, 0), (1, "green", 28.58, 0), (2, "green", 54.32, 0), (3, "green", 75.81, 0),
        (4, "green", 89.22, 0), (5, "yellow", 95.88, 0.40), (6, "yellow", 98.63, 0.50), (7, "yellow", 99.60, 0.65),
        (8, "yellow", 99.89, 0.75), (9, "yellow", 99.97, 0.85), (10, "red", 99.99, 1.0), (250, "red", 100, 1.0),
    ],
)  # fmt: skip
def test_the_zones_of_the_basel_committee(violations: int, zone: str, percent: float, add_on: float) -> None:
    """Basel Committee (1996), "Supervisory framework for the use of backtesting ...", table 2."""
    got = basel_traffic_light(violations)
    assert got.zone == zone
    assert 100 * got.probability == pytest.approx(percent, abs=0.0051)
    assert got.multiplier == pytest.approx(3 + add_on)


def test_the_zones_of_other_lengths_follow_the_probability() -> None:
    zones = [basel_traffic_light(x, 1000, 0.99) for x in range(30)]
    assert [z.zone for z in zones] == sorted((z.zone for z in zones), key=["green", "yellow", "red"].index)
    assert np.all(np.diff([z.multiplier for z in zones]) >= 0)
    first = next(x for x, z in enumerate(zones) if z.zone == "yellow")
    assert stats.binom.cdf(first - 1, 1000, 0.01) < 0.95 <= stats.binom.cdf(first, 1000, 0.01)


@pytest.mark.parametrize("call", [
    lambda: kupiec_pof(5, 0, 0.99), lambda: kupiec_pof(5, 4, 0.99), lambda: kupiec_pof(-1, 4, 0.99),
    lambda: kupiec_pof(1, 4, 1.0), lambda: basel_traffic_light(251), lambda: christoffersen(np.zeros(9), 99.0),
])  # fmt: skip
def test_counts_that_cannot_be_are_refused(call) -> None:
    with pytest.raises(ConfigError) as raised:
        call()
    assert raised.value.code == "bad_parameter"


@pytest.mark.parametrize(
    ("flags", "code"),
    [([0, 1, 2], "not_flags"), ([0.0, np.nan], "not_finite"), ([True], "too_short"), ([[0, 1]], "bad_shape")],
)
def test_flags_are_zero_or_one(flags: list[object], code: str) -> None:
    with pytest.raises(DataError) as raised:
        christoffersen_independence(flags)
    assert raised.value.code == code
