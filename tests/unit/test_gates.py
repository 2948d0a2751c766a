"""Gates: each says by how much it failed, and each is red when what it guards against is planted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import DataError, ModelError
from alpha.core.nouns import GateResult
from alpha.core.panel import Panel
from alpha.features import Plan, columns
from alpha.gates import Evidence, gate, judge
from alpha.labels import label
from alpha.models import model
from alpha.strategy import Bundle, Candidate
from alpha.validation import fit, predict, splitter


def _judge(name: str, metrics: dict[str, Any], baselines: dict[str, Any] | None = None, **params: float) -> GateResult:
    (result,) = judge(Evidence(metrics, baselines or {}), (gate.bind({"name": name, **params}),))
    return result


@pytest.mark.parametrize(
    ("name", "metrics", "passed", "note"),
    [
        ("ic", {"ic": 0.02}, True, ""),
        ("ic", {"ic": 0.0156}, False, "short by 0.0044"),
        ("hit_rate", {"hit_rate": 0.52}, True, ""),
        ("hit_rate", {"hit_rate": 0.51}, False, "short by 0.01"),
        ("turnover", {"turnover": 2.0}, True, ""),
        ("turnover", {"turnover": 2.25}, False, "over by 0.25"),
        ("predictions", {"predictions": 100}, True, ""),
        ("predictions", {"predictions": 98}, False, "short by 2"),
        ("ic_lower_bound", {"ic_low": 1e-9}, True, ""),
        ("ic_lower_bound", {"ic_low": 0.0}, False, "at the limit, and must be above it"),
        ("ic_lower_bound", {"ic_low": -0.003}, False, "short by 0.003"),
        ("hit_rate_above_base", {"hit_rate": 0.53, "hit_base_rate": 0.52}, True, ""),
        ("hit_rate_above_base", {"hit_rate": 0.53, "hit_base_rate": 0.56}, False, "short by 0.03"),
        ("hit_rate_above_base", {"hit_rate": 0.53}, False, "the hit rate or its base rate is missing"),
        ("ic", {"ic": None}, False, "the metric is missing or nan"),
        ("ic", {"ic": float("inf")}, False, "the metric is missing or inf"),
    ],
)
def test_metric_gates(name, metrics, passed, note):  # type: ignore[no-untyped-def]
    result = _judge(name, metrics)
    assert (result.passed, result.note) == (passed, note)


def test_the_limit_is_a_parameter():
    assert _judge("ic", {"ic": 0.015}, limit=0.01).passed
    assert str(_judge("ic", {"ic": 0.015})).startswith("FAIL  ic")


def test_net_return_is_held_against_the_best_baseline():
    baselines = {"long": {"net_return_annual": 0.08}, "random": {"net_return_annual": -0.1}}
    assert _judge("net_return_above_baseline", {"net_return_annual": 0.09}, baselines).passed
    beaten = _judge("net_return_above_baseline", {"net_return_annual": 0.05}, baselines)
    assert (beaten.passed, beaten.note) == (False, "short by 0.03 against long")


@pytest.mark.parametrize(
    ("baselines", "note"),
    [
        ({}, "no baseline was scored"),
        ({"long": {"net_return_annual": None}, "b": {"net_return_annual": -1.0}}, "the net return of long is missing"),
        ({"long": {}}, "the net return of long is missing"),
    ],
)
def test_without_baselines_the_net_return_proves_nothing(baselines, note):  # type: ignore[no-untyped-def]
    result = _judge("net_return_above_baseline", {"net_return_annual": 9.0}, baselines)
    assert (result.passed, result.note) == (False, note)


INTEGRITY = ("no_lookahead", "batch_equals_stream", "golden_reproduces")
ENTRIES = (
    {"name": "ret", "window": 1, "cross_section": "rank"},
    {"name": "sma_ratio", "fast": 3, "slow": 8},
    {"name": "macd", "fast": 3, "slow": 6, "signal": 2},
)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    rng = np.random.default_rng(3)
    times = pd.bdate_range("2020-01-01", periods=90, tz="UTC")
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, (90, 5)), axis=0))
    panel = Panel(times, tuple("ABCDE"), {"close": close})
    plan = Plan(columns(ENTRIES))
    features = plan.batch(panel, threads=1)
    outcome = label.bind({"name": "forward_excess", "horizon": 2})(panel)
    folds = splitter.bind({"name": "walk_forward", "folds": 2, "first_test": 0.6})(times, outcome)
    bound = model.bind("linear_v1")
    fitted = fit(bound, features, outcome, np.isfinite(outcome.values))
    golden = features.values[40:44].reshape(-1, 3)
    bundle = Bundle("linear_v1", fitted, bound.entry, ENTRIES, plan, {"name": "forward_excess"}, {}, golden,
                    predict(fitted, golden, np.ones(len(golden), bool)), {})  # fmt: skip
    candidate = Candidate(bundle, panel, features, outcome, close, None, None, seed=5)  # type: ignore[arg-type]
    return Evidence({}, candidate=candidate, folds=folds)


def _with(evidence: Evidence, **changes: Any) -> Evidence:
    """Change the candidate; names of the bundle's parts change the bundle."""
    bundle = {name: changes.pop(name) for name in list(changes) if name in Bundle.__dataclass_fields__}
    candidate = replace(evidence.candidate, **changes)
    return replace(evidence, candidate=replace(candidate, bundle=replace(candidate.bundle, **bundle)))


