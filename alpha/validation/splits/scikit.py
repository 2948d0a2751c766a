"""Use any splitter as the `cv=` argument of scikit-learn."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from alpha.core.errors import ConfigError, DataError
from alpha.core.nouns import FeatureSet, Label
from alpha.stats.arguments import expect
from alpha.validation import splitter
from alpha.validation.crossfit import training_mask
from alpha.validation.splits.purge import instants


def samples(features: FeatureSet, label: Label) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Return X, y and known_at of every (time, symbol) that has inputs and an outcome, in the order of time.

    All three are indexed by (time, symbol); `PurgedCV` takes `known_at`.
    """
    X = features.frame()
    y = pd.Series(label.values.ravel(), X.index, name=label.name)
    known = pd.Series(label.known_at_cells.ravel(), X.index, name="known_at").dt.tz_localize("UTC")
    complete = np.isfinite(X).all(axis=1) & np.isfinite(y) & known.notna()
    return X[complete], y[complete], known[complete]


class PurgedCV:
    """A splitter for scikit-learn: for `cross_val_score`, `GridSearchCV` and all else that takes `cv=`.

    Scores of scikit-learn are not recorded as trials: choose on training rows, then `score` the chosen model.

    Parameters
    ----------
    name : str
        A registered splitter, such as ``purged_kfold``.
    known_at : Series
        When each sample's label became known; NaT: not yet. Its index holds the time of each sample, or (time, symbol)
        where a time has several samples. Times without a zone are read as UTC.
    **params
        The parameters of the splitter. They count rows; a row is a distinct time.

    Raises
    ------
    ConfigError
        `bad_parameter`, `unknown_splitter`; `samples`: `known_at` is no series of times, indexed by times.
    """

    def __init__(self, name: str, known_at: pd.Series, **params: Any) -> None:
        self.splitter = splitter.bind({"name": name, **params})
        expect(known_at, pd.Series, "known_at must be a Series: when each sample's label became known")
        _utc(pd.Index(known_at), "known_at")
        if _utc(known_at.index.get_level_values(0), "the index of known_at").hasnans:
            raise ConfigError(
                "the index of known_at must have a time for each sample; some are missing", code="samples"
            )
        self.known_at = known_at

    def __repr__(self) -> str:
        return f"PurgedCV({self.splitter.label})"

    def split(self, X: Any = None, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positions in `X` of the training samples, and of the test samples.

        Parameters
        ----------
        X : array-like of samples, optional
            A frame is matched to `known_at` by its index, so that searches can be nested; anything else by position.
        groups : sequence, one a sample, optional
            The group of each sample's symbol, for splitters that hold out groups.

        Raises
        ------
        DataError
            `samples`: `X` does not match `known_at`, or a (time, symbol) occurs twice.
        """
        grid = _Grid(_matched(self.known_at, X))
        takes_groups = groups is not None and "groups" in inspect.signature(self.splitter.make).parameters
        extra = (grid.groups(groups),) if takes_groups else ()
        rows, names = grid.label.values.shape
        for fold in self.splitter(grid.times, grid.label, *extra):
            tested = np.zeros((rows, names), bool)
            tested[fold.cells(names)] = True
            train, test = training_mask(grid.label, fold)[grid.cells], tested[grid.cells]
            if test.any():  # a symbol may have no sample in a fold's rows
                yield np.flatnonzero(train), np.flatnonzero(test)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits."""
        return sum(1 for _ in self.split(X, y, groups))


class _Grid:
    """Samples arranged as times x symbols, the form that splitters take."""

    def __init__(self, known_at: pd.Series) -> None:
        moments = _utc(known_at.index.get_level_values(0), "the index of known_at")
        self.times = moments.unique().sort_values()
        rows, columns = self.times.get_indexer(moments), np.zeros(len(moments), int)
        if isinstance(known_at.index, pd.MultiIndex):
            columns = pd.factorize(known_at.index.get_level_values(1), sort=True)[0]
        self.cells = rows, columns
        if (twice := pd.MultiIndex.from_arrays(self.cells).duplicated()).any():
            found = known_at.index[int(np.argmax(twice))]
            raise DataError(
                f"each sample needs a time, or a (time, symbol), of its own; {found} is there twice", code="samples"
            )
        shape = (len(self.times), int(columns.max(initial=0)) + 1)
        known = np.full(shape, np.datetime64("NaT", "ns"))
        known[self.cells] = instants(_utc(pd.Index(known_at), "known_at"))
        self.label = Label("samples", np.zeros(shape), known, _longest(known, instants(self.times)), "next_open")

    def groups(self, groups: Sequence[Any]) -> list[str]:
        """Return the group of each column."""
        found = pd.Series(np.asarray(groups).astype(str)).groupby(self.cells[1]).unique()
        if (found.str.len() > 1).any():
            raise DataError("groups must be the same in all samples of a symbol", code="groups")
        return [str(each[0]) for each in found]


def _matched(known_at: pd.Series, X: Any) -> pd.Series:
    """Return `known_at` of the samples in `X`, in their order."""
    index = getattr(X, "index", None)
    if X is None or (isinstance(index, pd.Index) and index.equals(known_at.index)):
        return known_at
    if isinstance(index, pd.Index):
        if known_at.index.is_unique and index.isin(known_at.index).all():
            return known_at.loc[index]
        raise DataError("the index of X has samples that known_at lacks; give both the same one", code="samples")
    if len(X) != len(known_at):
        raise DataError(
            f"known_at has {len(known_at)} samples and X has {len(X)}; give X as a frame with the index of known_at, "
            f"so that a part of the samples can be matched",
            code="samples",
        )
    return known_at


def _utc(times: pd.Index, what: str) -> pd.DatetimeIndex:
    if not isinstance(times, pd.DatetimeIndex):  # pandas would read numbers as nanoseconds since 1970
        raise ConfigError(f"{what} must hold times; it holds {times.dtype}: pd.to_datetime(...)", code="samples")
    return times.tz_localize("UTC") if times.tz is None else times.tz_convert("UTC")


def _longest(known: np.ndarray, moments: np.ndarray) -> int:
    """Return the longest horizon of any label, in rows."""
    rows, columns = np.nonzero(~np.isnat(known))
    ends = np.searchsorted(moments, known[rows, columns], side="left")
    return max(int((ends - rows).max(initial=2)) - 1, 1)
