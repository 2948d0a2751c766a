"""What every log must do: keep what was appended, refuse what was changed, and cost the same however long it is."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from alpha.core import log as log_module
from alpha.core import log_sqlite
from alpha.core.errors import AlphaError, ConfigError, ModelError
from alpha.core.identity import canonical, digest
from alpha.core.log import START, FileLog, Log, Owner, linked, open_log

OWNER = Owner("things", "paths.things", ModelError, "altered")


class Files:
    """How the tests open a file log, and change it behind its back."""

    url = "{}/deep/things.jsonl"

    @staticmethod
    def texts(log: Log) -> list[str]:
        return log.path.read_text().splitlines()

    @staticmethod
    def rewrite(log: Log, texts: list[str]) -> None:
        log.path.write_text("".join(f"{text}\n" for text in texts))

    @staticmethod
    def set_head(log: Log, count: int, seal: str) -> None:
        log.path.with_name("things.jsonl.head").write_text(f"{count} {seal}\n")


class Database:
    """The same for a log in SQLite."""

    url = "sqlite:///{}/deep/things.sqlite"

    @staticmethod
    def texts(log: Log) -> list[str]:
        with closing(sqlite3.connect(log.path)) as db:
            return [row[0] for row in db.execute("SELECT line FROM lines ORDER BY seq")]

    @staticmethod
    def rewrite(log: Log, texts: list[str]) -> None:
        with closing(sqlite3.connect(log.path)) as db, db:
            db.execute("DELETE FROM lines")
            db.executemany("INSERT INTO lines VALUES (?, ?)", enumerate(texts, start=1))

    @staticmethod
    def set_head(log: Log, count: int, seal: str) -> None:
        with closing(sqlite3.connect(log.path)) as db, db:
            db.execute("UPDATE head SET count = ?, hash = ?", (count, seal))


KINDS = {"file": Files, "sqlite": Database}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Any:
    return KINDS[request.param]


@pytest.fixture
def log(kind: Any, tmp_path: Path) -> Log:
    return open_log(kind.url.format(tmp_path), OWNER)


@pytest.fixture
def three(log: Log) -> Log:
    for number in range(3):
        log.append({"number": number, "value": 0.25})
    return log


def uses(log: Log) -> list[Callable[[], Any]]:
    """Return every way to use all of a log."""
    return [log.read, log.verify, lambda: log.tail(START), lambda: log.append_after(lambda known: {"number": 9})]


def refused(use: Callable[[], Any]) -> str:
    with pytest.raises(AlphaError) as caught:
        use()
    return caught.value.code


def test_nothing_is_there_before_the_first_line(log: Log) -> None:
    assert (log.read(), log.verify(), log.tail(START)) == ([], 0, [])
    assert not log.path.exists()


def test_lines_come_back_as_they_were_appended(log: Log) -> None:
    made = [log.append({"number": number, "text": "Grüße\n", "none": None, "tiny": 5e-324}) for number in range(4)]
    made.append(log.append_after(lambda known: {"before": [line["number"] for line in known]}))
    assert log.read() == made
    assert log.verify() == 5
    assert made[-1]["before"] == [0, 1, 2, 3]
    assert [line["previous"] for line in made] == [START, *(line["hash"] for line in made[:-1])]
    for number, after in enumerate([START, *(line["hash"] for line in made)]):
        assert log.tail(after) == made[number:]
    assert log.append({"at": "2020-01-01"})["at"] == "2020-01-01", "a record may bring its instant"


def test_a_long_line_is_one_line(log: Log) -> None:
    """It is longer than what is read of a file at once."""
    made = [log.append({"text": text * 20_000}) for text in "abc"]
    assert log.tail(made[0]["hash"]) == made[1:]
    assert log.read() == made


def _forged(text: str) -> str:
    """Return a line that was edited and given a hash that fits."""
    line = {**json.loads(text), "value": 0.5}
    del line["hash"]
    return canonical({**line, "hash": digest(line)})


CHANGES: dict[str, Callable[[list[str]], list[str]]] = {
    "edited": lambda old: [old[0], old[1].replace("0.25", "0.75"), old[2]],
    "forged": lambda old: [old[0], _forged(old[1]), old[2]],
    "respelled": lambda old: [old[0], old[1].replace("0.25", "2.5e-1"), old[2]],
    "spaced": lambda old: [old[0], old[1] + " ", old[2]],
    "first dropped": lambda old: old[1:],
    "dropped": lambda old: [old[0], old[2]],
    "swapped": lambda old: [old[1], old[0], old[2]],
    "repeated": lambda old: [*old, old[2]],
    "blank": lambda old: [*old[:2], "", old[2]],
    "no number": lambda old: [old[0], old[1].replace("0.25", "NaN"), old[2]],
    "last dropped": lambda old: old[:2],
    "all dropped": lambda old: [],
    "last edited": lambda old: [*old[:2], old[2].replace("0.25", "0.75")],
    "last forged": lambda old: [*old[:2], _forged(old[2])],
    "cut": lambda old: [*old[:2], old[2][:40]],
    "empty": lambda old: [*old, "{}"],
    "no object": lambda old: [*old, "[]"],
    "deep list": lambda old: [*old, "[" * 200_000],
    "deep object": lambda old: [*old, '{"hash":' * 200_000],
}
AT_THE_END = list(CHANGES)[list(CHANGES).index("last dropped") :]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_log_is_refused(three: Log, kind: Any, change: str) -> None:
    kind.rewrite(three, CHANGES[change](kind.texts(three)))
    assert {refused(use) for use in uses(three)} == {"things_altered"}


@pytest.mark.parametrize("change", CHANGES)
def test_an_append_hides_no_change(three: Log, kind: Any, change: str) -> None:
    """The newest line is checked before one is added; a change further back is found by whatever reads it."""
    kind.rewrite(three, CHANGES[change](kind.texts(three)))
    if change in AT_THE_END:
        before = kind.texts(three)
        assert refused(lambda: three.append({"number": 3})) == "things_altered"
        assert kind.texts(three) == before
    elif kind is Files:
        three.append({"number": 3})
    assert {refused(use) for use in uses(three)} == {"things_altered"}


def _read_or_code(log: Log) -> Any:
    try:
        return log.read()
    except AlphaError as error:
        return error.code


def test_no_byte_can_be_changed_unseen(three: Log) -> None:
    known = three.read()
    for path in [path for path in three.path.parent.iterdir() if path.is_file()]:
        whole = path.read_bytes()
        for at in range(0, len(whole), 1 if len(whole) < 4096 else 17):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            found = _read_or_code(three)
            if found in ("things_altered", "things_torn", "things_unavailable"):
                continue
            assert found == known
            assert path.suffix == ".sqlite", "a byte that holds no line"
        path.write_bytes(whole)
    assert three.read() == known


def test_no_part_can_be_cut_off_unseen(three: Log) -> None:
    known = three.read()
    for path in [path for path in three.path.parent.iterdir() if path.is_file()]:
        whole = path.read_bytes()
        for length in range(0, len(whole) - 1, 1 if len(whole) < 4096 else 64):
            path.write_bytes(whole[:length])
            assert refused(three.read) in ("things_altered", "things_torn", "things_unavailable")
        path.write_bytes(whole)
    assert three.read() == known


def test_a_head_of_another_log_is_refused(three: Log, kind: Any) -> None:
    newest = three.read()[-1]
    for count, seal in ((3, START), (2, newest["hash"]), (4, newest["hash"]), (1, newest["previous"]), (0, START)):
        kind.set_head(three, count, seal)
        assert refused(three.read) == "things_altered"
        if seal == START or kind is Database:  # a file is not read as far as to count its lines
            assert refused(lambda: three.append({})) == "things_altered"
    kind.set_head(three, 3, newest["hash"])
    assert three.verify() == 3


def test_a_reader_notices_that_the_log_was_replaced(three: Log) -> None:
    newest = three.tail(START)[-1]["hash"]
    assert three.tail(newest) == []
    assert refused(lambda: three.tail("1" * 64)) == "things_altered"


def _append_many(url: str, who: int) -> None:
    log = open_log(url, OWNER)
    for number in range(10):
        log.append({"who": who, "number": number})
        log.append_after(lambda known: {"known": len(known)})


def test_processes_may_append_at_once(kind: Any, log: Log, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_many, args=(kind.url.format(tmp_path), who)) for who in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = log.read()
    assert len(lines) == 60
    assert all(line["known"] == number for number, line in enumerate(lines) if "known" in line)


def test_threads_may_append_at_once(log: Log) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: log.append({"number": number}), range(40)))
    assert sorted(line["number"] for line in log.read()) == list(range(40))


def _append_until_killed(url: str) -> None:
    log, number = open_log(url, OWNER), 0
    while True:
        log.append({"number": number})
        number += 1


@pytest.mark.parametrize("kills", [3])
def test_a_process_killed_while_it_appends_loses_nothing(kind: Any, log: Log, tmp_path: Path, kills: int) -> None:
    """Whenever it is killed, what was there before stays, and the next one goes on."""
    context = multiprocessing.get_context("fork")
    for _ in range(kills):
        known = log.read()
        writer = context.Process(target=_append_until_killed, args=(kind.url.format(tmp_path),))
        writer.start()
        while log.verify() < len(known) + 3:
            time.sleep(0.001)
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join()
        assert log.read()[: len(known)] == known
    log.append({"number": -1})
    assert log.verify() > 3 * kills


class _Counted:
    """A file that counts the bytes read from it."""

    def __init__(self, file: Any, counts: dict[str, int]) -> None:
        self._file, self._counts = file, counts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _Counted:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __iter__(self) -> Any:
        for line in self._file:
            self._counts["bytes"] += len(line)
            yield line

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self._counts["bytes"] += len(content)
        return content


def _cost(use: Callable[[], Any]) -> dict[str, int]:
    """Return how many bytes of a file, lines and hashes a use reads and computes."""
    counts = {"bytes": 0, "lines": 0, "hashes": 0}
    opened, parsed, hashed = Path.open, log_module.parsed, log_module.digest

    def count_parsed(text: bytes) -> Any:
        counts["lines"] += 1
        return parsed(text)

    def count_hashed(value: Any) -> str:
        counts["hashes"] += 1
        return hashed(value)

    def count_opened(path: Path, mode: str = "r", **options: Any) -> Any:
        file = opened(path, mode, **options)
        return _Counted(file, counts) if path.suffix == ".jsonl" else file

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", count_opened)
        patch.setattr(log_module, "digest", count_hashed)
        for module in (log_module, log_sqlite):
            patch.setattr(module, "parsed", count_parsed)
        use()
    return counts


def _filled(log: Log, kind: Any, count: int) -> None:
    """Write many lines at once, as so many appends would have."""
    log.append({"number": 0})
    lines = log.read()
    for number in range(1, count):
        lines.append(linked({"number": number}, lines[-1]["hash"]))
    kind.rewrite(log, [canonical(line) for line in lines])
    kind.set_head(log, count, lines[-1]["hash"])


def _costs(log: Log, kind: Any, count: int) -> list[dict[str, int]]:
    """Return the cost of an append, and of reading what came after the newest line."""
    _filled(log, kind, count)
    newest = log.read()[-1]["hash"]
    found = [_cost(lambda: log.append({"number": -1})), _cost(lambda: log.tail(newest))]
    assert _cost(log.verify)["lines"] == count + 1
    return found


def test_an_append_costs_the_same_at_any_length(kind: Any, tmp_path: Path) -> None:
    """The millionth line too reads the last ones alone; to read everything costs what there is."""
    costs = [_costs(open_log(kind.url.format(tmp_path / str(count)), OWNER), kind, count) for count in (100, 5_000)]
    assert costs[0] == costs[1]
    append, tail = costs[0]
    assert append["lines"] <= 2
    assert append["hashes"] <= 3
    assert append["bytes"] <= 2 * log_module.BLOCK
    assert tail["lines"] <= 4


def test_a_place_that_can_hold_no_log_is_refused(kind: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder" / "deep" / "things.jsonl").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "things.sqlite").mkdir()
    for where in ("file", "folder"):
        log = open_log(kind.url.format(tmp_path / where), OWNER)
        with pytest.raises(
            ConfigError, match=r"paths\.things: no things can be kept in .*; name another file"
        ) as caught:
            log.append({})
        assert caught.value.code == "things_unavailable"


WRITTEN = """\
{"at":"2026-01-05T00:00:00+00:00","hash":"48f65b33511af6d8f62a961dbd19671fb837ae153b09282355c5d9a0d76310c8",\
"note":"Gr\\u00fc\\u00dfe","previous":"0000000000000000000000000000000000000000000000000000000000000000","value":0.1}
{"at":"2026-01-06T00:00:00+00:00","hash":"cbff1dec8d04f996ec81e2bb0e7548d0bb059ae60289d2404f174ed627e4b372",\
"note":null,"previous":"48f65b33511af6d8f62a961dbd19671fb837ae153b09282355c5d9a0d76310c8",\
"values":{"a":[1,2.5],"b":1e-300}}
"""


def test_a_file_of_the_first_version_is_read_and_continued(tmp_path: Path) -> None:
    path = tmp_path / "things.jsonl"
    path.write_text(WRITTEN)
    head = path.with_name("things.jsonl.head")
    head.write_text("2 cbff1dec8d04f996ec81e2bb0e7548d0bb059ae60289d2404f174ed627e4b372\n")
    log = FileLog(path, OWNER)
    assert [line.get("note") for line in log.read()] == ["Grüße", None]
    line = log.append({"note": "more"})
    assert path.read_text() == WRITTEN + canonical(line) + "\n"
    assert head.read_text() == f"3 {line['hash']}\n"
    assert log.verify() == 3
