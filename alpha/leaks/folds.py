"""No fold learns what was unknown when its first test row was decided, by whatever way it got to the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field, PositiveInt

from alpha.core.nouns import FeatureSet, Fold, Label
from alpha.core.panel import Panel
from alpha.leaks import check, lookahead
from alpha.leaks.outcomes import known_by
from alpha.leaks.pipeline import Case
from alpha.models import differing

Inputs = tuple[FeatureSet, Label, Fold, np.ndarray]  # of `Pipeline.predict`
FEWEST_CELLS = 20
ROUNDING = 1e-6  # of the spread of predictions, where there is more than a fold's first row
ODD = np.uint64(0x9E3779B97F4A7C15)  # numbers of 64 bits wrap around by intent (Steele, Lea and Flood, 2014)


@check
def folds(case: Case) -> str | None:
    """The arithmetic of the folds: labels known before the cutoff, the cutoff before the test, no row tested twice."""
    if not case.folds:
        return "there are no folds to check"
    return lookahead.check_folds(case.folds, case.label, case.panel.times)


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
    case: Case, *, folds: PositiveInt = 1, rows: PositiveInt = 3, futures: PositiveInt = 2,
    samples: PositiveInt = 100_000,
) -> str | None:  # fmt: skip
    """The predictions of a fold up to its first and to `rows` drawn test rows are the same, fitted on other unknowns.

    Those of the first are so to the last bit. Every label that was not known at that row and every feature of a later
    test row is replaced, the model is fitted anew, and so is all that is fitted with it: scalers, encoders, the choice
    of features, tuning, early stopping.

    Parameters
    ----------
    folds : int
        Folds tried, drawn from all.
    rows : int
        Rows drawn in each, the first excepted: before and after a turn of the calendar, beside what seldom changes.
    futures : int
        Replacements tried after the first row: a choice among a few can come out the same by chance.
    samples : int
        A fold learns from about so many cells, its newest.
    """

    def unknowns(fold: Fold, row: int) -> Iterator[Inputs]:
        for number in range(futures if row == fold.test[0] else 1):
            yield _other_unknowns(case, fold, row, case.rng(f"unknown {fold.index} {row} {number}"))

    return _compared(case, "refit", folds, rows, samples, unknowns)


@check
def whole(
    case: Case, *, folds: PositiveInt = 1, rows: PositiveInt = 3, futures: PositiveInt = 1,
    samples: PositiveInt = 100_000,
) -> str | None:  # fmt: skip
    """The predictions of a fold up to its first and to `rows` drawn test rows are the same, whatever data come after.

    The panel after the first row is replaced, after the others it is cut off, and features, labels and model are made
    anew from it: the whole way from data to decision, at once. Parameters are those of `refit`.
    """

    def future(fold: Fold, row: int) -> Iterator[Inputs]:
        if row != fold.test[0]:
            yield _made(case, case.panel.rows(slice(0, row + 1)), _until(fold, row))
            return
        for number in range(futures):
            rng = case.rng(f"future {fold.index} {row} {number}")
            yield _made(case, lookahead.shocked(case.panel, row, rng), fold)

    return _compared(case, "whole", folds, rows, samples, future)


def _compared(
    case: Case, what: str, folds: int, rows: int, samples: int, others: Callable[[Fold, int], Iterable[Inputs]]
) -> str | None:
    """Say where a row of a fold is predicted otherwise from inputs that differ after its first or a drawn row."""
    chosen = case.rng(f"folds {what}").permutation(len(case.folds))[:folds]
    for fold in (case.thinned(case.folds[number], samples) for number in chosen):
        before = case.pipeline.predict(case.features, case.label, fold, case.panel.tradable)
        for row in (int(fold.test[0]), *case.rows(rows, what, fold.test[1:-1])):
            tested = int(np.searchsorted(fold.test, row)) + 1
            for inputs in others(fold, row):
                if found := _moved(case, fold, before[:tested], case.pipeline.predict(*inputs)[:tested]):
                    return found
    return None


def _moved(case: Case, fold: Fold, before: np.ndarray, after: np.ndarray) -> str | None:
    """Compare rows: the first alone to the last bit, or within the tolerance of a model that has one.

    Several rows are compared but for how libraries sum arrays of another size.
    """
    moved = ~((before == after) | (np.isnan(before) & np.isnan(after)))
    if len(before) > 1:
        moved &= ~np.isclose(before, after, rtol=ROUNDING, atol=ROUNDING * _spread(before), equal_nan=True)
    if case.pipeline.tolerance:
        moved &= differing(before, after, case.pipeline.tolerance)
    if not moved.any():
        return None
    k, i = np.argwhere(moved)[0]
    return (
        f"the prediction of {case.panel.symbols[i]} at {case.panel.times[fold.test[k]]}, test row {k + 1} of fold "
        f"{fold.index}, is {before[k, i]:.9g}, and {after[k, i]:.9g} when what was not known at "
        f"{case.panel.times[fold.test[len(before) - 1]]} is changed"
    )


def _spread(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.std()) if len(known) else 0.0


def _made(case: Case, panel: Panel, fold: Fold) -> Inputs:
    return case.pipeline.features(panel), case.pipeline.label(panel), fold, panel.tradable


def _until(fold: Fold, row: int) -> Fold:
    """Return the fold without the rows after `row`."""
    train, test = (rows[rows <= row] for rows in (fold.train, fold.test))
    return replace(fold, train=train, test=test, cutoffs=None if fold.cutoffs is None else fold.cutoffs[: row + 1])


def _other_unknowns(case: Case, fold: Fold, row: int, rng: np.random.Generator) -> Inputs:
    """Return features, label and tradable cells: known ones as they are, the others replaced. NaN stay.

    Where outcomes are known at times of their own, those of the unknown ones are replaced as well: how long a position
    lasts says how it went.
    """
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
    if label.known_at.ndim > 1:
        soonest = np.maximum(np.arange(len(known)), row)[:, None] + 1
        times = np.append(case.panel.times.as_unit("ns").asi8.view("datetime64[ns]"), np.datetime64("NaT", "ns"))
        drawn = times[rng.integers(soonest, len(known) + 1, known.shape)]
        label = replace(label, known_at=np.where(known | np.isnat(label.known_at), label.known_at, drawn))
    return replace(case.features, values=values), label, fold, tradable


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
