"""``kill -9`` at any moment: what the journal holds is a prefix, and the run ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from alpha.core.errors import BrokerError
from alpha.execution import Ledger, MemoryJournal, SqliteJournal, order_hash

CHILD = """
import sys
import numpy as np, pandas as pd
from alpha.core.panel import Panel
from alpha.execution import Account, SqliteJournal, broker
from alpha.portfolio import policy
from alpha.strategy import Rules, step

rng = np.random.default_rng(3)
close = 40 * np.exp(np.cumsum(rng.normal(0, 0.02, (150, 8)), axis=0))
panel = Panel(pd.date_range("2020-01-01 21:00", periods=150, tz="UTC"), tuple("ABCDEFGH"), {"close": close})
signal, rules = rng.normal(size=close.shape), Rules(policy.bind("long_short"), max_drawdown=1.0)

def live(journal, told):
    account = Account.open(journal, 100_000.0, broker.bind("simulated")())
    account.reconcile()
    for row in range(len(panel)):
        if panel.times[row].isoformat() > account.ledger.last_bar:
            step(signal[row], panel.bar(row), rules, account)
            told(row)
    return account.ledger

if __name__ == "__main__":
    with SqliteJournal(sys.argv[1], "run") as journal:
        print("ready", flush=True)
        live(journal, lambda row: print(row, flush=True))
        print("done", flush=True)
"""


@pytest.fixture(scope="module")
def uninterrupted():
    """Return every event of a run that nobody killed."""
    names = {"__name__": "child"}
    exec(CHILD, names)
    journal = MemoryJournal("run")
    ledger = names["live"](journal, lambda row: None)
    return list(journal.events()), ledger


def start(script, path):
    child = subprocess.Popen([sys.executable, script, path], stdout=subprocess.PIPE, text=True)
    child.stdout.readline()
    return child


def test_a_killed_run_resumes_as_if_it_had_not_been(tmp_path, uninterrupted):
    events, ledger = uninterrupted
    script, path, chance = tmp_path / "child.py", tmp_path / "journal.sqlite", random.Random(11)
    script.write_text(CHILD)
    kills = 0
    while True:
        child = start(script, path)
        if kills < 4:
            for _ in range(chance.randint(0, 25)):
                child.stdout.readline()
            time.sleep(chance.uniform(0, 0.003))
            child.send_signal(signal.SIGKILL)
        said = child.stdout.read()
        kills += child.wait() == -signal.SIGKILL
        with SqliteJournal(path, readonly=True) as journal:
            found = list(journal.events())
            assert found == events[: len(found)], "what is there is a prefix of what should be"
            Ledger.replay(journal)
        if "done" in said:
            break
    assert found == events
    assert order_hash(found) == order_hash(events)
    assert kills == 4
    with SqliteJournal(path, "run") as journal:
        resumed = Ledger.replay(journal)
        assert (resumed.cash, resumed.positions, resumed.last_equity) == (
            ledger.cash,
            ledger.positions,
            ledger.last_equity,
        )


def test_a_stopped_writer_keeps_others_out_and_a_killed_one_does_not(tmp_path):
    script, path = tmp_path / "child.py", tmp_path / "journal.sqlite"
    script.write_text(CHILD.replace('print("ready", flush=True)', 'print("ready", flush=True); sys.stdin.read()'))
    child = subprocess.Popen([sys.executable, script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child.stdout.readline()
    with pytest.raises(BrokerError, match="ledger_in_use"):
        SqliteJournal(path, "run")
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    SqliteJournal(path, "run").close()
