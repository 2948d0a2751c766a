"""A market whose truth is known: an edge of a chosen size, regimes, jumps, late listings and delistings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeFloat, PositiveInt

from alpha.core.calendar import Calendar
from alpha.data import source

EPOCH = pd.Timestamp("2000-01-03")
YEAR = 252.0
OVERNIGHT = 0.3  # share of a symbol's own variance that falls between close and open
CALM, STRESS = 0.007, 0.02  # daily volatility of the market
SWITCH = np.array([0.01, 0.04])  # chance, each session, of leaving calm and of leaving stress
JUMP_RATE, JUMP_SIZE = 0.001, 0.08
PERSISTENCE = 0.9  # of log volume, from one session to the next
WINDOW, SHORT = 20, 5  # of the volume's usual level; of the return that reverses
DECAY = np.array([1.0, 0.76, 0.56, 0.38, 0.22, 0.09, 0.05, 0.02])  # of the signal's pay, by sessions ahead


@dataclass(frozen=True, eq=False)
class Market:
    """A simulated market from the epoch on, with the truth that its source hides.

    Parameters
    ----------
    fields : mapping of str to array of shape (T, N)
        open, high, low, close, volume, dividend, split; NaN where a symbol is not listed.
    vix : array of shape (T,)
        The market's volatility, in per cent a year as such indices are quoted.
    signal : array of shape (T, N)
        The truth: known at the close of its row, with mean 0 and deviation 1 over the symbols.
    """

    dates: pd.DatetimeIndex
    fields: Mapping[str, np.ndarray]
    vix: np.ndarray
    signal: np.ndarray


@source
def synthetic(
    start: pd.Timestamp,
    end: pd.Timestamp,
    *,
    n_symbols: PositiveInt = 50,
    seed: int = 7,
    ic: Annotated[float, Field(ge=0, le=0.3)] = 0.0,
    horizon: Annotated[int, Field(ge=1, le=20)] = 1,
    drift: float = 0.02,
    volatility: Annotated[float, Field(gt=0, le=0.1)] = 0.015,
    delistings: NonNegativeFloat = 0.01,
    late: Annotated[float, Field(ge=0, le=1)] = 0.1,
    events: bool = False,
    calendar: str = "XNYS",
) -> pd.DataFrame:
    """Daily bars of an invented market, from 2000-01-03: open, high, low, close, volume, and ``vix``.

    The edge: what a symbol does after a row's close loads on ``rank(volume z-score, 20 days) - rank(5-day return)`` of
    that row, so it can be learned by a linear model of ranked features. All else is noise: one market factor that
    switches between a calm and a stressed regime, normal noise of each symbol, and rare jumps at the open.

    The market is generated session by session from its epoch, so a bar depends on the seed and the other parameters,
    never on `start` or `end`.

    Parameters
    ----------
    n_symbols : int
        ``S000`` to ``S049``.
    ic : float
        Mean cross-sectional rank correlation between the true signal and the return from the next open to the open
        `horizon` bars later. The signal lives for about a week, so an edge planted at one bar shows about 1.4 times
        as large at five.
    drift : float
        Expected return of the market, a year.
    volatility : float
        Standard deviation of a symbol's own returns, a day; symbols differ by a factor of up to two.
    delistings : float
        Chance, a year, that a symbol is delisted; it has no bars from then on.
    late : float
        Fraction of symbols that are listed in the course of the first ten years.
    events : bool
        Prices as traded, with quarterly dividends and 2:1 splits, rather than adjusted.
    """
    world = market(
        Calendar(calendar).sessions(EPOCH, end), n_symbols=n_symbols, seed=seed, ic=ic, horizon=horizon, drift=drift,
        volatility=volatility, delistings=delistings, late=late, events=events,
    )  # fmt: skip
    return as_frame(world, start, events)


def as_frame(world: Market, start: pd.Timestamp, events: bool) -> pd.DataFrame:
    """Return the bars of a market from `start` on, as a source does."""
    rows = slice(int(world.dates.searchsorted(start)), None)
    names = [name for name in world.fields if events or name not in ("dividend", "split")]
    fields = {name: world.fields[name][rows] for name in names}
    t, i = np.nonzero(np.isfinite(fields["close"]))
    count = world.signal.shape[1]
    symbols = pd.Index([f"S{number:0{max(3, len(str(count - 1)))}d}" for number in range(count)])
    columns = {name: values[t, i] for name, values in fields.items()}
    symbol = pd.Categorical.from_codes(i, symbols)
    frame = pd.DataFrame({"time": world.dates[rows][t], "symbol": symbol, **columns, "vix": world.vix[rows][t]})
    frame.attrs["prices"] = "raw" if events else "adjusted"
    return frame


def market(
    dates: pd.DatetimeIndex, *, n_symbols: int, seed: int, ic: float, horizon: int, drift: float, volatility: float,
    delistings: float, late: float, events: bool,
) -> Market:  # fmt: skip
    """Invent a market over `dates`, the first of which is the epoch; parameters as for the source ``synthetic``."""
    n, count = n_symbols, len(dates)
    once, common, normal, uniform = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4))
    own = volatility * once.uniform(0.7, 1.4, n)
    beta, level = once.uniform(0.9, 1.1, n), np.exp(once.normal(13.5, 1.0, n))
    listing = np.where(once.random(n) < late, once.integers(1, int(10 * YEAR), n), 0)
    first_price = once.uniform(20.0, 150.0, n)
    shared = common.random((count, 3))  # drawn in the order of time, so that a longer market begins alike
    noise = normal.standard_normal((count, 6, n))
    chance = uniform.random((count, 3, n))
    vol = _regimes(shared[:, 0])
    factor = drift / YEAR - vol**2 / 2 + vol * _normal(shared[:, 1])
    dead = np.cumsum(chance[:, 0] < delistings / YEAR, axis=0) > 0
    listed = (np.arange(count)[:, None] >= listing) & ~dead
    volume = volumes(noise[:, 0], level)
    jump = np.where(chance[:, 1] < JUMP_RATE, JUMP_SIZE * noise[:, 1], 0.0)
    gap = own * np.sqrt(OVERNIGHT) * noise[:, 2] + jump - OVERNIGHT * own**2 / 2
    day = beta * factor[:, None] + own * np.sqrt(1 - OVERNIGHT) * noise[:, 3] - (1 - OVERNIGHT) * own**2 / 2
    signal = feed_back(gap, day, own * loading(ic, horizon), volume_scores(volume, listed), listed)
    close = first_price * np.exp(np.cumsum(gap + day, axis=0))
    open_ = close / np.exp(day)
    reach = np.exp(0.5 * own * np.abs(noise[:, 4:]).swapaxes(0, 1))
    high, low = np.maximum(open_, close) * reach[0], np.minimum(open_, close) / reach[1]
    vix = 100 * np.sqrt(YEAR) * vol * np.exp(0.05 * _normal(shared[:, 2]))
    dividend, split, scale = _events(close, chance[:, 2]) if events else (np.zeros_like(close), *np.ones((2, count, n)))
    fields = {"open": open_, "high": high, "low": low, "close": close}
    fields = {name: values * scale for name, values in fields.items()}
    fields |= {"volume": volume, "dividend": dividend, "split": split}
    return Market(dates, {name: np.where(listed, values, np.nan) for name, values in fields.items()}, vix, signal)


def feed_back(gap: np.ndarray, day: np.ndarray, pay: np.ndarray, volume: np.ndarray, listed: np.ndarray) -> np.ndarray:
    """Add to each day, in place, the return that the signal of the day before predicts; return the signal.

    Parameters
    ----------
    pay : array of shape (N,) or (T, N)
        Return that a signal of 1 earns.
    """
    signal = np.zeros(day.shape)
    for t in range(len(day)):
        if t:
            day[t] += (pay[t] if pay.ndim == 2 else pay) * signal[t - 1]
        first = max(t - SHORT + 1, 0)
        lately = (gap[first : t + 1] + day[first : t + 1]).sum(axis=0)
        signal[t] = _standard(volume[t] - _rank(lately, listed[t]), listed[t])
    return signal


def _events(close: np.ndarray, chance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return dividends, splits and the factor that turns adjusted prices into prices as traded."""
    dividend, split, scale = np.zeros_like(close), np.ones_like(close), np.ones_like(close)
    quarter = np.arange(close.shape[1]) * 7 % 63
    for t in range(1, len(close)):
        traded = close[t - 1] * scale[t - 1]
        split[t] = np.where((traded > 150) & (chance[t] < 0.02), 2.0, 1.0)
        paid = np.where(t % 63 == quarter, 0.005, 0.0)
        dividend[t] = paid * traded / split[t]
        scale[t] = scale[t - 1] * (1 - paid) / split[t]
    return dividend, split, scale


