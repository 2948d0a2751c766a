"""Folds inside a fold, to tune a model only on the training labels of the outer fold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from alpha.core.nouns import Fold, Label
from alpha.validation.crossfit import training_mask


def nested(
    outer: Fold, times: pd.DatetimeIndex, label: Label, splitter: Callable[[pd.DatetimeIndex, Label], list[Fold]]
) -> tuple[list[Fold], Label]:
    """Split the training rows of an outer fold again.

    Parameters
    ----------
    splitter : callable
        A bound splitter, or a function of (times, label). It gets only the outer training rows; its embargo counts
        these rows.

    Returns
    -------
    folds : list of Fold
        Rows are numbered as in `times`; train and test rows are all among ``outer.train``.
    seen : Label
        `label` with NaN (and NaT) in every cell that the outer fold may not train on. Fit and score with this one;
        otherwise tuning reads outcomes of the outer test rows.
    """
    rows, seen = outer.train, _seen(label, training_mask(label, outer))
    part = replace(seen, values=seen.values[rows], known_at=seen.known_at[rows],
                   realised=None if seen.realised is None else seen.realised[rows])  # fmt: skip
    return [_placed(fold, rows, len(times)) for fold in splitter(times[rows], part)], seen


def _seen(label: Label, mask: np.ndarray) -> Label:
    return replace(
        label,
        values=np.where(mask, label.values, np.nan),
        known_at=np.where(mask, label.known_at_cells, np.datetime64("NaT", "ns")),
        realised=None if label.realised is None else np.where(mask, label.realised, np.nan),
    )


def _placed(fold: Fold, rows: np.ndarray, total: int) -> Fold:
    """Return an inner fold with the row numbers of the outer one."""
    cutoffs = None
    if fold.cutoffs is not None:
        cutoffs = np.full(total, np.datetime64("NaT", "ns"))
        cutoffs[rows] = fold.cutoffs
    return replace(fold, train=rows[fold.train], test=rows[fold.test], cutoffs=cutoffs)
