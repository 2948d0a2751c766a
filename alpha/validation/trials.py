"""How many configurations were tried: the count that a good-looking result must be discounted by."""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pandas as pd

from alpha.core.errors import DataError
from alpha.core.identity import canonical, digest

_START = "0" * 64


@dataclass(frozen=True)
class Trials:
    """An append-only file of everything that was scored, one JSON object a line.

    Each line holds the hash of the line before it, so that editing, dropping or moving a line shows. (Cutting off the
    newest lines does not: compare the count with that of an earlier report.) Several processes may append at once.
    """

    path: Path

    def record(self, config_id: str, data_id: str, model: str, ic: float) -> None:
        """Append one trial.

        Raises
        ------
        DataError
            `trials_tampered` if the file was changed by anything else.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+", encoding="utf-8", errors="replace") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            trial = {
                "at": pd.Timestamp.now("UTC").isoformat(timespec="seconds"),
                "config_id": config_id,
                "data_id": data_id,
                "model": model,
                "ic": ic if math.isfinite(ic) else None,
                "previous": (self._read(file) or [{"hash": _START}])[-1]["hash"],
            }
            file.write(canonical({**trial, "hash": digest(trial)}) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def count(self, data_id: str | None = None) -> int:
        """Return the number of distinct (configuration, model) scored so far, on some data or on all."""
        trials = [trial for trial in self.read() if data_id in (None, trial["data_id"])]
        return len({(trial["config_id"], trial["data_id"], trial["model"]) for trial in trials})

    def read(self) -> list[dict[str, Any]]:
        """Return all trials, oldest first, once the chain is checked."""
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8", errors="replace") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            return self._read(file)

    def _read(self, file: IO[str]) -> list[dict[str, Any]]:
        file.seek(0)
        trials: list[dict[str, Any]] = []
        for number, line in enumerate(file, start=1):
            trial = _parsed(line)
            previous = trials[-1]["hash"] if trials else _START
            if trial is None or trial["previous"] != previous or trial["hash"] != _hash(trial):
                raise DataError(
                    f"line {number} of {self.path} is not as it was written; restore the file", code="trials_tampered"
                )
            trials.append(trial)
        return trials


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        trial = json.loads(line)
    except ValueError:
        return None
    return trial if isinstance(trial, dict) and {"previous", "hash"} <= set(trial) else None


def _hash(trial: Mapping[str, Any]) -> str:
    return digest({key: value for key, value in trial.items() if key != "hash"})
