"""Find the file, and the line in it, that a row of a frame of bars comes from."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from alpha.data.sanity.finding import Finding

SHOWN = 3


def place(frame: pd.DataFrame, finding: Finding) -> str:
    """Return the file and line of a finding, as text in brackets; empty where only its symbol and time are known.

    ``frame.attrs["files"]`` has, for each file, its path, the label of its first row and the number of its rows; labels
    count all rows that were read, also those before the start.
    """
    labels = frame.index[_positions(frame, finding)]
    found = list(dict.fromkeys(_origin(frame.attrs.get("files", ()), int(label)) for label in labels[:SHOWN]))
    if not any(found):
        return "" if finding.row is None else f" (row {finding.row} of the table, the first is 0)"
    more = " ..." if len(labels) > SHOWN else ""
    return f" ({', '.join(filter(None, found))}{more})"


def _positions(frame: pd.DataFrame, finding: Finding) -> np.ndarray:
    if finding.row is not None:
        return np.array([finding.row])
    if finding.time is None or finding.symbol == "*":
        return np.array([], int)
    at = np.flatnonzero(frame["time"] == finding.time)
    return at[(frame["symbol"].iloc[at].astype(str) == finding.symbol).to_numpy()]


def _origin(files: list[tuple[str, int, int]], label: int) -> str:
    for name, first, rows in files:
        if first <= label < first + rows:
            line = _line(Path(name), label - first, rows)
            return f"line {line} of {name}" if line else f"in {name}" if len(files) > 1 else ""
    return ""


def _line(path: Path, row: int, rows: int) -> int | None:
    """Return the line of a row of a CSV file; None in a file with empty lines or with rows of several."""
    if not path.name.endswith((".csv", ".csv.gz")):
        return None
    return (
        row + 2 if sum(1 for line in _lines(path) if line.strip()) == rows + 1 == sum(1 for _ in _lines(path)) else None
    )


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        yield from file
