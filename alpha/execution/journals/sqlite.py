"""A journal on disk that survives a kill at any instant."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from alpha.core.errors import BrokerError
from alpha.core.identity import digest
from alpha.execution.events import Event
from alpha.execution.journals import schema2
from alpha.execution.journals.files import check_file, locked, publish, unfinished
from alpha.execution.journals.protocol import conflict, decoded, encoded

SCHEMA = 3
_HEAD = re.compile(r"(\d{1,18}) ([0-9a-f]{64})")
_META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
_EVENTS = (
    "CREATE TABLE events (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE, bar TEXT NOT NULL, "
    "payload TEXT NOT NULL, digest TEXT NOT NULL)",
    "CREATE TRIGGER events_not_edited BEFORE UPDATE ON events "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    "CREATE TRIGGER events_not_removed BEFORE DELETE ON events "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
)
_COLUMNS = {3: "kind, id, bar, payload", 2: schema2.COLUMNS}  # by schema


class SqliteJournal:
    """A journal in one SQLite file, for one writer at a time.

    An append is one transaction that is on disk (WAL, ``synchronous=FULL``) before it returns. Triggers refuse to
    edit or remove a row, and every row carries the hash of the row before it and of itself: a file changed by
    anything but an append is refused when it is read.

    A file of schema 2 is migrated when it is opened for writing, in one transaction; ``<name>.schema2`` keeps it as it
    was. A reader reads it as it is.

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
        check_file(self.path)
        file = self.path.resolve()  # a link to a journal is the journal: one lock, and a file that is not replaced
        self._lock = None if readonly else locked(file)
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
            if not readonly:
                with self._refusing("journal_unavailable"):
                    self._migrate(file)
            undo.pop_all()

    def _opened(self, run: str | None) -> str:
        """Check that this is a whole journal of a known schema and of this run."""
        problem = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise sqlite3.DatabaseError(problem)
        schema, meta = self._schema(), dict(self._db.execute("SELECT key, value FROM meta"))
        if lost := {"run", "head"} - set(meta):
            raise self._tampered(f"its {min(lost)} is gone")
        if run is None or meta["run"] == run:
            return str(meta["run"])
        if self._lock is None or self._head()[0] > 0:
            raise BrokerError(f"{self.path} holds the run {meta['run']!r}, not {run!r}; "
                              f"name another one with --ledger", code="journal_run")  # fmt: skip
        self._set(run=run, head=f"0 {_genesis(schema, run)}")  # nothing ever happened in it
        return run

    def _schema(self) -> int:
        found = self._db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        schemas = {str(schema): schema for schema in _COLUMNS}
        if found is None or found[0] not in schemas:
            raise BrokerError(f"{self.path} has journal schema {found and found[0]}; this version reads "
                              f"{' and '.join(sorted(schemas))}", code="journal_schema")  # fmt: skip
        return schemas[found[0]]

    def _set(self, **meta: str) -> None:
        self._db.executemany("UPDATE meta SET value = ?2 WHERE key = ?1", list(meta.items()))

    def _migrate(self, file: Path) -> None:
        """Write the events of an older schema anew in this one, all or nothing, after a copy was made."""
        if self._schema() == SCHEMA:
            return
        events = list(self.events())
        schema2.keep_copy(self._db, file)
        with self._transaction():
            self._db.execute("DROP TABLE events")
            for statement in _EVENTS:
                self._db.execute(statement)
            self._set(schema=str(SCHEMA), head=f"0 {_genesis(SCHEMA, self.run)}")
            self._insert(events)

    def append(self, events: Sequence[Event]) -> None:
        """Keep all of `events` or none, on disk before it returns; see `Journal.append`."""
        with self._refusing("journal_unavailable"), self._transaction():
            self._insert(events)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        with ExitStack() as undo:
            undo.callback(self._db.execute, "ROLLBACK")
            yield
            undo.pop_all()
        self._db.execute("COMMIT")

    def _insert(self, events: Sequence[Event]) -> None:
        count, last = self._head()
        for event in events:
            row = (event.kind, event.id, event.bar, encoded(event))
            known = self._db.execute(f"SELECT {_COLUMNS[SCHEMA]} FROM events WHERE id = ?", (event.id,)).fetchone()
            if known is None:
                count, last = count + 1, _chained(last, count + 1, row)
                self._db.execute("INSERT INTO events VALUES (?,?,?,?,?,?)", (count, *row, last))
            elif known != row:
                raise conflict(decoded(*known), event)
        self._set(head=f"{count} {last}")

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
            with ExitStack() as always:
                always.callback(self._db.execute, "COMMIT")
                schema, (head, expected) = self._schema(), self._head()
                rows = self._db.execute(f"SELECT seq, digest, {_COLUMNS[schema]} FROM events ORDER BY seq").fetchall()
        last = _genesis(schema, self.run)
        for number, (seq, mark, *row) in enumerate(rows, start=1):
            last = _chained(last, number, row)
            if seq != number or mark != last:
                raise self._tampered(f"row {seq} is not what was written there")
            yield decoded(*row) if schema == SCHEMA else schema2.event(row)
        if (len(rows), last) != (head, expected):
            raise self._tampered(f"it has {len(rows)} rows; {head} were written")

    def _tampered(self, what: str) -> BrokerError:
        return BrokerError(f"{self.path} was changed after it was written: {what}; restore it from a copy",
                           code="journal_tampered")  # fmt: skip

    @contextmanager
    def _refusing(self, code: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, OSError) as error:
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


def _genesis(schema: int, run: str) -> str:
    return digest(f"alpha journal {schema} {run}")


def _chained(last: str, number: int, row: Sequence[Any]) -> str:
    """Return the hash of a row and of the one before it; empty where it holds an infinity, which no append writes."""
    try:
        return digest([last, number, *row])
    except ValueError:
        return ""


def _create(path: Path, run: str | None, readonly: bool) -> None:
    """Write an empty journal beside `path`, then rename it: a file that exists is a whole one."""
    if readonly or run is None:
        raise BrokerError(f"there is no journal at {path}", code="journal_absent")
    new = unfinished(path)
    db = sqlite3.connect(new, isolation_level=None)
    db.executescript(f"PRAGMA synchronous=FULL; BEGIN; {'; '.join((_META, *_EVENTS))}")
    rows = [("schema", str(SCHEMA)), ("run", run), ("head", f"0 {_genesis(SCHEMA, run)}")]
    db.executemany("INSERT INTO meta VALUES (?, ?)", rows)
    db.execute("COMMIT")
    db.close()
    publish(new, path)
