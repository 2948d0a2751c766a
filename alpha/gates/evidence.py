"""What gates judge."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from alpha.core.nouns import Fold, GateResult
from alpha.core.panel import Panel
from alpha.core.registry import Plugin

if TYPE_CHECKING:
    from alpha.strategy import Candidate

Trade = Callable[[np.ndarray, Panel], np.ndarray]
Relation = Literal[">=", ">", "<="]
_COMPARE = {">=": operator.ge, ">": operator.gt, "<=": operator.le}
_MISSED = {">=": "short by", ">": "short by", "<=": "over by"}


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything known for and against one candidate.

    Parameters
    ----------
    metrics : mapping of str to float
        Out of sample; None or NaN where there is none.
    baselines : mapping of str to mapping of str to float
        The same metrics of the baselines, scored in the same run.
    candidate : Candidate, optional
        Absent where a report is judged alone.
    folds : sequence of Fold
        What the candidate was cross-fitted over.
    recorded : mapping of str to GateResult
        What the gates said when the candidate was at hand, from the report; read where it is absent.
    trade : callable, optional
        ``trade(signal, panel)``: the gross return of each row, as the candidate's book was traded.
    memo : dict
        What was found out about the features; candidates that read the very same ones may share it.
    """

    metrics: Mapping[str, float | None]
    baselines: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    candidate: Candidate | None = None
    folds: Sequence[Fold] = ()
    recorded: Mapping[str, GateResult] = field(default_factory=dict)
    trade: Trade | None = None
    memo: dict[tuple[object, ...], tuple[str | None, ...]] = field(default_factory=dict, repr=False)


def judge(evidence: Evidence, gates: Sequence[Plugin]) -> tuple[GateResult, ...]:
    """Return the verdict of every gate, in the order given."""
    return tuple(gate(evidence) for gate in gates)


def compared(
    gate: str, value: float | None, relation: Relation, limit: float, *, missing: str = "", against: str = ""
) -> GateResult:
    """Return the verdict of comparing one number with its limit. What is not finite fails.

    Parameters
    ----------
    missing : str
        Why there is no value, where there is none.
    against : str
        What the limit is counted from, for the note.
    """
    value = math.nan if value is None else float(value)
    if not math.isfinite(value):
        return GateResult(gate, False, value, limit, relation, missing or f"the metric is missing or {value}")
    if _COMPARE[relation](value, limit):
        return GateResult(gate, True, value, limit, relation)
    gap = abs(value - limit)
    note = f"{_MISSED[relation]} {gap:.4g}{against}" if gap else f"at the limit, and must be above it{against}"
    return GateResult(gate, False, value, limit, relation, note)
