"""Every feature and set says the same in every bit: in a batch, in a stream, in any chunks, from any first row.

Here on a small market, in seconds. ``make parity`` does it on 500 symbols over ten years, on 20 from every first row.
"""

from __future__ import annotations

import os
import time
from functools import cache

import numpy as np
import pandas as pd
import pytest
from feature_checks import alternative, fundamental

from alpha.core.panel import Panel
from alpha.features import Plan, columns, feature, feature_set

WHOLE = os.environ.get("ALPHA_PARITY") == "whole"
ROWS, SYMBOLS, NARROW, STARTS, LEAST = (2520, 500, 20, 2520, 0.99) if WHOLE else (400, 10, 6, 6, 0.4)
"""Rows and symbols of the market; symbols for what is slow; first rows; share of the columns that must be known."""
SECTORS = ("tech", "energy", "tech", "energy", "")
SLOW = ("ta",)  # Python, a millisecond a symbol and row: on few symbols
ENTRIES = {
    "features": [name for name in feature if name not in SLOW],
    **{f"set {name}": [{"set": name}] for name in feature_set},
    "set alpha101 vwap": [{"set": "alpha101", "vwap": True}],
    **{f"feature {name}": [name] for name in SLOW},
}
CASES = [(name, across) for name in ENTRIES for across in ("none", "rank") if across == "none" or name == "features"]
CHUNKS = ((1, 1), (7, 2), (64, 2), (100, 3), (1000, 1))
SAVES = (0.2, 0.5, 0.9)


