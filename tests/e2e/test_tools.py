"""The other commands: judge a report alone, research."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alpha.config import load
from alpha.report import evaluation

VALIDATE = "tools/validate_alpha.py"


@pytest.fixture
def report(here) -> Path:
    (path,) = (path for path in Path("reports").glob("small-*/alpha_eval.json"))
    return path


def test_a_report_that_passes(command, capsys, report):
    assert command(f"{VALIDATE} {report}") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "passed every gate"
    assert lines[:2] == ["model: linear_v1", "limits: config/base.yaml"]
    assert len(lines) == len(load("config/base.yaml").gates) + 3
    assert all(line.startswith("PASS  ") for line in lines[2:-1])
    assert [line.split()[2] for line in lines[-5:-1]] == ["holds"] * 4
    assert command(f"{VALIDATE} {report.parent} --model linear_v1") == 0, "its folder will do"


def test_limits_can_be_tried(command, capsys, report):
    assert command(f"{VALIDATE} {report} --ic-threshold 0.9") == 5
    out = capsys.readouterr().out
    assert "FAIL  ic " in out
    assert "short by" in out
    assert out.splitlines()[-1] == "failed: ic"
    assert command(f"{VALIDATE} {report} --ic-threshold 0.9 --hit-rate-threshold 0.9") == 5
    assert capsys.readouterr().out.splitlines()[-1] == "failed: ic, hit_rate"
    assert command(f"{VALIDATE} {report} --ic-threshold 0.01 --hit-rate-threshold 0.01") == 0
    assert command(f"{VALIDATE} {report} --ic-threshold nan") == 2, "a limit that nothing can miss is none"


def test_the_configured_gates_judge(command, capsys, report):
    assert command(f"{VALIDATE} {report} --set 'gates=[{{name: turnover, limit: 0.1}}]'") == 5
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "failed: turnover"
    assert "the report was judged with <= 2" in lines[2]


def test_a_daily_report_is_told_as_one(command, capsys, report):
    assert command("scripts/paper_runner.py --steps 2") == 0
    (day,) = Path("reports").glob("paper-small/*/daily_report.json")
    assert command(f"{VALIDATE} {day}") == 3
    assert "is a daily report of the paper runner; expected another kind of report" in capsys.readouterr().err


def test_what_cannot_be_judged(command, capsys, report):
    assert command(f"{VALIDATE} {report} --model lightgbm") == 2
    assert "[unknown_model] the report has no model 'lightgbm'; choose from linear_v1" in capsys.readouterr().err
    assert command(f"{VALIDATE} nowhere.json") == 3
    values = json.loads(report.read_text())
    values["models"][0]["metrics"]["ic"] = "high"
    report.write_text(json.dumps(values))
    assert command(f"{VALIDATE} {report}") == 3
    assert "models.0.metrics.ic" in capsys.readouterr().err


def test_a_metric_that_is_missing_fails_its_gate(command, capsys, report):
    values = json.loads(report.read_text())
    values["models"][0]["blessed"], values["models"][0]["bundle"] = False, None
    values["models"][0]["metrics"]["ic"] = None
    report.write_text(json.dumps(values))
    assert command(f"{VALIDATE} {report}") == 5
    assert capsys.readouterr().out.splitlines()[-1] == "failed: ic"


def test_research_ends_with_a_table_and_a_report(command, capsys):
    passing, failing = "--set seed=8", "--set 'gates=[{name: ic, limit: 0.9}]'"
    assert command(f"scripts/research.py {passing}") == 0
    out = capsys.readouterr().out
    assert "small / linear_v1" in out
    assert out.count("PASS  ") == len(load("config/base.yaml").gates)
    assert "configurations tried on these data so far: 1" in out
    assert "to bless it: python tools/bless_model_inference.py --select" in out
    assert command(f"scripts/research.py {failing}") == 0, "a model that fails is a result, not an error"
    out = capsys.readouterr().out
    assert "FAIL  ic " in out
    assert "configurations tried on these data so far: 2" in out
    records = [evaluation.read(path) for path in Path("reports").glob("small-*")]
    assert len(records) == 3
    assert all(record.source["name"] == "synthetic" for record in records)
    assert sum(record.models[0].blessed for record in records) == 1


def test_the_leakage_battery_prints_its_matrix(command, capsys):
    battery = "tools/check_leakage.py --jobs 1 --seeds 1"
    assert command(f"{battery} --only future_shift --only ridge_on_an_edge --explain") == 0
    shown = capsys.readouterr()
    assert "caught: 1 of 1 leaks" in shown.out
    assert "clean worlds accused: 0 of 1" in shown.out
    assert "future_shift, cut: 'next' of" in shown.out
    assert "worlds ..." in shown.err
    assert command(f"{battery} --only futur_shift") == 2


def test_a_leak_that_is_missed_fails_the_command(command, capsys, monkeypatch):
    from alpha.leaks import check

    check.load()
    monkeypatch.setitem(check._made, "cut", replace(check._made["cut"], make=lambda case, **params: None))
    assert command("tools/check_leakage.py --jobs 1 --only rows_left_to_live") == 5
    assert "MISSED: rows_left_to_live" in capsys.readouterr().out


def test_one_s_own_pipeline_is_checked(command, capsys, monkeypatch):
    assert command("tools/check_leakage.py --config config/base.yaml") == 0
    out = capsys.readouterr().out
    assert "linear_v1\nok    replay\nok    cut" in out
    assert out.endswith("leaks found: 0\n")
    from alpha.features import Plan

    batch = Plan.batch

    def leaky(self, panel, **options):
        made = batch(self, panel, **options)
        return type(made)(made.times, made.symbols, made.names, np.roll(made.values, -1, axis=0))

    monkeypatch.setattr(Plan, "batch", leaky)
    assert command("tools/check_leakage.py --config config/base.yaml") == 5
    assert "LEAK  cut             " in capsys.readouterr().out


def test_everything_on_disk_is_verified(command, capsys, here):
    assert command("tools/verify.py") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [["ok", "blessings"], ["ok", "blessings"], ["ok", "bundle"]]
    assert lines[-1] == "checked 3 (blessings 2, bundle 1); damaged: 0"
    (path,) = Path("artifacts").rglob("golden.npz")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"x")
    Path("artifacts/looks.jsonl.head").write_text("1 " + "0" * 64 + "\n")
    assert command("tools/verify.py --all artifacts") == 4
    out = capsys.readouterr().out
    assert f"DAMAGED bundle     {path.parent}: [file_altered]" in out
    assert "DAMAGED looks      artifacts/looks.jsonl: [looks_tampered]" in out
    assert out.splitlines()[-1] == "checked 4 (blessings 2, bundle 1, looks 1); damaged: 2"
    assert command("tools/verify.py --all nowhere") == 2
    assert "[no_folder] there is no folder nowhere" in capsys.readouterr().err
