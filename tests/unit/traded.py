"""A book as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Traded:
    times: pd.DatetimeIndex
    equity: np.ndarray
    net_returns: np.ndarray
    gross_returns: np.ndarray
    targets: np.ndarray
    turnover: np.ndarray
    costs: np.ndarray
