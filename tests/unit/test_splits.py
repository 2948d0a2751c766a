"""Splits on cases small enough to write down."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import AlphaError, ConfigError, DataError
from alpha.core.nouns import Label
from alpha.leaks.lookahead import check_folds
from alpha.validation import splitter
from alpha.validation.crossfit import training_mask
from alpha.validation.splits import (
    blocked,
    calendar_years,
    combinatorial_purged,
    group_holdout,
    nested,
    purged_kfold,
    walk_forward,
)
from alpha.validation.splits.purge import forward_fold

TIMES = pd.date_range("2020-01-01", periods=20, freq="D", tz="UTC")


def labelled(horizon: int, times: pd.DatetimeIndex = TIMES) -> Label:
    instants = times.tz_localize(None).as_unit("ns").to_numpy()
    known_at = np.full(len(times), np.datetime64("NaT", "ns"))
    known_at[: max(len(times) - horizon - 1, 0)] = instants[horizon + 1 :]
    return Label("any", np.zeros((len(times), 2)), known_at, horizon, "next_open")


def test_expanding_by_hand() -> None:
    first, second = walk_forward(TIMES, labelled(2), folds=2, first_test=0.5)
    assert first.cutoff == np.datetime64("2020-01-11")
    # row 6 is known at row 9, before row 10 is decided; row 7 is known only at row 10
    assert first.train.tolist() == list(range(7))
    assert first.test.tolist() == list(range(10, 15))
    assert second.train.tolist() == list(range(12))
    assert second.test.tolist() == list(range(15, 20))


def test_embargo_moves_the_cutoff_back() -> None:
    first, _ = walk_forward(TIMES, labelled(2), folds=2, first_test=0.5, embargo=3)
    assert first.cutoff == np.datetime64("2020-01-08")
    assert first.train.tolist() == list(range(4))
    assert first.test[0] == 10


def test_rolling_keeps_the_newest_rows() -> None:
    first, second = walk_forward(TIMES, labelled(2), folds=2, train="rolling", train_rows=4, first_test=0.5)
    assert (first.train.tolist(), second.train.tolist()) == ([3, 4, 5, 6], [8, 9, 10, 11])


def test_rolling_is_as_long_as_its_first_window_unless_told() -> None:
    first, second = walk_forward(TIMES, labelled(2), folds=2, train="rolling", first_test=0.5)
    assert len(first.train) == len(second.train) == 7


@pytest.mark.parametrize("first_test", ["2020-01-11", date(2020, 1, 11), "2020-01-11T00:00Z", "2020-01-10 12:00"])
def test_testing_can_begin_at_a_date(first_test: str | date) -> None:
    folds = walk_forward(TIMES, labelled(2), folds=3, first_test=first_test)
    assert folds[0].test[0] == 10


def test_a_row_is_learned_from_as_soon_as_one_of_its_names_is_known() -> None:
    label = labelled(2)
    instants = TIMES.tz_localize(None).as_unit("ns").to_numpy()
    known_at = np.repeat(label.known_at[:, None], 2, axis=1)
    known_at[7, 1] = instants[8]
    mixed = Label("any", label.values, known_at, 2, "next_open")
    assert walk_forward(TIMES, mixed, folds=1, first_test=0.5)[0].train.tolist() == list(range(8))


@pytest.mark.parametrize("wrong", [0.0, 1.0, -3.0, 2006.0, "next week", "", date(1500, 1, 1), "2300-01-01"])
def test_where_testing_begins_must_be_a_fraction_or_a_date(wrong: float | date | str) -> None:
    with pytest.raises(ConfigError, match="first_test: must be a fraction") as caught:
        walk_forward(TIMES, labelled(2), first_test=wrong)
    assert caught.value.code == "bad_parameter"


def test_a_parameter_that_would_do_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="rolling") as caught:
        walk_forward(TIMES, labelled(2), train_rows=5)
    assert caught.value.code == "unused_parameter"


@pytest.mark.parametrize(
    ("horizon", "options"),
    [(2, {"first_test": 0.1}), (2, {"folds": 11, "first_test": 0.5}), (30, {}), (2, {"first_test": "2019-01-01"}),
     (2, {"first_test": "2021-01-01"}), (2, {"first_test": 0.3, "embargo": 10})],
)  # fmt: skip
def test_too_little_data_says_how_many_rows_would_do(horizon: int, options: dict) -> None:
    with pytest.raises(ConfigError, match=r"give at least \d+ rows") as caught:
        walk_forward(TIMES, labelled(horizon), **options)
    assert caught.value.code == "too_few_rows"


def test_no_rows_at_all() -> None:
    with pytest.raises(ConfigError, match="too few rows"):
        walk_forward(TIMES[:0], labelled(2, TIMES[:0]))


def test_dates_survive_the_configuration() -> None:
    plugin = splitter.bind({"name": "walk_forward", "first_test": date(2020, 1, 11), "folds": 2})
    assert plugin(TIMES, labelled(2))[0].test[0] == 10


def test_rows_under_the_embargo_are_not_learned_from_whatever_their_label_says() -> None:
    early = Label("any", np.zeros((20, 2)), np.full(20, np.datetime64("2019-01-01", "ns")), 2, "next_open")
    fold = forward_fold(0, np.arange(10, 20), TIMES, early, embargo=3)
    assert fold.train.tolist() == list(range(7))


LONG = pd.date_range("2018-01-01", periods=400, freq="D", tz="UTC")


@pytest.mark.parametrize("name", list(splitter))
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda times, label: (times, replace(label, known_at=label.known_at - np.timedelta64(3, "D"))), "known_early"),
        (lambda times, label: (times, replace(label, known_at=by_name(label))), "known_early"),
        (lambda times, label: (times, replace(label, known_at=np.arange(400))), "not_times"),
        (lambda times, label: (times, replace(label, known_at=label.known_at[1:])), "bad_shape"),
        (lambda times, label: (times[1:], label), "bad_shape"),
        (lambda times, label: (times[::-1], label), "unordered_times"),
        (lambda times, label: (times.repeat(2)[:400], label), "unordered_times"),
        (lambda times, label: (list(times), label), "bad_parameter"),
    ],
)
def test_labels_that_nothing_could_be_purged_by_are_refused(name: str, change, code: str) -> None:  # type: ignore[no-untyped-def]
    label = labelled(2, LONG)
    with pytest.raises(AlphaError) as caught:
        splitter.bind({"name": name, **({"parts": 2} if name == "group_holdout" else {})})(*change(LONG, label))
    assert caught.value.code == code


def by_name(label: Label) -> np.ndarray:
    """Return when labels were known, of each name its own; one is known when it is decided."""
    known = np.column_stack([label.known_at] * 2)
    known[7, 1] = LONG[7].tz_localize(None).as_unit("ns").to_numpy()
    return known


MONTHS = pd.date_range("2018-02-01", periods=36, freq="MS", tz="UTC")


def test_calendar_years_by_hand() -> None:
    folds = calendar_years(MONTHS, labelled(1, MONTHS))
    assert [str(MONTHS[fold.test[0]].date()) for fold in folds] == ["2019-01-01", "2020-01-01", "2021-01-01"]
    assert [len(fold.test) for fold in folds] == [12, 12, 1]
    # the label of 2018-10-01 is known on 2018-12-01, before 2019 begins; the next only as it begins
    assert [fold.train[-1] for fold in folds] == [8, 20, 32]
    assert all(fold.train[0] == 0 for fold in folds), "the anchor"


def test_calendar_years_can_roll_and_begin_later() -> None:
    folds = calendar_years(MONTHS, labelled(1, MONTHS), first_test=2020, train_years=1, embargo=2)
    assert [str(MONTHS[fold.train[0]].date()) for fold in folds] == ["2019-01-01", "2020-01-01"]
    assert [str(MONTHS[fold.train[-1]].date()) for fold in folds] == ["2019-08-01", "2020-08-01"]
    assert folds[0].cutoff == np.datetime64("2019-11-01")


def test_years_are_those_of_utc() -> None:
    times = pd.DatetimeIndex(["2018-06-01 21:00", "2018-08-01 21:00", "2018-12-31 19:00"]).tz_localize(
        "America/New_York"
    )
    label = Label("any", np.zeros((3, 1)), times.tz_convert(None).as_unit("ns").to_numpy() + np.timedelta64(1, "h"), 1,
                  "next_open")  # fmt: skip
    assert calendar_years(times, label)[0].test.tolist() == [2]


def test_a_year_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="none in 2022, the first year to test; the last is of 2021-01-01") as caught:
        calendar_years(MONTHS, labelled(1, MONTHS), first_test=2022)
    assert caught.value.code == "too_few_rows"
    with pytest.raises(ConfigError, match=r"fold 0, which tests 2018-02-01 .* give a later first_test"):
        calendar_years(MONTHS, labelled(1, MONTHS), first_test=2018)


def test_blocks_share_nothing() -> None:
    first, second = blocked(TIMES, labelled(2), folds=2, test_share=0.35, embargo=1)
    assert first.test.tolist() == [6, 7, 8, 9]
    # the test begins at row 6 and the cutoff is row 5: row 1 is known at row 4
    assert first.train.tolist() == [0, 1]
    assert second.test.tolist() == [16, 17, 18, 19]
    assert second.train.tolist() == [10, 11]


def test_purged_k_fold_by_hand() -> None:
    folds = purged_kfold(TIMES, labelled(2), folds=4, embargo=1)
    assert folds[1].test.tolist() == [5, 6, 7, 8, 9]
    # row 2 is known at row 5, as the test begins; row 9 is known at row 12, and row 12 falls under the embargo
    assert folds[1].train.tolist() == [0, 1, 2, 13, 14, 15, 16]
    assert folds[3].train.tolist() == list(range(13))
    assert not folds[1].forward
    assert np.isnat(folds[1].cutoff), "nobody can take it for a walk forward"


def test_a_run_between_two_test_blocks_is_purged_on_both_sides() -> None:
    fold = combinatorial_purged(TIMES, labelled(2), folds=4, tested=2)[1]
    assert fold.test.tolist() == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
    # row 4 is known at row 7, and row 7 at row 10, as the second block begins; row 14 at row 17, which is not known
    assert fold.train.tolist() == [7]


@pytest.mark.parametrize("wrong", [{"folds": 1}, {"folds": 2, "tested": 2}, {"folds": 30, "tested": 15}])
def test_folds_that_cannot_be_chosen(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError) as caught:
        (combinatorial_purged if "tested" in wrong else purged_kfold)(TIMES, labelled(2), **wrong)
    assert caught.value.code == "folds"


def test_cross_validation_is_no_walk_forward() -> None:
    label = labelled(2)
    assert "learns from rows after those it tests" in (check_folds(purged_kfold(TIMES, label), label, TIMES) or "")


def test_groups_are_held_out_in_turn() -> None:
    label = labelled(2)
    label = Label("any", np.zeros((20, 5)), label.known_at, 2, "next_open")
    folds = group_holdout(TIMES, label, ("tech", "", "tech", "", "oil"), folds=2, first_test=0.5)
    assert [fold.symbols.tolist() for fold in folds] == [[1], [3], [4], [0, 2]] * 2
    walked = walk_forward(TIMES, label, folds=2, first_test=0.5)
    for fold in folds:
        same = walked[fold.index // 4]
        assert (fold.test.tolist(), fold.cutoff) == (same.test.tolist(), same.cutoff)
        assert training_mask(label, fold).any(axis=0).tolist() == [j not in fold.symbols for j in range(5)]
    dealt = group_holdout(TIMES, label, parts=2, folds=1, first_test=0.5)
    assert [fold.symbols.tolist() for fold in dealt] == [[0, 2, 4], [1, 3]]


def test_a_row_of_which_only_the_held_out_name_is_known_teaches_nothing() -> None:
    label = labelled(2)
    known_at = np.repeat(label.known_at[:, None], 2, axis=1)
    known_at[6, 0] = np.datetime64("NaT")
    label = Label("any", label.values, known_at, 2, "next_open")
    first, second = group_holdout(TIMES, label, parts=2, folds=1, first_test=0.5)
    assert first.train.tolist() == list(range(7)), "holds out the first name"
    assert second.train.tolist() == list(range(6))


def test_groups_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="each of the 2 symbols; there are 3") as caught:
        group_holdout(TIMES, labelled(2), ("a", "b", "c"))
    assert caught.value.code == "groups"
    for wrong in ({"parts": 3}, {"parts": 1}, {"groups": ("a", "a")}):
        with pytest.raises(ConfigError, match="at least 2, and a symbol in each") as told:
            group_holdout(TIMES, labelled(2), **wrong)
        assert told.value.code == "too_few_groups"


def test_nested_folds_are_numbered_as_the_outer_ones() -> None:
    label = labelled(2)
    outer = walk_forward(TIMES, label, folds=1, first_test=0.5)[0]
    inner, seen = nested(outer, TIMES, label, splitter.bind({"name": "purged_kfold", "folds": 2}))
    assert [fold.test.tolist() for fold in inner] == [[0, 1, 2, 3], [4, 5, 6]]
    # row 3 is known at row 6; row 1 at row 4, as the second block begins
    assert [fold.train.tolist() for fold in inner] == [[6], [0, 1]]
    assert np.isnat(seen.known_at[7:]).all()
    assert np.isnan(seen.values[7:]).all()
    realised = Label("any", label.values, label.known_at, 2, "next_open", realised=label.values)
    assert np.isnan(
        nested(outer, TIMES, realised, splitter.bind({"name": "blocked", "folds": 1}))[1].realised[7:]
    ).all()
