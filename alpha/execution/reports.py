"""From the reports of a broker to events: each counts once, and one that cannot be true is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from alpha.core.errors import BrokerError
from alpha.core.nouns import Accepted, Cancelled, Expired, Fill, Order, Rejected, Update
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
    """Yield the events of those updates that the ledger does not have yet, once the account can take them.

    Reports on an order that came to its end say nothing new, but for fills: the broker may have been faster than a
    cancellation.

    Parameters
    ----------
    bar : str
        The bar in which they are journaled.
    ratios : mapping of str to float
        The splits of this bar by symbol, which come before: the broker counts shares after them.

    Raises
    ------
    BrokerError
        ``unknown_fill``, ``unknown_order``: a report on an order that was never placed. ``wrong_fill``: of another
        symbol or side. ``over_fill``: of more than was left of the order. ``journal_conflict``: two under one id.
    """
    seen: dict[str, Event] = {}
    rests: dict[str, Order | None] = {}
    ended: set[str] = set()
    for update in updates:
        name = update.order_id
        _check_placed(update, ledger)
        if name not in rests:
            rests[name] = _rest(name, ledger, ratios)
        event = _event(update, bar, rests[name] if name in ledger.open_orders and name not in ended else None)
        if event is None or event.id in ledger or event == seen.get(event.id):
            continue
        if event.id in seen:
            raise conflict(seen[event.id], event)
        if isinstance(update, Fill):
            rests[name] = _after(update, rests[name])
        elif not isinstance(update, Accepted):
            ended.add(name)
        seen[event.id] = event
        yield event


def _check_placed(update: Update, ledger: Ledger) -> None:
    if update.order_id not in ledger.status:
        code = "unknown_fill" if isinstance(update, Fill) else "unknown_order"
        raise BrokerError(f"the broker reports {update} on an order that was never placed; find out whose it is",
                          code=code)  # fmt: skip


def _rest(name: str, ledger: Ledger, ratios: Mapping[str, float]) -> Order | None:
    order = ledger.open_orders.get(name) or ledger.rests.get(name)
    return order and split_order(order, ratios.get(order.symbol, 1.0))


def _event(update: Update, bar: str, rest: Order | None) -> Event | None:
    """Return the event of an update; None where nothing of the order is open, and it is no fill."""
    match update:
        case Fill():
            return OrderFilled.of(bar, update)
        case Accepted() if rest:
            return OrderAccepted.of(bar, rest.id)
        case Rejected() if rest:
            return OrderRejected.of(bar, rest.id, update.reason)
        case Cancelled() if rest:
            return OrderCancelled.of(bar, rest)
        case Expired() if rest:
            return OrderExpired.of(bar, rest)
    return None


def _after(fill: Fill, rest: Order | None) -> Order | None:
    """Return what is left of an order after a fill."""
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
