"""Time the statistics of validation: ``python bench/validation.py --peers PYTHON_WITH_QLIB_AND_ALPHALENS``."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from alpha.stats import cscv, scorecard_intervals
from alpha.stats.metrics import daily_ic

PEERS = Path(__file__).parent / "peers" / "rank_ic.py"


def best_of(repeats: int, run) -> float:
    """Return the smallest wall-clock seconds of several runs."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def rank_ic(days: int, symbols: int, repeats: int, peers: str | None) -> None:
    """Print the seconds of the daily rank IC, and those of the peers on the same values."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(days, symbols))
    realised = 0.05 * signal + rng.normal(size=signal.shape)
    own = best_of(repeats, lambda: daily_ic(signal, realised))
    print(f"daily rank IC, {symbols} symbols x {days} days: {own * 1e3:.1f} ms, best of {repeats}")
    for kind, values in (("one decimal, so ties", signal.round(1)), ("a tenth missing", _holes(signal, rng))):
        seconds = best_of(repeats, lambda values=values: daily_ic(values, realised))
        print(f"  {kind}: {seconds * 1e3:.1f} ms")
    if peers is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "in.npz", signal=signal, realised=realised)
        subprocess.run([peers, str(PEERS), folder], check=True)
        theirs = np.load(Path(folder) / "out.npz")
        seconds = {name: float(theirs[name]) for name in theirs if name != "ic"}
        for name, taken in seconds.items():
            print(f"  {name}: {taken:.3f} s, {taken / own:.0f} times as long")
        apart = np.abs(theirs["ic"] - daily_ic(signal, realised)).max()
        print(f"  largest difference from Qlib's values: {apart:.1e}")


def overfitting(days: int, configurations: int, repeats: int) -> None:
    """Print the seconds of CSCV with 16 blocks."""
    returns = np.random.default_rng(1).normal(0, 0.01, (days, configurations))
    seconds = best_of(repeats, lambda: cscv(returns, 16))
    print(f"CSCV, 12,870 splits, {configurations} configurations x {days} days: {seconds:.2f} s")


def bootstrap(days: int, draws: int, repeats: int) -> None:
    """Print the seconds of the intervals of a scorecard."""
    rng = np.random.default_rng(2)
    net, ic, turnover = rng.normal(3e-4, 0.01, days), rng.normal(0.02, 0.1, days), rng.random(days)
    hits, pairs = rng.integers(200, 300, days), np.full(days, 500)
    given = {
        "ic": ic,
        "hits": hits,
        "pairs": pairs,
        "gross_returns": net,
        "turnover": turnover,
        "costs": turnover * 1e-4,
    }
    seconds = best_of(repeats, lambda: scorecard_intervals(net, **given, draws=draws))
    print(f"scorecard, {draws} bootstrap draws of {days} days: {seconds:.2f} s")


def _holes(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(values.shape) < 0.1, np.nan, values)


def main() -> None:
    """Print the times of all measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--days", type=int, default=2520)
    parser.add_argument("--configurations", type=int, default=100)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", help="a Python that has pyqlib and alphalens-reloaded")
    options = parser.parse_args()
    rank_ic(options.days, options.symbols, options.repeats, options.peers)
    overfitting(options.days, options.configurations, options.repeats)
    bootstrap(options.days, options.draws, options.repeats)


if __name__ == "__main__":
    main()
