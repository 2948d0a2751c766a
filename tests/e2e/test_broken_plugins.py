"""A plugin that cannot be imported stops only the commands that need it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import alpha.gates
from alpha.config import load
from alpha.core import plugins
from alpha.gates import gate
from alpha.operate.control import models_root
from alpha.store import promote, select

BLESS, RUN = "tools/bless_model_inference.py", "scripts/paper_runner.py"
CONFIG = Path("config/base.yaml")
GATE = """
from alpha.gates import NoSuchName, gate

@gate
def min_sharpe(evidence, *, limit: float = 1.0):
    '''Net Sharpe at least limit.'''
"""


@pytest.fixture
def broken(here, study, monkeypatch):
    """Return the bundle blessed first, in a workspace with two; every plugin that the configuration names is broken."""
    cfg = load(CONFIG)
    select(CONFIG, promote(study.best, cfg.resolved(), models_root(cfg)))
    Path("mine").mkdir()
    Path("mine/gates.py").write_text(GATE)
    Path("mine/half.py").write_text("def half(:\n")
    CONFIG.write_text("plugins: [mine, nowhere]\n" + CONFIG.read_text())
    monkeypatch.setattr(plugins, "_broken", {})
    monkeypatch.setattr(plugins, "_loaded", {})
    return cfg.models.selected


def test_what_halts_lists_and_rolls_back_needs_no_plugin(command, capsys, broken):
    assert command(f"{RUN} --steps 1") == 2
    assert "plugins: no folder, *.py file, entry point or module named 'nowhere'" in capsys.readouterr().err
    assert command(f"{BLESS} --list") == 0
    assert len(re.findall(r"  bless  ", capsys.readouterr().out)) == 2
    assert command(f"{BLESS} --at 2200-01-01") == 0
    assert command(f"{BLESS} --rollback") == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"selected: {broken}"
    assert command(f"{RUN} --kill 'the spread is odd'") == 0
    assert capsys.readouterr().out.startswith("kill file: artifacts/KILL; ")
    assert Path("artifacts/KILL").read_text().endswith(" UTC the spread is odd\n")
    assert command(f"{RUN} --kill --kill-file STOP") == 0
    assert Path("STOP").exists()


@pytest.mark.usefixtures("broken", "quick")
def test_other_commands_name_the_file_and_go_on(command, capsys):
    CONFIG.write_text(CONFIG.read_text().replace("plugins: [mine, nowhere]", "plugins: [mine]"))
    assert command(f"{RUN} --steps 1") == 0
    told = capsys.readouterr().err
    assert "skipped: mine/gates.py could not be imported: ImportError: cannot import name 'NoSuchName'" in told
    assert "skipped: mine/half.py could not be imported: SyntaxError: " in told
    assert command("scripts/research.py --set 'gates=[min_sharpe]'") == 2
    told = capsys.readouterr().err
    assert "no gate named 'min_sharpe'; mine/gates.py could not be imported: ImportError: " in told
    assert command(f"{RUN} --kill") == 0
    assert command(f"{RUN} --steps 1") == 6, "and the runner halts"


def test_a_file_laid_among_those_of_alpha_is_skipped_too(command, capsys, quick, tmp_path, monkeypatch):
    dropped = tmp_path / "dropped"
    dropped.mkdir()
    (dropped / "gate_v1.py").write_text(GATE)
    monkeypatch.setattr(alpha.gates, "__path__", [*alpha.gates.__path__, str(dropped)])
    monkeypatch.setattr(plugins, "_broken", {})
    monkeypatch.delitem(gate._rooms[0].__dict__, "_files", raising=False)
    assert command(f"{RUN} --steps 1") == 0
    assert "gate_v1.py could not be imported: ImportError: " in capsys.readouterr().err
    assert command("scripts/research.py --set 'gates=[min_sharpe]'") == 2
    assert re.search(r"no gate named 'min_sharpe'; .*gate_v1\.py could not be imported", capsys.readouterr().err)
    gate._rooms[0].__dict__.pop("_files")
