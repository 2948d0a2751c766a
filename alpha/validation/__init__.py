"""Evaluation out of sample: purged splits, cross-fitted predictions, scorecards and the record of trials.

Only `score` returns a scorecard, and it records a trial. The statistics of `alpha.stats` take any numbers and record
nothing. A choice made by one of them is a trial too: score every variant that was tried.
"""

from typing import TYPE_CHECKING

from alpha.core.lazy import lazy
from alpha.core.registry import Registry

splitter = Registry("splitter", "alpha.validation.splits")
baseline = Registry("baseline", __name__)

if TYPE_CHECKING:
    from alpha.validation.crossfit import (
        backtest_paths,
        cross_fit,
        cross_fit_outputs,
        cross_fit_paths,
        fit,
        predict,
    )
    from alpha.validation.detail import detailed
    from alpha.validation.scorecard import score
    from alpha.validation.trials import Trials
else:
    __getattr__, __dir__ = lazy(__name__, {
        "alpha.validation.crossfit": (
            "backtest_paths", "cross_fit", "cross_fit_outputs", "cross_fit_paths", "fit", "predict",
        ),
        "alpha.validation.detail": ("detailed",),
        "alpha.validation.scorecard": ("score",),
        "alpha.validation.trials": ("Trials",),
    })  # fmt: skip

__all__ = [
    "Trials",
    "backtest_paths",
    "baseline",
    "cross_fit",
    "cross_fit_outputs",
    "cross_fit_paths",
    "detailed",
    "fit",
    "predict",
    "score",
    "splitter",
]
