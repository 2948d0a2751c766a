"""Gates: each says by how much it failed, and each is red when what it guards against is planted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import DataError, ModelError, RiskBreach
from alpha.core.nouns import Scorecard, Verdict
from alpha.core.panel import Panel
from alpha.core.registry import Plugin
from alpha.features import Plan, columns
from alpha.gates import Property, gate, judge_report, judge_study
from alpha.labels import label
from alpha.leaks import Case, Pipeline
from alpha.models import model
from alpha.strategy import Bundle
from alpha.validation import fit, predict, splitter

NO_CARD = Scorecard("linear_v1", {}, {}, (), ())


def _judge(name: str, metrics: dict[str, Any], baselines: dict[str, Any] | None = None, **params: float) -> Verdict:
    card = Scorecard("linear_v1", metrics, baselines or {}, (), ())
    (result,) = judge_report(card, {}, (gate.bind({"name": name, **params}),))
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


def test_a_net_return_that_is_missing_is_named():
    baselines = {"long": {"net_return_annual": 0.08}}
    for metrics in ({}, {"net_return_annual": float("nan")}):
        assert _judge("net_return_above_baseline", metrics, baselines).note == "the net return is missing"


@pytest.mark.parametrize(
    ("baselines", "note"),
    [
        ({}, "no baseline was scored"),
        ({"long": {"net_return_annual": None}, "b": {"net_return_annual": -1.0}}, "the net return of long is missing"),
        ({"long": {}}, "the net return of long is missing"),
        ({"long": {"net_return_annual": float("inf")}}, "the net return of long is missing"),
        ({"long": {"net_return_annual": float("-inf")}, "b": {}}, "the net return of long, b is missing"),
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


@dataclass(frozen=True)
class Subject:
    """A study without a model, and the bundle of one candidate of it."""

    study: Case
    bundle: Bundle


def _no_model(*inputs: Any) -> np.ndarray:
    raise AssertionError("the gates of this file need no prediction of the study")


@pytest.fixture(scope="module")
def subject() -> Subject:
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
    pipeline = Pipeline(*[_no_model] * 6)
    study = Case(replace(pipeline, features=plan.batch), panel, features, outcome, tuple(folds), close, seed=5)
    return Subject(study, bundle)


def _with(subject: Subject, **changes: Any) -> Subject:
    """Change the study; names of the bundle's parts change the bundle."""
    bundle = {name: changes.pop(name) for name in list(changes) if name in Bundle.__dataclass_fields__}
    return Subject(replace(subject.study, **changes), replace(subject.bundle, **bundle))


def _check(name: str, subject: Subject, **params: int) -> Verdict:
    judge = judge_study(subject.study, (gate.bind({"name": name, **params}),))
    (result,) = judge(NO_CARD, subject.bundle, subject.study.signal)
    return result


@pytest.mark.parametrize("name", INTEGRITY)
def test_an_honest_candidate_passes(name, subject):  # type: ignore[no-untyped-def]
    result = _check(name, subject)
    assert result.passed, result
    assert result.value == 0
    assert result.note == ""


