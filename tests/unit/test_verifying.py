"""Everything on disk is checked, each thing that is damaged is named, and the worst decides the exit code."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_store import _candidate

from alpha import store
from alpha.config import Config, load
from alpha.core.errors import ConfigError
from alpha.core.log import Owner, open_log
from alpha.execution import SqliteJournal
from alpha.execution.events import AccountOpened
from alpha.operate import verifying
from alpha.validation import Trials
from alpha.validation.holdout import Looks

KINDS = ["blessings", "bundle", "journal", "looks", "series", "trials"]


def earned(seed: int) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(0, 0.01, (70, 2))
    return pd.DataFrame(values, pd.date_range("2020-01-01", periods=70, tz="UTC", unit="ns"), ["ic", "net_returns"])


@pytest.fixture
def artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of artifacts with one thing of each kind; no process is started to parse a model."""
    monkeypatch.setattr("alpha.store.verification.reproduce_in_child", lambda *args: None)
    monkeypatch.chdir(tmp_path)
    home = Path("artifacts")
    trials = Trials(home / "trials.jsonl")
    for seed in range(3):
        trials.record(f"config {seed}", "data", "model", {"ic": 0.02}, earned(seed))
    Looks(home / "looks.jsonl").take(data_id="data", source={}, first=date(2020, 1, 1), last=date(2020, 2, 1),
                                     budget=0.05, reason="test", model="model", config_id="config")  # fmt: skip
    store.promote(_candidate(), {}, home / "small" / "models")
    store.save(_candidate(), {}, home / "small" / "candidates")
    with SqliteJournal(home / "small" / "paper.sqlite", "paper") as journal:
        journal.append([AccountOpened.of("paper", 1.0)])
    return home


def found(folder: Path) -> list[verifying.Inspection]:
    return [each for thing in verifying.kept_in(folder) for each in verifying.inspect(thing)]


def damaged(folder: Path) -> list[tuple[str, str, str]]:
    return [(each.kind, each.path.name, each.error.code) for each in found(folder) if each.error]


def test_everything_is_checked(artifacts: Path) -> None:
    inspected = found(artifacts)
    assert sorted({each.kind for each in inspected}) == KINDS
    assert [each.error for each in inspected] == [None] * len(inspected)
    assert verifying.exit_code(inspected) == 0
    holds = {(each.kind, each.path.name): each.holds for each in inspected}
    assert holds["trials", "trials.jsonl"] == "3 lines"
    assert holds["series", "trials-series"] == "3 of 3 files as they were written"
    assert holds["looks", "looks.jsonl"] == "1 lines"
    assert holds["journal", "paper.sqlite"] == "1 events of the run 'paper'"
    assert sum(each.kind == "bundle" for each in inspected) == 2


def _flip(path: Path, at: int) -> None:
    whole = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])


def _bundle(artifacts: Path, store_name: str = "models") -> Path:
    (path,) = store.bundles(artifacts / "small" / store_name)
    return path


def _series(artifacts: Path) -> Path:
    return min((artifacts / "trials-series").iterdir())


def _edit_journal(artifacts: Path) -> None:
    with closing(sqlite3.connect(artifacts / "small" / "paper.sqlite")) as db, db:
        db.execute("DROP TRIGGER events_not_edited")
        db.execute("UPDATE events SET bar = bar || ' '")


def _lose_bundle(artifacts: Path) -> None:
    _bundle(artifacts).chmod(0o755)
    shutil.rmtree(_bundle(artifacts))


