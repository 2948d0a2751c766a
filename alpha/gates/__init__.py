"""Gates: tests that a candidate must pass before it may be blessed.

A gate is a function ``f(*, ...)`` registered with ``@gate`` that returns one of three kinds. A `Comparison` needs
only numbers, so it can also judge a report; a `Property` needs the study, the candidate or both; an `Unsealed` gate
needs the holdout, which blessing opens.
"""

from typing import TYPE_CHECKING

from alpha.core.lazy import lazy
from alpha.core.registry import Registry

gate = Registry("gate", __name__)

if TYPE_CHECKING:
    from alpha.gates.judging import judge_report, judge_study, waiting
    from alpha.gates.kinds import Comparison, Measure, Property, Unsealed, metric
else:
    __getattr__, __dir__ = lazy(__name__, {
        "alpha.gates.judging": ("judge_report", "judge_study", "waiting"),
        "alpha.gates.kinds": ("Comparison", "Measure", "Property", "Unsealed", "metric"),
    })  # fmt: skip

__all__ = ["Comparison", "Measure", "Property", "Unsealed", "gate", "judge_report", "judge_study", "metric", "waiting"]
