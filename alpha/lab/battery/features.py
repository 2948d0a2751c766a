"""Mistakes in features: a row reads later rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from alpha.core.nouns import FeatureSet
from alpha.core.panel import Panel
from alpha.lab.battery import plant
from alpha.lab.battery.honest import features, honest, with_column
from alpha.lab.battery.market import records
from alpha.leaks import Pipeline

CALM, WILD, STAY = 0.006, 0.02, 0.95


@plant("cut", "shock", "whole", "lag")
def future_shift(seed: int) -> Pipeline:
    """A column is shifted by one row the wrong way: row t holds the value of t + 1.

    ``shift(-1)`` in place of ``shift(1)``, or a join on the index of the next bar. Only the result looks unusual.
    """
    return _column(seed, "next", lambda close: close.shift(-1) / close - 1)


@plant("cut", "shock", "delay")
def shifted_by_days(seed: int) -> Pipeline:
    """A column of changes over some days is stamped with the first of these days.

    The edge is larger some days after the decision than at once, because the signal contains later days.
    """
    return _column(seed, "days", lambda close: close.shift(-4) / close.shift(-1) - 1)


@plant("cut", "shock")
def full_sample_scaler(seed: int) -> Pipeline:
    """Columns are standardised by the mean and deviation of the whole history, before the split.

    Each name is then compared with its own future: a value below the mean predicts a rise towards it.
    """
    return _column(seed, "standard", lambda close: (close - close.mean()) / close.std())


@plant("cut", "shock")
def centred_window(seed: int) -> Pipeline:
    """A moving average is centred on its row, so half of it lies ahead.

    This is the default of some smoothing functions. The distance to such an average predicts the price.
    """
    return _column(seed, "smooth", lambda close: close.rolling(11, center=True, min_periods=1).mean() / close - 1)


@plant("cut", "shock")
def backward_fill(seed: int) -> Pipeline:
    """Missing values are filled with the next known value.

    ``bfill`` fills the gap before each report with the report: between two reports a model reads the second.
    """

    def told(panel: Panel) -> np.ndarray:
        return panel.frame("surprise").bfill().to_numpy()

    return honest(records(seed), features=with_column("filled", told), horizon=5)


@plant("cut", "shock")
def smoothed_regime(seed: int) -> Pipeline:
    """The regime of a row is the smoothed one, which also uses later rows.

    Libraries for Markov models return smoothed states unless asked for filtered ones. The regime then changes on the
    day of the change, before past data could show it.
    """

    def regime(panel: Panel) -> np.ndarray:
        market = np.nan_to_num(np.nanmean(panel["close"][1:] / panel["close"][:-1] - 1, axis=1), nan=0.0)
        calm = _smoothed(np.r_[0.0, market])
        return calm[:, None] * panel["score"]

    return honest(records(seed), features=with_column("calm", regime))


@plant("cut")
def rows_left_to_live(seed: int) -> Pipeline:
    """The age of a name is measured as a share of all bars that it will ever have.

    A share near 1 reveals that a name is about to be delisted, and such names fall.
    """

    def age(panel: Panel) -> np.ndarray:
        there = np.isfinite(panel["close"])
        return np.where(there, np.cumsum(there, axis=0) / there.sum(axis=0), np.nan)

    return honest(records(seed), features=with_column("age", age), horizon=5)


@plant("cut", "shock")
def components_of_all_rows(seed: int) -> Pipeline:
    """Principal components are fitted on the whole history, before the split.

    The components then contain how names move together in the test rows.
    """

    def made(panel: Panel) -> FeatureSet:
        before = features(panel)
        cells = np.nan_to_num(before.values).reshape(-1, len(before.names))
        axes = np.linalg.svd(cells - cells.mean(axis=0), full_matrices=False)[2]
        return replace(before, values=before.values @ axes.T)

    return honest(records(seed), features=made)


@plant("cut", "shock")
def denoised_prices(seed: int) -> Pipeline:
    """Features use prices denoised by dropping the high frequencies of their whole history.

    A Fourier or wavelet filter over all rows uses the end of each move in the middle of it.
    """

    def clean(close: pd.DataFrame) -> pd.DataFrame:
        logs = np.log(close.ffill().bfill().to_numpy())
        spectrum = np.fft.rfft(logs, axis=0)
        spectrum[len(spectrum) // 6 :] = 0
        return pd.DataFrame(np.fft.irfft(spectrum, len(logs), axis=0)).diff()

    return _column(seed, "denoised", clean)


@plant("cut")
def turn_of_the_month(seed: int) -> Pipeline:
    """The last two sessions of a month are found by the dates of later rows.

    A session counts as one of the last two if the row two later is in another month. In a history that row exists; live
    it does not, so the rule tested at the turn of the month is never traded there.
    """

    def turning(panel: Panel) -> np.ndarray:
        return np.where(month_ends(panel.times)[:, None], panel["score"], 0.0)

    return honest(records(seed), features=with_column("turn", turning))


def month_ends(times: pd.DatetimeIndex) -> np.ndarray:
    """Return True where the row two later is in another month: the mistake."""
    month = times.year * 12 + times.month
    return np.r_[month[2:] != month[:-2], np.zeros(2, bool)]


def _column(seed: int, name: str, made: Callable[[pd.DataFrame], pd.DataFrame]) -> Pipeline:
    """Return the correct pipeline with one more column, made from the frame of closes."""
    return honest(records(seed), features=with_column(name, lambda panel: made(panel.frame("close")).to_numpy()))


def _smoothed(x: np.ndarray) -> np.ndarray:
    """Return the probability of the calm regime at each row, given all rows (Baum et al., 1970)."""
    density = np.stack([np.exp(-0.5 * (x / scale) ** 2) / scale for scale in (CALM, WILD)], axis=1) + 1e-99
    step = np.array([[STAY, 1 - STAY], [1 - STAY, STAY]])
    forward, backward = density.copy(), np.ones_like(density)
    for t in range(1, len(x)):
        forward[t] = density[t] * (forward[t - 1] @ step)
        forward[t] /= forward[t].sum()
    for t in range(len(x) - 2, -1, -1):
        backward[t] = step @ (density[t + 1] * backward[t + 1])
        backward[t] /= backward[t].sum()
    both = forward * backward
    return both[:, 0] / both.sum(axis=1)
