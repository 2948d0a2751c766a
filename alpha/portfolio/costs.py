"""What trading costs: a price worse than the quote, and a fee."""

from __future__ import annotations

BPS = 1e-4


def paid(quote: float, quantity: float, slippage_bps: float) -> float:
    """Return the price per share of a trade, worse than `quote` for the trader by `slippage_bps`."""
    return quote * (1 + slippage_bps * BPS) if quantity > 0 else quote * (1 - slippage_bps * BPS)


def fee(price: float, quantity: float, fee_bps: float) -> float:
    """Return the fee of a trade, in the quote currency: `fee_bps` of what changed hands."""
    return abs(quantity) * price * fee_bps * BPS
