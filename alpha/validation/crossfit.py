"""Fit and predict on (time, symbol) pairs, and predict out of sample over folds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from alpha.core.errors import ConfigError, ModelError
from alpha.core.nouns import FeatureSet, Fold, Label, Model
from alpha.core.registry import Plugin

_FEWEST_SAMPLES = 30


def training_mask(label: Label, fold: Fold) -> np.ndarray:
    """Return a bool array of shape (T, N): what a fold may learn from.

    Purging happens here, on each single label: it must have been known strictly before the cutoff.
    """
    mask = np.zeros(label.values.shape, bool)
    mask[fold.train] = label.known_before(fold.cutoff if fold.cutoffs is None else fold.cutoffs)[fold.train]
    if fold.symbols is not None:
        mask[:, fold.symbols] = False
    return mask


def fit(model: Plugin, features: FeatureSet, label: Label, mask: np.ndarray) -> Model:
    """Fit a fresh model on the labelled cells of `mask`, a bool array of shape (T, N).

    A cell is used if its label is finite and so are its inputs: all of them, or any where the model
    handles missing ones.

    Raises
    ------
    ModelError
        `too_few_samples`.
    """
    fresh = model()
    rows, symbols = np.nonzero(mask & np.isfinite(label.values) & _usable(fresh, features.values))
    if len(rows) < _FEWEST_SAMPLES:
        raise ModelError(
            f"{model.label} needs at least {_FEWEST_SAMPLES} samples with a known label and its inputs; "
            f"there are {len(rows)} among {int(mask.sum())} allowed cells{_scarcest(features, mask)}. "
            f"Start the data earlier, let testing begin later (walk_forward.first_test), or take shorter windows",
            code="too_few_samples",
        )
    X = _inputs(fresh, features.values, (rows, symbols))
    return fresh.fit(X, label.values[rows, symbols], rows=rows)


def _scarcest(features: FeatureSet, mask: np.ndarray) -> str:
    """Name the column that is missing most: the one with the longest window, as a rule."""
    missing = (mask[..., None] & ~np.isfinite(features.values)).sum(axis=(0, 1))
    worst = int(np.argmax(missing))
    return f"; {features.names[worst]} is missing in {int(missing[worst])} of them" if missing[worst] else ""


def predict(model: Model, values: np.ndarray, tradable: np.ndarray) -> np.ndarray:
    """Predict every tradable cell whose inputs are there; the others are NaN.

    Parameters
    ----------
    values : array of shape (..., F)
        Inputs, in the order the model was fitted on.
    tradable : bool array of shape (...)

    Returns
    -------
    array of shape (...)
        Each cell depends on its own inputs only, to the last bit.
    """
    usable = tradable & _usable(model, values)
    signal = np.full(usable.shape, np.nan)
    if usable.any():
        signal[usable] = model.predict(_inputs(model, values, usable))
    return signal


def cross_fit(
    model: Plugin, features: FeatureSet, label: Label, folds: Iterable[Fold], tradable: np.ndarray
) -> np.ndarray:
    """Predict what each fold tests with a model fitted anew on what the fold may learn from.

    Returns
    -------
    array of shape (T, N)
        The signal of row t, from inputs known at ``times[t]``; NaN where nothing is tested. What the model has
        learned was known before the row if the folds walk forward, and only then.

    Raises
    ------
    ConfigError
        `tested_twice`: there is more than one prediction of a cell.
    """
    signal, tested = np.full(tradable.shape, np.nan), np.zeros(tradable.shape, bool)
    for fold in folds:
        cells = fold.cells(tradable.shape[1])
        if tested[cells].any():
            raise ConfigError(
                f"cross_fit makes one signal, and fold {fold.index} tests what an earlier fold tested; "
                f"cross_fit_paths makes one for each time",
                code="tested_twice",
            )
        tested[cells] = True
        signal[cells] = _out_of_sample(model, features, label, fold, tradable)
    return signal


def cross_fit_paths(
    model: Plugin, features: FeatureSet, label: Label, folds: Iterable[Fold], tradable: np.ndarray
) -> np.ndarray:
    """Predict what each fold tests, as `cross_fit` does, and put the predictions together to whole paths.

    Returns
    -------
    array of shape (P, T, N)
        P signals; see `backtest_paths`.
    """
    made = [(fold, _out_of_sample(model, features, label, fold, tradable)) for fold in folds]
    return backtest_paths([fold for fold, _ in made], [predicted for _, predicted in made], tradable.shape)


def backtest_paths(folds: Sequence[Fold], predictions: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Put together the predictions of folds that test each row several times.

    The first prediction of a cell, in the order of the folds, belongs to the first path, the second to the second:
    Lopez de Prado, *Advances in Financial Machine Learning* (2018), section 12.4. The C(N, k) splits that test k of
    N blocks make k / N x C(N, k) paths.

    Parameters
    ----------
    predictions : sequence of array of shape (test rows, tested symbols)
        One a fold.
    shape : (int, int)
        T and N.

    Returns
    -------
    array of shape (P, T, N)
        As many paths as the cell has predictions that was tested most often; NaN where a path has none.
    """
    tested = np.zeros(shape, int)
    for fold in folds:
        tested[fold.cells(shape[1])] += 1
    paths = np.full((int(tested.max(initial=0)), *shape), np.nan)
    tested[:] = 0
    for fold, predicted in zip(folds, predictions, strict=True):
        rows, columns = fold.cells(shape[1])
        paths[tested[rows, columns], rows, columns] = predicted
        tested[rows, columns] += 1
    return paths


def _out_of_sample(model: Plugin, features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
    """Return the predictions of what `fold` tests, of shape (test rows, tested symbols)."""
    cells = fold.cells(tradable.shape[1])
    fitted = fit(model, features, label, training_mask(label, fold) & tradable)
    return predict(fitted, features.values[cells], tradable[cells])


def _usable(model: Model, values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    return finite.any(axis=-1) if model.handles_nan else finite.all(axis=-1)


def _inputs(model: Model, values: np.ndarray, cells: Any) -> np.ndarray:
    X = values[cells]
    if model.handles_nan:
        X[np.isinf(X)] = np.nan
    return X
