"""Fitting and predicting out of sample: who is learned from, who is predicted, and that the past stays the past."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import ConfigError, ModelError
from alpha.core.nouns import FeatureSet, Fold, Label
from alpha.core.registry import Plugin
from alpha.models import model
from alpha.models.samples import Samples
from alpha.stats.metrics import hit_rate
from alpha.validation.crossfit import (
    backtest_paths,
    cross_fit,
    cross_fit_outputs,
    cross_fit_paths,
    fit,
    outputs,
    predict,
    training_mask,
)
from alpha.validation.splits import combinatorial_purged, group_holdout, purged_kfold, walk_forward

ROWS, NAMES, FEATURES = 120, 4, 3
TIMES = pd.date_range("2020-01-01", periods=ROWS, freq="D", tz="UTC")
INSTANTS = TIMES.tz_localize(None).as_unit("ns").to_numpy()


class Spy:
    """Remembers what it was given; predicts how many samples it was fitted on, plus its first input."""

    handles_nan: ClassVar[bool] = False
    made: ClassVar[list[Spy]] = []

    def __init__(self) -> None:
        self.made.append(self)

    def fit(self, samples: Samples) -> Self:
        self.X, self.y, self.samples = samples.X, samples.y, samples
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        self.asked = X
        return len(self.y) + X[:, 0]

    def to_files(self) -> dict[str, bytes]:
        return {}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], params: Mapping[str, Any]) -> Self:
        return cls()


class SpyOfGaps(Spy):
    handles_nan = True


@pytest.fixture(autouse=True)
def _forget() -> None:
    Spy.made.clear()


def plugin(make: type) -> Plugin:
    return Plugin("model", make.__name__, {}, make)


@pytest.fixture
def features() -> FeatureSet:
    values = np.random.default_rng(0).normal(size=(ROWS, NAMES, FEATURES))
    return FeatureSet(TIMES, tuple("ABCD"), tuple("xyz"), values)


def labelled(known_at: np.ndarray | None = None, horizon: int = 4) -> Label:
    """Return a label whose values are the days at which they became known."""
    if known_at is None:
        known_at = np.append(INSTANTS[horizon:], np.full(horizon, np.datetime64("NaT", "ns")))
    per_cell = np.broadcast_to(known_at if known_at.ndim == 2 else known_at[:, None], (ROWS, NAMES))
    days = (per_cell - np.datetime64("2020-01-01", "ns")) / np.timedelta64(1, "D")
    return Label("day", days, known_at, horizon, "next_open")


TRADABLE = np.ones((ROWS, NAMES), bool)


def test_each_fold_is_fitted_anew_on_what_was_known(features: FeatureSet) -> None:
    label = labelled()
    folds = walk_forward(TIMES, label, folds=4)
    signal = cross_fit(plugin(Spy), features, label, folds, TRADABLE)
    assert len(Spy.made) == 4
    for spy, fold in zip(Spy.made, folds, strict=True):
        cutoff = (fold.cutoff - np.datetime64("2020-01-01", "ns")) / np.timedelta64(1, "D")
        assert spy.y.max() == cutoff - 1, "all that was known, and nothing known at the cutoff or after"
        np.testing.assert_array_equal(signal[fold.test], len(spy.y) + features.values[fold.test][..., 0])
    assert np.isnan(signal[: folds[0].test[0]]).all()


def test_single_labels_are_purged_where_names_differ(features: FeatureSet) -> None:
    delay = np.random.default_rng(1).integers(1, 15, (ROWS, NAMES))
    exits = np.arange(ROWS)[:, None] + delay
    known_at = np.where(exits < ROWS, INSTANTS[np.minimum(exits, ROWS - 1)], np.datetime64("NaT", "ns"))
    label = labelled(known_at)
    folds = walk_forward(TIMES, label, folds=3)
    cross_fit(plugin(Spy), features, label, folds, TRADABLE)
    for spy, fold in zip(Spy.made, folds, strict=True):
        mask = training_mask(label, fold)
        assert mask[fold.train].any(axis=1).all()
        assert not mask[fold.train].all()
        assert (known_at[mask] < fold.cutoff).all()
        assert len(spy.y) == mask.sum()


def test_a_fold_that_was_not_purged_is_purged_when_it_is_fitted(features: FeatureSet) -> None:
    label = labelled(horizon=10)
    greedy = Fold(0, np.arange(60), np.arange(60, 90), INSTANTS[60])
    cross_fit(plugin(Spy), features, label, [greedy], TRADABLE)
    assert Spy.made[0].y.max() < 60


def test_samples_come_in_the_order_of_time(features: FeatureSet) -> None:
    fit(plugin(Spy), features, labelled(), TRADABLE)
    spy = Spy.made[0]
    assert (np.diff(spy.samples.row) >= 0).all()
    np.testing.assert_array_equal(spy.samples.row[:5], [0, 0, 0, 0, 1])
    np.testing.assert_array_equal(spy.samples.symbol[:5], [0, 1, 2, 3, 0])
    np.testing.assert_array_equal(spy.samples.instant, INSTANTS[spy.samples.row])
    np.testing.assert_array_equal(spy.samples.known_at, INSTANTS[spy.samples.row + 4])
    np.testing.assert_array_equal(spy.samples.weight, np.ones(len(spy.y)))
    np.testing.assert_array_equal(spy.X[:NAMES], features.values[0])


def test_only_complete_cases_unless_the_model_handles_gaps(features: FeatureSet) -> None:
    values = features.values.copy()
    values[5, 1, 2] = np.nan
    values[6, 2, 0] = np.inf
    values[7, 3] = np.nan
    gappy = FeatureSet(TIMES, features.symbols, features.names, values)
    label, rows = labelled(horizon=1), np.arange(20)
    mask = np.zeros((ROWS, NAMES), bool)
    mask[rows] = True
    strict, lenient = (fit(plugin(make), gappy, label, mask) for make in (Spy, SpyOfGaps))
    assert len(strict.y) == 80 - 3
    assert len(lenient.y) == 80 - 1, "a cell without any input is no sample"
    assert np.isfinite(strict.X).all()
    assert np.isnan(lenient.X).sum() == 2, "an infinite input is a missing one"

    signal = predict(strict, gappy.values, TRADABLE)
    assert np.isnan(signal[[5, 6, 7], [1, 2, 3]]).all()
    assert np.isfinite(signal).sum() == ROWS * NAMES - 3
    asked = predict(lenient, gappy.values, TRADABLE)
    assert np.isnan(asked[7, 3])
    assert len(lenient.asked) == ROWS * NAMES - 1
    assert not np.isinf(lenient.asked).any()
    assert np.isinf(values[6, 2, 0]), "the inputs stay as they were"


def test_unlabelled_and_untradable_cells_are_no_samples(features: FeatureSet) -> None:
    label = labelled()
    label.values[3, 0] = np.nan
    tradable = TRADABLE.copy()
    tradable[4, 1] = tradable[100, 2] = False
    folds = walk_forward(TIMES, label, folds=1, first_test=0.5)
    signal = cross_fit(plugin(Spy), features, label, folds, tradable)
    assert len(Spy.made[0].y) == len(folds[0].train) * NAMES - 2
    assert np.isnan(signal[100, 2])
    assert np.isfinite(signal[100, 1])


def test_too_few_samples_say_how_many_there_are(features: FeatureSet) -> None:
    mask = np.zeros((ROWS, NAMES), bool)
    mask[:7] = True
    with pytest.raises(ModelError, match=r"Spy needs at least 30 samples .* there are 28 among 28") as caught:
        fit(plugin(Spy), features, labelled(), mask)
    assert caught.value.code == "too_few_samples"


def test_thirty_samples_are_enough(features: FeatureSet) -> None:
    mask = np.zeros((ROWS, NAMES), bool)
    mask.flat[:30] = True
    assert len(fit(plugin(Spy), features, labelled(), mask).y) == 30


def test_too_few_samples_name_the_column_that_is_missing_most(features: FeatureSet) -> None:
    values, mask = features.values.copy(), np.zeros((ROWS, NAMES), bool)
    mask[:8] = True
    with pytest.raises(ModelError, match="28 among 28") as complete:
        fit(plugin(Spy), features, labelled(), np.where(np.arange(ROWS)[:, None] < 7, mask, False))
    assert "28 among 28 allowed cells. Start" in str(complete.value)
    values[:2, :, 1] = values[3, :3, 2] = values[50:, :, 2] = np.nan
    with pytest.raises(ModelError, match=r"21 among 32 allowed cells; y is missing in 8 of them\. Start"):
        fit(plugin(Spy), FeatureSet(TIMES, features.symbols, features.names, values), labelled(), mask)


def test_a_model_is_not_asked_about_nothing(features: FeatureSet) -> None:
    fitted = fit(plugin(Spy), features, labelled(), TRADABLE)
    assert np.isnan(predict(fitted, features.values[0], np.zeros(NAMES, bool))).all()
    assert not hasattr(fitted, "asked")


@pytest.mark.parametrize("name", list(model))
def test_one_bar_is_predicted_as_in_the_batch(name: str, features: FeatureSet) -> None:
    fitted = fit(model.bind(name), features, labelled(), TRADABLE)
    tradable = np.random.default_rng(2).random((ROWS, NAMES)) < 0.8
    batch = predict(fitted, features.values, tradable)
    for row in (0, 50, ROWS - 1):
        np.testing.assert_array_equal(predict(fitted, features.values[row], tradable[row]), batch[row])
    assert np.isnan(predict(fitted, features.values[0], np.zeros(NAMES, bool))).all()


def test_nothing_after_the_cutoff_changes_a_fold(features: FeatureSet) -> None:
    """Shock the inputs and the outcomes of later rows: earlier predictions keep every bit."""
    label = labelled(horizon=2)
    folds = walk_forward(TIMES, label, folds=3)
    last = folds[1].test[-1]
    later = np.where(np.arange(ROWS) > last, 100.0, 1.0)
    other = FeatureSet(TIMES, features.symbols, features.names, features.values * later[:, None, None])
    shocked = Label("day", label.values * later[:, None], label.known_at, 2, "next_open")
    before = cross_fit(model.bind("linear_v1"), features, label, folds, TRADABLE)
    after = cross_fit(model.bind("linear_v1"), other, shocked, folds, TRADABLE)
    np.testing.assert_array_equal(before[: last + 1], after[: last + 1])
    assert (before[last + 1 :] != after[last + 1 :]).any()


def test_cross_validation_gives_one_signal_of_every_row(features: FeatureSet) -> None:
    label = labelled()
    folds = purged_kfold(TIMES, label, folds=3)
    signal = cross_fit(plugin(Spy), features, label, folds, TRADABLE)
    assert np.isfinite(signal).all()
    for spy, fold in zip(Spy.made, folds, strict=True):
        assert len(spy.y) == training_mask(label, fold).sum()
        np.testing.assert_array_equal(signal[fold.test], len(spy.y) + features.values[fold.test, :, 0])
    np.testing.assert_array_equal(
        cross_fit_paths(plugin(Spy), features, label, folds, TRADABLE), signal[None], "one path, and no more"
    )


def test_a_name_held_out_is_predicted_by_those_who_never_saw_it(features: FeatureSet) -> None:
    label = labelled()
    folds = group_holdout(TIMES, label, parts=2, folds=2)
    signal = cross_fit(plugin(Spy), features, label, folds, TRADABLE)
    tested = folds[0].test[0]
    assert np.isfinite(signal[tested:]).all()
    assert np.isnan(signal[:tested]).all()
    for spy, fold in zip(Spy.made, folds, strict=True):
        assert len(spy.y) == len(fold.train) * 2
        cells = fold.cells(NAMES)
        np.testing.assert_array_equal(signal[cells], len(spy.y) + features.values[cells][..., 0])


def test_several_predictions_of_a_row_are_several_paths(features: FeatureSet) -> None:
    label = labelled()
    folds = combinatorial_purged(TIMES, label, folds=4, tested=2)
    with pytest.raises(ConfigError, match="fold 1 tests what an earlier fold tested; cross_fit_paths") as caught:
        cross_fit(plugin(Spy), features, label, folds, TRADABLE)
    assert caught.value.code == "tested_twice"
    Spy.made.clear()
    paths = cross_fit_paths(plugin(Spy), features, label, folds, TRADABLE)
    assert paths.shape == (3, ROWS, NAMES)
    made = {fold.index: len(spy.y) for spy, fold in zip(Spy.made, folds, strict=True)}
    # splits 01 02 03 12 13 23: block 0 is tested in the first three, block 2 in the second, fourth and sixth
    np.testing.assert_array_equal(paths[:, 0, 0], [made[k] + features.values[0, 0, 0] for k in (0, 1, 2)])
    np.testing.assert_array_equal(paths[:, 60, 1], [made[k] + features.values[60, 1, 0] for k in (1, 3, 5)])


def test_paths_have_gaps_where_nothing_was_tested() -> None:
    folds = [Fold(0, np.array([0]), np.array([1, 2]), INSTANTS[1]), Fold(1, np.array([0]), np.array([2]), INSTANTS[2])]
    paths = backtest_paths(folds, [np.array([[1.0], [2.0]]), np.array([[3.0]])], (4, 1))
    np.testing.assert_array_equal(paths[..., 0], [[np.nan, 1, 2, np.nan], [np.nan, np.nan, 3, np.nan]])
    assert backtest_paths([], [], (4, 1)).shape == (0, 4, 1)
    assert backtest_paths([], [], (0, 1)).shape == (0, 0, 1)


class Coin(Spy):
    """Predicts the probability of a gain, and how unsure it is of it."""

    outputs = ("signal", "spread")
    neutral = 0.5

    def predict(self, X: np.ndarray) -> np.ndarray:
        probability = 1 / (1 + np.exp(-X[:, 0]))
        return np.column_stack([probability, probability * (1 - probability)])


def test_every_output_of_a_model_has_a_name(features: FeatureSet) -> None:
    label = labelled()
    tradable = np.random.default_rng(0).random((ROWS, NAMES)) < 0.8
    fitted = fit(plugin(Coin), features, label, TRADABLE)
    made = outputs(fitted, features.values, tradable)
    assert list(made) == ["signal", "spread"]
    raw = fitted.predict(features.values[tradable])
    np.testing.assert_array_equal(made["signal"][tradable], raw[:, 0] - 0.5)
    np.testing.assert_array_equal(made["spread"][tradable], raw[:, 1])
    assert all(np.isnan(each[~tradable]).all() for each in made.values())
    np.testing.assert_array_equal(predict(fitted, features.values, tradable), made["signal"])
    folds = walk_forward(TIMES, label, folds=2)
    both = cross_fit_outputs(plugin(Coin), features, label, folds, tradable)
    assert list(both) == ["signal", "spread"]
    np.testing.assert_array_equal(cross_fit(plugin(Coin), features, label, folds, tradable), both["signal"])
    np.testing.assert_array_equal(both["spread"][folds[0].test], made["spread"][folds[0].test])


def test_above_the_model_zero_is_no_opinion() -> None:
    """The sign of raw probabilities is always up: its hit rate is that of the base. Less 0.5 it shows the skill."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(2000, 4, FEATURES))
    times = pd.date_range("2000-01-01", periods=2000, freq="D", tz="UTC")
    realised = 2 * X[..., 0] + rng.normal(size=(2000, 4))
    values = FeatureSet(times, tuple("ABCD"), tuple("xyz"), X)
    known_at = np.append(times.tz_localize(None).to_numpy()[1:].astype("datetime64[ns]"), np.datetime64("NaT"))
    fitted = fit(plugin(Coin), values, Label("up", realised, known_at, 1, "next_open"), np.ones((2000, 4), bool))
    raw = fitted.predict(X.reshape(-1, FEATURES))[:, 0].reshape(2000, 4)
    signal = predict(fitted, X, np.ones((2000, 4), bool))
    assert hit_rate(raw, realised) == pytest.approx(0.5, abs=0.02)
    assert hit_rate(signal, realised) > 0.84


