"""Read what a version left on disk, as plain values that JSON can hold.

This is the one file of the suite that names modules of the library: where a name moves, change its import or the
table of names here, and nothing else.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alpha.core.errors import AlphaError, ModelError
from alpha.execution import Ledger, SqliteJournal, order_hash
from alpha.report.daily import read_daily
from alpha.store import load, read_manifest
from alpha.validation.holdout import Looks
from alpha.validation.trials import Trials

__all__ = [
    "CLOSE",
    "PROPERTIES",
    "AlphaError",
    "ModelError",
    "SqliteJournal",
    "account",
    "compare",
    "daily",
    "day",
    "findings",
    "looked",
    "metrics",
    "predictions",
    "report",
    "sample_weights",
    "scored",
    "shape",
    "sleeves",
]

CLOSE = 1e-9  # relative; exp, log and sums of floats differ in their last bits between processors
TINY = 1e-12  # absolute, for what is zero but for rounding
TOTALS = ("cash", "fees", "slippage", "dividends", "realised")  # micro-units of the quote currency
VOLATILE = ("created", "run", "config_id", "data_id", "code_id", "environment", "command")
PROPERTIES = ("no_lookahead", "leakage", "batch_equals_stream", "golden_reproduces")  # gates without a limit
KINDS = {"dividend": "action", "split": "action", "delisting": "action", "expire": "cancel"}  # as version 1 says it
ACTIONS = {"dividend": "cash", "split": "ratio"}  # where an event of a corporate action keeps its size
NOTES = {"skip": "reason", "halt": "reason", "acknowledge": "note"}  # where an event keeps the words of a person
ORDER = ("bar", "symbol", "quantity", "kind", "limit", "expires")
STATE = ("peak", "last_equity", "last_bar", "halted", "halted_at", "halts")


def account(path: Path) -> dict[str, Any]:
    """Return what a journal adds up to: its events by kind, the hash of its orders, and the account."""
    with SqliteJournal(path) as journal:  # to write, as the paper runner does: an older schema may be migrated
        events, ledger = list(journal.events()), Ledger.replay(journal)
    return {
        "run": ledger.run,
        "kinds": dict(sorted(Counter(KINDS.get(event.kind, event.kind) for event in events).items())),
        "notes": [getattr(event, NOTES[event.kind]) for event in events if event.kind in NOTES],
        "order_hash": order_hash(events),
        **{name: getattr(ledger, name) for name in (*TOTALS, *STATE)},
        "positions": dict(sorted(ledger.positions.items())),
        "lots": {name: [list(lot) for lot in lots] for name, lots in sorted(ledger.lots.items())},
        "marks": dict(sorted(ledger.marks.items())),
        "unpriced": dict(sorted(ledger.unpriced.items())),
        "open_orders": sorted([order.id, order.bar, order.symbol, order.quantity]
                              for order in ledger.open_orders.values()),
        "bundles": [[by.bar, {"ref": by.ref, "trained_until": by.trained_until}] for by in ledger.bundles],
    }  # fmt: skip


def sleeves(path: Path) -> dict[str, Any]:
    """Return what a journal holds of sleeves, currencies and orders; the first version has none but market orders."""
    with SqliteJournal(path) as journal:
        events, ledger = list(journal.events()), Ledger.replay(journal)
    money = ledger.money
    return {
        "sleeves": dict(sorted(ledger.sleeves.items())),
        "currency": money.currency,
        "balances": dict(sorted(money.balances.items())),
        "rates": [[event.bar, event.currency, event.rate] for event in events if event.kind == "rate"],
        "contracts": {name: list(terms) for name, terms in sorted(money.contracts.items())},
        "placed": dict(sorted(Counter(f"{event.currency or money.currency} x {event.multiplier:g}"
                                      for event in events if event.kind == "order").items())),
        "status": dict(sorted(Counter(ledger.status.values()).items())),
        "open": [[getattr(order, name) for name in ORDER] for _, order in sorted(ledger.open_orders.items())],
        "rests": [[getattr(order, name) for name in ORDER] for _, order in sorted(ledger.rests.items())],
        "rejects": [[event.bar, event.order, event.reason] for event in events if event.kind == "reject"],
        "halts": [[event.bar, event.code] for event in events if event.kind == "halt"],
        "actions": [[event.bar, event.kind, event.symbol, getattr(event, ACTIONS[event.kind])]
                    for event in events if event.kind in ACTIONS],
        "settled": ledger.settled,
        "decided": ledger.decided,
    }  # fmt: skip


def scored(where: str) -> dict[str, Any]:
    """Return the trials of a log, and the sum of the net returns of each."""
    trials = Trials(where)
    return {
        "count": trials.count(),
        "trials": [[line[name] for name in ("model", "config_id", "data_id", "tested")] for line in trials.read()],
        "metrics": [line["metrics"] for line in trials.read()],
        "net": [float(trials.series(line)["net_returns"].sum()) for line in trials.read()],
    }


def looked(where: str) -> list[list[Any]]:
    """Return the looks of a log at a sealed holdout."""
    return [[line[name] for name in ("model", "number", "first", "last", "budget")] for line in Looks(where).log.read()]


def sample_weights(folder: Path) -> list[dict[str, Any]]:
    """Return the sample weights with which the model of a bundle was fitted."""
    return read_manifest(folder).config["weights"]


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


def findings(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a report says of the study, less what may differ between two runs of equal worth.

    Left out are when, where and by which code it was made, and the wording of texts: of those only their numbers count.
    """
    found = {key: value for key, value in record.items() if key not in VOLATILE}
    found["label"] = {key: value for key, value in record["label"].items() if key != "fills"}
    found["holdout"] = sorted(re.findall(r"\d[\d.-]*", record["holdout"]))
    found["models"] = [_model(result) for result in record["models"]]
    return found


