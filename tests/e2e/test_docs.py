"""Every code block of the documentation is run.

- ``python`` blocks run in order, one namespace a page, in an empty folder;
- ``yaml`` blocks are laid over config/base.yaml and must make a valid configuration;
- ``bash`` blocks: ``make`` targets must exist (``make -n``), ``python`` commands are run for real in a workspace in
  which a small planted market is configured; anything else is refused, so that no line goes untested;
- ``text`` and ``json`` blocks show output and are not run.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from alpha.config import load, merged, read_yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "MASTER_DOCUMENTATION.md", *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN = {"text", "json"}


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def pages_with(language: str) -> list[Path]:
    return [page for page in PAGES if any(kind == language for kind, _ in blocks(page))]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_says_what_it_is(page):
    kinds = {kind for kind, _ in blocks(page)}
    assert kinds <= {"python", "yaml", "bash"} | SHOWN, f"{page}: {kinds}"


@pytest.mark.parametrize("page", pages_with("python"), ids=name)
def test_python_blocks_run(page, workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    namespace: dict[str, object] = {"__name__": "docs"}
    for kind, text in blocks(page):
        if kind == "python":
            exec(compile(text, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", pages_with("yaml"), ids=name)
def test_yaml_blocks_are_valid_configuration(page, tmp_path):
    for number, (kind, text) in enumerate(blocks(page)):
        if kind == "yaml":
            overlay = tmp_path / f"{number}.yaml"
            overlay.write_text(text, encoding="utf-8")
            assert merged(read_yaml(ROOT / "config/base.yaml"), read_yaml(overlay))
            load(ROOT / "config/base.yaml", [overlay])


@pytest.mark.parametrize("page", pages_with("bash"), ids=name)
def test_commands_run_as_written(page, workspace):
    for kind, text in blocks(page):
        if kind == "bash":
            for line in filter(None, map(str.strip, text.replace("\\\n", " ").splitlines())):
                run(shlex.split(line, comments=True), workspace)


def run(words: list[str], workspace: Path) -> None:
    if not words:
        return
    if words[0] == "make":
        done = subprocess.run([*words, "-n"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    elif words[0] in ("python", ".venv/bin/python"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, *words[1:]], cwd=workspace, env=environment,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"
    elif words[0] not in ("git", "cd", "pytest", "source", "touch", "rm"):
        pytest.fail(f"no way to test {words}: use make or python")


def links(page: Path) -> list[str]:
    return re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for target in links(page):
        assert (page.parent / target).exists(), f"{page}: {target}"
