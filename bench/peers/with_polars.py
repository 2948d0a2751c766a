"""Polars: Alpha158 as expressions over one long frame sorted by symbol and time.

Windows of Alpha158 are finite, so ``form: masked`` runs them over the whole column and empties the first rows of each
symbol, which is faster than ``form: over``, by ``.over("symbol")``. Both give the same values. Positions of extremes
use doubling, slopes and correlations use sums shared by the columns: nothing calls back into Python. Each stage is
computed before the next one: as one lazy query the same stages take longer.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from bars import FIELDS
from protocol import serve

WINDOWS = (5, 10, 20, 30, 60)
TINY = 1e-12
o, h, l, c, v = (pl.col(name) for name in ("open", "high", "low", "close", "volume"))  # noqa: E741
BAR = {
    "KMID": (c - o) / o,
    "KLEN": (h - l) / o,
    "KMID2": (c - o) / (h - l + TINY),
    "KUP": (h - pl.max_horizontal(o, c)) / o,
    "KUP2": (h - pl.max_horizontal(o, c)) / (h - l + TINY),
    "KLOW": (pl.min_horizontal(o, c) - l) / o,
    "KLOW2": (pl.min_horizontal(o, c) - l) / (h - l + TINY),
    "KSFT": (2 * c - h - l) / o,
    "KSFT2": (2 * c - h - l) / (h - l + TINY),
    "OPEN0": o / c,
    "HIGH0": h / c,
    "LOW0": l / c,
    "VWAP0": pl.col("vwap") / c,
}
ORDER = (
    "ROC", "MA", "STD", "BETA", "RSQR", "RESI", "MAX", "MIN", "QTLU", "QTLD", "RANK", "RSV", "IMAX", "IMIN", "IMXD",
    "CORR", "CORD", "CNTP", "CNTN", "CNTD", "SUMP", "SUMN", "SUMD", "VMA", "VSTD", "WVMA", "VSUMP", "VSUMN", "VSUMD",
)  # fmt: skip
col = pl.col


def changes() -> Iterator[list[pl.Expr]]:
    """Yield the inputs of the windows in stages, each of which reads the earlier ones."""
    yield [(c - c.shift(1)).alias("dc"), (v - v.shift(1)).alias("dv"), (c / c.shift(1)).alias("r"),
           (v + 1).log().alias("lv"), (v / v.shift(1) + 1).log().alias("lr"), (col("t") * c).alias("tc")]  # fmt: skip
    yield [
        *(col(x).clip(lower_bound=0).alias(f"{x}+") for x in ("dc", "dv")),
        *(col(x).abs().alias(f"|{x}|") for x in ("dc", "dv")),
        (col("dc") > 0).cast(pl.Float64).alias("up"),
        (col("dc") < 0).cast(pl.Float64).alias("down"),
        (c * col("lv")).alias("c*lv"),
        (col("r") * col("lr")).alias("r*lr"),
        ((col("r") - 1).abs() * v).alias("w"),
    ]


def extremes() -> Iterator[list[pl.Expr]]:
    """Yield the extremes of windows and their rows (the earliest of equals), by doubling."""
    size = 1
    while size * 2 <= max(WINDOWS):
        yield [e for side in ("h", "l") for e in _merged(side, size, size, f"{2 * size}")]
        size *= 2
    yield [e for side in ("h", "l") for n in WINDOWS for e in _merged(side, 1 << (n.bit_length() - 1), n, f"w{n}")]


def _merged(side: str, size: int, window: int, name: str) -> list[pl.Expr]:
    """Merge a block with the one that ends some rows before it."""
    back = size if not name.startswith("w") else window - size
    now, then = col(f"{side}{size}"), col(f"{side}{size}").shift(back)
    older = then >= now if side == "h" else then <= now
    at = pl.when(older).then(col(f"{side}@{size}").shift(back)).otherwise(col(f"{side}@{size}"))
    return [pl.when(older).then(then).otherwise(now).alias(f"{side}{name}"), at.alias(f"{side}@{name}")]


def moments(n: int) -> list[pl.Expr]:
    """Return the windows that several columns share."""
    means = [col(x).rolling_mean(n).alias(f"mean {x} {n}") for x in ("close", "lv", "r", "lr", "c*lv", "r*lr")]
    stds = [col(x).rolling_std(n).alias(f"std {x} {n}") for x in ("close", "lv", "r", "lr")]
    names = ("dc+", "|dc|", "dv+", "|dv|", "tc")
    sums = [col(x).rolling_sum(n).alias(f"sum {x} {n}") for x in names]
    return means + stds + sums


def line(n: int) -> list[pl.Expr]:
    """Return the slope of the line through the last closes."""
    total = col(f"mean close {n}") * n
    products = col(f"sum tc {n}") - (col("t") - (n - 1)) * total
    return [((products - (n - 1) / 2 * total) / (n * (n * n - 1) / 12)).alias(f"slope {n}")]


def shares(x: str, n: int, prefix: str) -> dict[str, pl.Expr]:
    """Return the share of rises and falls in the changes of a column."""
    rises, total = col(f"sum {x}+ {n}"), col(f"sum |{x}| {n}")
    falls, whole = total - rises, total + TINY
    named = {"SUMP": rises / whole, "SUMN": falls / whole, "SUMD": (rises - falls) / whole}
    return {f"{prefix}{name}": made for name, made in named.items()}


def correlation(x: str, y: str, product: str, n: int) -> pl.Expr:
    """Return the correlation from means and deviations."""
    cov = col(f"mean {product} {n}") - col(f"mean {x} {n}") * col(f"mean {y} {n}")
    return cov * (n / (n - 1)) / (col(f"std {x} {n}") * col(f"std {y} {n}"))


def statistics(n: int) -> dict[str, pl.Expr]:
    """Return the columns of one window."""
    mean, std, slope = col(f"mean close {n}"), col(f"std close {n}"), col(f"slope {n}")
    top, bottom, t = col(f"hw{n}"), col(f"lw{n}"), col("t")
    up, down, w = col("up").rolling_mean(n), col("down").rolling_mean(n), col("w")
    return {
        "ROC": c.shift(n) / c, "MA": mean / c, "STD": std / c, "BETA": slope / c,
        "RSQR": slope * slope * (n * (n + 1) / 12) / (std * std), "RESI": (c - mean - slope * ((n - 1) / 2)) / c,
        "MAX": top / c, "MIN": bottom / c, "QTLU": c.rolling_quantile(0.8, "linear", n) / c,
        "QTLD": c.rolling_quantile(0.2, "linear", n) / c, "RANK": c.rolling_rank(n, method="average") / n,
        "RSV": (c - bottom) / (top - bottom + TINY), "IMAX": (col(f"h@w{n}") - t + n) / n,
        "IMIN": (col(f"l@w{n}") - t + n) / n, "IMXD": (col(f"h@w{n}") - col(f"l@w{n}")) / n,
        "CORR": correlation("close", "lv", "c*lv", n), "CORD": correlation("r", "lr", "r*lr", n),
        "CNTP": up, "CNTN": down, "CNTD": up - down, **shares("dc", n, ""),
        "VMA": v.rolling_mean(n) / (v + TINY), "VSTD": v.rolling_std(n) / (v + TINY),
        "WVMA": w.rolling_std(n) / (w.rolling_mean(n) + TINY), **shares("dv", n, "V"),
    }  # fmt: skip


LAGGED = ("CORD", "CNT", "SUM", "VSUM", "WVMA", "ROC")


def alpha158(bars: pl.DataFrame, form: str) -> pl.DataFrame:
    """Return the 158 columns after symbol and time."""

    def within(made: pl.Expr) -> pl.Expr:
        return made.over("symbol") if form == "over" else made

    def known(made: pl.Expr, rows: int) -> pl.Expr:
        return made.over("symbol") if form == "over" else pl.when(col("t") >= rows).then(made)

    numbered = bars.with_columns(pl.int_range(pl.len()).over("symbol").cast(pl.Float64).alias("t"))
    frame = numbered.with_columns(h1=h, l1=l, **{"h@1": col("t"), "l@1": col("t")})
    slopes = [e for n in WINDOWS for e in line(n)]
    for stage in (*changes(), *extremes(), [e for n in WINDOWS for e in moments(n)], slopes):
        frame = frame.with_columns([within(made) for made in stage])
    windows = {n: statistics(n) for n in WINDOWS}
    rolling = [known(windows[n][name], n - 1 + name.startswith(LAGGED)).alias(f"{name}{n}")
               for name in ORDER for n in WINDOWS]  # fmt: skip
    return frame.select("symbol", "time", *(made.alias(name) for name, made in BAR.items()), *rolling)


def load(folder: Path, workload: str, options: dict[str, Any]) -> tuple[pl.DataFrame, str]:
    """Read the bars."""
    return pl.read_parquet(folder / "bars.parquet", columns=["symbol", "time", *FIELDS]), options["form"]


def compute(inputs: tuple[pl.DataFrame, str]) -> pl.DataFrame:
    """Compute, stage by stage."""
    return alpha158(*inputs)


def frame(result: pl.DataFrame) -> pl.DataFrame:
    """Return the result unchanged."""
    return result.drop("symbol", "time")


def values(inputs: Any, result: pl.DataFrame, symbols: list[int]) -> tuple[list[str], np.ndarray]:
    """Return the values of some symbols."""
    names = result.columns[2:]
    days = result.height // result["symbol"].n_unique()
    parts = [result.slice(i * days, days).select(names).to_numpy() for i in symbols]
    return names, np.stack(parts).transpose(2, 1, 0)


if __name__ == "__main__":
    serve(sys.modules[__name__])