def _model(result: Mapping[str, Any]) -> dict[str, Any]:
    gates = {verdict["gate"]: _verdict(verdict) for verdict in result["gates"]}
    return {**result, "gates": gates, "bundle": (result["bundle"] or "").partition("-")[0]}


def _verdict(verdict: Mapping[str, Any]) -> list[Any]:
    """Return a verdict: a gate on a property holds or does not; it has no value."""
    if verdict["gate"] in PROPERTIES:
        return [verdict["passed"]]
    return [verdict[key] for key in ("passed", "value", "relation", "limit")]


def day(folder: Path) -> dict[str, Any]:
    """Return the orders and the money of the one daily report under a folder of a paper run."""
    (path,) = folder.glob("*/daily_report.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    return {name: record[name] for name in ("order_hash", "equity_end", "sessions", "costs", "pnl", "limits_hit")}


def metrics(record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return every metric of every model and baseline of a report, by name."""
    found = {result["model"]: result["metrics"] for result in record["models"]}
    return found | record["models"][0]["baselines"]


def compare(found: Any, wanted: Any, where: str = "") -> None:
    """Assert that two values of JSON are equal: numbers to a relative tolerance, all else exactly."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys(), where
        for key, value in wanted.items():
            compare(found[key], value, f"{where}.{key}")
    elif isinstance(wanted, list):
        assert len(found) == len(wanted), where
        for place, (one, other) in enumerate(zip(found, wanted, strict=True)):
            compare(one, other, f"{where}[{place}]")
    elif isinstance(wanted, float) and found is not None:
        assert math.isclose(found, wanted, rel_tol=CLOSE, abs_tol=TINY), f"{where}: {found!r}, expected {wanted!r}"
    else:
        assert found == wanted, f"{where}: {found!r}, expected {wanted!r}"


def shape(value: Any) -> Any:
    """Return a JSON value with the name of its type in place of each scalar; a list shows the shapes in it once."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in sorted(value.items())}
    if isinstance(value, list):
        return [json.loads(text) for text in sorted({json.dumps(shape(each), sort_keys=True) for each in value})]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
