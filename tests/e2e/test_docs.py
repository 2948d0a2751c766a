"""Every page of the documentation is run from top to bottom, in a workspace of its own.

- ``python`` blocks share one namespace a page; where a ``text`` block follows, it is what they print;
- ``yaml`` blocks must make a valid configuration when laid over config/base.yaml; one whose first line names a file
  (``# config/mine.yaml``) is written there, for what comes below it;
- ``bash`` blocks: ``make`` targets must exist; ``python`` commands are run, and must end with status 0 or with what a
  comment beside them says (``# exit 6``); anything unknown is refused, so that no line goes untested;
- other ``text`` and ``json`` blocks show output and are not run.
"""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import structlog
from pages.configuration import registries

from alpha.config import load

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "MASTER_DOCUMENTATION.md", ROOT / "bench/README.md", *ROOT.glob("docs/**/*.md")]
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUN, SHOWN = {"python", "yaml", "bash"}, {"text", "json"}
ELSEWHERE = {"git", "cd", "pytest"}  # what a page may ask for that cannot be tried in a workspace


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def _forgotten() -> Iterator[None]:
    """Forget afterwards what a page registered, and the standard error that its commands log to."""
    for registry in registries():
        registry.load()
    before = [(registry, dict(registry._made)) for registry in registries()]
    yield
    for registry, made in before:
        registry._made = made
    structlog.reset_defaults()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_says_what_it_is(page):
    kinds = {kind for kind, _ in blocks(page)}
    assert kinds <= RUN | SHOWN, f"{page}: {kinds}"


RUNNING = [page for page in PAGES if any(kind in RUN for kind, _ in blocks(page))]


@pytest.mark.usefixtures("_forgotten")
@pytest.mark.parametrize("page", RUNNING, ids=name)
def test_a_page_runs_from_top_to_bottom(page, workspace, monkeypatch, capsys):
    monkeypatch.chdir(workspace)
    namespace: dict[str, object] = {"__name__": "docs"}
    for (kind, text), (next_kind, shown) in pairwise([*blocks(page), ("", "")]):
        capsys.readouterr()
        if kind == "python":
            exec(compile(text, str(page), "exec", dont_inherit=True), namespace)
            if next_kind == "text":
                assert capsys.readouterr().out == shown
        elif kind == "yaml":
            _overlay(text)
        elif kind == "bash":
            for line in text.replace("\\\n", " ").splitlines():
                _command(line, monkeypatch)


def _overlay(text: str) -> None:
    named = re.match(r"# (config/\S+\.yaml)\n", text)
    path = Path(named[1] if named else "overlay.yaml")
    path.write_text(text, encoding="utf-8")
    load(ROOT / "config/base.yaml", [path])


def _command(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(line, comments=True)
    said = re.search(r"#.*\bexit (\d+)", line)
    if not words or words[0] in ELSEWHERE:
        return
    if words[0] == "make":
        done = subprocess.run([*words, "-n"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    elif words[0] == "cp":
        shutil.copy(*words[1:])
    elif words[0] == "touch":
        Path(words[1]).touch()
    elif words[0] == "rm":
        Path(words[1]).unlink()
    elif words[0] == "python":
        monkeypatch.setattr(sys, "argv", words[1:])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(words[1], run_name="__main__")
        assert ended.value.code == int(said[1] if said else 0), line
    else:
        pytest.fail(f"no way to test {line!r}: use make or python")


def links(page: Path) -> list[str]:
    return re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for target in links(page):
        assert (page.parent / target).exists(), f"{page}: {target}"
