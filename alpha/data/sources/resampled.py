"""Invented bars whose noise is that of real returns, to count how often a gate passes pure noise or an edge."""

from __future__ import annotations

from functools import cache
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from alpha.core.calendar import Calendar
from alpha.data import source
from alpha.data.sources.bundled import bundled
from alpha.data.sources.synthetic import EPOCH, OVERNIGHT, Market, as_frame, feed_back, loading, volume_scores, volumes

HALF_LIFE = 20  # sessions; of the volatility that returns are measured in
SPELL = 250  # sessions; mean length of a stretch of real volatility
LIMIT = 0.9  # largest return from close to open and from open to close, either way: no price falls to zero


@source
def resampled(
    start: pd.Timestamp,
    end: pd.Timestamp,
    *,
    n_symbols: PositiveInt = 40,
    seed: int = 7,
    ic: Annotated[float, Field(ge=0, le=0.3)] = 0.0,
    horizon: Annotated[int, Field(ge=1, le=20)] = 1,
    calendar: str = "XNYS",
) -> pd.DataFrame:
    """Daily bars drawn from the bundled real returns, without an edge or with one: open, high, low, close, volume.

    Rows of real returns, each in units of its own volatility, are drawn at random with random signs: the dependence
    between names and the fat tails are real, and nothing in the past foretells the next row's direction or ranking.
    Simple returns have the signs, not their logarithms, so that no book earns anything on average, volatile or not.
    Stretches of real volatility, a year long on average, are laid over them. The edge is that of ``synthetic``.

    Parameters
    ----------
    n_symbols : int
        Beyond 20, further groups of 20 are drawn from other rows, and share the market's return.
    ic : float
        As for ``synthetic``.
    """
    dates = Calendar(calendar).sessions(EPOCH, end)
    return as_frame(_market(dates, n_symbols, seed, ic, horizon), start, events=False)


def _market(dates: pd.DatetimeIndex, n: int, seed: int, ic: float, horizon: int) -> Market:
    once, rows, normal, spells = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4))
    count, real = len(dates), _real()
    path = _spells(spells, count, len(real.market_vol))
    own = real.own_vol[path, None] * np.ones(n)
    market = real.market_vol[path] * _drawn(rows, count, real.market[:, None])[:, 0]
    gap = np.sqrt(OVERNIGHT) * own * _names(rows, count, n, real.own)
    day = np.sqrt(1 - OVERNIGHT) * own * _names(rows, count, n, real.own) + market[:, None]
    noise = normal.standard_normal((count, 3, n))
    volume = volumes(noise[:, 0], np.exp(once.normal(13.5, 1.0, n)))
    listed = np.ones((count, n), bool)
    signal = feed_back(gap, day, own * loading(ic, horizon), volume_scores(volume, listed), listed)
    gap, day = (np.clip(part, -LIMIT, LIMIT) for part in (gap, day))
    close = once.uniform(20.0, 150.0, n) * np.cumprod((1 + gap) * (1 + day), axis=0)
    open_ = close / (1 + day)
    reach = np.exp(0.5 * own[:, None] * np.abs(noise[:, 1:])).swapaxes(0, 1)
    high, low = np.maximum(open_, close) * reach[0], np.minimum(open_, close) / reach[1]
    fields = {"open": open_, "high": high, "low": low, "close": close, "volume": volume}
    return Market(dates, fields, 100 * np.sqrt(252.0) * real.market_vol[path], signal)


class _Real:
    """Real returns in units of their volatility, and that volatility, row by row."""

    def __init__(self, returns: np.ndarray) -> None:
        market = returns.mean(axis=1)
        own = returns - market[:, None]
        self.market_vol, self.own_vol = _volatility(market[:, None]), _volatility(own)
        self.market, self.own = market / self.market_vol, own / self.own_vol[:, None]


@cache
def _real() -> _Real:
    frame = bundled(pd.Timestamp("1990-01-02"), pd.Timestamp("2022-12-28"))
    close = frame.set_index(["time", "symbol"])["close"].unstack().dropna()  # noqa: PD010
    return _Real(close.pct_change().iloc[1:].to_numpy())


def _volatility(returns: np.ndarray) -> np.ndarray:
    """Return the root mean square over the columns, averaged over the rows before and including each."""
    square = pd.Series((returns**2).mean(axis=1))
    return np.sqrt(square.ewm(halflife=HALF_LIFE).mean().to_numpy())


def _names(rng: np.random.Generator, count: int, n: int, own: np.ndarray) -> np.ndarray:
    """Return the returns of `n` names: groups of as many as are real, each drawn from rows of its own."""
    groups = [_drawn(rng, count, own) for _ in range(-(-n // own.shape[1]))]
    return np.concatenate(groups, axis=1)[:, :n]


def _drawn(rng: np.random.Generator, count: int, rows: np.ndarray) -> np.ndarray:
    """Draw whole rows with random signs, in the order of time, so that a longer market begins alike."""
    chance = rng.spawn(1)[0].random((count, 2))
    picked = rows[(chance[:, 0] * len(rows)).astype(int)]
    return picked * np.where(chance[:, 1] < 0.5, -1.0, 1.0)[:, None]


def _spells(rng: np.random.Generator, count: int, length: int) -> np.ndarray:
    """Return row numbers that run on for `SPELL` sessions on average, then jump (Politis and Romano, 1994)."""
    chance = rng.random((count, 2))
    path = np.empty(count, int)
    for t, (leave, where) in enumerate(chance):
        path[t] = int(where * length) if t == 0 or leave < 1 / SPELL else (path[t - 1] + 1) % length
    return path
