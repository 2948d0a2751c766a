"""Walk-forward splits: each fold trains only on labels known before its test rows, as is possible live."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, NonNegativeInt, PositiveInt

from alpha.core.errors import ConfigError
from alpha.core.nouns import Fold, Label
from alpha.core.registry import checked
from alpha.validation import splitter
from alpha.validation.splits.purge import (
    expect_rows,
    expect_spans,
    expect_training,
    forward_fold,
    instants,
    walks,
)


def place(first_test: float | date | str) -> float | date | str:
    """Check `first_test`: a fraction of the rows, or a date."""
    try:
        known = 0 < first_test < 1 if isinstance(first_test, float) else not pd.isna(_instant(first_test))
    except ValueError:
        known = False
    if not known:
        raise ValueError("must be a fraction between 0 and 1 or a date such as 2006-01-31")
    return first_test


def _instant(day: date | str) -> pd.Timestamp:
    time = pd.Timestamp(day)
    return time if pd.isna(time) else (time.tz_localize("UTC") if time.tz is None else time).as_unit("ns")


@splitter
@walks
@checked
def walk_forward(
    times: pd.DatetimeIndex,
    label: Label,
    *,
    folds: PositiveInt = 5,
    train: Literal["expanding", "rolling"] = "expanding",
    train_rows: PositiveInt | None = None,
    first_test: Annotated[float | date | str, AfterValidator(place)] = 0.3,
    embargo: NonNegativeInt = 0,
) -> list[Fold]:
    """Cut the tail of `times` into consecutive test blocks; each fold trains on labels known before its block.

    The cutoff of a fold is the time of the row `embargo` rows before its first test row. A training row has at least
    one label known strictly before the cutoff; where symbols differ, each single label is purged again when a model is
    fitted (`training_mask`).

    Parameters
    ----------
    folds : int
        Number of test blocks; their lengths differ by one row at most.
    train : {"expanding", "rolling"}
        Train on all known rows, or on the newest `train_rows` of them.
    train_rows : int, optional
        For rolling windows; default: as many as the first fold has.
    first_test : float, date or str
        Start of the test rows: a fraction of the rows, or a date.
    embargo : int
        Rows between the last known training label and the first test row.

    Raises
    ------
    ConfigError
        `too_few_rows`, with the number needed; `bad_parameter`, `unused_parameter`.
    DataError
        Labels that are not of these times; see `expect_spans`.
    """
    if train == "expanding" and train_rows is not None:
        raise ConfigError("train_rows is for rolling windows; set train to 'rolling'", code="unused_parameter")
    expect_spans(times, label)
    start, least = _first_row(times, first_test), _least_start(times, label, embargo)
    if start < least or len(times) - start < folds:
        needed = _rows_needed(len(times), start, least, folds, first_test)
        raise ConfigError(
            f"too few rows to walk forward: there are {len(times)}, and {start} come before the first test row. "
            f"Labels of horizon {label.horizon} and an embargo of {embargo} need at least {least} before it, and "
            f"{folds} folds as many after it: give at least {needed} rows, or change first_test or folds",
            code="too_few_rows",
        )
    result = []
    for index, test in enumerate(np.array_split(np.arange(start, len(times)), folds)):
        fold = forward_fold(index, test, times, label, embargo=embargo)
        if train == "rolling":
            train_rows = train_rows or len(fold.train)
            fold = replace(fold, train=fold.train[-train_rows:])
        result.append(fold)
    return expect_training(result, times, "none of the labels before it is known in time: change first_test or embargo")


@splitter
@walks
@checked
def calendar_years(
    times: pd.DatetimeIndex,
    label: Label,
    *,
    first_test: PositiveInt | None = None,
    train_years: PositiveInt | None = None,
    embargo: NonNegativeInt = 0,
) -> list[Fold]:
    """Test one calendar year (UTC) after another; each fold trains on labels known before its year.

    Cutoff and purging are as in `walk_forward`. The last year may be incomplete.

    Parameters
    ----------
    first_test : int, optional
        The first year tested; default: the second of the data.
    train_years : int, optional
        Train on the rows of this many calendar years before; default: on all rows before.
    embargo : int
        Rows between the last known training label and the first test row.

    Raises
    ------
    ConfigError
        `too_few_rows`.
    DataError
        Labels that are not of these times; see `expect_spans`.
    """
    expect_spans(times, label)
    years = times.tz_convert("UTC").year.to_numpy() if times.tz is not None else times.year.to_numpy()
    expect_rows(times, 2, "one year to learn from and one to test")
    first = years[0] + 1 if first_test is None else first_test
    tested = [year for year in np.unique(years) if year >= first]
    if not tested:
        raise ConfigError(
            f"too few rows: there are none in {first}, the first year to test; the last is of {times[-1]:%Y-%m-%d}. "
            f"Give more, or an earlier first_test",
            code="too_few_rows",
        )
    folds = []
    for index, year in enumerate(tested):
        since = 0 if train_years is None else int(np.searchsorted(years, year - train_years))
        test = np.flatnonzero(years == year)
        folds.append(forward_fold(index, test, times, label, embargo=embargo, since=since))
    return expect_training(folds, times, "give a later first_test, more train_years, or a smaller embargo")


def _first_row(times: pd.DatetimeIndex, first_test: float | date | str) -> int:
    if isinstance(first_test, float):
        return int(first_test * len(times))
    return int(times.searchsorted(_instant(first_test), side="left"))


def _least_start(times: pd.DatetimeIndex, label: Label, embargo: int) -> int:
    """Return the first row that can be tested: the row `embargo` rows before it is later than the first known label."""
    known_at = label.known_at[~np.isnat(label.known_at)]
    if not len(known_at):
        return label.horizon + 2 + embargo
    return int(np.searchsorted(instants(times), known_at.min(), side="right")) + embargo


def _rows_needed(rows: int, start: int, least: int, folds: int, first_test: float | date | str) -> int:
    if isinstance(first_test, float):
        return max(math.ceil((least + 1) / first_test), math.ceil(folds / (1 - first_test)))
    return max(start, least) + max(rows - start, folds)
