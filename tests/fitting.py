"""Samples made of plain arrays, for tests that fit a model without a panel."""

from __future__ import annotations

import numpy as np

from alpha.models.samples import Samples

START = np.datetime64("2020-01-01", "ns")
DAY = np.timedelta64(1, "D")


def samples(
    X: np.ndarray,
    y: np.ndarray,
    row: np.ndarray | None = None,
    symbol: np.ndarray | None = None,
    *,
    horizon: int | np.ndarray = 1,
    weight: np.ndarray | None = None,
) -> Samples:
    """Return samples whose rows are days, each known `horizon` days later; by default a row and symbol 0 each."""
    row = np.arange(len(y)) if row is None else row
    symbol = np.zeros(len(y), int) if symbol is None else symbol
    weight = np.ones(len(y)) if weight is None else weight
    return Samples(X, y, row, symbol, START + row * DAY, START + (row + horizon) * DAY, weight)
