"""Append-only logs of JSON objects, chained by hashes so that a change of any earlier line is found."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Protocol

from alpha.core.errors import AlphaError, ConfigError, DataError
from alpha.core.identity import canonical, digest

START = "0" * 64
"""The `previous` hash of the first line."""
BLOCK = 4096  # bytes read at once from the end of a file
HEAD = re.compile(rb"(\d{1,18}) ([0-9a-f]{64})\n?")
SQLITE = "sqlite:///"

Line = dict[str, Any]


class Log(Protocol):
    """An append-only log. Each line holds the hash of the line before it (``previous``) and its own (``hash``)."""

    @property
    def path(self) -> Path:
        """The file of the log."""

    def append(self, record: Mapping[str, Any]) -> Line:
        """Add one record and return its line; the cost does not depend on the length of the log.

        The line records the current instant as ``at``, unless the record has its own. Only the newest line is checked.

        Raises
        ------
        DataError, or the error of the log
            ``<noun>_tampered``: something other than Alpha changed the log. ``<noun>_torn``: its last line is cut off.
        ConfigError
            ``<noun>_unavailable``: the file cannot be used.
        """

    def append_after(self, make: Callable[[list[Line]], Mapping[str, Any]]) -> Line:
        """Add the record that `make` returns for all lines so far; no other process adds a line in between.

        All lines are read and checked, so the cost grows with the log. Raises as `append` does.
        """

    def read(self) -> list[Line]:
        """Check all lines and return them, oldest first; raises as `append` does."""

    def tail(self, after: str) -> list[Line]:
        """Return the lines that follow the one with the hash `after` (`START`: all), oldest first.

        Only these lines are read and checked, so the cost depends on the new lines alone. Raises as `append` does.
        """

    def verify(self) -> int:
        """Check every line; return how many there are. Raises as `append` does."""


@dataclass(frozen=True)
class Owner:
    """The errors of one kind of log: their class, their codes and their words.

    Parameters
    ----------
    noun : str
        Plural noun for the lines, such as ``trials``; the first part of the error codes.
    key : str
        The key of the configuration that names the log.
    error : type of AlphaError
        Class of the error for a log that was changed.
    changed : str
        Last part of the code of that error.
    """

    noun: str
    key: str
    error: type[AlphaError] = DataError
    changed: str = "tampered"

    def tampered(self, what: str) -> AlphaError:
        """Return the error for a log that was changed."""
        return self.error(f"{what}; restore it from a copy", code=f"{self.noun}_{self.changed}")

    def torn(self, number: int, path: Path) -> AlphaError:
        """Return the error for a log whose last line is incomplete."""
        return self.error(f"line {number}, the last of {path}, is cut off, as by a crash while it was written; remove "
                          f"that line, and no other", code=f"{self.noun}_torn")  # fmt: skip

    def edited(self, number: int, path: Path) -> AlphaError:
        """Return the error for a line that was changed."""
        return self.tampered(f"line {number} of {path} is not as it was written")

    def unavailable(self, path: Path, error: Exception) -> ConfigError:
        """Return the error for a path where no log can be kept."""
        return ConfigError(f"{self.key}: no {self.noun} can be kept in {path}: {error}; name another file",
                           code=f"{self.noun}_unavailable")  # fmt: skip


def place(where: str | Path) -> str | Path:
    """Return the place of a log: a URL unchanged, anything else as a path."""
    return str(where) if str(where).startswith(SQLITE) else Path(where)


def open_log(where: str | Path, owner: Owner) -> Log:
    """Return the log at a path, or at a URL such as ``sqlite:///artifacts/trials.sqlite``."""
    found = place(where)
    if isinstance(found, Path):
        return FileLog(found, owner)
    from alpha.core.log_sqlite import SqliteLog

    return SqliteLog(Path(found.removeprefix(SQLITE)), owner)


