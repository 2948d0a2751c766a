"""Journals of schema 2, in which every kind of event had the same eight columns: read, and migrated to schema 3."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from alpha.core.errors import BrokerError
from alpha.execution import events as e
from alpha.execution.journals.files import publish, unfinished

COLUMNS = "kind, id, bar, symbol, quantity, price, cash, note"


class Row(NamedTuple):
    """A row of schema 2; the meaning of its columns depends on its kind."""

    kind: str
    id: str
    bar: str
    symbol: str
    quantity: float
    price: float
    cash: int
    note: Any


def event(columns: Sequence[Any]) -> e.Event:
    """Return the event of a row as it was stored: its columns, the note as JSON."""
    row = Row._make((*columns[:-1], json.loads(columns[-1])))
    return _EVENTS[row.note if row.kind == "action" else row.kind](row)


def _fill(row: Row) -> e.Event:
    fee = -row.cash - e.micros(row.quantity * row.price)
    order = row.id.partition(":")[0]
    return e.OrderFilled(row.id, row.bar, order, row.symbol, row.quantity, row.price, fee, row.note)


def _cancel(row: Row) -> e.Event:
    return e.OrderCancelled(row.id, row.bar, row.id.partition(":")[0], row.symbol, row.quantity)


def _mark(row: Row) -> e.Event:
    close = {"orders": 0, "limits": (), "prices": {}, "unpriced": {}, **row.note}
    return e.BarMarked(row.id, row.bar, **{**close, "limits": tuple(close["limits"])})


_EVENTS: dict[str, Callable[[Row], e.Event]] = {
    "open": lambda row: e.AccountOpened(row.id, row.bar, row.cash),
    "bundle": lambda row: e.BundleChosen(row.id, row.bar, **row.note),
    "order": lambda row: e.OrderPlaced(row.id, row.bar, row.symbol, row.quantity, row.price),
    "sent": lambda row: e.OrdersSent(row.id, row.bar, int(row.quantity)),
    "fill": _fill,
    "cancel": _cancel,
    "dividend": lambda row: e.DividendPaid(row.id, row.bar, row.symbol, row.price, row.cash),
    "split": lambda row: e.SharesSplit(row.id, row.bar, row.symbol, row.price, row.quantity),
    "delisting": lambda row: e.HoldingDelisted(row.id, row.bar, row.symbol, row.quantity, row.price, row.cash),
    "mark": _mark,
    "skip": lambda row: e.BarSkipped(row.id, row.bar, row.note),
    "halt": lambda row: e.TradingHalted(row.id, row.bar, "halted", row.note, row.price),
    "acknowledge": lambda row: e.HaltAcknowledged(row.id, row.bar, row.note),
}


def keep_copy(db: sqlite3.Connection, path: Path) -> None:
    """Copy a journal of schema 2 to ``<name>.schema2`` beside it, whole or not at all.

    A copy of the same rows may be there already: that of a migration that did not come to its end.

    Raises
    ------
    BrokerError
        With code ``journal_unavailable``: another file has that name. Nothing is overwritten.
    """
    copy = path.with_name(f"{path.name}.schema2")
    if not copy.exists():
        new = unfinished(copy)
        with closing(sqlite3.connect(new)) as made:
            db.backup(made)
            made.execute("PRAGMA journal_mode=DELETE")  # one file, and nothing beside it
        publish(new, copy)
    elif _meta(copy) != _meta(path):
        raise BrokerError(f"{path} has journal schema 2 and is copied to {copy} before it is migrated, but another "
                          f"file has that name: move it away", code="journal_unavailable")  # fmt: skip


def _meta(path: Path) -> list[tuple[str, str]]:
    """Return schema, run and head of a journal, which identify its rows; empty where a file is no journal."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            return db.execute("SELECT key, value FROM meta ORDER BY key").fetchall()
    except sqlite3.DatabaseError:
        return []
