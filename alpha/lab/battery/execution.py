"""Mistakes in trading: the book records returns that could not have been earned."""

from __future__ import annotations

import numpy as np

from alpha.core.panel import Panel
from alpha.lab.battery import plant
from alpha.lab.battery.honest import held, honest, weights
from alpha.lab.battery.market import records
from alpha.leaks import Pipeline

STOP = 0.01


@plant("fills")
def fill_at_the_signal_close(seed: int) -> Pipeline:
    """Orders are filled at the close from which the signal is computed.

    The book then earns the return from that close to the next open, although the decision comes after the close.
    """

    def trade(signal: np.ndarray, panel: Panel) -> np.ndarray:
        change = np.nan_to_num(panel["close"][1:] / panel["close"][:-1] - 1)
        return np.r_[0.0, (weights(signal)[:-1] * change).sum(axis=1)]

    return honest(records(seed), trade=trade)


@plant("fair")
def signal_on_its_own_bar(seed: int) -> Pipeline:
    """The signal of a bar earns the return of the same bar: the shift by one row is forgotten.

    ``(signal * returns).sum()`` without a lag. Any feature that contains the last return then earns.
    """

    def trade(signal: np.ndarray, panel: Panel) -> np.ndarray:
        change = np.nan_to_num(panel["close"][1:] / panel["close"][:-1] - 1)
        return np.r_[0.0, (weights(signal)[1:] * change).sum(axis=1)]

    return honest(records(seed), trade=trade)


@plant("fair")
def same_bar_high_and_low(seed: int) -> Pipeline:
    """A bar that touches both the target and the stop is assumed to touch the target first.

    A bar does not show which came first. With the better order assumed, every rule with a target earns.
    """

    def trade(signal: np.ndarray, panel: Panel) -> np.ndarray:
        return sessions(signal, panel, target_first=True)

    return honest(records(seed), trade=trade)


@plant("fair")
def stop_filled_where_the_market_was_not(seed: int) -> Pipeline:
    """A stop is filled at its price although the market opened beyond it.

    Overnight losses are then capped at the stop, so stops earn in the backtest; live, the fill is at the worse open.
    """

    def trade(signal: np.ndarray, panel: Panel) -> np.ndarray:
        """Hold from close to close, with a stop 1 % below the previous close."""
        wanted, before = np.abs(weights(signal)), panel["close"][:-1]
        stopped = panel["low"][1:] / before - 1 < -STOP
        earned = np.where(stopped, -STOP, panel["close"][1:] / before - 1)
        result = np.zeros(len(panel))
        result[2:] = (wanted[:-2] * np.nan_to_num(earned[1:])).sum(axis=1)
        return result

    return honest(records(seed), trade=trade)


@plant("fair")
def bought_at_the_low(seed: int) -> Pipeline:
    """Limit orders are filled at the low of the bar.

    The low is known only when the bar is over. A bid placed in time would rarely be at that price.
    """

    def trade(signal: np.ndarray, panel: Panel) -> np.ndarray:
        wanted = weights(signal)
        entry = np.where(wanted[:-1] > 0, panel["low"][1:], panel["high"][1:])
        return np.r_[0.0, (wanted[:-1] * np.nan_to_num(panel["close"][1:] / entry - 1)).sum(axis=1)]

    return honest(records(seed), trade=trade)


@plant("fills")
def sized_by_later_volatility(seed: int) -> Pipeline:
    """Positions are sized by the volatility of the whole history.

    The book is then small before every volatile period in the data, which raises the Sharpe ratio.
    """

    def trade(signal: np.ndarray, panel: Panel) -> np.ndarray:
        volatility = panel.frame("close").pct_change(fill_method=None).std().to_numpy()
        return held(weights(signal) * np.nan_to_num(0.01 / volatility), panel)

    return honest(records(seed), trade=trade)


def sessions(signal: np.ndarray, panel: Panel, *, target_first: bool) -> np.ndarray:
    """Hold each session from open to close, with a target and a stop 1 % away from the open."""
    wanted = weights(signal)[:-1]
    open_, high, low, close = (panel[name][1:] for name in ("open", "high", "low", "close"))
    side = np.sign(wanted)
    best, worst = np.where(side > 0, high, low), np.where(side > 0, low, high)
    hit, stopped = side * (best / open_ - 1) > STOP, side * (worst / open_ - 1) < -STOP
    first, then = ((hit, STOP), (stopped, -STOP)) if target_first else ((stopped, -STOP), (hit, STOP))
    earned = np.where(first[0], first[1], np.where(then[0], then[1], side * (close / open_ - 1)))
    return np.r_[0.0, (np.abs(wanted) * np.nan_to_num(earned)).sum(axis=1)]
