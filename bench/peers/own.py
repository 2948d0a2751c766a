"""Measurements of Alpha alone: ``own.py push|chunks|plans|kernels FOLDER``. Prints one answer; see ``protocol``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from protocol import answer, peak, timed

ROWS = 252  # rows of a chunk: a year
PUSHED = 1000  # bars that are pushed


def push(folder: Path) -> dict[str, Any]:
    """Return the latency of a bar through Alpha158, in milliseconds, after a history of twice the lookback."""
    from with_alpha import panel, plan

    bars, made = panel(folder / "bars.parquet"), plan("alpha158")
    begin = 2 * made.lookback
    stream = made.stream(bars.rows(slice(0, begin)))
    waiting = [bars.bar(row) for row in range(begin, min(begin + PUSHED, len(bars)))]
    taken = np.array([timed(lambda bar=bar: stream.push(bar))[1] for bar in waiting])[1:] * 1e3  # the first compiles
    return {"bars": len(taken), "median": float(np.median(taken)), "p99": float(np.quantile(taken, 0.99)),
            "worst": float(taken.max())}  # fmt: skip


def chunks(folder: Path) -> dict[str, Any]:
    """Return seconds and peak memory of a whole pass in chunks, each used and then freed."""
    from with_alpha import panel, plan

    bars, made = panel(folder / "bars.parquet"), plan("alpha158")
    held, start = peak(), time.perf_counter()
    total = 0.0
    for part in made.chunks(bars, ROWS, threads=2):
        total += float(np.nansum(part.values[-1]))  # use each chunk
    return {"rows": ROWS, "seconds": time.perf_counter() - start, "peak": peak(), "before": held}


def plans(folder: Path) -> dict[str, Any]:
    """Return the milliseconds to compile Alpha158 and a plan of 1,000 operations."""
    from with_alpha import plan

    from alpha.features import Plan

    made = {"alpha158": lambda: plan("alpha158"), "thousand": lambda: Plan(thousand())}
    found = {}
    for name, make in made.items():
        taken = []
        for _ in range(11):
            fresh = make()
            program, seconds = timed(lambda fresh=fresh: fresh.program)
            taken.append(seconds * 1e3)
        found[name] = {"median": median(taken), "first": taken[0], "instructions": program.size}
    return found


def thousand() -> dict[str, Any]:
    """Return 100 columns of ten operations each, all different."""
    from alpha.features.expr import close, maximum, open
    from alpha.features.operators import ema, lag

    columns = {}
    for i in range(100):
        x = close / lag(close, i + 1)
        for step in range(4):
            x = maximum(x * (1 + i / 64 + step), x)
        columns[f"x{i}"] = ema(x + lag(open / close, i), 5)
    return columns


def kernels(folder: Path) -> dict[str, Any]:
    """Return the seconds of the command that compiles all kernels: first with none on disk, then with all on disk."""
    seconds = []
    with tempfile.TemporaryDirectory() as place:
        for _ in range(2):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-m", "alpha.cli.kernels"], check=True, capture_output=True,
                           env={**os.environ, "NUMBA_CACHE_DIR": place})  # fmt: skip
            seconds.append(time.perf_counter() - start)
    return dict(zip(("first", "later"), seconds, strict=True))


if __name__ == "__main__":
    measure, place = sys.argv[1:]
    answer({"push": push, "chunks": chunks, "plans": plans, "kernels": kernels}[measure](Path(place)))
