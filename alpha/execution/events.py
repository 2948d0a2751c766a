"""Events of an account: one class for each kind of row in the journal.

Every event has an `id` and a `bar`. The id follows from the decision or the report, never from the time of writing, so
writing an event twice is harmless. The bar is the key of the bar in which it happened: its close as ISO 8601 in UTC,
with ``#sleeve`` where the account has sleeves. Later bars sort later, those of one instant by sleeve. `quantity` is a
number of units (shares, contracts), signed; `price` is per share; money whose sums must be exact (`cash`, `fee`,
`slippage`) is a whole number of micro-units of the currency of the symbol, or of the account where there is no symbol.

A field after `kind` was added later: a journal holds it only where it is not at its default, so that the rows of an
account that does not use it are the same as before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, get_args

from alpha.core.instrument import CURRENCY
from alpha.core.nouns import Fill, Order

if TYPE_CHECKING:
    from alpha.core.panel import Bar

MICRO = 1_000_000


def micros(amount: float) -> int:
    """Return an amount of money in whole micro-units, rounded once: sums of them are exact."""
    return round(amount * MICRO)


@lru_cache(maxsize=8)
def bar_key(bar: Bar) -> str:
    """Return the text by which events name a bar: its close in ISO 8601, UTC, and its sleeve. Later bars sort later."""
    return f"{bar.time.isoformat()}#{bar.sleeve}" if bar.sleeve else bar.time.isoformat()


@lru_cache(maxsize=8)
def bar_time(key: str) -> str:
    """Return the close of the bar that a key names, ISO 8601 in UTC."""
    return key.partition("#")[0]


@lru_cache(maxsize=8)
def bar_sleeve(key: str) -> str:
    """Return the sleeve of the bar that a key names; empty where the account has none."""
    return key.partition("#")[2]


def identifier(*parts: object) -> str:
    """Return the id of an event: a hash of the parts that distinguish it from every other event."""
    return blake2b("|".join(map(str, parts)).encode(), digest_size=10).hexdigest()


def order_id(run: str, bar: str, symbol: str, seq: int = 0) -> str:
    """Return the client order id: the same decision has the same id, even if it is taken again."""
    return identifier(run, bar, symbol, seq)


class AccountOpened(NamedTuple):
    """The account begins with `cash` in its `currency`; it is in no bar."""

    id: str
    bar: str
    cash: int
    kind: Literal["open"] = "open"
    currency: str = CURRENCY

    @classmethod
    def of(cls, run: str, cash: float, currency: str = CURRENCY) -> Self:
        """Return the event for `cash` in a currency."""
        return cls(identifier(run, "open"), "", micros(cash), currency=currency)


class BundleChosen(NamedTuple):
    """Another bundle decides after `bar`, the last one finished before (empty: none was).

    `trained_until` is the last row that it was fitted on.
    """

    id: str
    bar: str
    ref: str
    trained_until: str
    kind: Literal["bundle"] = "bundle"

    @classmethod
    def of(cls, run: str, bar: str, number: int, *, ref: str, trained_until: str) -> Self:
        """Return the event of the `number`-th bundle of an account."""
        return cls(identifier(run, "bundle", number), bar, ref, trained_until)


class OrderPlaced(NamedTuple):
    """An order was decided while `price` was quoted. It may be sent once this is on disk; see `Order`.

    `currency` is that of the symbol, empty where it is the account's; `multiplier` that of its contract.
    """

    id: str
    bar: str
    symbol: str
    quantity: float
    price: float
    type: Literal["market", "limit"] = "market"
    limit: float | None = None
    expires: int | None = 1
    kind: Literal["order"] = "order"
    currency: str = ""
    multiplier: float = 1.0

    @classmethod
    def of(cls, order: Order, price: float, currency: str = "", multiplier: float = 1.0) -> Self:
        """Return the event of an order."""
        return cls(order.id, order.bar, order.symbol, order.quantity, price, order.kind, order.limit, order.expires,
                   "order", currency, multiplier)  # fmt: skip

    @property
    def order(self) -> Order:
        """The order, as it was placed."""
        return Order(self.id, self.bar, self.symbol, self.quantity, self.type, self.limit, self.expires)


class OrdersSent(NamedTuple):
    """The broker was handed the orders of this bar, so many of them."""

    id: str
    bar: str
    orders: int
    kind: Literal["sent"] = "sent"

    @classmethod
    def of(cls, run: str, bar: str, orders: Sequence[Order]) -> Self:
        """Return the event of the orders of a bar."""
        return cls(identifier(run, bar, "sent"), bar, len(orders))


class OrderAccepted(NamedTuple):
    """The broker acknowledged an order."""

    id: str
    bar: str
    order: str
    kind: Literal["accept"] = "accept"

    @classmethod
    def of(cls, bar: str, order: str) -> Self:
        """Return the event of an order's id."""
        return cls(f"{order}:accept", bar, order)


