"""Mistakes in fitting: a part of the model is fitted, chosen or stopped on the test rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from alpha.core.nouns import FeatureSet, Fold, Label
from alpha.core.panel import Panel
from alpha.core.registry import Plugin
from alpha.lab.battery import plant
from alpha.lab.battery.features import month_ends
from alpha.lab.battery.honest import features, honest, predictor
from alpha.lab.battery.market import records
from alpha.labels import label as label_registry
from alpha.leaks import Pipeline
from alpha.models import model
from alpha.stats.metrics import daily_ic
from alpha.validation.baselines import random
from alpha.validation.crossfit import cross_fit, training_mask

NOISE = 40
_ALL_KNOWN = np.datetime64("2100-01-01", "ns")
Predict = Callable[[FeatureSet, Label, Fold, np.ndarray], np.ndarray]


@plant("refit")
def scaler_of_all_rows(seed: int) -> Pipeline:
    """Inputs are standardised by the mean and deviation of training and test rows together.

    ``fit_transform`` before the split. The scale of calm training rows then reveals that volatile test rows follow.
    """

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        rows = np.concatenate([fold.train, fold.test])
        seen = features.values[rows]
        scaled = (features.values - np.nanmean(seen, axis=(0, 1))) / np.nanstd(seen, axis=(0, 1))
        return _ridge(replace(features, values=scaled), label, fold, tradable)

    return honest(records(seed), predict=predict)


@plant("refit", "shuffled_labels")
def target_encoding_of_all_rows(seed: int) -> Pipeline:
    """Each name and month is encoded by its mean outcome, test rows included.

    The code of a name contains its test outcomes: names that rose in the test have a high code.
    """

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        month = np.arange(len(label.values)) // 20
        code = np.full(label.values.shape, np.nan)
        for each in np.unique(month):
            code[month == each] = np.nanmean(_filled(label.values[month == each]), axis=0)
        return _ridge(_with(features, "code", code), label, fold, tradable)

    return honest(records(seed), predict=predict)


@plant("refit")
def selection_on_all_rows(seed: int) -> Pipeline:
    """Columns are selected by their correlation with the outcome over all rows, before the split.

    Among many columns of noise some fit the test rows. The model does not see the test rows, but the selection does.
    """

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        ic = [np.nanmean(daily_ic(features.values[..., f], label.values)) for f in range(features.values.shape[-1])]
        best = np.argsort(np.abs(ic))[-8:]
        return _ridge(_only(features, best), label, fold, tradable)

    return honest(records(seed, edge=0.0), features=_noisy, predict=predict)


@plant("refit")
def tuning_on_the_test_fold(seed: int) -> Pipeline:
    """The best of many settings, by the IC on the test rows, is reported.

    Each trial alone is unbiased; the best of twenty is not. More trials give a better result, even on noise.
    """

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(7)
        subsets = [rng.choice(features.values.shape[-1], 4, replace=False) for _ in range(20)]
        tried = [_ridge(_only(features, subset), label, fold, tradable) for subset in subsets]
        return max(tried, key=lambda signal: _test_ic(signal, label, fold))

    return honest(records(seed, edge=0.0), features=_noisy, predict=predict)


@plant("refit")
def early_stopping_on_the_test_fold(seed: int) -> Pipeline:
    """Boosting stops at the round that is best on the test rows.

    The evaluation set is a training set for the number of rounds. On noise, boosting stops at the luckiest round.
    """

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        known = training_mask(label, fold) & tradable & np.isfinite(label.values)
        stages = _stages(features, label, known, fold.test, tradable)
        return max(stages, key=lambda signal: _test_ic(signal, label, fold))

    return honest(records(seed, edge=0.0), features=_noisy, predict=predict)


@plant("refit")
def early_stopping_on_unpurged_rows(seed: int) -> Pipeline:
    """Boosting stops at the round that is best on the ten rows before the test, whose outcomes take ten bars.

    The rows are held out of training, so the split looks correct. But their outcomes overlap the test, and the number
    of rounds is fitted to them.
    """

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        held_out = np.arange(fold.test[0] - label.horizon, fold.test[0])
        known = training_mask(label, fold) & tradable & np.isfinite(label.values)
        tried = _stages(features, label, known, held_out, tradable)
        rounds = int(np.argmax([_ic(signal, label.values[held_out]) for signal in tried]))
        return _stages(features, label, known, fold.test, tradable)[rounds]

    return honest(records(seed, edge=0.0), features=_noisy, predict=predict, horizon=10)


@plant("refit")
def stacked_on_unpurged_folds(seed: int) -> Pipeline:
    """Two models are weighed by their predictions in unpurged inner folds, up to the row before the test.

    Each model is fitted on known labels only. The weights are not: their newest rows contain outcomes of the test, and
    each inner fold trains on neighbours that share outcomes with its test rows.
    """

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        rows = np.arange(fold.test[0])
        inner = [replace(fold, train=np.setdiff1d(rows, part), test=part, cutoff=_ALL_KNOWN)
                 for part in np.array_split(rows, 3)]  # fmt: skip
        members = [predictor("linear_v1"), predictor({"name": "lightgbm_v1", "n_estimators": 20, "num_threads": 1})]
        made = [np.concatenate([member(features, label, each, tradable) for each in inner]) for member in members]
        both = np.isfinite([*made, label.values[rows]]).all(axis=0)
        weights = np.linalg.lstsq(np.stack([each[both] for each in made], axis=1), label.values[rows][both])[0]
        predicted = [member(features, label, fold, tradable) for member in members]
        return sum(weight * each for weight, each in zip(weights, predicted, strict=True))

    return honest(records(seed), predict=predict, horizon=10)


@plant("refit")
def weighted_by_later_volatility(seed: int) -> Pipeline:
    """Samples are weighted by the inverse variance of the outcomes around them, ten rows before and ten after.

    A centred window gives a smooth estimate. The weights of the newest samples then depend on the volatility of the
    test.
    """

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        spread = pd.DataFrame(label.values).std(axis=1)
        variance = spread.rolling(21, center=True, min_periods=1).mean().to_numpy() ** 2
        centred = Plugin("weight", "inverse_variance", {}, lambda samples: 1 / (variance[samples.row] + 1e-6))
        return cross_fit(model.bind("linear_v1"), features, label, [fold], tradable, weights=[centred])[fold.test]

    return honest(records(seed), predict=predict)


@plant("refit", "whole")
def duration_of_open_positions(seed: int) -> Pipeline:
    """An input is the duration of the previous row's position, although most positions are still open at that time.

    Positions end at barriers, and `known_at` holds the instant. In a history it is known for all rows, and a column
    made of it looks like any other.
    """

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        instants = features.times.as_unit("ns").asi8.view("datetime64[ns]")
        lasted = pd.DataFrame((label.known_at - instants[:, None]) / np.timedelta64(1, "D"))
        return _ridge(_with(features, "lasted", lasted.shift(1).to_numpy()), label, fold, tradable)

    ends = label_registry.bind({"name": "barrier", "horizon": 8, "window": 10, "profit": 3.0, "stop": 1.0})
    return honest(records(seed), label=ends, predict=predict)


@plant("refit")
def sign_from_the_test_fold(seed: int) -> Pipeline:
    """The sign of the signal is reversed for names on which it loses in the test.

    Noise has a positive IC where its sign is chosen on the rows that measure it.
    """

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        signal = _ridge(features, label, fold, tradable)
        product = signal * label.values[fold.test]
        return signal * np.where(np.nansum(product, axis=0) < 0, -1.0, 1.0)

    return honest(records(seed, edge=0.0), predict=predict)


@plant("refit", "whole", "shuffled_labels", "reversed_labels")
def fitted_on_everything(seed: int) -> Pipeline:
    """One model is fitted on the whole history, and tested on parts of it.

    A forest or a network memorises its training rows, so the test measures memory.
    """

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        everything = replace(fold, train=np.arange(len(label.values) - label.horizon - 1),
                             cutoff=np.datetime64("2100-01-01", "ns"))  # fmt: skip
        forest = predictor({"name": "lightgbm_v1", "n_estimators": 40, "min_child_samples": 5, "learning_rate": 0.2})
        return forest(features, label, everything, tradable)

    return honest(records(seed), predict=predict)


@plant("refit", "whole")
def smoothed_over_the_month_end(seed: int) -> Pipeline:
    """The signals of the last two sessions of a month are averaged with those of the two sessions after them.

    A mean over the turn of the month saves trades, because books are rebuilt then. It contains later signals, on so few
    rows that the IC hardly changes.
    """

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        signal = _ridge(features, label, fold, tradable)
        later = np.stack([np.vstack([signal[by:], signal[-1:].repeat(by, axis=0)])[: len(signal)] for by in (1, 2)])
        smooth = (signal + later.sum(axis=0)) / 3
        return np.where(month_ends(features.times)[fold.test][:, None] & np.isfinite(smooth), smooth, signal)

    return honest(records(seed), predict=predict)


@plant("whole")
def silent_at_the_month_end(seed: int) -> Pipeline:
    """A model has no opinion on the last two sessions of a month, which it finds by the dates of later rows.

    Leaving out days on which a model lost uses the calendar of the file. Live, the newest row is never known to be such
    a day.
    """

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        signal = _ridge(features, label, fold, tradable)
        return np.where(month_ends(features.times)[fold.test][:, None], np.nan, signal)

    return honest(records(seed), predict=predict)


def _ridge(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
    return predictor()(features, label, fold, tradable)


def _noisy(panel: Panel) -> FeatureSet:
    """Return the correct features and columns of noise, drawn from the time and the symbol."""
    made = features(panel)
    noise = [np.nan_to_num(random(panel, seed=number)) for number in range(NOISE)]
    names = (*made.names, *(f"noise_{number}" for number in range(NOISE)))
    return replace(made, names=names, values=np.concatenate([made.values, np.stack(noise, axis=-1)], axis=-1))


def _with(features: FeatureSet, name: str, column: np.ndarray) -> FeatureSet:
    values = np.concatenate([features.values, np.nan_to_num(column)[..., None]], axis=-1)
    return replace(features, names=(*features.names, name), values=values)


def _only(features: FeatureSet, at: np.ndarray) -> FeatureSet:
    return replace(features, names=tuple(features.names[f] for f in at), values=features.values[..., at])


def _stages(
    features: FeatureSet, label: Label, known: np.ndarray, rows: np.ndarray, tradable: np.ndarray
) -> list[np.ndarray]:
    """Boost thirty rounds, one column each; return the predictions of `rows` after each round."""
    X, y = np.nan_to_num(features.values[known]), label.values[known]
    asked = np.nan_to_num(features.values[rows])
    signals, residual, score = [], y - y.mean(), np.zeros(asked.shape[:2])
    for _ in range(30):  # the column that helps most
        slopes = X.T @ residual / (X**2).sum(axis=0)
        f = int(np.argmax(slopes**2 * (X**2).sum(axis=0)))
        residual, score = residual - 0.7 * slopes[f] * X[:, f], score + 0.7 * slopes[f] * asked[..., f]
        signals.append(np.where(tradable[rows], score, np.nan))
    return signals


def _test_ic(signal: np.ndarray, label: Label, fold: Fold) -> float:
    return _ic(signal, label.values[fold.test])


def _ic(signal: np.ndarray, outcome: np.ndarray) -> float:
    both = np.isfinite(signal) & np.isfinite(outcome)
    return float(np.corrcoef(signal[both], outcome[both])[0, 1])


def _filled(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values).any(axis=0), values, 0.0)
