"""Looks at the sealed holdout: each is recorded before it is taken, and each leaves less to pass with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from alpha.core.chain import Chain
from alpha.validation.metrics import daily_ic
from alpha.validation.significance import mean_interval


@dataclass(frozen=True)
class Looks:
    """The record of every look at a holdout.

    Parameters
    ----------
    path : Path
        A file of JSON lines; see `Chain`.
    """

    path: Path

    @property
    def chain(self) -> Chain:
        """The log itself."""
        return Chain(self.path, "looks", "paths.looks")

    def taken(self, data_id: str, source: Mapping[str, Any], first: date, last: date) -> int:
        """Return how many looks there were at a holdout.

        Those count that were taken after research on the same data, and those of the same source at sessions that
        overlap.
        """
        return _counted(self.chain.read(), data_id, source, first, last)

    def take(
        self, *, data_id: str, source: Mapping[str, Any], first: date, last: date, reason: str, model: str,
        config_id: str,
    ) -> int:  # fmt: skip
        """Record a look, and return its number, from 1.

        Parameters
        ----------
        data_id : str
            Of what research read.
        source : mapping
            The entry of the source.
        first, last : date
            The sealed sessions.
        """
        about = {"data_id": data_id, "source": dict(source), "first": str(first), "last": str(last)}
        line = self.chain.append_after(lambda known: {
            **about, "look": _counted(known, data_id, source, first, last) + 1, "reason": reason, "model": model,
            "config_id": config_id,
        })  # fmt: skip
        return int(line["look"])


def _counted(
    lines: Iterable[Mapping[str, Any]], data_id: str, source: Mapping[str, Any], first: date, last: date
) -> int:
    span = str(first), str(last)
    return sum(
        line["data_id"] == data_id
        or (line["source"] == dict(source) and line["first"] <= span[1] and span[0] <= line["last"])
        for line in lines
    )


def level(budget: float, look: int) -> float:
    """Return what the look of this number may spend: ``budget / (look (look + 1))``, which sums to the budget."""
    return budget / (look * (look + 1))


def sealed_ic(signal: np.ndarray, realised: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Return the rank IC of each row over its sealed cells alone.

    Parameters
    ----------
    signal, realised : arrays of shape (T, N)
    hidden : bool array of shape (T, N)
        Which cells are sealed.

    Returns
    -------
    array of shape (T,)
        NaN where fewer than three sealed names have both.
    """
    return daily_ic(np.where(hidden, signal, np.nan), np.where(hidden, realised, np.nan))


def lower_bound(ic: np.ndarray, alpha: float, *, horizon: int) -> float:
    """Return the one-sided lower bound of the mean IC that noise exceeds zero with in a share `alpha` of cases."""
    return mean_interval(ic, level=1 - 2 * alpha, horizon=horizon)[0]
