"""Splitters as `cv=` of scikit-learn, over samples a time and over stacked (time, symbol) samples."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, check_cv, cross_val_predict, cross_val_score

from alpha.core.errors import AlphaError
from alpha.core.nouns import FeatureSet, Label
from alpha.validation import splitter
from alpha.validation.crossfit import training_mask
from alpha.validation.splits import PurgedCV, combinatorial_purged, purged_kfold, samples

ROWS, SYMBOLS = 120, ("A", "B", "C", "D", "E", "F")
TIMES = pd.date_range("2020-09-01", periods=ROWS, freq="B", tz="UTC")


@pytest.fixture(scope="module")
def world() -> tuple[FeatureSet, Label]:
    """Features that tell half of the outcome, missing here and there; outcomes known 1 to 6 rows later."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(ROWS, len(SYMBOLS), 2))
    outcome = values[..., 0] + rng.normal(size=(ROWS, len(SYMBOLS)))
    values[rng.random((ROWS, len(SYMBOLS))) < 0.05] = np.nan
    exits = np.arange(ROWS)[:, None] + rng.integers(1, 7, outcome.shape)
    instants = TIMES.tz_localize(None).as_unit("ns").to_numpy()
    known_at = np.where(exits < ROWS, instants[np.minimum(exits, ROWS - 1)], np.datetime64("NaT", "ns"))
    return FeatureSet(TIMES, SYMBOLS, ("x", "y"), values), Label("any", outcome, known_at, 6, "next_open")


def test_samples_are_the_complete_cases_whose_outcome_is_known(world: tuple[FeatureSet, Label]) -> None:
    features, label = world
    X, y, known_at = samples(features, label)
    complete = np.isfinite(features.values).all(axis=-1) & ~np.isnat(label.known_at)
    rows, columns = np.nonzero(complete)
    np.testing.assert_array_equal(X.to_numpy(), features.values[rows, columns])
    np.testing.assert_array_equal(y.to_numpy(), label.values[rows, columns])
    np.testing.assert_array_equal(known_at.dt.tz_localize(None).to_numpy(), label.known_at[rows, columns])
    assert X.index[0] == (TIMES[rows[0]], SYMBOLS[columns[0]])


@pytest.mark.parametrize("name", list(splitter))
def test_every_splitter_scores_and_searches(name: str, world: tuple[FeatureSet, Label]) -> None:
    X, y, known_at = samples(*world)
    cv = PurgedCV(name, known_at)
    scores = cross_val_score(Ridge(), X, y, cv=cv)
    assert len(scores) == cv.get_n_splits(X) == cv.get_n_splits() > 0
    assert scores.mean() > 0.2
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1e6]}, cv=cv).fit(X, y)
    assert search.best_params_ == {"alpha": 0.1}


@pytest.mark.parametrize("name", list(splitter))
def test_positions_are_those_of_the_folds(name: str, world: tuple[FeatureSet, Label]) -> None:
    features, label = world
    X, _, known_at = samples(features, label)
    there = np.isfinite(features.values).all(axis=-1) & ~np.isnat(label.known_at)
    kept = there.any(axis=1)
    known = np.where(there, label.known_at, np.datetime64("NaT", "ns"))
    times, seen = TIMES[kept], Label("any", label.values[kept], known[kept], 6, "next_open")
    rows, columns = times.get_indexer(X.index.get_level_values(0)), X.index.get_level_values(1).map(SYMBOLS.index)
    for (train, test), fold in zip(PurgedCV(name, known_at).split(X), splitter.bind(name)(times, seen), strict=True):
        mask = training_mask(seen, fold)
        np.testing.assert_array_equal(train, np.flatnonzero(mask[rows, columns]))
        tested = np.zeros(mask.shape, bool)
        tested[fold.cells(len(SYMBOLS))] = True
        np.testing.assert_array_equal(test, np.flatnonzero(tested[rows, columns]))


@pytest.mark.parametrize("matched_by", ["position", "index"])
def test_samples_may_come_in_any_order(matched_by: str, world: tuple[FeatureSet, Label]) -> None:
    X, _, known_at = samples(*world)
    order = np.random.default_rng(1).permutation(len(X))
    straight = PurgedCV("purged_kfold", known_at)
    shuffled = PurgedCV("purged_kfold", known_at.iloc[order] if matched_by == "position" else known_at)
    for (train, test), (mixed, tested) in zip(straight.split(X), shuffled.split(X.iloc[order]), strict=True):
        np.testing.assert_array_equal(np.sort(order[mixed]), train)
        np.testing.assert_array_equal(np.sort(order[tested]), test)


