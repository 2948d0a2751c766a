"""The package ta: one symbol after the other, because it takes one series. All outputs of each class are read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import family
import numpy as np
import pandas as pd
from protocol import serve
from ta.momentum import RSIIndicator, StochasticOscillator
from ta.trend import MACD, ADXIndicator
from ta.volatility import AverageTrueRange, BollingerBands

values = family.values


def series(*bars: np.ndarray) -> dict[str, np.ndarray]:
    """Return the family of one symbol."""
    high, low, close = map(pd.Series, bars)
    macd, bands = MACD(close, 26, 12, 9), BollingerBands(close, 20, 2)
    stochastic, directional = StochasticOscillator(high, low, close, 14, 3), ADXIndicator(high, low, close, 14)
    found = {
        "rsi": RSIIndicator(close, 14).rsi(), "macd_line": macd.macd(), "macd_signal": macd.macd_signal(),
        "macd_histogram": macd.macd_diff(), "upper": bands.bollinger_hband(), "middle": bands.bollinger_mavg(),
        "lower": bands.bollinger_lband(), "stochastic_k": stochastic.stoch(), "stochastic_d": stochastic.stoch_signal(),
        "atr": AverageTrueRange(high, low, close, 14).average_true_range(), "adx": directional.adx(),
        "di_plus": directional.adx_pos(), "di_minus": directional.adx_neg(),
    }  # fmt: skip
    return {name: column.to_numpy() for name, column in found.items()}


def load(folder: Path, workload: str, options: dict[str, Any]) -> np.ndarray:
    """Read the bars."""
    return family.load(folder)


def compute(inputs: np.ndarray) -> np.ndarray:
    """Compute symbol by symbol."""
    return family.compute(inputs, series)


def frame(result: np.ndarray) -> pd.DataFrame:
    """Return a frame with one row for each (symbol, day), without copying."""
    return pd.DataFrame(result.reshape(len(result), -1).T, columns=list(family.COLUMNS), copy=False)


if __name__ == "__main__":
    serve(sys.modules[__name__])
