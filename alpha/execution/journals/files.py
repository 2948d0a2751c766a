"""Files of journals: a lock for one writer, and new files that get their name once they are whole."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from alpha.core.errors import BrokerError

_MAGIC = b"SQLite format 3\0"


def check_file(path: Path) -> None:
    """Refuse a file that is no database, before anything is written beside it."""
    if path.is_dir():
        raise BrokerError(f"{path} is a folder; a journal is a file: name one in it", code="journal_unavailable")
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise BrokerError(f"{path} cannot be used as a journal: {error}", code="journal_unavailable") from None
    if head != _MAGIC:
        raise BrokerError(f"{path} cannot be used as a journal: it is no SQLite file; name another",
                          code="journal_damaged")  # fmt: skip


def locked(path: Path) -> IO[str]:
    """Lock a journal for one writer. The kernel releases the lock when the process ends, killed or not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(path.name + ".lock").open("w")
    except OSError as error:
        raise BrokerError(f"no journal can be kept at {path}: {error}", code="journal_unavailable") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise BrokerError(f"another process writes {path}; stop it first, or read with readonly=True",
                          code="ledger_in_use") from None  # fmt: skip
    return lock


def unfinished(path: Path) -> Path:
    """Return the name under which a file for `path` is made; anything that a crash left there is removed."""
    new = path.with_name(path.name + ".new")
    for left_over in (new, new.with_name(new.name + "-journal")):
        left_over.unlink(missing_ok=True)
    return new


def publish(new: Path, path: Path) -> None:
    """Give a finished file its name; it is on disk before this returns."""
    _sync(new)
    os.replace(new, path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
