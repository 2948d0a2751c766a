"""Research: what it finds in a market with an edge, and the guards that keep a leak from being blessed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from alpha.config import load
from alpha.core.errors import DataError, GateFailed, ModelError
from alpha.core.nouns import Fold
from alpha.core.registry import Plugin
from alpha.features import Plan, entries
from alpha.portfolio import overlay, risk_model
from alpha.risk import Permission
from alpha.store import promote
from alpha.strategy import backtest
from alpha.study import research
from alpha.validation import Trials, splitter


@pytest.fixture
def cfg(small, tmp_path, monkeypatch):
    """The planted market over a shorter time, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return small.model_copy(update={"end": small.panel()[0].times[260].date()})


def verdicts(found):
    return {gate.gate: gate for gate in found.best.gates}


def refused(found, tmp_path):
    with pytest.raises(GateFailed) as caught:
        promote(found.best, found.config.resolved(), tmp_path / "models")
    assert not list((tmp_path / "models").glob("*/v*"))
    return str(caught.value)


def test_a_planted_edge_is_found(study):
    best = study.best
    assert best.passed, "\n".join(map(str, best.gates))
    assert [gate.gate for gate in best.gates] == [gate.name for gate in study.config.gates]
    assert 0.2 < best.scorecard.metrics["ic"] < 0.35
    assert best.config_id == study.config.id
    assert best.data_id == study.panel.id
    assert set(best.scorecard.baselines) == set(study.baselines) == {"always_long"}
    assert best.scorecard.metrics["trials"] == study.trials == 1


def test_research_trades_with_a_risk_model_that_has_seen_all_bars_before_and_without_guards(cfg):
    """A guard that never lets anything trade changes nothing; the book is that of a backtest with the history."""
    shut = Plugin("guard", "shut", {}, lambda account, view: Permission("halt", "for the test", "shut"))
    risky = cfg.model_copy(update={"overlays": (overlay.bind("volatility_target"),), "guards": (shut,),
                                   "risk_model": risk_model.bind("exponential"),
                                   "gates": cfg.gates[:1], "baselines": ()})  # fmt: skip
    found = research(risky)
    first, last = int(found.folds[0].test[0]), int(found.folds[-1].test[-1]) + 1
    panel, signal = found.panel, found.best.signal[first:last]
    book = backtest(signal, panel.rows(slice(first, last)), risky.rules().unguarded(), risky.broker,
                    cash=risky.paper.cash, history=panel.rows(slice(0, first)))  # fmt: skip
    assert found.best.book.order_hash == book.order_hash
    cold = backtest(signal, panel.rows(slice(first, last)), risky.rules().unguarded(), risky.broker)
    assert cold.order_hash != book.order_hash


def test_the_bundle_is_fitted_on_everything_known(study):
    bundle, label, panel = study.best.bundle, study.best.label, study.panel
    known = panel.tradable & np.isfinite(label.values)
    rows = np.flatnonzero(known.any(axis=1))
    assert (bundle.trained["rows"], bundle.trained["samples"]) == (len(rows), known.sum())
    assert bundle.trained["end"] == str(panel.times[rows[-1]])
    assert rows[-1] == len(panel) - 3, "of the last rows the outcome is not known yet"
    assert bundle.golden_inputs.shape == (64, len(bundle.plan.names))
    assert np.isfinite(bundle.golden_predictions).all()
    assert set(bundle.reference) == {*bundle.plan.names, "prediction"}
    assert all(np.all(np.diff(deciles) >= 0) for deciles in bundle.reference.values())
    assert all({"name", "as", "cross_section"} <= set(entry) for entry in bundle.feature_entries)


def test_drift_is_measured_against_the_deciles_of_each_input(study):
    best, grid = study.best, np.linspace(0, 1, 11)
    inputs = best.features.values[study.panel.tradable & np.isfinite(best.label.values)]
    for column, name in enumerate(best.bundle.plan.names):
        np.testing.assert_array_equal(
            best.bundle.reference[name], np.nanquantile(inputs[:, column], grid), err_msg=name
        )
    np.testing.assert_array_equal(best.bundle.reference["prediction"], np.nanquantile(best.signal, grid))
    assert len({tuple(deciles) for deciles in best.bundle.reference.values()}) > 2, "the inputs are not all alike"


