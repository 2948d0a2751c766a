"""Under the null hypothesis a test rejects as often as it says, and an interval covers as often as it says.

Small simulations with fixed seeds; the bounds are three to four standard errors of what is counted.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from alpha.stats import (
    bootstrap_interval,
    christoffersen,
    cscv,
    deflated_sharpe_ratio,
    diebold_mariano,
    kupiec_pof,
    monotonic_relation,
    probabilistic_sharpe_ratio,
    reality_check,
    scorecard_intervals,
    sharpe_difference,
    superior_predictive_ability,
)
from alpha.stats.metrics import sharpe


def moving(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return a series with a memory of two rows and heavy tails, of mean 0."""
    return np.convolve(rng.standard_t(6, n + 2), [1.0, 0.6, 0.3], "valid")


def test_intervals_of_a_mean_cover_it() -> None:
    rng = np.random.default_rng(1)
    series = [moving(rng, 400) for _ in range(100)]
    for method in ("stationary", "circular"):
        ends = np.array([bootstrap_interval(x, method=method, draws=200, block=12) for x in series])
        covered = np.mean((ends[:, 0] < 0) & (ends[:, 1] > 0))
        assert 0.87 <= covered <= 0.99
    naive = np.array([bootstrap_interval(x, draws=200, block=1) for x in series])
    assert np.mean((naive[:, 0] < 0) & (naive[:, 1] > 0)) < 0.85, "without blocks they are too narrow"


def test_intervals_of_the_scorecard_cover_the_truth() -> None:
    rng = np.random.default_rng(2)
    truth = {"sharpe": 0.05 * np.sqrt(252), "volatility": 0.01 * np.sqrt(252), "ic": 0.03, "var_95": 0.01 * 1.594854}
    covered = dict.fromkeys(truth, 0)
    for _ in range(80):
        net, ic = rng.normal(0.0005, 0.01, 400), rng.normal(0.03, 0.1, 400)
        got = scorecard_intervals(net, ic=ic, draws=150)
        for name, value in truth.items():
            covered[name] += got.loc[name, "low"] < value < got.loc[name, "high"]
    assert all(0.86 <= count / 80 <= 1 for count in covered.values()), covered


def test_equal_sharpe_ratios_are_found_different_as_often_as_said() -> None:
    rng = np.random.default_rng(3)
    pairs = [(moving(rng, 150) + 0.2, 3 * (moving(rng, 150) + 0.2)) for _ in range(200)]
    drawn = np.array([sharpe_difference(a, b, block=6, draws=199).pvalue for a, b in pairs])
    assert 0.04 <= np.mean(drawn <= 0.1) <= 0.18
    normal = np.array([sharpe_difference(a, b, method="hac").pvalue for a, b in pairs])
    assert 0.05 <= np.mean(normal <= 0.1) <= 0.22, "the normal approximation is known to be liberal"


def test_the_probability_of_skill_is_uniform_without_any() -> None:
    """Skewed, fat-tailed returns with a Sharpe ratio equal to the benchmark."""
    rng = np.random.default_rng(4)
    true = 0.1
    returns = (rng.gamma(2, 1, (600, 500)) - 2) / np.sqrt(2) + true
    got = [
        probabilistic_sharpe_ratio(sharpe(x, 1), 500, stats.skew(x), stats.kurtosis(x, fisher=False), true)
        for x in returns
    ]
    assert stats.kstest(got, "uniform").pvalue > 0.01
    assert 0.03 <= np.mean(np.array(got) > 0.95) <= 0.08


def test_the_best_of_many_lucky_trials_is_seldom_called_skilled() -> None:
    rng = np.random.default_rng(5)
    called, undeflated = 0, 0
    for _ in range(300):
        ratios = rng.normal(0, 1 / np.sqrt(250), 30)
        best = float(ratios.max())
        called += deflated_sharpe_ratio(best, 250, 30, float(ratios.std(ddof=1))) > 0.95
        undeflated += probabilistic_sharpe_ratio(best, 250) > 0.95
    assert called / 300 <= 0.05
    assert undeflated / 300 > 0.6, "what not counting the trials would have called skilled"


def test_noise_is_overfit_half_the_time_or_more() -> None:
    rng = np.random.default_rng(6)
    noise = [cscv(rng.normal(size=(80, 10)), 8).probability for _ in range(60)]
    assert 0.4 <= np.mean(noise) <= 0.7
    skilled = [cscv(rng.normal([0.6] + [0] * 9, 1, (80, 10)), 8).probability for _ in range(10)]
    assert np.mean(skilled) < 0.05


def test_equal_forecasts_are_found_different_as_often_as_said() -> None:
    rng = np.random.default_rng(7)
    pvalues = [diebold_mariano(*rng.normal(size=(2, 25)) ** 2).pvalue for _ in range(800)]
    assert 0.025 <= np.mean(np.array(pvalues) <= 0.05) <= 0.075
    assert stats.kstest(pvalues, "uniform").pvalue > 0.01


def test_correct_values_at_risk_are_rejected_as_often_as_said() -> None:
    rng = np.random.default_rng(8)
    worlds = rng.random((500, 600)) < 0.05
    rate = [kupiec_pof(int(days.sum()), 600, 0.95).pvalue for days in worlds]
    both = [christoffersen(days, 0.95).pvalue for days in worlds]
    assert 0.02 <= np.mean(np.array(rate) <= 0.05) <= 0.08
    assert 0.02 <= np.mean(np.array(both) <= 0.05) <= 0.1


def test_the_best_of_many_equal_to_the_benchmark_seldom_beats_it() -> None:
    rng = np.random.default_rng(9)
    worlds = [rng.normal(size=(100, 8)) for _ in range(120)]
    for test in (superior_predictive_ability, reality_check):
        pvalues = np.array([test(world, block=1, draws=99).pvalue for world in worlds])
        assert 0.03 <= np.mean(pvalues <= 0.1) <= 0.2, test.__name__


def test_a_flat_relation_is_seldom_found_to_rise() -> None:
    """With all means equal it rejects at most as often as said: of several steps the least must be large."""
    rng = np.random.default_rng(10)
    pvalues = np.array([monotonic_relation(rng.normal(size=(100, 4)), block=1, draws=199).pvalue for _ in range(150)])
    assert np.mean(pvalues <= 0.1) <= 0.2
    two = np.array([monotonic_relation(rng.normal(size=(100, 2)), block=1, draws=199).pvalue for _ in range(150)])
    assert 0.03 <= np.mean(two <= 0.1) <= 0.2, "of two columns it is a test of one mean"
