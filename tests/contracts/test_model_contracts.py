"""What every model promises, over the registry: the same bits again, and rows that do not see each other."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from fitting import samples

from alpha.core.errors import ModelError
from alpha.core.identity import expect_packages, packages_of
from alpha.core.nouns import Model
from alpha.models import differing, model, neutral_of, outputs_of, tolerance_of
from alpha.models.samples import Samples
from alpha.models.search import Choice
from alpha.validation.crossfit import outputs

SAMPLES, FEATURES = 1500, 6


@pytest.fixture(scope="module")
def data() -> Samples:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(SAMPLES, FEATURES))
    y = 0.3 * X[:, 0] - 0.2 * X[:, 1] * (X[:, 2] > 0) + rng.normal(size=SAMPLES)
    return samples(X, y, np.arange(SAMPLES) // 10, np.arange(SAMPLES) % 10, horizon=3)


@pytest.fixture(scope="module", params=list(model))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def fitted(name: str, data: Samples) -> Model:
    return model.bind(name)().fit(data)


def test_learns_something(fitted: Model, data: Samples) -> None:
    signal = outputs(fitted, data.X, np.ones(SAMPLES, bool))["signal"]
    assert np.corrcoef(signal, data.y)[0, 1] > 0.2


def test_says_what_it_predicts(fitted: Model, data: Samples) -> None:
    """As many columns as it names outputs, the signal first; numbers; a neutral value; a small tolerance."""
    names, prediction = outputs_of(fitted), fitted.predict(data.X)
    assert names[0] == "signal"
    assert len(set(names)) == len(names)
    assert prediction.shape in {(SAMPLES, len(names)), (SAMPLES,) if len(names) == 1 else ()}
    assert prediction.dtype == np.float64
    assert np.isfinite(neutral_of(fitted))
    assert 0 <= tolerance_of(fitted) < 1e-3
    made = outputs(fitted, data.X, np.ones(SAMPLES, bool))
    assert tuple(made) == names
    assert (made.get("spread", np.zeros(1)) >= 0).all(), "how unsure it is of its signal"


def test_what_reads_its_files_is_named_and_installed(name: str) -> None:
    expect_packages(model[name])
    assert "numpy" in packages_of(model[name])


def test_equal_weights_change_no_bit(name: str, fitted: Model, data: Samples) -> None:
    assert data.weighting is None
    again = model.bind(name)().fit(replace(data, weight=np.ones(SAMPLES)))
    np.testing.assert_array_equal(again.predict(data.X), fitted.predict(data.X))


def test_weights_count(name: str, data: Samples) -> None:
    """Where half the samples obey one rule and half its opposite, the model follows those that weigh more."""
    first = np.arange(SAMPLES) % 2 == 0
    contrary = replace(data, y=np.where(first, data.X[:, 0], -data.X[:, 0]))
    for heavy, sign in ((first, 1), (~first, -1)):
        made = model.bind(name)().fit(replace(contrary, weight=np.where(heavy, 1.9, 0.1)))
        signal = outputs(made, data.X, np.ones(SAMPLES, bool))["signal"]
        assert sign * np.corrcoef(signal, data.X[:, 0])[0, 1] > 0.5


def test_a_sample_without_weight_teaches_nothing(name: str, data: Samples) -> None:
    """Give some samples the weight 0: what their outcomes are must not matter, whatever they are."""
    dead = np.random.default_rng(0).random(SAMPLES) < 0.3
    weight = np.where(dead, 0.0, 1.0)
    one, other = (
        model.bind(name)().fit(replace(data, y=np.where(dead, outcome, data.y), weight=weight)).predict(data.X)
        for outcome in (-1.0, 2.0)
    )
    np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6 * np.abs(one).max())


def test_a_fit_reads_its_samples_alone(name: str, fitted: Model, data: Samples) -> None:
    """The samples may be a part of a larger array: what lies beside them changes no bit."""
    around = np.random.default_rng(1).normal(size=(3 * SAMPLES, FEATURES))
    around[SAMPLES : 2 * SAMPLES] = data.X
    inside = replace(data, X=around[SAMPLES : 2 * SAMPLES])
    assert inside.X.base is not None
    np.testing.assert_array_equal(model.bind(name)().fit(inside).predict(data.X), fitted.predict(data.X))


def test_fitting_again_gives_the_same_bits(name: str, fitted: Model, data: Samples) -> None:
    again = model.bind(name)().fit(replace(data, X=data.X.copy(), y=data.y.copy()))
    np.testing.assert_array_equal(again.predict(data.X), fitted.predict(data.X))


def test_fitting_changes_neither_its_input_nor_its_parameters(name: str, data: Samples) -> None:
    parts = {each.name: getattr(data, each.name).copy() for each in fields(data)}
    plugin = model.bind(name)
    made = plugin().fit(Samples(**parts))
    for part, array in parts.items():
        np.testing.assert_array_equal(array, getattr(data, part))
    assert {key: getattr(made, key) for key in plugin.params} == dict(plugin.params), "constructors only store"


def test_every_parameter_of_the_search_space_changes_the_fit(name: str, data: Samples) -> None:
    for parameter, values in model[name].space.items():
        ends = (values.options[0], values.options[-1]) if isinstance(values, Choice) else (values.low, values.high)
        one, other = (model.bind({"name": name, parameter: end})().fit(data).predict(data.X) for end in ends)
        assert not np.array_equal(one, other), f"{parameter} is searched over, and reaches no fit"


def test_each_row_is_predicted_on_its_own(fitted: Model, data: Samples) -> None:
    """To the last bit, or within the tolerance that the model declares."""
    X, whole = data.X, fitted.predict(data.X)

    def same(actual: np.ndarray, expected: np.ndarray) -> bool:
        return not differing(expected, actual, tolerance_of(fitted)).any()

    for size in (1, 3, 20, 500):
        parts = [fitted.predict(X[first : first + size]) for first in range(0, 500, size)]
        assert same(np.concatenate(parts)[:500], whole[:500])
    order = np.random.default_rng(0).permutation(len(X))
    assert same(fitted.predict(X[order]), whole[order])
    assert same(fitted.predict(np.asfortranarray(X)), whole)


def test_saving_and_loading_gives_the_same_bits(name: str, fitted: Model, data: Samples) -> None:
    files = fitted.to_files()
    assert all(isinstance(content, bytes) for content in files.values())
    loaded = model[name].from_files(files, model.bind(name).params)
    np.testing.assert_array_equal(loaded.predict(data.X), fitted.predict(data.X))
    again = model[name].from_files(loaded.to_files(), model.bind(name).params)
    np.testing.assert_array_equal(again.predict(data.X), fitted.predict(data.X))


def test_missing_inputs_are_handled_where_the_model_says_so(fitted: Model) -> None:
    if not fitted.handles_nan:
        pytest.skip("complete cases only: nothing is ever predicted from a missing input")
    X = np.full((3, FEATURES), np.nan)
    X[:, 0] = [-1.0, 0.0, 1.0]
    assert np.isfinite(fitted.predict(X)).all()


def test_another_number_of_features_is_refused(fitted: Model) -> None:
    for columns in (FEATURES - 1, FEATURES + 1):
        with pytest.raises(ModelError, match=f"fitted on {FEATURES} features") as caught:
            fitted.predict(np.zeros((2, columns)))
        assert caught.value.code == "feature_count"


def test_missing_or_additional_files_are_refused(name: str, fitted: Model) -> None:
    files = fitted.to_files()
    for wrong in ({}, {**files, "extra.txt": b""}, {"other.txt": next(iter(files.values()))}):
        with pytest.raises(ModelError, match="consists of") as caught:
            model[name].from_files(wrong, model.bind(name).params)
        assert caught.value.code == "model_files"


def test_a_file_of_rubbish_is_refused(name: str, fitted: Model) -> None:
    for content in (b"", b"rubbish", b"\xff\xfe"):
        files = dict.fromkeys(fitted.to_files(), content)
        with pytest.raises(ModelError) as caught:
            model[name].from_files(files, model.bind(name).params)
        assert caught.value.code == "unreadable_model"


_ELSEWHERE = """
import json, sys
from pathlib import Path
import numpy as np
from alpha.models import model
folder = Path(sys.argv[1])
for name, files in json.loads((folder / "files.json").read_text()).items():
    files = {key: bytes.fromhex(content) for key, content in files.items()}
    loaded = model[name].from_files(files, model.bind(name).params)
    np.save(folder / f"{name}.npy", loaded.predict(np.load(folder / "X.npy")))
"""


def test_another_process_predicts_the_same_bits(data: Samples, tmp_path: Path) -> None:
    fitted = {name: model.bind(name)().fit(data) for name in model}
    files = {name: {key: content.hex() for key, content in made.to_files().items()} for name, made in fitted.items()}
    (tmp_path / "files.json").write_text(json.dumps(files))
    np.save(tmp_path / "X.npy", data.X[:50])
    subprocess.run([sys.executable, "-c", _ELSEWHERE, str(tmp_path)], check=True, timeout=120)
    for name, made in fitted.items():
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), made.predict(data.X[:50]))
