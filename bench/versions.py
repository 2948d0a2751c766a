"""Compare the speed of this checkout with another: python bench/versions.py CHECKOUT [--repeats 5] [--study PATH].

It measures CPU seconds of whole processes, with their children, and of one bar through `step()`, in turns. Both
checkouts run in this environment, so that only the code of Alpha differs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = {
    "research.py --help": ["scripts/research.py", "--help"],
    "a wrong key": ["scripts/research.py", "--set", "lable.horizon=1"],
    "the configuration": ["-c", "import alpha.config.reading as r; r.load('config/base.yaml')"],
}
STEP = """
import sys, time
import numpy as np, pandas as pd
from dataclasses import replace
from alpha.config.reading import load
from alpha.core.panel import Panel
from alpha.strategy import backtest
symbols, bars = {symbols}, {bars}
rng = np.random.default_rng(0)
times = pd.DatetimeIndex(pd.bdate_range("2010-01-04", periods=bars) + pd.Timedelta("21h"), tz="UTC")
close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, (bars, symbols)), 0))
opens = close * np.exp(rng.normal(0, 0.005, close.shape))
fields = dict(open=opens, high=np.maximum(opens, close) * 1.01, low=np.minimum(opens, close) * 0.99, close=close,
              volume=np.full(close.shape, 1e6))
panel = Panel(times, tuple("S%03d" % i for i in range(symbols)), fields)
signal, cfg = rng.normal(size=close.shape), load("config/base.yaml")
rules = replace(cfg.rules(), max_drawdown=1.0)
backtest(signal[:50], panel.rows(slice(0, 50)), rules, cfg.broker)
before = time.process_time()
backtest(signal, panel, rules, cfg.broker)
print((time.process_time() - before) / bars * 1e3)
"""


def main() -> None:
    """Print a table: medians of this checkout and of the other, and their ratio."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("other", type=Path, help="a checkout of another commit")
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--study", type=Path, help="Parquet file of bars: research on it, once a checkout")
    args = options.parse_args()
    sides = ROOT, args.other.resolve()
    print(f"| CPU | this checkout | {args.other.name} | ratio |\n|---|---:|---:|---:|")
    for name, command in COMMANDS.items():
        row(name, "s", [[spent(side, command) for side in sides] for _ in range(args.repeats)])
    for symbols, bars in ((20, 1000), (400, 150)):
        code = STEP.format(symbols=symbols, bars=bars)
        found = [[float(run(side, ["-c", code]).stdout) for side in sides] for _ in range(args.repeats)]
        row(f"a bar of {symbols} symbols through `step()`", "ms", found)
    if args.study:
        row(f"research on {args.study.name}", "s", [[research(side, args.study) for side in sides]])


def row(name: str, unit: str, found: list[list[float]]) -> None:
    """Print the medians of one measurement for both checkouts, and their ratio."""
    here, there = (statistics.median(side) for side in zip(*found, strict=True))
    print(f"| {name} | {here:.2f} {unit} | {there:.2f} {unit} | {here / there:.2f} |", flush=True)


def run(side: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run Python in a checkout."""
    variables = {**os.environ, "PYTHONPATH": str(side)}
    return subprocess.run(
        [sys.executable, *command], cwd=side, env=variables, capture_output=True, text=True, check=False
    )


def spent(side: Path, command: list[str]) -> float:
    """Return the CPU seconds of a Python command in a checkout, its children included."""
    before = os.times()
    run(side, command)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def research(side: Path, bars: Path) -> float:
    """Return the CPU seconds of research on a file of bars, with its own logs and reports."""
    with tempfile.TemporaryDirectory() as folder:
        places = ["--set", f"paths.artifacts={folder}/a", "--set", f"paths.reports={folder}/r"]
        given = ["--config", "config/sp500.yaml", "--set", f"source.path={bars}"]
        return spent(side, ["scripts/research.py", *given, *places])


if __name__ == "__main__":
    main()
