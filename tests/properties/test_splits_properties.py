"""No fold ever learns from an outcome that was not known, whatever the label and the splitter's parameters.

The check is put to the proof: the same check refuses a splitter that does not purge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha.core.errors import ConfigError
from alpha.core.nouns import Fold, Label
from alpha.leaks.lookahead import check_folds
from alpha.validation.crossfit import training_mask
from alpha.validation.splits import walk_forward


@dataclass(frozen=True)
class Case:
    times: pd.DatetimeIndex
    label: Label
    folds: int
    train: str
    train_rows: int | None
    first_test: float | str
    embargo: int

    def split(self) -> list[Fold]:
        return walk_forward(self.times, self.label, folds=self.folds, train=self.train, train_rows=self.train_rows,
                            first_test=self.first_test, embargo=self.embargo)  # type: ignore[arg-type]  # fmt: skip


@st.composite
def cases(draw: st.DrawFn, between: bool = True) -> Case:
    """Irregular times; outcomes known after any delay, the same for all names or not, on the grid or `between`."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, names = draw(st.integers(50, 90)), draw(st.integers(1, 4))
    start = np.datetime64("2020-01-01", "ns")
    instants = start + np.cumsum(rng.integers(1, 80, rows)).astype("timedelta64[h]")
    times = pd.DatetimeIndex(instants).tz_localize("UTC")
    shape = draw(st.sampled_from([(rows,), (rows, names)]))
    longest = draw(st.integers(1, 12))
    delay = np.full(shape, longest) if draw(st.booleans()) else rng.integers(1, longest + 1, shape)
    exits = np.arange(rows).reshape((rows,) + (1,) * (len(shape) - 1)) + delay
    known_at = np.where(exits < rows, instants[np.minimum(exits, rows - 1)], np.datetime64("NaT", "ns"))
    if between and draw(st.booleans()):
        known_at = known_at - np.timedelta64(30, "m")  # between two rows, still after its own
    label = Label("any", rng.normal(size=(rows, names)), known_at, longest, "next_open")
    train = draw(st.sampled_from(["expanding", "rolling"]))
    train_rows = draw(st.none() | st.integers(1, 40)) if train == "rolling" else None
    first_test = draw(st.floats(0.4, 0.8)) if draw(st.booleans()) else str(times[int(0.6 * rows)])
    return Case(times, label, draw(st.integers(1, 8)), train, train_rows, first_test, draw(st.integers(0, 5)))


def expect_no_leak(case: Case, folds: Sequence[Fold], masks: Sequence[np.ndarray]) -> None:
    """Look at every single cell that is trained on: a plain loop, with no help from the library."""
    instants = case.times.tz_localize(None).as_unit("ns").to_numpy()
    for fold, mask in zip(folds, masks, strict=True):
        limit = instants[fold.test[0] - case.embargo]
        for row, symbol in np.argwhere(mask):
            known_at = case.label.known_at[row] if case.label.known_at.ndim == 1 else case.label.known_at[row, symbol]
            assert row < fold.test[0]
            assert known_at < limit


@settings(max_examples=80, deadline=None)
@given(cases())
def test_no_fold_learns_from_what_was_unknown(case: Case) -> None:
    folds = case.split()
    expect_no_leak(case, folds, [training_mask(case.label, fold) for fold in folds])
    assert check_folds(folds, case.label, case.times) is None


@settings(max_examples=40, deadline=None)
@given(cases(between=False))
def test_a_splitter_that_does_not_purge_is_caught(case: Case) -> None:
    unpurged = [Fold(f.index, np.arange(f.test[0]), f.test, f.cutoff) for f in case.split()]
    masks = []
    for fold in unpurged:
        mask = np.zeros(case.label.values.shape, bool)
        mask[fold.train] = True
        masks.append(mask)
    with pytest.raises(AssertionError):
        expect_no_leak(case, unpurged, masks)
    assert "unknown at its cutoff" in (check_folds(unpurged, case.label, case.times) or "")


@settings(max_examples=40, deadline=None)
@given(cases(between=False))
def test_removing_the_purge_fails_the_property(case: Case) -> None:
    """With `known_before` always true, the property above must not hold."""

    class Careless(Label):
        def known_before(self, cutoff: np.datetime64) -> np.ndarray:
            return np.ones(self.values.shape, bool)

    label = case.label
    careless = Careless(label.name, label.values, label.known_at, label.horizon, label.entry)
    case = Case(case.times, careless, case.folds, case.train, case.train_rows, case.first_test, 0)
    folds = case.split()
    with pytest.raises(AssertionError):
        expect_no_leak(case, folds, [training_mask(careless, fold) for fold in folds])


@settings(max_examples=80, deadline=None)
@given(cases())
def test_test_blocks_cover_the_tail_once(case: Case) -> None:
    folds = case.split()
    tested = np.concatenate([fold.test for fold in folds])
    np.testing.assert_array_equal(tested, np.arange(tested[0], len(case.times)))
    assert [fold.index for fold in folds] == list(range(case.folds))
    lengths = [len(fold.test) for fold in folds]
    assert max(lengths) - min(lengths) <= 1


@settings(max_examples=80, deadline=None)
@given(cases())
def test_nothing_that_was_known_is_thrown_away(case: Case) -> None:
    for fold in case.split():
        before = np.arange(len(case.times)) < fold.test[0] - case.embargo
        known = np.flatnonzero(case.label.known_before(fold.cutoff).any(axis=1) & before)
        if case.train == "expanding":
            np.testing.assert_array_equal(fold.train, known)
        else:
            np.testing.assert_array_equal(fold.train, known[len(known) - len(fold.train) :])
            assert case.train_rows is None or len(fold.train) == min(case.train_rows, len(known))
        assert len(fold.train)


@settings(max_examples=80, deadline=None)
@given(rows=st.integers(0, 60), horizon=st.integers(1, 15), folds=st.integers(1, 12), embargo=st.integers(0, 6),
       first_test=st.floats(0.05, 0.95))  # fmt: skip
def test_the_number_of_rows_asked_for_is_enough(
    rows: int, horizon: int, folds: int, embargo: int, first_test: float
) -> None:
    def split(rows: int) -> list[Fold]:
        instants = np.datetime64("2020-01-01", "ns") + np.arange(rows + horizon + 1).astype("timedelta64[D]")
        known_at = np.full(rows, np.datetime64("NaT", "ns"))
        known_at[: max(rows - horizon - 1, 0)] = instants[horizon + 1 : rows]
        label = Label("any", np.zeros((rows, 1)), known_at, horizon, "next_open")
        times = pd.DatetimeIndex(instants[:rows]).tz_localize("UTC")
        return walk_forward(times, label, folds=folds, first_test=first_test, embargo=embargo)

    try:
        split(rows)
    except ConfigError as error:
        needed = int(error.args[0].split("give at least ")[1].split()[0])
        assert needed > rows
        assert len(split(needed)) == folds
