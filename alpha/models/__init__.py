"""Models: anything that fits samples of (time, symbol) pairs and predicts each row on its own.

A model is a class registered with ``@model`` whose keyword-only parameters are its configuration. The contract tests
hold it to two promises: fitting twice gives the same bits, and the prediction of a row depends on that row alone, so
that a batch, a single bar and a permutation of the symbols agree: to the last bit, or within the model's `tolerance`.
Its files are in a format that runs no code when it is read.

A sample weight is a function ``f(samples, *, ...) -> array (n,)`` registered with ``@weight``.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from alpha.core.errors import ModelError
from alpha.core.registry import Registry

model = Registry("model", __name__)
weight = Registry("weight", __name__)


def outputs_of(model: Any) -> tuple[str, ...]:
    """Return the names of the columns that a model, or its class, predicts; ``signal`` alone where it names none."""
    return getattr(model, "outputs", ("signal",))


def neutral_of(model: Any) -> float:
    """Return the prediction at which a model has no opinion, such as 0.5 for a probability; 0 where it names none."""
    return getattr(model, "neutral", 0.0)


def tolerance_of(model: Any) -> float:
    """Return by how much the prediction of a row may depend on its batch; 0, to the last bit, where it names none."""
    return getattr(model, "tolerance", 0.0)


def differing(expected: np.ndarray, actual: np.ndarray, tolerance: float = 0.0) -> np.ndarray:
    """Return a bool array: where two arrays of one shape differ by more than a tolerance. Any two NaN are alike.

    Parameters
    ----------
    tolerance : float
        A fraction of the largest expected value in size; 0: compare to the last bit.
    """
    expected, actual = np.asarray(expected, np.float64), np.asarray(actual, np.float64)
    same = (expected.view(np.int64) == actual.view(np.int64)) | (np.isnan(expected) & np.isnan(actual))
    if tolerance:
        largest = np.abs(expected[np.isfinite(expected)]).max(initial=0.0)
        same |= np.isclose(actual, expected, rtol=0, atol=tolerance * largest)
    return ~same


def expect_columns(X: np.ndarray, columns: int) -> None:
    """Raise `ModelError` unless `X` has as many columns as the model was fitted on."""
    if X.ndim != 2 or X.shape[1] != columns:
        raise ModelError(
            f"the model was fitted on {columns} features; it was given an array of shape {X.shape}",
            code="feature_count",
        )


def only_file(files: Mapping[str, bytes], name: str) -> bytes:
    """Return the bytes of the one file a model consists of."""
    if set(files) != {name}:
        raise ModelError(f"the model consists of {name!r}; it was given {sorted(files)}", code="model_files")
    if not files[name]:  # xgboost aborts the process on it
        raise ModelError(f"{name} cannot be read: it is empty", code="unreadable_model")
    return files[name]
