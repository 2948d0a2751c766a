"""A simulated market with frictions: orders are rejected, bounded by the volume, and filled in parts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt

from alpha.core.nouns import Order
from alpha.core.panel import Bar
from alpha.execution import broker
from alpha.execution.brokers.simulated import simulated
from alpha.execution.events import identifier
from alpha.execution.ledger import quotes

Fraction = Annotated[float, Field(ge=0, le=1)]


@broker
class frictional(simulated):
    """Fill orders as `simulated` does, but in parts, up to a fraction of the volume, and reject some of them.

    The rest of an order waits as long as the order lives. Partial fills, late fills and rejects thus occur in a
    backtest and in tests before a real venue brings them.

    Parameters
    ----------
    slippage_bps, fee_bps : float
    price : str
        See `simulated`.
    participation : float
        The most of a symbol that trades in a bar, as a fraction of its volume, which the data must have.
    parts : int
        Fills in which an order trades; the k-th of n, from 0, at k / n of the way from the quote to the close.
    rejects : float
        Fraction of the orders that are rejected, chosen by `seed` and the order's id.
    seed : int
    """

    def __init__(
        self,
        *,
        slippage_bps: NonNegativeFloat = 5.0,
        fee_bps: NonNegativeFloat = 1.0,
        price: Literal["open", "close"] = "open",
        participation: Fraction = 0.1,
        parts: PositiveInt = 2,
        rejects: Fraction = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(slippage_bps=slippage_bps, fee_bps=fee_bps, price=price)
        self.participation = participation
        self.parts = parts
        self.rejects = rejects
        self.seed = seed
        self._volume: dict[str, float] = {}  # shares that may still trade in this bar, by symbol

    def _refusal(self, order: Order) -> str:
        """Return a reason where an order draws a number below `rejects`; sent again, it draws the same one."""
        drawn = int(identifier(self.seed, order.id), 16) / 16**20
        return f"the market rejects {self.rejects:g} of all orders" if drawn < self.rejects else ""

    def _begin(self, bar: Bar) -> None:
        super()._begin(bar)
        volume = bar["volume"]
        if "raw_close" in bar.fields:  # a volume adjusted for splits, brought back to shares
            volume = volume * (bar["close"] / bar["raw_close"])
        shares = dict(zip(bar.symbols, (volume * self.participation).tolist(), strict=True))
        self._volume = {symbol: most for symbol, most in shares.items() if 0 < most < math.inf}

    def _slices(self, order: Order, bar: Bar, quote: float) -> Iterable[tuple[float, float]]:
        """Yield the parts that the volume allows, at prices on the way from the quote to the close."""
        quantity, done = self._available(order), 0.0
        way = quotes(bar, "close", [order.symbol]).get(order.symbol, quote) - quote
        for number in range(self.parts):
            upto = _whole(quantity * (number + 1) / self.parts, order) if number < self.parts - 1 else quantity
            if upto != done:
                yield round(upto - done, 9), quote + way * number / self.parts
            done = upto

    def _available(self, order: Order) -> float:
        """Return the quantity of an order that the volume of this bar still allows, and take it off the volume."""
        most = self._volume.get(order.symbol, 0.0)
        quantity = order.quantity if abs(order.quantity) <= most else _whole(math.copysign(most, order.quantity), order)
        self._volume[order.symbol] = most - abs(quantity)
        return quantity


def _whole(quantity: float, order: Order) -> float:
    """Return a part of an order, in whole shares where the order is."""
    return round(quantity, 9) if order.quantity % 1 else float(math.trunc(quantity))
