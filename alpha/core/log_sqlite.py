"""Append-only logs in one SQLite file, for many writers."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alpha.core.identity import canonical
from alpha.core.log import START, Line, Owner, back_to, forward, linked, parsed

PATIENCE = 60.0  # seconds to wait for another writer
UNUSABLE = "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_BUSY", "SQLITE_FULL", "SQLITE_IOERR"
TABLES = f"""
CREATE TABLE lines (seq INTEGER PRIMARY KEY, line TEXT NOT NULL);
CREATE TABLE head (count INTEGER NOT NULL, hash TEXT NOT NULL);
INSERT INTO head VALUES (0, '{START}');
"""
NEWEST_FIRST = "SELECT line FROM lines ORDER BY seq DESC"


@dataclass(frozen=True)
class SqliteLog:
    """A log in one SQLite file; see `Log`. One transaction writes a line and the head, so a crash cannot part them."""

    path: Path
    owner: Owner

    def append(self, record: Mapping[str, Any]) -> Line:
        """Add one record and return its line; see `Log.append`."""
        with self._opened("BEGIN IMMEDIATE") as db:
            return self._write(db, *self._end(db), record)

    def append_after(self, make: Callable[[list[Line]], Mapping[str, Any]]) -> Line:
        """Add the record that `make` returns for all lines so far; see `Log.append_after`."""
        with self._opened("BEGIN IMMEDIATE") as db:
            known = list(self._checked(db))
            return self._write(db, len(known), known[-1]["hash"] if known else START, make(known))

    def read(self) -> list[Line]:
        """Return all lines, oldest first; see `Log.read`."""
        if not self.path.exists():
            return []
        with self._opened("BEGIN") as db:
            return list(self._checked(db))

    def verify(self) -> int:
        """Check every line and return how many there are; see `Log.verify`."""
        if not self.path.exists():
            return 0
        with self._opened("BEGIN") as db:
            return sum(1 for _ in self._checked(db))

    def tail(self, after: str) -> list[Line]:
        """Return the lines that follow the one with the hash `after`; see `Log.tail`."""
        if not self.path.exists() and after == START:
            return []
        with self._opened("BEGIN") as db:
            newest_first = (row[0] for row in db.execute(NEWEST_FIRST))
            return back_to(after, newest_first, *self._end(db), self.path, self.owner)

    def _write(self, db: sqlite3.Connection, count: int, previous: str, record: Mapping[str, Any]) -> Line:
        line = linked(record, previous)
        db.execute("INSERT INTO lines VALUES (?, ?)", (count + 1, canonical(line)))
        db.execute("UPDATE head SET count = ?, hash = ?", (count + 1, line["hash"]))
        db.execute("COMMIT")
        return line

    def _end(self, db: sqlite3.Connection) -> tuple[int, str]:
        """Check the last line against the head; return the number of lines and the hash of the newest."""
        count, newest = self._read_head(db)
        last = db.execute("SELECT seq, line FROM lines ORDER BY seq DESC LIMIT 1").fetchone()
        line = parsed(last[1]) if last else {"hash": START}
        if line is None or (last[0] if last else 0, line["hash"]) != (count, newest):
            raise self.owner.tampered(f"the last line of {self.path} is not as it was written, or not the one that its "
                                      f"head names")  # fmt: skip
        return count, newest

    def _checked(self, db: sqlite3.Connection) -> Iterator[Line]:
        head, last = self._read_head(db), (0, START)
        rows = db.execute("SELECT line FROM lines ORDER BY seq")
        for number, line in enumerate(forward((row[0] for row in rows), self.path, self.owner), start=1):
            last = number, line["hash"]
            yield line
        if last != head:
            raise self.owner.tampered(f"{self.path} holds {last[0]} lines, which are not the {head[0]} of its head")

    def _read_head(self, db: sqlite3.Connection) -> tuple[int, str]:
        heads = db.execute("SELECT count, hash FROM head").fetchall()
        if len(heads) != 1 or not isinstance(heads[0][1], bytes):
            raise self.owner.tampered(f"the head of {self.path} is not as it was written")
        return heads[0][0], heads[0][1].decode(errors="replace")

    @contextmanager
    def _opened(self, begin: str) -> Iterator[sqlite3.Connection]:
        """Open the file, creating it if needed, and begin a transaction."""
        try:
            if not self.path.exists():
                _create(self.path)
            with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=rw", uri=True, timeout=PATIENCE,
                                         isolation_level=None)) as db:  # fmt: skip
                db.text_factory = bytes
                db.execute("PRAGMA synchronous=FULL")
                db.execute(begin)
                yield db
        except OSError as error:
            raise self.owner.unavailable(self.path, error) from None
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "").startswith(UNUSABLE):
                raise self.owner.unavailable(self.path, error) from None
            raise self.owner.tampered(f"{self.path} cannot be read: {error}") from None


def _create(path: Path) -> None:
    """Create an empty log at `path` atomically; do nothing if another process was first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        new = Path(folder) / "log"
        with closing(sqlite3.connect(new)) as db:
            db.executescript(TABLES)
        try:
            os.link(new, path)
        except FileExistsError:
            return
