"""No fold learns what was unknown when its first test row was decided, by whatever way it got to the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field, PositiveInt

from alpha.core.types import FeatureSet, Fold, Label
from alpha.validation import leakage
from alpha.validation.checks import check
from alpha.validation.checks.outcomes import known_by
from alpha.validation.checks.pipeline import Case

Inputs = tuple[FeatureSet, Label, np.ndarray]
FEWEST_CELLS = 20
ROUNDING = 1e-9  # of predictions after a fold's first
ODD = np.uint64(0x9E3779B97F4A7C15)  # numbers of 64 bits wrap around by intent (Steele, Lea and Flood, 2014)


@check
def folds(case: Case) -> str | None:
    """The arithmetic of the folds: labels known before the cutoff, the cutoff before the test, no row tested twice."""
    if not case.folds:
        return "there are no folds to check"
    return leakage.check_folds(case.folds, case.label, case.panel.times)


@check
def duplicates(case: Case, *, share: Annotated[float, Field(gt=0, lt=1)] = 0.01) -> str | None:
    """At most `share` of a fold's test cells have the very features and outcome of a cell it learns from."""
    cells, known, kinds = _cells(case)
    for fold in case.folds:
        seen, tested = np.zeros(kinds, bool), cells[fold.test][known[fold.test]]
        seen[cells[fold.train][known[fold.train]]] = True
        again = int(seen[tested].sum())
        if len(tested) >= FEWEST_CELLS and again > share * len(tested):
            return f"fold {fold.index} tests {again} of {len(tested)} cells whose features and outcome it learned from"
    return None


@check
def refit(
    case: Case, *, folds: PositiveInt = 1, futures: PositiveInt = 2, samples: PositiveInt = 100_000
) -> str | None:
    """The predictions up to a fold's first and its middle test row are the same, fitted anew on other unknowns.

    Those of the first are so to the last bit. Every label that was not known at that row and every feature of a later
    test row is replaced, the model is fitted anew, and so is all that is fitted with it: scalers, encoders, the choice
    of features, tuning, early stopping.

    Parameters
    ----------
    folds : int
        Folds tried, the first ones.
    futures : int
        Replacements tried for each fold: a choice among a few can come out the same by chance.
    samples : int
        A fold learns from about so many cells, its newest.
    """

    def unknowns(fold: Fold, row: int, number: int) -> Inputs:
        return _other_unknowns(case, fold, row, case.rng(f"unknown {fold.index} {row} {number}"))

    return _compared(case, folds, futures, samples, unknowns)


@check
def whole(
    case: Case, *, folds: PositiveInt = 1, futures: PositiveInt = 1, samples: PositiveInt = 100_000
) -> str | None:
    """The predictions up to a fold's first and its middle test row are the same, whatever data come after that row.

    The panel after the row is replaced, and features, labels and model are made anew from it: the whole way from
    data to decision, at once. Parameters are those of `refit`.
    """

    def future(fold: Fold, row: int, number: int) -> Inputs:
        panel = leakage.shocked(case.panel, row, case.rng(f"future {fold.index} {row} {number}"))
        return case.pipeline.features(panel), case.pipeline.label(panel), panel.tradable

    return _compared(case, folds, futures, samples, future)


def _compared(
    case: Case, folds: int, futures: int, samples: int, other: Callable[[Fold, int, int], Inputs]
) -> str | None:
    """Say where a row of a fold is predicted otherwise from inputs that differ after its first or its middle row."""
    for fold in (case.thinned(fold, samples) for fold in case.folds[:folds]):
        before = case.pipeline.predict(case.features, case.label, fold, case.panel.tradable)
        for last in sorted({0, len(fold.test) // 2}):
            for number in range(futures):
                features, label, tradable = other(fold, int(fold.test[last]), number)
                after = case.pipeline.predict(features, label, fold, tradable)
                if found := _moved(case, fold, before[: last + 1], after[: last + 1]):
                    return found
    return None


def _moved(case: Case, fold: Fold, before: np.ndarray, after: np.ndarray) -> str | None:
    """Compare rows: the first to the last bit, the others but for how libraries sum what stands further on."""
    moved = ~((before == after) | (np.isnan(before) & np.isnan(after)))
    with np.errstate(invalid="ignore"):
        moved[1:] &= ~np.isclose(before[1:], after[1:], rtol=ROUNDING, atol=ROUNDING)
    if not moved.any():
        return None
    k, i = np.argwhere(moved)[0]
    return (
        f"the prediction of {case.panel.symbols[i]} at {case.panel.times[fold.test[k]]}, test row {k + 1} of fold "
        f"{fold.index}, is {before[k, i]:.9g}, and {after[k, i]:.9g} when what was not known then is changed"
    )


def _other_unknowns(case: Case, fold: Fold, row: int, rng: np.random.Generator) -> Inputs:
    """Return features, label and tradable cells: known ones as they are, the others replaced. NaN stay."""
    later = slice(row + 1, int(fold.test[-1]) + 1)
    values = np.copy(case.features.values)  # in the same layout, so that sums are the same to the bit
    values[later] *= rng.uniform(-3, 3, values[later].shape)
    tradable = case.panel.tradable.copy()
    tradable[later] &= rng.random(tradable[later].shape) < 0.8
    known = known_by(case, row)

    def replaced(outcomes: np.ndarray) -> np.ndarray:
        scale = np.nanstd(outcomes)
        return np.where(known | np.isnan(outcomes), outcomes, rng.normal(0, scale, outcomes.shape))

    label = case.label
    realised = None if label.realised is None else replaced(label.realised)
    label = replace(label, values=replaced(label.values), realised=realised)
    return replace(case.features, values=values), label, tradable


def _cells(case: Case) -> tuple[np.ndarray, np.ndarray, int]:
    """Return a number a cell, equal for equal ones; which have all features and an outcome; how many there are."""
    parts = [*np.moveaxis(case.features.values, -1, 0), case.outcome]
    number = np.zeros(case.outcome.shape, np.uint64)
    known = case.outcome != 0
    for part in parts:
        known &= np.isfinite(part)
        number = (number ^ np.ascontiguousarray(part).view(np.uint64)) * ODD
        number ^= number >> np.uint64(29)
    kinds, cells = np.unique(number, return_inverse=True)
    return cells.reshape(number.shape), known, len(kinds)