@dataclass(frozen=True)
class FileLog:
    """A log in a file of JSON lines; several processes and threads may append to it at once.

    ``<name>.head`` beside the file holds the number of lines and the hash of the newest, so that a line that was
    edited, dropped, moved or cut off is found. It is replaced after the line is on disk: a crash in between leaves it
    one line behind, which is allowed, and the next append updates it first. A person who rewrites both files is not
    found this way: compare with the count and hash in an earlier report.
    """

    path: Path
    owner: Owner

    def append(self, record: Mapping[str, Any]) -> Line:
        """Add one record and return its line; see `Log.append`."""
        with self._opened("a+b", fcntl.LOCK_EX) as file:
            return self._write(file, *self._end(file), record)

    def append_after(self, make: Callable[[list[Line]], Mapping[str, Any]]) -> Line:
        """Add the record that `make` returns for all lines so far; see `Log.append_after`."""
        with self._opened("a+b", fcntl.LOCK_EX) as file:
            known = list(self._checked(file))
            return self._write(file, len(known), known[-1]["hash"] if known else START, make(known))

    def read(self) -> list[Line]:
        """Return all lines, oldest first; see `Log.read`."""
        with self._reading() as file:
            return list(self._checked(file))

    def verify(self) -> int:
        """Check every line and return how many there are; see `Log.verify`."""
        with self._reading() as file:
            return sum(1 for _ in self._checked(file))

    def tail(self, after: str) -> list[Line]:
        """Return the lines that follow the one with the hash `after`; see `Log.tail`."""
        with self._reading() as file:
            return back_to(after, _backwards(file), *self._end(file), self.path, self.owner)

    def _write(self, file: IO[bytes], count: int, previous: str, record: Mapping[str, Any]) -> Line:
        line = linked(record, previous)
        if not count or self._read_head()[0] < count:  # there is no head yet, or a crash came before it was replaced
            self._set_head(count, previous)
        start = b"" if _ended(file) else b"\n"
        file.write(start + canonical(line).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
        self._set_head(count + 1, line["hash"])
        return line

    def _end(self, file: IO[bytes]) -> tuple[int, str]:
        """Check the last lines against the head; return the number of lines and the hash of the newest."""
        count, newest = self._read_head()
        last = [text for text, _ in zip(_backwards(file), range(2), strict=False)]
        if not last:
            if count:
                raise self._other_count(0, count)
            return 0, START
        self._expect_head(count)
        line = parsed(last[0])
        if line is not None and count and line["hash"] == newest:
            return count, newest
        before = parsed(last[1]) if last[1:] else {"hash": START}
        follows = before is not None and before["hash"] == newest and bool(last[1:]) == bool(count)
        if line is None and follows and _cut_off(last[0], file):
            raise self.owner.torn(count + 1, self.path)
        if line is None or not follows or line["previous"] != newest:
            raise self.owner.tampered(f"the last line of {self.path} is not as it was written, or not the one that "
                                      f"{self._head.name} names")  # fmt: skip
        return count + 1, line["hash"]

    def _checked(self, file: IO[bytes]) -> Iterator[Line]:
        """Yield each line; after a crash there may be one line more than the head counts."""
        count, newest = self._read_head()
        file.seek(0)
        number, at_count = 0, START
        for number, line in enumerate(forward(self._whole(file, count), self.path, self.owner), start=1):
            at_count = line["hash"] if number == count else at_count
            yield line
        if not count <= number <= count + 1 or at_count != newest:
            raise self._other_count(number, count)

    def _whole(self, file: IO[bytes], count: int) -> Iterator[bytes]:
        """Yield the text of each line; refuse a line that is cut off."""
        for number, text in enumerate(file, start=1):
            self._expect_head(count)
            content = text.removesuffix(b"\n")
            if number == count + 1 and content == text and content.startswith(b"{") and parsed(content) is None:
                raise self.owner.torn(number, self.path)
            yield content

    @property
    def _head(self) -> Path:
        return self.path.with_name(f"{self.path.name}.head")

    def _read_head(self) -> tuple[int, str]:
        """Return the number of lines and the hash of the newest, as the head records them."""
        try:
            written = self._head.read_bytes()
        except FileNotFoundError:
            return 0, START
        except OSError as error:
            raise self.owner.tampered(f"{self._head} cannot be read: {error}") from None
        head = HEAD.fullmatch(written)
        if head is None:
            raise self.owner.tampered(f"{self._head} is not a number of lines and a hash, as it was written")
        return int(head[1]), head[2].decode()

    def _expect_head(self, count: int) -> None:
        if not count and not self._head.exists():  # lines are never written before a head
            raise self.owner.tampered(f"{self._head} is gone, and {self.path} holds lines")

    def _set_head(self, count: int, seal: str) -> None:
        """Replace the head atomically."""
        unfinished = self._head.with_suffix(".part")
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(f"{count} {seal}\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, self._head)

    @contextmanager
    def _opened(self, mode: str, lock: int) -> Iterator[IO[bytes]]:
        """Open the file, and wait for its lock."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self.path.open(mode)
        except OSError as error:
            raise self.owner.unavailable(self.path, error) from None
        with file:
            fcntl.flock(file, lock)
            yield file

    @contextmanager
    def _reading(self) -> Iterator[IO[bytes]]:
        """Open the file for reading; a file that does not exist has no lines."""
        if self.path.exists():
            with self._opened("rb", fcntl.LOCK_SH) as file:
                yield file
        else:
            yield BytesIO()

    def _other_count(self, number: int, count: int) -> AlphaError:
        return self.owner.tampered(f"{self.path} holds {number} lines, which are not the {count} of {self._head.name}")


def linked(record: Mapping[str, Any], previous: str) -> Line:
    """Return the line of a record that follows the line with the hash `previous`."""
    line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **record, "previous": previous}
    return {**line, "hash": digest(line)}


def parsed(text: bytes) -> Line | None:
    """Return the line of a text; None if any byte of it was changed."""
    try:
        line = json.loads(text)
        if not isinstance(line, dict) or canonical(line).encode() != text:
            return None
        seal = line.pop("hash", None)
        return {**line, "hash": seal} if seal == digest(line) and "previous" in line else None
    except (ValueError, RecursionError):  # not JSON; NaN, which has no hash; nested too deeply
        return None


def forward(texts: Iterable[bytes], path: Path, owner: Owner) -> Iterator[Line]:
    """Check and yield the lines of these texts, which begin with the first line of the log."""
    seal = START
    for number, text in enumerate(texts, start=1):
        line = parsed(text)
        if line is None or line["previous"] != seal:
            raise owner.edited(number, path)
        seal = line["hash"]
        yield line


def back_to(after: str, texts: Iterable[bytes], count: int, newest: str, path: Path, owner: Owner) -> list[Line]:
    """Return the lines after the one with the hash `after`, from texts that begin with the newest of `count` lines."""
    found: list[Line] = []
    for number, text in zip(range(count, 0, -1), texts, strict=False):
        if newest == after:
            break
        line = parsed(text)
        if line is None or line["hash"] != newest:
            raise owner.edited(number, path)
        newest = line["previous"]
        found.append(line)
    if newest != after:
        raise owner.tampered(f"{path} no longer holds the line that was read last")
    return found[::-1]


def _backwards(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file, last line first, reading only as much as the caller takes."""
    at = file.seek(0, os.SEEK_END)
    rest, first = b"", True
    while at:
        start = max(0, at - BLOCK)
        file.seek(start)
        rest = file.read(at - start) + rest
        at = start
        if first:
            rest, first = rest.removesuffix(b"\n"), False
        rest, *lines = rest.split(b"\n")
        yield from reversed(lines)
    if not first:
        yield rest


def _ended(file: IO[bytes]) -> bool:
    """Return whether the file is empty, or its last line is complete."""
    if not file.seek(0, os.SEEK_END):
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _cut_off(text: bytes, file: IO[bytes]) -> bool:
    """Return whether a line that cannot be parsed is an incomplete one at the end of the file."""
    return text.startswith(b"{") and not _ended(file)
