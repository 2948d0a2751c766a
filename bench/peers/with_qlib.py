"""Qlib's own expression engine: Alpha158 by ``D.features``, with disk caches off and the memory cache cleared."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import qlib
from protocol import serve
from qlib.contrib.data.loader import Alpha158DL
from qlib.data import D
from qlib.data.cache import H


def load(folder: Path, workload: str, options: dict[str, Any]) -> list[str]:
    """Point Qlib at its files, and return the expressions."""
    qlib.init(
        provider_uri=str(folder / "qlib"), region="us", kernels=options["kernels"], logging_level="ERROR",
        expression_cache=None, dataset_cache=None,
    )  # fmt: skip
    return Alpha158DL.get_feature_config()


def compute(inputs: tuple[list[str], list[str]]) -> pd.DataFrame:
    """Compute everything anew; Qlib reads its small files again from the file cache of the operating system."""
    H.clear()
    fields, names = inputs
    return D.features(D.instruments("all"), fields, freq="day").set_axis(names, axis=1)


def frame(result: pd.DataFrame) -> pd.DataFrame:
    """Return the result unchanged."""
    return result


def values(inputs: Any, result: pd.DataFrame, symbols: list[int]) -> tuple[list[str], np.ndarray]:
    """Return the values of some symbols; rows are sorted by symbol, then by day."""
    days = len(result) // result.index.get_level_values(0).nunique()
    rows = np.concatenate([np.arange(i * days, (i + 1) * days) for i in symbols])
    found = result.iloc[rows].to_numpy(np.float64)
    return list(result.columns), found.reshape(len(symbols), days, -1).transpose(2, 1, 0)


if __name__ == "__main__":
    serve(sys.modules[__name__])
