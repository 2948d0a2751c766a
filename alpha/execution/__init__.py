"""The order path: events, journals, the ledger, brokers, and the account that holds journal, ledger and broker."""

from typing import TYPE_CHECKING

from alpha.core.lazy import lazy
from alpha.core.registry import Registry

broker = Registry("broker", "alpha.execution.brokers")

if TYPE_CHECKING:
    from alpha.execution.account import Account
    from alpha.execution.events import MICRO, Event, bar_key, micros
    from alpha.execution.journals import Journal, MemoryJournal, SqliteJournal
    from alpha.execution.ledger import Ledger, Lot
    from alpha.execution.orders import order_hash, rebalance
else:
    __getattr__, __dir__ = lazy(__name__, {
        "alpha.execution.account": ("Account",),
        "alpha.execution.events": ("MICRO", "Event", "bar_key", "micros"),
        "alpha.execution.journals": ("Journal", "MemoryJournal", "SqliteJournal"),
        "alpha.execution.ledger": ("Ledger", "Lot"),
        "alpha.execution.orders": ("order_hash", "rebalance"),
    })  # fmt: skip

__all__ = [
    "MICRO",
    "Account",
    "Event",
    "Journal",
    "Ledger",
    "Lot",
    "MemoryJournal",
    "SqliteJournal",
    "bar_key",
    "broker",
    "micros",
    "order_hash",
    "rebalance",
]
