"""The bars on which Qlib computed the golden values of Alpha158: exactly representable in its float32 files."""

from __future__ import annotations

import numpy as np

SYMBOLS, DAYS, SHOWN = ("AA", "BB", "CC"), 120, 8
FIELDS = ("open", "high", "low", "close", "volume", "vwap")


def bars() -> dict[str, np.ndarray]:
    """Return arrays of shape (DAYS, symbols): a walk a symbol, at quotes of 3, 40 and 900, with equal prices in it.

    Prices are rounded to the cent, so that there are ties, days without a change and days without a range.
    """
    rng = np.random.default_rng(158)
    shape = (DAYS, len(SYMBOLS))
    level = np.array([3.0, 40.0, 900.0])
    close = level * np.exp(np.cumsum(rng.normal(0, 0.02, shape), axis=0))
    start = close * np.exp(rng.normal(0, 0.008, shape))
    high = np.maximum(start, close) * np.exp(np.abs(rng.normal(0, 0.006, shape)))
    low = np.minimum(start, close) * np.exp(-np.abs(rng.normal(0, 0.006, shape)))
    prices = {"open": start, "high": high, "low": low, "close": close}
    for values in prices.values():
        values[60] = values[59]  # a day like the last
        values[115] = close[115]  # a day at one price
    prices["vwap"] = (prices["high"] + prices["low"] + prices["close"]) / 3
    rounded = {name: np.round(values, 2) for name, values in prices.items()}
    rounded["volume"] = np.round(np.exp(rng.normal(11, 0.5, shape)))
    return {name: rounded[name].astype(np.float32) for name in FIELDS}
