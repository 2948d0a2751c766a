"""A journal of schema 2 is read as it is, and migrated when it is opened for writing: whole, or not at all."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import warnings
from contextlib import closing

import pytest

from alpha.core.errors import BrokerError
from alpha.core.identity import canonical, digest
from alpha.core.nouns import Fill, Order
from alpha.execution import Ledger, MemoryJournal, SqliteJournal
from alpha.execution import events as e
from alpha.execution.journals import schema2, sqlite

DAYS = [f"2001-07-0{day}T20:00:00+00:00" for day in (2, 3, 5, 6)]
TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE, bar TEXT NOT NULL, symbol TEXT NOT NULL,
    quantity REAL NOT NULL, price REAL NOT NULL, cash INTEGER NOT NULL, note TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TRIGGER events_not_edited BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER events_not_removed BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
"""


def mark(day, equity, prices, **more):
    return ("mark", f"m{day}", DAYS[day], "", 0.0, 0.0, 0,
            {"equity": equity, "orders": 0, "limits": [], "prices": prices, "unpriced": {}, **more})  # fmt: skip


ROWS = [  # kind, id, bar, symbol, quantity, price, cash, note: as schema 2 wrote them
    ("open", "open", "", "", 0.0, 0.0, 50_000_000_000, ""),
    ("bundle", "b0", "", "", 0.0, 0.0, 0, {"ref": "m/v1", "trained_until": "2001-06-29"}),
    ("order", "oA", DAYS[0], "AAA", 300.0, 20.0, 0, ""),
    ("order", "oB", DAYS[0], "BBB", -100.0, 50.0, 0, ""),
    ("sent", "s0", DAYS[0], "", 2.0, 0.0, 0, ""),
    mark(0, 50_000.0, {}, orders=2, limits=["max_name"]),
    ("fill", f"oA:{DAYS[1]}", DAYS[1], "AAA", 200.0, 20.1, -4_020_402_000, 20_000_000),
    ("fill", f"oB:{DAYS[1]}", DAYS[1], "BBB", -100.0, 49.9, 4_989_501_000, 10_000_000),
    ("cancel", "oA:cancel", DAYS[1], "AAA", 100.0, 0.0, 0, ""),
    mark(1, 50_100.25, {"AAA": 21.0, "BBB": 49.5}),
    ("action", "d2", DAYS[2], "BBB", 0.0, 0.25, -25_000_000, "dividend"),
    ("action", "x2", DAYS[2], "AAA", 400.0, 3.0, 0, "split"),
    mark(2, 50_050.5, {"AAA": 7.0, "BBB": 49.75}, unpriced={"BBB": 1}),
    ("action", "g3", DAYS[3], "BBB", 100.0, 49.75, -4_975_000_000, "delisting"),
    ("skip", "k3", DAYS[3], "", 0.0, 0.0, 0, "bad data"),
    ("halt", "h3", DAYS[3], "", 0.0, 20_000.5, 0, "equity 20000.50 is too low"),
    ("acknowledge", "a3", DAYS[3], "", 0.0, 0.0, 0, "seen"),
]
EVENTS = [
    e.AccountOpened("open", "", 50_000_000_000),
    e.BundleChosen("b0", "", "m/v1", "2001-06-29"),
    e.OrderPlaced("oA", DAYS[0], "AAA", 300.0, 20.0, "market", None, 1),
    e.OrderPlaced("oB", DAYS[0], "BBB", -100.0, 50.0, "market", None, 1),
    e.OrdersSent("s0", DAYS[0], 2),
    e.BarMarked("m0", DAYS[0], 50_000.0, 2, ("max_name",), {}, {}),
    e.OrderFilled(f"oA:{DAYS[1]}", DAYS[1], "oA", "AAA", 200.0, 20.1, 402_000, 20_000_000),
    e.OrderFilled(f"oB:{DAYS[1]}", DAYS[1], "oB", "BBB", -100.0, 49.9, 499_000, 10_000_000),
    e.OrderCancelled("oA:cancel", DAYS[1], "oA", "AAA", 100.0),
    e.BarMarked("m1", DAYS[1], 50_100.25, 0, (), {"AAA": 21.0, "BBB": 49.5}, {}),
    e.DividendPaid("d2", DAYS[2], "BBB", 0.25, -25_000_000),
    e.SharesSplit("x2", DAYS[2], "AAA", 3.0, 400.0),
    e.BarMarked("m2", DAYS[2], 50_050.5, 0, (), {"AAA": 7.0, "BBB": 49.75}, {"BBB": 1}),
    e.HoldingDelisted("g3", DAYS[3], "BBB", 100.0, 49.75, -4_975_000_000),
    e.BarSkipped("k3", DAYS[3], "bad data"),
    e.TradingHalted("h3", DAYS[3], "halted", "equity 20000.50 is too low", 20_000.5),
    e.HaltAcknowledged("a3", DAYS[3], "seen"),
]


