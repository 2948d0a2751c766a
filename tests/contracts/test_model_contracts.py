"""What every model promises, over the registry: the same bits again, and rows that do not see each other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from alpha.core.errors import ModelError
from alpha.core.nouns import Model
from alpha.models import model
from alpha.models.search import Choice

SAMPLES, FEATURES = 1500, 6


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(SAMPLES, FEATURES))
    y = 0.3 * X[:, 0] - 0.2 * X[:, 1] * (X[:, 2] > 0) + rng.normal(size=SAMPLES)
    return X, y, np.arange(SAMPLES) // 10


@pytest.fixture(scope="module", params=list(model))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def fitted(name: str, data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Model:
    X, y, rows = data
    return model.bind(name)().fit(X, y, rows=rows)


def test_learns_something(fitted: Model, data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    X, y, _ = data
    prediction = fitted.predict(X)
    assert prediction.shape == (SAMPLES,)
    assert prediction.dtype == np.float64
    assert np.corrcoef(prediction, y)[0, 1] > 0.2


def test_fitting_again_gives_the_same_bits(
    name: str, fitted: Model, data: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    X, y, rows = data
    again = model.bind(name)().fit(X.copy(), y.copy(), rows=rows)
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))


def test_fitting_changes_neither_its_input_nor_its_parameters(
    name: str, data: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    X, y, rows = (array.copy() for array in data)
    plugin = model.bind(name)
    made = plugin().fit(X, y, rows=rows)
    for array, before in zip((X, y, rows), data, strict=True):
        np.testing.assert_array_equal(array, before)
    assert {key: getattr(made, key) for key in plugin.params} == dict(plugin.params), "constructors only store"


def test_every_parameter_of_the_search_space_changes_the_fit(
    name: str, data: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    X, y, rows = data
    for parameter, values in model[name].space.items():
        ends = (values.options[0], values.options[-1]) if isinstance(values, Choice) else (values.low, values.high)
        one, other = (model.bind({"name": name, parameter: end})().fit(X, y, rows=rows).predict(X) for end in ends)
        assert not np.array_equal(one, other), f"{parameter} is searched over, and reaches no fit"


def test_each_row_is_predicted_on_its_own(fitted: Model, data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    X = data[0]
    whole = fitted.predict(X)
    for size in (1, 3, 20, 500):
        parts = [fitted.predict(X[first : first + size]) for first in range(0, 500, size)]
        np.testing.assert_array_equal(np.concatenate(parts)[:500], whole[:500])
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(fitted.predict(X[order]), whole[order])
    np.testing.assert_array_equal(fitted.predict(np.asfortranarray(X)), whole)


def test_saving_and_loading_gives_the_same_bits(
    name: str, fitted: Model, data: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    files = fitted.to_files()
    assert all(isinstance(content, bytes) for content in files.values())
    loaded = model[name].from_files(files, model.bind(name).params)
    np.testing.assert_array_equal(loaded.predict(data[0]), fitted.predict(data[0]))
    again = model[name].from_files(loaded.to_files(), model.bind(name).params)
    np.testing.assert_array_equal(again.predict(data[0]), fitted.predict(data[0]))


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


def test_another_process_predicts_the_same_bits(
    data: tuple[np.ndarray, np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    X, y, rows = data
    fitted = {name: model.bind(name)().fit(X, y, rows=rows) for name in model}
    files = {name: {key: content.hex() for key, content in made.to_files().items()} for name, made in fitted.items()}
    (tmp_path / "files.json").write_text(json.dumps(files))
    np.save(tmp_path / "X.npy", X[:50])
    subprocess.run([sys.executable, "-c", _ELSEWHERE, str(tmp_path)], check=True, timeout=120)
    for name, made in fitted.items():
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), made.predict(X[:50]))
