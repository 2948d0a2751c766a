"""Toxicity of order flow: how one-sided trading is, in volume time."""

from __future__ import annotations

from math import erfc, sqrt
from typing import Literal

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from alpha.features.engine.compiled import jit
from alpha.features.ticks.book import BOOK, CLOSE, OPEN, RULES, SECOND, TRADE, cell, forget, ratio, see, trade_sign
from alpha.features.ticks.machine import Seconds, TickMachine, tick_feature

BULK = 3  # the rule that is none of those of single trades
FILL, BOUGHT, DONE = range(BOOK, BOOK + 3)  # the bucket in the making, and how many are full
BAR, VOLUME, LAST, CLOSED = range(BOOK + 3, BOOK + 7)  # the bar in the making, its last price, the close before it
N, MEAN, SQUARES = range(BOOK + 7, BOOK + 10)  # of changes of price from bar to bar (Welford, 1962)
RING = BOOK + 10


@tick_feature
def vpin(
    *, bucket: PositiveFloat = 10_000.0, buckets: PositiveInt = 50, bar: Seconds = 60.0,
    rule: Literal["bulk", "lee_ready", "tick", "told"] = "bulk",
) -> TickMachine:  # fmt: skip
    """Mean over the last `buckets` full buckets of volume of |bought - sold| / `bucket`, from 0 to 1.

    A bucket is `bucket` shares of volume, a fiftieth of a usual day's say, and goes on into the next day.
    ``bulk``: of a bar of `bar` seconds the share Phi(change of price / its standard deviation) was bought; the
    deviation is that of the changes up to this one, never of those to come, and half was bought until two are known.
    Other rules sign each trade, as `trade_sign` does; half was bought where that is unknown. NaN until `buckets` are
    full. (Easley, Lopez de Prado and O'Hara, 2012.)
    """
    params = (bucket, buckets, bar * SECOND, {**RULES, "bulk": BULK}[rule])
    return TickMachine(_vpin, params, memory=RING - BOOK + buckets)


@jit
def _pour(volume: float, share: float, bucket: float, buckets: int, s: np.ndarray) -> None:
    """Fill buckets with a volume of which a share was bought."""
    while volume > 0.0:
        room = bucket - s[FILL]
        if volume < room:
            s[FILL] += volume
            s[BOUGHT] += volume * share
            return
        volume -= room
        s[BOUGHT] += room * share
        s[RING + int(s[DONE]) % buckets] = abs(2.0 * s[BOUGHT] - bucket) / bucket
        s[DONE] += 1.0
        s[FILL] = s[BOUGHT] = 0.0


@jit
def _end_bar(bucket: float, buckets: int, s: np.ndarray) -> None:
    """Say how much of the bar in the making was bought, and pour it."""
    share = 0.5
    if s[VOLUME] > 0.0:
        if s[CLOSED] > 0.0:
            change = s[LAST] - s[CLOSED]
            s[N] += 1.0
            away = change - s[MEAN]
            s[MEAN] += away / s[N]
            s[SQUARES] += away * (change - s[MEAN])
            if s[N] > 1.0 and s[SQUARES] > 0.0:
                share = 0.5 * erfc(-change / sqrt(s[SQUARES] / (s[N] - 1.0)) / sqrt(2.0))
        _pour(s[VOLUME], share, bucket, buckets, s)
        s[CLOSED], s[VOLUME] = s[LAST], 0.0


@jit
def _vpin(
    kind: np.ndarray, time: np.ndarray, values: np.ndarray, p: np.ndarray, s: np.ndarray, out: np.ndarray
) -> None:
    bucket, buckets, step = p[0], int(p[1]), int(p[2])
    for i in range(kind.size):
        now = cell(time[i], step)
        if now > s[BAR] or kind[i] >= CLOSE:
            _end_bar(bucket, buckets, s)
            s[BAR] = now
        if kind[i] == OPEN:
            forget(s, 0)
            s[CLOSED] = 0.0  # what happened overnight is no change from bar to bar
        elif kind[i] == TRADE and p[3] == BULK:
            s[VOLUME] += values[i, 1]
            s[LAST] = values[i, 0]
        elif kind[i] == TRADE:
            sign = trade_sign(p[3], time[i], values[i], s)
            _pour(values[i, 1], 0.5 * (1.0 + sign) if sign == sign else 0.5, bucket, buckets, s)
        total = 0.0
        if s[DONE] >= buckets:
            for k in range(buckets):
                total += s[RING + k]
        out[i] = ratio(total, buckets) if s[DONE] >= buckets else np.nan
        see(kind[i], time[i], values[i], s)
