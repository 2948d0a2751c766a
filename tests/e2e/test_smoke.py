"""`make smoke`, in small: research, bless, trade, be killed, resume."""

from __future__ import annotations

from pathlib import Path

import pytest

from alpha.cli import show_lab
from alpha.config import load
from alpha.core.errors import BrokerError
from alpha.execution import SqliteJournal
from alpha.lab import smoke
from alpha.operate import papering

ROOT = Path(__file__).parents[2]


def plain(items, what):
    return items


@pytest.fixture
def cfg(here):
    return load("config/base.yaml", (), ["paper.sessions=40"])


def test_a_planted_world_is_blessed_traded_killed_and_resumed(cfg, here, capsys):
    logs = [path for path in (cfg.paths.trials, cfg.paths.looks) if path.exists()]
    before = [path.read_bytes() for path in logs]
    assert show_lab.smoke(smoke.smoke({"planted": cfg}, here / "smoke", plain)) == 0
    assert [path.read_bytes() for path in (cfg.paths.trials, cfg.paths.looks) if path.exists()] == before
    out = capsys.readouterr().out
    assert "killed the paper runner (SIGKILL) after" in out
    assert "killed and resumed = never killed: same orders, same equity to the cent" in out
    row = next(line.split() for line in out.splitlines() if f"{len(cfg.gates)}/{len(cfg.gates)}" in line)
    assert row[1] == "linear_v1"
    assert "yes" in row
    with SqliteJournal(here / "smoke/small/paper.sqlite", readonly=True) as journal:
        resumed = list(journal.events())
    with SqliteJournal(here / "smoke/small/uninterrupted.sqlite", readonly=True) as journal:
        assert list(journal.events()) == resumed
    assert sum(event.kind == "mark" for event in resumed) == 40
    assert load("config/base.yaml").models.selected, "the configuration at hand is left alone"


def test_only_an_invented_world_counts_its_trials_and_looks_anew(tmp_path):
    cfg = load(ROOT / "config/base.yaml", [ROOT / "config/smoke.yaml"])
    real = load(smoke._own_config(cfg, tmp_path / "real", invented=False))
    assert (real.paths.trials, real.paths.looks) == (cfg.paths.trials, cfg.paths.looks)
    path = smoke._own_config(cfg, tmp_path / "smoke", invented=True)
    own = load(path).paths
    assert (own.trials.parent, own.looks.parent) == (path.parent, path.parent)
    assert load(path).id == real.id == cfg.id, "the ids of results do not change"
    own.looks.write_text("a look")
    smoke._remove(tmp_path / "smoke")
    assert not own.looks.exists(), "each run begins with none"


def test_a_planted_world_that_is_not_blessed_is_a_failure(cfg, here, capsys):
    hopeless = load("config/base.yaml", (), ["gates=[{name: ic, limit: 0.9}]", "paper.sessions=5"])
    assert show_lab.smoke(smoke.smoke({"planted": hopeless}, here / "smoke", plain)) == 1
    out, err = capsys.readouterr()
    assert "FAILED: the planted edge was not blessed" in err
    assert "ic: 0.2" in out
    assert "SHADOW: " in out, "the best candidate is replayed, and labelled"
    assert "shadow: not blessed" in out


def test_a_runner_that_ends_by_itself_is_told(cfg, here):
    broken = here / "broken.yaml"
    broken.write_text("name: 3\n")
    with pytest.raises(BrokerError, match=r"(?s)ended by itself: .*ConfigError") as caught:
        smoke._trade_and_be_killed(broken, here / "none.sqlite")
    assert caught.value.code == "runner_ended"


def test_a_runner_that_does_nothing_is_told(cfg, here, monkeypatch):
    monkeypatch.setattr(smoke, "PATIENCE", 0.05)
    with pytest.raises(BrokerError, match="finished no 10 bars") as caught:
        smoke._trade_and_be_killed(here / "config/base.yaml", here / "none.sqlite")
    assert caught.value.code == "runner_stuck"


def test_a_resumed_run_that_differs_is_told(cfg, quick):
    day, _ = papering.paper(cfg, papering.Wanted(), plain)
    smoke._check_same(cfg, day, 10, plain)
    other = day.model_copy(update={"order_hash": "0" * 64})
    with pytest.raises(BrokerError) as caught:
        smoke._check_same(cfg, other, 10, plain)
    assert caught.value.code == "resume_differs"
    for killed in (0, day.sessions):
        with pytest.raises(BrokerError) as caught:
            smoke._check_same(cfg, day, killed, plain)
        assert caught.value.code == "not_killed_between"
