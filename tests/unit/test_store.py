"""Bundles are written whole, blessed in order, found again, and selected without touching anything else."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from fitting import samples

from alpha import store
from alpha.core.errors import ConfigError, GateFailed, ModelError
from alpha.core.identity import code_id, environment
from alpha.core.nouns import Verdict
from alpha.features import Plan, columns
from alpha.models import model
from alpha.store import blessings as blessing_module
from alpha.store import bundle_files, disk
from alpha.store.manifest import Manifest
from alpha.strategy import Bundle, Candidate

ENTRIES = ({"name": "ret", "window": 1, "cross_section": "rank"}, {"name": "sma_ratio", "fast": 3, "slow": 8})
PASSED = (Verdict("ic", True, 0.03, 0.02),)
FAILED = (
    Verdict("ic", False, 0.0156, 0.02, note="short by 0.0044"),
    Verdict("turnover", True, 0.4, 2.0, "<="),
    Verdict("ic_lower_bound", False, float("nan"), 0.0, ">", "the metric is missing or nan"),
)


def _candidate(gates: tuple[Verdict, ...] = PASSED) -> Candidate:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    bound = model.bind("linear_v1")
    fitted = bound().fit(samples(X, X[:, 0]))
    trained = {"start": "2020-01-02", "end": "2020-03-30", "rows": 12, "samples": 60}
    bundle = Bundle("linear_v1", fitted, bound.entry, ENTRIES, Plan(columns(ENTRIES)),
                    {"name": "forward_return", "horizon": 5}, trained, X[:8], fitted.predict(X[:8]),
                    {"prediction": [0.0, 1.0]})  # fmt: skip
    card = SimpleNamespace(metrics={"ic": 0.03, "sharpe": float("inf")})
    return Candidate(bundle, None, None, None, None, None, card, gates, "c0ffee", "da7a", 7)  # type: ignore[arg-type]


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bless without starting a process to parse each model."""
    monkeypatch.setattr("alpha.store.verification.reproduce_in_child", lambda *args: None)


@pytest.fixture
def refs(tmp_path: Path, unchecked: None) -> tuple[Path, list[str]]:
    """A store with three bundles, none of them blessed."""
    return tmp_path, [store.reference(store.save(_candidate(), {"n": n}, tmp_path)) for n in range(3)]


def test_the_manifest_says_everything(tmp_path):  # type: ignore[no-untyped-def]
    path = store.save(_candidate(FAILED), {"start": date(2020, 1, 2), "models": {"selected": None}}, tmp_path)
    manifest = Manifest.model_validate_json((path / "manifest.json").read_bytes())
    assert (manifest.id, manifest.number, manifest.version) == ("linear_v1", 1, path.name)
    plan = Plan(columns(ENTRIES))
    assert manifest.created.tzinfo is not None
    assert manifest.model == {"name": "linear_v1", "alphas": [0.1, 1.0, 10.0]}
    assert (manifest.features, list(manifest.columns)) == (ENTRIES, ["ret_1", "sma_ratio_3_8"])
    assert (manifest.fields, manifest.lookback) == (plan.fields, plan.lookback) == (("close",), 7)
    assert manifest.label == {"name": "forward_return", "horizon": 5}
    assert manifest.trained.samples == 60
    assert (manifest.config_id, manifest.data_id, manifest.code_id, manifest.seed) == ("c0ffee", "da7a", code_id(), 7)
    assert (manifest.config["start"], manifest.config["models"]) == ("2020-01-02", {"selected": None})
    assert manifest.metrics == {"ic": 0.03, "sharpe": None}
    assert [(v.gate, v.passed, v.value) for v in manifest.gates][2] == ("ic_lower_bound", False, None)
    assert not manifest.passed
    assert manifest.environment == environment()
    assert set(manifest.files) == {"model.json", "golden.npz"}
    assert all(manifest.files[name].size == (path / name).stat().st_size for name in manifest.files)


