"""The smoke run: research, bless, trade on paper, kill the runner and resume, in two worlds."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from alpha.config import Config, load
from alpha.core import executor
from alpha.core.errors import BrokerError
from alpha.execution import SqliteJournal
from alpha.operate import papering
from alpha.operate.blessing import Kept, keep
from alpha.operate.study import SummaryRow, row
from alpha.report.daily import DailyReport
from alpha.store import select
from alpha.study import Study, Track, research, tracked

PLANTED = "planted"  # the simulated world, in which the edge must be found
PACE = 0.02  # seconds between bars of the runner that is killed
KILLED_AFTER = 10  # bars
PATIENCE = 900.0  # seconds after which a runner counts as hanging


@dataclass(frozen=True, eq=False)
class Run:
    """The results of one world.

    Parameters
    ----------
    killed : int, optional
        Bars after which the paper runner was killed; None: nothing was blessed, so the best candidate was replayed
        as a shadow.
    day : DailyReport
        The final report of the paper account.
    page : Path
        Path of the HTML page of that report.
    """

    world: str
    found: Study
    kept: Kept
    killed: int | None
    day: DailyReport
    page: Path
    row: SummaryRow


def smoke(worlds: Mapping[str, Config], folder: str | Path, track: Track) -> Iterator[Run]:
    """Run every world, in parallel processes where there are several processors.

    The planted world should be blessed, and must trade the same whether it is killed or not. The real one may fail its
    gates, which is a valid result: then its best candidate is replayed as a shadow.

    Raises
    ------
    BrokerError
        The account of the killed and resumed runner differs from that of an uninterrupted one.
    """
    _remove(Path(folder))
    jobs = min((cfg.jobs for cfg in worlds.values() if cfg.jobs), default=None)
    tasks = [(name, cfg, Path(folder), track) for name, cfg in worlds.items()]
    yield from executor.run(run, tasks, jobs=jobs)


def _remove(folder: Path) -> None:
    """Remove a folder with its bundles, which are read-only, as are their folders."""
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    if folder.exists():
        shutil.rmtree(folder)


def run(name: str, cfg: Config, folder: Path, track: Track) -> Run:
    """Run one world."""
    config_path = _own_config(cfg, folder, invented=name == PLANTED)
    cfg = load(config_path)
    found = research(cfg, track)
    best = found.best
    kept = tracked(lambda: keep(found, best, f" --config {config_path}"), f"{cfg.name}: report", track)
    killed = None
    if kept.ref is None:
        day, page = papering.paper(cfg, papering.Wanted(shadow=True), track)
    else:
        select(config_path, kept.ref)
        ledger = load(config_path).ledger
        killed = tracked(lambda: _trade_and_be_killed(config_path, ledger), f"{cfg.name}: paper, to be killed", track)
        day, page = papering.paper(load(config_path), papering.Wanted(), track)
        _check_same(load(config_path), day, killed, track)
    shadow = day.mode == "shadow"
    shown = row(found, best, kept.report, blessed=not shadow, paper_equity=day.equity_end, shadow=shadow)
    return Run(name, found, kept, killed, day, page, shown)


def _own_config(cfg: Config, folder: Path, *, invented: bool) -> Path:
    """Write the resolved configuration into the world's own folder, where blessing can select a model in it.

    Trials and looks of a simulated market are kept in that folder too and begin anew with each run, because no real
    choice depends on them. Those of a real market are kept for good.
    """
    home = folder / cfg.name
    here = {"ledger": None, "kill_file": home / "KILL"}
    logs = {"trials": home / "trials.jsonl", "looks": home / "looks.jsonl"} if invented else {}
    own = cfg.model_copy(update={
        "models": cfg.models.model_copy(update={"selected": None}),
        "paths": cfg.paths.model_copy(update={"artifacts": folder, **logs}),
        "paper": cfg.paper.model_copy(update=here),
    })  # fmt: skip
    own.home.mkdir(parents=True)
    path = own.home / "config.yaml"
    path.write_text(own.text(), encoding="utf-8")
    return path


def _trade_and_be_killed(config_path: Path, ledger: Path) -> int:
    """Run the paper runner, kill it midway with SIGKILL, and return the number of bars that it finished."""
    command = [sys.executable, "scripts/paper_runner.py", "--config", str(config_path), "--poll-sec", str(PACE)]
    runner = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE
    while finished(ledger) < KILLED_AFTER:
        if runner.poll() is not None:
            raise BrokerError(f"the paper runner ended by itself: {runner.communicate()[1]}", code="runner_ended")
        if time.monotonic() > deadline:
            runner.kill()
            raise BrokerError(
                f"the paper runner finished no {KILLED_AFTER} bars in {PATIENCE:g} s", code="runner_stuck"
            )
        time.sleep(PACE)
    runner.send_signal(signal.SIGKILL)
    runner.communicate()
    return finished(ledger)


def finished(ledger: Path) -> int:
    """Return the number of finished bars in a journal, which may be in use."""
    if not ledger.exists():
        return 0
    with SqliteJournal(ledger, readonly=True) as journal:
        return sum(event.kind == "mark" for event in journal.events())


def _check_same(cfg: Config, day: DailyReport, killed: int, track: Track) -> None:
    """Trade the same bars again without interruption, and check that orders and equity are the same."""
    if not 0 < killed < day.sessions:
        raise BrokerError(f"the runner was killed after {killed} of {day.sessions} bars, not in between",
                          code="not_killed_between")  # fmt: skip
    whole = cfg.paper.model_copy(update={"ledger": cfg.ledger.with_stem("uninterrupted")})
    other, _ = papering.paper(cfg.model_copy(update={"paper": whole}), papering.Wanted(), track)
    if (other.order_hash, other.equity_end) != (day.order_hash, day.equity_end):
        raise BrokerError(f"resumed: {day.equity_end:.2f}, orders {day.order_hash}; "
                          f"uninterrupted: {other.equity_end:.2f}, orders {other.order_hash}",
                          code="resume_differs")  # fmt: skip
