"""Samples: the labelled (time, symbol) pairs a model is fitted on, and how a fit splits them again."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from alpha.core.errors import ConfigError, ModelError


@dataclass(frozen=True, eq=False)
class Samples:
    """Everything that a fit may see, in the order of time. `alpha.validation.fit` makes it; its arrays are read-only.

    Parameters
    ----------
    X : array of shape (n, F)
        Inputs, known at `instant`; NaN where missing, if the model handles missing inputs.
    y : array of shape (n,)
        Outcomes, finite.
    row : int array of shape (n,), ascending
        The row of the panel that each sample stems from.
    symbol : int array of shape (n,)
        The column of the panel that each sample stems from.
    instant : datetime64[ns] array of shape (n,), UTC
        The time of `row`: when the inputs were known and the decision is made.
    known_at : datetime64[ns] array of shape (n,), UTC
        When the outcome became known, later than `instant`; NaT: not yet.
    weight : array of shape (n,)
        How much each sample counts, with a mean of 1; all ones where no weights are configured.
    """

    X: np.ndarray
    y: np.ndarray
    row: np.ndarray
    symbol: np.ndarray
    instant: np.ndarray
    known_at: np.ndarray
    weight: np.ndarray

    def __post_init__(self) -> None:
        for each in fields(self):
            array = getattr(self, each.name).view()
            if len(array) != len(self.y):
                raise ModelError(
                    f"samples must have one {each.name} each; there are {len(array)} for {len(self.y)} outcomes",
                    code="bad_samples",
                )
            array.flags.writeable = False
            object.__setattr__(self, each.name, array)
        if (np.diff(self.row) < 0).any():
            raise ModelError("samples must be in the order of their rows", code="bad_samples")

    def __len__(self) -> int:
        return len(self.y)

    @property
    def weighting(self) -> np.ndarray | None:
        """The weights as libraries take them: None where every sample counts alike."""
        return None if (self.weight == 1).all() else self.weight

    def take(self, mask: np.ndarray) -> Self:
        """Return the samples that a bool array of shape (n,) selects."""
        return replace(self, **{each.name: getattr(self, each.name)[mask] for each in fields(self)})

    def before(self, instant: np.datetime64) -> Self:
        """Return the samples whose outcome was known strictly before `instant`."""
        return self.take(self.known_at < instant)  # NaT compares False

    def split(self, share: float = 0.2) -> tuple[Self, Self]:
        """Return the part to learn from and the newest `share` of the rows, to choose or to stop early on.

        The first part holds only what was known strictly before the first row of the second.

        Raises
        ------
        ConfigError
            `bad_parameter`: a share that is not between 0 and 1.
        ModelError
            `too_few_samples`: one of the parts is empty.
        """
        if not 0 < share < 1:
            raise ConfigError(f"share must be above 0 and below 1; it is {share}", code="bad_parameter")
        rows = np.unique(self.row)
        return self._parts(rows[len(rows) - max(round(share * len(rows)), 1) :])

    def folds(self, number: int = 5) -> list[tuple[Self, Self]]:
        """Return `number` inner folds, each the part to learn from and the block to predict: what stacking needs.

        The rows are cut into `number` + 1 consecutive blocks, and the first is only learned from. Each other block is
        predicted once, by what was known strictly before its first row.

        Raises
        ------
        ConfigError
            `bad_parameter`: a number below 1.
        ModelError
            `too_few_samples`: one of the parts is empty.
        """
        if number < 1:
            raise ConfigError(f"number must be at least 1; it is {number}", code="bad_parameter")
        blocks = np.array_split(np.unique(self.row), number + 1)
        return [self._parts(block) for block in blocks[1:]]

    def _parts(self, rows: np.ndarray) -> tuple[Self, Self]:
        held_out = self.take(np.isin(self.row, rows))
        learned = self.before(held_out.instant[0]) if len(held_out) else held_out
        if not len(learned):
            raise ModelError(
                f"{len(self)} samples of {len(np.unique(self.row))} rows are too few to split inside a fit: nothing is "
                f"known before the rows held out. Start the data earlier, or take fewer inner folds or shorter labels",
                code="too_few_samples",
            )
        return learned, held_out
