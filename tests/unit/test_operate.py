"""The operations, each by itself; tests/e2e runs them as a person does."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from alpha.cli import paper, show
from alpha.cli.tables import evidence_table
from alpha.config import load
from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError, ModelError
from alpha.data import Finding
from alpha.lab import smoke
from alpha.operate import blessing, control, hints, papering
from alpha.operate import study as studies
from alpha.operate.papering import Wanted
from alpha.report import evaluation
from alpha.store import Blessings, bundles, reference, save
from alpha.strategy import Candidate


def plain(items, what):
    return items


@pytest.fixture
def cfg(here):
    return load("config/base.yaml")


class TestChoosing:
    def test_the_selected_bundle_trades(self, cfg):
        chosen = papering.choose(cfg, Wanted())
        assert chosen.ref == cfg.models.selected == Blessings(control.models_root(cfg)).current
        assert chosen.fallback is None
        assert chosen.bundle.plan.names[0] == "ret_1d"

    def test_a_shadow_run_takes_the_newest_blessed_or_not(self, cfg, study, quick):
        blessed = papering.choose(cfg, Wanted(shadow=True))
        assert blessed.ref == cfg.models.selected
        kept = save(study.best, cfg.resolved(), blessing.candidates_root(cfg))
        os.utime(kept, (1e9, 2e9))
        assert papering.choose(cfg, Wanted(shadow=True)).ref == reference(kept)
        os.utime(bundles(control.models_root(cfg))[-1], (1e9, 3e9))
        assert papering.choose(cfg, Wanted(shadow=True)).ref == blessed.ref

    def test_with_nothing_to_replay_it_says_what_to_run(self, cfg, tmp_path):
        empty = cfg.model_copy(update={"paths": cfg.paths.model_copy(update={"artifacts": tmp_path / "none"})})
        with pytest.raises(ModelError, match=r"python scripts/research\.py --overlay mine\.yaml$") as caught:
            papering.choose(empty, Wanted(shadow=True, options=" --overlay mine.yaml"))
        assert caught.value.code == "no_candidate"

    def test_what_another_world_made_is_not_there(self, cfg):
        other = cfg.model_copy(update={"name": "mine"})
        with pytest.raises(ModelError, match=r"was never blessed in \S*mine/models") as caught:
            papering.choose(other, Wanted())
        assert caught.value.code == "not_blessed"
        with pytest.raises(ModelError, match="no candidate of 'mine'"):
            papering.choose(other, Wanted(shadow=True))

    def test_it_says_where_the_data_are_not_those_of_research(self, cfg, quick):
        assert papering.choose(cfg, Wanted()).other_data is None
        universe = cfg.universe.model_copy(update={"exclude": ("S001",)})
        other = papering.choose(cfg.model_copy(update={"universe": universe}), Wanted()).other_data
        assert other == 'universe.exclude: ["S001"] only here'

    @pytest.mark.parametrize(("made", "here", "said"), [
        ({"name": "csv", "path": "a", "zone": None}, {"name": "csv", "path": "b", "zone": None},
         ['source.path: "a" in research, "b" here']),
        ({"name": "csv", "path": "a"}, {"name": "bundled", "symbols": None},
         ['source: {"name": "csv", "path": "a"} in research, {"name": "bundled", "symbols": null} here']),
        ({"name": "csv"}, {"name": "csv", "path": "b"}, ['source.path: null in research, "b" here']),
        ({"waive": [1, 2]}, {"waive": [2, 3]}, ["source.waive: [1] only in research", "source.waive: [3] only here"]),
        ([1, 2], [2, 1], ["source: the same in another order, or more than once"]),
        ("XNYS", "XLON", ['source: "XNYS" in research, "XLON" here']),
        ({"seed": 7}, {"seed": 7}, []),
    ])  # fmt: skip
    def test_only_what_differs_is_said(self, made, here, said):
        assert list(papering._differences("source", made, here)) == said

    def test_both_reasons_are_told_where_the_fallback_is_refused_too(self, cfg):
        models = cfg.models.model_copy(update={"selected": None, "fallback": "linear_v1/v0009-0123456789ab"})
        with pytest.raises(
            ModelError, match=r"(?s)models\.selected is null.*\nThe fallback is refused too.*v0009"
        ) as caught:
            papering.choose(cfg.model_copy(update={"models": models}), Wanted())
        assert caught.value.code == "not_blessed"

    def test_what_was_never_blessed_does_not_trade(self, cfg, study):
        kept = reference(save(study.best, cfg.resolved(), control.models_root(cfg)))
        models = cfg.models.model_copy(update={"selected": kept})
        with pytest.raises(ModelError, match="was never blessed") as caught:
            papering.choose(cfg.model_copy(update={"models": models}), Wanted())
        assert caught.value.code == "not_blessed"

    def test_a_fallback_trades_where_nothing_is_selected(self, cfg, quick):
        models = cfg.models.model_copy(update={"selected": None, "fallback": cfg.models.selected})
        chosen = papering.choose(cfg.model_copy(update={"models": models}), Wanted())
        assert chosen.ref == cfg.models.selected
        assert "nothing_blessed" in str(chosen.fallback)


def test_the_data_are_read_once(cfg, quick, monkeypatch):
    said, read = [], []

    def track(items, what):
        said.append(what)
        return items

    def watched(start, end, **params):
        read.append(end)
        return made(start, end, **params)

    made = cfg.source.make
    cfg = cfg.model_copy(update={"source": replace(cfg.source, make=watched)})
    day, _ = papering.paper(cfg, Wanted(symbols=("S001", "S002")), track)
    assert day.sessions == cfg.paper.sessions
    assert len(read) == 1
    assert said.count("small: data") == 1


class TestCommandLine:
    def test_options_become_overrides(self, small_yaml, tmp_path):
        given = {"cash": 5000.0, "poll_sec": 1e-05, "kill_file": "a: b #1", "ledger": "2022-10-03", "source": "bundled",
                 "start": "2022-10-03", "steps": 3}  # fmt: skip
        cfg = load(small_yaml, (), paper.overrides(given))
        assert (cfg.paper.cash, cfg.paper.poll_sec) == (5000.0, 1e-05)
        assert (cfg.paper.kill_file, cfg.paper.ledger) == (Path("a: b #1"), Path("2022-10-03"))
        assert cfg.source.name == "bundled"
        assert paper.overrides({"cash": None, "ledger": None}) == []

    def test_a_source_is_a_name_or_a_mapping(self, small_yaml):
        cfg = load(small_yaml, (), paper.overrides({"source": "{name: synthetic, seed: 3}"}))
        assert (cfg.source.params["seed"], cfg.source.params["n_symbols"]) == (3, 20)

    def test_a_price_of_nothing_is_refused(self, small_yaml):
        with pytest.raises(ConfigError, match=r"paper\.cash"):
            load(small_yaml, (), paper.overrides({"cash": math.nan}))

    def test_profiles(self, here):
        assert paper.profile_path("paper_strict") == Path("config/profiles/paper_strict.yaml")
        with pytest.raises(ConfigError, match="did you mean 'paper_strict'") as caught:
            paper.profile_path("paper_strikt")
        assert caught.value.code == "unknown_profile"

    @pytest.mark.parametrize("start", ["soon", "2001-02-30", "1500-01-01", "2300-01-01", ""])
    def test_a_start_is_a_date(self, cfg, start):
        with pytest.raises(ConfigError, match="--start takes a date") as caught:
            papering.clock(cfg, papering.bars(cfg), Wanted(start=start), plain)
        assert caught.value.code == "bad_date"

    def test_the_clock_is_what_was_asked_for(self, cfg):
        clock = papering.clock(cfg, papering.bars(cfg), Wanted(start="2001-06-20", steps=3), plain)
        _, bars = clock.after(None)
        assert [f"{bar.time:%Y-%m-%d}" for bar in bars] == ["2001-06-20", "2001-06-21", "2001-06-22"]
        assert not clock.feed.live
        assert clock.sessions == cfg.paper.sessions

    def test_only_a_source_that_may_have_more_is_asked_again(self, cfg):
        live = load("config/base.yaml", (), ["source={name: yfinance, symbols: [SPY]}", "paper.poll_sec=60"])
        clock = papering.clock(live, papering.bars(live), Wanted(), plain)
        assert clock.feed.live
        assert clock.follow
        assert not papering.clock(cfg, papering.bars(cfg), Wanted(), plain).follow

    def test_unknown_symbols_are_refused(self, cfg):
        with pytest.raises(ConfigError, match="--symbols: no symbol 'S00l'; did you mean 'S0") as caught:
            papering.paper(cfg, Wanted(symbols=("S001", "S00l")), plain)
        assert caught.value.code == "unknown_symbol"
        assert not papering.ledger_path(cfg, papering.Wanted()).exists()


@pytest.mark.parametrize(
    ("now", "last"),
    [("2024-07-03 16:59", "2024-07-02"), ("2024-07-03 17:00", "2024-07-03"), ("2024-07-07 12:00", "2024-07-05"),
     ("2024-07-08 00:00", "2024-07-05"), ("2024-07-08 15:00", "2024-07-05"), ("2024-07-08 20:00", "2024-07-08")],
)  # fmt: skip
def test_the_newest_bar_is_one_that_is_complete(cfg, monkeypatch, now, last):
    """A session that still runs has no bar: a source that invents one would be refused for a bar of the future."""
    whole = load("config/base.yaml", (), ["paper.end=null"])
    Calendar("XNYS").sessions("2024-07-01", "2024-07-02")
    monkeypatch.setattr(pd.Timestamp, "now", classmethod(lambda cls, tz=None: pd.Timestamp(now, tz=tz)))
    assert papering.last_session(whole) == date.fromisoformat(last)
    assert papering.last_session(cfg) == cfg.paper.end


def test_a_start_that_is_yet_to_come_is_told(cfg):
    ahead = load("config/base.yaml", (), ["paper.end=null", "start=2200-01-03", "end=2201-01-04"])
    with pytest.raises(ConfigError, match="no session since start, 2200-01-03, is over") as caught:
        papering.last_session(ahead)
    assert caught.value.code == "no_sessions"


class TestBlessing:
    def test_an_unknown_model_is_told_before_anything_runs(self, cfg):
        with pytest.raises(ConfigError, match=r"no candidate 'linear_v2' in .*; did you mean 'linear_v1'"):
            blessing.check(cfg, "config/base.yaml", model="linear_v2")

    def test_the_named_candidate_is_taken(self, study):
        assert blessing.named(study, None) is study.best
        assert blessing.named(study, "linear_v1") is study.best

    def test_the_list_of_an_empty_store(self, cfg, tmp_path):
        empty = cfg.model_copy(update={"paths": cfg.paths.model_copy(update={"artifacts": tmp_path / "none"}),
                                       "models": cfg.models.model_copy(update={"selected": None})})  # fmt: skip
        assert control.blessings(empty) == ["nothing was blessed yet", "selected: none"]
        assert control.blessings(empty, at="2020-01-01") == ["nothing was blessed at 2020-01-01"]
        with pytest.raises(ConfigError, match="expected a date"):
            control.blessings(empty, at="soon")


class TestReport:
    @pytest.fixture
    def report(self, here) -> Path:
        return next(path for path in here.glob("reports/small-*/alpha_eval.json"))

    def test_it_says_where_everything_came_from(self, report, study, cfg):
        record = evaluation.read(report)
        assert record.run == report.parent.name == f"small-{cfg.id}"
        assert (record.config_id, record.data_id) == (cfg.id, study.panel.id)
        assert record.source == cfg.source.entry
        assert record.chosen == "linear_v1"
        assert (record.models[0].blessed, record.models[0].bundle) == (True, cfg.models.selected)
        assert record.models[0].trials == 1
        assert len(record.folds) == 2
        assert record.label.entry == "next_open"
        assert (report.parent / "alpha_report.html").exists() or list(report.parent.glob("*.html"))

    def test_judged_alone_it_is_judged_alike(self, report, study, cfg):
        model, results = studies.validate(cfg, str(report))
        assert model == study.best.bundle.name
        assert [(r.gate, r.passed, r.value, r.limit) for r in results] == [
            (g.gate, g.passed, g.value, g.limit) for g in study.best.gates
        ]

    def test_limits_of_the_moment(self, report, cfg):
        verdict = {r.gate: r for r in studies.validate(cfg, str(report), limits={"ic": 0.9, "hit_rate": None})[1]}
        assert (verdict["ic"].passed, verdict["ic"].limit) == (False, 0.9)
        assert verdict["hit_rate"].passed
        without = cfg.model_copy(update={"gates": cfg.gates[2:]})
        verdict = {r.gate: r for r in studies.validate(without, str(report), limits={"ic": 0.9})[1]}
        assert not verdict["ic"].passed, "a limit that was asked for counts, configured or not"

    def test_a_gate_that_was_not_recorded_does_not_pass(self, report, cfg):
        values = json.loads(report.read_text())
        values["models"][0]["gates"] = [g for g in values["models"][0]["gates"] if g["gate"] != "no_lookahead"]
        report.write_text(json.dumps(values))
        verdict = {r.gate: r for r in studies.validate(cfg, str(report))[1]}["no_lookahead"]
        assert not verdict.passed
        assert "the report was not judged by it" in str(verdict)
        assert "nan" not in str(verdict)

    def test_a_holdout_that_was_failed_is_told(self, report, cfg):
        values = json.loads(report.read_text())
        failed = {"gate": "holdout", "passed": False, "value": -0.07, "limit": 0.0, "relation": ">", "note": ""}
        values["models"][0]["gates"].append(failed)
        values["models"][0]["blessed"] = False
        report.write_text(json.dumps(values))
        assert [r.gate for r in studies.validate(cfg, str(report))[1] if not r.passed] == ["holdout"]

    def test_a_report_that_is_none(self, cfg, tmp_path):
        (tmp_path / "x.json").write_text("{}")
        with pytest.raises(DataError) as caught:
            studies.validate(cfg, str(tmp_path / "x.json"))
        assert caught.value.code == "report_invalid"

    def test_a_model_that_is_not_in_it(self, report, cfg):
        with pytest.raises(ConfigError, match="no model 'linear'; did you mean 'linear_v1'") as caught:
            studies.validate(cfg, str(report), model="linear")
        assert caught.value.code == "unknown_model"

    def test_odd_data_are_counted_and_shown(self, study, capsys):
        when = pd.Timestamp("2001-01-02")
        odd = [Finding("gap", "warning", "S001", when, None, "no bar") for _ in range(7)]
        odd.append(Finding("gap", "note", "S002", when, None, "no bar"))
        found = replace(study, findings=tuple(odd))
        counted = [(f.code, f.kind, f.count, len(f.examples)) for f in studies.evaluated(found, {}).findings]
        assert counted == [("gap", "waiver", 1, 1), ("gap", "warning", 7, 5)]
        show.study(found)
        assert "data: 7 x gap (warning), e.g. " in capsys.readouterr().out

    def test_the_metrics_are_shown_unless_it_is_to_be_short(self, study, capsys):
        show.study(study)
        whole = capsys.readouterr().out
        show.study(study, metrics=False)
        short = capsys.readouterr().out
        table = evidence_table(study.best.scorecard)
        assert table in whole
        assert table.count(" to ") == len(study.best.scorecard.intervals), "no metric lacks its interval"
        assert whole.replace(f"\n{table}\n", "") == short
        assert "holdout: none" in short

    def test_the_record_holds_what_the_report_needs(self, study):
        record = studies.evaluated(study, {})
        assert record.schema_version == 2
        assert record.holdout.startswith("holdout: none")
        result = record.models[0]
        assert result.intervals == study.best.scorecard.intervals
        assert {"ic_low", "ic_high"} <= set(result.by_fold[0])

    def test_the_table_says_how_to_bless(self, study, capsys, tmp_path):
        show.table(study, tmp_path, " --overlay mine.yaml")
        out = capsys.readouterr().out
        assert re.search(
            r"to bless it: \S*python tools/bless_model_inference\.py --select --overlay mine\.yaml$", out, re.M
        )
        failing = [g.__class__(g.gate, False, g.value, g.limit) for g in study.best.gates]
        lost: Candidate = replace(study.best, gates=tuple(failing))
        show.table(replace(study, candidates=(lost,)), tmp_path)
        assert "to bless it" not in capsys.readouterr().out


def test_a_command_runs_as_it_is_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv/bin/python"))
    assert hints.command(hints.PAPER, " --overlay a.yaml") == (
        ".venv/bin/python scripts/paper_runner.py --overlay a.yaml"
    )
    monkeypatch.setattr(sys, "executable", "/elsewhere/bin/python")
    assert hints.command(hints.SHADOW) == "python scripts/paper_runner.py --shadow"


def test_what_smoke_left_behind_is_removed_though_bundles_are_read_only(tmp_path, monkeypatch):
    bundle = tmp_path / "smoke/planted/models/linear_v1/v0001"
    bundle.mkdir(parents=True)
    (bundle / "manifest.json").touch()
    bundle.chmod(0o555)
    modes, rmtree = [], smoke.shutil.rmtree

    def watched(path):
        modes.append(bundle.stat().st_mode & 0o777)
        rmtree(path)

    monkeypatch.setattr(smoke.shutil, "rmtree", watched)
    smoke._remove(tmp_path / "smoke")
    assert modes == [0o755], "who is not root cannot remove files from a folder that is read-only"
    assert not (tmp_path / "smoke").exists()
    smoke._remove(tmp_path / "smoke")