@pytest.mark.parametrize(
    ("names", "shape"), [(("signal", "spread"), (2,)), (("signal",), (2, 2)), (("signal", "spread"), (2, 3))]
)
def test_a_model_that_predicts_other_columns_than_it_names_is_refused(names: tuple, shape: tuple) -> None:
    class Wrong(Spy):
        outputs = names

        def predict(self, X: np.ndarray) -> np.ndarray:
            return np.zeros(shape)

    with pytest.raises(ModelError, match="Wrong names the outputs") as caught:
        outputs(Wrong(), np.zeros((2, 3)), np.ones(2, bool))
    assert caught.value.code == "bad_outputs"


def test_a_column_may_stand_alone() -> None:
    class Column(Spy):
        def predict(self, X: np.ndarray) -> np.ndarray:
            return X[:, :1]

    np.testing.assert_array_equal(predict(Column(), np.array([[3.0], [4.0]]), np.ones(2, bool)), [3.0, 4.0])


def test_the_first_output_is_the_signal(features: FeatureSet) -> None:
    class Unsure(Spy):
        outputs = ("spread", "signal")

    with pytest.raises(ModelError, match="must be 'signal'") as caught:
        fit(plugin(Unsure), features, labelled(), TRADABLE)
    assert caught.value.code == "bad_outputs"


