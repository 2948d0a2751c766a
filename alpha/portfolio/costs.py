"""Costs of trading: a price worse than the quote, and a fee."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from alpha.core.panel import Bar

BPS = 1e-4


@runtime_checkable
class Priced(Protocol):
    """A broker that estimates what trading costs."""

    def costs(self, bar: Bar) -> np.ndarray:
        """Return the expected cost of trading each name, shape (N,), as a fraction of the value traded."""


def paid(quote: float, quantity: float, slippage_bps: float) -> float:
    """Return the price per share of a trade, worse than `quote` for the trader by `slippage_bps`."""
    return quote * (1 + slippage_bps * BPS) if quantity > 0 else quote * (1 - slippage_bps * BPS)


def fee(price: float, quantity: float, fee_bps: float) -> float:
    """Return the fee of a trade, in the currency of `price`: `fee_bps` of the value traded."""
    return abs(quantity) * price * fee_bps * BPS
