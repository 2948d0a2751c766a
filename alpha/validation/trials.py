"""The record of trials: every configuration ever scored, with its results out of sample.

The evidence for a good result must be corrected for the number of trials it was chosen from.
"""

from __future__ import annotations

import math
import os
import struct
import threading
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from alpha.core.errors import DataError
from alpha.core.identity import digest
from alpha.core.log import START, Log, Owner, open_log, place
from alpha.data.seal import expect_origin, overlap
from alpha.stats.arguments import expect, number, numbers
from alpha.validation.effective import EffectiveNumber

SERIES = ("ic", "net_returns")
OWNER = Owner("trials", "paths.trials")
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, NotImplementedError, SyntaxError, BadZipFile, zlib.error,
               struct.error, TokenError)  # fmt: skip
"""Errors that numpy raises for a damaged file of arrays."""


@dataclass(frozen=True)
class Trials:
    """An append-only record of trials: a log, and beside it a folder with the series of each.

    Parameters
    ----------
    path : Path or str
        A file of JSON lines, or the URL of a log (see `open_log`); the series are in the folder ``<stem>-series/``
        beside it, named by their hash.

    `config_id` is the hash of the experiment (`Config.trial_id`) and `data_id` that of the panel: where bytes came
    from is in neither, so the same bars from another file are the same trial.
    """

    path: Path | str
    _families: dict[Any, Family] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", place(self.path))

    @property
    def log(self) -> Log:
        """The log itself."""
        return open_log(self.path, OWNER)

    def record(
        self,
        config_id: str,
        data_id: str,
        model: str,
        metrics: Mapping[str, float],
        series: pd.DataFrame,
        source: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Append one trial; return its line.

        Parameters
        ----------
        config_id : str
            Hash of all settings that the score depends on.
        data_id : str
            Hash of the data of the score.
        metrics : mapping of str to float
            Values that are not finite are stored as null.
        series : DataFrame
            Index: instants of the tested rows, UTC. Columns ``ic`` and ``net_returns``: the rank correlation of each
            row, and the book's return over it after costs, a fraction.
        source : mapping, optional
            Origin of the data (see `alpha.data.seal.origin`): a later holdout over the tested sessions then counts
            this trial as a look.

        Raises
        ------
        ConfigError
            `bad_parameter`: a name that is no text, or metrics that are no mapping of names to numbers. Also as
            `Log.append`.
        DataError
            `bad_series`. Also as `Log.append`.
        """
        for what, given in (("config_id", config_id), ("data_id", data_id), ("model", model)):
            expect(given, str, f"{what} must be a text")
        read_from = expect_origin(source or {})
        finite = {str(key): _finite(key, value) for key, value in metrics.items()}
        name, tested = self._kept(_series(series)), [str(series.index[at].date()) for at in (0, -1)]
        line = {"config_id": config_id, "data_id": data_id, "model": model, "metrics": finite, "returns_hash": name,
                "source": read_from, "tested": tested}  # fmt: skip
        return self.log.append(line)

    def read(self) -> list[dict[str, Any]]:
        """Check the chain and return all trials, oldest first."""
        return self.log.read()

    def count(self, data_id: str | None = None) -> int:
        """Return the number of distinct (configuration, model, outcome) scored so far, on some data or on all.

        A configuration scored again is the same trial only if its outcome is the same: a name that is reused for
        another signal makes another trial.
        """
        return len(self.distinct(data_id))

    def distinct(self, data_id: str | None = None) -> list[dict[str, Any]]:
        """Return the newest record of each distinct trial, on some data or on all, in the order of first records."""
        return _distinct(trial for trial in self.read() if data_id in (None, trial["data_id"]))

    def about(self, data_id: str, source: Mapping[str, str], first: date, last: date) -> list[dict[str, Any]]:
        """Return the distinct trials on the same data: the same panel, or the same origin and overlapping sessions.

        Another start, end or universe makes another panel with mostly the same bars, so the trials on both are counted
        together.

        Parameters
        ----------
        source : mapping
            See `alpha.data.seal.origin`.
        first, last : date
            The sessions tested now; a trial that was tested on any of them counts.
        """
        return list(self.family(data_id, source, first, last).trials.values())

    def family(self, data_id: str, source: Mapping[str, str], first: date, last: date) -> Family:
        """Return the trials of `about`, updated with those recorded since the last call.

        Only the new lines are read and checked, so that scoring one trial after another costs linear time.
        """
        key = data_id, tuple(sorted(source.items())), first, last
        if key not in self._families:
            self._families.clear()  # keep only the family in use
            self._families[key] = Family(self, data_id, source, first, last)
        self._families[key].refresh()
        return self._families[key]

    def scored_on(self, source: Mapping[str, str], first: date, last: date) -> int:
        """Return the number of distinct trials on an origin that were tested on a session from `first` to `last`."""
        return len(_distinct(trial for trial in self.read() if _tested_on(trial, source, first, last)))

    def series(self, trial: Mapping[str, Any]) -> pd.DataFrame:
        """Return the series of a trial, as given to `record`.

        Raises
        ------
        DataError
            ``trials_tampered``: the file is missing or was changed.
        """
        return read_series(series_folder(self.log) / f"{trial['returns_hash']}.npz")

    def _kept(self, series: pd.DataFrame) -> str:
        """Write the file of a series before the line that names it, so that no line names a missing file."""
        times = pd.DatetimeIndex(series.index).as_unit("ns").asi8
        values = numbers(series[list(SERIES)], "series")
        name = _name(times, values)
        path = series_folder(self.log) / f"{name}.npz"
        if not _sound(path):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OWNER.unavailable(self.log.path, error) from None
            unfinished = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
            with unfinished.open("wb") as file:
                np.savez_compressed(file, times=times, values=values)
            os.replace(unfinished, path)
        return name


class Family:
    """The distinct trials on the same data, and their effective number.

    Parameters
    ----------
    trials : Trials
    data_id, source, first, last
        As for `Trials.about`.
    """

    def __init__(self, trials: Trials, data_id: str, source: Mapping[str, str], first: date, last: date) -> None:
        self.trials: dict[tuple[str, ...], dict[str, Any]] = {}
        self._record, self._newest, self._effective = trials, START, EffectiveNumber()
        self._net: list[pd.Series] = []
        self._about = data_id, source, first, last

    def refresh(self) -> None:
        """Add the trials recorded since the last call."""
        data_id, source, first, last = self._about
        for line in self._record.log.tail(self._newest):
            self._newest = line["hash"]
            if line["data_id"] == data_id or _tested_on(line, source, first, last):
                self.trials[_identity(line)] = line

    @property
    def net(self) -> pd.DataFrame:
        """Net returns of shape (T, n), one column for each trial in order; NaN where a trial was not tested.

        Raises
        ------
        DataError
            ``trials_tampered``, as `Trials.series`.
        """
        self._load()
        return pd.DataFrame(dict(enumerate(self._net)))

    @property
    def effective(self) -> float:
        """The effective number of these trials; raises as `net` does."""
        self._load()
        return self._effective.value

    def _load(self) -> None:
        """Read the series that have not been read yet."""
        lines = list(self.trials.values())[len(self._net) :]
        fresh = [self._record.series(line)["net_returns"] for line in lines]
        if fresh:
            self._effective.add(pd.DataFrame(dict(enumerate(fresh))))
            self._net.extend(fresh)


def series_folder(log: Log) -> Path:
    """Return the folder of the series that the lines of a log name."""
    return log.path.with_name(f"{log.path.stem}-series")


def read_series(path: Path) -> pd.DataFrame:
    """Return the series of a trial from its file; see `Trials.series`."""
    times, values = _loaded(path)
    return pd.DataFrame(values, pd.DatetimeIndex(times.view("datetime64[ns]"), tz="UTC"), list(SERIES))


def _finite(name: str, value: float | None) -> float | None:
    """Return a metric as stored: None where it is not finite."""
    value = np.nan if value is None else number(value, f"metric {name!r}", missing=True)
    return float(value) if math.isfinite(value) else None


def _series(series: pd.DataFrame) -> pd.DataFrame:
    """Check the series of a trial and return it in the form that is stored."""
    expect(series, pd.DataFrame, f"series must be a frame of {' and '.join(SERIES)}, a row for each that was tested")
    index = series.index
    ordered = isinstance(index, pd.DatetimeIndex) and index.is_monotonic_increasing and index.is_unique
    if not ordered or index.hasnans or not len(index) or not {*SERIES} <= {*series.columns}:
        raise DataError(
            f"series must have the columns {' and '.join(SERIES)}, and as index the times of the tested rows in order; "
            f"it has {', '.join(map(str, series.columns)) or 'no column'} and {len(index)} rows of {index.dtype}",
            code="bad_series",
        )
    return series


def _distinct(trials: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({_identity(trial): trial for trial in trials}.values())


def _tested_on(trial: Mapping[str, Any], source: Mapping[str, str], first: date, last: date) -> bool:
    begun, ended = trial["tested"]
    return overlap(trial.get("source", {}), source) and begun <= str(last) and str(first) <= ended


def _identity(trial: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the key by which trials are distinct."""
    return trial["config_id"], trial["data_id"], trial["model"], trial["returns_hash"]


def _loaded(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the times and values of a series, after checking its file against the hash in its name."""
    try:
        with np.load(path, allow_pickle=False) as file:
            times, values = file["times"], file["values"]
    except _UNREADABLE as error:
        raise DataError(f"{path} cannot be read: {error}; restore it", code="trials_tampered") from None
    if _name(times, values) != path.stem:
        raise DataError(f"{path} is not as it was written; restore it", code="trials_tampered")
    return times, values


def _sound(path: Path) -> bool:
    try:
        _loaded(path)
    except DataError:
        return False
    return True


def _name(times: np.ndarray, values: np.ndarray) -> str:
    return digest(np.ascontiguousarray(times).tobytes() + np.ascontiguousarray(values).tobytes())
