"""Resampling blocks: the rows drawn, the intervals by their definitions, the scorecard draw by draw."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from arch.bootstrap import CircularBlockBootstrap, StationaryBootstrap, optimal_block_length

from alpha.core.errors import ConfigError, DataError
from alpha.stats import metrics
from alpha.stats.bootstrap import CHUNK, block_rows, bootstrap_interval, chunks, optimal_block, scorecard_intervals


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    noise = np.random.default_rng(0).normal(0.1, 1, 404)
    return np.convolve(noise, np.ones(5) / 5, "valid")


def test_circular_blocks_are_neighbours_around_a_circle() -> None:
    for rows in block_rows(30, 20, block=7, method="circular"):
        assert rows.shape == (30,)
        for start in range(0, 28, 7):
            np.testing.assert_array_equal(np.diff(rows[start : start + 7]) % 30, 1)


def test_stationary_blocks_have_the_mean_length_asked_for() -> None:
    broken = [np.sum(np.diff(rows) % 500 != 1) for rows in block_rows(500, 200, block=8)]
    assert np.mean(broken) / 499 == pytest.approx(1 / 8, rel=0.05)


@pytest.mark.parametrize(("method", "length"), [("stationary", 2.5), ("circular", 3)])
def test_circular_blocks_are_rounded_up_to_whole_rows_and_stationary_ones_are_not(method: str, length: float) -> None:
    kind = StationaryBootstrap if method == "stationary" else CircularBlockBootstrap
    sampler = kind(length, np.empty(40), seed=5)
    for rows in block_rows(40, 5, block=2.5, method=method, seed=5):
        np.testing.assert_array_equal(rows, sampler.update_indices())


def test_rows_are_drawn_one_by_one_from_seed_0_unless_asked_otherwise() -> None:
    for rows, same in zip(block_rows(50, 3), block_rows(50, 3, block=1, method="stationary", seed=0), strict=True):
        np.testing.assert_array_equal(rows, same)


@pytest.mark.parametrize(("n", "longest"), [(1, 1), (2, 1), (3, 1.5), (10, 5)])
def test_a_block_is_at_most_half_of_the_rows(n: int, longest: float) -> None:
    assert len(list(block_rows(n, 1, block=longest))) == 1
    with pytest.raises(ConfigError, match="block must be from 1 to"):
        block_rows(n, 1, block=longest + 0.1)


@pytest.mark.parametrize(("draws", "cells"), [(10, 3), (3 * CHUNK, 1), (1000, CHUNK // 7), (5, CHUNK), (5, 9 * CHUNK)])
def test_draws_are_made_in_the_fewest_chunks_of_a_million_cells(draws: int, cells: int) -> None:
    assert 1e6 < CHUNK < 2e6
    parts = list(chunks(draws, cells))
    assert sum(parts) == draws
    assert all(0 < part <= max(1, CHUNK // cells) for part in parts)
    assert len(parts) == np.ceil(draws / max(1, CHUNK // cells))


def test_a_seed_names_the_draws() -> None:
    a, b, other = (np.array(list(block_rows(50, 3, block=4, seed=seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != other).any()


def test_the_longest_memory_decides_the_block(x: np.ndarray) -> None:
    white = np.random.default_rng(1).normal(size=400)
    assert optimal_block(x) == optimal_block_length(x)["stationary"].iloc[0] > 5
    assert optimal_block(x, method="circular") == optimal_block_length(x)["circular"].iloc[0]
    assert optimal_block(np.column_stack([white, x])) == optimal_block(x)
    assert optimal_block(white) >= 1
    assert optimal_block(np.ones(100)) == 1, "a constant has no memory"
    assert optimal_block(np.arange(5.0)) == 1, "nor has what is too short to tell"
    assert np.isfinite(optimal_block(np.r_[np.zeros(99), 1.0]))


def test_a_block_is_estimated_from_21_rows_on_in_any_unit(x: np.ndarray) -> None:
    assert optimal_block(x[:20]) == 1 < optimal_block(x[:21])
    for unit in (1e-9, 1e9):
        assert optimal_block(unit * x) == pytest.approx(optimal_block(x))


@pytest.mark.parametrize("method", ["stationary", "circular"])
@pytest.mark.parametrize("interval", ["percentile", "basic", "bc"])
def test_intervals_are_those_of_arch(x: np.ndarray, method: str, interval: str) -> None:
    kind = StationaryBootstrap if method == "stationary" else CircularBlockBootstrap
    expected = kind(6, x, seed=3).conf_int(np.std, 300, method=interval, size=0.9).ravel()
    got = bootstrap_interval(x, np.std, method=method, interval=interval, block=6, draws=300, level=0.9, seed=3)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("statistic", [np.median, lambda rows: float(len(np.unique(rows)))], ids=["ties", "beyond"])
def test_the_bias_corrected_interval_of_the_opposite_is_mirrored(statistic: Callable[[np.ndarray], float]) -> None:
    """Also where draws equal the estimate, of which half lie on each side, or all lie on one side of it."""
    values = np.random.default_rng(8).integers(0, 12, 40).astype(float)
    low, high = bootstrap_interval(values, statistic, interval="bc", draws=400)
    mirrored = bootstrap_interval(values, lambda rows: -statistic(rows), interval="bc", draws=400)
    assert mirrored == pytest.approx((-high, -low))
    assert low < high


def test_an_interval_is_of_95_percent_from_2000_draws_unless_asked_otherwise(x: np.ndarray) -> None:
    for method in ("stationary", "circular"):
        explicit = {"interval": "percentile", "block": optimal_block(x, method=method), "draws": 2000, "level": 0.95}
        assert bootstrap_interval(x, method=method) == bootstrap_interval(x, method=method, seed=0, **explicit)
    assert bootstrap_interval(x) == bootstrap_interval(x, np.mean, method="stationary")


def test_a_statistic_is_one_number(x: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"it returned \(2,\) of them") as raised:
        bootstrap_interval(x, lambda rows: rows[:2], draws=5)
    assert raised.value.code == "bad_shape"


def test_several_columns_are_drawn_together(x: np.ndarray) -> None:
    pair = np.column_stack([x, 2 * x])
    got = bootstrap_interval(pair, lambda rows: float(np.corrcoef(rows.T)[0, 1]), draws=50)
    assert got == pytest.approx((1, 1))


def test_memory_widens_the_interval(x: np.ndarray) -> None:
    (low, high), (naive_low, naive_high) = bootstrap_interval(x, draws=500), bootstrap_interval(x, draws=500, block=1)
    assert high - low > 1.5 * (naive_high - naive_low)


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "moving"},
        {"interval": "bca"},
        {"level": 0.0},
        {"level": 1.0},
        {"draws": 0},
        {"block": 0.5},
        {"draws": np.inf},
    ],
)
def test_parameters_are_checked(x: np.ndarray, wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as raised:
        bootstrap_interval(x, **wrong)
    assert raised.value.code == "bad_parameter"


@pytest.mark.parametrize(("values", "code"), [(np.arange(9.0), "too_short"), (np.full(20, np.nan), "not_finite")])
def test_values_are_checked(values: np.ndarray, code: str) -> None:
    with pytest.raises(DataError) as raised:
        bootstrap_interval(values)
    assert raised.value.code == code


@pytest.fixture(scope="module")
def book() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    ic = rng.normal(0.02, 0.1, 120)
    ic[[3, 50]] = np.nan
    net = rng.normal(0.001, 0.01, 120)
    pairs = rng.integers(10, 20, 120)
    return {"net_returns": net, "gross_returns": net + 0.0001, "ic": ic, "turnover": rng.random(120),
            "costs": np.full(120, 0.0001), "pairs": pairs, "hits": pairs // 2}  # fmt: skip


def test_the_scorecard_is_measured_draw_by_draw(book: dict[str, np.ndarray]) -> None:
    got = scorecard_intervals(**book, draws=60, block=3, level=0.8, seed=9)
    drawn = []
    for rows in block_rows(120, 60, block=3, seed=9):
        net, ic = book["net_returns"][rows], book["ic"][rows]
        drawn.append({
            "sharpe": metrics.sharpe(net), "max_drawdown": metrics.max_drawdown(net), "sortino": metrics.sortino(net),
            "ic": np.nanmean(ic), "icir": metrics.icir(ic), "turnover": book["turnover"][rows].mean(),
            "hit_rate": book["hits"][rows].sum() / book["pairs"][rows].sum(),
            "gross_return_annual": metrics.annual_return(book["gross_returns"][rows]),
            "cvar_95": metrics.conditional_value_at_risk(net),
        })  # fmt: skip
    for name in drawn[0]:
        ends = np.quantile([one[name] for one in drawn], [0.1, 0.9])
        assert got.loc[name, ["low", "high"]].tolist() == pytest.approx(ends.tolist()), name
    assert got.loc["sharpe", "value"] == metrics.sharpe(book["net_returns"])
    assert got.loc["ic", "value"] == pytest.approx(np.nanmean(book["ic"]))
    assert got.loc["cost_annual"].tolist() == pytest.approx([0.0252] * 3)


def test_the_book_alone_has_no_information_coefficient(book: dict[str, np.ndarray]) -> None:
    got = scorecard_intervals(book["net_returns"], draws=20)
    assert set(got.index).isdisjoint({"ic", "hit_rate", "turnover"})
    assert (got["low"] <= got["high"]).all()


def test_the_series_with_the_longest_memory_decides_the_blocks(x: np.ndarray) -> None:
    white = np.random.default_rng(1).normal(size=400)
    series = {"net_returns": white / 100, "turnover": x**2}
    got = scorecard_intervals(**series, draws=20)
    assert got.equals(scorecard_intervals(**series, draws=20, block=optimal_block(x**2)))
    assert optimal_block(x**2) > optimal_block(white / 100)


def test_a_scorecard_is_resampled_2000_times_unless_asked_otherwise(book: dict[str, np.ndarray]) -> None:
    book = {name: values[:30] for name, values in book.items()}
    explicit = scorecard_intervals(**book, block=1, horizon=1, periods=252, draws=2000, level=0.95, seed=0)
    assert scorecard_intervals(**book, block=1).equals(explicit)


def test_a_period_may_be_longer_than_a_year(book: dict[str, np.ndarray]) -> None:
    got = scorecard_intervals(book["net_returns"], periods=0.5, draws=1)
    assert got.loc["sharpe", "value"] == pytest.approx(metrics.sharpe(book["net_returns"], 0.5))
    assert got["low"].equals(got["high"]), "of one draw"


@pytest.mark.parametrize("wrong", [{"level": 1.0}, {"periods": 0}, {"draws": 0}, {"horizon": 0}])
def test_parameters_of_the_scorecard_are_checked(book: dict[str, np.ndarray], wrong: dict[str, float]) -> None:
    [name] = wrong
    with pytest.raises(ConfigError, match=rf"\] {name} must be") as raised:
        scorecard_intervals(book["net_returns"], **wrong)
    assert raised.value.code == "bad_parameter"


def test_draws_in_which_a_metric_is_undefined_are_left_out() -> None:
    net, pairs = np.random.default_rng(2).normal(size=(40,)) / 100, np.zeros(40)
    pairs[7] = 4
    got = scorecard_intervals(net, hits=pairs / 2, pairs=pairs, draws=50, block=1)
    assert got.loc["hit_rate"].tolist() == [0.5, 0.5, 0.5]


def test_blocks_are_as_long_as_outcomes(book: dict[str, np.ndarray]) -> None:
    by_horizon = scorecard_intervals(**book, draws=30, horizon=12)
    assert by_horizon.equals(scorecard_intervals(**book, draws=30, block=12))
    few = scorecard_intervals(**book, draws=30, horizon=13)
    assert few[["low", "high"]].isna().all(axis=None), "only 9 outcomes"
    assert few["value"].equals(by_horizon["value"])


def test_what_is_never_defined_has_no_interval() -> None:
    nothing = np.zeros(40)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = scorecard_intervals(nothing, ic=np.full(40, np.nan), hits=nothing, pairs=nothing, draws=10)
    assert got.loc[["sharpe", "ic", "icir", "hit_rate"]].isna().all(axis=None)
    assert got.loc["volatility"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"ic": np.ones(3)}, "bad_shape"),
        ({"ic": np.r_[np.nan, np.full(119, 1e-200)]}, "out_of_range"),
        ({"hits": np.ones(120)}, "bad_shape"),
        ({"costs": [np.nan] * 120}, "not_finite"),
    ],
)
def test_series_of_the_scorecard_are_checked(book: dict[str, np.ndarray], wrong: dict[str, object], code: str) -> None:
    with pytest.raises(DataError) as raised:
        scorecard_intervals(book["net_returns"], **wrong)
    assert raised.value.code == code
