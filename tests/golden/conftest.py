"""A folder of one's own in which an earlier version has worked, and its commands run there by this version."""

from __future__ import annotations

import runpy
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from reading import V1, with_commands


@pytest.fixture
def v1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a copy of the folder that version 1 left behind."""
    folder = with_commands(Path(shutil.copytree(V1, tmp_path / "v1")))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], int]]:
    """Run a command in the folder at hand, as from a shell but in this process; return its exit status."""

    def command(line: str) -> int:
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(sys.argv[0], run_name="__main__")
        return int(ended.value.code or 0)

    yield command
    structlog.reset_defaults()  # it logs to the standard error of this test