def test_it_finds_the_same_again(cfg):
    one, other = research(cfg), research(cfg)
    assert one.best.scorecard.metrics == other.best.scorecard.metrics | {"trials": 1.0}
    np.testing.assert_array_equal(one.best.signal, other.best.signal)
    np.testing.assert_array_equal(one.best.bundle.golden_predictions, other.best.bundle.golden_predictions)
    assert other.trials == 1, "the same configuration tried again is one configuration"
    assert research(cfg.model_copy(update={"seed": 8})).trials == 2


def test_the_best_passed_before_it_is_the_best(study):
    def candidate(low, passed):
        card = replace(study.best.scorecard, metrics={"ic_low": low})
        return replace(study.best, scorecard=card, gates=tuple(replace(g, passed=passed) for g in study.best.gates))

    failed, none = candidate(0.9, False), candidate(np.nan, True)
    weak, strong = candidate(0.1, True), candidate(0.2, True)
    assert replace(study, candidates=(failed, weak, strong, none)).best is strong
    assert replace(study, candidates=(candidate(0.1, False), failed)).best is failed
    assert replace(study, candidates=(none, weak)).best is weak


def test_progress_is_shown_and_changes_nothing(cfg):
    said = []

    def track(items, what):
        said.append(what)
        return items

    found = research(cfg, track)
    assert found.best.scorecard.metrics == research(cfg).best.scorecard.metrics
    assert any("linear_v1" in what for what in said)
    assert all(what.startswith("small: ") for what in said)


class TestTrials:
    """The same bars are the same data, wherever they came from; other bars are other data."""

    def tried(self, cfg, bars, name, *overrides, **columns):
        bars.rename(columns=columns).to_csv(name, index=False)
        mapped = {"columns": columns} if columns else {}
        source = {"name": "csv", "path": name, "prices": "adjusted", **mapped}
        values = {**cfg.resolved(), "source": source}
        Path("config.yaml").write_text(yaml.safe_dump(values))
        return research(load("config.yaml", (), ["gates=[ic]", *overrides])).trials  # gates are not asked here

    def test_what_is_the_same_experiment_counts_once_and_what_is_not_counts(self, cfg):
        bars = cfg.source(pd.Timestamp(cfg.start), pd.Timestamp(cfg.end)).drop(columns="vix")
        assert self.tried(cfg, bars, "bars.csv") == 1
        assert self.tried(cfg, bars, "renamed.csv") == 1
        assert self.tried(cfg, bars, "mapped.csv", close="Last", volume="Shares") == 1
        assert self.tried(cfg, bars, "bars.csv", "end=2001-12-31", "start=1999-12-01") == 1
        assert self.tried(cfg, bars, "bars.csv", "policy.rate=0.5") == 2, "another experiment"
        bars.loc[100, "close"] *= 1.0001
        assert self.tried(cfg, bars, "other.csv") == 1, "other data: so far one trial on them"
        assert self.tried(cfg, bars, "bars.csv") == 3, "other data of the same file and sessions"
        assert Trials(cfg.paths.trials).count() == 3
        assert self.tried(cfg, bars, "bars.csv", "universe.exclude=[S001]") == 4
        assert self.tried(cfg, bars, "bars.csv", "start=2000-01-04") == 5
        assert Trials(cfg.paths.trials).count() == 5


class TestShortHistory:
    """A feature that never has a value is told before anything is fitted, with the rows it needs and has."""

    def refused(self, cfg, *columns):
        features = cfg.features.model_copy(update={"columns": tuple(entries(columns))})
        with pytest.raises(DataError, match="the history is too short") as caught:
            research(cfg.model_copy(update={"features": features}))
        assert caught.value.code == "short_history"
        assert not cfg.paths.trials.exists(), "nothing was scored"
        return str(caught.value)

    def test_data_that_end_before_the_first_value(self, cfg):
        said = self.refused(cfg, {"name": "ret", "window": 5}, {"name": "momentum", "window": 400, "skip": 21})
        assert "feature 'momentum_400_21' needs 401 rows to have a value, and the data have 261." in said

    def test_a_fold_that_begins_before_the_first_value(self, cfg):
        said = self.refused(cfg, {"name": "ret", "window": 80}, {"name": "vol", "window": 90})
        assert "feature 'vol_90' needs 91 rows to have a value, and fold 1 of 2 can learn from the first 71." in said

    def test_the_longest_memory_is_the_one_that_is_named(self, cfg):
        assert "'ret_260'" in self.refused(cfg, {"name": "ret", "window": 259}, {"name": "ret", "window": 260})

    def test_a_memory_that_fades_is_not_asked_to_have_faded(self, cfg):
        features = cfg.features.model_copy(update={"columns": tuple(entries([{"name": "rsi", "window": 14}]))})
        made = cfg.model_copy(update={"features": features})
        assert made.plan().lookback > 261
        assert research(made).panel.id

    def test_a_column_that_is_empty_for_another_reason_is_no_short_history(self, cfg, monkeypatch):
        batch = Plan.batch

        def hollow(self, panel, **options):
            made = batch(self, panel, **options)
            return replace(made, values=np.where(np.arange(len(self.names)) == 0, np.nan, made.values))

        monkeypatch.setattr(Plan, "batch", hollow)
        with pytest.raises(ModelError) as caught:
            research(cfg)
        assert caught.value.code == "too_few_samples"