class TestProperty:
    """The kind itself: what it counts, and when it looks."""

    def judge(self, study_finds: Any = (), candidate_finds: Any = ()) -> Verdict:
        def of_study(study: Any) -> Iterator[str | None]:
            yield from self.found(study_finds)

        def of_candidate(study: Any, bundle: Any, signal: Any) -> Iterator[str | None]:
            yield from self.found(candidate_finds)

        plugin = Plugin("gate", "own", {}, lambda: Property(of_study, of_candidate))
        (verdict,) = judge_study(None, (plugin,))(NO_CARD, None, None)  # type: ignore[arg-type]
        return verdict

    def found(self, given: Any) -> Iterator[str | None]:
        for each in given:
            if isinstance(each, Exception):
                raise each
            yield each

    def test_it_holds_where_nothing_is_found(self):
        assert self.judge([None, ""], [None]) == Verdict("own", True, 0.0, 0.0, "<=", "", "property")

    def test_problems_of_the_study_and_of_the_candidate_count_together(self):
        found = self.judge(["the study", None], ["one", "two"])
        assert found == Verdict("own", False, 3.0, 0.0, "<=", "the study", "property")
        assert self.judge([], ["one", "two"]).note == "one"

    @pytest.mark.parametrize("error", [DataError, ModelError, RiskBreach])
    @pytest.mark.parametrize("where", ["study_finds", "candidate_finds"])
    def test_what_cannot_be_checked_is_the_one_problem(self, where, error):
        other = {"study_finds": "candidate_finds", "candidate_finds": "study_finds"}[where]
        found = self.judge(**{where: ["seen", error("a hole", code="hole")], other: ["more"]})
        assert (found.passed, found.value) == (False, 1.0)
        assert found.note == "it could not be checked: [hole] a hole"

    def test_a_bug_is_no_verdict(self):
        with pytest.raises(KeyError):
            self.judge([KeyError("bug")])

    def test_the_study_is_judged_once_and_each_candidate_by_itself(self):
        studies, candidates = [], []
        kind = Property(
            lambda study: studies.append(study) or [], lambda *candidate: candidates.append(candidate) or []
        )
        judge = judge_study("study", (Plugin("gate", "own", {}, lambda: kind),))  # type: ignore[arg-type]
        for bundle in "abc":
            judge(NO_CARD, bundle, f"signal of {bundle}")  # type: ignore[arg-type]
        assert studies == ["study"]
        assert candidates == [("study", bundle, f"signal of {bundle}") for bundle in "abc"]


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
    """They depend on the two rows after them."""
    for last in (22, 42, 64, 86):
        values[last - 1 : last + 1, :, 0] += len(values) > last + 2
    return values


def _leaking(subject: Subject, spoil: Any) -> Subject:
    plan = Spoiled(subject.bundle.plan, spoil)
    study = subject.study
    return _with(subject, pipeline=replace(study.pipeline, features=plan.batch), features=plan.batch(study.panel))


@pytest.mark.parametrize("spoil", [_shift, _full_sample_zscore, _last_rows_of_each_month])
def test_a_feature_that_looks_ahead_is_seen(subject, spoil):  # type: ignore[no-untyped-def]
    assert not _check("no_lookahead", _leaking(subject, spoil), shocks=0).passed, "by cutting"
    assert "cut off" in _check("no_lookahead", _leaking(subject, spoil), shocks=0).note


def test_a_leak_that_cutting_misses_is_seen_by_shocking(subject):  # type: ignore[no-untyped-def]
    leaking = _leaking(subject, _out_before_a_leap)
    assert _check("no_lookahead", leaking, shocks=0).passed
    assert not _check("no_lookahead", leaking, shocks=1).passed


def test_features_are_checked_once_for_all_candidates(subject, monkeypatch):  # type: ignore[no-untyped-def]
    checked = []
    monkeypatch.setattr("alpha.leaks.lookahead.cut_and_compare", lambda *args: checked.append(args) or "a leak")
    judge = judge_study(subject.study, (gate.bind("no_lookahead"),))
    verdicts = {judge(NO_CARD, subject.bundle, subject.study.signal) for _ in range(3)}
    assert [(verdict.passed, verdict.note) for (verdict,) in verdicts] == [(False, "a leak")]
    assert len(checked) == 1


def test_cuts_and_shocks_are_made_after_rows_of_their_own(subject, monkeypatch):  # type: ignore[no-untyped-def]
    rows = {}
    monkeypatch.setattr("alpha.leaks.lookahead.cut_and_compare",
                        lambda batch, panel, features, drawn: rows.update(cut=drawn))  # fmt: skip
    monkeypatch.setattr("alpha.leaks.lookahead.shock_future",
                        lambda batch, panel, features, drawn, seed: rows.update(shocked=drawn, seed=seed))  # fmt: skip
    assert _check("no_lookahead", subject, cuts=3, shocks=2).passed
    assert (len(rows["cut"]), len(rows["shocked"]), rows["seed"]) == (3, 2, 5)
    assert not set(rows["cut"]) & set(rows["shocked"])
    _check("no_lookahead", subject)
    assert (len(rows["cut"]), len(rows["shocked"])) == (4, 1), "unless configured otherwise"


