"""A model of several outputs, with a neutral value and a tolerance, goes the whole way from research to a bundle."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from alpha import strategy
from alpha.core.errors import ConfigError, ModelError
from alpha.core.registry import _Made
from alpha.lab import leakage
from alpha.models import differing, model
from alpha.models.linear import linear_v1
from alpha.portfolio import policy
from alpha.store import child, save
from alpha.store.child import GOLDEN, parsed
from alpha.strategy import Rules, backtest
from alpha.study import research


class unsure_v1(linear_v1):
    """Ridge regression moved to a neutral value of 0.5, and the size of its signal as its spread."""

    outputs: ClassVar[tuple[str, ...]] = ("signal", "spread")
    neutral: ClassVar[float] = 0.5

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict a signal and a spread for each row."""
        signal = super().predict(X)
        return np.column_stack([signal + 0.5, np.abs(signal)])


@pytest.fixture
def unsure(monkeypatch):
    monkeypatch.setitem(model._made, "unsure_v1", _Made(unsure_v1))
    return model.bind("unsure_v1")


@pytest.fixture
def cfg(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return small


def test_research_trades_and_keeps_every_output(cfg, unsure, monkeypatch, tmp_path):
    steps: list[Any] = []
    honest = strategy.step

    def watched(outputs, *args):
        steps.append(outputs)
        return honest(outputs, *args)

    monkeypatch.setattr(strategy, "step", watched)
    both = cfg.models.model_copy(update={"candidates": (model.bind("linear_v1"), unsure)})
    plain, found = research(cfg.model_copy(update={"models": both})).candidates
    np.testing.assert_allclose(found.signal, plain.signal, atol=1e-15)
    assert {tuple(outputs) for outputs in steps} == {("signal",), ("signal", "spread")}
    verdicts = {each.gate: each for each in found.gates}
    for gate in ("no_lookahead", "leakage", "batch_equals_stream", "golden_reproduces"):
        assert verdicts[gate].passed, verdicts[gate]
    bundle = found.bundle
    assert bundle.golden_predictions.shape == (64, 2)
    np.testing.assert_array_equal(bundle.golden_predictions, bundle.model.predict(bundle.golden_inputs))
    made = bundle.outputs(bundle.golden_inputs, np.ones(64, bool))
    np.testing.assert_array_equal(made["signal"], bundle.golden_predictions[:, 0] - 0.5)
    np.testing.assert_array_equal(made["spread"], bundle.golden_predictions[:, 1])
    np.testing.assert_array_equal(bundle.predict(bundle.golden_inputs, np.ones(64, bool)), made["signal"])
    path = save(found, {}, tmp_path / "models")
    files = {each.name: each.read_bytes() for each in path.iterdir() if each.name != "manifest.json"}
    again = parsed(bundle.model_entry, files)
    np.testing.assert_array_equal(again.predict(bundle.golden_inputs), bundle.golden_predictions)


def test_golden_predictions_of_every_output_are_compared(unsure, monkeypatch):
    fitted = linear_v1()
    fitted.mean_, fitted.scale_, fitted.weights_ = np.zeros(2), np.ones(2), np.array([1.0, 2.0])
    files, X = fitted.to_files(), np.random.default_rng(0).normal(size=(8, 2))
    golden = unsure().from_files(files, {}).predict(X)

    def read(predictions):
        monkeypatch.setattr(child, "golden", lambda files: (X, predictions))
        return parsed(unsure.entry, {**files, GOLDEN: b""})

    read(golden)
    off = golden.copy()
    off[3, 1] = np.nextafter(off[3, 1], 9)
    for wrong in (off, golden[:, 0]):
        with pytest.raises(ModelError) as caught:
            read(wrong)
        assert caught.value.code == "golden_mismatch"
    monkeypatch.setattr(unsure_v1, "tolerance", 1e-6, raising=False)
    read(off)
    off[3, 1] += 1e-3
    with pytest.raises(ModelError) as caught:
        read(off)
    assert caught.value.code == "golden_mismatch"


@pytest.mark.parametrize(
    ("expected", "actual", "tolerance", "found"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0, [False, False]),
        ([1.0, 2.0], [1.0, np.nextafter(2, 3)], 0.0, [False, True]),
        ([1e-9, 2.0], [3e-9, 2.0], 1e-6, [False, False]),
        ([1e-9, 2.0], [1e-9, 2.1], 1e-6, [False, True]),
        ([np.nan, 1.0, np.nan, np.inf], [np.nan, np.nan, 1.0, np.inf], 0.5, [False, True, True, False]),
        ([0.0], [-0.0], 0.0, [True]),
    ],
)
def test_predictions_differ_in_a_bit_or_by_more_than_the_tolerance(expected, actual, tolerance, found):
    assert differing(np.array(expected), np.array(actual), tolerance).tolist() == found


