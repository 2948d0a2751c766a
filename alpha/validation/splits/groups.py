"""Hold out groups of names, to see if a model predicts companies or sectors that it has not been trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import AfterValidator, NonNegativeInt, PositiveInt

from alpha.core.errors import ConfigError, DataError
from alpha.core.nouns import Fold, Label
from alpha.core.registry import checked
from alpha.validation import splitter
from alpha.validation.splits.purge import expect_training
from alpha.validation.splits.walk import place, walk_forward


@splitter
@checked
def group_holdout(
    times: pd.DatetimeIndex,
    label: Label,
    groups: Sequence[str] | None = None,
    *,
    parts: PositiveInt = 3,
    folds: PositiveInt = 5,
    first_test: Annotated[float | date | str, AfterValidator(place)] = 0.3,
    embargo: NonNegativeInt = 0,
) -> list[Fold]:
    """Walk forward; in each fold test one group of symbols at a time, and train on the other groups only.

    Names move together, so the label of another name on the same days would reveal that of a held-out name. Time is
    therefore cut as well, as in `walk_forward`. Each cell is tested once: the predictions make one signal.

    Parameters
    ----------
    groups : sequence of str, length N, optional
        The group of each symbol, such as ``panel.groups["sector"]``; a symbol without one (an empty text)
        is a group of its own. Default: the symbols are distributed over `parts` groups in turn.
    parts : int
        Number of groups where `groups` is not given.
    folds, first_test, embargo
        As in `walk_forward`.

    Raises
    ------
    ConfigError
        `too_few_groups`, and those of `walk_forward`.
    DataError
        `groups`: not one for each symbol. Also those of `walk_forward`.
    """
    names = label.values.shape[1]
    most = min(parts, names)
    held_out = [np.arange(names)[part::parts] for part in range(most)] if groups is None else _columns(groups, names)
    if len(held_out) < 2 or (groups is None and most < parts):
        raise ConfigError(
            f"holding out groups needs at least 2, and a symbol in each; {names} symbols make {len(held_out)} of "
            f"{parts if groups is None else len(held_out)} groups",
            code="too_few_groups",
        )
    forward = walk_forward(times, label, folds=folds, first_test=first_test, embargo=embargo)
    without = [_without(fold, columns, label) for fold in forward for columns in held_out]
    numbered = [Fold(index, f.train, f.test, f.cutoff, symbols=f.symbols) for index, f in enumerate(without)]
    return expect_training(numbered, times, "give a later first_test or a smaller embargo")


def _without(fold: Fold, columns: np.ndarray, label: Label) -> Fold:
    known = label.known_before(fold.cutoff)[fold.train]
    others = np.delete(known, columns, axis=1).any(axis=1)
    return Fold(fold.index, fold.train[others], fold.test, fold.cutoff, symbols=columns)


def _columns(groups: Sequence[str], names: int) -> list[np.ndarray]:
    if len(groups) != names:
        raise DataError(f"groups must name one for each of the {names} symbols; there are {len(groups)}", code="groups")
    return list(_by_label(np.asarray(groups, dtype=str)))


def _by_label(labels: np.ndarray) -> Iterator[np.ndarray]:
    for label in np.unique(labels):
        columns = np.flatnonzero(labels == label)
        yield from [columns] if label else columns[:, None]