class OrderFilled(NamedTuple):
    """The broker filled an order or a part of it. `slippage` is already in the price."""

    id: str
    bar: str
    order: str
    symbol: str
    quantity: float
    price: float
    fee: int
    slippage: int
    kind: Literal["fill"] = "fill"

    @classmethod
    def of(cls, bar: str, fill: Fill) -> Self:
        """Return the event of a fill that was reported in `bar`."""
        return cls(f"{fill.order_id}:{fill.id}", bar, fill.order_id, fill.symbol, fill.quantity, fill.price,
                   micros(fill.fee), micros(fill.slippage))  # fmt: skip

    @property
    def cash(self) -> int:
        """The change of cash, in micro-units, at a multiplier of 1."""
        return -micros(self.quantity * self.price) - self.fee

    def flow(self, multiplier: float) -> int:
        """Return the change of cash in the currency of the symbol, in micro-units, given its multiplier."""
        return -micros(self.quantity * self.price * multiplier) - self.fee


class OrderRejected(NamedTuple):
    """The broker refused an order: nothing of it is open."""

    id: str
    bar: str
    order: str
    reason: str
    kind: Literal["reject"] = "reject"

    @classmethod
    def of(cls, bar: str, order: str, reason: str) -> Self:
        """Return the event of an order's id."""
        return cls(f"{order}:reject", bar, order, reason)


class OrderCancelled(NamedTuple):
    """The rest of an order, `quantity`, was cancelled."""

    id: str
    bar: str
    order: str
    symbol: str
    quantity: float
    kind: Literal["cancel"] = "cancel"

    @classmethod
    def of(cls, bar: str, rest: Order) -> Self:
        """Return the event of the rest of an order."""
        return cls(f"{rest.id}:cancel", bar, rest.id, rest.symbol, rest.quantity)


class OrderExpired(NamedTuple):
    """The rest of an order, `quantity`, was not filled in the bars in which it could trade."""

    id: str
    bar: str
    order: str
    symbol: str
    quantity: float
    kind: Literal["expire"] = "expire"

    @classmethod
    def of(cls, bar: str, rest: Order) -> Self:
        """Return the event of the rest of an order."""
        return cls(f"{rest.id}:expire", bar, rest.id, rest.symbol, rest.quantity)


class DividendPaid(NamedTuple):
    """A dividend of `price` a share was paid on the shares held over the close before; a short position pays it."""

    id: str
    bar: str
    symbol: str
    price: float
    cash: int
    kind: Literal["dividend"] = "dividend"

    @classmethod
    def of(cls, run: str, bar: str, symbol: str, price: float, held: float) -> Self:
        """Return the event for `held` shares."""
        return cls(identifier(run, bar, symbol, "dividend"), bar, symbol, price, micros(held * price))


class SharesSplit(NamedTuple):
    """Every share became `ratio` shares: the position changed by `quantity`, open orders in proportion."""

    id: str
    bar: str
    symbol: str
    ratio: float
    quantity: float
    kind: Literal["split"] = "split"

    @classmethod
    def of(cls, run: str, bar: str, symbol: str, ratio: float, held: float) -> Self:
        """Return the event for `held` shares."""
        return cls(identifier(run, bar, symbol, "split"), bar, symbol, ratio, held * (ratio - 1))


