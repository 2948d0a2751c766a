"""The effective number of trials, kept up to date, is that of all trials taken together."""

from __future__ import annotations

import warnings

import effective_reference as reference
import numpy as np
import pandas as pd
import pytest

from alpha.stats import expected_max_sharpe
from alpha.validation import effective
from alpha.validation.effective import EffectiveNumber, effective_number

ROWS = 500
TIMES = pd.date_range("2015-01-01", periods=ROWS, tz="UTC", unit="ns")
FAMILIES = "noise", "alike", "mixed", "ideas", "blends"


def family(kind: str, seed: int, trials: int, rows: int) -> pd.DataFrame:
    """Return net returns of trials that are related in some way."""
    rng = np.random.default_rng(seed)
    own, common, ideas = (rng.normal(0, 0.01, (rows, n)) for n in (trials, 1, 5))
    shares = {"noise": 0.0, "alike": rng.uniform(0.3, 0.9), "mixed": rng.uniform(0, 0.95, trials), "ideas": 0.7}
    values = own
    if kind == "blends":
        for new in range(8, trials):
            one, other = rng.integers(new, size=2)
            values[:, new] = (values[:, one] + values[:, other]) / 2 + rng.uniform(0, 0.7) * own[:, new]
    else:
        shared = ideas[:, rng.integers(5, size=trials)] if kind == "ideas" else common
        values = np.sqrt(shares[kind]) * shared + np.sqrt(1 - shares[kind]) * own
    return pd.DataFrame(values, pd.date_range("2015-01-01", periods=rows, tz="UTC", unit="ns"))


