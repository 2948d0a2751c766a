"""A bundle that is not what was blessed is refused, with a reason, and whoever asks lives on."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fitting import samples

from alpha import store
from alpha.core.errors import ModelError
from alpha.core.nouns import Verdict
from alpha.features import Plan, columns
from alpha.models import model
from alpha.store import child, verification
from alpha.store.manifest import Manifest, Stamp
from alpha.strategy import Bundle, Candidate

ENTRIES = ({"name": "ret", "window": 1}, {"name": "ret", "window": 5}, {"name": "sma_ratio", "fast": 3, "slow": 8})
FILE = {"linear_v1": "model.json", "lightgbm_v1": "model.txt", "xgboost_v1": "model.json"}


def _candidate(name: str = "lightgbm_v1", seed: int = 0, **params: Any) -> Candidate:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(600, 3))
    bound = model.bind({"name": name, **params})
    fitted = bound().fit(samples(X, X[:, 0] + rng.normal(size=600)))
    trained = {"start": "2020-01-02", "end": "2022-05-20", "rows": 600, "samples": 600}
    bundle = Bundle(name, fitted, bound.entry, ENTRIES, Plan(columns(ENTRIES)), {"name": "forward_excess"}, trained,
                    X[:16], fitted.predict(X[:16]), {"prediction": [0.0, float("nan")]})  # fmt: skip
    gates = (Verdict("ic", True, 0.03, 0.02),)
    card = SimpleNamespace(metrics={"ic": 0.03, "sharpe": float("nan")})
    return Candidate(bundle, None, None, None, None, None, card, gates, "c0ffee", "da7a", seed)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("originals")
    small = {"num_leaves": 7, "n_estimators": 5, "num_threads": 1, "colsample": 1.0}
    return {
        "lightgbm_v1": store.save(_candidate("lightgbm_v1", **small), {}, root),
        "other": store.save(_candidate("lightgbm_v1", seed=1, **small), {}, root),
        "linear_v1": store.save(_candidate("linear_v1"), {}, root),
        "xgboost_v1": store.save(_candidate("xgboost_v1", n_estimators=5, num_threads=1), {}, root),
    }


@pytest.fixture
def copy(originals: dict[str, Path], tmp_path: Path) -> Callable[..., Path]:
    """Copy a bundle to where it may be damaged."""

    def make(name: str = "lightgbm_v1") -> Path:
        path = tmp_path / originals[name].parent.name / originals[name].name
        shutil.copytree(originals[name], path)
        for each in (path, *path.iterdir()):
            each.chmod(0o755)
        return path

    return make


def _rewritten(path: Path, files: dict[str, bytes] | None = None, **changes: Any) -> Path:
    """Change files or the manifest, and make hashes and name agree with it, as somebody who knows how would."""
    for name, content in (files or {}).items():
        (path / name).write_bytes(content)
    stamps = {each.name: Stamp.of(each.read_bytes()) for each in path.iterdir() if each.name != "manifest.json"}
    old = Manifest.model_validate_json((path / "manifest.json").read_bytes())
    new = old.model_copy(update={"files": stamps, **changes})
    (path / "manifest.json").write_bytes(new.to_bytes())
    return path.rename(path.parent.parent / new.id / new.version)


def _refused(path: Path, code: str, reason: str | None = None, **options: Any) -> None:
    for ask in (store.verify, store.load):
        with pytest.raises(ModelError, match=reason) as caught:
            ask(path, **options)
        assert caught.value.code == code, caught.value


@pytest.fixture
def unparsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where anything but the manifest is parsed, here or in a child."""

    def parsed(*args: Any) -> None:
        raise AssertionError("parsed before it was checked")

    monkeypatch.setattr(verification, "reproduce_in_child", parsed)
    for name in model:
        monkeypatch.setattr(model[name], "from_files", parsed)
    monkeypatch.setattr(np, "load", parsed)


@pytest.mark.parametrize("name", list(FILE))
def test_a_bundle_comes_back_as_it_was(name, originals):  # type: ignore[no-untyped-def]
    bundle = store.load(originals[name])
    assert (bundle.name, bundle.feature_entries) == (name, ENTRIES)
    assert bundle.plan.names == ("ret_1", "ret_5", "sma_ratio_3_8")
    np.testing.assert_array_equal(bundle.predict(bundle.golden_inputs, np.ones(16, bool)), bundle.golden_predictions)
    assert bundle.model_entry == model.bind(bundle.model_entry).entry
    assert np.isnan(bundle.reference["prediction"][1])
    assert store.verify(str(originals[name])).id == name