def test_the_rows_that_are_cut_are_drawn_by_the_seed(subject, monkeypatch):  # type: ignore[no-untyped-def]
    drawn = []
    monkeypatch.setattr(
        "alpha.leaks.lookahead.cut_and_compare", lambda batch, panel, features, rows: drawn.append(list(rows))
    )
    for seed in (5, 5, 6):
        _check("no_lookahead", _with(subject, seed=seed), shocks=0)
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(2 <= row < 89 for rows in drawn for row in rows)
    assert len(set(drawn[0])) == 4


def test_a_label_known_too_early_is_seen(subject):  # type: ignore[no-untyped-def]
    study = subject.study
    early = replace(study.label, known_at=study.panel.times.as_unit("ns").asi8.view("datetime64[ns]"))
    assert "no later than it was decided" in _check("no_lookahead", _with(subject, label=early)).note


def test_a_fold_that_was_not_purged_is_seen(subject):  # type: ignore[no-untyped-def]
    fold = subject.study.folds[0]
    overlapping = replace(fold, train=np.arange(fold.test[0]))
    result = _check("no_lookahead", _with(subject, folds=(overlapping,)))
    assert (result.passed, "unknown at its cutoff" in result.note) == (False, True)


def test_without_folds_nothing_is_known_about_them(subject):  # type: ignore[no-untyped-def]
    assert _check("no_lookahead", _with(subject, folds=())).note == "there are no folds to check"


def _one_ulp(values: np.ndarray) -> np.ndarray:
    return np.nextafter(values, np.inf)


def test_a_stream_that_differs_in_the_last_bit_is_seen(subject):  # type: ignore[no-untyped-def]
    plan = Spoiled(subject.bundle.plan, spoil_stream=_one_ulp)
    result = _check("batch_equals_stream", _with(subject, plan=plan))
    assert not result.passed
    assert result.note.startswith("features of 2020")
    assert result.value == 16, "eight rows, features and predictions"


def test_a_short_history_is_pushed_from_its_second_bar_on(subject):  # type: ignore[no-untyped-def]
    pushed: list[np.ndarray] = []
    plan = Spoiled(subject.bundle.plan, spoil_stream=lambda values: pushed.append(values) or values)
    assert _check("batch_equals_stream", _with(subject, plan=plan), rows=1000).passed
    assert len(pushed) == 89
    pushed.clear()
    assert _check("batch_equals_stream", _with(subject, plan=plan)).passed
    assert len(pushed) == 8, "unless configured otherwise"


def test_names_that_cannot_be_traded_are_predicted_alike(subject):  # type: ignore[no-untyped-def]
    tradable = subject.study.panel.tradable.copy()
    tradable[-1, 0] = False
    panel = replace(subject.study.panel, tradable=tradable)
    features = subject.bundle.plan.batch(panel, threads=1)
    full = replace(features, values=np.nan_to_num(features.values))
    plan = Spoiled(subject.bundle.plan, spoil_stream=np.nan_to_num)
    assert _check("batch_equals_stream", _with(subject, panel=panel, features=full, plan=plan)).passed


def test_a_negative_zero_is_not_a_zero(subject):  # type: ignore[no-untyped-def]
    features = subject.study.features
    zeros = replace(features, values=np.zeros_like(features.values))
    plan = Spoiled(subject.bundle.plan, spoil_stream=lambda values: -np.zeros_like(values))
    assert not _check("batch_equals_stream", _with(subject, plan=plan, features=zeros)).passed


def test_a_stream_of_another_shape_is_seen(subject):  # type: ignore[no-untyped-def]
    plan = Spoiled(subject.bundle.plan, spoil_stream=lambda values: values[:, :2])
    changed = _with(subject, plan=plan, model=WholeBatch(subject.bundle.model))
    assert "(5, 2) values instead of (5, 3)" in _check("batch_equals_stream", changed).note


