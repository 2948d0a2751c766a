"""Mistakes made in saying what is predicted: outcomes nobody could have had, or known later than they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from alpha.core.nouns import Label
from alpha.core.panel import Panel
from alpha.lab.battery import plant
from alpha.lab.battery.honest import honest, outcome
from alpha.lab.battery.market import records
from alpha.leaks import Pipeline


@plant("labels")
def entry_at_the_signal_close(seed: int) -> Pipeline:
    """The outcome runs from the close that made the signal: close to close.

    The signal is known when that price is gone. Where the last trade is a bid or an ask, the next bounces back, and
    every reversal feature earns the spread.
    """

    def close_to_close(panel: Panel) -> Label:
        honest_label = outcome(1)(panel)
        close = panel.frame("close")
        values = (close.shift(-1) / close - 1).where(np.isfinite(honest_label.values))
        return replace(honest_label, values=values.sub(values.mean(axis=1), axis=0).to_numpy(), realised=None)

    return honest(records(seed, edge=0.0), label=close_to_close)


@plant("labels", "whole")
def known_too_early(seed: int) -> Pipeline:
    """Outcomes of ten bars are said to be known after one, so they are not purged.

    The purge compares with what it is told. Training rows right before the test then hold its first ten days.
    """

    def early(panel: Panel) -> Label:
        return replace(outcome(10)(panel), known_at=outcome(1)(panel).known_at)

    return honest(records(seed), label=early)


@plant("labels")
def smoothed_label(seed: int) -> Pipeline:
    """Outcomes are smoothed over the rows around them, to make them easier to learn.

    They then hold returns that were over when the decision was made, which every momentum feature knows.
    """

    def smooth(panel: Panel) -> Label:
        honest_label = outcome(1)(panel)
        frame = pd.DataFrame(honest_label.values)
        values = frame.rolling(5, center=True, min_periods=1).mean().where(frame.notna()).to_numpy()
        return replace(honest_label, values=values, realised=None)

    return honest(records(seed), label=smooth)


@plant("labels")
def outcome_of_the_past(seed: int) -> Pipeline:
    """The outcome is shifted the wrong way: that of a row was over before it.

    A model "predicts" what its features hold already.
    """

    def past(panel: Panel) -> Label:
        honest_label = outcome(1)(panel)
        values = pd.DataFrame(honest_label.values).shift(3).to_numpy()
        values = np.where(np.isnat(honest_label.known_at)[:, None], np.nan, values)
        return replace(honest_label, values=values, realised=None)

    return honest(records(seed), label=past)
