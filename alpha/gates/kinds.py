"""The kinds of gates. They differ in the evidence that they need, and so in when they judge."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from alpha.core.errors import DataError, ModelError, RiskBreach
from alpha.core.nouns import Relation, Verdict

if TYPE_CHECKING:
    from alpha.leaks import Case
    from alpha.strategy import Bundle
    from alpha.validation.holdout import Opened

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {">=": operator.ge, ">": operator.gt, "<=": operator.le}
_MISSED = {">=": "short by", ">": "short by", "<=": "over by"}


class Numbers(Protocol):
    """The numbers of a scorecard, which a report also keeps; None or NaN where one is missing."""

    @property
    def metrics(self) -> Mapping[str, float | None]: ...
    @property
    def baselines(self) -> Mapping[str, Mapping[str, float | None]]: ...


GateJudge = Callable[[Numbers, "Bundle", np.ndarray], Verdict]
"""Judges one candidate of a study by its scorecard, its bundle and its signal out of sample, of shape (T, N)."""


class Measure(NamedTuple):
    """The number that a gate compares, and texts for its note.

    Parameters
    ----------
    value : float or None
        None where it is missing.
    missing : str
        Why it is missing.
    against : str
        The level from which `value` is measured.
    """

    value: float | None
    missing: str = ""
    against: str = ""


def metric(name: str) -> Callable[[Numbers], Measure]:
    """Return the measure that reads one metric of a scorecard."""
    return lambda card: Measure(card.metrics.get(name))


@dataclass(frozen=True)
class Comparison:
    """A gate that compares one number with a limit. It fails where the number is missing or not finite.

    Parameters
    ----------
    measure : callable
        ``measure(card)``: the `Measure` of a scorecard.
    relation : str
        ``>=``, ``>`` or ``<=``: the relation of the number to the limit that passes.
    """

    measure: Callable[[Numbers], Measure]
    relation: Relation
    limit: float

    def judge(self, gate: str, card: Numbers) -> Verdict:
        """Return the verdict on a scorecard."""
        found = self.measure(card)
        value = math.nan if found.value is None else float(found.value)
        if not math.isfinite(value):
            note = found.missing or f"the metric is missing or {value}"
            return Verdict(gate, False, value, self.limit, self.relation, note)
        if _COMPARE[self.relation](value, self.limit):
            return Verdict(gate, True, value, self.limit, self.relation)
        gap = abs(value - self.limit)
        note = f"{_MISSED[self.relation]} {gap:.4g}" if gap else "at the limit, and must be above it"
        return Verdict(gate, False, value, self.limit, self.relation, note + found.against)

    def judge_study(self, gate: str, study: Case) -> GateJudge:
        """Return the judge of the candidates of a study."""
        return lambda card, bundle, signal: self.judge(gate, card)

    def judge_report(self, gate: str, card: Numbers, recorded: Verdict | None) -> Verdict:
        """Return the verdict on the numbers in a report."""
        return self.judge(gate, card)


def _nothing(*subject: object) -> Iterable[str | None]:
    return ()


@dataclass(frozen=True)
class Property:
    """A gate that looks for problems and passes where it finds none. A check that cannot run counts as failed.

    Parameters
    ----------
    of_study : callable
        ``of_study(study)``: the problems in the parts that the candidates of a study share, one sentence each; None is
        no problem. It is called once for each study. The study is a `Case` without a model: its `signal` is NaN, and it
        cannot predict.
    of_candidate : callable
        ``of_candidate(study, bundle, signal)``: the problems of one candidate.
    """

    of_study: Callable[[Case], Iterable[str | None]] = _nothing
    of_candidate: Callable[[Case, Bundle, np.ndarray], Iterable[str | None]] = _nothing

    def judge_study(self, gate: str, study: Case) -> GateJudge:
        """Look for problems of the study, and return the judge of its candidates."""
        shared = _found(lambda: self.of_study(study))

        def judge(card: Numbers, bundle: Bundle, signal: np.ndarray) -> Verdict:
            own = _found(lambda: self.of_candidate(study, bundle, signal)) if shared.complete else _NOT_ASKED
            problems = shared.problems + own.problems if own.complete else own.problems
            first = problems[0] if problems else ""
            return Verdict(gate, not problems, float(len(problems)), 0.0, "<=", first, "property")

        return judge

    def judge_report(self, gate: str, card: Numbers, recorded: Verdict | None) -> Verdict:
        """Return the recorded verdict: a report has no candidate to check."""
        note = "needs the candidate, and no result of it is recorded"
        return recorded or Verdict(gate, False, math.nan, 0.0, "<=", note, "property")


class _Found(NamedTuple):
    """The problems that a check found, and whether the check ran to its end."""

    problems: tuple[str, ...]
    complete: bool = True


_NOT_ASKED = _Found(())


def _found(look: Callable[[], Iterable[str | None]]) -> _Found:
    try:
        return _Found(tuple(problem for problem in look() if problem))
    except (DataError, ModelError, RiskBreach) as error:
        return _Found((f"it could not be checked: {error}",), complete=False)


@dataclass(frozen=True)
class Unsealed:
    """A gate on the sealed cells, which judges a candidate only after blessing has opened them.

    Parameters
    ----------
    limit : float
        The lower bound of the IC over the sealed cells must be above it.
    """

    limit: float

    def judge(self, gate: str, opened: Opened) -> Verdict:
        """Return the verdict on the result of one look."""
        return Verdict(gate, bool(opened.lower > self.limit), opened.lower, self.limit, ">", str(opened))

    def judge_study(self, gate: str, study: Case) -> None:
        """Return no judge: research cannot read the sealed cells."""

    def judge_report(self, gate: str, card: Numbers, recorded: Verdict | None) -> Verdict | None:
        """Return the verdict on the recorded value; None where the sealed cells were not opened."""
        return recorded and replace(recorded, passed=recorded.value > self.limit, limit=self.limit)
