"""Mistakes in labels: outcomes that could not be earned, or that are known later than declared."""

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
    """The outcome runs from close to close, starting at the close from which the signal is computed.

    When the signal is known, that price is no longer available. The last trade is at a bid or an ask, the next one
    often at the other, so that every reversal feature earns the spread.
    """

    def close_to_close(panel: Panel) -> Label:
        honest_label = outcome(1)(panel)
        close = panel.frame("close")
        values = (close.shift(-1) / close - 1).where(np.isfinite(honest_label.values))
        return replace(honest_label, values=values.sub(values.mean(axis=1), axis=0).to_numpy(), realised=None)

    return honest(records(seed, edge=0.0), label=close_to_close)


@plant("labels", "whole")
def known_too_early(seed: int) -> Pipeline:
    """Outcomes of ten bars are declared known after one bar, so they are not purged.

    Purging relies on `known_at`. The outcomes of training rows right before the test then contain its first ten days.
    """

    def early(panel: Panel) -> Label:
        return replace(outcome(10)(panel), known_at=outcome(1)(panel).known_at)

    return honest(records(seed), label=early)


@plant("labels")
def smoothed_label(seed: int) -> Pipeline:
    """Outcomes are smoothed over the rows around them, to make them easier to learn.

    They then contain returns from before the decision, which every momentum feature contains too.
    """

    def smooth(panel: Panel) -> Label:
        honest_label = outcome(1)(panel)
        frame = pd.DataFrame(honest_label.values)
        values = frame.rolling(5, center=True, min_periods=1).mean().where(frame.notna()).to_numpy()
        return replace(honest_label, values=values, realised=None)

    return honest(records(seed), label=smooth)


@plant("labels")
def outcome_of_the_past(seed: int) -> Pipeline:
    """The outcome is shifted the wrong way: the outcome of a row ends before the row.

    A model then "predicts" values that its features already contain.
    """

    def past(panel: Panel) -> Label:
        honest_label = outcome(1)(panel)
        values = pd.DataFrame(honest_label.values).shift(3).to_numpy()
        values = np.where(np.isnat(honest_label.known_at)[:, None], np.nan, values)
        return replace(honest_label, values=values, realised=None)

    return honest(records(seed), label=past)