def written(path, rows=ROWS, run="paper"):
    """Write a journal as schema 2 was written, and return what it holds."""
    last = digest(f"alpha journal 2 {run}")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; BEGIN; {TABLES}")
        for number, (*columns, note) in enumerate(rows, start=1):
            row = (*columns, canonical(note))
            last = digest([last, number, *row])
            db.execute("INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?,?)", (number, *row, last))
        meta = [("schema", "2"), ("run", run), ("head", f"{len(rows)} {last}")]
        db.executemany("INSERT INTO meta VALUES (?, ?)", meta)
        db.execute("COMMIT")
    return content(path)


def content(path):
    """Return every row of a journal, whatever its schema."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return [db.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in ("meta", "events")]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "paper.sqlite"


def raises(code, told=""):
    return pytest.raises(BrokerError, match=rf"^\[{code}\].*{told}")


def copy_of(path):
    return path.with_name("paper.sqlite.schema2")


def test_a_reader_reads_it_and_changes_nothing(path):
    before = written(path)
    with SqliteJournal(path, "paper", readonly=True) as journal:
        assert list(journal.events()) == EVENTS
    assert content(path) == before
    assert not copy_of(path).exists()


def test_a_writer_migrates_it_and_keeps_a_copy(path):
    before = written(path)
    for _ in range(2):
        with SqliteJournal(path, "paper") as journal:
            assert list(journal.events()) == EVENTS
            assert dict(content(path)[0])["schema"] == "3"
            assert content(copy_of(path)) == before
    with SqliteJournal(path) as journal:
        journal.append([e.BarSkipped.of("paper", "2001-07-09", "one more")])
        assert len(list(journal.events())) == len(EVENTS) + 1
    assert content(copy_of(path)) == before
    with SqliteJournal(copy_of(path), readonly=True) as journal:
        assert list(journal.events()) == EVENTS


def test_migrated_it_adds_up_to_the_same_account_as_its_events(path):
    written(path)
    memory = MemoryJournal("paper")
    memory.append(EVENTS)
    with SqliteJournal(path) as journal:
        found, wanted = Ledger.replay(journal), Ledger.replay(memory)
    assert vars(found) == vars(wanted)
    assert found.cash == sum(row[6] for row in ROWS)
    assert (found.positions, found.fees) == ({"AAA": 600.0}, 901_000)


def test_a_migrated_journal_is_append_only_and_chained(path):
    written(path)
    SqliteJournal(path).close()
    with closing(sqlite3.connect(path)) as db:
        for change in ("UPDATE events SET bar = ''", "DELETE FROM events"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(change)
        db.execute("DROP TRIGGER events_not_edited")
        db.execute("UPDATE events SET payload = replace(payload, '49.9', '59.9')")
        db.commit()
    with raises("journal_tampered"), SqliteJournal(path) as journal:
        list(journal.events())


@pytest.mark.parametrize("change", ["price = 1", "price = 9e999", "note = '0'", "kind = 'skip'"])
def test_a_changed_file_is_refused_and_not_migrated(path, change):
    written(path)
    with closing(sqlite3.connect(path)) as db:
        db.executescript(f"DROP TRIGGER events_not_edited; UPDATE events SET {change} WHERE seq = 7")
    before = content(path)
    for readonly in (True, False):
        with raises("journal_tampered"), SqliteJournal(path, readonly=readonly) as journal:
            list(journal.events())
    assert content(path) == before
    assert not copy_of(path).exists()


def test_the_journal_of_another_run_is_not_migrated(path):
    before = written(path)
    with raises("journal_run"):
        SqliteJournal(path, "other")
    assert content(path) == before


def test_an_empty_one_takes_the_name_of_the_run_that_trades(path):
    written(path, rows=[])
    with SqliteJournal(path, "other") as journal:
        journal.append(EVENTS[:1])
    with SqliteJournal(path, "other", readonly=True) as journal:
        assert list(journal.events()) == EVENTS[:1]


@pytest.mark.parametrize("there", [b"notes of a person", b""])
def test_another_file_under_the_name_of_the_copy_is_not_overwritten(path, there):
    before = written(path)
    copy_of(path).write_bytes(there)
    with raises("journal_unavailable", "move it away"):
        SqliteJournal(path)
    assert (content(path), copy_of(path).read_bytes()) == (before, there)


def test_the_copy_of_another_journal_is_not_overwritten(path):
    other = written(copy_of(path), ROWS[:3])
    before = written(path)
    with raises("journal_unavailable", "move it away"):
        SqliteJournal(path)
    assert (content(path), content(copy_of(path))) == (before, other)


def test_a_disk_that_is_full_leaves_it_as_it_was(path, monkeypatch):
    before = written(path)

    def full(*args):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(SqliteJournal, "_insert", full)
    with raises("journal_unavailable", "disk is full"):
        SqliteJournal(path)
    assert content(path) == before
    monkeypatch.undo()
    with SqliteJournal(path) as journal:
        assert list(journal.events()) == EVENTS


def test_a_reader_beside_the_writer_that_migrates_reads_either(path):
    written(path)
    with SqliteJournal(path, readonly=True) as reader:
        assert list(reader.events()) == EVENTS
        with SqliteJournal(path):
            assert list(reader.events()) == EVENTS


def lines_until_killed(path, lines):
    """Open a journal for writing in a child that is killed at a line of the migration; return whether it was."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it forks beside the threads of a library, and only opens
        child = os.fork()
    if child == 0:
        left = iter(range(lines))
        files = {schema2.__file__, sqlite.__file__, sqlite.__file__.replace("sqlite.py", "files.py")}

        def trace(frame, event, argument):
            if frame.f_code.co_filename not in files:
                return None
            if event == "line" and next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        SqliteJournal(path, "paper").close()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_killed_at_any_line_it_is_whole_and_the_next_run_goes_on(tmp_path):
    killed, lines = True, 0
    while killed:
        folder = tmp_path / str(lines)
        folder.mkdir()
        path = folder / "paper.sqlite"
        before = written(path, ROWS[:3])
        killed = lines_until_killed(path, lines)
        with SqliteJournal(path, readonly=True) as journal:
            assert list(journal.events()) == EVENTS[:3]
        with SqliteJournal(path, "paper") as journal:
            assert list(journal.events()) == EVENTS[:3]
        assert content(copy_of(path)) == before
        lines += 3
    assert lines > 100


def test_new_fills_of_an_order_in_an_old_journal_are_told_from_the_old(path):
    """Part of an order was filled before; the rest of it fills under another id."""
    written(path, ROWS[:7])
    with SqliteJournal(path) as journal:
        journal.append([e.OrderFilled.of(DAYS[1], Fill("oA", f"{DAYS[1]}/1", "AAA", 100.0, 20.2, 0.2))])
        ledger = Ledger.replay(journal)
    assert ledger.positions == {"AAA": 300.0}
    assert ledger.status == {"oA": "filled", "oB": "submitted"}
    assert ledger.open_orders == {"oB": Order("oB", DAYS[0], "BBB", -100.0)}
