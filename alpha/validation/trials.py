"""How many configurations were tried: the count that a good-looking result must be discounted by."""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pandas as pd

from alpha.core.errors import ConfigError, DataError
from alpha.core.identity import canonical, digest

_START = "0" * 64


@dataclass(frozen=True)
class Trials:
    """An append-only file of everything that was scored, one JSON object a line.

    Each line holds the hash of the line before it, so that editing, dropping or moving a line shows. (Cutting off the
    newest lines does not: compare the count with that of an earlier report.) Several processes may append at once.

    `config_id` is the hash of the experiment (`Config.trial_id`) and `data_id` that of the panel: where bytes came from
    is in neither, so the same bars through another file are the same trial.
    """

    path: Path

    def record(self, config_id: str, data_id: str, model: str, ic: float) -> None:
        """Append one trial.

        Raises
        ------
        DataError
            `trials_tampered` if the file was changed by anything else; `trials_torn` if its last line is cut off.
        ConfigError
            `trials_unavailable`.
        """
        with self._opened("a+", fcntl.LOCK_EX) as file:
            text = file.read()
            trial = {
                "at": pd.Timestamp.now("UTC").isoformat(timespec="seconds"),
                "config_id": config_id,
                "data_id": data_id,
                "model": model,
                "ic": ic if math.isfinite(ic) else None,
                "previous": (self._checked(text) or [{"hash": _START}])[-1]["hash"],
            }
            ended = not text or text.endswith("\n")
            file.write(("" if ended else "\n") + canonical({**trial, "hash": digest(trial)}) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def count(self, data_id: str | None = None) -> int:
        """Return the number of distinct (configuration, model) scored so far, on some data or on all."""
        trials = [trial for trial in self.read() if data_id in (None, trial["data_id"])]
        return len({(trial["config_id"], trial["data_id"], trial["model"]) for trial in trials})

    def read(self) -> list[dict[str, Any]]:
        """Return all trials, oldest first, once the chain is checked; raises as `record` does."""
        if not self.path.exists():
            return []
        with self._opened("r", fcntl.LOCK_SH) as file:
            return self._checked(file.read())

    @contextmanager
    def _opened(self, mode: str, lock: int) -> Iterator[IO[str]]:
        """Open the file at its start, once no other process is in its way."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self.path.open(mode, encoding="utf-8", errors="replace")
        except OSError as error:
            raise ConfigError(f"paths.trials: no trials can be kept in {self.path}: {error}; name another file",
                              code="trials_unavailable") from None  # fmt: skip
        with file:
            fcntl.flock(file, lock)
            file.seek(0)
            yield file

    def _checked(self, text: str) -> list[dict[str, Any]]:
        trials: list[dict[str, Any]] = []
        lines = text.removesuffix("\n").split("\n") if text else []
        for number, line in enumerate(lines, start=1):
            trial = _parsed(line)
            if trial is None and number == len(lines) and line.startswith("{") and not text.endswith("\n"):
                raise DataError(f"line {number}, the last of {self.path}, is cut off, as by a crash while it was "
                                f"written; remove that line, and no other", code="trials_torn")  # fmt: skip
            if trial is None or trial.get("previous") != (trials[-1]["hash"] if trials else _START):
                raise DataError(f"line {number} of {self.path} is not as it was written; restore the file",
                                code="trials_tampered")  # fmt: skip
            trials.append(trial)
        return trials


def _parsed(line: str) -> dict[str, Any] | None:
    """Return what a line says; None where its hash is not that of it."""
    try:
        trial = json.loads(line)
        seal = trial.pop("hash", None) if isinstance(trial, dict) else None
        return {**trial, "hash": seal} if seal == digest(trial) else None
    except (ValueError, RecursionError):  # no JSON; a NaN, which has no hash; endless nesting
        return None
