"""Gradient-boosted trees. They accept missing inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from alpha.core.errors import ModelError
from alpha.models import expect_columns, model, only_file
from alpha.models.samples import Samples
from alpha.models.search import Range

Share = Annotated[float, Field(gt=0, le=1)]
_BINS = 63  # ranks and z-scores need no more; a third faster than 255
_FEW = 100_000  # samples below which one thread beats several, by far so on a machine that is busy


@model
@dataclass(kw_only=True, eq=False)
class lightgbm_v1:
    """Leaf-wise boosted trees on histograms, squared loss.

    Parameters
    ----------
    subsample, colsample : float in (0, 1]
        Share of the samples and of the features each tree sees.
    num_threads : int
        0: one for few samples, all cores for many. The result does not depend on it.

    References
    ----------
    Ke et al. (2017), "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS.
    """

    num_leaves: Annotated[int, Field(ge=2)] = 31
    learning_rate: PositiveFloat = 0.05
    n_estimators: PositiveInt = 120
    min_child_samples: PositiveInt = 100
    subsample: Share = 1.0
    colsample: Share = 0.5
    reg_lambda: NonNegativeFloat = 1.0
    seed: NonNegativeInt = 7
    num_threads: NonNegativeInt = 0

    handles_nan: ClassVar[bool] = True
    packages: ClassVar[tuple[str, ...]] = ("numpy", "lightgbm")
    space: ClassVar[Mapping[str, Any]] = {
        "num_leaves": Range(low=3, high=63, log=True), "learning_rate": Range(low=0.01, high=0.2, log=True),
        "n_estimators": Range(low=30, high=300, log=True), "min_child_samples": Range(low=20, high=1000, log=True),
        "colsample": Range(low=0.2, high=1.0), "reg_lambda": Range(low=0.1, high=100.0, log=True),
    }  # fmt: skip
    booster_: Any = field(init=False, repr=False, default=None)

    def fit(self, samples: Samples) -> Self:
        """Fit on samples whose inputs are NaN where missing."""
        import lightgbm

        settings = {  # histograms by column: by row, the sums and so the trees depend on the number of threads
            "objective": "regression", "num_leaves": self.num_leaves, "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.min_child_samples, "bagging_fraction": self.subsample,
            "bagging_freq": int(self.subsample < 1), "feature_fraction": self.colsample,
            "lambda_l2": self.reg_lambda, "max_bin": _BINS, "seed": self.seed,
            "num_threads": _threads(self.num_threads, len(samples)),
            "deterministic": True, "force_col_wise": True, "verbosity": -1,
        }  # fmt: skip
        data = lightgbm.Dataset(samples.X, samples.y, weight=samples.weighting, params=settings)
        self.booster_ = lightgbm.train(settings, data, self.n_estimators)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict each row of X, of shape (samples, features)."""
        expect_columns(X, self.booster_.num_feature())
        return self.booster_.predict(X, num_threads=_threads(self.num_threads, len(X)))

    def to_files(self) -> dict[str, bytes]:
        """Return the trees as LightGBM's text."""
        return {"model.txt": self.booster_.model_to_string().encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], params: Mapping[str, Any]) -> Self:
        """Read what `to_files` wrote. A damaged text can abort the process: check its hash first."""
        import lightgbm

        text = only_file(files, "model.txt")
        fitted = cls(**params)
        try:
            fitted.booster_ = lightgbm.Booster(model_str=text.decode())
        except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
            raise ModelError(f"model.txt cannot be read: {error}", code="unreadable_model") from None
        return fitted


@model
@dataclass(kw_only=True, eq=False)
class xgboost_v1:
    """Depth-wise boosted trees on histograms, squared loss.

    Parameters
    ----------
    subsample, colsample : float in (0, 1]
        Share of the samples and of the features each tree sees.
    num_threads : int
        0: one for few samples, all cores for many. The result does not depend on it.

    References
    ----------
    Chen and Guestrin (2016), "XGBoost: A Scalable Tree Boosting System", KDD.
    """

    max_depth: PositiveInt = 5
    learning_rate: PositiveFloat = 0.05
    n_estimators: PositiveInt = 120
    min_child_weight: PositiveFloat = 100.0
    subsample: Share = 1.0
    colsample: Share = 0.5
    reg_lambda: NonNegativeFloat = 1.0
    seed: NonNegativeInt = 7
    num_threads: NonNegativeInt = 0

    handles_nan: ClassVar[bool] = True
    packages: ClassVar[tuple[str, ...]] = ("numpy", "xgboost")
    space: ClassVar[Mapping[str, Any]] = {
        "max_depth": Range(low=2, high=7), "learning_rate": Range(low=0.01, high=0.2, log=True),
        "n_estimators": Range(low=30, high=300, log=True), "min_child_weight": Range(low=10.0, high=1000.0, log=True),
        "colsample": Range(low=0.2, high=1.0), "reg_lambda": Range(low=0.1, high=100.0, log=True),
    }  # fmt: skip
    booster_: Any = field(init=False, repr=False, default=None)

    def fit(self, samples: Samples) -> Self:
        """Fit on samples whose inputs are NaN where missing."""
        import xgboost

        threads = _threads(self.num_threads, len(samples))
        settings = {
            "objective": "reg:squarederror", "tree_method": "hist", "max_bin": _BINS, "max_depth": self.max_depth,
            "learning_rate": self.learning_rate, "min_child_weight": self.min_child_weight,
            "subsample": self.subsample, "colsample_bytree": self.colsample, "reg_lambda": self.reg_lambda,
            "seed": self.seed, "nthread": threads,
        }  # fmt: skip
        data = xgboost.QuantileDMatrix(samples.X, samples.y, weight=samples.weighting, max_bin=_BINS, nthread=threads)
        self.booster_ = xgboost.train(settings, data, self.n_estimators)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict each row of X, of shape (samples, features)."""
        expect_columns(X, self.booster_.num_features())
        return self.booster_.inplace_predict(X).astype(np.float64)

    def to_files(self) -> dict[str, bytes]:
        """Return the trees as XGBoost's JSON."""
        return {"model.json": bytes(self.booster_.save_raw("json"))}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], params: Mapping[str, Any]) -> Self:
        """Read what `to_files` wrote. A damaged text can abort the process: check its hash first."""
        import xgboost

        text = only_file(files, "model.json")
        fitted = cls(**params)
        try:
            fitted.booster_ = xgboost.Booster({"nthread": fitted.num_threads}, model_file=bytearray(text))
        except xgboost.core.XGBoostError as error:
            raise ModelError(f"model.json cannot be read: {error}", code="unreadable_model") from None
        return fitted


def _threads(wanted: int, samples: int) -> int:
    return wanted or int(samples < _FEW)  # 0 means all cores to both libraries
