"""The gate that runs the checks of a whole pipeline on the candidate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from pydantic import PositiveInt

from alpha.core.nouns import FeatureSet, Fold, GateResult, Label
from alpha.gates import gate
from alpha.gates.evidence import Evidence, Trade
from alpha.gates.integrity import verdict
from alpha.leaks import Case, Pipeline, check
from alpha.validation.crossfit import cross_fit

if TYPE_CHECKING:
    from alpha.strategy import Candidate

OF_THE_DATA = ("labels", "duplicates", "fills", "fair")
OF_THE_MODEL = ("refit", "whole", "shuffled_labels", "reversed_labels", "delay", "lag")
REFITS = ("refit", "whole", "shuffled_labels", "reversed_labels")


@gate
def leakage(evidence: Evidence, *, samples: PositiveInt = 20_000) -> GateResult:
    """Nothing leaks through the pipeline as a whole: its label, fits, timing and trading.

    Outcomes are entered after the decision and known when they say so; no test cell was learned from; predictions
    stay in another future; on shuffled and on reversed labels nothing is found; the edge neither grows nor vanishes
    when it is used later; a decision is filled after its bar; nothing is earned in a fair market. `no_lookahead` checks
    the features and the arithmetic of the folds.

    Parameters
    ----------
    samples : int
        Every fit that is made again learns from about so many cells of its fold, the newest.
    """

    def problems(candidate: Candidate) -> Iterator[str | None]:
        if not evidence.folds or evidence.trade is None:
            yield f"there is no {'way to trade' if evidence.folds else 'fold'} to check"
            return
        case = _case(candidate, evidence, evidence.trade)
        shared = ("leakage", candidate.panel, candidate.features, candidate.seed)  # alike for the models of a study
        if shared not in evidence.memo:
            evidence.memo[shared] = tuple(check.bind(name)(case) for name in OF_THE_DATA)
        yield from evidence.memo[shared]
        for name in OF_THE_MODEL:
            yield check.bind({"name": name, **({"samples": samples} if name in REFITS else {})})(case)

    return verdict("leakage", evidence, problems)


def _case(candidate: Candidate, evidence: Evidence, trade: Trade) -> Case:
    """Return the candidate as a pipeline: its stages, and what they made of its data."""
    from alpha.labels import label
    from alpha.models import model, tolerance_of

    bundle, panel = candidate.bundle, candidate.panel
    bound = model.bind(bundle.model_entry)

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        return cross_fit(bound, features, label, [fold], tradable, weights=candidate.weights)[fold.test]

    pipeline = Pipeline(
        load=lambda at: panel if at is None else panel.until(at),
        features=bundle.plan.batch,
        label=label.bind(bundle.label_entry),
        folds=lambda times, label: evidence.folds,
        predict=predict,
        trade=trade,
        tolerance=tolerance_of(bound.make),
    )
    return Case(pipeline, panel, candidate.features, candidate.label, tuple(evidence.folds), candidate.signal,
                candidate.seed)  # fmt: skip
