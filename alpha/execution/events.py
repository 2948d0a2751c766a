"""What happened to an account, one event at a time: the rows of the journal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from alpha.core.errors import BrokerError
from alpha.core.nouns import Fill, Order

if TYPE_CHECKING:
    from alpha.core.panel import Bar

MICRO = 1_000_000


def micros(amount: float) -> int:
    """Return an amount of the quote currency in whole micro-units, rounded once: sums of them are exact."""
    return round(amount * MICRO)


@lru_cache(maxsize=8)
def bar_key(bar: Bar) -> str:
    """Return the text by which events name a bar: its close in ISO 8601, UTC. Later bars sort later."""
    return bar.time.isoformat()


def identifier(*parts: object) -> str:
    """Return the short name of an event: a hash of what makes it this event and no other."""
    return blake2b("|".join(map(str, parts)).encode(), digest_size=10).hexdigest()


def order_id(run: str, bar: str, symbol: str, seq: int = 0) -> str:
    """Return the client order id: the same decision has the same id, however often it is taken."""
    return identifier(run, bar, symbol, seq)


class Event(NamedTuple):
    """One row of a journal.

    Parameters
    ----------
    kind : str
        ``open bundle order sent fill action cancel mark skip halt acknowledge``.
    id : str
        Derived from what happened, never from when it was written: writing it twice is harmless.
    bar : str
        Close of the bar in which it happened, as ISO 8601 in UTC; empty for ``open``. For ``bundle`` the last bar
        that was finished before, empty where there is none.
    symbol : str
        Empty where the event is not about one symbol.
    quantity : float
        Shares, signed. For ``fill`` and ``action`` the change of the position; for ``order`` what was asked for;
        for ``sent`` the number of orders.
    price : float
        Per share: paid (``fill``), quoted at the decision (``order``), the dividend, the split ratio, the last
        price of a delisted name (``action``); for ``halt`` the equity.
    cash : int
        Change of cash in micro-units of the quote currency.
    note : str, int or mapping
        What JSON can hold. ``bundle``: its `ref` and the last row it was `trained_until`; ``fill``: slippage within
        the price, in micro-units; ``action``: dividend, split or delisting; ``mark``: the close of the bar: ``equity
        orders limits`` (those hit), ``prices`` of the names held and for how many bars some of them were
        ``unpriced``; ``skip`` and ``halt``: the reason; ``acknowledge``: what the person found.
    """

    kind: str
    id: str
    bar: str = ""
    symbol: str = ""
    quantity: float = 0.0
    price: float = 0.0
    cash: int = 0
    note: Any = ""

    @classmethod
    def open(cls, run: str, cash: float) -> Event:
        """The account begins with `cash` in the quote currency."""
        return cls("open", identifier(run, "open"), cash=micros(cash))

    @classmethod
    def bundle(cls, run: str, bar: str, number: int, **note: str) -> Event:
        """Another bundle decides what comes after `bar`, the `number`-th of this account."""
        return cls("bundle", identifier(run, "bundle", number), bar, note=note)

    @classmethod
    def order(cls, order: Order, price: float) -> Event:
        """An order was decided while `price` was quoted. It may be sent once this is on disk."""
        return cls("order", order.id, order.bar, order.symbol, order.quantity, price)

    @classmethod
    def sent(cls, run: str, bar: str, orders: Sequence[Order]) -> Event:
        """The broker took the orders of this bar."""
        return cls("sent", identifier(run, bar, "sent"), bar, "", float(len(orders)))

    @classmethod
    def fill(cls, fill: Fill) -> Event:
        """A broker filled an order, or the part of it that traded in this bar."""
        cash = -micros(fill.quantity * fill.price) - micros(fill.fee)
        return cls("fill", f"{fill.order_id}:{fill.bar}", fill.bar, fill.symbol, fill.quantity, fill.price, cash,
                   micros(fill.slippage))  # fmt: skip

    @classmethod
    def action(
        cls, run: str, bar: str, symbol: str, what: str, quantity: float = 0.0, price: float = 0.0, cash: float = 0.0
    ) -> Event:
        """A dividend was paid, shares were split, or a delisted holding was settled in cash."""
        return cls("action", identifier(run, bar, symbol, what), bar, symbol, quantity, price, micros(cash), what)

    @classmethod
    def cancel(cls, bar: str, order: Order) -> Event:
        """The rest of an order will never trade."""
        return cls("cancel", f"{order.id}:cancel", bar, order.symbol, order.quantity)

    @classmethod
    def mark(cls, run: str, bar: str, **close: Any) -> Event:
        """The bar is finished; `close` is what was true at its end."""
        return cls("mark", identifier(run, bar, "mark"), bar, note=close)

    @classmethod
    def skip(cls, run: str, bar: str, reason: str) -> Event:
        """The bar could not be used; positions are held."""
        return cls("skip", identifier(run, bar, "skip"), bar, note=reason)

    @classmethod
    def halt(cls, run: str, bar: str, number: int, reason: str, equity: float) -> Event:
        """Trading stopped for a person, for the `number`-th time, at `equity` (kept as the price)."""
        return cls("halt", identifier(run, bar, "halt", number), bar, price=equity, note=reason)

    @classmethod
    def acknowledge(cls, run: str, bar: str, number: int, note: str = "") -> Event:
        """A person has looked into the `number`-th halt; trading may go on."""
        return cls("acknowledge", identifier(run, bar, "acknowledge", number), bar, note=note)

    def checked(self) -> Event:
        """Return the event if every number in it can be kept exactly.

        Raises
        ------
        BrokerError
            With code ``journal_value``: a quantity or price that is not finite, cash beyond 64 bits.
        """
        if not (math.isfinite(self.quantity) and math.isfinite(self.price) and abs(self.cash) < 2**63):
            raise BrokerError(f"an event holds finite numbers and 64-bit cash; this does not: {self}",
                              code="journal_value")  # fmt: skip
        return self
