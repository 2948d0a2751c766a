"""Alpha: a plan over the panel. ``dtype`` is the type of the result; ``reuse`` writes into memory used before."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet as pq
from bars import FIELDS
from protocol import serve

from alpha.core.nouns import FeatureSet
from alpha.core.panel import Panel
from alpha.features import Expr, Plan, columns
from alpha.features.expr import close
from alpha.features.operators import mean, std

BARS = ("high", "low", "close")  # the fields that the family reads
PERCENT = ("rsi", "stochastic_k", "stochastic_d", "adx", "di_plus", "di_minus")


@dataclass(frozen=True)
class Inputs:
    """The inputs in memory before the clock starts."""

    panel: Panel
    plan: Plan
    threads: int
    dtype: type
    reuse: bool
    out: np.ndarray | None = None


def family() -> dict[str, Expr]:
    """Return RSI, MACD, Bollinger, Stochastic, ATR, ADX; prices over the close, because a plan allows no levels."""
    middle, reach = mean(close, 20), 2 * std(close, 20, ddof=0)
    levels = {"upper": (middle + reach) / close, "middle": middle / close, "lower": (middle - reach) / close}
    first = columns(["rsi", *({"name": "macd", "part": part, "as": f"macd_{part}"} for part in ("line", "signal"))])
    last = columns([
        {"name": "macd", "part": "histogram", "as": "macd_histogram"}, "stochastic_k", "stochastic_d", "atr", "adx",
        {"name": "directional", "part": "plus", "as": "di_plus"},
        {"name": "directional", "part": "minus", "as": "di_minus"},
    ])  # fmt: skip
    found = {**first, **levels, **last}
    named = {"rsi_14": "rsi", "stochastic_k_14": "stochastic_k", "stochastic_d_14_3": "stochastic_d", "atr_14": "atr",
             "adx_14": "adx"}  # fmt: skip
    return {named.get(name, name): column for name, column in found.items()}


def plan(workload: str) -> Plan:
    """Return the plan of a workload."""
    return Plan(columns([{"set": "alpha158"}]) if workload == "alpha158" else family())


def panel(path: Path, fields: tuple[str, ...] = FIELDS) -> Panel:
    """Read a file sorted by symbol and time, with every symbol on every day."""
    table = pq.read_table(path, columns=["symbol", "time", *fields], read_dictionary=["symbol"])
    symbols = table["symbol"].chunk(0).dictionary.to_pylist()
    shape = (len(symbols), table.num_rows // len(symbols))
    times = pd.DatetimeIndex(table["time"][: shape[1]].to_numpy(), tz="UTC")
    values = {name: table[name].to_numpy().reshape(shape).T for name in fields}
    del table
    pyarrow.default_memory_pool().release_unused()
    return Panel(times, tuple(symbols), values)


def checked(path: Path) -> Panel:
    """Read a file as research does: every bar is checked and placed on a calendar."""
    from alpha.data import source
    from alpha.data.load import load_panel

    bars = source.bind({"name": "parquet", "path": str(path), "prices": "adjusted", "columns": {"vwap": "vwap"}})
    return load_panel(bars, pd.Timestamp("2001-01-01"), pd.Timestamp("2026-01-01"), calendar="24/5")[0]


def load(folder: Path, workload: str, options: dict[str, Any]) -> Inputs:
    """Read the bars and compile the plan."""
    made, path = plan(workload), folder / "bars.parquet"
    fields = FIELDS if workload == "alpha158" else BARS
    bars = checked(path) if options.get("checked") else panel(path, fields)
    made.program  # noqa: B018 - compiled on first use
    return Inputs(bars, made, options["threads"], np.dtype(options.get("dtype", "float64")).type,
                  options.get("reuse", False))  # fmt: skip


def prepare(inputs: Inputs) -> Inputs:
    """Touch the memory of the result where it is reused."""
    if not inputs.reuse:
        return inputs
    shape = (len(inputs.plan.names), len(inputs.panel), len(inputs.panel.symbols))
    out = np.full(shape, 1.0, inputs.dtype)
    return Inputs(inputs.panel, inputs.plan, inputs.threads, inputs.dtype, True, out)


def compute(inputs: Inputs) -> FeatureSet:
    """Run the plan."""
    return inputs.plan.batch(inputs.panel, threads=inputs.threads, dtype=inputs.dtype, out=inputs.out)


def frame(result: FeatureSet) -> pd.DataFrame:
    """Return a frame with one row for each (time, symbol)."""
    return result.frame()


def values(inputs: Inputs, result: FeatureSet, symbols: list[int]) -> tuple[list[str], np.ndarray]:
    """Return the values of some symbols; the family as prices and percent, as in the other libraries."""
    found = result.values[:, symbols].transpose(2, 0, 1).astype(np.float64)
    if "adx" in result.names:
        price = inputs.panel["close"][:, symbols]
        found *= np.stack([np.full_like(price, 100) if name in PERCENT else price for name in result.names])
    return list(result.names), found


if __name__ == "__main__":
    serve(sys.modules[__name__])
