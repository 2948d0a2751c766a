"""Gates on the numbers of a scorecard: pure functions of its metrics, so that a report can be judged alone."""

from __future__ import annotations

import math
from collections.abc import Mapping

from alpha.core.nouns import GateResult
from alpha.gates import gate
from alpha.gates.evidence import Evidence, compared


@gate
def ic(evidence: Evidence, *, limit: float = 0.02) -> GateResult:
    """Mean information coefficient: at least `limit`."""
    return compared("ic", evidence.metrics.get("ic"), ">=", limit)


@gate
def ic_lower_bound(evidence: Evidence, *, limit: float = 0.0) -> GateResult:
    """Lower end of the 95 % interval of the mean information coefficient: above `limit`."""
    return compared("ic_lower_bound", evidence.metrics.get("ic_low"), ">", limit)


@gate
def ic_lower_bound_corrected(evidence: Evidence, *, limit: float = 0.0) -> GateResult:
    """Lower end of the interval of the IC, at 2.5 % over the effective number of trials: above `limit`."""
    return compared("ic_lower_bound_corrected", evidence.metrics.get("ic_low_corrected"), ">", limit)


@gate
def deflated_sharpe(evidence: Evidence, *, limit: float = 0.95) -> GateResult:
    """Probability that the Sharpe ratio beats the best that chance gives in so many trials: at least `limit`."""
    return compared("deflated_sharpe", evidence.metrics.get("deflated_sharpe"), ">=", limit)


@gate
def pbo(evidence: Evidence, *, limit: float = 0.5) -> GateResult:
    """Probability that the best trial or baseline in one half of the time is below the median in the other."""
    return compared("pbo", evidence.metrics.get("pbo"), "<=", limit)


@gate
def spa(evidence: Evidence, *, limit: float = 0.05) -> GateResult:
    """p-value of Hansen's test that no trial on these data earns more than nothing: at most `limit`."""
    return compared("spa", evidence.metrics.get("spa_p"), "<=", limit)


@gate
def hit_rate(evidence: Evidence, *, limit: float = 0.52) -> GateResult:
    """Share of predictions with the sign of the outcome: at least `limit`, as a fraction."""
    return compared("hit_rate", evidence.metrics.get("hit_rate"), ">=", limit)


@gate
def hit_rate_above_base(evidence: Evidence, *, limit: float = 0.0) -> GateResult:
    """Hit rate less that of the better constant guess: above `limit`, as a fraction."""
    value = _difference(evidence.metrics.get("hit_rate"), evidence.metrics.get("hit_base_rate"))
    return compared("hit_rate_above_base", value, ">", limit, missing="the hit rate or its base rate is missing")


@gate
def turnover(evidence: Evidence, *, limit: float = 2.0) -> GateResult:
    """Mean over bars of the sum of absolute changes of weight: at most `limit`."""
    return compared("turnover", evidence.metrics.get("turnover"), "<=", limit)


@gate
def predictions(evidence: Evidence, *, limit: float = 100) -> GateResult:
    """Predictions whose outcome is known: at least `limit`."""
    return compared("predictions", evidence.metrics.get("predictions"), ">=", limit)


@gate
def net_return_above_baseline(evidence: Evidence, *, limit: float = 0.0) -> GateResult:
    """Annual return net of costs, less that of the best baseline: above `limit`, as a fraction."""
    gate_name, metric = "net_return_above_baseline", "net_return_annual"
    returns = {name: _number(metrics, metric) for name, metrics in evidence.baselines.items()}
    unknown = [name for name, value in returns.items() if not math.isfinite(value)]
    if not returns or unknown:
        why = f"the net return of {', '.join(unknown)} is missing" if unknown else "no baseline was scored"
        return compared(gate_name, None, ">", limit, missing=why)
    best = max(returns, key=lambda name: returns[name])
    value = _difference(evidence.metrics.get(metric), returns[best])
    return compared(gate_name, value, ">", limit, missing="the net return is missing", against=f" against {best}")


def _number(metrics: Mapping[str, float | None], name: str) -> float:
    value = metrics.get(name)
    return math.nan if value is None else float(value)


def _difference(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else float(value) - float(other)