def _normal(chance: np.ndarray) -> np.ndarray:
    from scipy.special import ndtri

    return ndtri(chance)


def loading(ic: float, horizon: int) -> float:
    """Return the mean return, in standard deviations, of a symbol whose signal is 1."""
    decay = np.zeros(horizon)
    decay[: len(DECAY)] = DECAY[:horizon]
    return float(2 * np.sin(np.pi * ic / 6) * np.sqrt(horizon) / decay.sum())  # Spearman to Pearson (Pearson, 1907)


def _regimes(chance: np.ndarray) -> np.ndarray:
    state, states = 0, np.empty(len(chance), int)
    for t, draw in enumerate(chance):
        states[t] = state
        state = 1 - state if draw < SWITCH[state] else state
    return np.array([CALM, STRESS])[states]


def volumes(noise: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return volumes that stay near their level, from normal noise of shape (T, N)."""
    logs = noise.copy()
    for t in range(1, len(logs)):
        logs[t] = PERSISTENCE * logs[t - 1] + np.sqrt(1 - PERSISTENCE**2) * noise[t]
    return np.round(level * np.exp(0.4 * logs))


def volume_scores(volume: np.ndarray, listed: np.ndarray) -> np.ndarray:
    """Return ranks of the z-score of volume over the last 20 sessions; 0 until there are as many."""
    scores = np.zeros(volume.shape)
    known = listed[WINDOW - 1 :] & listed[: 1 - WINDOW]
    for first in range(0, len(known), 256):  # a few rows at a time: the windows overlap 20-fold
        part = volume[first : first + 256 + WINDOW - 1]
        windows = np.lib.stride_tricks.sliding_window_view(part, WINDOW, axis=0)
        score = (part[WINDOW - 1 :] - windows.mean(axis=-1)) / windows.std(axis=-1)
        scores[first + WINDOW - 1 : first + WINDOW - 1 + len(score)] = _rank(score, known[first : first + len(score)])
    return scores


def _rank(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return ranks along the last axis spread evenly over (-1, 1), 0 outside `among`."""
    ranks = np.where(among, values, np.inf).argsort(axis=-1).argsort(axis=-1)
    count = np.maximum(among.sum(axis=-1, keepdims=True), 1)
    return np.where(among, (2 * ranks + 1) / count - 1, 0.0)


def _standard(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    part = values[among]
    spread = part.std() if len(part) > 1 else 0.0
    return np.where(among, (values - part.mean()) / spread, 0.0) if spread > 0 else np.zeros(len(values))
