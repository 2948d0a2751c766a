"""What a fold may learn from, worked out cell by cell with no help from the library, and worlds to try it in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from alpha.core.nouns import Fold, Label
from alpha.validation.crossfit import training_mask

NAT = np.datetime64("NaT", "ns")


@dataclass(frozen=True)
class World:
    times: pd.DatetimeIndex
    label: Label

    @property
    def moments(self) -> np.ndarray:
        return self.times.tz_localize(None).as_unit("ns").to_numpy()

    def known_at(self, row: int, symbol: int) -> np.datetime64:
        known_at = self.label.known_at
        return known_at[row] if known_at.ndim == 1 else known_at[row, symbol]


@st.composite
def worlds(draw: st.DrawFn, least: int = 24, most: int = 36) -> World:
    """Irregular times; labels known after any delay, alike or each its own, on a row or between two, some never."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, names = draw(st.integers(least, most)), draw(st.integers(3, 4))
    moments = np.datetime64("2019-07-01", "ns") + np.cumsum(rng.integers(1, 500, rows)).astype("timedelta64[h]")
    shape = draw(st.sampled_from([(rows,), (rows, names)]))
    longest = draw(st.integers(1, 6))
    delay = np.full(shape, longest) if draw(st.booleans()) else rng.integers(1, longest + 1, shape)
    exits = np.arange(rows).reshape((rows,) + (1,) * (len(shape) - 1)) + delay
    known_at = np.where(exits < rows, moments[np.minimum(exits, rows - 1)], NAT)
    if draw(st.booleans()):
        known_at = known_at - np.timedelta64(30, "m")
    if draw(st.booleans()):
        known_at = np.where(rng.random(shape) < 0.1, NAT, known_at)
    label = Label("any", rng.normal(size=(rows, names)), known_at, longest, "next_open")
    return World(pd.DatetimeIndex(moments).tz_localize("UTC"), label)


def may_learn(world: World, fold: Fold, embargo: int) -> np.ndarray:
    """Return a bool array of shape (T, N): the cells that tell `fold` nothing of what it tests.

    Of a fold that walks forward, those known before the row `embargo` rows before the first test row. Of any
    other, those whose span, from their row up to and without `known_at`, overlaps that of no tested cell; after a
    tested row, those `embargo` rows later than that.
    """
    rows, names = world.label.values.shape
    symbols = range(names) if fold.symbols is None else fold.symbols.tolist()
    ends = [max((e for j in symbols if not np.isnat(e := world.known_at(t, j))), default=NAT) for t in fold.test]
    tested = Tested(world.moments, fold.test, np.array(ends))
    allowed = np.zeros((rows, names), bool)
    for row in range(rows):
        for symbol in range(names):
            end = world.known_at(row, symbol)
            if np.isnat(end) or (fold.symbols is not None and symbol in symbols):
                continue
            forward = row < fold.test[0] and end < world.moments[max(fold.test[0] - embargo, 0)]
            allowed[row, symbol] = forward if fold.forward else tested.apart(row, end, embargo)
    return allowed


@dataclass(frozen=True)
class Tested:
    """The rows that are tested, and when the last label of each was known; NaT: never."""

    moments: np.ndarray
    rows: np.ndarray
    ends: np.ndarray

    def apart(self, row: int, end: np.datetime64, embargo: int) -> bool:
        """Whether [row, end) shares no instant with any tested span, and the embargo after these is kept."""
        later, earlier = self.rows > row, self.rows < row
        start = row - embargo
        return bool(
            row not in self.rows
            and (end <= self.moments[self.rows[later]]).all()
            and (self.rows[earlier] < start).all()
            and not (self.ends[earlier] > self.moments[max(start, 0)]).any()
        )


def expect_no_leak(world: World, folds: Iterable[Fold], embargo: int) -> None:
    """Raise AssertionError where a fold may learn from a cell that tells it of what it tests."""
    for fold in folds:
        learned = training_mask(world.label, fold)
        assert learned.any(), f"fold {fold.index} learns from nothing"
        assert not (learned & ~may_learn(world, fold, embargo)).any(), f"fold {fold.index} leaks"
