"""Models: anything that fits rows of (time, symbol) pairs and predicts each row on its own.

A model is a class registered with ``@model`` whose keyword-only parameters are its configuration. It stands to two
promises that the contract tests hold it to: fitting twice gives the same bits, and the prediction of a row depends
on that row alone, so that a batch, a single bar and a permutation of the symbols agree to the last bit. Its files
are in a format that runs no code when it is read.
"""

from collections.abc import Mapping

import numpy as np

from alpha.core.errors import ModelError
from alpha.core.registry import Registry

model = Registry("model", __name__)


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
