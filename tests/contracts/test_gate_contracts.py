"""What every gate promises, over the registry: it reads its own number, fails without one, and says why."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import DataError, ModelError
from alpha.core.nouns import FeatureSet, Label, Scorecard, Verdict
from alpha.core.panel import Panel
from alpha.core.registry import Plugin
from alpha.gates import Comparison, Property, Unsealed, gate, judge_report, judge_study, waiting
from alpha.leaks import Case, Pipeline
from alpha.strategy import Bundle

KINDS = {name: type(gate.bind(name)()) for name in gate}
COMPARISONS, PROPERTIES, UNSEALED = (
    [name for name, kind in KINDS.items() if kind is wanted] for wanted in (Comparison, Property, Unsealed)
)
EXPECTED = {  # the metric that each reads, how it must lie to the limit, and the default limit
    "ic": ("ic", ">=", 0.02),
    "ic_lower_bound": ("ic_low", ">", 0.0),
    "ic_lower_bound_corrected": ("ic_low_corrected", ">", 0.0),
    "deflated_sharpe": ("deflated_sharpe", ">=", 0.95),
    "pbo": ("pbo", "<=", 0.5),
    "spa": ("spa_p", "<=", 0.05),
    "hit_rate": ("hit_rate", ">=", 0.52),
    "hit_rate_above_base": ("hit_rate", ">", 0.0),
    "turnover": ("turnover", "<=", 2.0),
    "predictions": ("predictions", ">=", 100),
    "net_return_above_baseline": ("net_return_annual", ">", 0.0),
}
LEVELS = {"hit_rate_above_base": "hit_base_rate"}  # a metric that another one is counted from
METRICS = sorted({metric for metric, _, _ in EXPECTED.values()} | set(LEVELS.values()))
NOTHING = [None, math.nan, math.inf, -math.inf]


def judged(name: str, metrics: dict[str, Any], level: float | None = 0.0, **params: float) -> Verdict:
    """Judge numbers; what a number is counted from, a baseline or a base rate, is at `level` unless it is given."""
    card = Scorecard("linear_v1", {"hit_base_rate": level, **metrics}, {"b": {"net_return_annual": level}}, (), ())
    (verdict,) = judge_report(card, {}, (gate.bind({"name": name, **params}),))
    return verdict


def good(name: str) -> float:
    """Return a value that passes a gate by a wide margin, and as its negative fails it as widely."""
    return -1e6 if EXPECTED[name][1] == "<=" else 1e6


def test_every_gate_is_of_one_kind():
    assert sorted([*COMPARISONS, *PROPERTIES, *UNSEALED]) == sorted(KINDS)
    assert sorted(COMPARISONS) == sorted(EXPECTED), "say here what a new gate reads"


@pytest.mark.parametrize("name", list(gate))
def test_parameters_are_the_schema(name):
    parameters = inspect.signature(gate[name]).parameters.values()
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in parameters)
    assert (inspect.getdoc(gate[name]) or "").splitlines()[0].endswith((".", "`.", "limit`."))
    assert gate[name].__name__ == name


class TestComparisons:
    @pytest.mark.parametrize("name", COMPARISONS)
    def test_it_compares_its_metric_with_its_limit(self, name):
        metric, relation, limit = EXPECTED[name]
        verdict = judged(name, {metric: good(name)})
        assert verdict == Verdict(name, True, good(name), limit, relation, "", "comparison")

    @pytest.mark.parametrize("name", COMPARISONS)
    @pytest.mark.parametrize("limit", [0.25, -0.75])
    def test_exactly_at_its_limit_it_does_as_the_relation_says(self, name, limit):
        metric, relation, _ = EXPECTED[name]
        above, below = np.nextafter(limit, np.inf), np.nextafter(limit, -np.inf)
        passed = {value: judged(name, {metric: value}, limit=limit).passed for value in (below, limit, above)}
        assert passed == {below: relation == "<=", limit: relation in ("<=", ">="), above: relation in (">", ">=")}

    @pytest.mark.parametrize("name", COMPARISONS)
    def test_it_says_by_how_much_it_failed(self, name):
        metric, relation, _ = EXPECTED[name]
        away = 0.125 if relation == "<=" else -0.125
        note = judged(name, {metric: 0.5 + away}, limit=0.5).note
        assert note.startswith("over by 0.125" if relation == "<=" else "short by 0.125")
        if relation == ">":
            assert judged(name, {metric: 0.5}, limit=0.5).note.startswith("at the limit, and must be above it")

    @pytest.mark.parametrize("name", COMPARISONS)
    @pytest.mark.parametrize("nothing", NOTHING)
    def test_a_number_that_is_not_finite_fails_and_says_so(self, name, nothing):
        metric, relation, limit = EXPECTED[name]
        verdict = judged(name, dict.fromkeys(METRICS, good(name)) | {metric: nothing}, limit=limit)
        assert (verdict.passed, verdict.gate, verdict.limit, verdict.relation) == (False, name, limit, relation)
        assert "missing" in verdict.note

    @pytest.mark.parametrize("name", COMPARISONS)
    def test_a_number_that_is_missing_fails_and_says_so(self, name):
        metric = EXPECTED[name][0]
        others = {other: good(name) for other in METRICS if other != metric}
        verdict = judged(name, others)
        assert not verdict.passed
        assert "missing" in verdict.note
        assert "\n" not in str(verdict)

    @pytest.mark.parametrize("name", COMPARISONS)
    def test_it_reads_its_own_metric_and_no_other(self, name):
        metric, level = EXPECTED[name][0], LEVELS.get(name)
        others = [other for other in METRICS if other not in (metric, level)]
        for bad in (-good(name), *NOTHING):
            assert judged(name, dict.fromkeys(others, bad) | {metric: good(name)}).passed
            assert not judged(name, dict.fromkeys(others, good(name)) | {metric: bad}).passed

    @pytest.mark.parametrize("name", ["hit_rate_above_base", "net_return_above_baseline"])
    @pytest.mark.parametrize("nothing", NOTHING)
    def test_a_level_that_is_not_finite_fails(self, name, nothing):
        verdict = judged(name, {EXPECTED[name][0]: good(name)}, level=nothing)
        assert not verdict.passed
        assert verdict.note.endswith("is missing")

    @pytest.mark.parametrize("name", ["hit_rate_above_base", "net_return_above_baseline"])
    def test_a_number_is_counted_from_its_level(self, name):
        verdict = judged(name, {EXPECTED[name][0]: 0.75}, level=0.5)
        assert (verdict.passed, verdict.value) == (True, 0.25)

    @pytest.mark.parametrize("name", COMPARISONS)
    def test_a_study_is_judged_by_the_numbers_of_each_candidate(self, name):
        metric = EXPECTED[name][0]
        judge = judge_study(None, (gate.bind(name),))  # type: ignore[arg-type]
        for value in (good(name), -good(name)):
            metrics = {metric: value, **({"hit_base_rate": 0.0} if name in LEVELS else {})}
            card = Scorecard("linear_v1", metrics, {"b": {"net_return_annual": 0.0}}, (), ())
            (verdict,) = judge(card, None, None)  # type: ignore[arg-type]
            assert (verdict.gate, verdict.passed) == (name, value == good(name))

    @pytest.mark.parametrize("name", COMPARISONS)
    def test_a_report_is_judged_by_its_numbers_not_by_its_record(self, name):
        metric, relation, _ = EXPECTED[name]
        card = Scorecard(
            "linear_v1", {metric: -good(name), "hit_base_rate": 0.0}, {"b": {"net_return_annual": 0.0}}, (), ()
        )
        recorded = {name: Verdict(name, True, good(name), 0.0, relation)}
        assert not judge_report(card, recorded, (gate.bind(name),))[0].passed


def broken(*inputs: Any, **options: Any) -> Any:
    raise DataError("nothing can be computed", code="broken")


class Unreadable:
    """A model that cannot be written, and predicts nothing."""

    handles_nan = True

    def predict(self, X: Any) -> Any:
        raise ModelError("it predicts nothing", code="broken")

    def to_files(self) -> dict[str, bytes]:
        raise ModelError("it cannot be written", code="broken")


@pytest.fixture
def study() -> tuple[Case, Bundle]:
    """Return a study and a bundle of which nothing can be checked."""
    times = pd.bdate_range("2020-01-01", periods=40, tz="UTC")
    panel = Panel(times, tuple("AB"), {name: np.ones((40, 2)) for name in ("open", "high", "low", "close")})
    features = FeatureSet(times, panel.symbols, ("x",), np.ones((40, 2, 1)))
    known = (times.as_unit("ns") + pd.Timedelta("1D")).asi8.view("datetime64[ns]")
    label = Label("forward", np.zeros((40, 2)), known, 1, "next_open")
    bundle = Bundle("unreadable", Unreadable(), {"name": "linear_v1"}, (), None, {}, {}, np.ones((2, 1)),  # type: ignore[arg-type]
                    np.ones(2), {})  # fmt: skip
    return Case(Pipeline(*[broken] * 6), panel, features, label, (), np.ones((40, 2))), bundle


class TestProperties:
    @pytest.mark.parametrize("name", PROPERTIES)
    def test_one_that_fails_says_why(self, name, study):
        case, bundle = study
        (verdict,) = judge_study(case, (gate.bind(name),))(Scorecard("x", {}, {}, (), ()), bundle, case.signal)
        assert (verdict.gate, verdict.kind, verdict.passed) == (name, "property", False)
        assert verdict.value >= 1
        assert verdict.note
        assert str(verdict).startswith("FAIL  ")

    @pytest.mark.parametrize("name", PROPERTIES)
    def test_the_numbers_of_a_report_are_not_enough(self, name):
        card = Scorecard("linear_v1", dict.fromkeys(METRICS, 1e6), {}, (), ())
        (verdict,) = judge_report(card, {}, (gate.bind(name),))
        assert (verdict.gate, verdict.kind, verdict.passed) == (name, "property", False)
        assert verdict.note == "needs the candidate, and no result of it is recorded"
        assert math.isnan(verdict.value)

    @pytest.mark.parametrize("name", PROPERTIES)
    @pytest.mark.parametrize("passed", [True, False])
    def test_a_report_is_judged_by_its_record(self, name, passed):
        recorded = Verdict(name, passed, float(not passed), 0.0, "<=", "as recorded", "property")
        card = Scorecard("linear_v1", {}, {}, (), ())
        assert judge_report(card, {name: recorded}, (gate.bind(name),)) == (recorded,)


class TestHoldout:
    def recorded(self, value: float, *, passed: bool) -> dict[str, Verdict]:
        return {"holdout": Verdict("holdout", passed, value, 0.0, ">", "IC 0.02 over 50 sealed days")}

    def test_research_does_not_judge_by_it(self, study):
        gates = (gate.bind("ic"), gate.bind("holdout"))
        card = Scorecard("linear_v1", {"ic": 1.0}, {}, (), ())
        assert [verdict.gate for verdict in judge_study(study[0], gates)(card, study[1], study[0].signal)] == ["ic"]
        assert waiting(gates) == ("holdout",)
        assert waiting(gates[:1]) == ()

    def test_a_report_whose_holdout_was_not_opened_is_not_judged_by_it(self):
        assert judge_report(Scorecard("x", {}, {}, (), ()), {}, (gate.bind("holdout"),)) == ()

    @pytest.mark.parametrize(
        ("value", "limit", "passed"),
        [
            (0.01, 0.0, True),
            (0.0, 0.0, False),
            (-0.01, 0.0, False),
            (0.01, 0.01, False),
            (0.01, 0.005, True),
            (math.nan, 0.0, False),
        ],
    )
    def test_a_report_is_judged_by_the_recorded_bound(self, value, limit, passed):
        plugin = gate.bind({"name": "holdout", "limit": limit})
        for said in (True, False):
            (verdict,) = judge_report(Scorecard("x", {}, {}, (), ()), self.recorded(value, passed=said), (plugin,))
            assert (verdict.passed, verdict.limit, verdict.relation) == (passed, limit, ">")
            assert verdict.note == "IC 0.02 over 50 sealed days"


def test_verdicts_come_in_the_order_of_the_gates(study):
    gates: list[Plugin] = [gate.bind(name) for name in reversed([*COMPARISONS, *PROPERTIES])]
    verdicts = judge_study(study[0], gates)(Scorecard("x", {}, {}, (), ()), study[1], study[0].signal)
    assert [verdict.gate for verdict in verdicts] == [plugin.name for plugin in gates]