def holed(returns: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return trials that were tested on different rows, some on few."""
    rng = np.random.default_rng(seed)
    first, last = rng.integers(len(returns) // 2, size=(2, returns.shape[1]))
    rows = np.arange(len(returns))[:, None]
    return returns.where((rows >= first) & (rows < len(returns) - last))


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("kind", FAMILIES)
def test_it_is_that_of_all_trials_taken_together(kind, whole):
    for seed in range(3):
        returns = family(kind, seed, 40, 150)
        returns = returns if whole else holed(returns, seed)
        found = EffectiveNumber().add(returns)
        assert found.clusters == max(reference.clusters_by_prefix(returns))
        assert found.equivalent == pytest.approx(reference.equivalent_number(returns), rel=1e-9)
        assert found.value == effective_number(returns) == pytest.approx(reference.effective_number(returns), rel=1e-9)
        if whole:
            assert found.equivalent == reference.equivalent_number(returns), "to the bit"


@pytest.mark.parametrize("kind", FAMILIES)
def test_trials_may_come_one_by_one_and_rows_later(kind):
    returns = holed(family(kind, 7, 30, 200), 7)
    together, apart = EffectiveNumber().add(returns), EffectiveNumber()
    numbers = []
    for name in returns:
        apart.add(returns[[name]].dropna())
        numbers.append(apart.value)
    assert apart.clusters == together.clusters
    assert apart.equivalent == pytest.approx(together.equivalent, rel=1e-12)
    assert (np.diff(numbers) >= 0).all()


@pytest.mark.parametrize("kind", FAMILIES)
def test_beyond_the_trials_that_are_clustered_each_time_it_is_never_smaller(kind, monkeypatch):
    monkeypatch.setattr(effective, "EVERY", 16)
    for seed in range(4):
        returns = family(kind, seed, 80, 100)
        known, found = reference.clusters_by_prefix(returns), EffectiveNumber()
        numbers = [found.add(returns[[name]]).clusters for name in returns]
        reached = np.maximum.accumulate(known)
        assert (numbers >= reached).all()
        assert (numbers <= reached + np.ceil(reached / effective.GROWTH) + 3).all(), "and larger by few"
        assert (numbers[:16] == reached[:16]).all()
        if kind == "noise":
            assert numbers == known


def test_in_between_a_trial_joins_what_it_is_most_like_or_nothing(monkeypatch):
    """Every second trial is a variant of one idea, the others are new: nothing is missed, so nothing is added."""
    monkeypatch.setattr(effective, "EVERY", 16)
    returns = family("noise", 0, 100, 400)
    returns[list(range(1, 100, 2))] = 0.5 * returns[list(range(1, 100, 2))].to_numpy() + returns[[1]].to_numpy()
    known, found = reference.clusters_by_prefix(returns), EffectiveNumber()
    assert [found.add(returns[[name]]).clusters for name in returns] == known
    assert known[-1] == 51


def test_clustering_again_is_rare_among_many(monkeypatch):
    """It happens at steps of a thirty-second, so that the cost of a trial grows with the number before it alone."""
    sizes, cut = [], effective._Clusters._cut_tree

    def counted(self):
        sizes.append(len(self._distances))
        return cut(self)

    monkeypatch.setattr(effective._Clusters, "_cut_tree", counted)
    found = EffectiveNumber()
    found.add(family("mixed", 0, 320, 60))
    assert sizes[:256] == list(range(1, 257))
    assert sizes[256:] == [before + before // 32 for before in sizes[255:-1]]
    assert sizes[-1] > 310


def test_no_trials_are_none():
    found = EffectiveNumber()
    assert (found.value, found.clusters, found.equivalent) == (0, 0, 0)
    assert found.add(pd.DataFrame(index=TIMES)).value == 0


def equivalent(returns: pd.DataFrame) -> float:
    return EffectiveNumber().add(returns).equivalent


def net(seed: int) -> pd.Series:
    return pd.Series(np.random.default_rng(seed).normal(0, 0.01, ROWS), TIMES)


def test_one_trial_more_never_means_fewer_ideas():
    """Blends of two trials are like both, and draw their clusters together."""
    rng = np.random.default_rng(0)
    ideas = rng.normal(0, 0.01, (756, 16))
    pairs = (ideas[:, ::2] + ideas[:, 1::2]) / 2
    blends = np.hstack([pairs + rng.normal(0, 0.0005, pairs.shape) for _ in range(3)])
    everything = pd.DataFrame(np.hstack([ideas, blends]))
    assert reference.clusters_by_prefix(everything)[-1] < 16
    found = EffectiveNumber()
    numbers = [0.0, *(found.add(everything[[name]]).value for name in everything)]
    assert 16 == numbers[16] < numbers[-1] < 30, "a blend of two is new, three times the same blend is not"
    assert (np.diff(numbers) >= 0).all()


@pytest.mark.parametrize(("trials", "alike"), [(2, 0.8), (10, 0.5), (150, 0.55), (150, 0.95)])
def test_trials_that_share_half_their_returns_are_not_one(trials, alike):
    """Luck has the other half to choose from: the best of n that correlate by r is sqrt(1 - r) as good."""
    rng = np.random.default_rng(trials)
    own, common = np.split(np.linalg.qr(rng.normal(size=(2000, trials + 1)))[0], [trials], axis=1)
    returns = pd.DataFrame(np.sqrt(1 - alike) * own + np.sqrt(alike) * common)
    best = np.random.default_rng(0).normal(size=(20_000, trials)).max(axis=1).mean()
    assert expected_max_sharpe(equivalent(returns)) == pytest.approx(np.sqrt(1 - alike) * best, rel=0.05)


def test_the_same_a_hundred_times_is_one():
    one = net(3)
    assert equivalent(pd.DataFrame(dict.fromkeys(range(100), one))) == 1
    assert equivalent(pd.DataFrame(index=TIMES)) == 0


def test_what_a_trial_was_not_tested_on_is_nothing_it_shares():
    one = net(3)
    early, late = one.iloc[: ROWS // 2], one.iloc[ROWS // 2 :]
    apart, halves = (equivalent(pd.DataFrame({0: early, 1: other})) for other in (late, one))
    assert apart == pytest.approx(2, abs=0.15)
    assert 1.3 < halves < 1.8


def test_clusters_are_cut_at_the_correlation_given():
    shared = np.random.default_rng(1).normal(0, 0.01, (ROWS, 1))
    frame = np.sqrt(0.6) * shared + np.sqrt(0.4) * family("noise", 2, 4, ROWS)
    assert EffectiveNumber(alike=0.4).add(frame).clusters == 1
    assert EffectiveNumber(alike=0.8).add(frame).clusters == 4
    assert EffectiveNumber().add(frame[[0]]).clusters == 1


@pytest.mark.parametrize(("shared", "alike"), [(59, False), (60, True)])
def test_trials_that_share_few_rows_are_alike_no_other(shared, alike):
    one = net(3)
    early, late = one.iloc[: 200 + shared], one.iloc[200:]
    found = EffectiveNumber().add(pd.DataFrame({0: early, 1: late}))
    assert found.clusters == (1 if alike else 2)


@pytest.mark.parametrize("constant", [0.0, 0.01, np.nan])
def test_a_trial_that_never_moves_is_alike_no_other_and_draws_nothing(constant):
    idle = pd.Series(constant, TIMES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = EffectiveNumber().add(pd.DataFrame({0: net(3), 1: idle, 2: idle}))
    assert (found.clusters, found.equivalent) == (3, 1)


def test_a_trial_that_does_not_move_while_another_is_tested_is_alike_no_other():
    one, other = net(3), net(4)
    still = pd.Series(np.where(np.arange(ROWS) < 200, one, 0.1), TIMES)
    found = EffectiveNumber().add(pd.DataFrame({0: still, 1: other.iloc[200:]}))
    assert found.clusters == 2


@pytest.mark.parametrize(("shared", "alike"), [(59, False), (60, True)])
def test_a_later_trial_over_more_rows_shares_those_of_the_earlier_one(shared, alike):
    one = net(3).to_frame()
    found = EffectiveNumber().add(one.iloc[:shared]).add(one)
    assert found.clusters == (1 if alike else 2)
