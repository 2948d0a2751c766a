"""Option prices and volatilities by Black (1976): on the forward, so that rates and dividends are in it already."""

from __future__ import annotations

import numpy as np

SPREADS = (1e-6, 20.0)
"""Volatility x sqrt(years) that is searched: below, nothing has time value; above, everything is worth its bound."""


def price(forward: np.ndarray, strike: np.ndarray, spread: np.ndarray, call: np.ndarray) -> np.ndarray:
    """Return the undiscounted price of European options, elementwise.

    Parameters
    ----------
    spread : array
        Volatility times the square root of the time left, in years: a pure number.
    call : bool array
        False: a put.
    """
    from scipy.special import ndtr  # here, as this module is imported whenever there are market data

    d1 = np.log(forward / strike) / spread + spread / 2
    side = np.where(call, 1.0, -1.0)
    return side * (forward * ndtr(side * d1) - strike * ndtr(side * (d1 - spread)))


def delta(forward: np.ndarray, strike: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return the delta of a call in the forward, in (0, 1); that of the put is less by 1."""
    from scipy.special import ndtr

    return ndtr(np.log(forward / strike) / spread + spread / 2)


def implied_spread(value: np.ndarray, forward: np.ndarray, strike: np.ndarray, call: np.ndarray) -> np.ndarray:
    """Return the volatility times sqrt(years) at which `price` is `value`; NaN where none is.

    There is one wherever the price lies above what the option is worth at once and below what it can be worth at most
    (the forward for a call, the strike for a put). Found by bracketing (Chandrupatla, 1997), so that it converges for
    options far from the money too, where Newton's method does not.
    """
    from scipy.optimize.elementwise import find_root

    least, most = np.maximum(np.where(call, forward - strike, strike - forward), 0), np.where(call, forward, strike)
    value = np.where((least < value) & (value < most), value, np.nan)
    found = find_root(lambda spread, *of: price(of[0], of[1], spread, of[2] > 0) - of[3], SPREADS,
                      args=(forward, strike, np.where(call, 1.0, 0.0), value))  # fmt: skip
    return np.where(found.success, found.x, np.nan)
