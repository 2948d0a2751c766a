"""Linear models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import PositiveFloat

from alpha.core.errors import ModelError
from alpha.models import expect_columns, model, only_file
from alpha.models.samples import Samples
from alpha.models.search import Choice

_FILE = "model.json"
_PARTS = ("mean", "scale", "weights", "intercept")


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
    packages: ClassVar[tuple[str, ...]] = ("numpy",)
    space: ClassVar[Mapping[str, Any]] = {
        "alphas": Choice(options=((0.1, 1.0, 10.0), (1e2, 1e3, 1e4), (1e5, 1e6, 1e7)))
    }
    mean_: np.ndarray = field(init=False, repr=False, default_factory=lambda: np.empty(0))
    scale_: np.ndarray = field(init=False, repr=False, default_factory=lambda: np.empty(0))
    weights_: np.ndarray = field(init=False, repr=False, default_factory=lambda: np.empty(0))
    intercept_: float = field(init=False, repr=False, default=0.0)

    def fit(self, samples: Samples) -> Self:
        """Fit on samples whose inputs are complete."""
        from sklearn.linear_model import RidgeCV
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler()
        scaled = scaler.fit_transform(samples.X, sample_weight=samples.weighting)
        # `eigen` decomposes the features x features matrix: exact, and the cost is one pass over the samples
        ridge = RidgeCV(list(self.alphas), gcv_mode="eigen").fit(scaled, samples.y, sample_weight=samples.weighting)
        self.mean_, self.scale_, self.weights_ = scaler.mean_, scaler.scale_, ridge.coef_
        self.intercept_ = float(ridge.intercept_)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict each row of X, of shape (samples, features)."""
        expect_columns(X, len(self.weights_))
        prediction = np.full(len(X), self.intercept_)
        for column, (mean, scale, weight) in enumerate(zip(self.mean_, self.scale_, self.weights_, strict=True)):
            # column by column, never X @ w: a matrix product sums in an order that depends on the batch
            prediction += (X[:, column] - mean) / scale * weight
        return prediction

    def to_files(self) -> dict[str, bytes]:
        """Return the fitted numbers as JSON, in which every float64 is written exactly."""
        values = {part: np.asarray(getattr(self, f"{part}_")).tolist() for part in _PARTS}
        return {_FILE: json.dumps(values, indent=1, allow_nan=False).encode() + b"\n"}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], params: Mapping[str, Any]) -> Self:
        """Read what `to_files` wrote.

        Raises
        ------
        ModelError
            `unreadable_model`.
        """
        content, fitted = only_file(files, _FILE), cls(**params)
        try:
            values = json.loads(content)
            mean, scale, weights, intercept = (np.asarray(values[part], np.float64) for part in _PARTS)
            if set(values) != set(_PARTS) or not mean.shape == scale.shape == weights.shape or intercept.shape:
                raise ValueError(f"expected {', '.join(_PARTS)}, the first three of one length")
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{_FILE} cannot be read: {error}", code="unreadable_model") from None
        fitted.mean_, fitted.scale_, fitted.weights_, fitted.intercept_ = mean, scale, weights, float(intercept)
        return fitted
