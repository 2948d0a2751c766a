"""``kill -9`` of the paper runner at random bars: resumed, it is as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from alpha.config import load
from alpha.data.feed import PanelFeed
from alpha.execution import SqliteJournal, order_hash
from alpha.lab.smoke import finished
from alpha.paper import Clock, trade
from alpha.report.daily import read_daily

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
LEDGER = Path("artifacts/small/paper.sqlite")


def start(folder, *options):
    command = [sys.executable, "scripts/paper_runner.py", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def test_killed_at_random_bars_it_resumes_as_if_it_had_not_been(here, command, quick, study, small):
    chance = random.Random(5)
    bars = sorted(chance.sample(range(1, small.paper.sessions - 4), 3))
    for number in bars:
        runner = start(here, "--poll-sec", "0.05")
        deadline = time.monotonic() + PATIENCE
        while finished(LEDGER) < number and time.monotonic() < deadline and runner.poll() is None:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.05))  # anywhere between two bars
        runner.send_signal(signal.SIGKILL)
        told = runner.communicate()[1]
        assert runner.returncode == -signal.SIGKILL, told.decode()
        assert number <= finished(LEDGER) < small.paper.sessions
    assert command("scripts/paper_runner.py") == 0
    panel = small.panel(small.paper.end)[0]
    ref, clock = (
        str(load("config/base.yaml").models.selected),
        Clock(PanelFeed(lambda: panel), sessions=small.paper.sessions),
    )
    with SqliteJournal("whole.sqlite", "paper-small") as journal:
        ledger = trade(small, study.best.bundle, clock, journal, ref=ref)
        whole = list(journal.events())
    with SqliteJournal(LEDGER, readonly=True) as journal:
        assert list(journal.events()) == whole
    day = read_daily(max(Path("reports/paper-small").iterdir()))
    assert (day.order_hash, day.equity_end) == (order_hash(whole), ledger.last_equity)
