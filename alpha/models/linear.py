"""Linear models."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import PositiveFloat

from alpha.core.errors import ModelError
from alpha.models import expect_columns, model, only_file

_FILE = "model.skops"
_TRUSTED = {
    "builtins.dict",
    "builtins.list",
    "builtins.str",
    "builtins.tuple",
    "numpy.float64",
    "numpy.ndarray",
    "sklearn.linear_model._ridge.RidgeCV",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.StandardScaler",
}


@model
@dataclass(kw_only=True, eq=False)
class linear_v1:
    """Standardised inputs, then ridge regression whose penalty is chosen by leave-one-out cross-validation.

    Parameters
    ----------
    alphas : tuple of float
        Penalties to choose from, on standardised inputs.

    References
    ----------
    Rifkin and Lippert (2007), "Notes on Regularized Least Squares", MIT-CSAIL-TR-2007-025.
    """

    alphas: tuple[PositiveFloat, ...] = (0.1, 1.0, 10.0)

    handles_nan: ClassVar[bool] = False
    pipeline_: Any = field(init=False, repr=False, default=None)

    def fit(self, X: np.ndarray, y: np.ndarray, *, rows: np.ndarray) -> Self:
        """Fit on X of shape (samples, features) and y of shape (samples,)."""
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        # `eigen` decomposes the features x features matrix: exact, and the cost is one pass over the samples
        self.pipeline_ = make_pipeline(StandardScaler(), RidgeCV(list(self.alphas), gcv_mode="eigen")).fit(X, y)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict each row of X, of shape (samples, features)."""
        scaler, ridge = self.pipeline_[0], self.pipeline_[1]
        expect_columns(X, len(ridge.coef_))
        prediction = np.full(len(X), float(ridge.intercept_))
        for column, (mean, scale, weight) in enumerate(zip(scaler.mean_, scaler.scale_, ridge.coef_, strict=True)):
            # column by column, never X @ w: a matrix product sums in an order that depends on the batch
            prediction += (X[:, column] - mean) / scale * weight
        return prediction

    def to_files(self) -> dict[str, bytes]:
        """Return the fitted pipeline in skops format, which holds no code."""
        from skops.io import dumps

        return {_FILE: dumps(self.pipeline_)}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], params: Mapping[str, Any]) -> Self:
        """Read what `to_files` wrote.

        Raises
        ------
        ModelError
            `untrusted_type` if the file names any type but those of the pipeline, `unreadable_model` if it is damaged.
        """
        from skops.io import loads
        from skops.io.exceptions import UntrustedTypesFoundException

        content, fitted = only_file(files, _FILE), cls(**params)
        try:
            unknown = _types(content) - _TRUSTED  # stricter than skops, which trusts all of scikit-learn
            if unknown:
                raise UntrustedTypesFoundException(unknown)
            fitted.pipeline_ = loads(content, trusted=[])
        except UntrustedTypesFoundException as error:
            raise ModelError(f"{_FILE} may hold {sorted(_TRUSTED)} only: {error}", code="untrusted_type") from None
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise ModelError(f"{_FILE} cannot be read: {error}", code="unreadable_model") from None
        return fitted


def _types(content: bytes) -> set[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return set(_walk(json.loads(archive.read("schema.json"))))


def _walk(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "__class__" in node:
            yield f"{node['__module__']}.{node['__class__']}"
        for child in node.values():
            yield from _walk(child)
    elif isinstance(node, list):
        for child in node:
            yield from _walk(child)
