"""Each check of a bundle, on its own: hashes, names, environment, features and model, before anything is parsed."""

from __future__ import annotations

import hashlib
import json
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
from alpha.core.identity import environment
from alpha.core.nouns import Verdict
from alpha.core.records import VerdictRecord
from alpha.features import Plan, columns
from alpha.models import model
from alpha.store import verification
from alpha.store.manifest import Manifest, Stamp
from alpha.strategy import Bundle, Candidate

GOLDEN = Path(__file__).resolve().parents[1] / "golden/artifacts/v1/artifacts/golden"
ENTRIES = ({"name": "ret", "window": 1}, {"name": "sma_ratio", "fast": 3, "slow": 8})


@pytest.fixture
def reproduced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Collect what would be parsed in a process of its own."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(verification, "reproduce_in_child", lambda *args: calls.append(args))
    return calls


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a small bundle."""
    X = np.random.default_rng(0).normal(size=(60, 2))
    bound = model.bind("linear_v1")
    fitted = bound().fit(samples(X, X[:, 0]))
    trained = {"start": "2020-01-02", "end": "2020-03-30", "rows": 12, "samples": 60}
    made = Bundle("linear_v1", fitted, bound.entry, ENTRIES, Plan(columns(ENTRIES)), {"name": "forward_return"},
                  trained, X[:8], fitted.predict(X[:8]), {"prediction": [0.0, 1.0]})  # fmt: skip
    card = SimpleNamespace(metrics={"ic": 0.03})
    gates = (Verdict("ic", True, 0.03, 0.02),)
    candidate = Candidate(made, None, None, None, None, None, card, gates, "c0ffee", "da7a", 7)  # type: ignore[arg-type]
    return store.save(candidate, {}, tmp_path_factory.mktemp("store"))


@pytest.fixture
def bundle(saved: Path, tmp_path: Path) -> Path:
    """Copy the bundle to where it may be damaged."""
    path = Path(shutil.copytree(saved, tmp_path / saved.parent.name / saved.name))
    for each in (path, *path.iterdir()):
        each.chmod(0o755)
    return path


def refusal(path: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        verification.verify(path)
    return caught.value


def rewritten(path: Path, **changes: Any) -> Path:
    """Change the manifest and give the folder the name that fits, so that its hash agrees."""
    old = Manifest.model_validate_json((path / "manifest.json").read_bytes())
    new = old.model_copy(update=changes)
    (path / "manifest.json").write_bytes(new.to_bytes())
    return path.rename(path.with_name(new.version))


def test_a_whole_bundle_is_verified_and_reproduced(bundle, reproduced):
    manifest = verification.verify(bundle, timeout=3.5)
    assert manifest.version == bundle.name
    files = {name: (bundle / name).read_bytes() for name in ("model.json", "golden.npz")}
    assert reproduced == [(f"linear_v1/{bundle.name}", manifest.model, manifest.packages, files, 3.5)]
    found = verification.checked(str(bundle))
    assert found.files == files
    assert found.plan.names == ("ret_1", "sma_ratio_3_8")
    assert reproduced[1][-1] == verification.TIMEOUT == 60.0


def truncated(path: Path) -> None:
    (path / "model.json").write_bytes((path / "model.json").read_bytes()[:-1])


def flipped(path: Path) -> None:
    content = bytearray((path / "golden.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (path / "golden.npz").write_bytes(content)


def longer(path: Path) -> None:
    with (path / "model.json").open("ab") as file:
        file.write(b" ")


def gone(path: Path) -> None:
    (path / "model.json").unlink()


def added(path: Path) -> None:
    for name in "gecabdf":
        (path / f"{name}.txt").touch()


def linked(path: Path) -> None:
    moved = (path / "model.json").rename(path.parent / "elsewhere.json")
    (path / "model.json").symlink_to(moved)


def edited(path: Path) -> None:
    manifest = path / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"seed": 7', b'"seed": 8'))


@pytest.mark.parametrize(
    ("damage", "code", "said"),
    [
        (truncated, "file_truncated", "model.json has"),
        (flipped, "file_altered", "golden.npz is not the file that was written"),
        (longer, "file_altered", "model.json is not the file that was written"),
        (gone, "file_missing", "model.json is missing"),
        (added, "file_extra", "holds a.txt, b.txt, c.txt, d.txt, e.txt, f.txt, g.txt, which"),
        (linked, "file_not_plain", "model.json is not a plain file"),
        (edited, "manifest_altered", "manifest.json is not the one this version is named after"),
    ],
)
def test_a_damaged_file_is_refused_before_anything_is_parsed(
    damage: Callable[[Path], None], code, said, bundle, reproduced
):
    damage(bundle)
    error = refusal(bundle)
    assert error.code == code
    assert f"linear_v1/{bundle.name}" in str(error)
    assert said in str(error)
    assert reproduced == []


def test_a_folder_that_is_no_bundle_is_refused(bundle, tmp_path):
    missing = refusal(bundle.with_name("v0009-000000000000"))
    assert missing.code == "bundle_missing"
    assert bundle.name in str(missing), "the nearest right answer"
    assert refusal(tmp_path / "nowhere" / "v0001-000000000000").code == "bundle_missing"
    link = bundle.with_name("v0002-000000000000")
    link.symlink_to(bundle)
    assert refusal(link).code == "file_not_plain"


@pytest.mark.parametrize("name", ["v1-{}", "v0001-{}0", "{}", "V0001-{}"])
def test_only_the_name_of_a_version_is_one(name, bundle):
    assert refusal(bundle.rename(bundle.with_name(name.format(bundle.name[-12:])))).code == "manifest_altered"


def test_a_manifest_of_another_model_or_number_is_misplaced(bundle):
    elsewhere = bundle.parent.parent / "ridge"
    elsewhere.mkdir()
    assert refusal(bundle.rename(elsewhere / bundle.name)).code == "bundle_misplaced"
    number = elsewhere / bundle.name
    assert refusal(number.rename(bundle.with_name(bundle.name.replace("v0001", "v0002")))).code == "bundle_misplaced"


def test_a_manifest_of_another_schema_names_each_field(bundle):
    text = (bundle / "manifest.json").read_bytes().replace(b'"seed": 7', b'"sead": 7')
    (bundle / "manifest.json").write_bytes(text)
    error = refusal(bundle.rename(bundle.with_name(f"v0001-{hashlib.sha256(text).hexdigest()[:12]}")))
    assert error.code == "manifest_invalid"
    assert "seed: Field required; sead: Extra inputs are not permitted" in str(error)
    text = text.replace(b'"sead": 7', b'"seed": 7').replace(b'"rows": 12', b'"rows": 0')
    (path := bundle.with_name(f"v0001-{hashlib.sha256(text).hexdigest()[:12]}")).mkdir()
    (path / "manifest.json").write_bytes(text)
    assert "trained.rows: Input should be greater than 0" in str(refusal(path))


@pytest.mark.parametrize(
    ("name", "sha256", "problem"),
    [("../model.json", "0" * 64, "files.../model.json"), ("model.json", "0" * 63, "files.model.json.sha256")],
    ids=["path", "short hash"],
)
def test_a_manifest_lists_names_of_files_and_whole_hashes(name, sha256, problem, bundle):
    changed = rewritten(bundle, files={name: Stamp.model_construct(size=1, sha256=sha256)})
    error = refusal(changed)
    assert (error.code, problem in str(error)) == ("manifest_invalid", True)


@pytest.mark.parametrize(
    "path", sorted((GOLDEN / "models").glob("*/v*/manifest.json")), ids=lambda path: path.parts[-3]
)
def test_a_manifest_of_version_1_is_written_as_it_was(path):
    """The version of a bundle is the hash of these bytes."""
    manifest = Manifest.model_validate_json(path.read_bytes())
    assert manifest.to_bytes() == path.read_bytes()
    assert manifest.version == path.parent.name


def test_a_bundle_passed_where_there_are_gates_and_all_passed(bundle):
    manifest = verification.read_manifest(bundle)
    [gate] = manifest.gates
    failed = gate.model_copy(update={"passed": False})
    judged = [(gate,), (gate, failed), (failed,), ()]
    found = [manifest.model_copy(update={"gates": gates}).passed for gates in judged]
    assert found == [True, False, False, False]


def test_a_file_that_cannot_be_read_is_refused(bundle, monkeypatch):
    def unreadable(file: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", unreadable)
    error = refusal(bundle)
    assert (error.code, "manifest.json cannot be read: Permission denied" in str(error)) == ("file_unreadable", True)


@pytest.mark.parametrize(
    ("changes", "accepted"),
    [
        ({"numpy": "0.1.0"}, False),
        ({"numpy": None}, False),
        ({"python": "3.1.0"}, False),
        ({"numpy": "{}.99"}, True),
        ({"python": "{}.99"}, True),
        ({"pandas": "0.1.0"}, True),
    ],
)
def test_other_versions_of_what_reads_the_model_are_refused(changes, accepted, bundle, reproduced, monkeypatch):
    there = environment(("numpy", "pandas"))
    minor = {name: ".".join(version.split(".")[:2]) for name, version in there.items()}
    other = {**there, **{name: value and value.format(minor[name]) for name, value in changes.items()}}
    monkeypatch.setattr(verification, "environment", lambda packages: {name: v for name, v in other.items() if v})
    if accepted:
        assert verification.verify(bundle).seed == 7
        return
    error = refusal(bundle)
    assert error.code == "wrong_environment"
    [(name, value)] = changes.items()
    assert f"was made with {name} {there[name]} (here: {value or 'absent'}). Install" in str(error)
    assert reproduced == []


def test_a_bundle_without_the_version_of_its_python_is_refused(bundle):
    error = refusal(rewritten(bundle, environment={}))
    assert (error.code, "python unknown (here: " in str(error)) == ("wrong_environment", True)


def test_columns_that_are_computed_in_another_way_are_refused(bundle, reproduced):
    manifest = verification.verify(bundle)
    first, second = manifest.columns
    changed = rewritten(bundle, columns={first: manifest.columns[first], second: "0" * 64})
    error = refusal(changed)
    assert (error.code, f": {second} were computed in another way" in str(error)) == ("wrong_features", True)
    swapped = rewritten(changed, columns=dict(reversed(manifest.columns.items())))
    assert "in this order" in str(refusal(swapped))
    assert refusal(swapped).code == "wrong_features"
    for name, value in {"fields": ("close", "open"), "lookback": manifest.lookback + 1}.items():
        swapped = rewritten(swapped, columns=manifest.columns, fields=manifest.fields, lookback=manifest.lookback)
        swapped = rewritten(swapped, **{name: value})
        error = refusal(swapped)
        assert (error.code, ": its features were computed in another way" in str(error)) == ("wrong_features", True)
    assert len(reproduced) == 1, "the first time alone"


def test_features_and_models_that_cannot_be_made_here_are_refused(bundle, reproduced):
    unknown = rewritten(bundle, features=({"name": "no_such_feature"},))
    assert refusal(unknown).code == "wrong_features"
    fine = rewritten(unknown, features=ENTRIES, model={"name": "no_such_model"})
    assert refusal(fine).code == "wrong_model"
    assert reproduced == []


def test_a_stamp_is_of_size_and_content():
    stamp = Stamp.of(b"content")
    assert (stamp.size, stamp.sha256) == (7, hashlib.sha256(b"content").hexdigest())


def test_a_verdict_keeps_what_is_finite():
    verdict = VerdictRecord.of(Verdict("ic", False, float("nan"), 0.02, ">", "short"))
    assert json.loads(verdict.model_dump_json()) == {
        "gate": "ic", "passed": False, "value": None, "limit": 0.02, "relation": ">", "note": "short",
    }  # fmt: skip
