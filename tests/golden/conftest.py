"""For each test, a copy of the folder in which version 1 or version 2 has worked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from commands import V1, V2, with_commands


@pytest.fixture
def v1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a copy of the folder that version 1 left behind."""
    folder = with_commands(Path(shutil.copytree(V1, tmp_path / "v1")))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def v2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a copy of the folder that version 2 left behind."""
    folder = with_commands(Path(shutil.copytree(V2, tmp_path / "v2")))
    monkeypatch.chdir(folder)
    return folder
