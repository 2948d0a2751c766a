"""What many trials do to the evidence for one: they are counted, grouped, and held against it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alpha.core.types import Scorecard
from alpha.validation import (
    Trials,
    deflated_sharpe_ratio,
    expected_max_sharpe,
    mean_interval,
    superior_predictive_ability,
)
from alpha.validation.selection import clusters, effective_number, equivalent_number, selection

ROWS = 500
TIMES = pd.date_range("2015-01-01", periods=ROWS, tz="UTC", unit="ns")


def series(seed: int, mean: float = 0.0, common: np.ndarray | float = 0.0, weight: float = 0.0) -> pd.DataFrame:
    """Return what a trial earned: noise, and a share of what others earned too."""
    own = np.random.default_rng(seed).normal(0, 0.01, (ROWS, 2))
    values = mean + np.sqrt(1 - weight) * own + np.sqrt(weight) * np.reshape(common, (-1, 1))
    return pd.DataFrame(values, TIMES, ["ic", "net_returns"])


def card(given: pd.DataFrame, name: str = "model") -> Scorecard:
    return Scorecard(name, {}, {}, [], [], {column: given[column] for column in given})


def tried(path: Path, *given: pd.DataFrame) -> Trials:
    trials = Trials(path / "trials.jsonl")
    for number, each in enumerate(given):
        trials.record(f"config {number}", "data", "model", {}, each)
    return trials


def test_one_trial_is_not_discounted(tmp_path):
    one = series(0, mean=0.002)
    chosen = selection(tried(tmp_path, one), "data", card(one), {"idle": card(series(1), "idle")}, source={})
    found = chosen.metrics(card(one), horizon=1)
    assert (found["trials"], found["trials_effective"], found["sharpe_expected_max"]) == (1, 1, 0)
    assert found["ic_low_corrected"] == mean_interval(one["ic"].to_numpy())[0]


def test_every_trial_makes_passing_harder(tmp_path):
    best = series(0, mean=0.001)
    others = [series(seed) for seed in range(1, 41)]
    few = selection(tried(tmp_path / "few", best, *others[:4]), "data", card(best), {}, source={}).metrics(
        card(best), 1
    )
    many = selection(tried(tmp_path / "many", best, *others), "data", card(best), {}, source={}).metrics(card(best), 1)
    assert (few["trials_effective"], many["trials_effective"]) == (5, 41)
    for name in ("ic_low_corrected", "deflated_sharpe"):
        assert many[name] < few[name]
    assert many["sharpe_expected_max"] > few["sharpe_expected_max"]
    assert many["spa_p"] > few["spa_p"]


def test_the_deflated_sharpe_ratio_is_that_of_the_literature(tmp_path):
    best = series(0, mean=0.001)
    trials = tried(tmp_path, best, *(series(seed) for seed in range(1, 8)))
    chosen = selection(trials, "data", card(best), {}, source={})
    net = pd.DataFrame({number: trials.series(line)["net_returns"] for number, line in enumerate(trials.read())})
    sharpes = net.mean() / net.std()
    assert chosen.sharpe_std == pytest.approx(max(sharpes.std(), 1 / np.sqrt(ROWS)))
    returns = best["net_returns"]
    expected = deflated_sharpe_ratio(
        sharpes[0], ROWS, 8, chosen.sharpe_std, returns.skew() * (ROWS - 2) / np.sqrt(ROWS * (ROWS - 1)),
        ((returns - returns.mean()) ** 4).mean() / returns.var(ddof=0) ** 2,
    )  # fmt: skip
    assert chosen.metrics(card(best), 1)["deflated_sharpe"] == pytest.approx(expected, rel=1e-9)
    assert chosen.metrics(card(best), 1)["sharpe_expected_max"] == expected_max_sharpe(8, chosen.sharpe_std)


def test_trials_never_differ_less_than_chance(tmp_path):
    """Trials that earned the same say nothing about what luck gives; a Sharpe ratio of so many rows still does."""
    one, floor = series(0, mean=0.001), 1 / np.sqrt(ROWS)
    same = [one * scale for scale in (1, 2, 3)]
    alone = selection(tried(tmp_path / "alone", one), "data", card(one), {}, source={})
    alike = selection(tried(tmp_path / "alike", *same), "data", card(one), {}, source={})
    assert (alone.sharpe_std, alike.sharpe_std) == (floor, floor)
    apart = [series(seed, mean=mean) for seed, mean in enumerate((-0.005, 0.0, 0.005))]
    assert selection(tried(tmp_path / "apart", *apart), "data", card(one), {}, source={}).sharpe_std > 5 * floor


def test_trials_that_are_alike_count_once(tmp_path):
    common = np.random.default_rng(99).normal(0, 0.01, ROWS)
    alike = [series(seed, common=common, weight=0.9) for seed in range(5)]
    apart = [series(seed) for seed in range(10, 13)]
    chosen = selection(tried(tmp_path, *alike, *apart), "data", card(alike[0]), {}, source={})
    assert chosen.trials == 8
    assert 4 <= chosen.effective < 5.5, "five that are alike are worth one and a half"


def test_the_same_again_and_other_data_do_not_count(tmp_path):
    one = series(0)
    trials = tried(tmp_path, one, series(1))
    trials.record("config 0", "data", "model", {}, one)
    trials.record("config 0", "other data", "model", {}, series(2))
    assert selection(trials, "data", card(one), {}, source={}).trials == 2


def test_trials_over_other_rows_count_but_are_not_compared(tmp_path):
    one, early = series(0), series(1).iloc[:200]
    chosen = selection(tried(tmp_path, one, early), "data", card(one), {}, source={})
    assert (chosen.trials, chosen.effective) == (2, 2)
    assert np.isnan(chosen.pbo), "of those that can be compared there is one"
    assert np.isfinite(chosen.spa_p)


def test_choosing_among_noise_overfits_and_choosing_an_edge_does_not(tmp_path):
    noise = [series(seed) for seed in range(20)]
    fooled = selection(tried(tmp_path / "noise", *noise), "data", card(noise[0]), {}, source={})
    edge = series(50, mean=0.003)
    right = selection(tried(tmp_path / "edge", edge, *noise), "data", card(edge), {}, source={})
    assert fooled.pbo > 0.3
    assert right.pbo < 0.01
    assert right.spa_p < 0.01 < fooled.spa_p


def test_books_that_never_move_are_no_evidence(tmp_path):
    idle = pd.DataFrame(0.0, TIMES, ["ic", "net_returns"])
    chosen = selection(tried(tmp_path, idle, idle * 1), "data", card(idle), {}, source={})
    found = chosen.metrics(card(idle), 1)
    assert np.isnan(found["deflated_sharpe"])
    assert np.isnan(found["spa_p"])


def test_one_trial_more_never_means_fewer_ideas():
    """Blends of two trials are like both, and draw their clusters together."""
    rng = np.random.default_rng(0)
    ideas = rng.normal(0, 0.01, (756, 16))
    pairs = (ideas[:, ::2] + ideas[:, 1::2]) / 2
    blends = np.hstack([pairs + rng.normal(0, 0.0005, pairs.shape) for _ in range(3)])
    everything = pd.DataFrame(np.hstack([ideas, blends]))
    assert len(set(clusters(everything))) < 16
    numbers = [effective_number(everything.iloc[:, :n]) for n in range(everything.shape[1] + 1)]
    assert 16 == numbers[16] < numbers[-1] < 30, "a blend of two is new, three times the same blend is not"
    assert (np.diff(numbers) >= 0).all()


@pytest.mark.parametrize(("trials", "alike"), [(2, 0.8), (10, 0.5), (150, 0.55), (150, 0.95)])
def test_trials_that_share_half_their_returns_are_not_one(trials, alike):
    """Luck has the other half to choose from: the best of n that correlate by r is sqrt(1 - r) as good."""
    rng = np.random.default_rng(trials)
    own, common = np.split(np.linalg.qr(rng.normal(size=(2000, trials + 1)))[0], [trials], axis=1)
    returns = pd.DataFrame(np.sqrt(1 - alike) * own + np.sqrt(alike) * common)
    best = np.random.default_rng(0).normal(size=(20_000, trials)).max(axis=1).mean()
    assert expected_max_sharpe(equivalent_number(returns)) == pytest.approx(np.sqrt(1 - alike) * best, rel=0.05)


def test_the_same_a_hundred_times_is_one():
    one = series(3)["net_returns"]
    assert equivalent_number(pd.DataFrame(dict.fromkeys(range(100), one))) == 1
    assert equivalent_number(pd.DataFrame(index=TIMES)) == 0


def test_what_a_trial_was_not_tested_on_is_nothing_it_shares():
    one = series(3)["net_returns"]
    early, late = one.iloc[: ROWS // 2], one.iloc[ROWS // 2 :]
    apart, halves = (equivalent_number(pd.DataFrame({0: early, 1: other})) for other in (late, one))
    assert apart == pytest.approx(2, abs=0.15)
    assert 1.3 < halves < 1.8


def test_a_row_less_does_not_begin_a_new_family(tmp_path):
    """Whoever scores the best of many again, tested from the day after on, has still chosen it among them."""
    noise = [series(seed) for seed in range(40)]
    best = max(noise, key=lambda each: each["net_returns"].mean())
    trials = tried(tmp_path, *noise)
    before = selection(trials, "data", card(best), {}, source={})
    again = best.iloc[1:]
    trials.record("again", "data", "model", {}, again)
    after = selection(trials, "data", card(again), {}, source={})
    assert after.spa_p == pytest.approx(before.spa_p, abs=0.05)
    assert after.spa_p > 0.2 > superior_predictive_ability(again[["net_returns"]].to_numpy()).pvalue
    assert after.effective >= before.effective


def test_clusters_are_cut_at_the_correlation_given():
    common = np.random.default_rng(1).normal(0, 0.01, ROWS)
    frame = pd.DataFrame({n: series(n, common=common, weight=0.6)["net_returns"] for n in range(4)})
    assert len(set(clusters(frame, alike=0.4))) == 1
    assert len(set(clusters(frame, alike=0.8))) == 4
    assert clusters(frame[[0]]).tolist() == [1]


def test_cash_among_the_trials_changes_nothing(tmp_path):
    """Its returns differ by rounding errors alone: a Sharpe ratio of 1e12 would be that of a clock."""
    noise = [series(seed, mean=-0.0005) for seed in range(4)]
    cash = noise[0].assign(net_returns=pd.Series(1.0001 ** np.arange(ROWS + 1)).pct_change().to_numpy()[1:])
    assert cash["net_returns"].std() > 0
    without = selection(tried(tmp_path / "without", *noise), "data", card(noise[0]), {}, source={})
    chosen = selection(tried(tmp_path / "with", *noise, cash), "data", card(noise[0]), {}, source={})
    assert chosen.sharpe_std == pytest.approx(without.sharpe_std)
    assert chosen.spa_p == without.spa_p > 0.05
    assert np.isnan(chosen.metrics(card(cash), 1)["deflated_sharpe"])


HERE, ELSEWHERE = {"path": "/bars"}, {"path": "/others"}


@pytest.mark.parametrize(
    ("data_id", "source", "late", "counts"),
    [
        ("data", ELSEWHERE, 0, True),  # the panel itself
        ("a day more", HERE, 1, True),
        ("a year later", HERE, ROWS - 1, True),
        ("what came after", HERE, ROWS, False),
        ("other data", ELSEWHERE, 0, False),
        ("from nowhere", {}, 0, False),
    ],
)
def test_another_panel_of_the_same_sessions_does_not_begin_a_new_count(tmp_path, data_id, source, late, counts):
    """Or whoever moves the start by a day has tried nothing yet."""
    trials, one = Trials(tmp_path / "trials.jsonl"), series(0, mean=0.001)
    trials.record("config", "data", "model", {}, one, HERE)
    other = series(1)
    trials.record("config", data_id, "model", {}, other.set_axis(TIMES + late * (TIMES[1] - TIMES[0])), source)
    chosen = selection(trials, "data", card(one), source=HERE)
    assert (chosen.trials, chosen.effective) == ((2, 2) if counts else (1, 1))
