"""Exponentially weighted covariances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import PositiveFloat

from alpha.portfolio import risk_model
from alpha.portfolio.risk_models.machine import RiskModel, filled


@risk_model
@dataclass(kw_only=True, eq=False)
class exponential(RiskModel):
    """Exponentially weighted second moments of the returns: a return counts half after `halflife` bars.

    The mean is taken to be zero, as over one bar it is small beside the deviation. RiskMetrics (1996).
    """

    halflife: PositiveFloat = 60.0

    def _start(self, names: int) -> dict[str, np.ndarray]:
        nothing = np.zeros(names)
        return {"moments": np.zeros((names, names)), "weight": np.zeros(()), "own": nothing, "own_weight": nothing}

    def _learn(self, returns: np.ndarray) -> None:
        known, complete, memory = np.isfinite(returns), filled(returns), self._memory
        if not known.any():
            return
        kept = 0.5 ** (1 / self.halflife)
        share = np.sqrt(1 - kept) * complete
        memory["moments"] *= kept
        memory["moments"] += np.outer(share, share)
        memory["weight"] = kept * memory["weight"] + (1 - kept)
        memory["own"] = kept * memory["own"] + (1 - kept) * np.where(known, complete, 0.0) ** 2
        memory["own_weight"] = kept * memory["own_weight"] + (1 - kept) * known

    def _estimate(self) -> tuple[np.ndarray, np.ndarray]:
        memory = self._memory
        cov = memory["moments"] / (memory["weight"] or 1.0)
        own = memory["own"] / np.where(memory["own_weight"] > 0, memory["own_weight"], 1.0)
        return cov, np.maximum(own - np.diagonal(cov), 0.0)
