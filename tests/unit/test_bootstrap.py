"""Resampling blocks: the rows drawn, the intervals by their definitions, the scorecard draw by draw."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import CircularBlockBootstrap, StationaryBootstrap, optimal_block_length

from alpha.core.errors import ConfigError, DataError
from alpha.stats import metrics
from alpha.stats.bootstrap import block_rows, bootstrap_interval, optimal_block, scorecard_intervals


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


@pytest.mark.parametrize("method", ["stationary", "circular"])
@pytest.mark.parametrize("interval", ["percentile", "basic", "bc"])
def test_intervals_are_those_of_arch(x: np.ndarray, method: str, interval: str) -> None:
    kind = StationaryBootstrap if method == "stationary" else CircularBlockBootstrap
    expected = kind(6, x, seed=3).conf_int(np.std, 300, method=interval, size=0.9).ravel()
    got = bootstrap_interval(x, np.std, method=method, interval=interval, block=6, draws=300, level=0.9, seed=3)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_several_columns_are_drawn_together(x: np.ndarray) -> None:
    pair = np.column_stack([x, 2 * x])
    got = bootstrap_interval(pair, lambda rows: float(np.corrcoef(rows.T)[0, 1]), draws=50)
    assert got == pytest.approx((1, 1))


def test_memory_widens_the_interval(x: np.ndarray) -> None:
    (low, high), (naive_low, naive_high) = bootstrap_interval(x, draws=500), bootstrap_interval(x, draws=500, block=1)
    assert high - low > 1.5 * (naive_high - naive_low)


@pytest.mark.parametrize(
    "wrong",
    [{"method": "moving"}, {"interval": "bca"}, {"level": 0.0}, {"draws": 0}, {"block": 0.5}, {"draws": np.inf}],
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


def test_blocks_are_as_long_as_outcomes(book: dict[str, np.ndarray]) -> None:
    by_horizon = scorecard_intervals(**book, draws=30, horizon=12)
    assert by_horizon.equals(scorecard_intervals(**book, draws=30, block=12))
    assert scorecard_intervals(**book, draws=30, horizon=13)[["low", "high"]].isna().all(axis=None), "only 9 outcomes"


def test_what_is_never_defined_has_no_interval() -> None:
    got = scorecard_intervals(np.zeros(40), ic=np.full(40, np.nan), hits=np.zeros(40), pairs=np.zeros(40), draws=10)
    assert got.loc[["sharpe", "ic", "icir", "hit_rate"]].isna().all(axis=None)
    assert got.loc["volatility"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"ic": np.ones(3)}, "bad_shape"),
        ({"hits": np.ones(120)}, "bad_shape"),
        ({"costs": [np.nan] * 120}, "not_finite"),
    ],
)
def test_series_of_the_scorecard_are_checked(book: dict[str, np.ndarray], wrong: dict[str, object], code: str) -> None:
    with pytest.raises(DataError) as raised:
        scorecard_intervals(book["net_returns"], **wrong)
    assert raised.value.code == code
