"""Costs of trading: a price worse than the quote, and a fee."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from alpha.core.panel import Bar

BPS = 1e-4


def estimated(broker: object, bar: Bar) -> np.ndarray | None:
    """Return the expected cost of trading each name, shape (N,), as a fraction of the value traded.

    None where the broker has no method ``costs(bar)`` to estimate it.
    """
    costs: Callable[[Bar], np.ndarray | None] | None = getattr(broker, "costs", None)
    return costs(bar) if costs else None


def paid(quote: float, quantity: float, slippage_bps: float) -> float:
    """Return the price per share of a trade, worse than `quote` for the trader by `slippage_bps`."""
    return quote * (1 + slippage_bps * BPS) if quantity > 0 else quote * (1 - slippage_bps * BPS)


def fee(price: float, quantity: float, fee_bps: float) -> float:
    """Return the fee of a trade, in the currency of `price`: `fee_bps` of the value traded."""
    return abs(quantity) * price * fee_bps * BPS
