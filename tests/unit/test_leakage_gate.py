"""The gate `leakage`: an honest candidate passes, and each kind of leak that no other gate sees is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alpha.core.errors import RiskBreach
from alpha.gates import gate, judge_study
from alpha.lab.leakage import check_configured, pipeline
from alpha.labels import label
from alpha.leaks import Case, Pipeline, check
from alpha.models import model
from alpha.strategy import backtest
from alpha.study import research


@pytest.fixture
def case(study):  # type: ignore[no-untyped-def]
    """Return the study without a model."""
    rules, cfg = replace(study.config.rules(), max_drawdown=1.0), study.config

    def trade(signal, panel):  # type: ignore[no-untyped-def]
        return backtest(signal, panel, rules, cfg.broker).gross_returns

    def load(at):  # type: ignore[no-untyped-def]
        return study.panel if at is None else study.panel.until(at)

    stages = Pipeline(load, cfg.plan().batch, cfg.label, lambda times, label: study.folds, _no_model, trade)
    best, nothing = study.best, np.full(study.panel.tradable.shape, np.nan)
    return Case(stages, study.panel, best.features, best.label, study.folds, nothing, cfg.seed)


def _no_model(*inputs):  # type: ignore[no-untyped-def]
    raise AssertionError("the checks of the study predict nothing")


@pytest.fixture
def judged(study):  # type: ignore[no-untyped-def]
    """Return a function that judges the best candidate of a study, or the same one with another signal."""

    def judge(case, signal=None):  # type: ignore[no-untyped-def]
        best = study.best
        (verdict,) = judge_study(case, (gate.bind("leakage"),))(
            best.scorecard, best.bundle, best.signal if signal is None else signal
        )
        return verdict

    return judge


def test_an_honest_candidate_passes(case, judged, study):  # type: ignore[no-untyped-def]
    assert judged(case).passed
    (said,) = [each for each in study.best.gates if each.gate == "leakage"]
    assert said.passed, "research itself runs it"


def test_without_folds_nothing_is_known(case, judged):  # type: ignore[no-untyped-def]
    verdict = judged(replace(case, folds=()))
    assert (verdict.passed, verdict.value, verdict.note) == (False, 1.0, "there is no fold to check")


def test_the_data_are_checked_once_and_the_model_of_each_candidate(case, study, monkeypatch):  # type: ignore[no-untyped-def]
    ran = []
    monkeypatch.setattr(check, "bind", lambda entry: lambda checked: ran.append((entry, checked.signal)))
    judge = judge_study(case, (gate.bind({"name": "leakage", "samples": 99}),))
    assert [entry for entry, _ in ran] == ["labels", "duplicates", "fills", "fair"]
    signals = [np.full(study.panel.tradable.shape, value) for value in (1.0, 2.0)]
    for signal in signals:
        judge(study.best.scorecard, study.best.bundle, signal)
    refits = ("refit", "whole", "shuffled_labels", "reversed_labels")
    own = [*({"name": name, "samples": 99} for name in refits), {"name": "delay"}, {"name": "lag"}]
    assert [entry for entry, _ in ran[4:]] == [*own, *own]
    assert [signal for _, signal in ran[4:]] == [signals[0]] * 6 + [signals[1]] * 6


def test_research_judges_its_data_once_however_many_models(small, tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    from alpha.leaks import lookahead

    bind, ran = check.bind, []
    cut = lookahead.cut_and_compare
    monkeypatch.setattr(check, "bind", lambda entry: ran.append(str(entry)) or bind(entry))
    monkeypatch.setattr(lookahead, "cut_and_compare", lambda *given: ran.append("cut") or cut(*given))
    models = small.models.model_copy(
        update={"candidates": tuple(replace(small.models.candidates[0], name=name) for name in ("linear_v1", "ridge"))}
    )
    monkeypatch.setitem(model._made, "ridge", model._made["linear_v1"])
    found = research(small.model_copy(update={"models": models}))
    assert [candidate.bundle.name for candidate in found.candidates] == ["linear_v1", "ridge"]
    assert ran.count("cut") == ran.count("fair") == ran.count("labels") == 1
    assert len([entry for entry in ran if "'refit'" in entry]) == 2


def test_a_label_entered_at_the_signal_close_is_refused(case, judged):  # type: ignore[no-untyped-def]
    made = label.bind({"name": "forward_excess", "horizon": 1})

    def close_to_close(panel):  # type: ignore[no-untyped-def]
        honest, close = made(panel), panel["close"]
        values = np.vstack([close[1:] / close[:-1] - 1, np.full((1, close.shape[1]), np.nan)])
        return replace(honest, values=np.where(np.isfinite(honest.values), values, np.nan), realised=None)

    early = replace(case, pipeline=replace(case.pipeline, label=close_to_close), label=close_to_close(case.panel))
    assert "entered at a price known when it was decided" in judged(early).note


def test_a_fill_on_the_signal_bar_is_refused(case, judged):  # type: ignore[no-untyped-def]
    def at_the_close(signal, panel):  # type: ignore[no-untyped-def]
        change = panel["close"][1:] / panel["close"][:-1] - 1
        held = np.sign(np.nan_to_num(signal[:-1])) / signal.shape[1]
        return np.r_[0.0, np.nansum(held * change, axis=1)]

    early = replace(case, pipeline=replace(case.pipeline, trade=at_the_close))
    assert "filled at prices of its own bar" in judged(early).note


def test_a_model_that_reads_all_rows_is_refused(case, judged, monkeypatch):  # type: ignore[no-untyped-def]
    def cheating(bound, features, label, folds, tradable, *, weights):  # type: ignore[no-untyped-def]
        return np.where(tradable, np.nan_to_num(label.values), np.nan)

    monkeypatch.setattr("alpha.gates.leakage.cross_fit", cheating)
    result = judged(case)
    assert not result.passed
    assert result.value == 4, "refit, whole, shuffled and reversed labels"
    assert "test row 1 of fold 0" in result.note


def test_an_edge_of_one_bar_is_refused(case, judged):  # type: ignore[no-untyped-def]
    assert "when filled 1 row late" in judged(case, signal=case.label.values).note


def test_research_refuses_a_model_fitted_on_the_test_rows(small, tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    """Through the front door: neither the folds nor the features show it."""
    monkeypatch.chdir(tmp_path)
    from alpha.validation import crossfit

    honest = crossfit.fit

    def everything(bound, features, label, mask, *, weights):  # type: ignore[no-untyped-def]
        return honest(bound, features, label, np.isfinite(label.values) & np.isfinite(features.values).all(axis=-1))

    monkeypatch.setattr(crossfit, "fit", everything)
    verdicts = {each.gate: each for each in research(small).best.gates}
    assert verdicts["no_lookahead"].passed
    assert not verdicts["leakage"].passed


def test_the_configured_pipeline_is_checked_by_every_check(small):  # type: ignore[no-untyped-def]
    findings = list(check_configured(small, lambda items, what: items))
    assert [finding.check for finding in findings if finding.said] == []
    assert {finding.check for finding in findings} == set(check)
    assert {str(finding) for finding in findings} >= {"ok    cut"}


def test_the_configured_pipeline_loads_what_could_be_had(small):  # type: ignore[no-untyped-def]
    made = pipeline(small, small.models.candidates[0])
    whole = made.load(None)
    past = made.load(whole.times[100])
    assert len(past) == 101
    assert np.array_equal(past["close"], whole["close"][:101], equal_nan=True)


def test_a_source_that_restates_is_told(small, monkeypatch):  # type: ignore[no-untyped-def]
    from alpha.config import Config

    load = Config.panel

    def restated(self, until=None):  # type: ignore[no-untyped-def]
        panel, findings = load(self, until)
        scale = 100 / panel["close"][-1]
        return panel.with_fields(**{name: panel[name] * scale for name in ("open", "high", "low", "close")}), findings

    monkeypatch.setattr(Config, "panel", restated)
    said = {finding.check: finding.said for finding in check_configured(small, lambda items, what: items)}
    assert "' of S000 at" in (said["replay"] or "")


def test_what_the_account_cannot_survive_is_told(small, monkeypatch):  # type: ignore[no-untyped-def]
    def bankrupt(*args, **params):  # type: ignore[no-untyped-def]
        raise RiskBreach("trading was halted: equity is -1.00", code="bankrupt")

    monkeypatch.setattr("alpha.lab.leakage.backtest", bankrupt)
    said = {finding.check: finding.said for finding in check_configured(small, lambda items, what: items)}
    assert said["fair"] == "it could not be checked: [bankrupt] trading was halted: equity is -1.00"