def weighing(name: str, give: Callable[[Samples], np.ndarray]) -> Plugin:
    return Plugin("weight", name, {}, give)


def test_weights_are_multiplied_and_have_a_mean_of_one(features: FeatureSet) -> None:
    by_row = weighing("row", lambda samples: samples.row + 1.0)
    halved = weighing("odd", lambda samples: np.where(samples.row % 2, 0.5, 1.0))
    folds = walk_forward(TIMES, labelled(), folds=2)
    cross_fit(plugin(Spy), features, labelled(), folds, TRADABLE, weights=(by_row, halved))
    for spy in Spy.made:
        rows = spy.samples.row
        expected = (rows + 1.0) * np.where(rows % 2, 0.5, 1.0)
        np.testing.assert_allclose(spy.samples.weight, expected / expected.mean())


def test_a_sample_may_weigh_nothing(features: FeatureSet) -> None:
    later = weighing("later", lambda samples: np.where(samples.row < 20, 0.0, 3.0))
    fit(plugin(Spy), features, labelled(), TRADABLE, weights=(later,))
    samples = Spy.made[0].samples
    assert (samples.weight[samples.row < 20] == 0).all()
    assert len(np.unique(samples.weight[samples.row >= 20])) == 1
    assert samples.weight.mean() == pytest.approx(1)


