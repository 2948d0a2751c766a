"""Overlays: changes to the weights that a policy wants, applied before the limits in the order listed.

Each takes and returns weights of shape (N,), fractions of equity. None turns the sign of a weight, and a name that is
wanted at zero stays at zero.
"""

from __future__ import annotations

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat

from alpha.portfolio import overlay
from alpha.portfolio.view import View, needs_risk


@overlay
def no_trade_band(weights: np.ndarray, view: View, *, width: NonNegativeFloat = 0.005) -> np.ndarray:
    """Trade each name only to the edge of a band of `width` on either side of its weight.

    With proportional costs that is the best rule (Davis and Norman, 1990). A name wanted at zero is closed, and the
    band never reaches the other side of zero.
    """
    low, high = weights - width, weights + width
    band = np.where(weights > 0, np.maximum(low, 0.0), low), np.where(weights < 0, np.minimum(high, 0.0), high)
    return np.where(weights == 0, 0.0, np.clip(view.held, *band))


@overlay
@needs_risk
def volatility_target(
    weights: np.ndarray,
    view: View,
    *,
    annual: PositiveFloat = 0.1,
    bars_per_year: PositiveFloat = 252.0,
    most: PositiveFloat = 2.0,
) -> np.ndarray:
    """Scale the weights so that the expected volatility of the book is `annual`, by a factor of at most `most`.

    Moreira and Muir (2017). The estimate is that of the book as it would be held: positions that cannot be traded now
    are in it at their own weight.

    Parameters
    ----------
    annual : float
        Standard deviation of the return of a year, as a fraction.
    bars_per_year : float
        Bars in a year.
    most : float
        The largest factor.
    """
    book = np.where(view.stuck, view.held, weights)
    with np.errstate(all="ignore"):  # weights too large to square are scaled to nothing
        expected = np.sqrt(book @ view.required_risk().cov @ book * bars_per_year)
        factor = min(most, annual / expected) if expected > 0 else most if expected == 0 else 0.0
    return weights * factor
