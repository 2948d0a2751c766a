"""The memory of a market that every kernel has: the best quote, the one before this instant, the last trade.

It is the first BOOK numbers of a state. NaN and 0 cannot both be blank, so a price of 0 is one that is not known.
"""

from __future__ import annotations

import numpy as np

from alpha.features.engine.compiled import jit

QUOTE, TRADE, CLOSE, OPEN = range(4)
LEE_READY, TICK, TOLD = range(3)  # rules of who began a trade
RULES = {"lee_ready": LEE_READY, "tick": TICK, "told": TOLD}

BID, BID_SIZE, ASK, ASK_SIZE = range(4)
QUOTED = 4  # when that quote came: seconds, and nanoseconds of the second, since 64 bits of a float cannot hold both
BEFORE = 6  # the mid before that instant
PRICE, MOVE = 7, 8  # of the last trade; the sign of the last change of price
NOW = 9  # when the last event was
BOOK = 11

SECOND = 1_000_000_000
SAME = 1e-9  # prices are equal that differ by less, relatively: a mid is rounded


@jit
def put_time(s: np.ndarray, at: int, time: int) -> None:
    """Remember an instant."""
    s[at] = time // SECOND
    s[at + 1] = time % SECOND


@jit
def get_time(s: np.ndarray, at: int) -> int:
    """Return a remembered instant; 0 where there is none."""
    return int(s[at]) * SECOND + int(s[at + 1])


@jit
def cell(time: int, step: int) -> int:
    """Return which interval (step * (c - 1), step * c] an instant lies in."""
    return -(-time // step)


@jit
def mid_now(s: np.ndarray) -> float:
    """Return the mid of the newest quote; NaN where there is none."""
    return 0.5 * (s[BID] + s[ASK]) if s[BID] > 0.0 else np.nan


@jit
def mid_before(s: np.ndarray, time: int) -> float:
    """Return the mid of the newest quote strictly before an instant; NaN where there is none."""
    if get_time(s, QUOTED) < time:
        return mid_now(s)
    return s[BEFORE] if s[BEFORE] > 0.0 else np.nan


@jit
def tick_sign(price: float, s: np.ndarray) -> float:
    """Return 1 after a rise, -1 after a fall, else what the last change was; NaN before the first (the tick rule)."""
    if s[PRICE] > 0.0 and price != s[PRICE]:
        return 1.0 if price > s[PRICE] else -1.0
    return s[MOVE] if s[MOVE] != 0.0 else np.nan


@jit
def trade_sign(rule: float, time: int, row: np.ndarray, s: np.ndarray) -> float:
    """Return 1 where the buyer began a trade, -1 where the seller did, NaN where it is unknown. Ask before `see`."""
    if rule == TOLD:
        return row[2]
    if rule == LEE_READY:
        away = row[0] / mid_before(s, time) - 1.0
        if away > SAME:
            return 1.0
        if away < -SAME:
            return -1.0
    return tick_sign(row[0], s)


@jit
def see(kind: int, time: int, row: np.ndarray, s: np.ndarray) -> None:
    """Take an event into the book."""
    if kind == QUOTE:
        if time > get_time(s, QUOTED):
            before = mid_now(s)
            s[BEFORE] = before if before > 0.0 else 0.0
        for i in range(4):
            s[i] = row[i]
        put_time(s, QUOTED, time)
    elif kind == TRADE:
        sign = tick_sign(row[0], s)
        s[MOVE] = sign if sign == sign else 0.0
        s[PRICE] = row[0]
    put_time(s, NOW, time)


@jit
def forget(s: np.ndarray, size: int) -> None:
    """Blank the book and the `size` numbers behind it: a session begins."""
    for i in range(BOOK + size):
        s[i] = 0.0


@jit
def ratio(total: float, weight: float) -> float:
    """Return a mean; NaN where nothing was weighed."""
    return total / weight if weight > 0.0 else np.nan
