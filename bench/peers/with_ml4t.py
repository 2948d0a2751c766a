"""ml4t-engineer: ``form: symbols`` calls its kernels one symbol after the other, ``form: panel`` its panel function.

``compute_features`` accepts a panel, but version 0.1.0b1 treats it as one series: values at the beginning of a symbol
are computed from the end of the symbol before. The table counts such values.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import family
import numpy as np
import polars as pl
from bars import FIELDS
from ml4t.engineer import compute_features
from ml4t.engineer.features.momentum.adx import adx_numba
from ml4t.engineer.features.momentum.directional import minus_di_numba, plus_di_numba
from ml4t.engineer.features.momentum.macd import macd_full, macd_signal
from ml4t.engineer.features.momentum.rsi import rsi_numba
from ml4t.engineer.features.momentum.stochf import stochf_numba
from ml4t.engineer.features.volatility.atr import atr_numba
from ml4t.engineer.features.volatility.bollinger_bands import bollinger_bands_numba
from protocol import serve

PANEL = [
    {"name": "rsi", "params": {"period": 14}}, {"name": "macd"},
    {"name": "bollinger_bands", "params": {"period": 20}},
    {"name": "stochastic", "params": {"fastk_period": 14, "slowk_period": 1, "slowd_period": 3}},
    {"name": "atr", "params": {"period": 14}}, {"name": "adx", "params": {"period": 14}},
    {"name": "plus_di", "params": {"timeperiod": 14}}, {"name": "minus_di", "params": {"timeperiod": 14}},
]  # fmt: skip

bands = pl.col("bollinger_bands").struct
OURS = {
    "rsi": pl.col("rsi"), "macd_line": pl.col("macd"), "macd_signal": pl.col("signal"), "upper": bands.field("upper"),
    "middle": bands.field("middle"), "lower": bands.field("lower"), "macd_histogram": pl.col("macd") - pl.col("signal"),
    "stochastic_k": pl.col("stochastic"), "stochastic_d": pl.col("d"), "atr": pl.col("atr"), "adx": pl.col("adx"),
    "di_plus": pl.col("plus_di"), "di_minus": pl.col("minus_di"),
}  # fmt: skip


def series(high: np.ndarray, low: np.ndarray, close: np.ndarray) -> dict[str, np.ndarray]:
    """Return the family of one symbol."""
    line, signal, histogram = macd_full(close, 12, 26, 9)
    upper, middle, lower = bollinger_bands_numba(close, 20, 2.0, 2.0)
    fast, slow = stochf_numba(high, low, close, 14, 3)
    return {
        "rsi": rsi_numba(close, 14), "macd_line": line, "macd_signal": signal, "macd_histogram": histogram,
        "upper": upper, "middle": middle, "lower": lower, "stochastic_k": fast, "stochastic_d": slow,
        "atr": atr_numba(high, low, close, 14), "adx": adx_numba(high, low, close, 14),
        "di_plus": plus_di_numba(high, low, close, 14), "di_minus": minus_di_numba(high, low, close, 14),
    }  # fmt: skip


def load(folder: Path, workload: str, options: dict[str, Any]) -> Any:
    """Read the bars, as arrays or as one long frame."""
    if options["form"] == "symbols":
        return family.load(folder)
    return pl.read_parquet(folder / "bars.parquet", columns=["symbol", "time", *FIELDS])


def compute(inputs: Any) -> Any:
    """Compute symbol by symbol, or the panel at once."""
    if isinstance(inputs, np.ndarray):
        return family.compute(inputs, series)
    found = compute_features(inputs.lazy(), PANEL)
    found = found.with_columns(signal=macd_signal("close"), d=pl.col("stochastic").rolling_mean(3))  # absent there
    return found.select("symbol", **OURS).collect()


def frame(result: Any) -> pl.DataFrame:
    """Return a frame with one row for each (symbol, day), without copying."""
    if isinstance(result, pl.DataFrame):
        return result.drop("symbol")
    return pl.DataFrame(result.reshape(len(result), -1), schema=list(family.COLUMNS), orient="col")


def values(inputs: Any, result: Any, symbols: list[int]) -> tuple[list[str], np.ndarray]:
    """Return the values of some symbols."""
    if isinstance(result, pl.DataFrame):
        result = result.drop("symbol").to_numpy().T.reshape(len(family.COLUMNS), result["symbol"].n_unique(), -1)
    return family.values(inputs, result, symbols)


if __name__ == "__main__":
    serve(sys.modules[__name__])