DAMAGES: dict[str, tuple[Callable[[Path], object], str, str, int]] = {
    "trials": (lambda a: _flip(a / "trials.jsonl", 30), "trials", "trials_tampered", 3),
    "head of trials": (lambda a: (a / "trials.jsonl.head").unlink(), "trials", "trials_tampered", 3),
    "no trials": (lambda a: (a / "trials.jsonl").unlink(), "trials", "trials_tampered", 3),
    "looks": (lambda a: _flip(a / "looks.jsonl", 30), "looks", "looks_tampered", 3),
    "blessings": (lambda a: _flip(a / "small/models/blessings.jsonl", 30), "blessings", "blessings_altered", 4),
    "series": (lambda a: _flip(_series(a), 200), "series", "trials_tampered", 3),
    "no series": (lambda a: _series(a).unlink(), "series", "trials_tampered", 3),
    "bundle": (lambda a: _flip(_bundle(a) / "model.json", 5), "bundle", "file_altered", 4),
    "manifest": (lambda a: _flip(_bundle(a) / "manifest.json", 5), "bundle", "manifest_altered", 4),
    "candidate": (lambda a: _flip(_bundle(a, "candidates") / "golden.npz", 5), "bundle", "file_altered", 4),
    "no bundle": (_lose_bundle, "bundle", "bundle_missing", 4),
    "journal": (_edit_journal, "journal", "journal_tampered", 7),
    "half a journal": (lambda a: (a / "small/paper.sqlite").write_bytes(b"SQLite"), "journal", "journal_damaged", 7),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_named(artifacts: Path, damage: str) -> None:
    make, kind, code, status = DAMAGES[damage]
    sound = len(found(artifacts))
    make(artifacts)
    assert [(each[0], each[2]) for each in damaged(artifacts)] == [(kind, code)]
    assert verifying.exit_code(found(artifacts)) == status
    assert len(found(artifacts)) >= sound - 1, "everything else is still checked"


def test_all_that_is_damaged_is_named_and_the_worst_decides(artifacts: Path) -> None:
    series = _series(artifacts)
    for damage in ("trials", "series", "bundle", "journal"):
        DAMAGES[damage][0](artifacts)
    assert damaged(artifacts) == [
        ("bundle", _bundle(artifacts).name, "file_altered"),
        ("journal", "paper.sqlite", "journal_tampered"),
        ("trials", "trials.jsonl", "trials_tampered"),
        ("series", series.name, "trials_tampered"),
    ]
    assert verifying.exit_code(found(artifacts)) == 7


@pytest.fixture
def cfg(artifacts: Path) -> Config:
    base = Path(__file__).resolve().parents[2] / "config/base.yaml"
    return load(base, overrides=["name=small"])


def test_a_configuration_names_where_its_things_are(artifacts: Path, cfg: Config) -> None:
    assert [(each.kind, each.path) for each in verifying.kept(cfg)] == [
        (each.kind, each.path) for each in verifying.kept_in(artifacts)
    ]
    elsewhere = Path("elsewhere")
    elsewhere.mkdir()
    for name in ("trials.jsonl", "trials.jsonl.head", "trials-series"):
        shutil.move(artifacts / name, elsewhere / name)
    shutil.move(artifacts / "small/paper.sqlite", elsewhere / "ledger")
    paths = cfg.paths.model_copy(update={"trials": elsewhere / "trials.jsonl"})
    moved = cfg.model_copy(
        update={"paths": paths, "paper": cfg.paper.model_copy(update={"ledger": elsewhere / "ledger"})}
    )
    kept = verifying.kept(moved)
    assert [(each.kind, str(each.path)) for each in kept[:2]] == [
        ("trials", "elsewhere/trials.jsonl"), ("journal", "elsewhere/ledger")]  # fmt: skip
    assert len(kept) == len(verifying.kept(cfg)) + 2
    (elsewhere / "trials.jsonl").unlink()
    assert verifying.kept(moved)[0].kind == "trials", "its head is there"


def test_logs_in_a_database_and_under_other_names_are_found(artifacts: Path) -> None:
    trials = Trials(f"sqlite:///{artifacts}/tried.sqlite")
    trials.record("config", "data", "model", {}, earned(9))
    open_log(artifacts / "notes.jsonl", Owner("notes", "notes")).append({"text": "mine"})
    (artifacts / "results.jsonl").write_text('{"ic": 0.02}\n')
    (artifacts / "other.sqlite").touch()
    holds = {each.path.name: (each.kind, each.holds) for each in found(artifacts)}
    assert holds["tried.sqlite"] == ("trials", "1 lines")
    assert holds["tried-series"] == ("series", "1 of 1 files as they were written")
    assert holds["notes.jsonl"] == ("lines", "1 lines")
    assert not {"results.jsonl", "other.sqlite"} & {*holds}
    _flip(artifacts / "notes.jsonl", 30)
    with closing(sqlite3.connect(artifacts / "tried.sqlite")) as db, db:
        db.execute("UPDATE lines SET line = replace(line, 'model', 'other')")
    assert damaged(artifacts) == [
        ("lines", "notes.jsonl", "lines_tampered"), ("trials", "tried.sqlite", "trials_tampered")]  # fmt: skip


def test_nothing_is_there_yet(tmp_path: Path, cfg: Config) -> None:
    shutil.rmtree("artifacts/small/models", ignore_errors=True)
    empty = cfg.model_copy(update={"paths": cfg.paths.model_copy(update={
        "artifacts": tmp_path / "none", "trials": tmp_path / "none/t", "looks": tmp_path / "none/l"})})  # fmt: skip
    assert verifying.kept(empty) == []
    assert verifying.exit_code([]) == 0
    with pytest.raises(ConfigError, match="there is no folder") as caught:
        verifying.kept_in(tmp_path / "none")
    assert caught.value.code == "no_folder"
