"""From the reports of a broker to events: each counts once, and one that cannot be true is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from alpha.core.errors import BrokerError
from alpha.core.nouns import Accepted, Cancelled, Fill, Order, Rejected, Update
from alpha.execution.events import (
    Event,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
)
from alpha.execution.journals.protocol import conflict
from alpha.execution.ledger import Ledger, left_of, split_order


def news(updates: Iterable[Update], bar: str, ledger: Ledger, ratios: Mapping[str, float]) -> Iterator[Event]:
    """Yield the events of the updates that are new to the ledger and can be true.

    A report on an order that has ended is passed over, unless it is a fill: the broker may have been faster than a
    cancellation.

    Parameters
    ----------
    bar : str
        The bar in which they are journaled.
    ratios : mapping of str to float
        The splits of this bar by symbol. They come first: the broker counts shares after them.

    Raises
    ------
    BrokerError
        ``unknown_fill``, ``unknown_order``: a report on an order that was never placed. ``wrong_fill``: a fill of
        another symbol or side. ``over_fill``: a fill of more than the rest of the order. ``journal_conflict``: two
        different reports under one id.
    """
    seen: dict[str, Event] = {}
    rests: dict[str, Order | None] = {}
    ended: set[str] = set()
    for update in updates:
        name = update.order_id
        if name not in rests:
            rests[name] = _rest(update, ledger, ratios)
        if isinstance(update, Fill):
            event: Event | None = OrderFilled.of(bar, update)
        else:
            event = _event(update, bar, rests[name] if name in ledger.open_orders and name not in ended else None)
        if event is None or event.id in ledger:
            continue
        if (known := seen.setdefault(event.id, event)) is not event:
            if known != event:
                raise conflict(known, event)
            continue
        if isinstance(update, Fill):
            rests[name] = _less(update, rests[name])
        elif not isinstance(update, Accepted):
            ended.add(name)
            rests[name] = None if isinstance(update, Rejected) else rests[name]
        yield event


def _rest(update: Update, ledger: Ledger, ratios: Mapping[str, float]) -> Order | None:
    """Return the rest of an order, of a cancelled or expired one too; None where nothing is left."""
    if update.order_id not in ledger.status:
        code = "unknown_fill" if isinstance(update, Fill) else "unknown_order"
        raise BrokerError(f"the broker reports {update} on an order that was never placed; find out whose it is",
                          code=code)  # fmt: skip
    order = ledger.open_orders.get(update.order_id) or ledger.rests.get(update.order_id)
    return split_order(order, ratios[order.symbol]) if order and order.symbol in ratios else order


def _event(update: Update, bar: str, rest: Order | None) -> Event | None:
    """Return the event of an update that is no fill; None where the order has ended."""
    if rest is None:
        return None
    match update:
        case Accepted():
            return OrderAccepted.of(bar, rest.id)
        case Rejected():
            return OrderRejected.of(bar, rest.id, update.reason)
        case Cancelled():
            return OrderCancelled.of(bar, rest)
    return OrderExpired.of(bar, rest)


def _less(fill: Fill, rest: Order | None) -> Order | None:
    """Return the rest of an order after a fill."""
    if rest and fill.quantity == rest.quantity and fill.symbol == rest.symbol:
        return None  # as most fills are
    name, quantity = fill.order_id, rest.quantity if rest else 0.0
    if rest and (fill.symbol != rest.symbol or fill.quantity * quantity <= 0):
        raise BrokerError(f"the order {name!r} was for {quantity:g} {rest.symbol}; the broker filled "
                          f"{fill.quantity:g} {fill.symbol}", code="wrong_fill")  # fmt: skip
    left = left_of(quantity, fill.quantity)
    if rest is None or left * quantity < 0:
        raise BrokerError(f"{quantity:g} {fill.symbol} was left of the order {name!r}; the broker filled "
                          f"{fill.quantity:g}: find out how much it holds before trading goes on",
                          code="over_fill")  # fmt: skip
    return rest._replace(quantity=left) if left else None
