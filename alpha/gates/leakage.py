"""The gate that runs the checks of a whole pipeline: those of the data once a study, those of the model on each."""

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
    """Return the study with the model of a candidate in its pipeline, and what it predicted."""
    from alpha.models import model, tolerance_of

    bound = model.bind(bundle.model_entry)

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        return cross_fit(bound, features, label, [fold], tradable, weights=bundle.weights)[fold.test]

    pipeline = replace(study.pipeline, predict=predict, tolerance=tolerance_of(bound.make))
    return replace(study, pipeline=pipeline, signal=signal)
