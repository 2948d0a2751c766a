"""Realised variance of a price within an interval, and the share of it that is jumps."""

from __future__ import annotations

from math import log, pi
from typing import Literal

import numpy as np

from alpha.features.engine.compiled import jit
from alpha.features.ticks.book import BOOK, CLOSE, OPEN, QUOTE, SECOND, TRADE, cell, forget, see
from alpha.features.ticks.machine import Seconds, TickMachine, tick_feature

VARIANCE, BIPOWER, JUMPS = range(3)
SQUARES, PRODUCTS, COUNT = range(BOOK, BOOK + 3)
CELL, LAST, SAMPLE, BEFORE = range(BOOK + 3, BOOK + 7)  # the cell in the making; prices; the last |return|, -1: none
Price = Literal["trade", "mid"]


@tick_feature
def realised_variance(*, every: Seconds = 300.0, price: Price = "trade") -> TickMachine:
    """Sum of squared log returns over the interval so far, the price sampled `every` seconds. A squared fraction.

    A sample is the last price at or before its instant on the clock; the first one is the first of the session, and a
    CLOSE takes one too. (Andersen, Bollerslev, Diebold and Labys, 2001; Barndorff-Nielsen and Shephard, 2002.)
    """
    return _of(VARIANCE, every, price)


@tick_feature
def bipower_variation(*, every: Seconds = 300.0, price: Price = "trade") -> TickMachine:
    """pi / 2 x the sum of |return| x |return before|, as `realised_variance` samples them. A squared fraction.

    The part of the variance that is not jumps: a jump alone meets a small return on either side. (Barndorff-Nielsen and
    Shephard, 2004; without a correction for few samples.)
    """
    return _of(BIPOWER, every, price)


@tick_feature
def jump_share(*, every: Seconds = 300.0, price: Price = "trade") -> TickMachine:
    """max(0, 1 - bipower variation / realised variance), from 0 to 1. (Barndorff-Nielsen and Shephard, 2004.)"""
    return _of(JUMPS, every, price)


def _of(part: int, every: float, price: Price) -> TickMachine:
    return TickMachine(_variation, (part, every * SECOND, QUOTE if price == "mid" else TRADE), memory=7)


@jit
def _end_cell(now: float, s: np.ndarray) -> None:
    """Take the sample that ends the cell in the making; cells without any price up to `now` have returns of 0."""
    r = log(s[LAST] / s[SAMPLE])
    s[SQUARES] += r * r
    if s[BEFORE] >= 0.0:
        s[PRODUCTS] += abs(r) * s[BEFORE]
    s[COUNT] += 1.0
    s[BEFORE] = abs(r) if now - s[CELL] <= 1.0 else 0.0
    s[SAMPLE], s[CELL] = s[LAST], now


@jit
def _told(part: float, s: np.ndarray) -> float:
    if part == VARIANCE:
        return s[SQUARES] if s[COUNT] > 0.0 else np.nan
    bipower = 0.5 * pi * s[PRODUCTS] if s[COUNT] > 1.0 else np.nan
    if part == BIPOWER:
        return bipower
    return max(0.0, 1.0 - bipower / s[SQUARES]) if s[SQUARES] > 0.0 and bipower == bipower else np.nan


@jit
def _variation(
    kind: np.ndarray, time: np.ndarray, values: np.ndarray, p: np.ndarray, s: np.ndarray, out: np.ndarray
) -> None:
    step = int(p[1])
    for i in range(kind.size):
        now = float(cell(time[i], step))
        if kind[i] == OPEN:
            forget(s, 7)
        elif s[LAST] > 0.0 and (now > s[CELL] or kind[i] == CLOSE):
            _end_cell(now, s)
        if kind[i] == p[2]:
            s[LAST] = values[i, 0] if kind[i] == TRADE else 0.5 * (values[i, 0] + values[i, 2])
            if s[SAMPLE] == 0.0:
                s[SAMPLE], s[CELL], s[BEFORE] = s[LAST], now, -1.0
        out[i] = _told(p[0], s)
        see(kind[i], time[i], values[i], s)
        if kind[i] == CLOSE:
            s[SQUARES] = s[PRODUCTS] = s[COUNT] = 0.0
            s[BEFORE] = -1.0