def test_a_model_may_say_what_reads_its_files(tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    for packages in (("numpy",), ("numpy", "scipy")):
        monkeypatch.setattr(model["linear_v1"], "packages", packages)
        path = store.save(_candidate(), {}, tmp_path)
        assert set(json.loads((path / "manifest.json").read_bytes())["packages"]) == set(packages)


def test_a_model_whose_package_is_not_installed_is_not_saved(tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    monkeypatch.setattr(model["linear_v1"], "packages", ("numpy", "no-such-package"))
    with pytest.raises(ConfigError, match="no-such-package") as caught:
        store.save(_candidate(), {}, tmp_path)
    assert caught.value.code == "missing_package"
    assert list(tmp_path.glob("*/*")) == []


def _contents(path: Path) -> dict[str, tuple[bytes, int]]:
    return {each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in path.iterdir()}


def test_versions_are_added_and_never_changed(tmp_path):  # type: ignore[no-untyped-def]
    first = store.save(_candidate(), {}, tmp_path)
    before = _contents(first)
    second = store.save(_candidate(), {}, tmp_path)
    assert _contents(first) == before
    assert (first.name[:6], second.name[:6]) == ("v0001-", "v0002-")
    assert store.bundles(tmp_path) == (first, second)
    assert all(each.stat().st_mode & 0o777 == 0o444 for path in (first, second) for each in path.iterdir())
    assert first.stat().st_mode & 0o777 == 0o555


@pytest.mark.parametrize("step", ["rename", "mkdir"])
def test_a_crash_before_the_rename_leaves_nothing_visible(step, tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    kept = store.save(_candidate(), {}, tmp_path)

    def crash(*args: Any, **options: Any) -> None:
        raise OSError("power lost")

    target = bundle_files.os if step == "rename" else bundle_files
    monkeypatch.setattr(target, "rename" if step == "rename" else "write_new", crash)
    with pytest.raises(OSError, match="power lost"):
        store.save(_candidate(), {}, tmp_path)
    assert store.bundles(tmp_path) == (kept,)
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_what_a_killed_process_left_is_invisible_and_swept(tmp_path):  # type: ignore[no-untyped-def]
    kept = store.save(_candidate(), {}, tmp_path)
    left = kept.parent / ".unfinished-abc" / "v0002-0123456789ab"
    left.mkdir(parents=True)
    (left / "model.json").write_bytes(b"half")
    assert store.bundles(tmp_path) == (kept,)
    store.save(_candidate(), {}, tmp_path)
    assert not left.parent.exists()
    assert len(list(kept.parent.iterdir())) == 2


def test_a_bundle_appears_only_when_it_is_whole(tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    seen = []
    rename = os.rename

    def watched(made: Path, path: Path) -> None:
        seen.append((store.bundles(tmp_path), sorted(each.name for each in made.iterdir())))
        rename(made, path)

    monkeypatch.setattr(bundle_files.os, "rename", watched)
    store.save(_candidate(), {}, tmp_path)
    assert seen == [((), ["golden.npz", "manifest.json", "model.json"])]


def test_bundles_are_found_by_reference(refs):  # type: ignore[no-untyped-def]
    root, (first, *_) = refs
    assert store.reference(store.locate(root, first)) == first
    with pytest.raises(ModelError, match="did you mean 'linear_v1/v0001") as caught:
        store.locate(root, first[:-1] + "x")
    assert caught.value.code == "bundle_missing"
    for outside in ("../../etc", "linear_v1", f"./{first}", f"{first}/", ""):
        with pytest.raises(ModelError):
            store.locate(root, outside)


def test_a_candidate_that_failed_is_written_nowhere(tmp_path):  # type: ignore[no-untyped-def]
    root = tmp_path / "models"
    with pytest.raises(GateFailed) as caught:
        store.promote(_candidate(FAILED), {}, root)
    assert caught.value.code == "gates_failed"
    assert caught.value.args[0].splitlines() == [
        "linear_v1 failed 2 of 3 gates and is not blessed:",
        "  ic: 0.0156, expected >= 0.02; short by 0.0044",
        "  ic_lower_bound: nan, expected > 0; the metric is missing or nan",
    ]
    waits = replace(_candidate(FAILED), waiting=("holdout",))
    with pytest.raises(GateFailed) as caught:
        store.promote(waits, {}, root)
    assert caught.value.code == "gates_failed", "the gates that failed are named first"
    with pytest.raises(GateFailed, match="judged by no gate") as caught:
        store.promote(_candidate(()), {}, root)
    assert caught.value.code == "not_judged"
    assert not root.exists()


def test_a_failed_candidate_saved_elsewhere_cannot_be_blessed(tmp_path, unchecked):  # type: ignore[no-untyped-def]
    ref = store.reference(store.save(_candidate(FAILED), {}, tmp_path))
    with pytest.raises(GateFailed, match="ic_lower_bound: nothing, expected > 0"):
        store.Blessings(tmp_path).bless(ref)
    assert store.Blessings(tmp_path).history() == ()


def test_promote_saves_verifies_and_blesses(tmp_path):  # type: ignore[no-untyped-def]
    root = tmp_path / "models"
    ref = store.promote(_candidate(), {"seed": 7}, root)
    log = store.Blessings(root)
    assert log.current == ref == log.history()[0].ref
    assert log.history()[0].config_id == "c0ffee"
    assert store.verify(log.require(ref)).config == {"seed": 7}


def test_what_does_not_verify_is_not_blessed(refs):  # type: ignore[no-untyped-def]
    root, (first, *_) = refs
    file = store.locate(root, first) / "model.json"
    file.chmod(0o644)
    file.write_bytes(b"")
    log = store.Blessings(root)
    with pytest.raises(ModelError, match="truncated"):
        log.bless(first)
    assert log.current is None


def test_rolling_back_goes_further_each_time(refs):  # type: ignore[no-untyped-def]
    root, (first, second, third) = refs
    log = store.Blessings(root)
    for ref in (first, second, third):
        log.bless(ref)
    assert log.rollback() == second == log.current
    assert log.rollback() == first == log.current
    with pytest.raises(ModelError, match=f"nothing was blessed before {first}, which stays") as caught:
        log.rollback()
    assert caught.value.code == "nothing_before"
    log.bless(third)
    assert log.rollback() == first, "the second was undone, and stays so"
    assert [b.action for b in log.history()] == ["bless"] * 3 + ["rollback"] * 2 + ["bless", "rollback"]
    assert len(store.bundles(root)) == 3, "the previous versions always stay"


def test_there_is_nothing_to_roll_back_at_first(tmp_path):  # type: ignore[no-untyped-def]
    with pytest.raises(ModelError, match="nothing was blessed yet"):
        store.Blessings(tmp_path).rollback()


def test_rolling_back_to_a_damaged_bundle_is_refused(refs):  # type: ignore[no-untyped-def]
    root, (first, second, _) = refs
    log = store.Blessings(root)
    log.bless(first)
    log.bless(second)
    path = store.locate(root, first)
    path.chmod(0o755)
    (path / "extra").touch()
    with pytest.raises(ModelError) as caught:
        log.rollback()
    assert caught.value.code == "file_extra"
    assert log.current == second


def test_blessing_again_adds_nothing(refs):  # type: ignore[no-untyped-def]
    root, (first, second, _) = refs
    log = store.Blessings(root)
    assert log.bless(first) == log.bless(first)
    log.bless(second)
    log.bless(first)
    assert [b.ref for b in log.history()] == [first, second, first]


def test_what_was_blessed_then(refs, monkeypatch):  # type: ignore[no-untyped-def]
    root, (first, second, _) = refs
    log = store.Blessings(root)
    for ref, day in ((first, 2), (second, 4)):
        monkeypatch.setattr(blessing_module, "_now", lambda day=day: datetime(2026, 1, day, 12, tzinfo=UTC))
        log.bless(ref)
    noon = datetime(2026, 1, 6, 12, tzinfo=UTC)
    monkeypatch.setattr(blessing_module, "_now", lambda: noon)
    log.rollback()
    assert log.at("2026-01-01") is None
    assert log.at("2026-01-02") == first, "a date alone means its end"
    assert log.at("2026-01-02T11:59") is None
    assert log.at("2026-01-02 12:00+00:00") == first, "from the very instant"
    assert log.at("2026-01-04T13:00:00+02:00") == first
    assert log.at(date(2026, 1, 5)) == second
    assert log.at(noon - timedelta(seconds=1)) == second
    assert log.at("2026-01-06") == first
    for wrong in ("yesterday", "2026-13-01", ""):
        with pytest.raises(ConfigError, match="expected a date") as caught:
            log.at(wrong)
        assert caught.value.code == "bad_date"


def test_only_what_was_blessed_may_be_required(refs):  # type: ignore[no-untyped-def]
    root, (first, second, _) = refs
    log = store.Blessings(root)
    log.bless(first)
    assert log.require(first) == store.locate(root, first)
    with pytest.raises(ModelError, match="was never blessed") as caught:
        log.require(second)
    assert caught.value.code == "not_blessed"


@pytest.mark.parametrize(
    "tamper",
    [
        lambda lines: lines[1:],
        lambda lines: [lines[0], lines[2]],
        lambda lines: [lines[1], lines[0], lines[2]],
        lambda lines: [lines[0].replace("bless", "rollback", 1), *lines[1:]],
        lambda lines: [lines[0], lines[1].replace("c0ffee", "decaf0"), lines[2]],
        lambda lines: [*lines, lines[2]],
        lambda lines: [*lines[:2], lines[2][:40]],
        lambda lines: [*lines, "[]"],
        lambda lines: [*lines, ""],
        lambda lines: [*lines, "\udcff\udcfe"],
        lambda lines: [lines[0], re.sub(r'"value":[^,}]+', '"value":NaN', lines[1]), lines[2]],
        lambda lines: [*lines, "[" * 200_000],
    ],
    ids=[
        "first lost", "one lost", "moved", "action", "config", "repeated", "half", "list", "blank", "no text",
        "no number", "deep",
    ],
)  # fmt: skip
def test_a_changed_log_is_noticed(tamper, refs):  # type: ignore[no-untyped-def]
    root, all_refs = refs
    log = store.Blessings(root)
    for ref in all_refs:
        log.bless(ref)
    lines = log.path.read_text().splitlines()
    log.path.write_text("".join(f"{line}\n" for line in tamper(lines)), errors="surrogateescape")
    for ask in (log.history, log.rollback, lambda: log.bless(all_refs[0]), lambda: log.at("2026-01-01")):
        with pytest.raises(ModelError, match="is not as it was written") as caught:
            ask()
        assert caught.value.code == "blessings_altered"


def test_lines_are_only_ever_added(refs):  # type: ignore[no-untyped-def]
    root, all_refs = refs
    log, before = store.Blessings(root), b""
    for ref in all_refs:
        log.bless(ref)
        after = log.path.read_bytes()
        assert after.startswith(before)
        assert after.count(b"\n") == before.count(b"\n") + 1
        before = after


def test_a_crash_after_the_line_was_written_loses_nothing(refs, monkeypatch):  # type: ignore[no-untyped-def]
    root, (first, second, third) = refs
    log = store.Blessings(root)
    log.bless(first)
    with monkeypatch.context() as patch:
        patch.setattr(disk.os, "replace", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            log.bless(second)
    assert log.current == second, "the line is there, and it counts"
    log.bless(third)
    assert [b.ref for b in log.history()] == [first, second, third]


def _cut_off_the_newest(log: store.Blessings) -> None:
    log.path.write_text("".join(log.path.read_text().splitlines(keepends=True)[:-1]))


@pytest.mark.parametrize("damage", [
    _cut_off_the_newest, lambda log: log.path.unlink(), lambda log: log.path.write_text(""),
    lambda log: log.path.with_name("blessings.jsonl.head").unlink(),
], ids=["newest lost", "log lost", "emptied", "head lost"])  # fmt: skip
def test_blessings_that_are_gone_are_noticed(damage, refs):  # type: ignore[no-untyped-def]
    """What was rolled back must not come back because a line is missing."""
    root, all_refs = refs
    log = store.Blessings(root)
    for ref in all_refs:
        log.bless(ref)
    log.rollback()
    damage(log)
    for ask in (log.history, log.rollback, lambda: log.bless(all_refs[0]), lambda: log.require(all_refs[0])):
        with pytest.raises(ModelError, match=r"which are not the|is not as it was written|is gone") as caught:
            ask()
        assert caught.value.code == "blessings_altered"


def test_a_blessing_that_was_cut_off_by_a_crash_says_what_to_remove(refs):  # type: ignore[no-untyped-def]
    root, (first, second, _) = refs
    log = store.Blessings(root)
    log.bless(first)
    with log.path.open("a") as file:
        file.write('{"action":"bl')
    with pytest.raises(ModelError, match=r"line 2, the last of .* is cut off") as caught:
        log.bless(second)
    assert caught.value.code == "blessings_torn"


def test_a_line_that_is_no_blessing_is_refused(refs):  # type: ignore[no-untyped-def]
    log = store.Blessings(refs[0])
    log.log.append({"action": "anoint", "ref": refs[1][0]})
    with pytest.raises(ModelError, match="no blessing") as caught:
        log.history()
    assert caught.value.code == "blessings_altered"


OLD = """\
{"action":"bless","at":"2026-01-02T12:00:00Z","config_id":"c0ffee","gates":[{"gate":"ic","limit":1.0,"note":"\\u00e9",\
"passed":true,"relation":">=","value":0.03}],"hash":"%s","previous":"%s","ref":"m/v0001-0123456789ab"}
{"action":"rollback","at":"2026-01-03T12:00:00.250000Z","config_id":"c0ffee","gates":[{"gate":"x","limit":0.0,"note":"",\
"passed":false,"relation":">","value":null}],"hash":"%s","previous":"%s","ref":"m/v0002-0123456789ab"}
"""
HASHES = (
    "742227068a5f5e50462cb67166bd604a7eec4be07ca98c5faf85dc59ff48a354",
    "7519b7eeb62df49c2a640bc05df7a6d6f521c3a50265e0f66dca6c92a4431a2f",
)


def test_a_log_from_before_there_was_a_head_is_read_once_it_has_one(tmp_path):  # type: ignore[no-untyped-def]
    log = store.Blessings(tmp_path)
    log.path.write_text(OLD % (HASHES[0], "0" * 64, HASHES[1], HASHES[0]))
    with pytest.raises(ModelError, match=r"blessings\.jsonl\.head is gone, and .* holds lines"):
        log.history()
    log.path.with_name("blessings.jsonl.head").write_text(f"2 {HASHES[1]}\n")
    assert [(b.action, b.ref) for b in log.history()] == [("bless", "m/v0001-0123456789ab"),
                                                         ("rollback", "m/v0002-0123456789ab")]  # fmt: skip


def test_the_store_is_imported_without_pandas():  # type: ignore[no-untyped-def]
    program = "import sys, alpha.store\nassert 'pandas._libs' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_two_bless_commands_do_not_interleave(refs, monkeypatch):  # type: ignore[no-untyped-def]
    root, all_refs = refs
    inside, most, start = [], [], threading.Barrier(len(all_refs))
    verify = blessing_module.verify

    def watched(path: Path) -> Manifest:
        inside.append(path)
        time.sleep(0.05)
        most.append(len(inside))
        inside.remove(path)
        return verify(path)

    def bless(ref: str) -> None:
        start.wait()
        store.Blessings(root).bless(ref)

    monkeypatch.setattr(blessing_module, "verify", watched)
    threads = [threading.Thread(target=bless, args=(ref,)) for ref in all_refs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]
    assert sorted(b.ref for b in store.Blessings(root).history()) == sorted(all_refs)


def test_saves_at_once_get_different_numbers(tmp_path):  # type: ignore[no-untyped-def]
    start = threading.Barrier(4)

    def save() -> None:
        start.wait()
        store.save(_candidate(), {}, tmp_path)

    threads = [threading.Thread(target=save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.name[:5] for path in store.bundles(tmp_path)] == ["v0001", "v0002", "v0003", "v0004"]


def test_the_lock_keeps_others_out_and_can_be_entered_again(tmp_path):  # type: ignore[no-untyped-def]
    with store.locked(tmp_path / "models"), (tmp_path / "models/.lock").open("a") as other:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with store.locked(tmp_path / "models"):
            pass
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / "models/.lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


YAML = """\
# the configuration
name: x   # a name
models:
  candidates: [{name: linear_v1}]   # tried
  # what is blessed
  selected: %s         # set by a tool
  fallback: "a/b"
other: {selected: null}
"""
REF = "linear_v1/v0001-0123456789ab"


@pytest.mark.parametrize("old", ["null", "~", "linear_v1/v0002-aaaaaaaaaaaa", '"quoted"', "'single'", "!!str x"])
@pytest.mark.parametrize("ref", [REF, None])
def test_selecting_changes_only_that(old, ref, tmp_path):  # type: ignore[no-untyped-def]
    path = tmp_path / "base.yaml"
    path.write_text(YAML % old)
    store.select(path, ref)
    assert path.read_text() == YAML % (ref or "null")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("models:\n  selected:\n  x: 1\n", f"models:\n  selected: {REF}\n  x: 1\n"),
        ("models:\n  selected:   # none yet\n", f"models:\n  selected: {REF}   # none yet\n"),
        ("models:\n  selected:", f"models:\n  selected: {REF}"),
        ("models: {selected: null, x: 1}\n", f"models: {{selected: {REF}, x: 1}}\n"),
        ("models:\r\n  selected: null\r\nö: é # ü\r\n", f"models:\r\n  selected: {REF}\r\nö: é # ü\r\n"),
        ("\ufeffmodels:\n  selected: null\n", f"\ufeffmodels:\n  selected: {REF}\n"),
        ('{"models": {"selected": null}}', f'{{"models": {{"selected": {REF}}}}}'),
        ("name: x  # mine\n", f"name: x  # mine\nmodels:\n  selected: {REF}\n"),
        ("name: x", f"name: x\nmodels:\n  selected: {REF}\n"),
    ],
    ids=["empty", "comment", "end", "flow", "crlf", "bom", "json", "overlay", "overlay without an end"],
)
def test_any_layout_is_kept(before, after, tmp_path):  # type: ignore[no-untyped-def]
    path = tmp_path / "base.yaml"
    path.write_bytes(before.encode())
    store.select(path, REF)
    assert path.read_bytes() == after.encode()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("models: {candidates: []}\n", "expected the key"),
        ("models: [selected]\n", "expected the key"),
        ("models: {selected: {a: b}}\n", "expected the key"),
        ("", "expected the key"),
        ("models: {selected: a, selected: b}\n", "expected the key models.selected once"),
        ("a: &x null\nmodels: {selected: *x}\n", "cannot select"),
        ("a: &x {selected: null}\nmodels: *x\n", "cannot select"),
        ("models: {selected: &x null, fallback: *x}\n", "cannot select"),
        ("models: {selected: null\n", "cannot select a model"),
        ("a: 1\n---\nb: 2\n", "cannot select a model"),
    ],
)
def test_what_cannot_be_changed_alone_is_left_alone(text, reason, tmp_path):  # type: ignore[no-untyped-def]
    path = tmp_path / "base.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=reason) as caught:
        store.select(path, REF)
    assert caught.value.code == "select_failed"
    assert path.read_text() == text


def test_a_file_that_is_not_there_or_not_text(tmp_path):  # type: ignore[no-untyped-def]
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("absent.yaml", "binary.yaml"):
        with pytest.raises(ConfigError) as caught:
            store.select(tmp_path / name, REF)
        assert caught.value.code == "select_failed"


def test_selecting_is_atomic_and_keeps_mode_and_link(tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text("models: {selected: null}\n")
    real.chmod(0o640)
    link.symlink_to(real)
    store.select(link, REF)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert yaml.safe_load(real.read_text()) == {"models": {"selected": REF}}
    with monkeypatch.context() as patch:
        patch.setattr(disk.os, "replace", lambda *args: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            store.select(real, None)
    assert yaml.safe_load(real.read_text()) == {"models": {"selected": REF}}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]


def test_the_projects_own_configuration_can_be_selected_in(tmp_path):  # type: ignore[no-untyped-def]
    original = (Path(__file__).parents[2] / "config/base.yaml").read_text()
    path = tmp_path / "base.yaml"
    path.write_text(original)
    store.select(path, REF)
    assert yaml.safe_load(path.read_text())["models"]["selected"] == REF
    store.select(path, yaml.safe_load(original)["models"]["selected"])
    assert path.read_text() == original
