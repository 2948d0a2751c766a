"""Verify a bundle: refuse one that was changed. Nothing is parsed before its hash is checked."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from alpha.core.errors import ConfigError, ModelError, nearest
from alpha.core.identity import environment
from alpha.store.child import reproduce_in_child
from alpha.store.manifest import VERSION, Manifest, fingerprints

if TYPE_CHECKING:
    from alpha.features import Plan

MANIFEST = "manifest.json"
_REMEDY = "restore it from a copy, or bless the model again"
TIMEOUT = 60.0  # seconds; parsing takes about two, importing the parser another two


@dataclass(frozen=True)
class Checked:
    """The contents of a bundle, read once, so that the bytes parsed are the bytes hashed."""

    manifest: Manifest
    files: Mapping[str, bytes]
    plan: Plan


def verify(path: str | Path, *, timeout: float = TIMEOUT) -> Manifest:
    """Check a bundle from its hashes to its golden predictions.

    Parameters
    ----------
    timeout : float
        Most seconds for parsing the model and predicting.

    Returns
    -------
    Manifest

    Raises
    ------
    ModelError
        `bundle_missing`, `bundle_misplaced`, `file_missing`, `file_extra`, `file_not_plain`, `file_unreadable`,
        `manifest_altered`, `manifest_invalid`, `file_truncated`, `file_altered`, `wrong_environment`,
        `wrong_features`, `wrong_model`, `parse_crashed`, `parse_timeout`, `golden_mismatch`, `golden_empty`, or the
        code of the model's own reader.
    """
    return checked(path, timeout).manifest


def checked(path: str | Path, timeout: float = TIMEOUT) -> Checked:
    """Check a bundle as `verify` does, and return its contents."""
    path = Path(path).absolute()
    manifest = read_manifest(path)
    files = _read_files(path, manifest)
    _check_environment(path, manifest)
    plan = _check_features(path, manifest)
    _check_model(path, manifest)
    reproduce_in_child(_called(path), manifest.model, manifest.packages, files, timeout)
    return Checked(manifest, files, plan)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; check only that its hash is the one in the name of the version."""
    if path.is_symlink():
        raise ModelError(f"{_called(path)} is a link; a bundle is a folder of plain files", code="file_not_plain")
    if not path.is_dir():
        beside = [each.name for each in path.parent.glob("v*")] if path.parent.is_dir() else []
        raise ModelError(f"there is no bundle at {path}; {nearest(path.name, beside)}", code="bundle_missing")
    content = _read(path, MANIFEST)
    found = hashlib.sha256(content).hexdigest()
    if not re.fullmatch(VERSION, path.name) or not path.name.endswith(found[:12]):
        raise ModelError(
            f"{_called(path)}: manifest.json is not the one this version is named after: its hash begins with "
            f"{found[:12]}. It was altered, or belongs to another version; {_REMEDY}",
            code="manifest_altered",
        )
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors(include_url=False))
        raise ModelError(f"{_called(path)}: manifest.json cannot be used: {problems}. It was written by another "
                         f"version of this library, or not by it", code="manifest_invalid") from None  # fmt: skip
    if _called(path) != f"{manifest.id}/v{manifest.number:04d}-{found[:12]}":
        raise ModelError(f"{_called(path)} holds version {manifest.number} of {manifest.id}; move it back",
                         code="bundle_misplaced")  # fmt: skip
    return manifest


def _read_files(path: Path, manifest: Manifest) -> dict[str, bytes]:
    present, listed = set(os.listdir(path)), {MANIFEST, *manifest.files}
    if extra := sorted(present - listed):
        raise ModelError(f"{_called(path)} holds {', '.join(extra)}, which its manifest does not list; remove it",
                         code="file_extra")  # fmt: skip
    return {name: _read_listed(path, name, manifest) for name in manifest.files}


def _read_listed(path: Path, name: str, manifest: Manifest) -> bytes:
    content, stamp = _read(path, name), manifest.files[name]
    if len(content) < stamp.size:
        raise ModelError(f"{_called(path)}: {name} has {len(content)} bytes of {stamp.size}: it is truncated; "
                         f"{_REMEDY}", code="file_truncated")  # fmt: skip
    if hashlib.sha256(content).hexdigest() != stamp.sha256:
        raise ModelError(f"{_called(path)}: {name} is not the file that was written: its hash differs; {_REMEDY}",
                         code="file_altered")  # fmt: skip
    return content


def _read(path: Path, name: str) -> bytes:
    """Return the bytes of a plain file; refuse a link, whose target could change after the check."""
    file = path / name
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            raise ModelError(f"{_called(path)}: {name} is not a plain file; {_REMEDY}", code="file_not_plain")
        return file.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{_called(path)}: {name} is missing; {_REMEDY}", code="file_missing") from None
    except OSError as error:
        raise ModelError(f"{_called(path)}: {name} cannot be read: {error.strerror}", code="file_unreadable") from None


def _check_environment(path: Path, manifest: Manifest) -> None:
    made = {"python": manifest.environment.get("python", "unknown"), **manifest.packages}
    here = environment(manifest.packages)
    differ = [name for name, version in made.items() if _minor(version) != _minor(here.get(name, "absent"))]
    if differ:
        shown = ", ".join(f"{name} {made[name]} (here: {here.get(name, 'absent')})" for name in differ)
        raise ModelError(f"{_called(path)} was made with {shown}. Install those versions, as in the lock file it was "
                         f"made with, or bless the model again with these", code="wrong_environment")  # fmt: skip


def _minor(version: str) -> tuple[str, ...]:
    return tuple(version.split(".")[:2])


def _check_features(path: Path, manifest: Manifest) -> Plan:
    try:
        plan = planned(manifest.features)
    except ConfigError as error:
        raise ModelError(f"{_called(path)} reads features that cannot be made: {error.args[0]}",
                         code="wrong_features") from None  # fmt: skip
    now, then = fingerprints(plan), manifest.columns
    if list(now) != list(then):
        raise ModelError(f"{_called(path)}: its entries give the columns {', '.join(now)}; the model reads "
                         f"{', '.join(then)}, in this order; {_REMEDY}", code="wrong_features")  # fmt: skip
    changed = [name for name in now if now[name] != then[name]]
    if changed or (plan.fields, plan.lookback) != (manifest.fields, manifest.lookback):
        raise ModelError(f"{_called(path)}: {', '.join(changed) or 'its features'} were computed in another way when "
                         f"the model was fitted; bless the model again", code="wrong_features")  # fmt: skip
    return plan


def planned(entries: tuple[dict[str, Any], ...]) -> Plan:
    """Return the plan of feature entries."""
    from alpha.features import Plan, columns

    return Plan(columns(entries))


def _check_model(path: Path, manifest: Manifest) -> None:
    from alpha.models import model

    try:
        model.bind(manifest.model)
    except ConfigError as error:
        raise ModelError(f"{_called(path)} cannot be read here: {error.args[0]}", code="wrong_model") from None


def _called(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
