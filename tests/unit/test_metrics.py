"""Metrics against plain references: scipy, loops, and the definitions written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from alpha.stats import metrics


@pytest.fixture(scope="module")
def pairs() -> tuple[np.ndarray, np.ndarray]:
    """Rounded, so that there are ties; with gaps on either side."""
    rng = np.random.default_rng(4)
    signal = rng.normal(size=(60, 25))
    realised = (0.3 * signal + rng.normal(size=signal.shape)).round(1)
    signal = signal.round(1)
    signal[rng.random(signal.shape) < 0.2] = np.nan
    realised[rng.random(signal.shape) < 0.1] = np.nan
    return signal, realised


@pytest.fixture(scope="module")
def returns() -> np.ndarray:
    return np.random.default_rng(5).normal(0.0004, 0.01, 1300)


def test_daily_ic_is_scipys_spearman(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    signal, realised = pairs
    expected = [stats.spearmanr(s, r, nan_policy="omit").statistic for s, r in zip(signal, realised, strict=True)]
    np.testing.assert_allclose(metrics.daily_ic(signal, realised), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("rows", [0, 1, metrics.BLOCK, 3 * metrics.BLOCK + 1])
def test_daily_ic_is_made_in_blocks_of_rows(rows: int) -> None:
    rng = np.random.default_rng(rows)
    signal, realised = rng.normal(size=(rows, 7)), rng.integers(0, 3, (rows, 7)).astype(float)
    got = metrics.daily_ic(signal, realised)
    one_by_one = [metrics.daily_ic(signal[t : t + 1], realised[t : t + 1])[0] for t in range(rows)]
    np.testing.assert_array_equal(got, one_by_one)


def test_daily_ic_of_a_perfect_and_a_reversed_ranking() -> None:
    x = np.random.default_rng(0).normal(size=(2, 9))
    np.testing.assert_allclose(metrics.daily_ic(x, np.exp(x)), 1)
    np.testing.assert_allclose(metrics.daily_ic(x, -x), -1)


def test_daily_ic_is_undefined_for_few_names_or_a_constant_side() -> None:
    nan = np.nan
    signal = np.array([[1.0, 2, nan, 4], [1, 1, 1, 1], [1, 2, 3, 4], [nan] * 4, [0.1] * 4])
    realised = np.array([[1.0, 2, 3, nan], [1, 2, 3, 4], [2, 2, 2, 2], [1, 2, 3, 4], [4, 3, 2, 1]])
    with np.errstate(all="raise"):
        assert np.isnan(metrics.daily_ic(signal, realised)).all()
    assert metrics.daily_ic(signal[:1], realised[:1], min_names=2) == pytest.approx(1)


def test_infinite_values_are_no_opinion() -> None:
    signal, realised = np.array([[1.0, 2, 3, np.inf]]), np.array([[1.0, 2, 3, 0]])
    assert metrics.daily_ic(signal, realised)[0] == pytest.approx(1)
    assert metrics.hit_rate(signal, realised) == 1


def test_icir_leaves_gaps_out() -> None:
    x = np.array([0.1, np.nan, 0.2, 0.0])
    assert metrics.icir(x) == pytest.approx(0.1 / 0.1)
    assert np.isnan(metrics.icir(x[:2]))
    assert np.isnan(metrics.icir(np.array([0.1, 0.1])))


def test_hit_rate_and_its_base_rate_look_at_the_same_pairs() -> None:
    nan = np.nan
    signal = np.array([[1.0, -1, 1, nan], [-1, 0, 1, 1]])
    realised = np.array([[0.5, 0.5, -0.5, 0.5], [-0.5, 0.5, 0.5, nan]])
    # hits: +, -, -; +, -(no side taken), + : three of six; outcomes: four up, two down
    assert metrics.hit_rate(signal, realised) == 3 / 6
    assert metrics.base_rate(signal, realised) == 4 / 6
    assert metrics.base_rate(signal, -realised) == 4 / 6, "the better guess may be down"


def test_a_constant_guess_has_the_base_rate() -> None:
    realised = np.random.default_rng(1).normal(0.1, 1, (50, 20))
    signal = np.ones_like(realised)
    assert metrics.hit_rate(signal, realised) == metrics.base_rate(signal, realised) > 0.5


def test_hits_of_each_row_add_up_to_the_hit_rate(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    hits, of = metrics.daily_hits(*pairs)
    assert hits.sum() / of.sum() == metrics.hit_rate(*pairs)
    assert (hits[7], of[7]) == (
        round(metrics.hit_rate(pairs[0][7], pairs[1][7]) * of[7]),
        np.sum(np.isfinite(pairs[0][7] + pairs[1][7])),
    )


def test_hit_rate_of_positions_leaves_out_what_is_not_held() -> None:
    weights = np.array([[0.5, 0.0, -0.5], [0.0, 0.0, 0.2]])
    realised = np.array([[0.1, -0.1, 0.1], [0.1, 0.1, 0.1]])
    assert metrics.position_hit_rate(weights, realised) == 2 / 3
    assert np.isnan(metrics.position_hit_rate(weights * 0, realised))


def test_quantile_returns_equal_a_plain_loop(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    signal, realised = pairs
    got = metrics.quantile_returns(signal, realised, quantiles=4)
    for row in range(len(signal)):
        both = np.isfinite(signal[row]) & np.isfinite(realised[row])
        ranks, outcome = stats.rankdata(signal[row, both]), realised[row, both]
        bucket = [min(int((rank - 0.5) / len(ranks) * 4), 3) for rank in ranks]
        for q in range(4):
            chosen = [o for o, b in zip(outcome, bucket, strict=True) if b == q]
            np.testing.assert_allclose(got[row, q], np.mean(chosen) if chosen else np.nan, atol=1e-15)


def test_quantile_returns_are_in_order_and_even() -> None:
    x = np.arange(20.0)[None]
    np.testing.assert_array_equal(metrics.quantile_returns(x, x), [[1.5, 5.5, 9.5, 13.5, 17.5]])
    assert np.isnan(metrics.quantile_returns(x[:, :4], x[:, :4])).all(), "fewer names than quantiles"


def test_performance_by_definition(returns: np.ndarray) -> None:
    year = np.sqrt(252)
    assert metrics.volatility(returns) == pytest.approx(np.std(returns, ddof=1) * year)
    assert metrics.sharpe(returns) == pytest.approx(np.mean(returns) / np.std(returns, ddof=1) * year)
    losses = np.minimum(returns, 0)
    assert metrics.sortino(returns) == pytest.approx(np.mean(returns) / np.sqrt(np.mean(losses**2)) * year)
    growth = np.cumprod(1 + returns)
    assert metrics.total_return(returns) == pytest.approx(growth[-1] - 1)
    assert metrics.annual_return(returns) == pytest.approx(growth[-1] ** (252 / len(returns)) - 1)
    equity = np.concatenate([[1.0], growth])
    fall = 1 - equity / np.maximum.accumulate(equity)
    np.testing.assert_allclose(metrics.drawdown(returns), fall[1:], atol=1e-12)
    assert metrics.max_drawdown(returns) == pytest.approx(fall.max())


def test_the_risk_table_of_empyrical() -> None:
    """The series and the values of empyrical's own tests, less the day without a return that it begins with."""
    mixed = np.array([1.0, 10, -4, 2, 3, 2, 1, -10]) / 100
    assert metrics.sharpe(mixed) == pytest.approx(1.7238613961706866)
    assert metrics.sortino(mixed) == pytest.approx(2.605531251673693)
    assert metrics.volatility(mixed) == pytest.approx(0.9136465399704637)
    assert metrics.max_drawdown(mixed) == pytest.approx(0.1)
    assert (1 + metrics.total_return(mixed)) ** (252 / 9) - 1 == pytest.approx(1.9135925373194231), "9 days"