def one_a_time(span: int = 3) -> tuple[np.ndarray, np.ndarray, pd.Series]:
    """Return inputs and outcomes of one asset, known `span` days later."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(ROWS, 2))
    times = TIMES.tz_localize(None)
    return X, X[:, 0] + rng.normal(size=ROWS), pd.Series(times.shift(span), times)


def test_one_sample_a_time_in_arrays_and_times_without_a_zone() -> None:
    X, y, known_at = one_a_time()
    cv = PurgedCV("purged_kfold", known_at, folds=4, embargo=2)
    instants = known_at.to_numpy().astype("datetime64[ns]")
    expected = purged_kfold(TIMES, Label("any", np.zeros((ROWS, 1)), instants, 2, "next_open"), folds=4, embargo=2)
    for (train, test), fold in zip(cv.split(X), expected, strict=True):
        np.testing.assert_array_equal(train, fold.train)
        np.testing.assert_array_equal(test, fold.test)
    assert np.isfinite(cross_val_predict(Ridge(), X, y, cv=cv)).all()
    assert check_cv(cv) is cv
    assert repr(copy.deepcopy(cv)) == "PurgedCV(purged_kfold(embargo=2, folds=4))"


def test_a_search_inside_a_score_is_purged_too(world: tuple[FeatureSet, Label]) -> None:
    """The inner search gets a part of the samples, and finds out by their index when their labels became known."""
    X, y, known_at = samples(*world)

    class Recording(PurgedCV):
        asked: list[pd.DataFrame] = []  # noqa: RUF012

        def split(self, X=None, y=None, groups=None):
            self.asked.append(X)
            return super().split(X, y, groups)

    inner = Recording("purged_kfold", known_at, folds=3)
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1e6]}, cv=inner)
    assert cross_val_score(search, X, y, cv=PurgedCV("walk_forward", known_at, folds=2)).mean() > 0.2
    outer = [len(train) for train, _ in PurgedCV("walk_forward", known_at, folds=2).split(X)]
    assert [len(part) for part in Recording.asked if part is not None][::2] == outer


def test_groups_are_labels_of_samples(world: tuple[FeatureSet, Label]) -> None:
    X, y, known_at = samples(*world)
    symbols = X.index.get_level_values(1)
    sector = symbols.isin(["A", "E"]).astype(int)
    cv = PurgedCV("group_holdout", known_at, folds=2)
    splits = list(cv.split(X, y, sector))
    assert len(splits) == 4
    for train, test in splits:
        assert len(set(sector[test])) == 1
        assert not set(sector[test]) & set(sector[train])
    assert len(cross_val_score(Ridge(), X, y, cv=cv, groups=sector)) == 4
    ignored = PurgedCV("purged_kfold", known_at)
    np.testing.assert_array_equal(next(ignored.split(X, y, sector))[0], next(ignored.split(X))[0])


def test_paths_can_be_had_from_scikit_learn_too() -> None:
    X, _, known_at = one_a_time()
    cv = PurgedCV("combinatorial_purged", known_at)
    instants = known_at.to_numpy().astype("datetime64[ns]")
    folds = combinatorial_purged(TIMES, Label("any", np.zeros((ROWS, 1)), instants, 2, "next_open"))
    assert [test.tolist() for _, test in cv.split(X)] == [fold.test.tolist() for fold in folds]


def wrong_length() -> object:
    X, _, known_at = one_a_time()
    return list(PurgedCV("purged_kfold", known_at).split(X[:50]))


def wrong_index() -> object:
    X, _, known_at = one_a_time()
    return list(PurgedCV("purged_kfold", known_at).split(pd.DataFrame(X)))


def repeated_time() -> object:
    _, _, known_at = one_a_time()
    return list(PurgedCV("purged_kfold", pd.concat([known_at, known_at])).split())


def no_times() -> object:
    _, _, known_at = one_a_time()
    return list(PurgedCV("purged_kfold", known_at.reset_index(drop=True)).split())


def numbers() -> object:
    """Rows or seconds would be read as nanoseconds of 1970, before which nothing is: no label would be purged."""
    return PurgedCV("purged_kfold", pd.Series(range(ROWS), one_a_time()[2].index))


def numbers_as_text() -> object:
    return PurgedCV("purged_kfold", one_a_time()[2].astype(str))


def an_array() -> object:
    return PurgedCV("purged_kfold", one_a_time()[2].to_numpy())


def a_missing_time() -> object:
    known_at = one_a_time()[2]
    return PurgedCV("purged_kfold", known_at.set_axis(known_at.index.where(np.arange(ROWS) != 3)))


def known_at_once() -> object:
    known_at = one_a_time()[2]
    return list(PurgedCV("purged_kfold", pd.Series(known_at.index, known_at.index)).split())


def changing_groups() -> object:
    X, _, known_at = one_a_time()
    return list(PurgedCV("group_holdout", known_at).split(X, groups=np.arange(ROWS)))


@pytest.mark.parametrize(
    ("wrong", "code", "told"),
    [(wrong_length, "samples", "has 120 samples and X has 50"), (wrong_index, "samples", "give both the same one"),
     (repeated_time, "samples", "is there twice"), (no_times, "samples", "the index of known_at must hold times"),
     (numbers, "samples", "known_at must hold times; it holds int64"),
     (numbers_as_text, "samples", "known_at must hold times"), (an_array, "bad_parameter", "must be a Series"),
     (a_missing_time, "samples", "some are missing"), (known_at_once, "known_early", "later than its row"),
     (changing_groups, "groups", "the same in all samples")],
)  # fmt: skip
def test_what_would_be_misread_is_refused(wrong: Callable[[], object], code: str, told: str) -> None:
    with pytest.raises(AlphaError, match=told) as caught:
        wrong()
    assert caught.value.code == code


def test_a_wrong_parameter_is_told_at_once() -> None:
    with pytest.raises(AlphaError, match="no parameter 'n_splits'") as caught:
        PurgedCV("purged_kfold", one_a_time()[2], n_splits=3)
    assert caught.value.code == "bad_parameter"
