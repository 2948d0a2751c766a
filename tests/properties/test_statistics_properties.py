"""What must not change a statistic (units, order, leverage), and what may change it in one direction only."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from alpha.stats import (
    benjamini_hochberg,
    christoffersen,
    cscv,
    deflated_sharpe_ratio,
    diebold_mariano,
    expected_max_sharpe,
    holm,
    kupiec_pof,
    min_backtest_length,
    min_track_record_length,
    monotonic_relation,
    newey_west_t,
    population_stability_index,
    probabilistic_sharpe_ratio,
    probability_of_backtest_overfitting,
    sharpe_difference,
    superior_predictive_ability,
)
from alpha.stats.metrics import daily_ic

seeds = st.integers(0, 2**32 - 1)
sharpes = st.floats(-0.5, 0.5)
few = settings(max_examples=25, deadline=None)


@st.composite
def rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """A few rows with ties, gaps, infinities and constants."""
    rng = np.random.default_rng(draw(seeds))
    shape = draw(st.integers(1, 4)), draw(st.integers(3, 40))
    made = []
    for _ in range(2):
        x = rng.normal(size=shape) if draw(st.booleans()) else rng.integers(0, draw(st.integers(1, 6)), shape) * 0.1
        x[rng.random(shape) < draw(st.sampled_from([0, 0.1, 0.6]))] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
        made.append(x)
    return made[0], made[1]


@settings(max_examples=200, deadline=None)
@given(rows())
def test_the_information_coefficient_is_scipys_to_the_last_digits(pair: tuple[np.ndarray, np.ndarray]) -> None:
    signal, realised = pair
    got = daily_ic(signal, realised)
    for row, (x, y) in enumerate(zip(signal, realised, strict=True)):
        both = np.isfinite(x) & np.isfinite(y)
        x, y = x[both], y[both]
        if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
            assert np.isnan(got[row])
        else:
            assert abs(got[row] - stats.spearmanr(x, y).statistic) < 1e-12


@few
@given(rows(), seeds)
def test_the_information_coefficient_knows_neither_units_nor_order(
    pair: tuple[np.ndarray, np.ndarray], seed: int
) -> None:
    signal, realised = pair
    got, order = daily_ic(signal, realised), np.random.default_rng(seed).permutation(signal.shape[1])
    np.testing.assert_allclose(daily_ic(signal[:, order], realised[:, order]), got, atol=1e-12)
    np.testing.assert_array_equal(daily_ic(8 * signal, realised + 0.0), got)
    np.testing.assert_array_equal(daily_ic(realised, signal), got)
    np.testing.assert_allclose(daily_ic(-signal, realised), -got, atol=1e-12)


@few
@given(seeds, st.sampled_from([1e-6, 0.01, 1000.0]))
def test_the_t_statistics_know_no_units(seed: int, scale: float) -> None:
    x, y = np.random.default_rng(seed).normal(0.1, 1, (2, 50))
    assert newey_west_t(scale * x) == pytest.approx(newey_west_t(x))
    assert newey_west_t(-x) == pytest.approx(-newey_west_t(x))
    assert diebold_mariano(scale * x, scale * y, 2) == pytest.approx(diebold_mariano(x, y, 2))
    assert diebold_mariano(y, x).statistic == pytest.approx(-diebold_mariano(x, y).statistic)


@few
@given(seeds, st.floats(0.1, 10))
def test_sharpe_ratios_are_compared_at_any_leverage(seed: int, leverage: float) -> None:
    a, b = np.random.default_rng(seed).normal(0.1, 1, (2, 60))
    plain = sharpe_difference(a, b, draws=99)
    assert sharpe_difference(leverage * a, b, draws=99) == pytest.approx(plain)
    other = sharpe_difference(b, a, draws=99)
    assert (other.difference, other.pvalue) == pytest.approx((-plain.difference, plain.pvalue))
    assert (plain.low > 0) or (plain.high < 0) or plain.pvalue > 0.04


@few
@given(sharpes, st.integers(10, 5000), st.floats(-2, 2), st.floats(0, 20), sharpes)
def test_more_skill_and_fewer_trials_are_more_probable(
    sharpe: float, n: int, skew: float, over: float, benchmark: float
) -> None:
    kurtosis = 1.5 + skew**2 + over  # what some distribution has
    psr = probabilistic_sharpe_ratio(sharpe, n, skew, kurtosis, benchmark)
    assert 0 <= psr <= 1
    longer = probabilistic_sharpe_ratio(sharpe, 2 * n, skew, kurtosis, benchmark)
    assert longer >= psr if sharpe >= benchmark else longer <= psr
    assert probabilistic_sharpe_ratio(sharpe, n, skew, kurtosis, benchmark - 0.1) >= psr
    deflated = [deflated_sharpe_ratio(sharpe, n, trials, 0.05, skew, kurtosis) for trials in (1, 1.3, 2, 10, 1000)]
    assert deflated == sorted(deflated, reverse=True)
    wider = deflated_sharpe_ratio(sharpe, n, 10, 0.1, skew, kurtosis)
    assert wider <= deflated[3]


@few
@given(st.floats(0.02, 0.5), st.floats(0.55, 0.99), st.floats(-0.5, 0.01))
def test_the_least_record_reaches_the_confidence(sharpe: float, confidence: float, benchmark: float) -> None:
    n = min_track_record_length(sharpe, -1, 6, benchmark, confidence)
    assume(n >= 2)
    assert probabilistic_sharpe_ratio(sharpe, n, -1, 6, benchmark) == pytest.approx(confidence)
    assert min_track_record_length(sharpe, -1, 9, benchmark, confidence) >= n


@few
@given(st.floats(1, 1e6), st.floats(0.1, 3))
def test_more_trials_need_a_longer_backtest(trials: float, sharpe: float) -> None:
    length = min_backtest_length(trials, sharpe)
    assert min_backtest_length(2 * trials, sharpe) > length
    assert length * sharpe**2 == pytest.approx(expected_max_sharpe(trials) ** 2)


@few
@given(seeds, st.sampled_from([2, 4, 6]))
def test_overfitting_knows_neither_order_nor_leverage(seed: int, n_splits: int) -> None:
    rng = np.random.default_rng(seed)
    returns = rng.normal(size=(48, 7))
    got = probability_of_backtest_overfitting(returns, n_splits)
    assert 0 <= got <= 1
    assert probability_of_backtest_overfitting(returns[:, rng.permutation(7)], n_splits) == got
    assert probability_of_backtest_overfitting(returns * rng.uniform(0.1, 10, 7), n_splits) == got
    assert probability_of_backtest_overfitting(returns[::-1], n_splits) == got
    shifted = cscv(returns * 1e-3 + 1e3, n_splits)  # squares of a large mean do not drown what varies
    np.testing.assert_allclose(shifted.in_sample, cscv(returns + 1e6, n_splits).in_sample, rtol=1e-4)


@few
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), seeds)
def test_adjusting_only_weakens_and_keeps_the_order(pvalues: list[float], seed: int) -> None:
    p = np.array(pvalues)
    order = np.random.default_rng(seed).permutation(len(p))
    discoveries, family = benjamini_hochberg(p), holm(p)
    for got, adjust in ((discoveries, benjamini_hochberg), (family, holm)):
        assert np.all(got.pvalues >= p - 1e-12)
        assert np.all(np.diff(got.pvalues[np.argsort(p)]) >= -1e-12)
        np.testing.assert_allclose(adjust(p[order]).pvalues, got.pvalues[order])
    assert np.all(discoveries.pvalues <= family.pvalues + 1e-12)
    assert np.all(discoveries.rejected >= family.rejected)


@few
@given(seeds, st.integers(20, 300), st.sampled_from([0.9, 0.95, 0.99]))
def test_coverage_grows_with_what_is_wrong(seed: int, n: int, level: float) -> None:
    days = np.random.default_rng(seed).random(n) < 1 - level
    joint = christoffersen(days, level)
    assert 0 <= joint.pvalue <= 1
    assert joint.statistic >= kupiec_pof(int(days.sum()), n, level).statistic
    expected = int(np.ceil(n * (1 - level)))
    above = [kupiec_pof(x, n, level).statistic for x in range(expected, n + 1)]
    assert above == sorted(above)


@few
@given(seeds, st.integers(2, 15))
def test_drift_knows_no_units_and_is_never_negative(seed: int, bins: int) -> None:
    rng = np.random.default_rng(seed)
    expected, actual = rng.normal(size=200).round(1), rng.normal(rng.uniform(-1, 1), 1, 100).round(1)
    got = population_stability_index(expected, actual, bins)
    assert got >= 0
    assert population_stability_index(4 * expected, 4 * actual, bins) == got
    assert population_stability_index(rng.permutation(expected), rng.permutation(actual), bins) == pytest.approx(got)


@few
@given(seeds)
def test_more_rivals_are_more_luck(seed: int) -> None:
    rng = np.random.default_rng(seed)
    best = rng.normal(0.3, 1, (80, 1))
    many = np.column_stack([best, rng.normal(-0.05, 1, (80, 8))])
    alone, among = (superior_predictive_ability(x, block=1, draws=199) for x in (best, many))
    assert among.lower <= among.pvalue <= among.upper
    if among.statistic == pytest.approx(alone.statistic):
        assert among.pvalue >= alone.pvalue - 1e-12
    assert monotonic_relation(7 * many, block=1, draws=99).pvalue == monotonic_relation(many, block=1, draws=99).pvalue
