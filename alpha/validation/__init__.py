"""Evaluation out of sample: purged splits, cross-fitted predictions, scorecards and the record of trials.

Only `score` returns a scorecard, and it records a trial. The statistics of `alpha.stats` take any numbers and record
nothing. A choice made by one of them is a trial too: score every variant that was tried.
"""

from alpha.core.registry import Registry

splitter = Registry("splitter", "alpha.validation.splits")
baseline = Registry("baseline", __name__)

from alpha.validation.crossfit import (  # noqa: E402
    backtest_paths,
    cross_fit,
    cross_fit_outputs,
    cross_fit_paths,
    fit,
    predict,
)
from alpha.validation.detail import detailed  # noqa: E402
from alpha.validation.scorecard import score  # noqa: E402
from alpha.validation.trials import Trials  # noqa: E402

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
