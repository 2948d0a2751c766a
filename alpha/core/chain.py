"""A file that only grows: JSON objects, one a line, in which any change of what was written shows."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from alpha.core.errors import AlphaError, ConfigError, DataError
from alpha.core.identity import canonical, digest

START = "0" * 64


@dataclass(frozen=True)
class Chain:
    """An append-only log.

    Each line holds the hash of the line before it, and ``<name>.head`` beside the file holds the number of lines and
    the hash of the newest, so that editing, dropping, moving or cutting off lines shows. (Whoever writes both anew can
    still deceive: compare with the count and hash in an earlier report.) Several processes may append at once.

    Parameters
    ----------
    path : Path
    noun : str
        What a line records, in the plural; begins the codes of its errors.
    key : str
        The key of the configuration that names the file.
    error : type of AlphaError
        What is raised where the file is not as it was written: who must act.
    changed : str
        Ends the code of that error.
    """

    path: Path
    noun: str
    key: str
    error: type[AlphaError] = DataError
    changed: str = "tampered"

    def append(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Add one record, with the instant, unless it has one, and the hash of the line before; return the line.

        Raises as `append_after` does.
        """
        return self.append_after(lambda known: record)

    def append_after(self, make: Callable[[list[dict[str, Any]]], Mapping[str, Any]]) -> dict[str, Any]:
        """Add the record that `make` makes of all lines so far; no other process adds one in between.

        Raises
        ------
        DataError, or `error`
            ``<noun>_tampered`` if the file was changed by anything else; ``<noun>_torn`` if its last line is cut off.
        ConfigError
            ``<noun>_unavailable``.
        """
        with self._opened("a+", fcntl.LOCK_EX) as file:
            text = file.read()
            known = self._checked(text)
            at = datetime.now(UTC).isoformat(timespec="seconds")
            line = {"at": at, **make(known), "previous": known[-1]["hash"] if known else START}
            line["hash"] = digest(line)
            ended = not text or text.endswith("\n")
            if not known or self._read_head()[0] < len(known):  # none yet, or a crash came before it
                self._set_head(len(known), line["previous"])
            file.write(("" if ended else "\n") + canonical(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
            self._set_head(len(known) + 1, line["hash"])
        return line

    def read(self) -> list[dict[str, Any]]:
        """Return all lines, oldest first, once the chain is checked; raises as `append_after` does."""
        if not self.path.exists():
            return self._checked("")
        with self._opened("r", fcntl.LOCK_SH) as file:
            return self._checked(file.read())

    def prepare(self, folder: Path) -> None:
        """Make a folder for what belongs to the log; raises `ConfigError` as `append` does."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unavailable(error) from None

    @property
    def _head(self) -> Path:
        return self.path.with_name(f"{self.path.name}.head")

    def _set_head(self, count: int, seal: str) -> None:
        """Replace the head, whole or not at all; a crash before this leaves it a line behind, which is allowed.

        It is never two behind: who appends brings it up first. Lines without a head are never as they were written.
        """
        unfinished = self._head.with_suffix(".part")
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(f"{count} {seal}\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, self._head)

    @contextmanager
    def _opened(self, mode: str, lock: int) -> Iterator[IO[str]]:
        """Open the file at its start, once no other process is in its way."""
        self.prepare(self.path.parent)
        try:
            file = self.path.open(mode, encoding="utf-8", errors="replace")
        except OSError as error:
            raise self._unavailable(error) from None
        with file:
            fcntl.flock(file, lock)
            file.seek(0)
            yield file

    def _checked(self, text: str) -> list[dict[str, Any]]:
        """Return the lines; one more than the head tells of may be there, written when a crash came before the head."""
        found: list[dict[str, Any]] = []
        told, newest = self._read_head()
        lines = text.removesuffix("\n").split("\n") if text else []
        for number, line in enumerate(lines, start=1):
            record = _parsed(line)
            torn = number == len(lines) == told + 1 and line.startswith("{") and not text.endswith("\n")
            if record is None and torn:
                raise self.error(f"line {number}, the last of {self.path}, is cut off, as by a crash while it was "
                                 f"written; remove that line, and no other", code=f"{self.noun}_torn")  # fmt: skip
            if record is None or record.get("previous") != (found[-1]["hash"] if found else START):
                raise self._tampered(f"line {number} of {self.path} is not as it was written")
            found.append(record)
        if found and not self._head.exists():
            raise self._tampered(f"{self._head} is gone, and {self.path} holds {len(found)} lines")
        if not told <= len(found) <= told + 1 or (told and found[told - 1]["hash"] != newest):
            raise self._tampered(f"{self.path} holds {len(found)} lines, and not as {self._head.name} tells, of {told}")
        return found

    def _read_head(self) -> tuple[int, str]:
        """Return how many lines there are, and the hash of the newest."""
        if not self._head.exists():
            return 0, START
        try:
            count, seal = self._head.read_text(encoding="utf-8").split()
            return int(count), seal
        except (OSError, ValueError) as error:
            raise self._tampered(f"{self._head} cannot be read: {error}") from None

    def _unavailable(self, error: OSError) -> ConfigError:
        return ConfigError(f"{self.key}: no {self.noun} can be kept in {self.path}: {error}; name another file",
                           code=f"{self.noun}_unavailable")  # fmt: skip

    def _tampered(self, what: str) -> AlphaError:
        return self.error(f"{what}; restore both files from a copy", code=f"{self.noun}_{self.changed}")


def _parsed(line: str) -> dict[str, Any] | None:
    """Return what a line says; None where its hash is not that of it."""
    try:
        record = json.loads(line)
        seal = record.pop("hash", None) if isinstance(record, dict) else None
        return {**record, "hash": seal} if seal == digest(record) else None
    except (ValueError, RecursionError):  # no JSON; a NaN, which has no hash; endless nesting
        return None
