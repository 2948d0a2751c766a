"""The family RSI, MACD, Bollinger, Stochastic, ATR and ADX: shared code for libraries that go symbol by symbol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = (
    "rsi", "macd_line", "macd_signal", "upper", "middle", "lower", "macd_histogram", "stochastic_k", "stochastic_d",
    "atr", "adx", "di_plus", "di_minus",
)  # fmt: skip
BARS = ("high", "low", "close")
Series = Callable[[np.ndarray, np.ndarray, np.ndarray], dict[str, Any]]


def load(folder: Path) -> np.ndarray:
    """Read a file sorted by symbol and time; return shape (3, symbols, days), each series contiguous."""
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "bars.parquet", columns=["symbol", *BARS], read_dictionary=["symbol"])
    symbols = len(table["symbol"].chunk(0).dictionary)
    return np.stack([table[name].to_numpy().reshape(symbols, -1) for name in BARS])


def compute(bars: np.ndarray, series: Series) -> np.ndarray:
    """Return an array (columns, symbols, days), from a function of one symbol's high, low and close."""
    out = np.empty((len(COLUMNS), *bars.shape[1:]))
    for i in range(bars.shape[1]):
        found = series(*bars[:, i])
        for at, name in enumerate(COLUMNS):
            out[at, i] = found[name]
    return out


def values(inputs: Any, result: np.ndarray, symbols: list[int]) -> tuple[list[str], np.ndarray]:
    """Return the values of some symbols."""
    return list(COLUMNS), result[:, symbols].transpose(0, 2, 1)
