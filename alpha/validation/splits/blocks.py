"""Separate blocks of time, each with its own training and test rows, to see if the edge exists in every period."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeInt, PositiveInt

from alpha.core.nouns import Fold, Label
from alpha.core.registry import checked
from alpha.validation import splitter
from alpha.validation.splits.purge import expect_rows, expect_spans, expect_training, forward_fold


@splitter
@checked
def blocked(
    times: pd.DatetimeIndex,
    label: Label,
    *,
    folds: PositiveInt = 5,
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.3,
    embargo: NonNegativeInt = 0,
) -> list[Fold]:
    """Cut time into blocks; in each, train on its first rows and test its last.

    Cutoff and purging are as in `walk_forward`. Training uses no row of another block.

    Parameters
    ----------
    folds : int
        Number of blocks; their lengths differ by one row at most.
    test_share : float
        Fraction of the rows of a block that is tested, rounded up.
    embargo : int
        Rows between the last known training label and the first test row.

    Raises
    ------
    ConfigError
        `too_few_rows`.
    DataError
        The label does not match these times; see `expect_spans`.
    """
    expect_spans(times, label)
    expect_rows(times, 2 * folds, f"{folds} blocks, each of at least one row to learn from and one to test,")
    result = []
    for index, block in enumerate(np.array_split(np.arange(len(times)), folds)):
        test = block[-int(np.ceil(test_share * len(block))) :]
        result.append(forward_fold(index, test, times, label, embargo=embargo, since=int(block[0])))
    return expect_training(result, times, "take fewer folds, a smaller test_share, or a smaller embargo")
