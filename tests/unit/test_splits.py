"""Walk-forward splits on cases small enough to write down."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import ConfigError
from alpha.core.types import Label
from alpha.validation import splitter
from alpha.validation.splits import walk_forward

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
    with pytest.raises(ConfigError, match="first_test must be a fraction") as caught:
        walk_forward(TIMES, labelled(2), first_test=wrong)
    assert caught.value.code == "first_test"


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
