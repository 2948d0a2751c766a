"""The order path: events, journals, the ledger they add up to, brokers, and the account that holds the three."""

from alpha.core.registry import Registry

broker = Registry("broker", "alpha.execution.brokers")

from alpha.execution.account import Account  # noqa: E402
from alpha.execution.events import MICRO, Event, bar_key, micros  # noqa: E402
from alpha.execution.journals import Journal, MemoryJournal, SqliteJournal  # noqa: E402
from alpha.execution.ledger import Ledger, Lot  # noqa: E402
from alpha.execution.orders import order_hash, rebalance  # noqa: E402

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
