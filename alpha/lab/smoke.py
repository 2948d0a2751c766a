"""The whole path in one command, for two worlds: research, bless, trade on paper, be killed, resume."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from alpha.config import Config, load
from alpha.core.errors import BrokerError, GateFailed
from alpha.execution import SqliteJournal
from alpha.operate import papering
from alpha.operate.blessing import keep
from alpha.operate.study import row, show, study
from alpha.report.daily import DailyReport
from alpha.report.table import SummaryRow, summary_table
from alpha.research import Track, tracked
from alpha.store import select

PACE = 0.02  # seconds between bars while it waits to be killed
KILLED_AFTER = 10  # bars
PATIENCE = 120.0  # seconds


def smoke(worlds: Mapping[str, Config], folder: str | Path, track: Track) -> int:
    """Run every world and end with a table; return the exit status.

    The planted world must be blessed and must trade alike whether it is killed or not. What the gates say of the real
    one is a result, not a failure: where nothing is blessed, the best candidate is replayed as a shadow.
    """
    _remove(Path(folder))
    rows = {name: world(cfg, Path(folder), track) for name, cfg in worlds.items()}
    print()
    summary_table(list(rows.values()))
    if not rows["planted"].blessed:
        print("FAILED: the planted edge was not blessed", file=sys.stderr)
        return 1
    return 0


def _remove(folder: Path) -> None:
    """Remove a folder with what was blessed in it: bundles are read-only, and so are their folders."""
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    if folder.exists():
        shutil.rmtree(folder)


def world(cfg: Config, folder: Path, track: Track) -> SummaryRow:
    """Run one world from its data to its paper account."""
    config_path = _own_config(cfg, folder)
    cfg = load(config_path)
    found, report = study(cfg, track)
    show(found, metrics=False)
    best = found.best
    try:
        select(config_path, keep(found, best, f" --config {config_path}"))
    except GateFailed as error:
        print(f"\n{error.args[0]}\n")
        day, page = papering.paper(cfg, papering.Wanted(shadow=True), track)
    else:
        ledger = load(config_path).ledger
        killed = tracked(lambda: _trade_and_be_killed(config_path, ledger), f"{cfg.name}: paper, to be killed", track)
        day, page = papering.paper(load(config_path), papering.Wanted(), track)
        _check_same(load(config_path), day, killed, track)
    papering.show_day(day, page)
    return row(
        found, best, report, blessed=day.mode == "paper", paper_equity=day.equity_end, shadow=day.mode == "shadow"
    )


def _own_config(cfg: Config, folder: Path) -> Path:
    """Write the resolved configuration into the world's own folder, where its blessed model can be named."""
    here = {"ledger": None, "kill_file": folder / cfg.name / "KILL"}
    own = cfg.model_copy(update={
        "models": cfg.models.model_copy(update={"selected": None}),
        "paths": cfg.paths.model_copy(update={"artifacts": folder}),
        "paper": cfg.paper.model_copy(update=here),
    })  # fmt: skip
    own.home.mkdir(parents=True)
    path = own.home / "config.yaml"
    path.write_text(own.text(), encoding="utf-8")
    return path


def _trade_and_be_killed(config_path: Path, ledger: Path) -> int:
    """Run the paper runner, end it with SIGKILL in the middle, and return how many bars it had finished."""
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
    bars = finished(ledger)
    print(f"\nkilled the paper runner (SIGKILL) after {bars} bars; resuming from its journal")
    return bars


def finished(ledger: Path) -> int:
    """Return how many bars a journal has finished; it may be in use."""
    if not ledger.exists():
        return 0
    with SqliteJournal(ledger, readonly=True) as journal:
        return sum(event.kind == "mark" for event in journal.events())


def _check_same(cfg: Config, day: DailyReport, killed: int, track: Track) -> None:
    """Trade the same bars once more without interruption; the orders and the money must be the same."""
    if not 0 < killed < day.sessions:
        raise BrokerError(f"the runner was killed after {killed} of {day.sessions} bars, not in between",
                          code="not_killed_between")  # fmt: skip
    whole = cfg.paper.model_copy(update={"ledger": cfg.ledger.with_stem("uninterrupted")})
    other, _ = papering.paper(cfg.model_copy(update={"paper": whole}), papering.Wanted(), track)
    if (other.order_hash, other.equity_end) != (day.order_hash, day.equity_end):
        raise BrokerError(f"resumed: {day.equity_end:.2f}, orders {day.order_hash}; "
                          f"uninterrupted: {other.equity_end:.2f}, orders {other.order_hash}",
                          code="resume_differs")  # fmt: skip
    print(f"killed and resumed = never killed: same orders, same equity to the cent ({day.equity_end:,.2f})")
