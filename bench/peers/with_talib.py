"""TA-Lib: one symbol after the other, over contiguous arrays. It holds the GIL, so threads do not help."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import family
import numpy as np
import pyarrow as pa
import talib
from protocol import serve

values = family.values


def series(high: np.ndarray, low: np.ndarray, close: np.ndarray) -> dict[str, np.ndarray]:
    """Return the family of one symbol."""
    line, signal, histogram = talib.MACD(close, 12, 26, 9)
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    fast, slow = talib.STOCHF(high, low, close, 14, 3)
    return {
        "rsi": talib.RSI(close, 14), "macd_line": line, "macd_signal": signal, "macd_histogram": histogram,
        "upper": upper, "middle": middle, "lower": lower, "stochastic_k": fast, "stochastic_d": slow,
        "atr": talib.ATR(high, low, close, 14), "adx": talib.ADX(high, low, close, 14),
        "di_plus": talib.PLUS_DI(high, low, close, 14), "di_minus": talib.MINUS_DI(high, low, close, 14),
    }  # fmt: skip


def load(folder: Path, workload: str, options: dict[str, Any]) -> np.ndarray:
    """Read the bars."""
    return family.load(folder)


def compute(inputs: np.ndarray) -> np.ndarray:
    """Compute symbol by symbol."""
    return family.compute(inputs, series)


def frame(result: np.ndarray) -> pa.Table:
    """Return a frame with one row for each (symbol, day), without copying, in Arrow, which read the file."""
    return pa.table({name: column.reshape(-1) for name, column in zip(family.COLUMNS, result, strict=True)})


if __name__ == "__main__":
    serve(sys.modules[__name__])
