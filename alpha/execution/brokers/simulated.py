"""A market that fills orders at the prices of later bars, with slippage and a fee."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat

from alpha.core.nouns import Accepted, Fill, Order, Rejected, Update
from alpha.core.panel import Bar
from alpha.execution import broker
from alpha.execution.corporate import splits
from alpha.execution.events import bar_key
from alpha.execution.ledger import left_of, quotes, split_order
from alpha.portfolio.costs import BPS, fee, paid


@broker
class simulated:
    """Fill each order at the first price after the bar that made it.

    An order waits while its symbol has no price. Where the panel has no opens, the close of the next bar is used in
    place of its open: nothing fills on the bar that made the signal. A split multiplies the orders that wait.

    A limit order fills at the quote where that is no worse than the limit, and else at the limit, if the bar trades
    through it: a low under the limit of a buyer, a high above that of a seller. A bar that only touches the limit
    does not fill it. A limit between two ticks is brought to one, down for a buyer and up for a seller.

    Parameters
    ----------
    slippage_bps : float
        The price is worse than the quote by so many basis points, but never worse than a limit.
    fee_bps : float
        Fee, in basis points of the amount paid.
    price : str
        The quote that fills: ``open`` or ``close`` of the next bar.
    """

    def __init__(
        self,
        *,
        slippage_bps: NonNegativeFloat = 5.0,
        fee_bps: NonNegativeFloat = 1.0,
        price: Literal["open", "close"] = "open",
    ) -> None:
        self.slippage_bps = slippage_bps
        self.fee_bps = fee_bps
        self.price = price
        self._taken: set[str] = set()
        self._accepted: set[str] = set()
        self._open: dict[str, Order] = {}
        self._news: list[Update] = []
        self._bar = ""
        self._tried: set[str] = set()  # orders that had their turn in this bar

    def submit(self, orders: Sequence[Order]) -> None:
        """Take orders; one whose id was taken before is ignored, even if it has ended."""
        for order in orders:
            if order.id in self._taken:
                continue
            self._taken.add(order.id)
            if reason := self._refusal(order):
                self._news.append(Rejected(order.id, reason))
            else:
                self._open[order.id] = order

    def _refusal(self, order: Order) -> str:
        """Return why an order is rejected; empty where it is not, as here."""
        return ""

    def advance(self, bar: Bar) -> None:
        """Trade a bar; called again for the same bar, only the orders taken since."""
        key = bar_key(bar)
        if key != self._bar:
            self._bar, self._tried = key, set()
            self._begin(bar)
        due = [order for order in self._open.values() if order.bar < key and order.id not in self._tried]
        quoted = quotes(bar, self.price, [order.symbol for order in due])
        for order in due:
            self._tried.add(order.id)
            self._report(order, self._fills(order, bar, quoted[order.symbol]) if order.symbol in quoted else [])

    def _begin(self, bar: Bar) -> None:
        """Split the orders that wait."""
        ratios = splits(bar)
        for name, order in self._open.items():
            if order.symbol in ratios:
                self._open[name] = split_order(order, ratios[order.symbol])

    def _fills(self, order: Order, bar: Bar, quote: float) -> list[Fill]:
        """Return the fills of an order in a bar; their ids name the bar, and from the second on their number."""
        fills, terms = [], bar.instrument
        for number, (quantity, market) in enumerate(self._slices(order, bar, quote)):
            quote, price, shares = market, paid(market, quantity, self.slippage_bps), quantity * terms.multiplier
            if order.limit is not None:
                limit = terms.on_tick(order.limit, quantity)
                quote, price = _limited(limit, quantity, market, price, self._extreme(order, bar))
            if price:
                name = f"{self._bar}/{number}" if number else self._bar
                fills.append(Fill(order.id, name, order.symbol, quantity, price, fee(price, shares, self.fee_bps),
                                  (price - quote) * shares))  # fmt: skip
        return fills

    def _slices(self, order: Order, bar: Bar, quote: float) -> Iterable[tuple[float, float]]:
        """Return the quantities in which an order trades, and the price of the market at each: here one, the whole."""
        return ((order.quantity, quote),)

    def _extreme(self, order: Order, bar: Bar) -> float:
        """Return the price of the bar that is best for the order: its low for a buyer, its high for a seller."""
        name = "close" if self.price == "close" else "low" if order.quantity > 0 else "high"
        return quotes(bar, name, [order.symbol]).get(order.symbol, math.nan)

    def _report(self, order: Order, fills: list[Fill]) -> None:
        """Put the outcome of an order's turn into the news: fills, or else that it waits."""
        filled = sum([fill.quantity for fill in fills])
        if filled != order.quantity and (left := left_of(order.quantity, filled)):
            self._open[order.id] = order._replace(quantity=left)
        else:
            del self._open[order.id]
        if not fills and order.id not in self._accepted:
            self._accepted.add(order.id)
            self._news.append(Accepted(order.id))
        self._news.extend(fills)

    def poll(self) -> Sequence[Update]:
        """Return the reports since the last call."""
        news, self._news = self._news, []
        return news

    def open_orders(self) -> Sequence[Order]:
        """Return the orders that wait, each with the quantity that is left."""
        return tuple(self._open.values())

    def costs(self, bar: Bar) -> np.ndarray:
        """Return the slippage and the fee of a trade in each name, shape (N,), as a fraction of its value."""
        return np.full(len(bar.symbols), (self.slippage_bps + self.fee_bps) * BPS)

    def cancel(self, ids: Sequence[str]) -> None:
        """Forget orders, by id."""
        for name in ids:
            self._open.pop(name, None)

    def cancel_all(self) -> None:
        """Forget all orders."""
        self._open = {}


def _limited(limit: float, quantity: float, quote: float, price: float, extreme: float) -> tuple[float, float]:
    """Return quote and price of a limit order; a price of 0 where the bar does not trade through the limit."""
    side = math.copysign(1.0, quantity)
    if side * (limit - quote) >= 0:
        return quote, side * min(side * price, side * limit)
    return limit, limit if side * (limit - extreme) > 0 else 0.0
