"""The two kinds of folds, forward and purged, and the training rows of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from alpha.core.errors import ConfigError, DataError
from alpha.core.nouns import Fold, Label
from alpha.stats.arguments import expect

FOREVER = np.datetime64(np.iinfo(np.int64).max, "ns")
_TICK = np.timedelta64(1, "ns")


def walks(make: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a splitter whose folds are possible live, so that they may judge a candidate (attribute `walks`).

    Its test rows are consecutive, each row is tested once, in all names, and every fold trains only on labels known
    before its test rows.
    """
    vars(make)["walks"] = True
    return make


def instants(times: pd.DatetimeIndex) -> np.ndarray:
    """Return `times` as datetime64[ns], UTC."""
    return times.as_unit("ns").asi8.view("datetime64[ns]")


def forward_fold(
    index: int, test: np.ndarray, times: pd.DatetimeIndex, label: Label, *, embargo: int, since: int = 0
) -> Fold:
    """Return the fold that tests the rows `test` and trains on labels known strictly before its cutoff.

    The cutoff is the time of the row `embargo` rows before the first test row. A training row has at least one label
    known by then, and is not before the row `since`.
    """
    end = max(int(test[0]) - embargo, 0)
    cutoff = instants(times)[end]
    known = label.known_before(cutoff)[since:end].any(axis=1)
    return Fold(index, since + np.flatnonzero(known), test, cutoff)


def purged_fold(index: int, test: np.ndarray, times: pd.DatetimeIndex, label: Label, *, embargo: int) -> Fold:
    """Return the fold that tests the rows `test` and trains on all other rows whose labels overlap none of theirs.

    The span of a label is half-open, from its row's time up to, but without, `known_at`. For each run of test rows:

    - a label before the run is used if it is known no later than the run's first row;
    - a row after the run is used if it is at least `embargo` rows later than the first row at which all labels of the
      run are known. A label that never becomes known is never scored, so it has no span.
    """
    moments = instants(times)
    cutoffs = np.full(len(times), FOREVER)
    apart = np.ones(len(times), bool)
    for run in np.split(test, np.flatnonzero(np.diff(test) > 1) + 1):
        first, last = int(run[0]), int(run[-1])
        cutoffs[:first] = np.minimum(cutoffs[:first], moments[first] + _TICK)
        apart[first : max(_row_known(run, moments, label), last + 1) + embargo] = False
    train = np.flatnonzero(label.known_before(cutoffs).any(axis=1) & apart)
    return Fold(index, train, test, np.datetime64("NaT", "ns"), cutoffs)


def expect_training(folds: Iterable[Fold], times: pd.DatetimeIndex, advice: str) -> list[Fold]:
    """Return `folds`; raise ConfigError `too_few_rows`, with `advice`, if one has no training rows."""
    checked = list(folds)
    for fold in checked:
        if not len(fold.train):
            raise ConfigError(
                f"too few rows: fold {fold.index}, which tests {times[fold.test[0]]} to {times[fold.test[-1]]}, needs "
                f"at least one label to learn from, and none is left of {len(times)} rows; {advice}",
                code="too_few_rows",
            )
    return checked


def expect_spans(times: pd.DatetimeIndex, label: Label) -> None:
    """Raise a DataError unless the times are those of the label's rows, and every label is known after its row.

    Purging depends on this: a label declared known too early would overlap no test row, and would not be purged.

    Raises
    ------
    ConfigError
        `bad_parameter`.
    DataError
        `bad_shape`, `not_times`, `unordered_times`; ``known_early``: an outcome is known no later than its decision.
    """
    expect(times, pd.DatetimeIndex, "times must be a DatetimeIndex, a time for each row of the label")
    known_at, shape = np.asarray(label.known_at), label.values.shape
    if len(times) != len(label.values) or known_at.shape not in (shape, shape[:1]):
        raise DataError(
            f"times must be of the rows of the label, and its known_at (T,) or (T, N) as its values are: there are "
            f"{len(times)} times, values of shape {shape} and known_at of {known_at.shape}",
            code="bad_shape",
        )
    if known_at.dtype.kind != "M":
        raise DataError(f"known_at must hold times (datetime64); it holds {known_at.dtype}", code="not_times")
    moments = instants(times)
    if (np.diff(moments) <= np.timedelta64(0)).any():
        raise DataError("times must be strictly increasing", code="unordered_times")
    late = (known_at.transpose() > moments).transpose() | np.isnat(known_at)
    rows = np.flatnonzero(~(late.all(axis=1) if late.ndim == 2 else late))
    if len(rows):
        raise DataError(
            f"a label must become known later than its row, or nothing is purged for it; {len(rows)} of {len(times)} "
            f"rows have one that is known by then, the first {times[rows[0]]}: known_at is the time at which the "
            f"outcome is there, such as the close at which the position ends",
            code="known_early",
        )


def expect_rows(times: pd.DatetimeIndex, least: int, why: str) -> None:
    """Raise ConfigError `too_few_rows` where there are fewer than `least` rows."""
    if len(times) < least:
        raise ConfigError(f"too few rows: {why} need at least {least}; there are {len(times)}", code="too_few_rows")


def _row_known(run: np.ndarray, moments: np.ndarray, label: Label) -> int:
    """Return the first row at which every label of `run` is known."""
    ends = label.known_at[run]
    ends = ends[~np.isnat(ends)]
    return int(np.searchsorted(moments, ends.max(), side="left")) if len(ends) else 0
