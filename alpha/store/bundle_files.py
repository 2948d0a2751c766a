"""Write, find and read bundles."""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alpha.core.errors import ModelError, nearest
from alpha.store.child import GOLDEN, golden, parsed
from alpha.store.disk import locked, sync_folder, write_new
from alpha.store.manifest import ID, VERSION, Manifest, describe
from alpha.store.verification import MANIFEST, TIMEOUT, checked

if TYPE_CHECKING:
    from alpha.strategy import Bundle, Candidate

_UNFINISHED = ".unfinished-"


def save(candidate: Candidate, config: Mapping[str, Any], root: Path) -> Path:
    """Write a candidate as a new version, atomically, and return its folder.

    Parameters
    ----------
    config : mapping
        The whole resolved configuration.
    root : Path
        ``artifacts/<world>/models`` for a bundle to be blessed (see `promote`); any other folder for shadow runs.
    """
    bundle = candidate.bundle
    files = {**bundle.model.to_files(), GOLDEN: _golden_file(bundle)}
    with locked(root):
        folder = root / bundle.name
        folder.mkdir(exist_ok=True)
        _sweep(folder)
        number = 1 + max(map(_number, _versions(folder)), default=0)
        manifest = describe(candidate, config, files, number, datetime.now(UTC))
        return _publish(folder, manifest, files)


def load(path: str | Path, *, timeout: float = TIMEOUT) -> Bundle:
    """Check everything in a bundle and return it.

    Raises
    ------
    ModelError
        As `verify`.
    """
    from alpha.models import model
    from alpha.strategy import Bundle

    found = checked(path, timeout)
    manifest = found.manifest
    inputs, predictions = golden(found.files)
    return Bundle(
        name=manifest.id, model=parsed(manifest.model, found.files), model_entry=model.bind(manifest.model).entry,
        feature_entries=manifest.features, plan=found.plan, label_entry=manifest.label,
        trained=manifest.trained.model_dump(), golden_inputs=inputs, golden_predictions=predictions,
        reference={name: [np.nan if v is None else v for v in values] for name, values in manifest.reference.items()},
    )  # fmt: skip


def reference(path: str | Path) -> str:
    """Return the reference of a bundle: ``<id>/<version>``."""
    path = Path(path)
    return f"{path.parent.name}/{path.name}"


def locate(root: Path, ref: str) -> Path:
    """Return the folder of a reference ``<id>/<version>``.

    Raises
    ------
    ModelError
        `bundle_missing`, with the nearest existing reference.
    """
    path = root / ref
    if not re.fullmatch(f"{ID}/{VERSION}", ref) or not path.is_dir():
        hint = nearest(ref, map(reference, bundles(root)))
        raise ModelError(f"there is no bundle {ref!r} in {root}; {hint}", code="bundle_missing")
    return path


def bundles(root: Path) -> tuple[Path, ...]:
    """Return the folders of all bundles, newest last."""
    found = [path for folder in root.glob("*") if folder.is_dir() for path in _versions(folder)]
    return tuple(sorted(found, key=lambda path: (path.stat().st_mtime_ns, _number(path))))


def _versions(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if re.fullmatch(VERSION, path.name)]


def _number(path: Path) -> int:
    return int(path.name[1:].partition("-")[0])


def _golden_file(bundle: Bundle) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, inputs=bundle.golden_inputs, predictions=bundle.golden_predictions)
    return buffer.getvalue()


def _sweep(folder: Path) -> None:
    """Remove unfinished folders that a crash left; the caller holds the lock, so no other process is writing."""
    for path in folder.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(path)


def _publish(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Path:
    path = folder / manifest.version
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=folder) as unfinished:
        made = Path(unfinished) / path.name
        made.mkdir()
        for name, content in {**files, MANIFEST: manifest.to_bytes()}.items():
            write_new(made / name, content)
        sync_folder(made)
        os.rename(made, path)
    path.chmod(0o555)
    sync_folder(folder)
    return path
