"""Append-only journals of events: one in memory for backtests, one on disk that survives a kill at any instant."""

from __future__ import annotations

import fcntl
import json
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

from alpha.core.errors import BrokerError
from alpha.core.identity import canonical, digest
from alpha.execution.events import Event

SCHEMA = 2
_MAGIC = b"SQLite format 3\0"
_HEAD = re.compile(r"(\d{1,18}) ([0-9a-f]{64})")

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE, bar TEXT NOT NULL, symbol TEXT NOT NULL,
    quantity REAL NOT NULL, price REAL NOT NULL, cash INTEGER NOT NULL, note TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TRIGGER events_not_edited BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER events_not_removed BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
"""
_COLUMNS = "kind, id, bar, symbol, quantity, price, cash, note"


class Journal(Protocol):
    """The record of one run. An account is the sum of its events and nothing else."""

    run: str

    def append(self, events: Sequence[Event]) -> None:
        """Keep all of `events` or none, durably before it returns; one that is there already is ignored.

        Raises
        ------
        BrokerError
            With code ``journal_conflict``: another event has the same id.
        """

    def events(self) -> Iterator[Event]:
        """Yield every event in the order of writing."""


def _conflict(known: Event, event: Event) -> BrokerError:
    return BrokerError(f"one id names one event; the journal has {known}, not {event}", code="journal_conflict")


class MemoryJournal:
    """A journal that ends with the process."""

    def __init__(self, run: str = "backtest") -> None:
        self.run = run
        self._events: dict[str, Event] = {}

    def append(self, events: Sequence[Event]) -> None:
        """Keep all of `events` or none; see `Journal.append`."""
        fresh: dict[str, Event] = {}
        for event in events:
            known = self._events.get(event.id) or fresh.setdefault(event.id, event)
            if known is not event and known != event:
                raise _conflict(known, event)
        self._events.update(fresh)

    def events(self) -> Iterator[Event]:
        """Yield every event in the order of writing."""
        yield from tuple(self._events.values())


class SqliteJournal:
    """A journal in one SQLite file, for one writer at a time.

    An append is one transaction that is on disk (WAL, ``synchronous=FULL``) before it returns. Triggers refuse to
    edit or remove a row, and every row carries the hash of the row before it and of itself: a file changed by
    anything but an append is refused when it is read.

    Parameters
    ----------
    path : path
        Created where it does not exist, whole or not at all.
    run : str, optional
        Name of the run, which the file must carry; may be left out for a file that exists.
    readonly : bool
        Only read, beside a writer if there is one: for reports.

    Raises
    ------
    BrokerError
        ``ledger_in_use``: another process writes it. ``journal_absent``: nothing to read. ``journal_damaged``: not a
        database, or a broken one. ``journal_tampered``: rows were edited, removed or inserted.
        ``journal_schema``, ``journal_run``: of another version, of another run (an empty one takes the new name).
        ``journal_unavailable``: it cannot be made, or an append failed and left nothing. Nothing is ever overwritten.
    """

    def __init__(self, path: str | Path, run: str | None = None, *, readonly: bool = False) -> None:
        self.path = Path(path)
        _check_file(self.path)
        file = self.path.resolve()  # a link to a journal is the journal: one lock, and a file that is not replaced
        self._lock = None if readonly else _locked(file)
        with ExitStack() as undo:
            undo.callback(self.close)
            if not file.exists():
                with self._refusing("journal_unavailable"):
                    _create(file, run, readonly)
            with self._refusing("journal_damaged"):
                where = f"{file.as_uri()}?mode={'ro' if readonly else 'rw'}"
                self._db = sqlite3.connect(where, uri=True, isolation_level=None)
                self.run = self._opened(run)
                if not readonly:
                    self._db.execute("PRAGMA journal_mode=WAL")
                    self._db.execute("PRAGMA synchronous=FULL")
            undo.pop_all()

    def _opened(self, run: str | None) -> str:
        """Check that this is a whole journal of this schema and run."""
        problem = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise sqlite3.DatabaseError(problem)
        meta = dict(self._db.execute("SELECT key, value FROM meta"))
        if meta.get("schema") != str(SCHEMA):
            raise BrokerError(f"{self.path} has journal schema {meta.get('schema')}; this version reads {SCHEMA}",
                              code="journal_schema")  # fmt: skip
        if lost := {"run", "head"} - set(meta):
            raise self._tampered(f"its {min(lost)} is gone")
        if run is None or meta["run"] == run:
            return str(meta["run"])
        if self._lock is None or self._head()[0] > 0:
            raise BrokerError(f"{self.path} holds the run {meta['run']!r}, not {run!r}; "
                              f"name another one with --ledger", code="journal_run")  # fmt: skip
        named = [("run", run), ("head", f"0 {_genesis(run)}")]  # nothing ever happened in it
        self._db.executemany("UPDATE meta SET value = ?2 WHERE key = ?1", named)
        return run

    def append(self, events: Sequence[Event]) -> None:
        """Keep all of `events` or none, on disk before it returns; see `Journal.append`."""
        with self._refusing("journal_unavailable"):
            self._db.execute("BEGIN IMMEDIATE")
            with ExitStack() as undo:
                undo.callback(self._db.execute, "ROLLBACK")
                self._insert(events)
                undo.pop_all()
            self._db.execute("COMMIT")

    def _insert(self, events: Sequence[Event]) -> None:
        count, last = self._head()
        for event in events:
            row = _row(event.checked())
            known = self._db.execute(f"SELECT {_COLUMNS} FROM events WHERE id = ?", (event.id,)).fetchone()
            if known is None:
                count, last = count + 1, _chained(last, count + 1, row)
                self._db.execute("INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?,?)", (count, *row, last))
            elif known != row:
                raise _conflict(_event(known), event)
        self._db.execute("UPDATE meta SET value = ? WHERE key = 'head'", (f"{count} {last}",))

    def _head(self) -> tuple[int, str]:
        """Return how many rows there are and the digest of the last one."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'head'").fetchone()
        head = _HEAD.fullmatch(str(row[0])) if row else None
        if head is None:
            raise self._tampered("its head is not one that was written")
        return int(head[1]), head[2]

    def events(self) -> Iterator[Event]:
        """Yield every event in the order of writing, each checked against the chain of hashes.

        Raises
        ------
        BrokerError
            With code ``journal_tampered``, at the first row that is not what was appended.
        """
        with self._refusing("journal_damaged"):
            self._db.execute("BEGIN")  # one snapshot, beside a writer
            head, expected = self._head()
            rows = self._db.execute(f"SELECT seq, digest, {_COLUMNS} FROM events ORDER BY seq").fetchall()
            self._db.execute("COMMIT")
        last = _genesis(self.run)
        for number, (seq, mark, *row) in enumerate(rows, start=1):
            last = _chained(last, number, row)
            if seq != number or mark != last:
                raise self._tampered(f"row {seq} is not what was written there")
            yield _event(row)
        if (len(rows), last) != (head, expected):
            raise self._tampered(f"it has {len(rows)} rows; {head} were written")

    def _tampered(self, what: str) -> BrokerError:
        return BrokerError(f"{self.path} was changed after it was written: {what}; restore it from a copy",
                           code="journal_tampered")  # fmt: skip

    @contextmanager
    def _refusing(self, code: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise BrokerError(f"{self.path} cannot be used as a journal: {error}", code=code) from None

    def close(self) -> None:
        """Close the file and let another writer have it."""
        if hasattr(self, "_db"):
            self._db.close()
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _genesis(run: str) -> str:
    return digest(f"alpha journal {SCHEMA} {run}")


def _chained(last: str, number: int, row: Sequence[Any]) -> str:
    """Return the hash of a row and of the one before it; none where it holds an infinity, which no append writes."""
    try:
        return digest([last, number, *row])
    except ValueError:
        return ""


def _row(event: Event) -> tuple[str, str, str, str, float, float, int, str]:
    """Return the row of an event with the types that come back: floats are floats, and there is no -0.0."""
    kind, name, bar, symbol, quantity, price, cash, note = event
    return kind, name, bar, symbol, float(quantity) + 0.0, float(price) + 0.0, int(cash), canonical(note)


def _event(row: Sequence[Any]) -> Event:
    return Event._make((*row[:-1], json.loads(row[-1])))


def _check_file(path: Path) -> None:
    """Refuse what is no database before anything is written beside it."""
    if path.is_dir():
        raise BrokerError(f"{path} is a folder; a journal is a file: name one in it", code="journal_unavailable")
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise BrokerError(f"{path} cannot be used as a journal: {error}", code="journal_unavailable") from None
    if head != _MAGIC:
        raise BrokerError(f"{path} cannot be used as a journal: it is no SQLite file; name another",
                          code="journal_damaged")  # fmt: skip


def _locked(path: Path) -> IO[str]:
    """Take the one writer's place. The kernel gives it back when the process ends, however it ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(path.name + ".lock").open("w")
    except OSError as error:
        raise BrokerError(f"no journal can be kept at {path}: {error}", code="journal_unavailable") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise BrokerError(f"another process writes {path}; stop it first, or read with readonly=True",
                          code="ledger_in_use") from None  # fmt: skip
    return lock


def _create(path: Path, run: str | None, readonly: bool) -> None:
    """Write an empty journal beside `path`, then rename it: a file that exists is a whole one."""
    if readonly or run is None:
        raise BrokerError(f"there is no journal at {path}", code="journal_absent")
    new = path.with_name(path.name + ".new")
    for left_over in (new, new.with_name(new.name + "-journal")):
        left_over.unlink(missing_ok=True)
    db = sqlite3.connect(new, isolation_level=None)
    db.executescript(f"PRAGMA synchronous=FULL; BEGIN; {_TABLES}")
    rows = [("schema", str(SCHEMA)), ("run", run), ("head", f"0 {_genesis(run)}")]
    db.executemany("INSERT INTO meta VALUES (?, ?)", rows)
    db.execute("COMMIT")
    db.close()
    os.replace(new, path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