class TestGuardsBite:
    """Each plants the very thing that its guard is there for. Take the guard away, and the test fails."""

    def planted(self, monkeypatch, leak):
        batch = Plan.batch

        def leaky(self, panel, **options):
            made = batch(self, panel, **options)
            return replace(made, values=leak(made.values))

        monkeypatch.setattr(Plan, "batch", leaky)

    def test_a_feature_of_tomorrow(self, cfg, monkeypatch, tmp_path):
        self.planted(monkeypatch, lambda values: np.concatenate([values[1:], values[-1:]]))
        found = research(cfg)
        gate = verdicts(found)["no_lookahead"]
        assert not gate.passed
        assert "are cut off: " in gate.note
        assert verdicts(found)["ic"].passed, "and without the gate it would have looked well"
        assert "no_lookahead" in refused(found, tmp_path)

    def test_a_z_score_over_the_whole_sample(self, cfg, monkeypatch, tmp_path):
        def whole_sample(values):
            return (values - np.nanmean(values, axis=(0, 1))) / np.nanstd(values, axis=(0, 1))

        self.planted(monkeypatch, whole_sample)
        found = research(cfg)
        gate = verdicts(found)["no_lookahead"]
        assert not gate.passed, "each value leaks but a little, and the last bits show it"
        assert "no_lookahead" in refused(found, tmp_path)

    def test_training_rows_whose_labels_were_not_known(self, cfg, tmp_path):
        honest = cfg.walk_forward

        def unpurged(times, label, **params):
            return [Fold(fold.index, np.arange(fold.test[0]), fold.test, fold.cutoff) for fold in honest(times, label)]

        found = research(cfg.model_copy(update={"walk_forward": replace(honest, make=unpurged)}))
        gate = verdicts(found)["no_lookahead"]
        assert not gate.passed
        assert "rows whose labels were unknown at its cutoff" in gate.note
        assert "no_lookahead" in refused(found, tmp_path)
        assert splitter["walk_forward"] is honest.make

    def test_folds_that_learn_from_the_future(self, cfg, tmp_path):
        """The configuration refuses them; should they come another way, the gate does."""
        found = research(cfg.model_copy(update={"walk_forward": splitter.bind("purged_kfold")}))
        gate = verdicts(found)["no_lookahead"]
        assert not gate.passed
        assert "learns from rows after those it tests" in gate.note
        assert "no_lookahead" in refused(found, tmp_path)
        assert {fold["cutoff"] for fold in found.best.scorecard.by_fold} == {""}

    def test_a_stream_that_computes_something_else(self, cfg, monkeypatch, tmp_path):
        from alpha.features import Stream

        push = Stream.push
        monkeypatch.setattr(Stream, "push", lambda self, bar: np.nextafter(push(self, bar), np.inf))
        found = research(cfg)
        gate = verdicts(found)["batch_equals_stream"]
        assert not gate.passed
        assert "became" in gate.note
        assert "batch_equals_stream" in refused(found, tmp_path)

    def test_a_model_that_is_not_what_was_written(self, cfg, monkeypatch, tmp_path):
        from alpha.models import model

        read = model["linear_v1"].from_files.__func__

        def other(cls, files, params):
            made = read(cls, files, params)
            made.intercept_ += 1e-12
            return made

        monkeypatch.setattr(model["linear_v1"], "from_files", classmethod(other))
        found = research(cfg)
        assert not verdicts(found)["golden_reproduces"].passed
        assert "golden_reproduces" in refused(found, tmp_path)

    def test_a_market_without_an_edge(self, cfg, tmp_path):
        source = replace(cfg.source, params={**cfg.source.params, "ic": 0.0})
        found = research(cfg.model_copy(update={"source": source}))
        told = refused(found, tmp_path)
        assert "net_return_above_baseline: " in told
        assert "short by" in told
        assert all(f"{gate.gate}: " in told for gate in found.best.gates if not gate.passed)