def _check(name: str, evidence: Evidence, **params: int) -> GateResult:
    (result,) = judge(evidence, (gate.bind({"name": name, **params}),))
    return result


@pytest.mark.parametrize("name", INTEGRITY)
def test_an_honest_candidate_passes(name, evidence):  # type: ignore[no-untyped-def]
    result = _check(name, evidence)
    assert result.passed, result
    assert result.value == 0


@pytest.mark.parametrize("name", INTEGRITY)
def test_a_report_alone_is_judged_by_what_was_recorded(name, evidence):  # type: ignore[no-untyped-def]
    said = GateResult(name, False, 1.0, 0.0, "<=", "as recorded")
    assert _check(name, Evidence({}, recorded={name: said})) == said
    assert _check(name, replace(evidence, recorded={name: said})).passed, "the candidate itself is better evidence"
    assert "no result of it is recorded" in _check(name, Evidence({})).note


@dataclass
class Spoiled:
    """A plan whose batch or stream is changed afterwards."""

    plan: Plan
    spoil: Any = None
    spoil_stream: Any = None

    def batch(self, panel: Panel) -> Any:
        made = self.plan.batch(panel, threads=1)
        return replace(made, values=self.spoil(made.values.copy())) if self.spoil else made

    def stream(self, history: Panel) -> Any:
        stream = self.plan.stream(history)
        return stream if self.spoil_stream is None else Pushed(stream, self.spoil_stream)


@dataclass
class Pushed:
    stream: Any
    spoil: Any

    def push(self, bar: Any) -> np.ndarray:
        return self.spoil(self.stream.push(bar))


def _shift(values: np.ndarray) -> np.ndarray:
    """The leak of pandas' ``shift(-1)``."""
    return np.concatenate([values[1:], np.full_like(values[:1], np.nan)])


def _full_sample_zscore(values: np.ndarray) -> np.ndarray:
    known = np.nan_to_num(values)
    return (known - known.mean(axis=0)) / (known.std(axis=0) + 1e-9)


def _out_before_a_leap(values: np.ndarray) -> np.ndarray:
    """Nothing is held where the next row's short mean is far from the long one: this history has no such row."""
    values[:-1][np.abs(values[1:, :, 1]) > 0.2] = 0.0
    return values


def _last_rows_of_each_month(values: np.ndarray) -> np.ndarray:
    """They are told by the two rows after them."""
    for last in (22, 42, 64, 86):
        values[last - 1 : last + 1, :, 0] += len(values) > last + 2
    return values


def _leaking(evidence: Evidence, spoil: Any) -> Evidence:
    plan = Spoiled(evidence.candidate.bundle.plan, spoil)
    return _with(evidence, plan=plan, features=plan.batch(evidence.candidate.panel))


@pytest.mark.parametrize("spoil", [_shift, _full_sample_zscore, _last_rows_of_each_month])
def test_a_feature_that_looks_ahead_is_seen(evidence, spoil):  # type: ignore[no-untyped-def]
    assert not _check("no_lookahead", _leaking(evidence, spoil), shocks=0).passed, "by cutting"
    assert "cut off" in _check("no_lookahead", _leaking(evidence, spoil), shocks=0).note


def test_a_leak_that_cutting_misses_is_seen_by_shocking(evidence):  # type: ignore[no-untyped-def]
    leaking = _leaking(evidence, _out_before_a_leap)
    assert _check("no_lookahead", leaking, shocks=0).passed
    assert not _check("no_lookahead", leaking, shocks=1).passed


def test_features_are_checked_once_for_the_models_that_share_them(evidence, monkeypatch):  # type: ignore[no-untyped-def]
    checked = []
    monkeypatch.setattr("alpha.leaks.lookahead.cut_and_compare", lambda *args: checked.append(args) or "a leak")
    for _ in range(2):
        assert not _check("no_lookahead", _with(evidence), shocks=0).passed
    assert len(checked) == 1


def test_the_rows_that_are_cut_are_drawn_by_the_seed(evidence, monkeypatch):  # type: ignore[no-untyped-def]
    drawn = []
    monkeypatch.setattr(
        "alpha.leaks.lookahead.cut_and_compare", lambda batch, panel, features, rows: drawn.append(list(rows))
    )
    for seed in (5, 5, 6):
        evidence.memo.clear()
        _check("no_lookahead", _with(evidence, seed=seed), shocks=0)
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(2 <= row < 89 for rows in drawn for row in rows)
    assert len(set(drawn[0])) == 4


