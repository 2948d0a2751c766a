"""Checks that no fold learns, by any path, from data unknown at its first test row."""

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

Inputs = tuple[FeatureSet, Label, Fold, np.ndarray]  # the arguments of `Pipeline.predict`
FEWEST_CELLS = 20
ROUNDING = 1e-6  # tolerance where several rows are compared, as a fraction of the spread of predictions
ODD = np.uint64(0x9E3779B97F4A7C15)  # hash multiplier; the 64-bit overflow is intended (Steele, Lea and Flood, 2014)


@check
def folds(case: Case) -> str | None:
    """Every fold trains on labels known before its cutoff, the cutoff precedes the test, and no row is tested twice."""
    if not case.folds:
        return "there are no folds to check"
    return lookahead.check_folds(case.folds, case.label, case.panel.times)


@check
def duplicates(case: Case, *, share: Annotated[float, Field(gt=0, lt=1)] = 0.01) -> str | None:
    """At most `share` of the test cells of a fold have exactly the features and outcome of a training cell."""
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
    """The predictions of a fold do not change when the labels and features unknown at a test row are replaced.

    The test rows are the first, whose prediction must be equal to the last bit, and `rows` drawn ones. Every label not
    known at the row and every feature of a later test row is replaced; the model is fitted anew, with everything fitted
    along with it: scalers, encoders, selection of features, tuning, early stopping.

    Parameters
    ----------
    folds : int
        Number of folds, drawn from all.
    rows : int
        Rows drawn in each fold, besides the first: near calendar turns and near changes of fields that seldom change.
    futures : int
        Replacements after the first row: with one alone, a choice among few options could be the same by chance.
    samples : int
        A fold trains on about this many cells, the newest ones.
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
    """The predictions of a fold up to a test row do not change when the panel after that row is replaced or cut off.

    The panel is replaced after the first test row and cut off after `rows` drawn ones; features, labels and model are
    then made anew, so the whole pipeline from data to prediction is checked at once. Parameters as in `refit`.
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
    """Return the first prediction that changes when the inputs after the first or a drawn test row change."""
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
    """Compare predictions: a single first row to the last bit, or within the model's tolerance.

    Several rows are compared within a tolerance, because libraries sum arrays of another size in another order.
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
        f"{fold.index}, is {before[k, i]:.9g}, and {after[k, i]:.9g} when data unknown at "
        f"{case.panel.times[fold.test[len(before) - 1]]} are changed"
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
    """Return features, label and tradable cells with all values unknown at `row` replaced; NaN stays NaN.

    Where `known_at` varies by cell, that of the unknown outcomes is replaced too: the length of a position reveals its
    outcome.
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
    """Return a hash of each cell, a mask of those with all features and an outcome, and the number of these."""
    parts = [*np.moveaxis(case.features.values, -1, 0), case.outcome]
    number = np.zeros(case.outcome.shape, np.uint64)
    known = case.outcome != 0
    for part in parts:
        known &= np.isfinite(part)
        number = (number ^ np.ascontiguousarray(part).view(np.uint64)) * ODD
        number ^= number >> np.uint64(29)
    kinds, cells = np.unique(number, return_inverse=True)
    return cells.reshape(number.shape), known, len(kinds)
