"""Fit and predict on (time, symbol) pairs, and predict out of sample over folds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from alpha.core.errors import ModelError
from alpha.core.registry import Plugin
from alpha.core.types import FeatureSet, Fold, Label, Model

_FEWEST_SAMPLES = 30


def training_mask(label: Label, fold: Fold) -> np.ndarray:
    """Return a bool array of shape (T, N): what a fold may learn from.

    Purging happens here, on each single label: it must have been known strictly before the fold's cutoff.
    """
    mask = np.zeros(label.values.shape, bool)
    mask[fold.train] = label.known_before(fold.cutoff)[fold.train]
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
    """Predict each fold's test rows with a model fitted anew on what was known before them.

    Returns
    -------
    array of shape (T, N)
        The signal of row t, known at ``times[t]``; NaN outside the test rows.
    """
    signal = np.full(tradable.shape, np.nan)
    for fold in folds:
        fitted = fit(model, features, label, training_mask(label, fold) & tradable)
        signal[fold.test] = predict(fitted, features.values[fold.test], tradable[fold.test])
    return signal


def _usable(model: Model, values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    return finite.any(axis=-1) if model.handles_nan else finite.all(axis=-1)


def _inputs(model: Model, values: np.ndarray, cells: Any) -> np.ndarray:
    X = values[cells]
    if model.handles_nan:
        X[np.isinf(X)] = np.nan
    return X