def test_a_label_known_too_early_is_seen(evidence):  # type: ignore[no-untyped-def]
    candidate = evidence.candidate
    early = replace(candidate.label, known_at=candidate.panel.times.as_unit("ns").asi8.view("datetime64[ns]"))
    assert "no later than it was decided" in _check("no_lookahead", _with(evidence, label=early)).note


def test_a_fold_that_was_not_purged_is_seen(evidence):  # type: ignore[no-untyped-def]
    fold = evidence.folds[0]
    overlapping = replace(fold, train=np.arange(fold.test[0]))
    result = _check("no_lookahead", replace(evidence, folds=[overlapping]))
    assert (result.passed, "unknown at its cutoff" in result.note) == (False, True)


def test_without_folds_nothing_is_known_about_them(evidence):  # type: ignore[no-untyped-def]
    assert _check("no_lookahead", replace(evidence, folds=())).note == "there are no folds to check"


def _one_ulp(values: np.ndarray) -> np.ndarray:
    return np.nextafter(values, np.inf)


def test_a_stream_that_differs_in_the_last_bit_is_seen(evidence):  # type: ignore[no-untyped-def]
    plan = Spoiled(evidence.candidate.bundle.plan, spoil_stream=_one_ulp)
    result = _check("batch_equals_stream", _with(evidence, plan=plan))
    assert not result.passed
    assert result.note.startswith("features of 2020")
    assert result.value == 16, "eight rows, features and predictions"


def test_a_negative_zero_is_not_a_zero(evidence):  # type: ignore[no-untyped-def]
    features = evidence.candidate.features
    zeros = replace(features, values=np.zeros_like(features.values))
    plan = Spoiled(evidence.candidate.bundle.plan, spoil_stream=lambda values: -np.zeros_like(values))
    assert not _check("batch_equals_stream", _with(evidence, plan=plan, features=zeros)).passed


def test_a_stream_of_another_shape_is_seen(evidence):  # type: ignore[no-untyped-def]
    plan = Spoiled(evidence.candidate.bundle.plan, spoil_stream=lambda values: values[:, :2])
    changed = _with(evidence, plan=plan, model=WholeBatch(evidence.candidate.bundle.model))
    assert "(5, 2) values instead of (5, 3)" in _check("batch_equals_stream", changed).note


@dataclass
class WholeBatch:
    """A model whose prediction of a row depends on the other rows."""

    model: Any
    handles_nan = False

    def predict(self, X: np.ndarray) -> np.ndarray:
        return X[:, 0] - X[:, 0].mean()


def test_predictions_that_depend_on_the_batch_are_seen(evidence):  # type: ignore[no-untyped-def]
    result = _check("batch_equals_stream", _with(evidence, model=WholeBatch(evidence.candidate.bundle.model)))
    assert not result.passed
    assert result.note.startswith("predictions of 2020")


def test_a_check_that_cannot_be_made_has_not_passed(evidence):  # type: ignore[no-untyped-def]
    def refuse(values: np.ndarray) -> np.ndarray:
        raise DataError("the bar has other symbols", code="symbols_differ")

    plan = Spoiled(evidence.candidate.bundle.plan, spoil_stream=refuse)
    result = _check("batch_equals_stream", _with(evidence, plan=plan))
    assert (result.passed, result.value) == (False, 1.0)
    assert result.note == "it could not be checked: [symbols_differ] the bar has other symbols"


def test_golden_predictions_off_by_one_bit_are_seen(evidence):  # type: ignore[no-untyped-def]
    off = _one_ulp(evidence.candidate.bundle.golden_predictions)
    assert "20 of 20 differ" in _check("golden_reproduces", _with(evidence, golden_predictions=off)).note


def test_without_golden_predictions_nothing_is_proved(evidence):  # type: ignore[no-untyped-def]
    nothing = np.empty(0)
    result = _check("golden_reproduces", _with(evidence, golden_inputs=np.empty((0, 3)), golden_predictions=nothing))
    assert result.note == "there is no golden prediction to reproduce"


def test_a_model_that_cannot_be_read_back_is_seen(evidence, monkeypatch):  # type: ignore[no-untyped-def]
    def refuse(files: Any, params: Any) -> Any:
        raise ModelError("model.json cannot be read", code="unreadable_model")

    monkeypatch.setattr(model["linear_v1"], "from_files", refuse)
    assert "[unreadable_model]" in _check("golden_reproduces", evidence).note


def test_a_model_that_loses_something_on_the_way_is_seen(evidence, monkeypatch):  # type: ignore[no-untyped-def]
    monkeypatch.setattr(model["linear_v1"], "from_files", lambda files, params: WholeBatch(None))
    assert not _check("golden_reproduces", evidence).passed