@pytest.mark.parametrize("constant", [1.0, 0.1, 1 / 3])
def test_equal_weights_are_no_weights(constant: float, features: FeatureSet) -> None:
    same = weighing("same", lambda samples: np.full(len(samples), constant))
    fit(plugin(Spy), features, labelled(), TRADABLE, weights=(same,))
    assert Spy.made[0].samples.weighting is None


@pytest.mark.parametrize(
    ("give", "why"),
    [
        (lambda samples: -samples.row - 1.0, "a finite weight of at least 0"),
        (lambda samples: np.where(samples.row == 3, -1.0, 1.0), "a finite weight of at least 0"),
        (lambda samples: np.where(samples.row == 3, np.nan, 1.0), "a finite weight of at least 0"),
        (lambda samples: np.full(len(samples), np.nan), "a finite weight of at least 0"),
        (lambda samples: np.ones(3), "a finite weight of at least 0"),
        (lambda samples: np.zeros(len(samples)), "must not all be 0"),
    ],
)
def test_weights_that_are_none_are_refused(give: Callable, why: str, features: FeatureSet) -> None:
    with pytest.raises(ModelError, match=why) as caught:
        fit(plugin(Spy), features, labelled(), TRADABLE, weights=(weighing("wrong", give),))
    assert caught.value.code == "bad_sample_weights"
