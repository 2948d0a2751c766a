"""What every gate promises, over the registry: no number, no pass; and one line that says why."""

from __future__ import annotations

import inspect
import math

import pytest

from alpha.core.nouns import GateResult
from alpha.gates import Evidence, gate, judge

GOOD = {
    "ic": 0.03, "ic_low": 0.01, "ic_high": 0.05, "hit_rate": 0.53, "hit_base_rate": 0.51, "turnover": 0.4,
    "predictions": 5000.0, "net_return_annual": 0.09,
    "ic_low_corrected": 0.005, "deflated_sharpe": 0.99, "pbo": 0.1, "spa_p": 0.01,
}  # fmt: skip
BASELINES = {"always_long": {"net_return_annual": 0.05}, "momentum": {"net_return_annual": 0.02}}
RECORDED = {name: GateResult(name, True, 0.0, 0.0, "<=") for name in gate}


@pytest.fixture(params=list(gate))
def plugin(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    return gate.bind(request.param)


def _judged(plugin, metrics, baselines=BASELINES, recorded=RECORDED) -> GateResult:  # type: ignore[no-untyped-def]
    (result,) = judge(Evidence(metrics, baselines, recorded=recorded), (plugin,))
    return result


def test_good_evidence_passes(plugin):  # type: ignore[no-untyped-def]
    result = _judged(plugin, GOOD)
    assert result.passed, result
    assert result.note == ""


def test_the_result_bears_the_name_of_the_gate(plugin):  # type: ignore[no-untyped-def]
    assert _judged(plugin, GOOD).gate == plugin.name
    assert _judged(plugin, {}, {}, {}).gate == plugin.name


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf, -math.inf])
def test_what_is_not_finite_fails_and_says_so(plugin, nothing):  # type: ignore[no-untyped-def]
    baselines = {name: dict.fromkeys(metrics, nothing) for name, metrics in BASELINES.items()}
    result = _judged(plugin, dict.fromkeys(GOOD, nothing), baselines, {})
    assert not result.passed
    assert result.note


def test_what_is_missing_fails_and_says_so(plugin):  # type: ignore[no-untyped-def]
    result = _judged(plugin, {}, {}, {})
    assert not result.passed
    assert result.note
    assert "\n" not in str(result)


def test_one_metric_missing_is_enough_to_fail(plugin):  # type: ignore[no-untyped-def]
    read = [name for name in GOOD if not _judged(plugin, {k: v for k, v in GOOD.items() if k != name}).passed]
    baseline = not _judged(plugin, GOOD, {}).passed
    recorded = not _judged(plugin, GOOD, recorded={}).passed
    assert read or baseline or recorded, "a gate that reads nothing guards nothing"


def test_a_gate_judges_the_same_twice_and_changes_nothing(plugin):  # type: ignore[no-untyped-def]
    metrics = dict(GOOD)
    assert _judged(plugin, metrics) == _judged(plugin, metrics)
    assert metrics == GOOD


def test_parameters_are_the_schema(plugin):  # type: ignore[no-untyped-def]
    first, *others = inspect.signature(plugin.make).parameters.values()
    assert first.name == "evidence"
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in others)
    assert inspect.getdoc(plugin.make)
