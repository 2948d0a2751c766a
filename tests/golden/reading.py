"""Read what a version left on disk, as plain values that JSON can hold.

This is the one file of the suite that names modules of the library: where a name moves, change its import here and
nothing else.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alpha.core.errors import AlphaError, ModelError
from alpha.execution import Ledger, SqliteJournal, order_hash
from alpha.report import read_daily
from alpha.store import load

__all__ = [
    "V1",
    "AlphaError",
    "ModelError",
    "account",
    "daily",
    "metrics",
    "predictions",
    "report",
    "shape",
    "with_commands",
]

ROOT = Path(__file__).resolve().parents[2]
V1 = Path(__file__).with_name("artifacts") / "v1"
TOTALS = ("cash", "fees", "slippage", "dividends", "realised")  # micro-units of the quote currency
STATE = ("peak", "last_equity", "last_bar", "halted", "halted_at", "halts")


def with_commands(folder: Path) -> Path:
    """Put the commands of this version into a folder, and return it."""
    for name in ("scripts", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def account(path: Path) -> dict[str, Any]:
    """Return what a journal adds up to: its events by kind, the hash of its orders, and the account."""
    with SqliteJournal(path) as journal:  # to write, as the paper runner does: an older schema may be migrated
        events, ledger = list(journal.events()), Ledger.replay(journal)
    return {
        "run": ledger.run,
        "kinds": dict(sorted(Counter(event.kind for event in events).items())),
        "notes": [event.note for event in events if event.kind in ("skip", "halt", "acknowledge")],
        "order_hash": order_hash(events),
        **{name: getattr(ledger, name) for name in (*TOTALS, *STATE)},
        "positions": dict(sorted(ledger.positions.items())),
        "lots": {name: [list(lot) for lot in lots] for name, lots in sorted(ledger.lots.items())},
        "marks": dict(sorted(ledger.marks.items())),
        "unpriced": dict(sorted(ledger.unpriced.items())),
        "open_orders": sorted([order.id, order.bar, order.symbol, order.quantity]
                              for order in ledger.open_orders.values()),
        "bundles": [[since, dict(note)] for since, note in ledger.bundles],
    }  # fmt: skip


def predictions(folder: Path, inputs: list[list[float | None]]) -> list[float | None]:
    """Return what a bundle answers to rows of inputs; null is a missing value, going in and coming out."""
    rows = np.array(inputs, np.float64)
    answers = load(folder).predict(rows, np.ones(len(rows), bool))
    return [float(answer) if np.isfinite(answer) else None for answer in answers]


def daily(folder: Path) -> dict[str, Any]:
    """Return the daily report of paper in a folder, as this version reads it."""
    return read_daily(folder).model_dump(mode="json")


def report(folder: Path) -> dict[str, Any]:
    """Return the report of research in a folder of reports."""
    return json.loads((folder / "alpha_eval.json").read_text(encoding="utf-8"))


def metrics(record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return every metric of every model and baseline of a report, by name."""
    found = {result["model"]: result["metrics"] for result in record["models"]}
    return found | record["models"][0]["baselines"]


def shape(value: Any) -> Any:
    """Return a JSON value with the name of its type in place of each scalar; a list shows the shapes in it once."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in sorted(value.items())}
    if isinstance(value, list):
        return [json.loads(text) for text in sorted({json.dumps(shape(each), sort_keys=True) for each in value})]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
