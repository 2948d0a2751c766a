"""Gates on the numbers of a scorecard, which can also judge a report."""

from __future__ import annotations

import math
from typing import NamedTuple

from alpha.core.nouns import Relation
from alpha.gates import gate
from alpha.gates.kinds import Comparison, Measure, Numbers, metric


class Row(NamedTuple):
    """A gate that compares one metric with a limit."""

    gate: str
    metric: str
    relation: Relation
    limit: float
    doc: str


TABLE = (
    Row("ic", "ic", ">=", 0.02, "Mean information coefficient: at least `limit`."),
    Row("ic_lower_bound", "ic_low", ">", 0.0,
        "Lower end of the 95 % interval of the mean information coefficient: above `limit`."),
    Row("ic_lower_bound_corrected", "ic_low_corrected", ">", 0.0,
        "Lower end of the interval of the IC, at 2.5 % over the effective number of trials: above `limit`."),
    Row("deflated_sharpe", "deflated_sharpe", ">=", 0.95,
        "Probability that the Sharpe ratio beats the best that chance gives in so many trials: at least `limit`."),
    Row("pbo", "pbo", "<=", 0.5,
        "Probability that the best trial or baseline in one half of the time is below the median in the other."),
    Row("spa", "spa_p", "<=", 0.05,
        "p-value of Hansen's test that no trial on these data earns more than nothing: at most `limit`."),
    Row("hit_rate", "hit_rate", ">=", 0.52,
        "Share of predictions with the sign of the outcome: at least `limit`, as a fraction."),
    Row("turnover", "turnover", "<=", 2.0, "Mean over bars of the sum of absolute changes of weight: at most `limit`."),
    Row("predictions", "predictions", ">=", 100, "Predictions whose outcome is known: at least `limit`."),
)  # fmt: skip


def _register(row: Row) -> None:
    def compared(*, limit: float = row.limit) -> Comparison:
        return Comparison(metric(row.metric), row.relation, limit)

    compared.__name__, compared.__doc__ = row.gate, row.doc
    gate(compared)


for _row in TABLE:
    _register(_row)


@gate
def hit_rate_above_base(*, limit: float = 0.0) -> Comparison:
    """Hit rate minus that of the better constant guess: above `limit`, as a fraction."""

    def measure(card: Numbers) -> Measure:
        value = _less(card.metrics.get("hit_rate"), card.metrics.get("hit_base_rate"))
        return Measure(value, "the hit rate or its base rate is missing")

    return Comparison(measure, ">", limit)


@gate
def net_return_above_baseline(*, limit: float = 0.0) -> Comparison:
    """Annual return net of costs, minus that of the best baseline: above `limit`, as a fraction."""

    def measure(card: Numbers) -> Measure:
        returns = {name: _number(metrics.get("net_return_annual")) for name, metrics in card.baselines.items()}
        if not returns:
            return Measure(None, "no baseline was scored")
        if unknown := [name for name, value in returns.items() if not math.isfinite(value)]:
            return Measure(None, f"the net return of {', '.join(unknown)} is missing")
        best = max(returns, key=lambda name: returns[name])
        value = _less(card.metrics.get("net_return_annual"), returns[best])
        return Measure(value, "the net return is missing", f" against {best}")

    return Comparison(measure, ">", limit)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _less(value: float | None, other: float | None) -> float:
    return _number(value) - _number(other)
