"""Honest evaluation: splits that cannot leak, predictions out of sample, and what they were worth."""

from alpha.core.registry import Registry, discover

splitter = Registry("splitter")
baseline = Registry("baseline")
discover(__name__)

from alpha.validation.crossfit import backtest_paths, cross_fit, cross_fit_paths, fit, predict  # noqa: E402  (after the registries they fill)
from alpha.validation.scorecard import score  # noqa: E402
from alpha.validation.trials import Trials  # noqa: E402

__all__ = [
    "Trials", "backtest_paths", "baseline", "cross_fit", "cross_fit_paths", "fit", "predict", "score", "splitter",
]  # fmt: skip