@cache
def market(symbols=SYMBOLS, rows=ROWS):
    """Return a market in which most symbols have what is odd in real ones, each at another time."""
    rng = np.random.default_rng(2520)
    shape = (rows, symbols)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, shape), axis=0))
    volume = np.exp(rng.normal(13, 0.6, shape))
    for i in range(symbols):
        halt, stale = rng.integers(0, rows, 2)
        close[stale : stale + rng.integers(2, 40), i] = close[stale, i]
        volume[stale : stale + rng.integers(2, 40), i] = 0  # nobody traded
        close[halt : halt + rng.integers(1, 15), i] = np.nan  # a halt
        close[: rng.integers(0, rows // 2) if i % 3 == 1 else 0, i] = np.nan  # listed late
        close[rows - rng.integers(0, rows // 3) if i % 7 == 2 else rows :, i] = np.nan  # delisted
    close[:, 3] = np.nan  # never there
    close[(rng.random(shape) < 0.004) & (np.arange(symbols) % 2 > 0)] = np.nan  # holes
    volume[rows // 3, 0], volume[rows // 2, 4] = np.inf, 1e15
    start = close * np.exp(rng.normal(0, 0.006, shape))
    high = np.maximum(start, close) * np.exp(np.abs(rng.normal(0, 0.006, shape)))
    low = np.minimum(start, close) * np.exp(-np.abs(rng.normal(0, 0.006, shape)))
    vix = 20 * np.exp(np.cumsum(rng.normal(0, 0.03, (rows, 1)), axis=0))
    vix[rows // 4] = np.nan
    fields = {"open": start, "high": high, "low": low, "close": close, "volume": volume + 0 * close,
              "vwap": (start + high + low + close) / 4, "shares_outstanding": 2e7 + 0 * close,
              "effective_spread": 1e-3 * np.exp(rng.normal(0, 0.3, shape)) + 0 * close,
              "vix": vix + np.zeros(shape), "vix3m": vix * np.exp(rng.normal(0.05, 0.05, (rows, 1))) + np.zeros(shape),
              **alternative(rng, shape), **fundamental(rng, close)}  # fmt: skip
    tradable = np.isfinite(close)
    for i in range(0, symbols, 4):
        out = rng.integers(0, rows)
        tradable[out : out + 30, i] = False  # out of the universe for a while
    sectors = tuple(SECTORS[i % len(SECTORS)] for i in range(symbols))
    times = pd.date_range("2010-01-04 21:00", periods=rows, freq="B", tz="UTC")
    return Panel(times, tuple(f"S{i}" for i in range(symbols)), fields, tradable, {"sector": sectors})


def made(name, across):
    return columns(ENTRIES[name], cross_section=across)


def panel_of(name):
    return market(NARROW if name.removeprefix("feature ") in SLOW else SYMBOLS)


def differing(actual, expected):
    """Return how many values differ in a bit, column by column; minus zero is not zero, but NaN is NaN."""
    total = 0
    for f in range(expected.shape[-1]):
        a, b = np.ascontiguousarray(actual[..., f]), np.ascontiguousarray(expected[..., f])
        total += int(((a.view(np.int64) != b.view(np.int64)) & ~(np.isnan(a) & np.isnan(b))).sum())
    return total


def told(name, across, what, size, begun):
    """Say what was compared, where anyone looks (``pytest -s``)."""
    print(f"\n{name}, {across}: {what}; {size}; {time.perf_counter() - begun:.0f} s", end="")


def size_of(values):
    return "{} rows x {} symbols x {} columns".format(*values.shape)


@cache
def _batch(name, across):
    """Only the newest is kept: the cases come one after the other."""
    _batch.cache_clear()
    return Plan(made(name, across)).batch(panel_of(name), threads=1)


@pytest.mark.parametrize(("name", "across"), CASES, scope="class")
class TestParity:
    def test_a_stream_is_the_batch(self, name, across):
        begun, panel, whole = time.perf_counter(), panel_of(name), _batch(name, across).values
        plan = Plan(made(name, across))
        stream, saves = plan.stream(symbols=panel.symbols), {int(share * len(panel)) for share in SAVES}
        for row in range(len(panel)):
            if row in saves:
                state, stream = stream.state(), plan.stream(symbols=panel.symbols)
                stream.restore(state)
            assert differing(stream.push(panel.bar(row)), whole[row]) == 0, f"{name}: row {row}"
        known = np.mean([np.isfinite(whole[..., f]).any() for f in range(whole.shape[2])])
        assert known > LEAST, f"{name}: hardly anything is ever known"
        told(name, across, "stream == batch", size_of(whole), begun)

    def test_neither_chunks_nor_threads_matter(self, name, across):
        begun, panel, whole = time.perf_counter(), panel_of(name), _batch(name, across).values
        plan = Plan(made(name, across))
        ways = CHUNKS[1:2] if name.removeprefix("feature ") in SLOW else CHUNKS
        for chunk, threads in ways:
            part = plan.batch(panel, chunk=chunk, threads=threads).values
            assert differing(part, whole) == 0, f"{name}: chunk {chunk}, {threads} threads"
        told(name, across, f"chunks x threads {ways}", size_of(whole), begun)

    def test_the_first_row_does_not_matter(self, name, across):
        """Of columns whose memory ends; the others are compared to 1e-9 by the contract of every feature."""
        finite = {column: made for column, made in made(name, across).items() if not made.recursive}
        if not finite:
            pytest.skip("all of its memories fade")
        begun, panel, plan = time.perf_counter(), market(NARROW), Plan(finite)
        whole, past = plan.batch(panel).values, plan.lookback
        starts = np.unique(np.linspace(1, len(panel) - past - 1, STARTS).astype(int))
        for start in starts:
            part = plan.batch(panel.rows(slice(start, start + past + 1)), threads=1).values
            assert differing(part[past:], whole[start + past : start + past + 1]) == 0, f"{name}: begun in row {start}"
        told(name, across, f"{len(starts)} first rows", f"{NARROW} symbols x {len(finite)} columns", begun)


def test_a_last_bit_would_be_seen():
    values = np.array([[1.0], [np.nan], [0.0]])
    assert differing(values, values) == 0
    assert differing(np.nextafter(values, 2), values) == 2
    assert differing(np.array([[1.0], [np.nan], [-0.0]]), values) == 1
    assert differing(np.array([[1.0], [2.0], [0.0]]), values) == 1
