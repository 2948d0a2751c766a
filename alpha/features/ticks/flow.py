"""Order flow: signs of trades, and sizes added to and taken from the best quotes."""

from __future__ import annotations

import numpy as np

from alpha.features.engine.compiled import jit
from alpha.features.ticks.book import (
    ASK,
    ASK_SIZE,
    BID,
    BID_SIZE,
    BOOK,
    CLOSE,
    OPEN,
    QUOTE,
    RULES,
    TRADE,
    forget,
    ratio,
    see,
)  # fmt: skip
from alpha.features.ticks.book import trade_sign as _sign
from alpha.features.ticks.machine import TickMachine, tick_feature
from alpha.features.ticks.spreads import Rule

TOTAL, WEIGHT, COUNT = BOOK, BOOK + 1, BOOK + 2


@tick_feature
def trade_sign(*, rule: Rule = "lee_ready") -> TickMachine:
    """1 where the buyer began the newest trade, -1 where the seller did.

    ``tick``: after a rise of the price the buyer, after a fall the seller, else as before. ``lee_ready``: above the mid
    of the newest quote strictly before the trade the buyer, below it the seller, at it the tick rule (Lee and Ready,
    1991). ``told``: the side in the data. Where quotes are stamped earlier than the trades that moved them, as in their
    time, delay the quotes.
    """
    return TickMachine(_trade_sign, (RULES[rule],), memory=1)


@jit
def _trade_sign(
    kind: np.ndarray, time: np.ndarray, values: np.ndarray, p: np.ndarray, s: np.ndarray, out: np.ndarray
) -> None:
    for i in range(kind.size):
        if kind[i] == OPEN:
            forget(s, 1)
        elif kind[i] == TRADE:
            sign = _sign(p[0], time[i], values[i], s)
            s[TOTAL] = sign if sign == sign else 0.0
        out[i] = s[TOTAL] if s[TOTAL] != 0.0 else np.nan
        see(kind[i], time[i], values[i], s)


@tick_feature
def signed_volume(*, rule: Rule = "lee_ready") -> TickMachine:
    """Sum of sign x size over sum of size of the trades of the interval so far, from -1 to 1.

    `rule` as of `trade_sign`; trades of unknown sign do not count. (Chordia, Roll and Subrahmanyam, 2002.)
    """
    return TickMachine(_signed_volume, (RULES[rule],), memory=2)


@jit
def _signed_volume(
    kind: np.ndarray, time: np.ndarray, values: np.ndarray, p: np.ndarray, s: np.ndarray, out: np.ndarray
) -> None:
    for i in range(kind.size):
        if kind[i] == OPEN:
            forget(s, 2)
        elif kind[i] == TRADE:
            sign = _sign(p[0], time[i], values[i], s)
            if sign == sign:
                s[TOTAL] += sign * values[i, 1]
                s[WEIGHT] += values[i, 1]
        out[i] = ratio(s[TOTAL], s[WEIGHT])
        see(kind[i], time[i], values[i], s)
        if kind[i] == CLOSE:
            s[TOTAL] = s[WEIGHT] = 0.0


@tick_feature
def order_flow_imbalance() -> TickMachine:
    """Size added to the bid and taken from the ask, less the contrary, in the interval so far. In mean depths.

    Sum over quotes of 1[bid >= bid before] x bid size - 1[bid <= bid before] x bid size before - 1[ask <= ask
    before] x ask size + 1[ask >= ask before] x ask size before, over the mean of (bid size + ask size) / 2.
    (Cont, Kukanov and Stoikov, 2014.)
    """
    return TickMachine(_order_flow_imbalance, memory=3)


@jit
def _order_flow_imbalance(
    kind: np.ndarray, time: np.ndarray, values: np.ndarray, p: np.ndarray, s: np.ndarray, out: np.ndarray
) -> None:
    for i in range(kind.size):
        if kind[i] == OPEN:
            forget(s, 3)
        elif kind[i] == QUOTE and s[BID] > 0.0:
            bid, bid_size, ask, ask_size = values[i]
            bought = (bid_size if bid >= s[BID] else 0.0) - (s[BID_SIZE] if bid <= s[BID] else 0.0)
            sold = (ask_size if ask <= s[ASK] else 0.0) - (s[ASK_SIZE] if ask >= s[ASK] else 0.0)
            s[TOTAL] += bought - sold
            s[WEIGHT] += 0.5 * (bid_size + ask_size)
            s[COUNT] += 1.0
        out[i] = ratio(s[TOTAL] * s[COUNT], s[WEIGHT])
        see(kind[i], time[i], values[i], s)
        if kind[i] == CLOSE:
            s[TOTAL] = s[WEIGHT] = s[COUNT] = 0.0
