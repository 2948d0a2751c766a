"""Looks at the sealed holdout: each look is recorded before it is taken, and has a stricter level than the last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from alpha.core.log import Log, Owner, open_log
from alpha.data.seal import overlap
from alpha.stats.metrics import daily_ic
from alpha.stats.significance import mean_interval

OWNER = Owner("looks", "paths.looks")


@dataclass(frozen=True)
class Look:
    """One look at a holdout.

    Parameters
    ----------
    number : int
        From 1.
    budget : float
        Probability of a false pass, over all looks together.
    """

    number: int
    budget: float

    @property
    def level(self) -> float:
        """The significance level of this look, its part of the budget."""
        return level(self.budget, self.number)


@dataclass(frozen=True)
class Looks:
    """The record of every look at a holdout.

    A look counts against another if both follow research on the same data, or if their sessions and their data origins
    overlap. Trials that research scored on the sessions before they were sealed count too.

    Parameters
    ----------
    path : Path or str
        A file of JSON lines, or the URL of a log; see `open_log`.
    """

    path: Path | str

    @property
    def log(self) -> Log:
        """The log itself."""
        return open_log(self.path, OWNER)

    def next(
        self, *, data_id: str, source: Mapping[str, str], first: date, last: date, budget: float, seen: int = 0
    ) -> Look:
        """Return the next look, without recording it; parameters as for `take`."""
        return _next(self.log.read(), data_id, source, first, last, budget, seen)

    def take(
        self, *, data_id: str, source: Mapping[str, str], first: date, last: date, budget: float, reason: str,
        model: str, config_id: str, seen: int = 0,
    ) -> Look:  # fmt: skip
        """Record a look and return it.

        Parameters
        ----------
        data_id : str
            Hash of the data that research read.
        source : mapping
            See `origin`.
        first, last : date
            The sealed sessions.
        budget : float
            Probability of a false pass over all looks. The smallest budget ever given for these sessions applies.
        seen : int
            Number of trials that were scored on these sessions: see `Trials.scored_on`.
        """
        about = {"data_id": data_id, "source": dict(source), "first": str(first), "last": str(last)}
        line = self.log.append_after(lambda known: {
            **about, **asdict(_next(known, data_id, source, first, last, budget, seen)), "seen": seen,
            "reason": reason, "model": model, "config_id": config_id,
        })  # fmt: skip
        return Look(line["number"], line["budget"])


def _next(
    lines: Iterable[Mapping[str, Any]], data_id: str, source: Mapping[str, str], first: date, last: date,
    budget: float, seen: int,
) -> Look:  # fmt: skip
    span = str(first), str(last)
    counted = [
        line for line in lines
        if line["data_id"] == data_id
        or (overlap(line["source"], source) and line["first"] <= span[1] and span[0] <= line["last"])
    ]  # fmt: skip
    return Look(len(counted) + seen + 1, min([budget, *(line.get("budget", budget) for line in counted)]))


def level(budget: float, look: int) -> float:
    """Return the level of a look by its number: ``budget / (look (look + 1))``, which sums to the budget."""
    return budget / (look * (look + 1))


def sealed_ic(signal: np.ndarray, realised: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Return the rank IC of each row over its sealed cells alone.

    Parameters
    ----------
    signal, realised : arrays of shape (T, N)
    hidden : bool array of shape (T, N)
        True where a cell is sealed.

    Returns
    -------
    array of shape (T,)
        NaN where fewer than three sealed names have both.
    """
    return daily_ic(np.where(hidden, signal, np.nan), np.where(hidden, realised, np.nan))


def lower_bound(ic: np.ndarray, alpha: float, *, horizon: int) -> float:
    """Return the one-sided lower bound of the mean IC that noise exceeds zero with in a share `alpha` of cases."""
    return mean_interval(ic, level=1 - 2 * alpha, horizon=horizon)[0]


@dataclass(frozen=True, eq=False)
class Opened:
    """The evidence of one look at the sealed cells, for one candidate.

    Parameters
    ----------
    ic : array of shape (T,)
        The IC of each row over its sealed cells; NaN in rows without any.
    horizon : int
        Bars from entry to exit of the label.
    sealed, names : int
        Number of names sealed throughout, and of all names.
    """

    look: Look
    ic: np.ndarray
    horizon: int
    sealed: int = 0
    names: int = 0

    @cached_property
    def lower(self) -> float:
        """The one-sided lower bound of the mean IC at the level of the look."""
        return lower_bound(self.ic, self.look.level, horizon=self.horizon)

    @property
    def mean(self) -> float:
        """The mean IC; NaN where no row has one."""
        return float(np.nanmean(self.ic)) if np.isfinite(self.ic).any() else np.nan

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of the look, which are added to the scorecard."""
        return {"holdout_ic": self.mean, "holdout_ic_low": self.lower, "holdout_looks": float(self.look.number)}

    def __str__(self) -> str:
        days, look = int(np.isfinite(self.ic).sum()), self.look
        names = f"{self.sealed} of {self.names} names sealed; " if self.sealed else ""
        return f"IC {self.mean:.4f} over {days} sealed days; {names}look {look.number} at level {look.level:.2g}"
