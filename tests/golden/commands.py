"""Folders in which a version has worked, and this version's commands run in them.

A later version may do three things with what an earlier one wrote: read it, migrate it, or refuse it. A refusal names
the command that migrates: ``tools/<name>.py`` or ``scripts/<name>.py`` with its options, to the end of the line. That
command is run here, and the artifact must then be read.
"""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from unittest import mock

import pytest
import structlog
from reading import AlphaError

T = TypeVar("T")
HERE = Path(__file__).resolve().parent
ROOT, V1, V2, PINS = HERE.parents[1], HERE / "artifacts/v1", HERE / "artifacts/v2", HERE / "pins"
SMALL = "--set 'features.columns=[{name: ret, window: 1}]' --set 'models.candidates=[linear_v1]' --set baselines=[]"
NAMED = re.compile(r"\b(?:tools|scripts)/\w+\.py\b[^\n;]*")


def with_commands(folder: Path) -> Path:
    """Put the commands of this version into a folder, and return it."""
    for name in ("scripts", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run(line: str) -> int:
    """Run a command in the folder at hand, as from a shell but in this process; return its exit status."""
    words = shlex.split(line)
    with mock.patch.object(sys, "argv", words), pytest.raises(SystemExit) as ended:
        runpy.run_path(words[0], run_name="__main__")
    structlog.reset_defaults()  # it logs to the standard error of this test
    return int(ended.value.code or 0)


def read_or_migrated(read: Callable[[], T], run: Callable[[str], int] = run) -> T:
    """Return what `read` returns: at once, or after the migration that its refusal names."""
    try:
        return read()
    except AlphaError as error:
        refusal = str(error)
    named = NAMED.search(refusal)
    assert named, f"a refusal names the migration to run; this one does not: {refusal}"
    status = run(named[0])
    assert status == 0, f"{named[0]} ended with exit status {status}"
    return read()