@dataclass
class WholeBatch:
    """A model whose prediction of a row depends on the other rows."""

    model: Any
    handles_nan = False

    def predict(self, X: np.ndarray) -> np.ndarray:
        return X[:, 0] - X[:, 0].mean()


def test_predictions_that_depend_on_the_batch_are_seen(subject):  # type: ignore[no-untyped-def]
    result = _check("batch_equals_stream", _with(subject, model=WholeBatch(subject.bundle.model)))
    assert not result.passed
    assert result.note.startswith("predictions of 2020")


def test_a_check_that_cannot_be_made_has_not_passed(subject):  # type: ignore[no-untyped-def]
    def refuse(values: np.ndarray) -> np.ndarray:
        raise DataError("the bar has other symbols", code="symbols_differ")

    plan = Spoiled(subject.bundle.plan, spoil_stream=refuse)
    result = _check("batch_equals_stream", _with(subject, plan=plan))
    assert (result.passed, result.value) == (False, 1.0)
    assert result.note == "it could not be checked: [symbols_differ] the bar has other symbols"


def test_golden_predictions_off_by_one_bit_are_seen(subject):  # type: ignore[no-untyped-def]
    off = _one_ulp(subject.bundle.golden_predictions)
    assert "20 of 20 differ" in _check("golden_reproduces", _with(subject, golden_predictions=off)).note


def test_a_golden_prediction_that_differs_is_named(subject):  # type: ignore[no-untyped-def]
    off = subject.bundle.golden_predictions.copy()
    off[7] += 1.0
    note = _check("golden_reproduces", _with(subject, golden_predictions=off)).note
    honest = subject.bundle.golden_predictions
    assert note == f"golden predictions: {off[7]!r} became {honest[7]!r} (1 of 20 differ)"


def test_any_two_missing_predictions_are_alike_and_no_number_is(subject):  # type: ignore[no-untyped-def]
    inputs, wanted = subject.bundle.golden_inputs.copy(), subject.bundle.golden_predictions.copy()
    inputs[0] = np.nan
    wanted[0] = np.copysign(np.nan, -1.0)
    assert _check("golden_reproduces", _with(subject, golden_inputs=inputs, golden_predictions=wanted)).passed
    for at, value in ((0, 0.5), (1, np.nan)):  # a number where there is none now, and the reverse
        other = wanted.copy()
        other[at] = value
        found = _check("golden_reproduces", _with(subject, golden_inputs=inputs, golden_predictions=other))
        assert "(1 of 20 differ)" in found.note


def test_the_model_is_read_back_with_its_own_parameters(subject, monkeypatch):  # type: ignore[no-untyped-def]
    given = []
    monkeypatch.setattr(model["linear_v1"], "from_files",
                        lambda files, params: given.append(params) or subject.bundle.model)  # fmt: skip
    entry = {"name": "linear_v1", "alphas": [5.0]}
    assert _check("golden_reproduces", _with(subject, model_entry=entry)).passed
    assert [list(params["alphas"]) for params in given] == [[5.0]]


def test_without_golden_predictions_nothing_is_proved(subject):  # type: ignore[no-untyped-def]
    nothing = np.empty(0)
    result = _check("golden_reproduces", _with(subject, golden_inputs=np.empty((0, 3)), golden_predictions=nothing))
    assert result.note == "there is no golden prediction to reproduce"


def test_a_model_that_cannot_be_read_back_is_seen(subject, monkeypatch):  # type: ignore[no-untyped-def]
    def refuse(files: Any, params: Any) -> Any:
        raise ModelError("model.json cannot be read", code="unreadable_model")

    monkeypatch.setattr(model["linear_v1"], "from_files", refuse)
    assert "[unreadable_model]" in _check("golden_reproduces", subject).note


def test_a_model_that_loses_something_on_the_way_is_seen(subject, monkeypatch):  # type: ignore[no-untyped-def]
    monkeypatch.setattr(model["linear_v1"], "from_files", lambda files, params: WholeBatch(None))
    assert not _check("golden_reproduces", subject).passed
