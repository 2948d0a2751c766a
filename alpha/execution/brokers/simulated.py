"""A market that fills every order at the next price, with slippage and a fee."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat

from alpha.core.nouns import Fill, Order
from alpha.core.panel import Bar
from alpha.execution import broker
from alpha.execution.corporate import splits
from alpha.execution.events import bar_key
from alpha.execution.ledger import quotes, split_order
from alpha.portfolio.costs import BPS, fee, paid


@broker
class simulated:
    """Fill each order at the first price of a later bar than the one that made it.

    An order waits while its symbol has no price. Where the panel has no opens, the close of the next bar stands
    in for its open: nothing ever fills on the bar that made the signal. A split multiplies what is waiting.

    Parameters
    ----------
    slippage_bps : float
        The price is worse than the quote by so many basis points.
    fee_bps : float
        Fee, in basis points of what was paid.
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
        self._open: dict[str, Order] = {}
        self._settled = ""

    def submit(self, orders: Sequence[Order]) -> None:
        """Take orders; one whose id was taken before is ignored, filled or not."""
        for order in orders:
            if order.id not in self._taken:
                self._taken.add(order.id)
                self._open[order.id] = order

    def settle(self, bar: Bar) -> Sequence[Fill]:
        """Return the fills of this bar; asked again for the same bar, those of orders taken since."""
        key = bar_key(bar)
        if key != self._settled:
            self._settled = key
            self._split(bar)
        quoted = quotes(bar, self.price, [order.symbol for order in self._open.values()])
        due = [order for order in self._open.values() if order.bar < key and order.symbol in quoted]
        for order in due:
            del self._open[order.id]
        return [self._fill(order, key, quoted[order.symbol]) for order in due]

    def _split(self, bar: Bar) -> None:
        ratios = splits(bar)
        for name, order in self._open.items():
            if order.symbol in ratios:
                self._open[name] = split_order(order, ratios[order.symbol])

    def _fill(self, order: Order, bar: str, quote: float) -> Fill:
        price = paid(quote, order.quantity, self.slippage_bps)
        cost = fee(price, order.quantity, self.fee_bps)
        return Fill(order.id, bar, order.symbol, order.quantity, price, cost, (price - quote) * order.quantity)

    def open_orders(self) -> Sequence[Order]:
        """Return what waits for a price."""
        return tuple(self._open.values())

    def cancel_all(self) -> Sequence[Order]:
        """Forget what waits, and return it."""
        cancelled, self._open = tuple(self._open.values()), {}
        return cancelled

    def costs(self, bar: Bar) -> np.ndarray:
        """Return the slippage and the fee of a trade in each name, shape (N,), as a fraction of its value."""
        return np.full(len(bar.symbols), (self.slippage_bps + self.fee_bps) * BPS)
