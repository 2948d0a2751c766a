"""The checks of a whole pipeline: what each says, what it leaves alone, and when it has too little to go by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from alpha.core.errors import ConfigError, DataError
from alpha.core.nouns import Label
from alpha.core.panel import Panel
from alpha.lab.battery import matrix, worlds
from alpha.lab.battery.honest import held, honest, trade, weights
from alpha.lab.battery.market import EXCHANGE, hours, records
from alpha.labels import label as label_registry
from alpha.leaks import Case, check, examine
from alpha.leaks.execution import fair_market
from alpha.leaks.nulls import block_mean
from alpha.leaks.outcomes import gapped


@pytest.fixture(scope="module")
def case() -> Case:
    return Case.of(honest(records(0)), seed=0)


def _with(case: Case, **stages) -> Case:  # type: ignore[no-untyped-def]
    return replace(case, pipeline=replace(case.pipeline, **stages))


def _said(name: str, case: Case, **params: object) -> str:
    return check.bind({"name": name, **params})(case) or ""


def test_an_honest_pipeline_is_left_alone(case):
    assert set(examine(case).values()) == {None}
    assert examine(case, ["cut"]) == {"cut": None}


def test_a_check_says_the_same_twice(case):
    leaking = _with(case, trade=lambda signal, panel: np.ones(len(panel)) * np.nansum(panel["close"]))
    assert _said("fills", leaking) == _said("fills", leaking) != ""


class TestRows:
    def test_they_are_drawn_by_the_seed_and_have_a_future(self, case):
        drawn = case.rows(50, "x")
        assert drawn == case.rows(50, "x") != replace(case, seed=1).rows(50, "x")
        assert len(set(drawn)) == 50
        assert min(drawn) >= 30
        assert max(drawn) < len(case.panel) - 1

    def test_most_stand_where_something_changes_that_seldom_does(self, case):
        quiet = replace(case.panel, fields={"close": case.panel["close"], "slow": np.zeros(case.panel.tradable.shape)},
                        tradable=np.ones(case.panel.tradable.shape))  # fmt: skip
        slow = np.zeros(quiet.tradable.shape)
        slow[200:] = 1
        drawn = replace(case, panel=quiet.with_fields(slow=slow)).rows(5, "x")
        assert {199, 200} < set(drawn)

    @pytest.mark.parametrize("seed", range(5))
    def test_the_first_stands_where_most_periods_end_at_once(self, case, seed):
        times, seeded = case.panel.times, replace(case, seed=seed)
        drawn = times[seeded.rows(5, "x")]
        assert drawn[0] == pd.Timestamp("2015-12-31 21:00", tz="UTC"), "a week, a month, a quarter and a year"
        assert pd.Timestamp("2016-01-04 21:00", tz="UTC") in drawn
        quarter = np.flatnonzero(times < pd.Timestamp("2015-04-01", tz="UTC"))
        assert times[seeded.rows(1, "x", quarter)[0]].date() in {pd.Timestamp(day).date() for day in
                                                                 ("2015-02-27", "2015-03-31")}  # fmt: skip

    def test_the_end_of_a_session_counts_where_it_has_several_bars(self):
        bars = Case.of(next(world for world in worlds() if world.name == "bars_labelled_at_their_end").make(0))
        (row,) = bars.rows(1, "x")
        assert bars.panel.times[row].date() < bars.panel.times[row + 1].date()

    def test_only_those_asked_for_are_drawn(self, case):
        assert set(case.rows(99, "x", np.arange(100, 110))) == set(range(100, 110))
        assert case.rows(9, "x", np.arange(0)) == []

    def test_a_short_history_gives_what_it_has(self, case):
        short = replace(case, panel=case.panel.rows(slice(0, 10)))
        assert sorted(short.rows(99, "x")) == [4, 5, 6, 7, 8]


class TestReplay:
    def test_each_kind_of_difference_is_told(self, case):
        def late(at):  # type: ignore[no-untyped-def]
            panel = case.pipeline.load(at)
            return panel if at is None else replace(panel, times=panel.times - pd.Timedelta(minutes=1))

        assert "was there then only" in _said("replay", _with(case, load=late))

        def short(at):  # type: ignore[no-untyped-def]
            panel = case.pipeline.load(at)
            return panel if at is None else panel.rows(slice(0, -1))

        assert "is there now only" in _said("replay", _with(case, load=short))

        def gone(at):  # type: ignore[no-untyped-def]
            panel = case.pipeline.load(at)
            return panel if at is None else panel.select(panel.symbols[:-1])

        assert "S15 can be traded now only" in _said("replay", _with(case, load=gone))

        def spoiled(at):  # type: ignore[no-untyped-def]
            panel = case.pipeline.load(at)
            return panel if at is None else panel.with_fields(score=panel["score"] + 1)

        assert "'score' of S00" in _said("replay", _with(case, load=spoiled))

        def halted(at):  # type: ignore[no-untyped-def]
            panel = case.pipeline.load(at)
            return panel if at is None else replace(panel, tradable=np.zeros_like(panel.tradable))

        assert "'tradable' of" in _said("replay", _with(case, load=halted))

    def test_a_field_that_was_not_there_is_told(self, case):
        def poor(at):  # type: ignore[no-untyped-def]
            panel = case.pipeline.load(at)
            fields = {name: values for name, values in panel.fields.items() if at is None or name != "score"}
            return replace(panel, fields=fields)

        assert "and was nan" in _said("replay", _with(case, load=poor))

    def test_data_that_could_not_be_had_are_told(self, case):
        def nothing(at):  # type: ignore[no-untyped-def]
            raise DataError("there are no bars", code="no_bars")

        assert "cannot be loaded: [no_bars]" in _said("replay", _with(case, load=nothing))

    def test_a_symbol_that_came_later_and_a_row_stamped_later_are_no_leak(self, case):
        def early(at):  # type: ignore[no-untyped-def]
            panel = case.pipeline.load(None)
            return panel if at is None else panel.until(at + pd.Timedelta(days=3))

        absent = np.full((len(case.panel), 1), np.nan)
        panel = Panel(case.panel.times, (*case.panel.symbols, "NEW"),
                      {name: np.hstack([values, absent]) for name, values in case.panel.fields.items()},
                      np.hstack([case.panel.tradable, absent > 0]))  # fmt: skip
        assert _said("replay", replace(_with(case, load=early), panel=panel)) == ""


class TestLabels:
    def test_a_gap_is_a_leap_of_all_later_prices(self, case):
        leapt = gapped(case.panel, 100, np.full(16, 2.0))
        assert np.array_equal(leapt["close"][:101], case.panel["close"][:101], equal_nan=True)
        assert np.array_equal(leapt["raw_open"][101:], 2 * case.panel["raw_open"][101:], equal_nan=True)
        assert np.array_equal(leapt["volume"], case.panel["volume"], equal_nan=True)

    def test_ranks_are_judged_by_the_return_behind_them(self, case):
        def scaled(panel: Panel) -> Label:
            label = case.pipeline.label(panel)
            spread = np.nanstd(panel["close"], axis=1, keepdims=True)
            return replace(label, values=label.values / spread, realised=label.values)

        assert _said("labels", replace(_with(case, label=scaled), label=scaled(case.panel))) == ""

    def test_the_arithmetic_of_a_label_comes_first(self, case):
        early = replace(case.label, known_at=case.panel.times.as_unit("ns").asi8.view("datetime64[ns]"))
        assert "no later than it was decided" in _said("labels", replace(case, label=early))


class TestFolds:
    def test_without_folds_nothing_is_known(self, case):
        assert _said("folds", replace(case, folds=())) == "there are no folds to check"

    def test_few_duplicates_are_left_alone(self, case):
        values = np.copy(case.features.values)
        fold = case.folds[0]
        values[fold.test[0]] = values[fold.train[-1]]
        outcome = case.label.values.copy()
        outcome[fold.test[0]] = outcome[fold.train[-1]]
        label = replace(case.label, values=outcome, realised=None)
        twin = replace(case, features=replace(case.features, values=values), label=label)
        assert _said("duplicates", twin, share=0.05) == ""
        assert "cells whose features and outcome it learned from" in _said("duplicates", twin, share=0.001)

    def test_a_fold_is_thinned_to_its_newest_rows(self, case):
        fold = case.folds[1]
        assert list(case.thinned(fold, 800).train) == list(fold.train[-50:])
        assert list(case.thinned(fold, 10**9).train) == list(fold.train)
        assert len(case.thinned(fold, 1).train) == 30

    def test_a_realised_outcome_is_replaced_too(self, case):
        def reads(features, label, fold, tradable):  # type: ignore[no-untyped-def]
            return np.where(tradable[fold.test], np.nanmean(label.realised[fold.test]), np.nan)

        label = replace(case.label, realised=case.label.values)
        assert "test row 1 of fold 0" in _said("refit", replace(_with(case, predict=reads), label=label))

    def test_a_window_that_is_centred_over_the_test_rows(self, case):
        """It leaves the first row alone: there is nothing to the left of it, so it is NaN."""

        def centred(features, label, fold, tradable):  # type: ignore[no-untyped-def]
            return pd.DataFrame(features.values[fold.test][:, :, 0]).rolling(11, center=True).mean().to_numpy()

        def trailing(features, label, fold, tradable):  # type: ignore[no-untyped-def]
            return pd.DataFrame(features.values[fold.test][:, :, 0]).rolling(11).mean().to_numpy()

        assert _said("refit", _with(case, predict=trailing)) == ""
        assert "of fold 0" in _said("refit", _with(case, predict=centred))
        assert "of fold 0" in _said("whole", _with(case, predict=centred))

    @pytest.mark.parametrize("seed", range(5))
    def test_a_look_ahead_in_the_last_rows_of_a_month_alone(self, case, seed):
        """It moves nothing unless the future begins with the month."""
        month = case.panel.times.month.to_numpy()

        def peeks(features, label, fold, tradable):  # type: ignore[no-untyped-def]
            rows = np.minimum(fold.test + 1, len(features.times) - 1)
            return np.where((month[rows] != month[fold.test])[:, None], features.values[rows, :, 0], 0.0)

        assert "are changed" in _said("refit", replace(_with(case, predict=peeks), seed=seed))
        assert "are changed" in _said("whole", replace(_with(case, predict=peeks), seed=seed))

    @pytest.mark.parametrize("name", ["refit", "whole"])
    def test_every_fold_is_tried_by_some_seed(self, case, name):
        tried = set()

        def noted(features, label, fold, tradable):  # type: ignore[no-untyped-def]
            tried.add(fold.index)
            return case.signal[fold.test]

        for seed in range(8):
            assert _said(name, replace(_with(case, predict=noted), seed=seed)) == ""
        assert tried == {0, 1}

    def test_after_a_drawn_row_there_is_no_row(self, case):
        seen = []

        def noted(features, label, fold, tradable):  # type: ignore[no-untyped-def]
            seen.append(
                {len(features.times), len(label.values), len(tradable), int(max(fold.test.max(), fold.train.max())) + 1}
            )
            return case.signal[fold.test]

        assert _said("whole", _with(case, predict=noted)) == ""
        cut = [rows for rows in seen if len(case.panel) not in rows]
        assert len(seen) == 5
        assert [len(rows) for rows in cut] == [1, 1, 1]

    def test_a_fold_of_one_row_is_tried_by_its_first(self, case):
        fold = replace(case.folds[0], test=case.folds[0].test[:1])
        assert _said("refit", replace(case, folds=(fold,))) == _said("whole", replace(case, folds=(fold,))) == ""


class TestNulls:
    def test_the_chance_is_that_of_students_t(self):
        x = np.random.default_rng(0).normal(0.1, 1, 400)
        mean = block_mean(x, 10)
        known = stats.ttest_1samp(x.reshape(-1, 10).mean(axis=1), 0, alternative="greater")
        assert (mean.value, mean.chance) == pytest.approx((x.mean(), known.pvalue))

    def test_too_few_blocks_say_nothing(self):
        assert block_mean(np.ones(7), 1).chance == 1.0
        assert block_mean(np.full(7, np.nan), 1).chance == 1.0
        assert block_mean(np.r_[np.ones(8), np.nan], 1).chance == 0.0

    def test_enough_blocks_are_enough(self, case):
        fitted = []

        def counted(features, label, fold, tradable):  # type: ignore[no-untyped-def]
            fitted.append(fold.index)
            return case.pipeline.predict(features, label, fold, tradable)

        for blocks in (5, 60):
            assert _said("shuffled_labels", _with(case, predict=counted), blocks=blocks) == ""
        assert fitted == [0, 0, 1]

    def test_reversed_outcomes_of_several_lengths_are_purged_by_the_longest(self, case):
        """In reversed order the span of a cell is that of another, so no cell may be known before the longest is."""
        label = label_registry.bind({"name": "barrier", "horizon": 6, "window": 10})(case.panel)
        seen = []

        def keeps(features, label, fold, tradable):  # type: ignore[no-untyped-def]
            seen.append(label)
            return case.signal[fold.test]

        _said("reversed_labels", replace(_with(case, predict=keeps), label=label))
        bars = seen[0].horizons(case.panel.times)
        assert seen[0].known_at.shape == label.known_at.shape
        assert (bars[:-7] == 6).all()
        assert (bars[-7:] == -1).all()
        assert len(np.unique(label.horizons(case.panel.times))) == 8, "from the bar of the entry to six later, or never"

    def test_a_label_known_at_another_time_for_each_symbol_is_dealt_out_with_it(self, case):
        seen = []

        def keeps(features, label, fold, tradable):  # type: ignore[no-untyped-def]
            seen.append((label.values, label.known_at))
            return case.signal[fold.test]

        number = np.arange(16.0) + np.zeros(case.label.values.shape)
        known_at = case.label.known_at[:, None] + np.arange(16).astype("timedelta64[ns]")
        label = replace(case.label, values=number, known_at=known_at)
        _said("shuffled_labels", replace(_with(case, predict=keeps), label=label))
        values, known = seen[0]
        there = ~np.isnat(known)
        offset = (known - case.label.known_at[:, None]).astype("int64")
        assert np.array_equal(values[there], offset[there])
        assert len(np.unique(values[10])) == 16
        assert np.array_equal(values[10], values[14]), "a block is dealt alike"
        assert not np.array_equal(values[10], values[15])


class TestTiming:
    def test_an_edge_that_grows_with_delay_is_told(self, case):
        late = replace(case, signal=np.vstack([case.outcome[5:], np.full((5, 16), np.nan)]))
        assert "when the signal is used 5 rows later" in _said("delay", late)
        assert _said("delay", replace(case, signal=case.outcome)) == ""

    def test_an_edge_that_is_gone_at_once_is_told_if_it_is_large(self, case):
        gone = replace(case, signal=case.outcome)
        assert "is -0.0" in _said("lag", gone) or "is 0.0" in _said("lag", gone)
        noise = np.random.default_rng(0).normal(0, 5, case.outcome.shape)
        small = replace(case, signal=case.outcome / np.nanstd(case.outcome) + 5 * noise)
        assert _said("lag", small) == ""


class TestExecution:
    def test_prices_of_the_fair_market_are_a_martingale(self):
        panel = fair_market(2000, 20, np.random.default_rng(1))
        change = panel["close"][1:] / panel["close"][:-1] - 1
        assert abs(change.mean()) < 4 * change.std() / np.sqrt(change.size)
        assert (panel["low"] <= np.minimum(panel["open"], panel["close"])).all()
        assert (panel["high"] >= np.maximum(panel["open"], panel["close"])).all()

    @pytest.mark.parametrize("side", [1, -1])
    def test_what_either_follower_earns_in_a_fair_market_is_told(self, case, side):
        def own_bar(signal, panel):  # type: ignore[no-untyped-def]
            change = panel["close"][1:] / panel["close"][:-1] - 1
            return np.r_[0.0, side * (weights(signal)[1:] * change).sum(axis=1)]

        said = _said("fair", _with(case, trade=own_bar))
        assert said.startswith(f"in a fair market, {'following' if side > 0 else 'betting against'} the last return")

    def test_the_reference_book_earns_what_it_says(self, case):
        panel = case.panel.rows(slice(100, 104)).select(["S04", "S05"])
        signal = np.array([[1.0, 0.0], [np.nan, np.nan], [np.nan, np.nan], [np.nan, np.nan]])
        assert weights(signal)[0].tolist() == [0.5, -0.5]
        opens = panel["open"]
        day, night = panel["close"] / opens - 1, opens[2] / panel["close"][1] - 1
        assert trade(signal, panel) == pytest.approx([0, day[1] @ [0.5, -0.5], night @ [0.5, -0.5], 0])
        assert held(np.zeros((4, 2)), panel).tolist() == [0, 0, 0, 0]


class TestWorlds:
    def test_records_are_had_from_the_instant_they_are_public(self):
        data = records(3)
        at = EXCHANGE.closes(EXCHANGE.sessions("2015-06-01", "2015-06-01"))[0]
        then, now = data.at(at), data.at(None)
        assert then["bars"]["time"].max() == pd.Timestamp("2015-06-01")
        assert (then["reports"]["announced"] <= at).all()
        assert len(now["reports"]) > len(then["reports"]) > 0
        assert "public" not in then["index"]
        assert len(hours(3).at(None)["ticks"]) == 60 * 12 * 12

    def test_a_world_is_the_same_for_the_same_seed(self):
        assert records(1).tables["bars"].equals(records(1).tables["bars"])
        assert not records(1).tables["bars"].equals(records(2).tables["bars"])


class TestMatrix:
    def test_it_shows_what_was_caught_and_who_was_accused(self):
        results = list(matrix.run(jobs=1, seeds=2, names=["ridge_on_an_edge", "future_shift"]))
        assert [(result.world.name, result.seed) for result in results] == [
            ("future_shift", 0), ("ridge_on_an_edge", 0), ("ridge_on_an_edge", 1),
        ]  # fmt: skip
        text = "\n".join(matrix.lines(results))
        assert "caught: 1 of 1 leaks\n" in text
        assert "clean worlds accused: 0 of 2 (1 kinds); false alarms 0.0%, 95 % interval 0.0% to 84.2%" in text
        blind = replace(results[0], found={"cut": "seen"})
        accused = replace(results[1], found={"lag": "gone"})
        text = "\n".join(matrix.lines([blind, accused]))
        assert blind.wrong
        assert accused.wrong
        assert "caught: 0 of 1 leaks; MISSED: future_shift" in text
        assert " X  !  .  .  .  .  !" in text
        assert "ACCUSED: ridge_on_an_edge, seed 0, by lag: gone" in text

    def test_an_unknown_world_is_told(self):
        with pytest.raises(ConfigError, match="did you mean 'future_shift'"):
            matrix.drawn(names=["future_shif"])


def test_when_positions_end_is_unknown_while_they_are_open(case):
    """`refit` replaces how long unknown outcomes take, each by a time after the row, and leaves known ones alone."""
    label = label_registry.bind({"name": "barrier", "horizon": 6, "window": 10})(case.panel)
    seen = []

    def keeps(features, label, fold, tradable):  # type: ignore[no-untyped-def]
        seen.append((label.known_at, fold.test[0]))
        return case.signal[fold.test]

    _said("refit", replace(_with(case, predict=keeps), label=label), rows=1, futures=1)
    replaced, row = seen[1]
    instant = case.panel.times.as_unit("ns")[row].asm8
    known = label.known_before(instant + np.timedelta64(1, "ns"))
    unknown = ~known & ~np.isnat(label.known_at)
    assert np.array_equal(replaced[known], label.known_at[known])
    assert (replaced[unknown] != label.known_at[unknown]).mean() > 0.9
    assert (replaced[unknown & ~np.isnat(replaced)] > instant).all()
