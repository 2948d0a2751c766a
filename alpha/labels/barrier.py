"""Returns of positions that end where the price first touches a barrier: a profit, a stop, or the end of time."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from alpha.core.nouns import Label
from alpha.core.panel import Panel
from alpha.labels import label
from alpha.labels.forward import last_closes, moments

Window = Annotated[int, Field(ge=2)]


@label
def barrier(
    panel: Panel,
    *,
    profit: PositiveFloat = 2.0,
    stop: PositiveFloat = 2.0,
    horizon: PositiveInt = 10,
    window: Window = 20,
) -> Label:
    """Return of a position that leaves at a profit, at a stop, or after `horizon` bars, in units of volatility.

    The position is entered at the open of the next bar. It leaves where the price is first `profit` volatilities above
    the entry, or `stop` below it, else at the open `horizon` bars after the entry, at the last close where the name has
    no price there. `realised` is its return, a fraction. NaN where the name was not tradable at row t, had no price to
    enter at, or had no volatility.

    Conventions: a bar that opens beyond a barrier is left at its open; a bar that touches both barriers is left at the
    stop; the bar of the entry counts. Where the panel has no highs and lows, closes are compared, and the position
    leaves at the close that is beyond a barrier; where it has no opens, it enters at the close of the next bar, and
    the first bar that counts is the one after.

    Known at the close of the bar in which the position ends, so later for some names than for others. In the last
    rows only positions that touched a barrier soon are known: their outcomes are larger than those of all would be.

    Parameters
    ----------
    profit, stop : float
        Distance of the barriers from the entry, in volatilities of one row at row t.
    horizon : int
        Bars from the entry to the exit, at most.
    window : int
        Rows of the volatility, the feature `vol`: up to row t.

    References
    ----------
    Lopez de Prado (2018), "Advances in Financial Machine Learning", section 3.3.
    """
    prices = _Prices.of(panel)
    volatility = _volatility(panel, window)
    enter = _ahead(prices.entry, 1)
    upper, lower = enter * (1 + profit * volatility), enter * (1 - stop * volatility)
    leave, bars = np.full(enter.shape, np.nan), np.zeros(enter.shape, int)
    for ahead in range(1 if prices.opens else 2, horizon + (1 if prices.opens else 2)):
        touched = _touched(prices.ahead(ahead), upper, lower)
        first = (bars == 0) & np.isfinite(touched)
        leave[first], bars[first] = touched[first], ahead
    due = (bars == 0) & (np.arange(len(panel)) < len(panel) - 1 - horizon)[:, None]
    last = _ahead(np.where(np.isfinite(prices.entry), prices.entry, last_closes(panel)), 1 + horizon)
    leave[due], bars[due] = last[due], 1 + horizon
    entered = panel.tradable & np.isfinite(enter) & (volatility > 0) & (bars > 0)
    returns = np.where(entered, leave / enter - 1, np.nan)
    values = np.divide(returns, volatility, out=np.full(enter.shape, np.nan), where=entered)
    return Label("barrier", values, _known_at(panel, bars, entered), horizon, prices.name, returns)


class _Prices(NamedTuple):
    """Prices at which a position can be entered and left; each of shape (T, N)."""

    entry: np.ndarray
    high: np.ndarray
    low: np.ndarray
    opens: bool

    @classmethod
    def of(cls, panel: Panel) -> _Prices:
        close, opens = panel["close"], "open" in panel
        high, low = (panel.fields.get(name, close) for name in ("high", "low"))
        high, low = (np.where(np.isfinite(price), price, close) for price in (high, low))
        return cls(panel["open"] if opens else close, high, low, opens)

    @property
    def name(self) -> str:
        return "next_open" if self.opens else "next_close"

    def ahead(self, bars: int) -> _Prices:
        return _Prices(_ahead(self.entry, bars), _ahead(self.high, bars), _ahead(self.low, bars), self.opens)


def _touched(bar: _Prices, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Return the price at which a position leaves in a bar; NaN where it stays."""
    first = bar.entry if bar.opens else np.full(upper.shape, np.nan)
    beyond = (first <= lower) | (first >= upper)
    stopped, won = bar.low <= lower, bar.high >= upper
    at_stop, at_profit = np.minimum(lower, bar.high), np.maximum(upper, bar.low)  # a price that the bar had
    return np.select([beyond, stopped, won], [first, at_stop, at_profit], np.nan)


def _volatility(panel: Panel, window: int) -> np.ndarray:
    from alpha.features import Plan, columns

    return Plan(columns([{"name": "vol", "window": window}])).batch(panel, threads=1).values[..., 0]


def _ahead(values: np.ndarray, bars: int) -> np.ndarray:
    """Return for each row the values `bars` rows later; NaN where there are none yet."""
    later = np.full(values.shape, np.nan)
    later[: max(len(values) - bars, 0)] = values[bars:]
    return later


def _known_at(panel: Panel, bars: np.ndarray, entered: np.ndarray) -> np.ndarray:
    row = np.minimum(np.arange(len(panel))[:, None] + bars, len(panel) - 1)
    return np.where(entered, moments(panel)[row], np.datetime64("NaT", "ns"))