def test_a_backtest_takes_the_signal_or_a_mapping_that_holds_it(study):
    panel = study.panel.rows(slice(0, 60))
    signal = np.where(panel.tradable, np.random.default_rng(0).normal(size=panel.tradable.shape), np.nan)
    rules = Rules(policy=policy.bind("long_short"))
    alone = backtest(signal, panel, rules, study.config.broker)
    named = backtest({"spread": np.abs(signal), "signal": signal}, panel, rules, study.config.broker)
    assert named.order_hash == alone.order_hash
    np.testing.assert_array_equal(named.equity, alone.equity)


def test_weights_reach_every_fit(cfg, monkeypatch):
    """The fold's fits, the last fit, those of the leakage gate, and those of the checks on a configuration."""
    seen: list[float] = []
    honest = linear_v1.fit

    def watched(self, samples):
        seen.append(float(np.ptp(samples.weight)))
        return honest(self, samples)

    monkeypatch.setattr(linear_v1, "fit", watched)
    from alpha.models import weight

    weighted = cfg.model_copy(update={"weights": (weight.bind({"name": "age", "half_life": 0.5}),)})
    assert research(weighted).best.bundle.weights == weighted.weights
    pipeline = leakage.pipeline(weighted, weighted.models.candidates[0])
    panel = pipeline.load(None)
    features, label = pipeline.features(panel), pipeline.label(panel)
    pipeline.predict(features, label, pipeline.folds(panel.times, label)[0], panel.tradable)
    assert len(seen) > 8
    assert min(seen) > 0.1


def test_a_package_that_is_not_installed_is_refused_before_anything_is_read(cfg, monkeypatch):
    monkeypatch.setattr(linear_v1, "packages", ("numpy", "sckit-learn"))
    monkeypatch.setattr(type(cfg), "panel", lambda self: pytest.fail("data were read"))
    with pytest.raises(ConfigError, match=r"linear_v1 needs the package 'sckit-learn'.*mean 'scikit-learn'") as caught:
        research(cfg)
    assert caught.value.code == "missing_package"


def test_what_no_model_names_is_looked_up_all_the_same(tmp_path, monkeypatch, study):
    """`joblib` is in no list of the library: the version that is installed goes into the manifest."""
    monkeypatch.setattr(linear_v1, "packages", ("numpy", "joblib"))
    manifest = json.loads((save(study.best, {}, tmp_path) / "manifest.json").read_bytes())
    import joblib

    assert manifest["packages"]["joblib"] == manifest["environment"]["joblib"] == joblib.__version__


def test_a_tolerance_is_kept_to_by_the_checks_of_the_folds(study, monkeypatch):
    from alpha.leaks.folds import _moved

    before = np.array([[1.0, 2.0, np.nan]])
    after = before * (1 + 1e-7)
    panel = SimpleNamespace(symbols="ABC", times=[0])
    fold = SimpleNamespace(test=[0], index=0)
    for tolerance, found in ((0.0, True), (1e-6, False), (1e-9, True)):
        case = SimpleNamespace(pipeline=SimpleNamespace(tolerance=tolerance), panel=panel)
        assert bool(_moved(case, fold, before, after)) == found
