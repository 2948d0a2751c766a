"""Atomic writes of files, and the lock of a store."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path

_held: ContextVar[frozenset[Path]] = ContextVar("_held", default=frozenset())


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Lock a store against other processes and threads; nested calls in the same thread have no effect."""
    root = root.resolve()
    if root in _held.get():
        yield
        return
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the system releases the lock even if the process is killed
        token = _held.set(_held.get() | {root})
        try:
            yield
        finally:
            _held.reset(token)


def write_new(path: Path, content: bytes) -> None:
    """Write a new read-only file and flush it to disk."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), 0o444)
        os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Replace the content of a file atomically; keep its mode, and follow a link to it."""
    path = path.resolve()
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    descriptor, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with ExitStack() as undo:
        undo.callback(os.unlink, unfinished)
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        undo.pop_all()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