def test_tail_losses_by_definition_are_positive(returns: np.ndarray) -> None:
    worst = np.sort(returns)  # 1300 rows: the worst 5 % are 65
    assert metrics.value_at_risk(returns) == -worst[65]
    assert metrics.conditional_value_at_risk(returns) == pytest.approx(-worst[:65].mean())
    assert metrics.conditional_value_at_risk(returns) > metrics.value_at_risk(returns) > 0


def test_periods_of_a_year_can_be_told(returns: np.ndarray) -> None:
    assert metrics.sharpe(returns, 365) == pytest.approx(metrics.sharpe(returns) * np.sqrt(365 / 252))
    assert metrics.sortino(returns, 365) == pytest.approx(metrics.sortino(returns) * np.sqrt(365 / 252))


def test_the_first_loss_is_a_drawdown() -> None:
    assert metrics.max_drawdown(np.array([-0.1, 0.05])) == pytest.approx(0.1)


def test_ruin_and_nothing_at_all() -> None:
    assert metrics.annual_return(np.array([0.1, -1.0, 0.1])) == -1
    nothing = np.array([])
    assert metrics.total_return(nothing) == 0
    assert metrics.drawdown(nothing).shape == (0,)
    for metric in (metrics.annual_return, metrics.volatility, metrics.sharpe, metrics.sortino, metrics.max_drawdown,
                   metrics.value_at_risk, metrics.conditional_value_at_risk):  # fmt: skip
        assert np.isnan(metric(nothing))


def test_a_flat_book_has_no_ratio() -> None:
    flat = np.zeros(10)
    assert np.isnan(metrics.sharpe(flat))
    assert np.isnan(metrics.sortino(flat))
    assert metrics.max_drawdown(flat) == 0


@pytest.mark.parametrize("value", [0.001, -0.0003, 1e-9, 0.1])
@pytest.mark.parametrize("rows", [3, 100, 10_001])
def test_what_never_changes_has_no_ratio(value: float, rows: int) -> None:
    """The deviation of a constant is zero but for rounding, and a ratio to rounding says nothing."""
    constant = np.full(rows, value)
    assert np.isnan(metrics.sharpe(constant))
    assert np.isnan(metrics.icir(constant))
    steady = constant + 1e-6 * value * np.sin(np.arange(rows))
    assert metrics.sharpe(steady) == pytest.approx(steady.mean() / steady.std(ddof=1) * np.sqrt(252))