class HoldingDelisted(NamedTuple):
    """A delisted holding was settled in cash at `price`, the last one known; `quantity` closes the position."""

    id: str
    bar: str
    symbol: str
    quantity: float
    price: float
    cash: int
    kind: Literal["delisting"] = "delisting"

    @classmethod
    def of(cls, run: str, bar: str, symbol: str, held: float, price: float, multiplier: float = 1.0) -> Self:
        """Return the event for `held` units, given the multiplier of the symbol."""
        cash = micros(held * price * multiplier)
        return cls(identifier(run, bar, symbol, "delisting"), bar, symbol, -held, price, cash)


class RateFixed(NamedTuple):
    """From this bar on one unit of `currency` is worth `rate` units of the account's currency."""

    id: str
    bar: str
    currency: str
    rate: float
    kind: Literal["rate"] = "rate"

    @classmethod
    def of(cls, run: str, bar: str, currency: str, rate: float) -> Self:
        """Return the event of the rate of a currency at the close of a bar."""
        return cls(identifier(run, bar, currency, "rate"), bar, currency, rate)


class BarMarked(NamedTuple):
    """The bar is finished; its equity and prices at the close.

    Parameters
    ----------
    equity : float
        Cash plus positions, in the account's currency.
    orders : int
        Number of orders decided in this bar.
    limits : tuple of str
        The limits that changed the weights.
    prices : mapping of str to float
        Price of each name held.
    unpriced : mapping of str to int
        Bars in a row without a price, of those of them that have none.
    """

    id: str
    bar: str
    equity: float
    orders: int
    limits: tuple[str, ...]
    prices: Mapping[str, float]
    unpriced: Mapping[str, int]
    kind: Literal["mark"] = "mark"

    @classmethod
    def of(
        cls, run: str, bar: str, equity: float, *, prices: Mapping[str, float], unpriced: Mapping[str, int],
        orders: int = 0, limits: tuple[str, ...] = (),
    ) -> Self:  # fmt: skip
        """Return the event of the close of a bar."""
        return cls(identifier(run, bar, "mark"), bar, equity, orders, limits, prices, unpriced)


class BarSkipped(NamedTuple):
    """The bar could not be used; positions are held."""

    id: str
    bar: str
    reason: str
    kind: Literal["skip"] = "skip"

    @classmethod
    def of(cls, run: str, bar: str, reason: str) -> Self:
        """Return the event of a bar."""
        return cls(identifier(run, bar, "skip"), bar, reason)


class TradingHalted(NamedTuple):
    """Trading stopped for a person, at `equity` in the account's currency; `code` names the reason for programs."""

    id: str
    bar: str
    code: str
    reason: str
    equity: float
    kind: Literal["halt"] = "halt"

    @classmethod
    def of(cls, run: str, bar: str, number: int, reason: str, equity: float, code: str = "halted") -> Self:
        """Return the event of the `number`-th halt of an account."""
        return cls(identifier(run, bar, "halt", number), bar, code, reason, equity)


class HaltAcknowledged(NamedTuple):
    """A person looked into a halt and wrote a `note`; trading may go on."""

    id: str
    bar: str
    note: str
    kind: Literal["acknowledge"] = "acknowledge"

    @classmethod
    def of(cls, run: str, bar: str, number: int, note: str = "") -> Self:
        """Return the event that ends the `number`-th halt."""
        return cls(identifier(run, bar, "acknowledge", number), bar, note)


Event = (
    AccountOpened | BundleChosen | OrderPlaced | OrdersSent | OrderAccepted | OrderFilled | OrderRejected
    | OrderCancelled | OrderExpired | DividendPaid | SharesSplit | HoldingDelisted | RateFixed | BarMarked | BarSkipped
    | TradingHalted | HaltAcknowledged
)  # fmt: skip
KINDS: dict[str, Any] = {cls._field_defaults["kind"]: cls for cls in get_args(Event)}
