"""Journals: what goes in comes out, once, in order, or is refused."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys

import pytest

from alpha.core.errors import BrokerError
from alpha.core.nouns import Fill, Order
from alpha.execution import MemoryJournal, SqliteJournal
from alpha.execution import events as e
from alpha.execution.events import (
    AccountOpened,
    BarMarked,
    BarSkipped,
    OrderFilled,
    OrderPlaced,
    TradingHalted,
    identifier,
    micros,
)

BAR = "2020-01-02T21:00:00+00:00"


def events(count=3):
    orders = [Order(f"o{i}", BAR, "A", float(i + 1)) for i in range(count)]
    return [AccountOpened.of("run", 1000.0), *(OrderPlaced.of(order, 9.5) for order in orders),
            *(OrderFilled.of(BAR, Fill(order.id, BAR, "A", order.quantity, 10.1, 0.01, 0.05)) for order in orders),
            BarMarked.of("run", BAR, equity=1 / 3, orders=count, limits=("max_name",), prices={"A": 0.1}, unpriced={}),
            TradingHalted.of("run", BAR, 0, "because \"so\" é", 12.5)]  # fmt: skip


@pytest.fixture(params=["memory", "sqlite"])
def journal(request, tmp_path):
    if request.param == "memory":
        yield MemoryJournal("run")
    else:
        with SqliteJournal(tmp_path / "journal.sqlite", "run") as disk:
            yield disk


def raises(code, told=""):
    return pytest.raises(BrokerError, match=rf"^\[{code}\].*{told}")


def test_events_come_back_in_order_and_to_the_bit(journal):
    journal.append(events())
    assert list(journal.events()) == events()


def test_a_journal_names_its_run(journal):
    assert journal.run == "run"
    assert MemoryJournal().run == "backtest"


def test_appending_again_changes_nothing(journal):
    for each in (events(), events(), events()[2:5]):
        journal.append(each)
    journal.append([])
    assert list(journal.events()) == events()


def test_one_id_names_one_event(journal):
    journal.append(events())
    with raises("journal_conflict"):
        journal.append([BarSkipped.of("run", BAR, "new"), events()[1]._replace(quantity=99.0)])
    assert list(journal.events()) == events()  # all or nothing


def test_a_conflict_within_one_append_is_refused_whole(journal):
    twice = [BarSkipped.of("run", BAR, "one"), BarSkipped.of("run", BAR, "another")]
    with raises("journal_conflict"):
        journal.append(twice)
    assert list(journal.events()) == []
    journal.append([twice[0], twice[0]])
    assert list(journal.events()) == twice[:1]


def test_cash_is_rounded_once_to_whole_micro_units():
    fill = OrderFilled.of(BAR, Fill("o", "f1", "A", 3.0, 1 / 3, 0.0000014, 0.1))
    assert fill.cash == -1_000_000 - 1
    assert (fill.id, fill.fee, fill.slippage) == ("o:f1", 1, 100_000)
    assert isinstance(fill.cash, int)
    assert micros(0.0000005) == 0
    assert identifier("a", "b") != identifier("ab")


@pytest.mark.parametrize("bad", [{"quantity": math.nan}, {"price": math.inf}, {"limit": -math.inf}])
def test_numbers_that_cannot_be_kept_are_refused(tmp_path, bad):
    with SqliteJournal(tmp_path / "j", "run") as journal:
        with raises("journal_value"):
            journal.append([OrderPlaced("o", BAR, "A", 1.0, 2.0)._replace(**bad)])
        assert list(journal.events()) == []


def test_negative_zero_and_whole_numbers_do_not_break_the_chain(tmp_path):
    with SqliteJournal(tmp_path / "j", "run") as journal:
        event = OrderPlaced("o", BAR, "A", -0.0, 5, "limit", 7)
        journal.append([event])
        journal.append([event._replace(quantity=0.0, limit=7.0)])
        journal.append([event])
        assert list(journal.events()) == [event]


def test_a_journal_goes_on_where_it_stopped(tmp_path):
    for part in (events()[:4], events()[4:]):
        with SqliteJournal(tmp_path / "deep" / "j", "run") as journal:
            journal.append(part)
    with SqliteJournal(tmp_path / "deep" / "j") as journal:
        assert journal.run == "run"
        assert list(journal.events()) == events()


def test_writes_are_on_disk_before_append_returns(tmp_path):
    with SqliteJournal(tmp_path / "j", "run") as journal:
        assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        journal.append(events())
        with SqliteJournal(tmp_path / "j", readonly=True) as reader:
            assert list(reader.events()) == events()


def test_one_writer_at_a_time(tmp_path):
    with SqliteJournal(tmp_path / "j", "run"):
        with raises("ledger_in_use"):
            SqliteJournal(tmp_path / "j", "run")
        script = f"from alpha.execution import SqliteJournal; SqliteJournal({str(tmp_path / 'j')!r}, 'run')"
        other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert "ledger_in_use" in other.stderr
    SqliteJournal(tmp_path / "j", "run").close()


def test_a_link_is_the_file_it_names(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "j")
    with SqliteJournal(tmp_path / "link", "run") as journal:
        journal.append(events())
        with raises("ledger_in_use"):
            SqliteJournal(tmp_path / "deep" / "j", "run")
    with SqliteJournal(tmp_path / "deep" / "j", "run") as journal:
        with raises("ledger_in_use"):
            SqliteJournal(tmp_path / "link", "run")
        assert list(journal.events()) == events()
    assert (tmp_path / "link").is_symlink()


def test_a_reader_takes_no_lock_and_writes_nothing(tmp_path):
    with raises("journal_absent"):
        SqliteJournal(tmp_path / "j", "run", readonly=True)
    assert not list(tmp_path.iterdir())
    SqliteJournal(tmp_path / "j", "run").close()
    with SqliteJournal(tmp_path / "j", "run", readonly=True) as reader, SqliteJournal(tmp_path / "j", "run"):
        with raises("journal_unavailable"):
            reader.append(events())
        assert list(reader.events()) == []


def test_a_new_file_needs_the_name_of_its_run(tmp_path):
    with raises("journal_absent"):
        SqliteJournal(tmp_path / "j")
    SqliteJournal(tmp_path / "j", "run").close()  # the lock was given back


def test_an_empty_journal_takes_the_name_of_the_first_run_that_trades(tmp_path):
    SqliteJournal(tmp_path / "j", "run").close()
    with SqliteJournal(tmp_path / "j", "other") as journal:
        journal.append(events())
        assert len(list(journal.events())) == len(events())
    with raises("journal_run", "--ledger"):
        SqliteJournal(tmp_path / "j", "run")


def test_a_journal_with_one_event_keeps_its_run(tmp_path):
    with SqliteJournal(tmp_path / "j", "run") as journal:
        journal.append(events()[:1])
    with raises("journal_run", "--ledger"):
        SqliteJournal(tmp_path / "j", "other")


def test_a_reader_gives_an_empty_journal_no_other_name(tmp_path):
    SqliteJournal(tmp_path / "j", "run").close()
    with raises("journal_run"):
        SqliteJournal(tmp_path / "j", "other", readonly=True)
    SqliteJournal(tmp_path / "j", "run").close()


def test_a_refused_journal_can_be_opened_while_the_error_is_held(tmp_path):
    SqliteJournal(tmp_path / "j", "run").close()
    edit(tmp_path / "j", "UPDATE meta SET value = '99' WHERE key = 'schema'")
    with raises("journal_schema") as held:
        SqliteJournal(tmp_path / "j", "run")
    edit(tmp_path / "j", "UPDATE meta SET value = '3' WHERE key = 'schema'")
    SqliteJournal(tmp_path / "j", "run").close()
    assert held.value.code == "journal_schema"


@pytest.mark.parametrize("content", [b"", b"# a page\n"])
def test_a_file_that_is_no_database_is_refused_and_nothing_is_left_beside_it(tmp_path, content):
    (tmp_path / "README.md").write_bytes(content)
    with raises("journal_damaged"):
        SqliteJournal(tmp_path / "README.md", "run")
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_bytes() == content


def test_a_folder_is_told_as_one(tmp_path):
    with raises("journal_unavailable", "is a folder"):
        SqliteJournal(tmp_path, "run")


def test_a_disk_that_fails_while_a_journal_is_made_is_told(tmp_path, monkeypatch):
    def full(*args, **options):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(sqlite3, "connect", full)
    with raises("journal_unavailable", "disk I/O error"):
        SqliteJournal(tmp_path / "j", "run")


def test_another_run_or_schema_is_refused(tmp_path):
    with SqliteJournal(tmp_path / "j", "run") as journal:
        journal.append(events())
    with raises("journal_run"):
        SqliteJournal(tmp_path / "j", "another")
    for change in ("UPDATE meta SET value = '99' WHERE key = 'schema'", "DELETE FROM meta WHERE key = 'schema'"):
        edit(tmp_path / "j", change)
        with raises("journal_schema"):
            SqliteJournal(tmp_path / "j", "run")


@pytest.mark.parametrize("content", [b"", b"not a database, but longer than a header of one is" * 9])
def test_what_is_no_database_is_refused_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "j"
    path.write_bytes(content)
    for readonly in (False, True):
        with raises("journal_damaged"):
            SqliteJournal(path, "run", readonly=readonly)
        assert path.read_bytes() == content


def test_another_database_is_refused(tmp_path):
    edit(tmp_path / "j", "CREATE TABLE prices (close REAL)")
    with raises("journal_damaged"):
        SqliteJournal(tmp_path / "j", "run")


def test_a_damaged_page_is_refused(tmp_path):
    path = tmp_path / "j"
    with SqliteJournal(path, "run") as journal:
        journal.append(events(200))
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)
    with raises("journal_damaged"):
        SqliteJournal(path, "run")
    assert path.read_bytes() == content


def edit(path, *statements):
    db = sqlite3.connect(path)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


@pytest.mark.parametrize(
    "change", ["UPDATE events SET payload = '{}'", "DELETE FROM events", "DELETE FROM events WHERE seq = 9"]
)
def test_rows_cannot_be_edited_or_removed(tmp_path, change):
    with SqliteJournal(tmp_path / "j", "run") as journal:
        journal.append(events())
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        edit(tmp_path / "j", change)


TAMPERED = {
    "edited": "UPDATE events SET payload = replace(payload, '9.5', '9.51') WHERE seq = 2",
    "edited mark": "UPDATE events SET payload = replace(payload, '0.33', '0.43') WHERE kind = 'mark'",
    "removed": "DELETE FROM events WHERE seq = 3",
    "removed at the end": "DELETE FROM events WHERE seq = (SELECT MAX(seq) FROM events)",
    "removed all": "DELETE FROM events",
    "inserted": "INSERT INTO events SELECT 99, kind, 'new', bar, payload, digest FROM events LIMIT 1",
    "renumbered": "UPDATE events SET seq = seq + 100",
    "swapped": "UPDATE events SET seq = CASE seq WHEN 2 THEN -3 WHEN 3 THEN -2 ELSE seq END",
    "other run": "UPDATE meta SET value = 'other' WHERE key = 'run'",
    "hash": "UPDATE events SET digest = 'ab' WHERE seq = 3",
    "head": "UPDATE meta SET value = '2 ab' WHERE key = 'head'",
    "no head": "DELETE FROM meta WHERE key = 'head'",
    "no run": "DELETE FROM meta WHERE key = 'run'",
    "no such head": "UPDATE meta SET value = 'abc' WHERE key = 'head'",
    "head of texts": "UPDATE meta SET value = 'x y' WHERE key = 'head'",
    "head of bytes": "UPDATE meta SET value = x'ff00' WHERE key = 'head'",
    "bytes": "UPDATE events SET payload = x'ff00' WHERE seq = 2",
    "other kind": "UPDATE events SET kind = 'sent' WHERE seq = 2",
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
def test_a_changed_file_is_refused(tmp_path, change):
    with SqliteJournal(tmp_path / "j", "run") as journal:
        journal.append(events())
    edit(tmp_path / "j", "DROP TRIGGER events_not_edited", "DROP TRIGGER events_not_removed", change)
    for readonly in (True, False):
        with raises("journal_tampered"), SqliteJournal(tmp_path / "j", readonly=readonly) as journal:
            list(journal.events())


@pytest.mark.parametrize("change", ["no head", "no such head"])
def test_nothing_is_added_to_a_changed_file(tmp_path, change):
    SqliteJournal(tmp_path / "j", "run").close()
    edit(tmp_path / "j", TAMPERED[change])
    with raises("journal_tampered"), SqliteJournal(tmp_path / "j", "run") as journal:
        journal.append(events())


def test_nothing_is_added_where_the_head_goes_while_it_is_open(tmp_path):
    with SqliteJournal(tmp_path / "j", "run") as journal:
        edit(tmp_path / "j", TAMPERED["no head"])
        with raises("journal_tampered"):
            journal.append(events())


def test_a_page_that_is_damaged_while_it_is_open_is_refused(tmp_path):
    path = tmp_path / "j"
    SqliteJournal(path, "run").close()
    with SqliteJournal(path, readonly=True) as reader:
        edit(path, "DROP TABLE events")
        with raises("journal_damaged"):
            list(reader.events())


def test_a_page_of_events_that_is_damaged_is_refused_at_once(tmp_path):
    path = tmp_path / "j"
    with SqliteJournal(path, "run") as journal:
        journal.append(events(200))
    content = bytearray(path.read_bytes())
    content[-4096:] = bytes(4096)
    path.write_bytes(content)
    with raises("journal_damaged"):
        SqliteJournal(path, readonly=True)


def test_nothing_that_was_changed_is_handed_out(tmp_path):
    with SqliteJournal(tmp_path / "j", "run") as journal:
        journal.append(events())
    edit(tmp_path / "j", "DROP TRIGGER events_not_edited", "UPDATE events SET bar = '' WHERE seq = 3")
    with SqliteJournal(tmp_path / "j") as journal:
        rows = journal.events()
        assert [next(rows), next(rows)] == events()[:2]
        with raises("journal_tampered"):
            next(rows)


def test_a_failed_append_leaves_nothing(tmp_path):
    with SqliteJournal(tmp_path / "j", "run") as journal:
        journal._db.execute("PRAGMA max_page_count = 12")
        with raises("journal_unavailable"):
            journal.append(events(5000))
        assert list(journal.events()) == []
        journal.append(events(1))
        assert len(list(journal.events())) == len(events(1))


def test_what_a_crash_left_of_a_new_file_is_cleared(tmp_path):
    for name in ("j.new", "j.new-journal"):
        (tmp_path / name).write_bytes(b"half")
    with SqliteJournal(tmp_path / "j", "run") as journal:
        journal.append(events())
        assert list(journal.events()) == events()


def test_a_place_where_nothing_can_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BrokerError) as caught:
        SqliteJournal(tmp_path / "file" / "j.sqlite", "run")
    assert caught.value.code == "journal_unavailable"


def examples():
    """Return an event of every kind, with values of the types that its fields declare."""
    values = {"str": "text é", "int": 10**18, "float": 1 / 3, "float | None": -2.5, "int | None": None,
              "tuple[str, ...]": ("a", "b"), "Mapping[str, float]": {"A": 0.1}, "Mapping[str, int]": {"A": 3},
              "Literal['market', 'limit']": "limit"}  # fmt: skip
    for kind, event in e.KINDS.items():
        fields = {name: str(getattr(of, "__forward_arg__", of)).replace('"', "'") for name, of in
                  event.__annotations__.items() if name not in ("id", "kind")}  # fmt: skip
        yield event(id=kind, **{name: values[of] for name, of in fields.items()})


@pytest.mark.parametrize("event", list(examples()), ids=lambda event: event.kind)
def test_an_event_of_every_kind_comes_back_as_it_was(tmp_path, event):
    with SqliteJournal(tmp_path / "j", "run") as journal:
        journal.append([event])
        journal.append([event])
        assert list(journal.events()) == [event]
        [found] = journal.events()
        assert type(found) is type(event)
        assert [type(value) for value in found] == [type(value) for value in event]


def test_every_kind_of_event_has_its_own_fields():
    assert len({event.__name__ for event in e.KINDS.values()}) == len(e.KINDS) == 17
    assert all(event._fields[:2] == ("id", "bar") for event in e.KINDS.values())
    added = {event.__name__: event._fields[event._fields.index("kind") + 1 :] for event in e.KINDS.values()}
    assert {name: fields for name, fields in added.items() if fields} == {
        "AccountOpened": ("currency",), "OrderPlaced": ("currency", "multiplier"),
    }  # fmt: skip
