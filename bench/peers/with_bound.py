"""The lower bound: seconds to write as many numbers as the result has, once, into used or into new memory."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from protocol import serve

COLUMNS = {"alpha158": 158, "family": 13}


def load(folder: Path, workload: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the shape of the result; the name of the folder has that of the bars."""
    symbols, days = map(int, folder.name.split("x"))
    return {"shape": (COLUMNS[workload], days, symbols), **options}


def prepare(inputs: dict[str, Any]) -> dict[str, Any]:
    """Touch the memory where it is reused."""
    return {**inputs, "out": np.ones(inputs["shape"])} if inputs["reuse"] else inputs


def compute(inputs: dict[str, Any]) -> np.ndarray:
    """Write, with as many threads as the engine that is compared with it."""
    out, threads = inputs.get("out"), inputs["threads"]
    if out is None:
        out = np.empty(inputs["shape"])
    parts = np.array_split(out.reshape(-1), threads)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: part.fill(2.0), parts))
    return out


if __name__ == "__main__":
    serve(sys.modules[__name__])
