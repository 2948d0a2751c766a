"""The gate `leakage`: an honest candidate passes, and each kind of leak that no other gate sees is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alpha.core.errors import RiskBreach
from alpha.gates import Evidence, gate, judge
from alpha.lab.leakage import check_configured, pipeline
from alpha.labels import label
from alpha.leaks import check
from alpha.research import research
from alpha.strategy import backtest


@pytest.fixture
def evidence(study):  # type: ignore[no-untyped-def]
    rules, cfg = replace(study.config.rules(), max_drawdown=1.0), study.config

    def trade(signal, panel):  # type: ignore[no-untyped-def]
        return backtest(signal, panel, rules, cfg.broker).gross_returns

    return Evidence({}, candidate=study.best, folds=study.folds, trade=trade)


def _judged(evidence: Evidence):  # type: ignore[no-untyped-def]
    (result,) = judge(evidence, (gate.bind("leakage"),))
    return result


def test_an_honest_candidate_passes(evidence, study):  # type: ignore[no-untyped-def]
    assert _judged(evidence).passed
    (said,) = [each for each in study.best.gates if each.gate == "leakage"]
    assert said.passed, "research itself runs it"


@pytest.mark.parametrize("missing", [{"folds": ()}, {"trade": None}])
def test_what_cannot_be_checked_has_not_passed(evidence, missing):  # type: ignore[no-untyped-def]
    result = _judged(replace(evidence, **missing))
    assert not result.passed
    assert result.note.startswith("there is no ")


def test_models_that_share_the_data_share_what_was_found(evidence, monkeypatch):  # type: ignore[no-untyped-def]
    bind, bound = check.bind, []
    monkeypatch.setattr(check, "bind", lambda entry: bound.append(entry) or bind(entry))
    assert _judged(evidence).passed
    assert _judged(replace(evidence, candidate=replace(evidence.candidate))).passed
    assert bound.count("fair") == bound.count("labels") == 1
    assert len([entry for entry in bound if isinstance(entry, dict) and entry["name"] == "refit"]) == 2


def test_a_label_entered_at_the_signal_close_is_refused(evidence, monkeypatch):  # type: ignore[no-untyped-def]
    made = label.bind({"name": "forward_excess", "horizon": 1})

    def close_to_close(panel, *, horizon: int):  # type: ignore[no-untyped-def]
        honest, close = made(panel), panel["close"]
        values = np.vstack([close[1:] / close[:-1] - 1, np.full((1, close.shape[1]), np.nan)])
        return replace(honest, values=np.where(np.isfinite(honest.values), values, np.nan), realised=None)

    monkeypatch.setitem(label._made, "forward_excess", replace(label._made["forward_excess"], make=close_to_close))
    candidate = replace(evidence.candidate, label=close_to_close(evidence.candidate.panel, horizon=1))
    assert "entered at a price known when it was decided" in _judged(replace(evidence, candidate=candidate)).note


def test_a_fill_on_the_signal_bar_is_refused(evidence):  # type: ignore[no-untyped-def]
    def at_the_close(signal, panel):  # type: ignore[no-untyped-def]
        change = panel["close"][1:] / panel["close"][:-1] - 1
        held = np.sign(np.nan_to_num(signal[:-1])) / signal.shape[1]
        return np.r_[0.0, np.nansum(held * change, axis=1)]

    assert "filled at prices of its own bar" in _judged(replace(evidence, trade=at_the_close)).note


def test_a_model_that_reads_all_rows_is_refused(evidence, monkeypatch):  # type: ignore[no-untyped-def]
    def cheating(bound, features, label, folds, tradable, *, weights):  # type: ignore[no-untyped-def]
        return np.where(tradable, np.nan_to_num(label.values), np.nan)

    monkeypatch.setattr("alpha.gates.leaks.cross_fit", cheating)
    result = _judged(evidence)
    assert not result.passed
    assert result.value == 4, "refit, whole, shuffled and reversed labels"
    assert "test row 1 of fold 0" in result.note


def test_an_edge_of_one_bar_is_refused(evidence):  # type: ignore[no-untyped-def]
    gone = replace(evidence.candidate, signal=evidence.candidate.label.values)
    assert "when filled 1 row late" in _judged(replace(evidence, candidate=gone)).note


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
