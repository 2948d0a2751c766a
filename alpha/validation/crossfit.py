"""Fit and predict on (time, symbol) pairs, and predict out of sample over the folds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from alpha.core.errors import ConfigError, ModelError
from alpha.core.nouns import FeatureSet, Fold, Label, Model
from alpha.core.registry import Plugin
from alpha.models import neutral_of, outputs_of
from alpha.models.samples import Samples

_FEWEST_SAMPLES = 30


def training_mask(label: Label, fold: Fold) -> np.ndarray:
    """Return a bool array of shape (T, N): the cells that a fold may train on.

    This is where labels are purged, cell by cell: a label must be known strictly before the cutoff.
    """
    mask = np.zeros(label.values.shape, bool)
    mask[fold.train] = label.known_before(fold.cutoff if fold.cutoffs is None else fold.cutoffs)[fold.train]
    if fold.symbols is not None:
        mask[:, fold.symbols] = False
    return mask


def fit(
    model: Plugin, features: FeatureSet, label: Label, mask: np.ndarray, *, weights: Sequence[Plugin] = ()
) -> Model:
    """Fit a fresh model on the labelled cells of `mask`, a bool array of shape (T, N).

    A cell is used if its label is finite, and its inputs are: all of them, or at least one where the model
    handles missing inputs.

    Parameters
    ----------
    weights : sequence of Plugin
        Sample weights, which are multiplied; default: all equal.

    Raises
    ------
    ModelError
        `too_few_samples`, `bad_sample_weights`; `bad_outputs`: the model does not name its signal first.
    """
    fresh = model()
    if outputs_of(fresh)[:1] != ("signal",):
        raise ModelError(f"the first of a model's outputs must be 'signal'; {model.label} has {outputs_of(fresh)}",
                         code="bad_outputs")  # fmt: skip
    rows, symbols = np.nonzero(mask & np.isfinite(label.values) & _usable(fresh, features.values))
    if len(rows) < _FEWEST_SAMPLES:
        raise ModelError(
            f"{model.label} needs at least {_FEWEST_SAMPLES} samples with a known label and its inputs; "
            f"there are {len(rows)} among {int(mask.sum())} allowed cells{_scarcest(features, mask)}. "
            f"Start the data earlier, let testing begin later (walk_forward.first_test), or take shorter windows",
            code="too_few_samples",
        )
    instant = features.times.as_unit("ns").asi8.view("datetime64[ns]")[rows]
    X, y = _inputs(fresh, features.values, (rows, symbols)), label.values[rows, symbols]
    samples = Samples(X, y, rows, symbols, instant, label.known_at_cells[rows, symbols], np.ones(len(rows)))
    return fresh.fit(_weighted(samples, weights))


def _weighted(samples: Samples, weights: Sequence[Plugin]) -> Samples:
    """Return the samples with the product of all weights, scaled to a mean of 1."""
    product = np.ones(len(samples))
    for weight in weights:
        given = np.asarray(weight(samples), np.float64)
        if given.shape != product.shape or not np.isfinite(given).all() or (given < 0).any():
            raise ModelError(f"{weight.label} must give each of {len(samples)} samples a finite weight of at least 0",
                             code="bad_sample_weights")  # fmt: skip
        product = product * given
    if not product.any():
        raise ModelError("the sample weights must not all be 0: nothing would be learned", code="bad_sample_weights")
    equal = product.min() == product.max()  # equal weights must not change the fit by the rounding of their mean
    return replace(samples, weight=np.ones(len(samples)) if equal else product / product.mean())


def _scarcest(features: FeatureSet, mask: np.ndarray) -> str:
    """Name the column with the most missing values, usually the one with the longest window."""
    missing = (mask[..., None] & ~np.isfinite(features.values)).sum(axis=(0, 1))
    worst = int(np.argmax(missing))
    return f"; {features.names[worst]} is missing in {int(missing[worst])} of them" if missing[worst] else ""


def predict(model: Model, values: np.ndarray, tradable: np.ndarray) -> np.ndarray:
    """Return the signal of every tradable cell that has its inputs, NaN for the others: see `outputs`."""
    return outputs(model, values, tradable)["signal"]


def outputs(model: Model, values: np.ndarray, tradable: np.ndarray) -> dict[str, np.ndarray]:
    """Predict every tradable cell that has its inputs; the others are NaN.

    Only this function subtracts the model's neutral value from its signal: for all callers 0 means no opinion.

    Parameters
    ----------
    values : array of shape (..., F)
        Inputs, in the order of the fit.
    tradable : bool array of shape (...)

    Returns
    -------
    dict of str to array of shape (...)
        The columns of the prediction by name, ``signal`` first. Each cell depends only on its own inputs, exactly or
        within the model's tolerance.

    Raises
    ------
    ModelError
        `bad_outputs`: the number of predicted columns differs from that of the model's `outputs`.
    """
    usable, names = tradable & _usable(model, values), outputs_of(model)
    made = {name: np.full(usable.shape, np.nan) for name in names}
    if usable.any():
        for name, column in zip(names, _columns(model, _inputs(model, values, usable)), strict=True):
            made[name][usable] = column
        made["signal"] -= neutral_of(model)
    return made


def _columns(model: Model, X: np.ndarray) -> np.ndarray:
    """Return the predictions of a model, one row for each output."""
    predicted, names = model.predict(X), outputs_of(model)
    flat = len(names) == 1 and predicted.shape == (len(X),)
    if not flat and predicted.shape != (len(X), len(names)):
        raise ModelError(
            f"{type(model).__name__} names the outputs {', '.join(names)}, so it must predict an array of shape "
            f"({len(X)}, {len(names)}); it was {predicted.shape}",
            code="bad_outputs",
        )
    return predicted.reshape(len(X), len(names)).T


def cross_fit(
    model: Plugin,
    features: FeatureSet,
    label: Label,
    folds: Iterable[Fold],
    tradable: np.ndarray,
    *,
    weights: Sequence[Plugin] = (),
) -> np.ndarray:
    """Return the signal of the test cells of each fold, from a model fitted anew on its training cells.

    Returns
    -------
    array of shape (T, N)
        See `cross_fit_outputs`, which also raises the errors.
    """
    return cross_fit_outputs(model, features, label, folds, tradable, weights=weights)["signal"]


def cross_fit_outputs(
    model: Plugin,
    features: FeatureSet,
    label: Label,
    folds: Iterable[Fold],
    tradable: np.ndarray,
    *,
    weights: Sequence[Plugin] = (),
) -> dict[str, np.ndarray]:
    """Predict the test cells of each fold with a model fitted anew on its training cells.

    Returns
    -------
    dict of str to array of shape (T, N)
        The model's outputs by name, ``signal`` first. Row t is predicted from inputs known at ``times[t]``; NaN
        outside the test cells. The training labels are known before the row only if the folds walk forward.

    Raises
    ------
    ConfigError
        `tested_twice`: a cell has more than one prediction.
    """
    made = {name: np.full(tradable.shape, np.nan) for name in outputs_of(model.make)}
    tested = np.zeros(tradable.shape, bool)
    for fold in folds:
        cells = fold.cells(tradable.shape[1])
        if tested[cells].any():
            raise ConfigError(
                f"cross_fit makes one signal, and fold {fold.index} tests what an earlier fold tested; "
                f"cross_fit_paths makes one for each time",
                code="tested_twice",
            )
        tested[cells] = True
        for name, predicted in _out_of_sample(model, features, label, fold, tradable, weights).items():
            made[name][cells] = predicted
    return made


def cross_fit_paths(
    model: Plugin,
    features: FeatureSet,
    label: Label,
    folds: Iterable[Fold],
    tradable: np.ndarray,
    *,
    weights: Sequence[Plugin] = (),
) -> np.ndarray:
    """Predict the test cells of each fold, as `cross_fit` does, and combine the predictions into whole paths.

    Returns
    -------
    array of shape (P, T, N)
        P signals; see `backtest_paths`.
    """
    made = [(fold, _out_of_sample(model, features, label, fold, tradable, weights)["signal"]) for fold in folds]
    return backtest_paths([fold for fold, _ in made], [predicted for _, predicted in made], tradable.shape)


def backtest_paths(folds: Sequence[Fold], predictions: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Combine the predictions of folds that test each row several times into backtest paths.

    The first prediction of a cell, in the order of the folds, belongs to the first path, the second to the second, and
    so on: Lopez de Prado, *Advances in Financial Machine Learning* (2018), section 12.4. The C(N, k) splits that test
    k of N blocks make k / N x C(N, k) paths.

    Parameters
    ----------
    predictions : sequence of array of shape (test rows, tested symbols)
        One for each fold.
    shape : (int, int)
        T and N.

    Returns
    -------
    array of shape (P, T, N)
        P is the largest number of predictions of any cell; NaN where a path has none.
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


def _out_of_sample(
    model: Plugin, features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray, weights: Sequence[Plugin]
) -> Mapping[str, np.ndarray]:
    """Return the outputs for the test cells of `fold`, each of shape (test rows, tested symbols)."""
    cells = fold.cells(tradable.shape[1])
    fitted = fit(model, features, label, training_mask(label, fold) & tradable, weights=weights)
    return outputs(fitted, features.values[cells], tradable[cells])


def _usable(model: Model, values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    return finite.any(axis=-1) if model.handles_nan else finite.all(axis=-1)


def _inputs(model: Model, values: np.ndarray, cells: Any) -> np.ndarray:
    X = values[cells]
    if model.handles_nan:
        X[np.isinf(X)] = np.nan
    return X
