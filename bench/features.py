"""Time the feature plan: ``python bench/features.py --symbols 500 --days 2520``."""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from alpha.core.panel import Panel
from alpha.features import Plan, columns, feature

THIRTY = (
    "ret", "sma_ratio", "vol", "rsi", "macd", "bollinger_b", "bollinger_width", "stochastic_k", "stochastic_d", "atr",
    "market_return", "market_volatility", "volume_z", "momentum", "reversal", "drawdown", "trend", "trend_strength",
    "gap", "high_low_range", "parkinson", "garman_klass", "up_share", "dollar_volume_ratio", "beta", "residual_vol",
    "max_return", "money_flow", "range_position", "volume_return_corr",
)  # fmt: skip


def market(days: int, symbols: int) -> Panel:
    """Return a random market."""
    rng = np.random.default_rng(0)
    shape = (days, symbols)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.015, shape), axis=0))
    start = close * np.exp(rng.normal(0, 0.005, shape))
    high = np.maximum(start, close) * np.exp(np.abs(rng.normal(0, 0.005, shape)))
    low = np.minimum(start, close) * np.exp(-np.abs(rng.normal(0, 0.005, shape)))
    fields = {"open": start, "high": high, "low": low, "close": close, "volume": np.exp(rng.normal(14, 0.5, shape))}
    fields["vix"] = np.repeat(20 * np.exp(rng.normal(0, 0.1, (days, 1))), symbols, axis=1)
    times = pd.date_range("2001-01-01", periods=days, tz="UTC")
    return Panel(times, tuple(f"S{i}" for i in range(symbols)), fields)


def best_of(repeats: int, run) -> float:
    """Return the smallest wall-clock seconds of several runs."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    """Print seconds, nanoseconds per value and the latency of a bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--days", type=int, default=2520)
    options = parser.parse_args()
    panel = market(options.days, options.symbols)
    for name, entries in (("30 features", THIRTY), ("all features", tuple(feature))):
        for across in ("none", "rank"):
            plan = Plan(columns(entries, cross_section=across))
            values = options.symbols * options.days * len(plan.names)
            shown = []
            for threads in (1, 2):
                seconds = best_of(3, lambda plan=plan, threads=threads: plan.batch(panel, threads=threads))
                shown.append(f"{threads} thread(s) {seconds:.2f} s = {seconds / values * 1e9:.1f} ns a value")
            stream = plan.stream(panel.rows(slice(0, options.days // 2)))
            bars = iter(range(options.days // 2, options.days))
            bar = best_of(100, lambda stream=stream, bars=bars: stream.push(panel.bar(next(bars))))
            print(f"{name}, cross-section {across}: {', '.join(shown)}; a bar {bar * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
