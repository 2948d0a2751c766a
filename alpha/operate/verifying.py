"""Verify the artifacts on disk: logs, series of trials, journals and bundles."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from alpha.config import Config, Places
from alpha.core.errors import AlphaError, ConfigError
from alpha.core.log import SQLITE, Log, Owner, open_log
from alpha.execution import SqliteJournal
from alpha.store import blessings, locate, verify
from alpha.store.manifest import VERSION
from alpha.validation import holdout, trials

LOGS = {owner.noun: owner for owner in (trials.OWNER, holdout.OWNER, blessings.OWNER)}
SIGNS = {"trials": "returns_hash", "looks": "budget", "blessings": "action"}
"""A field by which the lines of each kind of log are recognised."""


@dataclass(frozen=True)
class Kept:
    """One artifact on disk that can be checked.

    Parameters
    ----------
    kind : str
        ``trials``, ``looks``, ``blessings``, ``lines`` of another log, ``journal`` or ``bundle``.
    """

    kind: str
    path: Path


@dataclass(frozen=True)
class Inspection:
    """The result of checking one artifact.

    Parameters
    ----------
    kind : str
        As for `Kept`, or ``series`` of a trial.
    holds : str
        Number of lines, events or files in it.
    error : AlphaError, optional
        The damage found; its class names who must act.
    """

    kind: str
    path: Path
    holds: str = ""
    error: AlphaError | None = None


def exit_code(inspections: Iterable[Inspection]) -> int:
    """Return the largest exit code of the errors found; 0 without errors."""
    return max((each.error.exit_code for each in inspections if each.error), default=0)


def kept(cfg: Config | Places) -> list[Kept]:
    """Return the artifacts, logs and ledger under the paths of a configuration."""
    own = [Kept("trials", _file(cfg.paths.trials)), Kept("looks", _file(cfg.paths.looks)), Kept("journal", cfg.ledger)]
    found = kept_in(cfg.paths.artifacts) if cfg.paths.artifacts.is_dir() else []
    known = {each.path.resolve() for each in found}
    return [*(each for each in own if _there(each) and each.path.resolve() not in known), *found]


def kept_in(folder: Path) -> list[Kept]:
    """Return all artifacts in a folder and its subfolders, in the order of their paths.

    Raises
    ------
    ConfigError
        `no_folder`.
    """
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}; name one that holds artifacts", code="no_folder")
    paths = sorted(path for path in folder.rglob("*") if not path.is_symlink())
    found = [Kept(kind, path.with_suffix("") if path.suffix == ".head" else path) for path in paths
             if (kind := _kind(path))]  # fmt: skip
    return list(dict.fromkeys(found))


def inspect(each: Kept) -> list[Inspection]:
    """Check one artifact and the files that it names: the series of trials, the bundles that were blessed."""
    if each.kind == "journal":
        return [_inspected(each.kind, each.path, lambda: _journal(each.path))]
    if each.kind == "bundle":
        return [_inspected(each.kind, each.path, lambda: f"{len(verify(each.path).files)} files")]
    log = _log(each)
    found = _inspected(each.kind, each.path, lambda: f"{log.verify()} lines")
    return [found, *(_belonging(each, log, known=found.error is None))]


def _inspected(kind: str, path: Path, check: Callable[[], str]) -> Inspection:
    try:
        return Inspection(kind, path, check())
    except AlphaError as error:
        return Inspection(kind, path, error=error)


def _journal(path: Path) -> str:
    with SqliteJournal(path, readonly=True) as journal:
        return f"{sum(1 for _ in journal.events())} events of the run {journal.run!r}"


def _belonging(each: Kept, log: Log, known: bool) -> Iterator[Inspection]:
    """Check the files that the lines of a log name; where the log is damaged, the files beside it."""
    if each.kind == "trials":
        yield from _series(log, known)
    if each.kind == "blessings" and known:
        root = each.path.parent
        yield _inspected("blessings", each.path, lambda: f"{len(blessings.Blessings(root).history())} blessings")
        for ref in dict.fromkeys(line["ref"] for line in log.read() if "ref" in line):
            if not (root / ref).is_dir():
                yield _inspected("bundle", root / ref, partial(_located, root, ref))


def _series(log: Log, known: bool) -> Iterator[Inspection]:
    """Check every file of series; report all sound files as one."""
    folder = trials.series_folder(log)
    named = {f"{line['returns_hash']}.npz" for line in log.read()} if known else set()
    names = sorted({*named, *(path.name for path in folder.glob("*.npz"))})
    found = [_inspected("series", folder / name, partial(_rows, folder / name)) for name in names]
    damaged = [each for each in found if each.error]
    if names:
        yield Inspection("series", folder, f"{len(names) - len(damaged)} of {len(names)} files as they were written")
    yield from damaged


def _located(root: Path, ref: str) -> str:
    return str(locate(root, ref))


def _rows(path: Path) -> str:
    return f"{len(trials.read_series(path))} rows"


def _log(each: Kept) -> Log:
    where = f"{SQLITE}{each.path}" if _tables(each.path) else each.path
    return open_log(where, LOGS.get(each.kind, Owner("lines", str(each.path))))


def _kind(path: Path) -> str | None:
    """Return the kind of artifact at a path; None if it cannot be checked."""
    if path.is_dir():
        return "bundle" if re.fullmatch(VERSION, path.name) else None
    if path.suffix in (".sqlite", ".schema2"):  # the second is the copy of a journal from before its migration
        tables = _tables(path)
        return "journal" if tables is None or "events" in tables else _log_kind(path) if "lines" in tables else None
    if path.name.endswith(".jsonl.head"):
        return _kind(path.with_suffix(""))
    return _log_kind(path) if path.suffix == ".jsonl" else None


def _log_kind(path: Path) -> str | None:
    """Return the kind of a log, by its name or by its first line."""
    if path.stem in LOGS:
        return path.stem
    first = _first_line(path)
    kinds = [kind for kind, sign in SIGNS.items() if sign in first]
    headed = path.with_name(f"{path.name}.head").exists()
    return kinds[0] if kinds and "previous" in first else "lines" if headed or "previous" in first else None


def _first_line(path: Path) -> dict[str, object]:
    try:
        if path.suffix == ".sqlite":
            with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
                text = str(db.execute("SELECT line FROM lines ORDER BY seq LIMIT 1").fetchone()[0])
        else:
            with path.open(encoding="utf-8", errors="replace") as file:
                text = file.readline()
        first = json.loads(text)
    except (OSError, ValueError, TypeError, sqlite3.Error, RecursionError):
        return {}
    return first if isinstance(first, dict) else {}


def _tables(path: Path) -> set[str] | None:
    """Return the names of the tables of an SQLite file; None where it cannot be read as one."""
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            return {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error:
        return None


def _file(where: Path | str) -> Path:
    return Path(str(where).removeprefix(SQLITE))


def _there(each: Kept) -> bool:
    return each.path.exists() or each.path.with_name(f"{each.path.name}.head").exists()
