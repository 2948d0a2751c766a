"""Spreads, the cost of trading, as fractions of the mid; and the mid weighted by the sizes of the quotes."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from alpha.features.engine.compiled import jit
from alpha.features.ticks.book import (
    ASK,
    ASK_SIZE,
    BID,
    BID_SIZE,
    BOOK,
    CLOSE,
    NOW,
    OPEN,
    RULES,
    SECOND,
    TRADE,
    cell,
    forget,
    get_time,
    mid_before,
    mid_now,
    ratio,
    see,
    trade_sign,
)  # fmt: skip
from alpha.features.ticks.machine import TickMachine, tick_feature

TOTAL, WEIGHT = BOOK, BOOK + 1
CELLS = 60  # that a horizon is cut into
ASKED, RING = BOOK + 2, BOOK + 3  # the last instant of the grid that was asked for a mid; three sums for each cell
Rule = Literal["lee_ready", "tick", "told"]


@tick_feature
def quoted_spread() -> TickMachine:
    """Ask less bid over the mid: mean over the time of the interval so far. A fraction of the mid."""
    return TickMachine(_quoted_spread, memory=2)


@jit
def _quoted_spread(
    kind: np.ndarray, time: np.ndarray, values: np.ndarray, p: np.ndarray, s: np.ndarray, out: np.ndarray
) -> None:
    for i in range(kind.size):
        if kind[i] == OPEN:
            forget(s, 2)
        elif s[BID] > 0.0:
            lasted = (time[i] - get_time(s, NOW)) / SECOND
            s[TOTAL] += lasted * ((s[ASK] - s[BID]) / mid_now(s))
            s[WEIGHT] += lasted
        out[i] = ratio(s[TOTAL], s[WEIGHT])
        see(kind[i], time[i], values[i], s)
        if kind[i] == CLOSE:
            s[TOTAL] = s[WEIGHT] = 0.0


@tick_feature
def effective_spread() -> TickMachine:
    """Twice the distance of a trade's price from the mid before it, over that mid; mean of the interval so far.

    The mid is that of the newest quote strictly before the trade; dollars traded are the weights. A fraction. (Holden
    and Jacobsen, 2014, on the timing of the quote.)
    """
    return TickMachine(_effective_spread, memory=2)


@jit
def _effective_spread(
    kind: np.ndarray, time: np.ndarray, values: np.ndarray, p: np.ndarray, s: np.ndarray, out: np.ndarray
) -> None:
    for i in range(kind.size):
        if kind[i] == OPEN:
            forget(s, 2)
        elif kind[i] == TRADE:
            mid = mid_before(s, time[i])
            if mid > 0.0:
                dollars = values[i, 0] * values[i, 1]
                s[TOTAL] += dollars * (2.0 * abs(values[i, 0] - mid) / mid)
                s[WEIGHT] += dollars
        out[i] = ratio(s[TOTAL], s[WEIGHT])
        see(kind[i], time[i], values[i], s)
        if kind[i] == CLOSE:
            s[TOTAL] = s[WEIGHT] = 0.0


@tick_feature
def realised_spread(*, horizon: Annotated[float, Field(ge=1.0)] = 300.0, rule: Rule = "lee_ready") -> TickMachine:
    """Twice sign x (price of a trade less the mid `horizon` seconds later), over the mid before it; mean so far.

    The part of the effective spread that the other side of the trade keeps. Known when the later mid is: `horizon`
    after the trade, rounded up to a sixtieth of it. Dollars are the weights; trades less than that before the end
    of a session have no such mid, and do not count. A fraction of the mid. (Huang and Stoll, 1996.)
    """
    return TickMachine(_realised_spread, (RULES[rule], horizon * SECOND / CELLS), memory=3 + 3 * (CELLS + 1))


@jit
def _settle(until: int, s: np.ndarray) -> None:
    """Compare the trades of the cells that are `CELLS` old at each instant of the grid up to `until` with the mid."""
    mid = mid_now(s)
    for c in range(max(int(s[ASKED]) + 1, until - CELLS), until + 1):  # what is older than the ring was asked for
        at = RING + 3 * ((c - CELLS) % (CELLS + 1))
        if mid > 0.0:
            s[TOTAL] += 2.0 * (s[at] - s[at + 1] * mid)
            s[WEIGHT] += s[at + 2]
        s[at] = s[at + 1] = s[at + 2] = 0.0
    s[ASKED] = max(s[ASKED], until)


@jit
def _realised_spread(
    kind: np.ndarray, time: np.ndarray, values: np.ndarray, p: np.ndarray, s: np.ndarray, out: np.ndarray
) -> None:
    step = int(p[1])
    for i in range(kind.size):
        now = cell(time[i], step)
        if kind[i] == OPEN:
            forget(s, s.size - BOOK)
        _settle(time[i] // step if kind[i] == CLOSE else now - 1, s)
        if kind[i] == TRADE:
            mid, sign = mid_before(s, time[i]), trade_sign(p[0], time[i], values[i], s)
            if mid > 0.0 and sign == sign:
                dollars, at = values[i, 0] * values[i, 1], RING + 3 * (now % (CELLS + 1))
                s[at] += dollars * sign * values[i, 0] / mid
                s[at + 1] += dollars * sign / mid
                s[at + 2] += dollars
        out[i] = ratio(s[TOTAL], s[WEIGHT])
        see(kind[i], time[i], values[i], s)
        if kind[i] == CLOSE:
            s[TOTAL] = s[WEIGHT] = 0.0


@tick_feature
def weighted_mid() -> TickMachine:
    """(bid x ask size + ask x bid size) / (bid size + ask size) over the mid, less 1: the newest quote's. A fraction.

    The simple microprice, which leans to the side where less is offered. The one that is a martingale needs a model of
    the book that is estimated (Stoikov, 2018), and is not this.
    """
    return TickMachine(_weighted_mid, memory=0)


@jit
def _weighted_mid(
    kind: np.ndarray, time: np.ndarray, values: np.ndarray, p: np.ndarray, s: np.ndarray, out: np.ndarray
) -> None:
    for i in range(kind.size):
        if kind[i] == OPEN:
            forget(s, 0)
        see(kind[i], time[i], values[i], s)
        depth = s[BID_SIZE] + s[ASK_SIZE]
        leaning = ratio(s[BID] * s[ASK_SIZE] + s[ASK] * s[BID_SIZE], depth)
        out[i] = leaning / mid_now(s) - 1.0