def test_what_is_not_there(copy):  # type: ignore[no-untyped-def]
    path = copy()
    _refused(path.with_name("v0002-0123456789ab"), "bundle_missing", f"choose from {path.name}")
    _refused(path.parents[3] / "nowhere" / "m" / "v", "bundle_missing", "nothing to choose from")


@pytest.mark.usefixtures("unparsed")
class TestNothingIsParsedBeforeItsHashIsChecked:
    @pytest.mark.parametrize("name", list(FILE))
    @pytest.mark.parametrize("keep", [0, 1, -1])
    def test_a_truncated_file(self, name, keep, copy):  # type: ignore[no-untyped-def]
        path = copy(name)
        file = path / FILE[name]
        file.write_bytes(file.read_bytes()[:keep])
        _refused(path, "file_truncated", "is truncated; restore it")

    @pytest.mark.parametrize("file", ["model.txt", "golden.npz"])
    def test_a_flipped_bit(self, file, copy):  # type: ignore[no-untyped-def]
        path = copy()
        content = bytearray((path / file).read_bytes())
        content[len(content) // 2] ^= 1
        (path / file).write_bytes(content)
        _refused(path, "file_altered", file)

    def test_a_longer_file(self, copy):  # type: ignore[no-untyped-def]
        path = copy()
        with (path / "model.txt").open("ab") as file:
            file.write(b"\n")
        _refused(path, "file_altered")

    def test_an_edited_manifest(self, copy):  # type: ignore[no-untyped-def]
        path = copy()
        manifest = (path / "manifest.json").read_text()
        assert '"ic": 0.03' in manifest
        (path / "manifest.json").write_text(manifest.replace('"ic": 0.03', '"ic": 0.30'))
        _refused(path, "manifest_altered", "not the one this version is named after")

    def test_a_file_of_another_bundle(self, copy, originals):  # type: ignore[no-untyped-def]
        path = copy()
        shutil.copy(originals["other"] / "model.txt", path / "model.txt")
        with pytest.raises(ModelError) as caught:
            store.verify(path)
        assert caught.value.code in ("file_altered", "file_truncated")

    def test_the_manifest_and_files_of_another_bundle(self, copy, originals):  # type: ignore[no-untyped-def]
        path = copy()
        for each in originals["other"].iterdir():
            shutil.copy(each, path / each.name)
        _refused(path, "manifest_altered")

    def test_a_bundle_under_the_name_of_another_model(self, copy):  # type: ignore[no-untyped-def]
        path = copy("linear_v1")
        moved = path.parent.with_name("lightgbm_v1") / path.name
        moved.parent.mkdir()
        _refused(path.rename(moved), "bundle_misplaced", "version 1 of linear_v1")

    def test_a_bundle_under_another_number(self, copy):  # type: ignore[no-untyped-def]
        path = copy()
        _refused(path.rename(path.with_name(path.name.replace("v0001", "v0009"))), "bundle_misplaced")

    def test_a_folder_named_otherwise(self, copy):  # type: ignore[no-untyped-def]
        path = copy()
        _refused(path.rename(path.with_name("latest")), "manifest_altered")

    def test_an_extra_file(self, copy):  # type: ignore[no-untyped-def]
        path = copy()
        (path / "notes.txt").write_text("hello")
        _refused(path, "file_extra", "notes.txt")

    def test_an_extra_folder(self, copy):  # type: ignore[no-untyped-def]
        path = copy()
        (path / "more").mkdir()
        _refused(path, "file_extra", "more")

    @pytest.mark.parametrize("file", ["model.txt", "golden.npz", "manifest.json"])
    def test_a_missing_file(self, file, copy):  # type: ignore[no-untyped-def]
        path = copy()
        (path / file).unlink()
        _refused(path, "file_missing", file)

    @pytest.mark.parametrize("file", ["model.txt", "manifest.json"])
    def test_a_link_to_the_same_content(self, file, copy, tmp_path):  # type: ignore[no-untyped-def]
        path = copy()
        (path / file).rename(tmp_path / "elsewhere")
        (path / file).symlink_to(tmp_path / "elsewhere")
        _refused(path, "file_not_plain", file)

    def test_a_link_to_a_bundle(self, copy, tmp_path):  # type: ignore[no-untyped-def]
        path = copy()
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        _refused(path, "file_not_plain", "is a link")

    def test_a_file_that_cannot_be_read(self, copy, monkeypatch):  # type: ignore[no-untyped-def]
        def denied(self: Path) -> bytes:
            raise PermissionError(13, "Permission denied")

        path = copy()
        monkeypatch.setattr(Path, "read_bytes", denied)
        _refused(path, "file_unreadable", "Permission denied")

    @pytest.mark.parametrize(
        "content", [b"", b"{}", b"[]", b"\xff", b'{"format": 2}'], ids=["empty", "object", "list", "bytes", "newer"]
    )
    def test_a_manifest_of_another_kind(self, content, copy):  # type: ignore[no-untyped-def]
        path = copy()
        (path / "manifest.json").write_bytes(content)
        named = path.rename(path.with_name(f"v0001-{Stamp.of(content).sha256[:12]}"))
        _refused(named, "manifest_invalid")

    @pytest.mark.parametrize("name", ["../other/model.txt", "/etc/passwd", ".hidden", ""])
    def test_a_manifest_that_lists_files_elsewhere(self, name, copy):  # type: ignore[no-untyped-def]
        path = copy()
        manifest = json.loads((path / "manifest.json").read_bytes())
        manifest["files"][name] = manifest["files"]["model.txt"]
        content = json.dumps(manifest).encode()
        (path / "manifest.json").write_bytes(content)
        _refused(path.rename(path.with_name(f"v0001-{Stamp.of(content).sha256[:12]}")), "manifest_invalid")

    def test_columns_in_another_order(self, copy):  # type: ignore[no-untyped-def]
        path = _rewritten(copy(), features=(ENTRIES[1], ENTRIES[0], ENTRIES[2]))
        _refused(path, "wrong_features", "ret_5, ret_1, sma_ratio_3_8; the model reads ret_1, ret_5")

    def test_a_feature_that_no_longer_exists(self, copy):  # type: ignore[no-untyped-def]
        path = _rewritten(copy(), features=({"name": "returns", "window": 1}, *ENTRIES[1:]))
        _refused(path, "wrong_features", "no feature named 'returns'; ")

    def test_a_feature_that_is_computed_in_another_way(self, copy):  # type: ignore[no-untyped-def]
        path = copy()
        changed = Manifest.model_validate_json((path / "manifest.json").read_bytes()).columns | {"ret_5": "00" * 16}
        _refused(_rewritten(path, columns=changed), "wrong_features", "ret_5 were computed in another way")

    @pytest.mark.parametrize("change", [{"lookback": 99}, {"fields": ("close", "volume")}])
    def test_other_needs_than_the_features_have(self, change, copy):  # type: ignore[no-untyped-def]
        _refused(_rewritten(copy(), **change), "wrong_features", "its features were computed in another way")

    def test_a_model_nobody_knows(self, copy):  # type: ignore[no-untyped-def]
        _refused(_rewritten(copy(), model={"name": "lightgbm_v9"}), "wrong_model", "did you mean 'lightgbm_v1'")

    @pytest.mark.parametrize("package", ["python", "numpy", "lightgbm"])
    def test_a_library_it_was_not_made_for(self, package, copy, monkeypatch):  # type: ignore[no-untyped-def]
        path = copy()
        here = {**verification.environment(), package: "0.3.1"}
        monkeypatch.setattr(verification, "environment", lambda packages: here)
        _refused(path, "wrong_environment", rf"{package} [\d.]+ \(here: 0.3.1\). Install")

    def test_a_library_that_is_absent(self, copy, monkeypatch):  # type: ignore[no-untyped-def]
        here = {name: version for name, version in verification.environment().items() if name != "lightgbm"}
        monkeypatch.setattr(verification, "environment", lambda packages: here)
        _refused(copy(), "wrong_environment", "here: absent")


def test_another_patch_of_a_library_will_do(copy, monkeypatch):  # type: ignore[no-untyped-def]
    here = {name: version.rsplit(".", 1)[0] + ".99" for name, version in verification.environment().items()}
    monkeypatch.setattr(verification, "environment", lambda packages: here)
    store.verify(copy())


def _cyclic(text: bytes) -> bytes:
    """Make the first tree lead back to its root, without changing how long it is."""
    lines = text.split(b"\n")
    for key in (b"left_child=", b"right_child="):
        at = next(i for i, line in enumerate(lines) if line.startswith(key))
        parts = lines[at][len(key) :].split(b" ")
        lines[at] = key + b" ".join(b"0" * len(part) for part in parts)
    return b"\n".join(lines)


def _half(text: bytes) -> bytes:
    return text[: len(text) // 2]


def _wrong_sizes(text: bytes) -> bytes:
    return text.replace(b"tree_sizes=", b"tree_sizes=9999999")


def _one_leaf_off(text: bytes) -> bytes:
    at = text.index(b"leaf_value=") + len(b"leaf_value=-0.2")
    return text[:at] + (b"1" if text[at : at + 1] != b"1" else b"2") + text[at + 1 :]


@pytest.mark.parametrize(
    ("damage", "code", "reason"),
    [
        (_half, "parse_crashed", "was killed by SIG"),
        (_wrong_sizes, "parse_crashed", "was killed by SIG"),
        (_one_leaf_off, "golden_mismatch", "off by up to"),
        (lambda text: b"", "unreadable_model", "it is empty"),
    ],
    ids=["half", "sizes", "leaf", "empty"],
)
def test_damaged_trees_with_hashes_to_match(damage, code, reason, copy):  # type: ignore[no-untyped-def]
    path = copy()
    path = _rewritten(path, {"model.txt": damage((path / "model.txt").read_bytes())})
    with pytest.raises(ModelError, match=reason) as caught:
        store.verify(path)
    assert caught.value.code == code


def test_trees_that_never_end_with_hashes_to_match(copy):  # type: ignore[no-untyped-def]
    path = copy()
    path = _rewritten(path, {"model.txt": _cyclic((path / "model.txt").read_bytes())})
    with pytest.raises(ModelError, match="took more than 2 s and was stopped") as caught:
        store.verify(path, timeout=2)
    assert caught.value.code == "parse_timeout"


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def test_golden_predictions_that_are_pickled_are_not_read(copy):  # type: ignore[no-untyped-def]
    pickled = _npz(inputs=np.zeros((1, 3)), predictions=np.array([SimpleNamespace()], object))
    with pytest.raises(ModelError, match="allow_pickle=False") as caught:
        store.verify(_rewritten(copy(), {"golden.npz": pickled}))
    assert caught.value.code == "parse_crashed"


def test_no_golden_predictions_prove_nothing(copy):  # type: ignore[no-untyped-def]
    nothing = _npz(inputs=np.zeros((2, 3)), predictions=np.full(2, np.nan))
    with pytest.raises(ModelError) as caught:
        store.verify(_rewritten(copy(), {"golden.npz": nothing}))
    assert caught.value.code == "golden_empty"


def test_this_process_must_reproduce_them_too(copy, monkeypatch):  # type: ignore[no-untyped-def]
    path = copy()
    store.verify(path)
    predict = model["lightgbm_v1"].predict
    monkeypatch.setattr(model["lightgbm_v1"], "predict", lambda self, X: np.nextafter(predict(self, X), 9.0))
    with pytest.raises(ModelError) as caught:
        store.load(path)
    assert caught.value.code == "golden_mismatch"


def test_what_is_parsed_is_what_was_checked(copy, monkeypatch):  # type: ignore[no-untyped-def]
    """Files exchanged after the check change nothing: the bytes that were hashed are the bytes that are parsed."""
    path = copy()
    check = verification._check_environment

    def exchange(*args: Any) -> None:
        (path / "model.txt").write_bytes(b"evil")
        check(*args)

    monkeypatch.setattr(verification, "_check_environment", exchange)
    assert store.load(path).name == "lightgbm_v1"


def test_what_libraries_print_is_not_taken_for_an_answer(copy, monkeypatch, tmp_path):  # type: ignore[no-untyped-def]
    """A child that ends well without having answered has not answered."""
    (tmp_path / "sitecustomize.py").write_text("import os, sys\nif 'alpha.store.child' in sys.orig_argv: os._exit(0)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(child, "_environment", lambda: {**os.environ, "PYTHONPATH": str(tmp_path)})
    with pytest.raises(ModelError, match="ended with 0") as caught:
        store.verify(copy())
    assert caught.value.code == "parse_crashed"
