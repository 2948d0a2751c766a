"""What a judged candidate gets beyond its score: each number recomputed from the rows by plain means."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from traded import Traded

from alpha.core.nouns import Fold, Label, Scorecard
from alpha.core.panel import Panel
from alpha.labels.forward import forward_excess, forward_rank
from alpha.stats import bootstrap_interval, metrics, optimal_block, rolling_interval
from alpha.stats.decay import ic_by_sector
from alpha.stats.significance import mean_interval
from alpha.validation import detailed
from alpha.validation.detail import THIRDS, volatility_thirds
from alpha.validation.scorecard import measure
from alpha.validation.splits import walk_forward

ROWS, NAMES = 900, 9
TIMES = pd.date_range("2019-01-01 21:00", periods=ROWS, freq="B", tz="UTC")


@dataclass(frozen=True)
class Case:
    panel: Panel
    signal: np.ndarray
    label: Label
    folds: list[Fold]
    book: Traded

    @property
    def rows(self) -> slice:
        return slice(int(self.folds[0].test[0]), int(self.folds[-1].test[-1]) + 1)

    @property
    def realised(self) -> np.ndarray:
        return self.label.realised[self.rows]

    def card(self) -> Scorecard:
        return measure("mine", self.signal, self.label, self.book, self.folds, panel=self.panel)

    def detailed(self, **changes: object) -> Scorecard:
        given = replace(self, **changes)
        return detailed(given.card(), given.signal, given.label, given.book, given.panel, given.folds)


def made(label=forward_excess, rows: int = ROWS) -> Case:
    rng = np.random.default_rng(3)
    moves = rng.normal(0, 0.01, (rows, NAMES)) * np.linspace(0.5, 2, rows)[:, None]
    groups = {"sector": ("Energy",) * 4 + ("Health",) * 4 + ("",)}
    panel = Panel(TIMES[:rows], tuple(f"N{i}" for i in range(NAMES)), {"close": 100 * np.exp(moves.cumsum(0))},
                  groups=groups)  # fmt: skip
    outcome = label(panel, horizon=3)
    signal = np.nan_to_num(outcome.realised) + rng.normal(0, 0.1, moves.shape)
    folds = walk_forward(panel.times, outcome, folds=3)
    tested = rows - int(folds[0].test[0])
    net, costs = rng.normal(0.0005, 0.01, tested), np.full(tested, 0.0002)
    targets = np.where(rng.random((tested, NAMES)) < 0.5, 0.1, 0.0)
    book = Traded(panel.times[-tested:], np.cumprod(1 + net), net, net + costs, targets, rng.random(tested), costs)
    return Case(panel, signal, outcome, folds, book)


@pytest.fixture(scope="module")
def case() -> Case:
    return made()


@pytest.fixture(scope="module")
def card(case: Case) -> Scorecard:
    return case.detailed()


def test_the_score_itself_stays_as_it_was(case: Case, card: Scorecard) -> None:
    before = case.card()
    assert card.metrics == before.metrics
    assert before.intervals == {}
    for name, series in before.series.items():
        assert series.equals(card.series[name])


def test_every_metric_of_the_book_and_the_signal_has_an_interval_around_it(card: Scorecard) -> None:
    counts = {"ic_days", "predictions", "ic_t", "ic_low", "ic_high"}
    assert set(card.intervals) == set(card.metrics) - counts
    for name, (low, high) in card.intervals.items():
        assert low <= high, name
        if name not in ("max_drawdown", "cvar_95", "hit_base_rate"):  # the bootstrap shifts these
            assert low <= card.metrics[name] <= high, name


def test_the_interval_of_the_ic_is_the_one_the_gates_judge(card: Scorecard) -> None:
    assert card.intervals["ic"] == (card.metrics["ic_low"], card.metrics["ic_high"])


def test_shares_are_drawn_in_blocks_as_long_as_an_outcome(case: Case, card: Scorecard) -> None:
    held = np.where(case.book.targets == 0, np.nan, case.book.targets)
    counts = np.column_stack(metrics.daily_hits(held, case.realised)).astype(float)
    plain = bootstrap_interval(counts, lambda drawn: drawn[:, 0].sum() / drawn[:, 1].sum(),
                               block=max(3.0, optimal_block(counts)))  # fmt: skip
    assert card.intervals["hit_rate_positions"] == pytest.approx(plain)


def test_the_seed_decides_the_draws(case: Case, card: Scorecard) -> None:
    again, other = (
        detailed(case.card(), case.signal, case.label, case.book, case.panel, case.folds, seed=seed) for seed in (0, 1)
    )
    assert again.intervals == card.intervals
    assert other.intervals["sharpe"] != card.intervals["sharpe"]


def test_folds_gain_the_interval_of_their_ic(case: Case, card: Scorecard) -> None:
    ic = card.series["ic"].to_numpy()
    for row, fold in zip(card.by_fold, case.folds, strict=True):
        assert (row["ic_low"], row["ic_high"]) == mean_interval(ic[fold.test - case.rows.start], horizon=3)
        assert row["ic_low"] < row["ic"] < row["ic_high"]


def test_the_rolling_ic_is_the_mean_interval_of_each_stretch(card: Scorecard) -> None:
    ic, rolling = card.series["ic"].dropna(), card.series["ic_rolling"]
    assert rolling.index[-1] == ic.index[-1]
    assert len(rolling) == (len(ic) - 252) // 5 + 1
    for when in (rolling.index[0], rolling.index[-1]):
        stretch = ic[:when][-252:].to_numpy()
        assert rolling.loc[when, "mean"] == pytest.approx(stretch.mean())
        assert tuple(rolling.loc[when, ["low", "high"]]) == pytest.approx(mean_interval(stretch, horizon=3))


def test_the_band_of_the_summed_ic_ends_where_the_interval_does(card: Scorecard) -> None:
    summed, ic = card.series["ic_cumulative"], card.series["ic"].dropna()
    assert summed["sum"].to_numpy() == pytest.approx(ic.cumsum().to_numpy())
    assert tuple(summed.iloc[-1] / len(ic)) == pytest.approx([card.metrics[key] for key in ("ic", "ic_low", "ic_high")])
    width = summed["high"] - summed["low"]
    assert width.iloc[3] == pytest.approx(2 * width.iloc[0])


def test_quantiles_sum_a_bars_share_of_each_outcome(case: Case, card: Scorecard) -> None:
    growth = card.series["quantile_growth"]
    daily = metrics.quantile_returns(case.signal[case.rows], case.realised)
    assert list(growth.columns) == [1, 2, 3, 4, 5]
    assert growth.iloc[-1].to_numpy() == pytest.approx(np.nansum(daily, axis=0) / 3)
    assert growth.index.equals(case.book.times)


def test_the_decay_meets_the_score_at_the_horizon_of_the_label(card: Scorecard) -> None:
    decay = card.series["ic_decay"]
    assert list(decay.index) == list(range(1, 21))
    assert decay.loc[3, "ic"] == pytest.approx(card.metrics["ic"])
    assert decay.loc[3, "low"] == pytest.approx(card.metrics["ic_low"])


def test_the_decay_is_of_returns_whatever_the_label(card: Scorecard) -> None:
    ranked = made(forward_rank).detailed().series["ic_decay"]
    pd.testing.assert_frame_equal(ranked, card.series["ic_decay"])


def test_parts_are_thirds_by_volatility_and_the_panels_groups(case: Case, card: Scorecard) -> None:
    parts = card.series["ic_by_part"]
    assert list(parts.index) == [("market volatility", third) for third in THIRDS] + [
        ("sector", "Energy"), ("sector", "Health"),
    ]  # fmt: skip
    sectors = ic_by_sector(case.signal[case.rows], case.realised, case.panel.groups["sector"], horizon=3)
    assert parts.loc["sector"].to_numpy() == pytest.approx(sectors.to_numpy())
    assert card.series["ic_by_year"]["ic"].to_numpy() == pytest.approx([row["ic"] for row in card.by_year])


def test_thirds_are_equal_and_in_order(case: Case) -> None:
    found = pd.Series(volatility_thirds(case.panel, case.rows), case.book.times)
    assert found.value_counts().to_dict() == pytest.approx(dict.fromkeys(THIRDS, len(found) / 3), abs=1)
    close = case.panel.frame("close").pct_change().mean(axis=1).rolling(63).std().loc[found.index]
    assert close.groupby(found).max()["calm"] <= close.groupby(found).min()["middle"]


def test_a_market_too_short_for_a_volatility_has_no_thirds(case: Case) -> None:
    assert volatility_thirds(case.panel.rows(slice(0, 60)), slice(40, 60)) == [None] * 20


@pytest.mark.filterwarnings("error")
def test_a_signal_that_says_nothing_has_no_ic_and_no_failure(case: Case) -> None:
    silent = case.detailed(signal=np.zeros_like(case.signal))
    assert np.isnan(silent.intervals["ic"]).all()
    assert np.isfinite(silent.intervals["sharpe"]).all()
    assert silent.series["ic_rolling"].empty
    assert silent.series["ic_cumulative"].empty
    assert silent.series["ic_decay"]["ic"].isna().all()
    nothing = case.detailed(signal=np.full_like(case.signal, np.nan))
    assert np.isnan(nothing.intervals["hit_rate_positions"]).sum() == 0, "positions are judged by the book"
    assert np.isnan(nothing.intervals["hit_base_rate"]).all()


def test_a_lost_book_has_no_bootstrap(case: Case) -> None:
    net, equity = case.book.net_returns.copy(), case.book.equity.copy()
    equity[-2:], net[-2:] = 0.0, (-1.0, np.nan)
    book = replace(case.book, net_returns=net, gross_returns=net + case.book.costs, equity=equity)
    lost = case.detailed(book=book)
    assert list(lost.intervals) == ["ic"]


def test_few_rows_give_no_interval() -> None:
    short = made(rows=40).detailed()
    assert len(short.series["ic"]) < 30
    assert np.isnan([end for ends in short.intervals.values() for end in ends]).all()
    assert short.series["ic_rolling"].empty


@pytest.mark.parametrize("horizon", [1, 5, 30])
@pytest.mark.parametrize("step", [1, 7])
def test_a_rolling_interval_is_that_of_each_stretch(horizon: int, step: int) -> None:
    x = np.convolve(np.random.default_rng(2).normal(0.02, 0.1, 304), np.ones(5) / 5, "valid")
    mean, half = rolling_interval(x, 100, step=step, horizon=horizon)
    ends = range(len(x), 99, -step)[::-1]
    assert len(mean) == len(ends)
    for at, m, h in zip(ends, mean, half, strict=True):
        low, high = mean_interval(x[at - 100 : at], horizon=horizon)
        assert (m, m - h, m + h) == pytest.approx((x[at - 100 : at].mean(), low, high), nan_ok=True)


def test_a_stretch_longer_than_the_series_has_no_interval() -> None:
    assert [len(part) for part in rolling_interval(np.ones(5), 6)] == [0, 0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [0, 1, 2, 3, 20])
def test_the_block_of_few_values_is_one(count: int) -> None:
    assert optimal_block(np.arange(float(count))) == 1.0
