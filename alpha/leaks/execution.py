"""Checks of trading: a book earns nothing on the bar of its signal, and nothing in a fair market."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import PositiveFloat, PositiveInt

from alpha.core.panel import Panel
from alpha.leaks import check, lookahead
from alpha.leaks.nulls import block_mean
from alpha.leaks.outcomes import gapped
from alpha.leaks.pipeline import Case

BEFORE, AFTER = 40, 5  # rows of the panel before and after a decision that are traded
LEAP, EARNED = 2.0, 0.03
CALM = 0.97, 1.03  # factors of the changed future: too small to bankrupt a leveraged book
STEPS = 26  # prices within a session of the fair market: a quarter of an hour apart


@check
def fills(case: Case, *, rows: PositiveInt = 2) -> str | None:
    """A decision is filled after its bar, and the returns of a book do not depend on later prices.

    At each of `rows` drawn rows, one decision is made and prices jump in its favour before the next bar: an order that
    is filled too early earns the jump. Then later prices are changed: the returns up to the row must not change.
    """
    for row in case.rows(rows, "fills"):
        first = max(row - BEFORE, 0)
        panel, at = case.panel.rows(slice(first, row + AFTER)), row - first
        if found := _earns_the_leap(case, panel, at) or _depends_on_the_future(case, panel, at):
            return found
    return None


@check
def fair(case: Case, *, rows: PositiveInt = 250, names: PositiveInt = 12, chance: PositiveFloat = 1e-4) -> str | None:
    """In a market whose prices are a martingale, neither momentum nor reversal of the last return earns.

    No rule can earn there on average. A book that does is filled at prices chosen in retrospect: those of the signal's
    own bar, a stop at a price that was never traded, the better of high and low.

    Parameters
    ----------
    rows, names : int
        Size of the market.
    chance : float
        Significance level: a leak is reported where a mean return so high has a smaller probability by chance.
    """
    panel = fair_market(rows, names, case.rng("fair"))
    last = panel["close"][1:] / panel["close"][:-1] - 1
    for sign, how in ((1.0, "following"), (-1.0, "betting against")):
        signal = np.vstack([np.full(names, np.nan), sign * last])
        mean = block_mean(case.pipeline.trade(signal, panel), 1)
        if mean.chance < chance:
            return f"in a fair market, {how} the last return earns {mean.value:.3%} a row, where no rule earns"
    return None


def fair_market(rows: int, names: int, rng: np.random.Generator) -> Panel:
    """Return open, high, low and close of prices that are a martingale, simulated step by step within each session."""
    sigma = 0.02 * rng.uniform(0.7, 1.4, names)
    share = np.r_[0.3, np.full(STEPS, 0.7 / STEPS)][:, None]  # shares of the variance: overnight, then each step
    steps = rng.normal(size=(rows, STEPS + 1, names)) * sigma * np.sqrt(share) - share * sigma**2 / 2
    price = 50 * np.exp(np.cumsum(steps.reshape(-1, names), axis=0)).reshape(steps.shape)
    times = pd.bdate_range("2001-01-02 21:00", periods=rows, tz="UTC")
    fields = {"open": price[:, 0], "high": price.max(axis=1), "low": price.min(axis=1), "close": price[:, -1],
              "volume": np.exp(rng.normal(15, 0.5, (rows, names))).round()}  # fmt: skip
    return Panel(times, tuple(f"F{i:02d}" for i in range(names)), fields)


def _earns_the_leap(case: Case, panel: Panel, row: int) -> str | None:
    signal = np.full(panel.tradable.shape, np.nan)
    drawn = case.rng(f"signal {row}").normal(size=len(panel.symbols))
    signal[row] = np.where(panel.tradable[row], drawn, np.nan)
    leapt = gapped(panel, row, np.where(drawn > 0, LEAP, 1 / LEAP))
    before, after = (case.pipeline.trade(signal, each)[: row + 2] for each in (panel, leapt))
    earned = float(np.nansum(after - before))
    if earned <= EARNED:
        return None
    return (
        f"a decision of {panel.times[row]} earns {earned:.1%} more when prices leap right after it: it was filled at "
        f"prices of its own bar"
    )


def _depends_on_the_future(case: Case, panel: Panel, row: int) -> str | None:
    rng = case.rng(f"book {row}")
    signal = np.where(panel.tradable, rng.normal(size=panel.tradable.shape), np.nan)
    other = lookahead.shocked(panel, row, rng, low=CALM[0], high=CALM[1])
    before, after = (case.pipeline.trade(signal, each)[: row + 1] for each in (panel, other))
    if np.allclose(before, after, rtol=1e-9, atol=1e-12, equal_nan=True):
        return None
    t = int(np.argmax(~np.isclose(before, after, rtol=1e-9, atol=1e-12, equal_nan=True)))
    return (
        f"the return of the book at {panel.times[t]} is {before[t]:.4%}, and {after[t]:.4%} when prices after "
        f"{panel.times[row]} are changed"
    )
