"""The guide's first commands, typed as they stand into a folder that is like a clone."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/guides/promote-a-model.md"
BLOCK = re.compile(r"^## The whole path in three commands\n.*?^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def clone(tmp_path):
    """Return a folder with what the commands need, in which the environment is the one at hand."""
    for name in ("scripts", "tools", "config"):
        shutil.copytree(ROOT / name, tmp_path / name)
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv/.ready").touch()
    return tmp_path


def test_the_guide_blesses_a_model_and_trades_it(clone):
    found = BLOCK.search(GUIDE.read_text(encoding="utf-8"))
    assert found
    said = ""
    for line in found[1].splitlines():
        done = subprocess.run(line, shell=True, cwd=clone, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        said += done.stdout
    bundle = re.search(r"^blessed: (\S+)$", said, re.M)
    assert bundle
    assert f"selected: {bundle[1]}" in (clone / "config/planted.yaml").read_text()
    assert f"paper-planted  {bundle[1]}" in said
    report = re.search(r"^  report +(\S+)$", said, re.M)
    assert report
    assert (clone / report[1]).is_file()
    assert (clone / "config/smoke.yaml").read_bytes() == (ROOT / "config/smoke.yaml").read_bytes()
