"""The gate that runs the leak checks: those of the data once for a study, those of the model for each candidate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from pydantic import PositiveInt

from alpha.core.nouns import FeatureSet, Fold, Label
from alpha.gates import gate
from alpha.gates.kinds import Property
from alpha.leaks import Case, check
from alpha.validation.crossfit import cross_fit

if TYPE_CHECKING:
    from alpha.strategy import Bundle

OF_THE_DATA = ("labels", "duplicates", "fills", "fair")
OF_THE_MODEL = ("refit", "whole", "shuffled_labels", "reversed_labels", "delay", "lag")
REFITS = ("refit", "whole", "shuffled_labels", "reversed_labels")


@gate
def leakage(*, samples: PositiveInt = 20_000) -> Property:
    """The pipeline as a whole has no leak: in its label, fits, timing or trading.

    Outcomes are entered after the decision and known at their declared instant; no fit learns from a test cell;
    predictions do not change with another future; shuffled or reversed labels show no edge; the edge neither grows nor
    vanishes when the signal is used later; a decision is filled after its bar; a fair market earns nothing.
    `no_lookahead` checks the features and the cutoffs of the folds.

    Parameters
    ----------
    samples : int
        A fit that is repeated uses about this many cells of its fold, the newest ones.
    """

    def of_study(study: Case) -> Iterator[str | None]:
        yield None if study.folds else "there is no fold to check"
        for name in OF_THE_DATA:
            yield check.bind(name)(study)

    def of_candidate(study: Case, bundle: Bundle, signal: np.ndarray) -> Iterator[str | None]:
        case = _with_model(study, bundle, signal)
        for name in OF_THE_MODEL if study.folds else ():
            yield check.bind({"name": name, **({"samples": samples} if name in REFITS else {})})(case)

    return Property(of_study, of_candidate)


def _with_model(study: Case, bundle: Bundle, signal: np.ndarray) -> Case:
    """Return the study with the model and the signal of a candidate."""
    from alpha.models import model, tolerance_of

    bound = model.bind(bundle.model_entry)

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        return cross_fit(bound, features, label, [fold], tradable, weights=bundle.weights)[fold.test]

    pipeline = replace(study.pipeline, predict=predict, tolerance=tolerance_of(bound.make))
    return replace(study, pipeline=pipeline, signal=signal)
