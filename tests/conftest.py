"""A small market with an edge planted in it, studied once and blessed once, and copies of where that was done."""

from __future__ import annotations

import runpy
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
import yaml

from alpha.config import Config, load, merged, read_yaml
from alpha.operate.blessing import keep
from alpha.operate.study import write_report
from alpha.store import select
from alpha.study import Study, research

ROOT = Path(__file__).resolve().parents[1]
HEADER = "# A market small enough to be studied in a second.\n"
PLANTED = """
name: small
start: 2000-01-03
end: 2001-04-30
holdout: null
source: {name: synthetic, n_symbols: 20, ic: 0.3, delistings: 0.0, late: 0.0}
features: {columns: [{set: alpha_v1}]}
label: {name: forward_excess, horizon: 1}
models: {candidates: [linear_v1]}
baselines: [always_long]
walk_forward: {folds: 2}
policy: {rate: 1.0, quantile: 0.3}
broker: {name: simulated, slippage_bps: 2.0, fee_bps: 0.5}
paper: {sessions: 24, end: 2001-07-02}
"""


@pytest.fixture(scope="session")
def small_yaml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return config/base.yaml with the planted market laid over it, as one file."""
    folder = tmp_path_factory.mktemp("config")
    values = merged(read_yaml(ROOT / "config/base.yaml"), yaml.safe_load(PLANTED))
    text = yaml.safe_dump(values, sort_keys=False).replace("selected: null", "selected: null  # set by tools")
    path = folder / "base.yaml"
    path.write_text(HEADER + text, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def small(small_yaml: Path) -> Config:
    """Return the planted market's configuration; its paths are relative, so work in a folder of your own."""
    return load(small_yaml)


@pytest.fixture(scope="session")
def study(small: Config, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Return what research found in the planted market."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("study"))
        return research(small)


@pytest.fixture(scope="session")
def _home(study: Study, small_yaml: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    for name in ("scripts", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("docs", "alpha/report"):  # written by tools/generate_docs.py
        (folder / name).mkdir(parents=True)
    (folder / "config").mkdir()
    shutil.copytree(ROOT / "config/profiles", folder / "config/profiles")
    shutil.copy(ROOT / "config/smoke.yaml", folder / "config")
    shutil.copy(small_yaml, folder / "config")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        report = write_report(study)
        select("config/base.yaml", keep(study, study.best).blessed)
        Path("reports/<run>").symlink_to(report.name)  # as the documentation writes it
    return folder


@pytest.fixture
def workspace(_home: Path, tmp_path: Path) -> Path:
    """Return a folder of one's own like a clone in which the planted market is configured, its model blessed."""
    return Path(shutil.copytree(_home, tmp_path / "workspace", symlinks=True))


@pytest.fixture
def here(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in the workspace."""
    monkeypatch.chdir(workspace)
    return workspace


@pytest.fixture
def command(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], int]]:
    """Run a script of the workspace, as from a shell but in this process; return its exit status."""

    def run(line: str) -> int:
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(sys.argv[0], run_name="__main__")
        return int(ended.value.code or 0)

    yield run
    structlog.reset_defaults()  # it logs to the standard error of this test


@pytest.fixture
def quick(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trade the bundle at hand: that of the workspace, without parsing it in a process of its own again."""
    from alpha.operate import papering

    monkeypatch.setattr(papering, "load", lambda path: study.best.bundle)
