"""What is particular to single models: the estimator behind them, their parameters, their files."""

from __future__ import annotations

import numpy as np
import pytest
from fitting import samples
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from alpha.core.errors import ConfigError, ModelError
from alpha.models import model
from alpha.models.boosting import lightgbm_v1, xgboost_v1
from alpha.models.linear import linear_v1


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    X = rng.normal(size=(400, 5)) * [1, 10, 0.1, 1, 1] + [0, 5, 0, 0, -3]
    return X, X @ [0.5, 0.01, 2, 0, 0] + rng.normal(size=400)


def fit(made, data):  # type: ignore[no-untyped-def]
    return made.fit(samples(*data))


def test_linear_is_ridge_on_standardised_inputs(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    reference = make_pipeline(StandardScaler(), RidgeCV((0.1, 1.0, 10.0))).fit(X, y)
    np.testing.assert_allclose(fit(linear_v1(), data).predict(X), reference.predict(X), rtol=1e-9, atol=1e-12)


def test_linear_penalty_is_chosen_from_those_given(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    reference = make_pipeline(StandardScaler(), RidgeCV([123.0])).fit(X, y)
    np.testing.assert_allclose(fit(linear_v1(alphas=(123.0,)), data).predict(X), reference.predict(X), rtol=1e-9)
    assert model.bind({"name": "linear_v1", "alphas": [1, 2]}).params == {"alphas": (1.0, 2.0)}
    with pytest.raises(ConfigError, match="alphas"):
        model.bind({"name": "linear_v1", "alphas": [-1]})


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"mean": [0], "scale": [1], "weights": [1, 2], "intercept": 0}',
        b'{"mean": [0], "scale": [1], "weights": [1], "intercept": [0]}',
        b'{"mean": [0], "scale": [1], "weights": ["x"], "intercept": 0}',
        b'{"mean": [0], "scale": [1], "weights": [1], "intercept": 0, "more": 1}',
    ],
)
def test_linear_file_that_is_not_what_was_written_is_unreadable(content: bytes) -> None:
    with pytest.raises(ModelError) as caught:
        linear_v1.from_files({"model.json": content}, {})
    assert caught.value.code == "unreadable_model"


@pytest.mark.parametrize("make", [lightgbm_v1, xgboost_v1])
def test_trees_do_not_depend_on_the_number_of_threads(make: type, data: tuple[np.ndarray, np.ndarray]) -> None:
    one, two = (fit(make(num_threads=threads, n_estimators=20), data).predict(data[0]) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("shares", [{"subsample": 0.5, "colsample": 1.0}, {"subsample": 1.0, "colsample": 0.5}])
@pytest.mark.parametrize("make", [lightgbm_v1, xgboost_v1])
def test_trees_that_sample_follow_their_seed(make: type, shares: dict, data: tuple[np.ndarray, np.ndarray]) -> None:
    def sampled(seed: int) -> np.ndarray:
        return fit(make(seed=seed, n_estimators=20, **shares), data).predict(data[0])

    np.testing.assert_array_equal(sampled(1), sampled(1))
    assert (sampled(1) != sampled(2)).any()


def test_lightgbm_settings_reach_the_trees(data: tuple[np.ndarray, np.ndarray]) -> None:
    booster = fit(lightgbm_v1(n_estimators=3, num_leaves=4, min_child_samples=10), data).booster_
    assert booster.num_trees() == 3
    assert max(tree["num_leaves"] for tree in booster.dump_model()["tree_info"]) <= 4


@pytest.mark.parametrize("name", ["lightgbm_v1", "xgboost_v1"])
def test_shares_must_be_shares(name: str) -> None:
    for wrong in ({"subsample": 0}, {"colsample": 1.5}, {"n_estimators": 0}):
        with pytest.raises(ConfigError):
            model.bind({"name": name, **wrong})


def test_linear_weighs_a_sample_as_so_many_alike(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    times = np.random.default_rng(0).integers(1, 4, len(y))
    weighted = linear_v1(alphas=(50.0,)).fit(samples(X, y, weight=times.astype(float)))
    repeated = linear_v1(alphas=(50.0,)).fit(samples(X.repeat(times, axis=0), y.repeat(times)))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-9, atol=1e-12)
