"""Covariances of the last bars: shrunk, or of a few factors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import PositiveInt

from alpha.portfolio import risk_model
from alpha.portfolio.risk_models.machine import RiskModel, Window, column_means, filled, pushed


@dataclass(kw_only=True, eq=False)
class Rolling(RiskModel):
    """A risk model of the returns of the last `window` bars."""

    window: Window = 252

    def _start(self, names: int) -> dict[str, np.ndarray]:
        return {"returns": np.full((self.window, names), np.nan)}

    def _learn(self, returns: np.ndarray) -> None:
        self._memory["returns"] = pushed(self._memory["returns"], returns)
        self._memory["seen"] = np.isfinite(self._memory["returns"]).sum(axis=0)

    def _estimate(self) -> tuple[np.ndarray, np.ndarray]:
        returns = self._memory["returns"]
        returns = returns[np.isfinite(returns).any(axis=1)]
        if len(returns) < 2:
            names = returns.shape[1]
            return np.zeros((names, names)), np.zeros(names)
        complete = filled(returns)
        own = column_means((returns - column_means(returns)) ** 2)
        return self._cov(complete), np.nan_to_num(np.maximum(own - complete.var(axis=0), 0.0))

    def _cov(self, returns: np.ndarray) -> np.ndarray:
        """Return the covariance of complete returns, shape (T, N)."""
        raise NotImplementedError


@risk_model
@dataclass(kw_only=True, eq=False)
class ledoit_wolf(Rolling):
    """Covariance of the last `window` returns, shrunk toward equal variances by the amount that is best on average.

    Ledoit and Wolf (2004).
    """

    def _cov(self, returns: np.ndarray) -> np.ndarray:
        from sklearn.covariance import ledoit_wolf as shrunk

        cov: np.ndarray = shrunk(returns)[0]
        return (cov + cov.T) / 2


@risk_model
@dataclass(kw_only=True, eq=False)
class statistical_factors(Rolling):
    """A few common factors and a variance of each name's own, from the last `window` returns.

    The factors are the first principal components of the returns in units of their deviations, as in Avellaneda and
    Lee (2010). The variances are those of the returns; the part that the factors do not explain is each name's own.
    """

    factors: PositiveInt = 5

    def _cov(self, returns: np.ndarray) -> np.ndarray:
        from scipy.linalg import eigh

        deviation = returns.std(axis=0)
        units = (returns - returns.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
        rows = len(units)
        first = eigh(units @ units.T, subset_by_index=(max(0, rows - self.factors), rows - 1))[1]
        loadings = units.T @ first / np.sqrt(rows)  # (N, factors)
        common = loadings @ loadings.T
        np.fill_diagonal(common, np.where(deviation > 0, 1.0, 0.0))
        cov = common * np.outer(deviation, deviation)
        return (cov + cov.T) / 2
