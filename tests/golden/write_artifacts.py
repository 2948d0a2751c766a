"""Write the golden artifacts of a version: python tests/golden/write_artifacts.py tests/golden/artifacts/v1

It ran once for v1, on commit d2885b9, in a folder that held nothing but ``config/base.yaml``. It is kept to explain
the artifacts, not to be run again: what lies under ``artifacts/v1`` is what that version wrote, and never changes.

The commands are those a person types; only what no command can bring about is done from Python: bars that cannot be
used, and a journal with partial fills, a delisting and a halt that nobody has acknowledged.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
from commands import run as ended_with
from commands import with_commands
from reading import account, metrics, predictions, report

from alpha import paper
from alpha.core.errors import DataError
from alpha.core.types import Fill, Order
from alpha.execution import Event, SqliteJournal

BLESS, PAPER = "tools/bless_model_inference.py", "scripts/paper_runner.py"
UNUSABLE = {"2001-05-17"}
JOURNALS = {name: f"artifacts/golden/{name}.sqlite" for name in ("paper", "halted", "killed")}
ANOTHER = "models.candidates=[{name: linear_v1, alphas: [1000.0]}]"
FAILS = "gates=[{name: ic, limit: 0.9}, {name: turnover, limit: 0.01}, {name: predictions, limit: 100}]"


def run(*line: str, status: int = 0) -> None:
    """Run one command in this process; its exit status must be the one expected."""
    assert ended_with(shlex.join(line)) == status, line


def write() -> None:
    """Bless three models, roll back, refuse one, and trade on paper in between."""
    run(BLESS, "--select", "--model", "linear_v1", "--reason", "the first look")
    run(PAPER, "--start", "2001-05-01", "--steps", "7")
    run(BLESS, "--select", "--model", "lightgbm_v1")
    with mock.patch.object(paper, "sane", usable):
        run(PAPER, "--steps", "9")
    Path("artifacts/KILL").touch()
    run(PAPER, status=6)
    Path("artifacts/KILL").unlink()
    run(PAPER, "--acknowledge", "a drill", "--steps", "5")
    run(BLESS, "--select", "--model", "xgboost_v1")
    run(BLESS, "--rollback")
    run(BLESS, "--set", FAILS, status=5)
    by_hand(Path(JOURNALS["halted"]))
    killed(Path(JOURNALS["halted"]), Path(JOURNALS["killed"]))


def usable(bar, sane=paper.sane):
    """Refuse the bar of one day, as if its prices were damaged."""
    if str(bar.time.date()) in UNUSABLE:
        raise DataError(f"the bar of {bar.time.date()} is damaged", code="bad_price")
    return sane(bar)


def by_hand(path: Path) -> None:
    """Write a journal of four bars whose last one halts the account at a loss.

    AAA is filled in two parts, splits three for one with an order open, and is cancelled for the rest; BBB is sold
    short and pays a dividend; CCC is bought, has no price and is settled in cash.
    """
    days = [f"2001-07-0{day}T20:00:00+00:00" for day in (2, 3, 5, 6)]
    order = [Order(f"order-{name}", days[0], name, shares)
             for name, shares in (("AAA", 300.0), ("BBB", -100.0), ("CCC", 50.0))]  # fmt: skip
    later = Order("order-AAA-2", days[1], "AAA", 90.0)
    with SqliteJournal(path, "paper-golden") as journal:
        name = journal.run
        journal.append([Event.open(name, 50_000.0), Event.bundle(name, "", 0, ref="none", trained_until=days[0])])
        journal.append([Event.order(each, price) for each, price in zip(order, (20.0, 50.0, 10.0), strict=True)])
        journal.append([Event.sent(name, days[0], order),
                        Event.mark(name, days[0], equity=50_000.0, orders=3, limits=["max_name"], prices={},
                                   unpriced={})])  # fmt: skip
        journal.append([
            Event.fill(Fill(order[0].id, days[1], "AAA", 200.0, 20.1, 0.402, 20.0)),
            Event.fill(Fill(order[1].id, days[1], "BBB", -100.0, 49.9, 0.499, 10.0)),
            Event.fill(Fill(order[2].id, days[1], "CCC", 50.0, 10.05, 0.05025, 2.5)),
            Event.cancel(days[1], order[0]._replace(quantity=100.0)),
            Event.order(later, 21.0), Event.sent(name, days[1], [later]),
            Event.mark(name, days[1], equity=50_100.25, orders=1, limits=[],
                       prices={"AAA": 21.0, "BBB": 49.5, "CCC": 10.0}, unpriced={}),
        ])  # fmt: skip
        journal.append([
            Event.action(name, days[2], "BBB", "dividend", price=0.25, cash=-25.0),
            Event.action(name, days[2], "AAA", "split", quantity=400.0, price=3.0),
            Event.fill(Fill(later.id, days[2], "AAA", 120.0, 7.01, 0.08412, 1.2)),
            Event.cancel(days[2], later._replace(quantity=150.0)),
            Event.mark(name, days[2], equity=50_050.5, orders=0, limits=[],
                       prices={"AAA": 7.0, "BBB": 49.75, "CCC": 10.0}, unpriced={"CCC": 1}),
        ])  # fmt: skip
        journal.append([
            Event.action(name, days[3], "CCC", "delisting", -50.0, 10.0, 500.0),
            Event.halt(name, days[3], 0, "equity 20000.00 is 0.6008 below its peak 50100.25", 20_000.0),
        ])  # fmt: skip


def killed(halted: Path, path: Path) -> None:
    """Write a journal that goes on after the halt, and whose process was killed in the middle of its last bar.

    The highest equity begins anew at the halt. One bar is skipped; in the last one AAA splits one for two, BBB pays a
    dividend and an order is journaled, and the bar has no mark.
    """
    with SqliteJournal(halted, readonly=True) as before:
        events = list(before.events())
    skipped, last = "2001-07-09T20:00:00+00:00", "2001-07-10T20:00:00+00:00"
    with SqliteJournal(path, "paper-golden") as journal:
        name = journal.run
        journal.append(events)
        journal.append([Event.acknowledge(name, events[-1].bar, 1, "sold too late")])
        journal.append([Event.skip(name, skipped, "[bar_without_prices] no symbol has a price")])
        journal.append([
            Event.action(name, last, "BBB", "dividend", price=0.5, cash=-50.0),
            Event.action(name, last, "AAA", "split", quantity=-360.0, price=0.5),
            Event.order(Order("order-BBB-2", last, "BBB", 40.0), 49.0),
        ])  # fmt: skip


def probes(folder: Path) -> list[list[float | None]]:
    """Return rows of inputs: some that the model learned from, some far outside, some with missing values."""
    with np.load(folder / "golden.npz") as arrays:
        known = arrays["inputs"][::8]
    rows = [*known, known[0] * 7.0, np.zeros(known.shape[1])]
    missing = [[None, *known[1][1:].tolist()], [None] * known.shape[1]]
    return [*(row.tolist() for row in rows), *missing]


def expected() -> dict[str, object]:
    """Return what every later version must find in these artifacts."""
    blessings = [json.loads(line) for line in Path("artifacts/golden/models/blessings.jsonl").read_text().splitlines()]
    logs = {name: len(Path(f"artifacts/{name}.jsonl").read_text().splitlines()) for name in ("trials", "looks")}
    bundles = {path.parent.relative_to("artifacts/golden/models").as_posix(): path.parent
               for path in sorted(Path("artifacts/golden/models").glob("*/*/manifest.json"))}  # fmt: skip
    reports = [path.parent for path in Path("reports").glob("*/alpha_eval.json")]
    inputs = probes(next(iter(bundles.values())))
    return {
        "bundles": {ref: predictions(folder, inputs) for ref, folder in bundles.items()},
        "inputs": inputs,
        "packages": {ref: json.loads((folder / "manifest.json").read_text())["packages"]
                     | {"python": sys.version.split()[0]} for ref, folder in bundles.items()},
        "blessings": [[each["action"], each["ref"]] for each in blessings],
        "lines": logs,
        "journals": {name: account(Path(path)) for name, path in JOURNALS.items()},
        "reports": {folder.name: judged(report(folder)) for folder in reports},
    }  # fmt: skip


def judged(record: dict) -> dict[str, object]:
    """Return the verdicts of a report, and what its chosen model scored."""
    chosen = next(result for result in record["models"] if result["model"] == record["chosen"])
    return {"chosen": record["chosen"], "blessed": chosen["blessed"], "trials": chosen["trials"],
            "gates": {verdict["gate"]: verdict["passed"] for verdict in chosen["gates"]}}  # fmt: skip


def continued() -> dict[str, object]:
    """Return what comes of going on from here: the paper run to its end, and one more model on the same data."""
    run(PAPER)
    run("scripts/research.py", "--set", ANOTHER)
    day = json.loads(next(Path("reports/paper-golden").glob("2001-06-14/daily_report.json")).read_text())
    record = report(max(Path("reports").glob("golden-*"), key=lambda path: path.stat().st_mtime_ns))
    return {
        "account": account(Path(JOURNALS["paper"])),
        "day": {name: day[name] for name in ("order_hash", "equity_end", "sessions", "bundles", "costs", "pnl")},
        "trials": record["models"][0]["trials"],
        "holdout": record["holdout"],
        "metrics": metrics(record)["linear_v1"],
    }


def keep(folder: Path) -> None:
    """Remove what need not be kept: pages, locks, the commands, the candidate that failed, earlier daily reports."""
    unlocked(folder)
    for path in [*folder.rglob("*.html"), *folder.rglob("*.lock")]:
        path.unlink()
    days = sorted((folder / "reports/paper-golden").iterdir())
    for path in [*days[:-1], *(folder / name for name in ("artifacts/golden/candidates", "scripts", "tools"))]:
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
