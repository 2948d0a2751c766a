"""From a candidate to a blessed model and back, with the tools."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from alpha.config import load
from alpha.operate import papering
from alpha.operate.blessing import candidates_root
from alpha.operate.control import models_root
from alpha.report import evaluation
from alpha.store import Blessings, bundles, reference

BLESS = "tools/bless_model_inference.py"
CONFIG = Path("config/base.yaml")
HOPELESS = "--set 'gates=[{name: ic, limit: 0.9}, {name: turnover, limit: 0.001}, {name: predictions}]'"


def selected():
    return load(CONFIG).models.selected


def test_bless_list_look_up_and_roll_back(command, capsys):
    first, text = selected(), CONFIG.read_text()
    assert command(f"{BLESS} --select") == 0
    out = capsys.readouterr().out
    second = selected()
    assert out.splitlines()[-2:] == [
        f"blessed: {second}",
        f"selected in {CONFIG}; to trade it on paper: python scripts/paper_runner.py",
    ]
    assert second != first
    assert second.startswith("linear_v1/v0002-")
    assert CONFIG.read_text() == text.replace(first, second), "nothing else in the file has changed, comments included"
    assert "# set by tools" in CONFIG.read_text()
    assert [reference(path) for path in bundles(models_root(load(CONFIG)))] == [first, second], "the previous one stays"

    assert command(f"{BLESS} --list") == 0
    listed = capsys.readouterr().out.splitlines()
    assert [re.split(r"\s{2,}", line)[1:3] for line in listed[:-1]] == [["bless", first], ["bless", second]]
    assert listed[-1] == f"selected: {second}"

    tomorrow = date.today() + timedelta(days=2)
    for when, answer in (("2001-01-01", "nothing was blessed at 2001-01-01"), (str(tomorrow), second)):
        assert command(f"{BLESS} --at {when}") == 0
        assert capsys.readouterr().out == f"{answer}\n"
    assert command(f"{BLESS} --at soon") == 2

    assert command(f"{BLESS} --rollback") == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(f"selected: {first}")
    assert CONFIG.read_text() == text
    assert command(f"{BLESS} --rollback") == 4
    nothing = f"there is nothing to go back to: nothing was blessed before {first}, which stays"
    assert capsys.readouterr().err.endswith(f"ModelError [nothing_before] {nothing}\n")
    assert CONFIG.read_text() == text
    assert command("scripts/paper_runner.py --steps 2") == 0


def test_a_rollback_that_cannot_be_written_is_not_made(command, capsys):
    assert command(f"{BLESS} --model linear_v1 --select") == 0
    cfg, text = load(CONFIG), CONFIG.read_text()
    CONFIG.write_text(re.sub(r"(?m)^ +selected:.*\n", "", text))
    history = len(Blessings(models_root(cfg)).history())
    assert command(f"{BLESS} --rollback") == 2
    assert "[select_failed]" in capsys.readouterr().err
    assert len(Blessings(models_root(cfg)).history()) == history
    CONFIG.write_text(text)
    assert command(f"{BLESS} --rollback") == 0


def test_without_select_the_configuration_stays(command, capsys):
    text = CONFIG.read_text()
    assert command(f"{BLESS} --model linear_v1") == 0
    assert CONFIG.read_text() == text
    assert len(bundles(models_root(load(CONFIG)))) == 2
    assert command(f"{BLESS} --model linear_v2") == 2


def test_a_candidate_that_fails_is_not_blessed_but_kept_and_told_by_how_much(command, capsys):
    text, cfg = CONFIG.read_text(), load(CONFIG)
    before = bundles(models_root(cfg))
    assert command(f"{BLESS} --select {HOPELESS}") == 5
    out, told = capsys.readouterr()
    assert "\nGateFailed [gates_failed] linear_v1 failed 2 of 3 gates and is not blessed:\n" in told
    assert re.search(r"^  ic: 0\.2\d+, expected >= 0\.9; short by 0\.6\d+$", told, re.M), told
    assert re.search(r"^  turnover: 0\.8\d+, expected <= 0\.001; over by 0\.8\d+$", told, re.M), told
    assert CONFIG.read_text() == text
    assert bundles(models_root(cfg)) == before, "what failed does not stand among what was blessed"
    (kept,) = bundles(candidates_root(cfg))
    shadow = f"python scripts/paper_runner.py --shadow {HOPELESS}"
    assert told.endswith(f"\nkept in {kept}; to replay it, labelled as not blessed: {shadow}\n")
    page = Path(re.search(r"^report: (\S+)$", out, re.M)[1])
    assert page.name == "report.html"
    assert page.is_file()
    record = evaluation.read(page.parent)
    assert not record.models[0].blessed
    assert [gate.passed for gate in record.models[0].gates] == [False, False, True]

    assert papering.choose(cfg, papering.Wanted(shadow=True)).ref == reference(kept)
    assert command(f"scripts/paper_runner.py --shadow {HOPELESS} --steps 2") == 0
    assert "SHADOW" in capsys.readouterr().out


@pytest.mark.parametrize("store", ["models", "candidates"])
def test_what_failed_cannot_be_selected_by_hand(command, capsys, store):
    assert command(f"{BLESS} {HOPELESS}") == 5
    cfg = load(CONFIG)
    (kept,) = bundles(candidates_root(cfg))
    if store == "models":
        target = models_root(cfg) / reference(kept)
        kept.chmod(0o755)
        kept.rename(target)
    assert command(f"scripts/paper_runner.py --set models.selected={reference(kept)}") == 4
    assert "[not_blessed]" in capsys.readouterr().err
