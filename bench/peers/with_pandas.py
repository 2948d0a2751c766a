"""pandas: Alpha158 on wide frames, one column for each symbol, so that each window is one call for all symbols.

Where pandas would call back into Python (positions of extremes), numpy's window views are used; slopes use sums.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bars import FIELDS
from protocol import serve

Wide = dict[str, pd.DataFrame]
WINDOWS = (5, 10, 20, 30, 60)
TINY = 1e-12


def bar(x: Wide) -> Wide:
    """Return the shape of each bar."""
    o, h, l, c = (x[name] for name in ("open", "high", "low", "close"))  # noqa: E741
    above, below = np.maximum(o, c), np.minimum(o, c)
    spread = h - l + TINY
    return {
        "KMID": (c - o) / o, "KLEN": (h - l) / o, "KMID2": (c - o) / spread, "KUP": (h - above) / o,
        "KUP2": (h - above) / spread, "KLOW": (below - l) / o, "KLOW2": (below - l) / spread,
        "KSFT": (2 * c - h - l) / o, "KSFT2": (2 * c - h - l) / spread, "OPEN0": o / c, "HIGH0": h / c, "LOW0": l / c,
        "VWAP0": x["vwap"] / c,
    }  # fmt: skip


def line(c: pd.DataFrame, tc: pd.DataFrame, mean: pd.DataFrame, std: pd.DataFrame, n: int) -> Wide:
    """Return slope, R squared and residual of the line through the last closes."""
    t = np.arange(len(c), dtype=float)[:, None]
    products = tc.rolling(n).sum() - (t - (n - 1)) * (mean * n)
    slope = (products - (n - 1) / 2 * n * mean) / (n * (n * n - 1) / 12)
    return {"BETA": slope / c, "RSQR": slope**2 * (n * (n + 1) / 12) / std**2,
            "RESI": (c - mean - slope * ((n - 1) / 2)) / c}  # fmt: skip


def place(x: pd.DataFrame, n: int, find: Any) -> pd.DataFrame:
    """Return the position of the extreme in the window, from 1 (oldest) to n (now); the earliest of equals."""
    windows = np.lib.stride_tricks.sliding_window_view(np.ascontiguousarray(x.to_numpy().T), n, axis=1)
    found = np.full(x.shape, np.nan)
    found[n - 1 :] = find(windows, axis=2).T + 1.0
    return pd.DataFrame(found, x.index, x.columns)


def shares(change: Wide, n: int, prefix: str) -> Wide:
    """Return the share of rises and falls in the changes."""
    rises, total = change["rises"].rolling(n).sum(), change["sizes"].rolling(n).sum()
    falls, whole = total - rises, total + TINY
    return {f"{prefix}SUMP": rises / whole, f"{prefix}SUMN": falls / whole, f"{prefix}SUMD": (rises - falls) / whole}


def correlation(x: Wide, a: str, b: str, n: int) -> pd.DataFrame:
    """Return the correlation from means and deviations."""
    mean = x[f"{a}*{b}"].rolling(n).mean() - x[a].rolling(n).mean() * x[b].rolling(n).mean()
    return mean * (n / (n - 1)) / (x[a].rolling(n).std() * x[b].rolling(n).std())


def statistics(x: Wide, changes: dict[str, Wide], n: int) -> Wide:
    """Return the columns of one window."""
    h, l, c, v, w = (x[name] for name in ("high", "low", "close", "volume", "w"))  # noqa: E741
    window, mean, std = c.rolling(n), c.rolling(n).mean(), c.rolling(n).std()
    top, bottom, latest, lowest = h.rolling(n).max(), l.rolling(n).min(), place(h, n, np.argmax), place(l, n, np.argmin)
    up, down = x["up"].rolling(n).mean(), x["down"].rolling(n).mean()
    return {
        "ROC": c.shift(n) / c, "MA": mean / c, "STD": std / c, **line(c, x["tc"], mean, std, n), "MAX": top / c,
        "MIN": bottom / c, "QTLU": window.quantile(0.8) / c, "QTLD": window.quantile(0.2) / c,
        "RANK": window.rank(pct=True), "RSV": (c - bottom) / (top - bottom + TINY), "IMAX": latest / n,
        "IMIN": lowest / n, "IMXD": (latest - lowest) / n, "CORR": correlation(x, "close", "lv", n),
        "CORD": correlation(x, "r", "lr", n), "CNTP": up, "CNTN": down, "CNTD": up - down,
        **shares(changes["close"], n, ""), "VMA": v.rolling(n).mean() / (v + TINY),
        "VSTD": v.rolling(n).std() / (v + TINY), "WVMA": w.rolling(n).std() / (w.rolling(n).mean() + TINY),
        **shares(changes["volume"], n, "V"),
    }  # fmt: skip


def compute(bars: Wide) -> Wide:
    """Return 158 wide frames."""
    c, v = bars["close"], bars["volume"]
    x = {**bars, "r": c / c.shift(1), "lv": np.log(v + 1), "lr": np.log(v / v.shift(1) + 1)}
    step = c.diff()
    x |= {"up": (step > 0).where(step.notna()).astype(float), "down": (step < 0).where(step.notna()).astype(float)}
    x |= {"close*lv": c * x["lv"], "r*lr": x["r"] * x["lr"], "w": (x["r"] - 1).abs() * v}
    x["tc"] = c.mul(np.arange(len(c), dtype=float), axis=0)
    changes = {name: {"rises": bars[name].diff().clip(lower=0), "sizes": bars[name].diff().abs()}
               for name in ("close", "volume")}  # fmt: skip
    windows = {n: statistics(x, changes, n) for n in WINDOWS}
    return bar(bars) | {f"{name}{n}": windows[n][name] for name in windows[WINDOWS[0]] for n in WINDOWS}


def load(folder: Path, workload: str, options: dict[str, Any]) -> Wide:
    """Read a file sorted by symbol and time, with every symbol on every day."""
    long = pd.read_parquet(folder / "bars.parquet")
    symbols = long["symbol"].cat.categories
    shape = (len(symbols), len(long) // len(symbols))
    times = pd.DatetimeIndex(long["time"].iloc[: shape[1]])
    return {name: pd.DataFrame(np.ascontiguousarray(long[name].to_numpy().reshape(shape).T), times, symbols)
            for name in FIELDS}  # fmt: skip


def frame(result: Wide) -> pd.DataFrame:
    """Return a frame with one row for each (time, symbol), written once."""
    names, first = list(result), next(iter(result.values()))
    rows = pd.MultiIndex.from_product([first.index, first.columns], names=["time", "symbol"])
    columns = np.empty((len(names), first.size))
    for i, name in enumerate(names):
        columns[i] = result.pop(name).to_numpy().ravel()  # freed as it is copied
    return pd.DataFrame(columns.T, rows, names, copy=False)


def values(inputs: Any, result: Wide, symbols: list[int]) -> tuple[list[str], np.ndarray]:
    """Return the values of some symbols."""
    return list(result), np.stack([wide.to_numpy()[:, symbols] for wide in result.values()])


if __name__ == "__main__":
    serve(sys.modules[__name__])
