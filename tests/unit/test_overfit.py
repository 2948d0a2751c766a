"""The best of many trials: printed examples of the deflated Sharpe ratio, and CSCV step by step."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from skfolio.measures import expected_max_sharpe_ratio

from alpha.core.errors import ConfigError, DataError
from alpha.stats.overfit import (
    cscv,
    deflated_sharpe_ratio,
    expected_max_sharpe,
    min_backtest_length,
    probability_of_backtest_overfitting,
)
from alpha.stats.sharpe import probabilistic_sharpe_ratio

DAYS = 250  # in a year of the example


@pytest.mark.parametrize(
    ("trials", "skew", "kurtosis", "printed"),
    [(100, -3.0, 10.0, 0.9004), (46, -3.0, 10.0, 0.9505), (88, 0.0, 3.0, 0.9505)],
)
def test_the_numerical_example_of_the_deflated_sharpe_ratio(
    trials: int, skew: float, kurtosis: float, printed: float
) -> None:
    """Bailey and Lopez de Prado (2014), "A numerical example": annual Sharpe ratio 2.5, variance across trials 1/2."""
    got = deflated_sharpe_ratio(2.5 / DAYS**0.5, 1250, trials, (0.5 / DAYS) ** 0.5, skew, kurtosis)
    assert got == pytest.approx(printed, abs=5e-5)


def test_what_luck_gives() -> None:
    assert expected_max_sharpe(100, (0.5 / DAYS) ** 0.5) == pytest.approx(0.1132, abs=5e-5), "the same example"
    assert expected_max_sharpe(10) == pytest.approx(1.57, abs=0.005), "Bailey et al. (2014), Pseudo-Mathematics"
    assert expected_max_sharpe(1) == 0
    assert deflated_sharpe_ratio(0.1, 500, 1, 0.3) == probabilistic_sharpe_ratio(0.1, 500)


@pytest.mark.parametrize("trials", [1, 1.5, 2, 3, 45, 1000, 1e6])
@pytest.mark.parametrize("spread", [0.0, 0.05, 1.0])
def test_what_luck_gives_is_what_skfolio_says(trials: float, spread: float) -> None:
    assert expected_max_sharpe(trials, spread) == pytest.approx(max(0, expected_max_sharpe_ratio(trials, spread)))


def test_what_luck_gives_needs_no_heavy_import() -> None:
    program = "import sys\nfrom alpha.stats import *\nexpected_max_sharpe(9)\nassert 'skfolio' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_luck_never_lowers_the_bar() -> None:
    """The formula is negative just above one trial, where an effective number of trials may lie."""
    grid = [expected_max_sharpe(1 + share) for share in np.linspace(0, 3, 200)]
    assert min(grid) == 0
    assert np.all(np.diff(grid) >= 0)


def test_luck_is_what_simulated_trials_give() -> None:
    best = np.random.default_rng(0).normal(size=(4000, 50)).max(axis=1).mean()
    assert expected_max_sharpe(50) == pytest.approx(best, abs=0.03)


def test_no_more_than_45_trials_on_five_years() -> None:
    """Bailey, Borwein, Lopez de Prado and Zhu (2014): five years, 45 configurations, an annual Sharpe ratio of 1."""
    assert min_backtest_length(45, 1.0) < 5 < min_backtest_length(46, 1.0)
    assert min_backtest_length(7, 1.0) < 2 < min_backtest_length(8, 1.0), "and 7 on two years"
    assert min_backtest_length(45, 2.0) == pytest.approx(min_backtest_length(45, 1.0) / 4)


@pytest.mark.parametrize("call", [
    lambda: expected_max_sharpe(0), lambda: expected_max_sharpe(10, -1), lambda: expected_max_sharpe(np.nan),
    lambda: min_backtest_length(10, 0), lambda: deflated_sharpe_ratio(0.1, 1, 10, 0.1),
    lambda: probability_of_backtest_overfitting(np.ones((90, 3)), 7),
    lambda: probability_of_backtest_overfitting(np.ones((90, 3)), 22),
    lambda: probability_of_backtest_overfitting(np.ones((90, 3)), 0),
])  # fmt: skip
def test_parameters_that_mean_nothing_are_refused(call) -> None:
    with pytest.raises(ConfigError) as raised:
        call()
    assert raised.value.code == "bad_parameter"


@pytest.mark.parametrize(
    ("returns", "code"),
    [
        (np.ones((31, 3)), "too_short"),
        (np.ones(64), "bad_shape"),
        (np.ones((64, 1)), "one_configuration"),
        (np.where(np.arange(128).reshape(64, 2) == 7, np.nan, 1.0), "not_finite"),
    ],
)
def test_returns_that_cannot_be_judged_are_refused(returns: np.ndarray, code: str) -> None:
    with pytest.raises(DataError) as raised:
        probability_of_backtest_overfitting(returns, 16)
    assert raised.value.code == code


def by_the_paper(returns: np.ndarray, n_splits: int) -> tuple[list[float], list[float], list[float]]:
    """Return logits and ratios in and out of sample by the steps of Bailey et al. (2017), one split at a time."""
    blocks = np.array_split(returns, n_splits)
    logits, inside, outside = [], [], []
    for chosen in combinations(range(n_splits), n_splits // 2):
        j = np.concatenate([blocks[s] for s in chosen])
        j_bar = np.concatenate([blocks[s] for s in range(n_splits) if s not in chosen])
        r, r_bar = j.mean(axis=0) / j.std(axis=0, ddof=1), j_bar.mean(axis=0) / j_bar.std(axis=0, ddof=1)
        best = int(np.argmax(r))
        omega = stats.rankdata(r_bar)[best] / (returns.shape[1] + 1)
        logits.append(np.log(omega / (1 - omega)))
        inside.append(r[best])
        outside.append(r_bar[best])
    return logits, inside, outside


@pytest.mark.parametrize(("rows", "n_splits"), [(60, 6), (67, 6), (40, 2), (90, 8)])
def test_cscv_equals_the_steps_of_the_paper(rows: int, n_splits: int) -> None:
    returns = np.random.default_rng(rows).normal(0.001, 0.01, (rows, 9))
    got = cscv(returns, n_splits)
    logits, inside, outside = by_the_paper(returns, n_splits)
    np.testing.assert_allclose(got.logits, logits, atol=1e-12)
    np.testing.assert_allclose(got.in_sample, inside)
    np.testing.assert_allclose(got.out_of_sample, outside)
    assert got.probability == np.mean(np.array(logits) <= 0)
    assert probability_of_backtest_overfitting(returns, n_splits) == got.probability
    assert got.loss_probability == np.mean(np.array(outside) < 0)
    line = stats.linregress(inside, outside)
    assert (got.slope, got.intercept) == pytest.approx((line.slope, line.intercept))


def test_the_splits_are_made_in_parts_without_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    returns = np.random.default_rng(1).normal(size=(64, 5))
    whole = cscv(returns, 8)
    monkeypatch.setattr("alpha.stats.overfit.CHUNK", 35)
    np.testing.assert_array_equal(cscv(returns, 8).logits, whole.logits)


def test_there_are_12870_splits_of_16_blocks() -> None:
    assert len(cscv(np.random.default_rng(0).normal(size=(48, 4))).logits) == 12_870


def test_a_middle_rank_counts_as_overfit() -> None:
    """The best in sample is second of three out of sample: its logit is 0."""
    up, down = np.array([1.0, 1.1]), np.array([-1.0, -1.1])
    returns = np.column_stack([
        np.concatenate([3 * up + 2, down + 0.2]), np.concatenate([up, up]), np.concatenate([down, 2 * down]),
    ])  # fmt: skip
    got = cscv(returns, 2)
    assert got.logits[0] == 0
    assert got.probability >= 0.5


def test_equal_configurations_are_overfit_and_a_better_one_is_not() -> None:
    rng = np.random.default_rng(7)
    one = rng.normal(size=(80, 1))
    assert cscv(np.repeat(one, 5, axis=1), 8).probability == 1, "all share the middle rank"
    better = np.column_stack([rng.normal(size=(80, 6)), rng.normal(2, 1, 80)])
    got = cscv(better, 8)
    assert got.probability == 0
    assert got.loss_probability == 0


@pytest.mark.parametrize("seed", range(4))
def test_one_strategy_at_several_leverages_is_not_ranked_by_rounding(seed: int) -> None:
    one = np.random.default_rng(seed).normal(0, 0.01, 756)
    for columns in ([one, 1.5 * one, 3 * one], [3 * one, one, 0.7 * one, 1.1 * one]):
        assert probability_of_backtest_overfitting(np.column_stack(columns), 8) == 1


def test_what_does_not_vary_has_a_ratio_of_zero() -> None:
    returns = np.random.default_rng(0).normal(-1, 0.1, (48, 3))
    returns[:, 1] = 0
    returns[:24, 2] = 0.5
    got = cscv(returns, 4)
    assert np.isfinite(got.logits).all()
    assert got.in_sample.max() < 100
    assert got.probability < 1, "earning nothing is better than losing"
    flat = cscv(np.zeros((48, 3)), 4)
    assert flat.probability == 1
    assert np.isnan(flat.slope)
