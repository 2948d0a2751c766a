"""Gates on the candidate itself: that nothing looked ahead, and that live will compute what research did."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from alpha.core.errors import DataError, ModelError, RiskBreach
from alpha.core.nouns import GateResult
from alpha.gates import gate
from alpha.gates.evidence import Evidence
from alpha.leaks import lookahead
from alpha.models import differing, tolerance_of

if TYPE_CHECKING:
    from alpha.core.nouns import Model
    from alpha.strategy import Candidate


@gate
def no_lookahead(evidence: Evidence, *, cuts: PositiveInt = 4, shocks: NonNegativeInt = 1) -> GateResult:
    """No feature, label or fold reads what was not yet known.

    The features up to `cuts` rows drawn by the candidate's seed are computed again without the future, and `shocks`
    times with another future; every label is known after its row, and every fold learned from labels known
    at its cutoff.
    """

    def problems(candidate: Candidate) -> Iterator[str | None]:
        panel, features, batch = candidate.panel, candidate.features, candidate.bundle.plan.batch
        rows = lookahead.telling_rows(panel, cuts + shocks, np.random.default_rng(candidate.seed))
        yield lookahead.check_label(candidate.label, panel.times)
        yield lookahead.check_folds(evidence.folds, candidate.label, panel.times)
        yield None if evidence.folds else "there are no folds to check"
        shared = (panel, features, cuts, shocks, candidate.seed)  # the models of a study read the same features
        if shared not in evidence.memo:
            evidence.memo[shared] = (
                lookahead.cut_and_compare(batch, panel, features, rows[:cuts]),
                lookahead.shock_future(batch, panel, features, rows[cuts:], seed=candidate.seed),
            )
        yield from evidence.memo[shared]

    return verdict("no_lookahead", evidence, problems)


@gate
def batch_equals_stream(evidence: Evidence, *, rows: PositiveInt = 8) -> GateResult:
    """The last `rows` bars, pushed one by one after their history, give the features and predictions of the batch."""

    def problems(candidate: Candidate) -> Iterator[str | None]:
        bundle, panel, batch = candidate.bundle, candidate.panel, candidate.features.values
        first = max(len(panel) - rows, 1)
        predicted = bundle.outputs(batch[first:], panel.tradable[first:])
        stream = bundle.plan.stream(panel.rows(slice(0, first)))
        for row in range(first, len(panel)):
            bar = panel.bar(row)
            values = stream.push(bar)
            yield _different(f"features of {bar.time}", batch[row], values)
            for name, each in bundle.outputs(values, bar.tradable).items():
                what = f"{'predictions' if name == 'signal' else name} of {bar.time}"
                yield _different(what, predicted[name][row - first], each, tolerance_of(bundle.model))

    return verdict("batch_equals_stream", evidence, problems)


@gate
def golden_reproduces(evidence: Evidence) -> GateResult:
    """The model, written to files and read back, gives the golden predictions to the last bit, or its tolerance."""

    def problems(candidate: Candidate) -> Iterator[str | None]:
        bundle = candidate.bundle
        again = _read_back(candidate).predict(bundle.golden_inputs) if len(bundle.golden_inputs) else np.empty(0)
        yield _different("golden predictions", bundle.golden_predictions, again, tolerance_of(bundle.model))
        if not np.isfinite(bundle.golden_predictions).any():
            yield "there is no golden prediction to reproduce"

    return verdict("golden_reproduces", evidence, problems)


def verdict(name: str, evidence: Evidence, problems: Callable[[Candidate], Iterator[str | None]]) -> GateResult:
    """Count the problems found; none may be. What cannot be checked has not passed."""
    if evidence.candidate is None:
        unknown = GateResult(name, False, math.nan, 0.0, "<=", "needs the candidate, and no result of it is recorded")
        return evidence.recorded.get(name, unknown)
    try:
        found = [problem for problem in problems(evidence.candidate) if problem]
    except (DataError, ModelError, RiskBreach) as error:
        found = [f"it could not be checked: {error}"]
    return GateResult(name, not found, float(len(found)), 0.0, "<=", found[0] if found else "")


def _read_back(candidate: Candidate) -> Model:
    from alpha.models import model

    bound = model.bind(candidate.bundle.model_entry)
    kind = cast("type[Model]", model[bound.name])
    return kind.from_files(candidate.bundle.model.to_files(), bound.params)


def _different(what: str, expected: np.ndarray, actual: np.ndarray, tolerance: float = 0.0) -> str | None:
    """Compare to the last bit, or within a tolerance; any two NaN are alike."""
    if expected.shape != actual.shape:
        return f"{what}: {actual.shape} values instead of {expected.shape}"
    other = differing(expected, actual, tolerance)
    if not other.any():
        return None
    at = np.unravel_index(int(np.argmax(other)), other.shape)
    return f"{what}: {expected[at]!r} became {actual[at]!r} ({int(other.sum())} of {other.size} differ)"
