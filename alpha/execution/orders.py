"""From target weights to orders, and one hash for a list of them."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import numpy as np

from alpha.core.nouns import Order
from alpha.core.panel import Bar
from alpha.execution.events import Event, OrderPlaced, bar_key, bar_time, order_id
from alpha.execution.ledger import Ledger

_ORDERS = (Order, OrderPlaced)
_MARKET_DAY = ("market", None, 1)
_WHOLE = 1e-9  # a whole lot that floating point left just short of one is a whole lot


def rebalance(
    target: np.ndarray, ledger: Ledger, bar: Bar, *, min_trade: float = 0.0, share: float = 1.0
) -> tuple[Order, ...]:
    """Return the orders that move the book from its positions to `target`.

    Sizes follow the close of `bar`, the last price known at the decision, times the multiplier and the rate of its
    instrument. Each change is rounded to whole lots toward the present position, never past the target; a target of
    zero closes the position, odd lots included. A name without a price in this bar is left alone. Orders that are
    still open count as held.

    Parameters
    ----------
    target : array of shape (N,)
        Weights wanted, fractions of equity.
    min_trade : float
        A change smaller than this fraction of equity is not worth its costs; closing a position always is.
    share : float
        The part of the account's equity that both are fractions of: that of a sleeve.

    Returns
    -------
    tuple of Order
        Sorted by symbol.
    """
    price, account, key = bar.quoted("close"), ledger.value(bar), bar_key(bar)
    now = account.shares + _open(ledger, bar) if ledger.open_orders else account.shares
    equity, value = account.equity * share, price * bar.unit
    with np.errstate(all="ignore"):  # a name without a price divides by nothing, and is left out below
        change = np.where(target == 0, -now, _whole(target * equity / value - now, bar.instrument.lot))
        worth = (target == 0) | (np.abs(change) * value >= min_trade * equity)
    wanted = np.flatnonzero((change != 0) & worth & np.isfinite(price) & (price > 0))
    chosen = sorted((bar.symbols[i], float(change[i])) for i in wanted)
    return tuple(Order(order_id(ledger.run, key, symbol), key, symbol, quantity) for symbol, quantity in chosen)


def _open(ledger: Ledger, bar: Bar) -> np.ndarray:
    """Return the shares on order, shape (N,) as the bar's symbols."""
    shares = dict.fromkeys(bar.symbols, 0.0)
    for order in ledger.open_orders.values():
        if order.symbol in shares:
            shares[order.symbol] += order.quantity
    return np.array(list(shares.values()))


def _whole(change: np.ndarray, lot: float) -> np.ndarray:
    if not lot:
        return np.round(change, 9)
    return np.copysign(np.floor(np.abs(change) / lot + _WHOLE) * lot, change)


def order_hash(orders: Iterable[Order | Event]) -> str:
    """Return the SHA-256 of the orders and their times: equal for a backtest and a paper run that decided alike.

    Other events of a journal do not count, nor do ids, names of runs and names of sleeves. Kind, limit and life count
    where an order is no market order for one bar.
    """
    lines = sha256()
    for order in orders:
        if isinstance(order, _ORDERS):
            terms = order[4:] if isinstance(order, Order) else order[5:8]  # kind, limit and life
            more = "" if terms == _MARKET_DAY else "".join(f"|{term}" for term in terms)
            lines.update(f"{bar_time(order.bar)}|{order.symbol}|{float(order.quantity)!r}{more}\n".encode())
    return lines.hexdigest()
