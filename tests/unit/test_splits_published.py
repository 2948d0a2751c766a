"""Index sets of scikit-learn, skfolio and Lopez de Prado's book where the conventions agree; where not, which differ.

A label here is known `span` rows after its own; in a walk forward it may be learned from if it was known *before* the
first test row, so `span` rows are purged. The k-fold family counts half-open spans, so `span - 1` are.
"""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
from skfolio.model_selection import CombinatorialPurgedCV, WalkForward
from sklearn.model_selection import KFold, TimeSeriesSplit

from alpha.core.nouns import Fold, Label
from alpha.validation import backtest_paths
from alpha.validation.splits import combinatorial_purged, purged_kfold, walk_forward


def days(rows: int) -> pd.DatetimeIndex:
    return pd.date_range("2020-01-01", periods=rows, freq="D", tz="UTC")


def labelled(rows: int, span: int) -> Label:
    """Every label is known, the last ones after the last row: these packages know of no other."""
    instants = days(rows + span).tz_localize(None).as_unit("ns").to_numpy()
    return Label("any", np.zeros((rows, 1)), instants[span:], max(span - 1, 1), "next_open")


def assert_same(folds: list[Fold], published: list[tuple[np.ndarray, np.ndarray]]) -> None:
    for fold, (train, test) in zip(folds, published, strict=True):
        np.testing.assert_array_equal(fold.train, train)
        np.testing.assert_array_equal(fold.test, test)


@pytest.mark.parametrize("rows", [60, 63])
@pytest.mark.parametrize(("n_splits", "span"), [(3, 1), (5, 4)])
def test_time_series_split_of_scikit_learn(rows: int, n_splits: int, span: int) -> None:
    """Its `gap` is the span of the label."""
    first = rows - n_splits * (rows // (n_splits + 1))
    folds = walk_forward(days(rows), labelled(rows, span), folds=n_splits, first_test=str(days(rows)[first]))
    assert_same(folds, list(TimeSeriesSplit(n_splits, gap=span).split(np.zeros(rows))))


@pytest.mark.parametrize("span", [1, 3])
@pytest.mark.parametrize("expanding", [True, False])
def test_walk_forward_of_skfolio(expanding: bool, span: int) -> None:
    """Its `purged_size` is the span of the label. It counts test rows, not folds, and so leaves a rest."""
    rows, train, test = 80, 20, 10
    first = train + span
    rows -= (rows - first) % test
    published = WalkForward(test_size=test, train_size=train, expand_train=expanding, purged_size=span)
    folds = walk_forward(
        days(rows), labelled(rows, span), folds=(rows - first) // test, first_test=str(days(rows)[first]),
        train="expanding" if expanding else "rolling", train_rows=None if expanding else train,
    )  # fmt: skip
    assert_same(folds, list(published.split(np.zeros((rows, 1)))))


@pytest.mark.parametrize(("rows", "n_splits"), [(50, 5), (53, 5), (20, 2)])
def test_test_blocks_of_k_fold_of_scikit_learn(rows: int, n_splits: int) -> None:
    """Not the training sets: it does not purge. Where the label is known a row later, there is nothing to purge."""
    published = list(KFold(n_splits).split(np.zeros(rows)))
    assert_same(purged_kfold(days(rows), labelled(rows, 1), folds=n_splits), published)
    folds = purged_kfold(days(rows), labelled(rows, 4), folds=n_splits)
    for fold, (train, test) in zip(folds, published, strict=True):
        np.testing.assert_array_equal(fold.test, test)
        assert len(fold.train) < len(train)


@pytest.mark.parametrize(("folds", "tested"), [(6, 2), (5, 3), (4, 2)])
@pytest.mark.parametrize(("span", "embargo"), [(1, 0), (3, 0), (2, 2)])
def test_combinatorial_purged_of_skfolio(folds: int, tested: int, span: int, embargo: int) -> None:
    """`purged_size` is one less than the span. It puts the rest of a division into its last block, so none is left."""
    rows = 10 * folds
    published = CombinatorialPurgedCV(folds, tested, purged_size=span - 1, embargo_size=embargo)
    sets = [(train, np.concatenate(tests)) for train, tests in published.split(np.zeros((rows, 1)))]
    found = combinatorial_purged(days(rows), labelled(rows, span), folds=folds, tested=tested, embargo=embargo)
    assert_same(found, sets)


@pytest.mark.parametrize(("folds", "tested"), [(6, 2), (5, 3), (10, 2)])
def test_paths_of_skfolio(folds: int, tested: int) -> None:
    """Each block of each path comes from the same split."""
    rows = 4 * folds
    published = CombinatorialPurgedCV(folds, tested, purged_size=0, embargo_size=0)
    splits = combinatorial_purged(days(rows), labelled(rows, 1), folds=folds, tested=tested)
    marked = [np.full((len(fold.test), 1), float(fold.index)) for fold in splits]
    paths = backtest_paths(splits, marked, (rows, 1))
    assert len(paths) == published.n_test_paths
    np.testing.assert_array_equal(paths[:, ::4, 0].T, published.recombined_paths)


def test_the_example_of_the_book() -> None:
    """Advances in Financial Machine Learning, section 12.4: N = 6 and k = 2 make 15 splits and 5 paths (figures 12.1
    and 12.2, whose splits are numbered from 1)."""
    splits = combinatorial_purged(days(60), labelled(60, 1), folds=6, tested=2)
    assert len(splits) == comb(6, 4) == 15
    assert [tuple(np.unique(fold.test // 10)) for fold in splits] == list(combinations(range(6), 2))
    marked = [np.full((len(fold.test), 1), fold.index + 1.0) for fold in splits]
    paths = backtest_paths(splits, marked, (60, 1))[:, ::10, 0].astype(int)
    assert len(paths) == 2 * comb(6, 4) // 6 == 5
    assert paths[0].tolist() == [1, 1, 2, 3, 4, 5]
    assert paths[1].tolist() == [2, 6, 6, 7, 8, 9]


def book_k_fold(known: np.ndarray, folds: int, embargo: int) -> list[tuple[list[int], list[int]]]:
    """Section 7.4: before a block, labels known no later than its first row; after it, rows from the one on at which
    all its labels were known, and the embargo. `known[t]` is the row at which label t is."""
    sets, rows = [], len(known)
    for block in np.array_split(range(rows), folds):
        left = [t for t in range(rows) if known[t] <= block[0]]
        right = list(range(min(max(known[block]) + embargo, rows), rows))
        sets.append((left + right, block.tolist()))
    return sets


@pytest.mark.parametrize("embargo", [0, 1, 5])
@pytest.mark.parametrize("seed", range(5))
def test_purged_k_fold_of_the_book(embargo: int, seed: int) -> None:
    """With labels of varying spans. Snippet 7.1 of that chapter counts both ends of a span, and purges a row more."""
    rows = 97
    known = np.arange(rows) + np.random.default_rng(seed).integers(1, 8, rows)
    instants = days(rows + 8).tz_localize(None).as_unit("ns").to_numpy()
    label = Label("any", np.zeros((rows, 1)), instants[known], 7, "next_open")
    folds = purged_kfold(days(rows), label, folds=5, embargo=embargo)
    assert [(fold.train.tolist(), fold.test.tolist()) for fold in folds] == book_k_fold(known, 5, embargo)
