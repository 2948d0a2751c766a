"""What many trials do to the evidence for one: they are counted, grouped, and held against it."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alpha.core.nouns import Scorecard
from alpha.stats import deflated_sharpe_ratio, expected_max_sharpe, mean_interval, superior_predictive_ability
from alpha.validation import Trials
from alpha.validation.selection import Selection, selection

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


def test_the_chance_is_that_of_the_rows_tested_now(tmp_path):
    one = series(0)
    short = one.iloc[:125]
    assert selection(tried(tmp_path, one, one + 1e-9), "data", card(short), {}, source={}).sharpe_std == 1 / np.sqrt(
        125
    )


def test_the_corrected_bound_is_at_two_and_a_half_percent_over_the_effective_number():
    one = series(0, mean=0.002)
    for effective, horizon in ((1.0, 5), (2.5, 21), (40.0, 50)):
        found = Selection(50, effective, 0.05, 0.1, 0.2).metrics(card(one), horizon=horizon)
        level = 1 - 2 * 0.025 / effective
        assert found["ic_low_corrected"] == mean_interval(one["ic"].to_numpy(), level=level, horizon=horizon)[0]
        assert found["sharpe_expected_max"] == expected_max_sharpe(effective, 0.05)
        assert (found["trials"], found["trials_effective"], found["pbo"], found["spa_p"]) == (50, effective, 0.1, 0.2)


@pytest.mark.parametrize(("rows", "compared"), [(ROWS // 2, True), (ROWS // 2 - 1, False)])
def test_a_trial_is_compared_where_it_covers_half_of_the_rows(tmp_path, rows, compared):
    chosen = selection(tried(tmp_path, series(0), series(1).iloc[:rows]), "data", card(series(0)), {}, source={})
    assert np.isfinite(chosen.pbo) == compared


def test_where_a_trial_was_not_tested_it_earned_nothing(tmp_path):
    one, other = series(0), series(1, mean=0.001)
    part, nothing = other.iloc[: ROWS * 3 // 4], other * (np.arange(ROWS) < ROWS * 3 // 4)[:, None]
    found = [
        selection(tried(tmp_path / name, one, given), "data", card(one), source={})
        for name, given in (("part", part), ("nothing", nothing))
    ]
    np.testing.assert_array_equal(found[0].logits, found[1].logits)
    assert found[0].spa_p == found[1].spa_p


def test_the_best_of_one_half_that_is_the_median_of_the_other_is_overfit(tmp_path):
    chosen = selection(tried(tmp_path, *(series(seed) for seed in range(3))), "data", card(series(0)), source={})
    assert chosen.pbo == np.mean(chosen.logits <= 0) > np.mean(chosen.logits < 0)


def test_of_one_trial_nothing_is_chosen(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen = selection(tried(tmp_path, series(0)), "data", card(series(0)), source={})
    assert np.isnan(chosen.pbo)
    assert chosen.logits.size == Selection(1, 1.0, 0.1, np.nan, np.nan).logits.size == 0


def test_baselines_are_in_the_choice_and_earn_nothing_for_the_family(tmp_path):
    best, rival = series(0, mean=0.003), series(1, mean=0.01)
    trials = tried(tmp_path, best)
    alone, beaten = (selection(trials, "data", card(best), given, source={}) for given in ({}, {"idle": card(rival)}))
    assert np.isnan(alone.pbo)
    assert beaten.pbo == np.mean(beaten.logits <= 0) == 0, "the baseline is the best in every half"
    assert (beaten.trials, beaten.spa_p) == (1, alone.spa_p)


def test_fewer_rows_than_sixty_are_no_evidence(tmp_path):
    for rows, known in ((59, False), (60, True)):
        given = [series(seed).iloc[:rows] for seed in range(3)]
        chosen = selection(tried(tmp_path / str(rows), *given), "data", card(given[0]), {}, source={})
        assert (np.isfinite(chosen.pbo), np.isfinite(chosen.spa_p)) == (known, known)


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
        ("until the first session", HERE, 1 - ROWS, True),
        ("what came before", HERE, -ROWS, False),
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
