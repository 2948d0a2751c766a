"""Write the golden artifacts of version 2: python tests/golden/write_artifacts_v2.py tests/golden/artifacts/v2

It ran once for v2, on commit 7b767ef, in a folder that held nothing but ``config/``, with no bundle selected. It is
kept to explain the artifacts, not to be run again: the files under ``artifacts/v2`` are as that version wrote them,
and never change.

The commands are those a person types; only two limit orders are placed from Python, because no policy places any.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from commands import run as ended_with
from commands import with_commands
from reading import account, looked, predictions, sample_weights, scored, sleeves

from alpha.core.nouns import Order
from alpha.execution import Ledger, SqliteJournal
from alpha.execution.events import OrderPlaced, bar_sleeve, order_id

BLESS = "tools/bless_model_inference.py"
STOCKS, FUTURES = ("--config", "config/stocks.yaml"), ("--config", "config/futures.yaml")
BOTH = ("scripts/sleeves.py", "paper", "--config", "config/both.yaml")
PLAIN = ("scripts/paper_runner.py", *STOCKS)
JOURNALS = {"both": "artifacts/both/paper.sqlite", "plain": "artifacts/stocks/paper.sqlite"}
TRIALS = ("sqlite:///artifacts/stocks/trials.sqlite", "artifacts/trials.jsonl")
ANOTHER = "models.candidates=[{name: linear_v1, alphas: [1000.0]}]"
LOOKS = "sqlite:///artifacts/stocks/looks.sqlite"


def run(*line: str, status: int = 0) -> None:
    """Run one command in this process; its exit status must be the one expected."""
    assert ended_with(shlex.join(line)) == status, line


def write() -> None:
    """Bless a model for each sleeve; trade both in one account, and the stocks alone in another."""
    run(BLESS, *STOCKS, "--select", "--reason", "the sleeve of stocks")
    run(BLESS, *FUTURES, "--select")
    for options in (STOCKS, FUTURES):
        run("scripts/research.py", *options, "--set", ANOTHER)
    run(*BOTH, "--start", "2001-04-24", "--steps", "9")
    Path("artifacts/KILL").touch()
    run(*BOTH, status=6)
    Path("artifacts/KILL").unlink()
    run(*BOTH, "--acknowledge", "a drill", "--steps", "4")
    place_limits(Path(JOURNALS["both"]))
    run(*BOTH, "--steps", "3")
    run(*PLAIN, "--start", "2001-04-24", "--set", "risk.max_drawdown=0.0001", status=6)
    run(*PLAIN, "--acknowledge", "the limit was a test", "--steps", "3")


def place_limits(path: Path) -> None:
    """Journal two limit orders, for the runner to send when it starts again.

    One is for contracts, near the market and good till cancelled: the volume allows a part of it a bar. The other is
    for shares, at half their price and for twenty bars.
    """
    with SqliteJournal(path) as journal:
        ledger = Ledger.replay(journal)
        bars = {bar_sleeve(event.bar): event.bar for event in journal.events() if event.kind == "mark"}
        held = {name: [symbol for symbol in sorted(ledger.marks) if ledger.sleeves[symbol] == name] for name in bars}
        for sleeve, quantity, part, expires in (("futures", 600.0, 1.02, None), ("stocks", 5.0, 0.5, 20)):
            symbol, bar = held[sleeve][0], bars[sleeve]
            price = ledger.marks[symbol]
            order = Order(order_id(journal.run, bar, symbol, 1), bar, symbol, quantity, "limit", part * price, expires)
            journal.append([OrderPlaced.of(order, price, *ledger.money.terms(symbol))])


def probes(folder: Path) -> list[list[float | None]]:
    """Return rows of inputs: some that the model learned from, one far outside, some with missing values."""
    with np.load(folder / "golden.npz") as arrays:
        known = arrays["inputs"][::8]
    missing = [[None, *known[1][1:].tolist()], [None] * known.shape[1]]
    return [*known.tolist(), (known[0] * 7.0).tolist(), *missing]


def journals() -> dict[str, dict[str, object]]:
    """Return what each journal adds up to."""
    return {name: {"account": account(Path(path)), "sleeves": sleeves(Path(path))} for name, path in JOURNALS.items()}


def expected() -> dict[str, object]:
    """Return what every later version must find in these artifacts."""
    bundles = {str(path.parent): path.parent for path in sorted(Path("artifacts").glob("*/models/*/*/manifest.json"))}
    inputs = probes(next(iter(bundles.values())))
    return {
        "inputs": inputs,
        "bundles": {ref: predictions(folder, inputs) for ref, folder in bundles.items()},
        "weights": {ref: sample_weights(folder) for ref, folder in bundles.items()},
        "packages": {ref: json.loads((folder / "manifest.json").read_text())["packages"]
                     | {"python": sys.version.split()[0]} for ref, folder in bundles.items()},
        "journals": journals(),
        "trials": {where: scored(where) for where in TRIALS},
        "looks": {LOOKS: looked(LOOKS)},
    }  # fmt: skip


def continued() -> dict[str, object]:
    """Return what both accounts come to at the end of their bars."""
    run(*BOTH)
    run(*PLAIN)
    return journals()


def keep(folder: Path) -> None:
    """Remove what need not be kept: pages, locks, the commands, candidates, all reports but the last of two sleeves."""
    unlocked(folder)
    for path in [*folder.rglob("*.html"), *folder.rglob("*.lock")]:
        path.unlink()
    days = sorted((folder / "reports/paper-both").iterdir())
    others = {*folder.glob("reports/*")} - {folder / "reports/paper-both"}
    for path in [*days[:-1], *others, *folder.glob("artifacts/*/candidates"), folder / "scripts", folder / "tools"]:
        shutil.rmtree(path)


def unlocked(folder: Path) -> None:
    """Let the folders of bundles be changed again."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def main(folder: Path) -> None:
    """Write the artifacts, go on in a copy of them, and record what came of it."""
    os.chdir(folder)
    with_commands(folder)
    write()
    found = expected()
    with tempfile.TemporaryDirectory() as other:
        os.chdir(shutil.copytree(folder, Path(other) / "copy"))
        found["continued"] = continued()
        os.chdir(folder)
        unlocked(Path(other))
    keep(folder)
    (folder / "expected.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
