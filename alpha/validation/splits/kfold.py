"""Cross-validation that trains on rows before and after the test rows: for diagnostics, not for promotion.

A model trained on the future could not have been traded. Such folds show how much a result depends on the one path
that history took. Their `Fold.cutoff` is NaT, so code that expects a walk forward finds no training rows.
"""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from pydantic import NonNegativeInt, PositiveInt

from alpha.core.errors import ConfigError
from alpha.core.nouns import Fold, Label
from alpha.core.registry import checked
from alpha.validation import splitter
from alpha.validation.splits.purge import expect_rows, expect_spans, expect_training, purged_fold

_MOST_SPLITS = 10_000
_ADVICE = "take fewer folds, shorter labels, or a smaller embargo"


@splitter
@checked
def purged_kfold(
    times: pd.DatetimeIndex, label: Label, *, folds: PositiveInt = 5, embargo: NonNegativeInt = 0
) -> list[Fold]:
    """Test each of `folds` consecutive blocks of rows; train on the other rows whose labels overlap none of its labels.

    Lopez de Prado, *Advances in Financial Machine Learning* (2018), chapter 7; the spans of labels are half-open, as
    in its snippet 7.3.

    Parameters
    ----------
    folds : int
        Number of blocks, at least 2; their lengths differ by one row at most, the longer ones first.
    embargo : int
        Rows left out of training after all labels of the block are known.

    Raises
    ------
    ConfigError
        `too_few_rows`, `folds`.
    DataError
        Labels that are not of these times; see `expect_spans`.
    """
    return combinatorial_purged(times, label, folds=folds, tested=1, embargo=embargo)


@splitter
@checked
def combinatorial_purged(
    times: pd.DatetimeIndex,
    label: Label,
    *,
    folds: PositiveInt = 6,
    tested: PositiveInt = 2,
    embargo: NonNegativeInt = 0,
) -> list[Fold]:
    """Test every choice of `tested` out of `folds` blocks of rows; train on the rows whose labels overlap none of them.

    There are C(folds, tested) splits, in lexical order, and each row is tested in tested / folds of them: the
    predictions can be combined into that many paths through history (`backtest_paths`). Lopez de Prado,
    *Advances in Financial Machine Learning* (2018), chapter 12.

    Parameters
    ----------
    folds : int
        Number of blocks, N in the book; their lengths differ by one row at most, the longer ones first.
    tested : int
        Blocks tested in each split, k in the book; fewer than `folds`.
    embargo : int
        Rows left out of training after all labels of a tested block are known.

    Raises
    ------
    ConfigError
        `too_few_rows`, `folds`.
    DataError
        Labels that are not of these times; see `expect_spans`.
    """
    if tested >= folds:
        raise ConfigError(
            f"folds must be at least {tested + 1}, so that something is left to learn from when {tested} of them "
            f"are tested; it was {folds}",
            code="folds",
        )
    if comb(folds, tested) > _MOST_SPLITS:
        raise ConfigError(
            f"testing {tested} of {folds} folds makes {comb(folds, tested)} splits, each a model to fit; at most "
            f"{_MOST_SPLITS} are made: take fewer folds, or another number of tested ones",
            code="folds",
        )
    expect_spans(times, label)
    expect_rows(times, folds, f"{folds} folds")
    choices = list(combinations(np.array_split(np.arange(len(times)), folds), tested))
    result = [
        purged_fold(index, np.concatenate(blocks), times, label, embargo=embargo)
        for index, blocks in enumerate(choices)
    ]
    return expect_training(result, times, _ADVICE)
