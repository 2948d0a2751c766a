"""The order path: events, journals, the ledger they add up to, and brokers."""

from alpha.core.registry import Registry

broker = Registry("broker", "alpha.execution.brokers")

from alpha.execution.events import MICRO, Event, bar_key, micros  # noqa: E402
from alpha.execution.journal import Journal, MemoryJournal, SqliteJournal  # noqa: E402
from alpha.execution.ledger import Ledger, Lot  # noqa: E402
from alpha.execution.orders import order_hash, rebalance  # noqa: E402
from alpha.execution.reconcile import acknowledge, halt, reconcile  # noqa: E402

__all__ = [
    "MICRO",
    "Event",
    "Journal",
    "Ledger",
    "Lot",
    "MemoryJournal",
    "SqliteJournal",
    "acknowledge",
    "bar_key",
    "broker",
    "halt",
    "micros",
    "order_hash",
    "rebalance",
    "reconcile",
]
