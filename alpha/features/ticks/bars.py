"""Bars of trades: by time, by how many trades, shares or dollars, and by how one-sided they are."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from alpha.features.engine.compiled import jit
from alpha.features.ticks.book import BOOK, CLOSE, OPEN, SECOND, TRADE, cell, forget, get_time, put_time, see, tick_sign
from alpha.features.ticks.machine import Builder, Seconds, bar_builder

FIRST, HIGH, LOW, LAST, VOLUME, DOLLAR, TICKS = range(BOOK, BOOK + 7)
START = BOOK + 7
BAR = 9  # numbers of a bar in the making
THETA, LENGTH, MEAN = range(BOOK + BAR, BOOK + BAR + 3)  # the imbalance; averages of the bars before
WIDEST = 10  # times the ticks a bar is expected to have at first that it may have; a tenth is the least

CLOCK, COUNTED = range(2)
Span = Annotated[float, Field(ge=1.0)]


@bar_builder
def time_bars(*, every: Seconds = 60.0) -> Builder:
    """Bars of `every` seconds on the clock, (start, start + every]; none without trades.

    Complete when the first event after its end comes, or a CLOSE: `known_at` is the end, or the CLOSE if sooner.
    """
    return Builder(_bars, (CLOCK, every * SECOND), memory=BAR)


@bar_builder
def tick_bars(*, ticks: PositiveInt = 100) -> Builder:
    """Bars of `ticks` trades. (Lopez de Prado, 2018, chapter 2.)"""
    return Builder(_bars, (COUNTED, ticks, TICKS), memory=BAR)


@bar_builder
def volume_bars(*, volume: PositiveFloat = 10_000.0) -> Builder:
    """Bars that end with the trade that brings their volume to `volume` shares or more; trades are not split.

    (Lopez de Prado, 2018, chapter 2.)
    """
    return Builder(_bars, (COUNTED, volume, VOLUME), memory=BAR)


@bar_builder
def dollar_bars(*, dollars: PositiveFloat = 1_000_000.0) -> Builder:
    """Bars that end with the trade that brings the sum of price x size to `dollars` or more; trades are not split.

    (Lopez de Prado, 2018, chapter 2.)
    """
    return Builder(_bars, (COUNTED, dollars, DOLLAR), memory=BAR)


@bar_builder
def imbalance_bars(
    *, of: Literal["ticks", "volume", "dollar"] = "ticks", ticks: PositiveInt = 100, span: Span = 20.0
) -> Builder:
    """Bars that end when the sum of sign x amount is more than expected: |sum| >= E[ticks] x |E[sign x amount]|.

    Signs by the tick rule; amounts are 1, shares or dollars. Both expectations are exponential averages of the bars
    before, of `span` bars; the first bar has `ticks` trades. Such bars are known to collapse to single trades or never
    to end, so one has at least `ticks` / 10 trades, and at most `ticks` x 10. (Lopez de Prado, 2018, chapter 2.)
    """
    amount = {"ticks": TICKS, "volume": VOLUME, "dollar": DOLLAR}[of]
    return Builder(_imbalance_bars, (amount, ticks, 2.0 / (span + 1.0)), memory=BAR + 3)


@jit
def _add(time: int, start: int, row: np.ndarray, s: np.ndarray) -> None:
    """Take a trade into the bar in the making."""
    price, size = row[0], row[1]
    if s[TICKS] == 0.0:
        s[FIRST] = s[HIGH] = s[LOW] = price
        put_time(s, START, start)
    s[HIGH], s[LOW], s[LAST] = max(s[HIGH], price), min(s[LOW], price), price
    s[VOLUME] += size
    s[DOLLAR] += price * size
    s[TICKS] += 1.0


@jit
def _emit(end: int, s: np.ndarray, when: np.ndarray, out: np.ndarray) -> None:
    """Write the bar in the making, and begin a blank one."""
    when[0], when[1] = get_time(s, START), end
    for k in range(7):
        out[k] = s[FIRST + k]
        s[FIRST + k] = 0.0


@jit
def _bars(
    kind: np.ndarray,
    time: np.ndarray,
    values: np.ndarray,
    p: np.ndarray,
    s: np.ndarray,
    when: np.ndarray,
    out: np.ndarray,
) -> int:
    n, by_clock, limit = 0, p[0] == CLOCK, p[1]
    step = int(p[1])
    for i in range(kind.size):
        if s[TICKS] > 0.0:
            end = get_time(s, START) + step if by_clock else time[i]
            if kind[i] >= CLOSE or (by_clock and time[i] > end):
                _emit(min(end, time[i]), s, when[n], out[n])
                n += 1
        if kind[i] == TRADE:
            _add(time[i], (cell(time[i], step) - 1) * step if by_clock else time[i], values[i], s)
            if not by_clock and s[int(p[2])] >= limit:
                _emit(time[i], s, when[n], out[n])
                n += 1
    return n


@jit
def _ends(p: np.ndarray, s: np.ndarray) -> bool:
    """Return whether the bar in the making is as one-sided as it may be."""
    ticks = p[1]
    if s[LENGTH] == 0.0:
        return s[TICKS] >= ticks
    if s[TICKS] >= WIDEST * ticks:
        return True
    return s[TICKS] >= ticks / WIDEST and abs(s[THETA]) >= s[LENGTH] * abs(s[MEAN])


@jit
def _learn(weight: float, s: np.ndarray) -> None:
    """Expect the next bar to be more like the one that has ended."""
    length, mean = s[TICKS], s[THETA] / s[TICKS]
    first = s[LENGTH] == 0.0
    s[LENGTH] = length if first else s[LENGTH] + weight * (length - s[LENGTH])
    s[MEAN] = mean if first else s[MEAN] + weight * (mean - s[MEAN])
    s[THETA] = 0.0


@jit
def _imbalance_bars(
    kind: np.ndarray,
    time: np.ndarray,
    values: np.ndarray,
    p: np.ndarray,
    s: np.ndarray,
    when: np.ndarray,
    out: np.ndarray,
) -> int:
    n = 0
    for i in range(kind.size):
        if kind[i] >= CLOSE and s[TICKS] > 0.0:
            s[THETA] = 0.0  # a bar that was cut short says nothing of the next
            _emit(time[i], s, when[n], out[n])
            n += 1
        if kind[i] == TRADE:
            amount = 1.0 if p[0] == TICKS else values[i, 1] * (1.0 if p[0] == VOLUME else values[i, 0])
            sign = tick_sign(values[i, 0], s)
            s[THETA] += sign * amount if sign == sign else 0.0
            _add(time[i], time[i], values[i], s)
            if _ends(p, s):
                _learn(p[2], s)
                _emit(time[i], s, when[n], out[n])
                n += 1
        see(kind[i], time[i], values[i], s)
        if kind[i] == OPEN:
            forget(s, 0)
    return n
