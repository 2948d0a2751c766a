"""Option volume and implied volatility. These need the fields of the aggregate `options`, and are for daily bars."""

from __future__ import annotations

from pydantic import PositiveFloat, PositiveInt

from alpha.features import feature
from alpha.features.expr import Expr, close, field, log, where
from alpha.features.operators import lag, mean, std, sum

puts, calls = field("option_put_volume"), field("option_call_volume")
open_puts, open_calls = field("option_put_open_interest"), field("option_call_open_interest")
iv, skew, term = field("option_iv"), field("option_iv_skew"), field("option_iv_term")
UNKNOWN = float("nan")


@feature
def put_call_volume(*, window: PositiveInt = 5) -> Expr:
    """Puts traded in `window` rows over calls traded; rows without a chain are left out (Pan and Poteshman, 2006).

    NaN where no call was traded.
    """
    bought = sum(calls, window, min_periods=1)
    return where(bought > 0, sum(puts, window, min_periods=1) / bought, UNKNOWN)


@feature
def put_call_open_interest() -> Expr:
    """Open interest in puts over that in calls; NaN where no call is open (Billingsley and Chance, 1988)."""
    return where(open_calls > 0, open_puts / open_calls, UNKNOWN)


@feature
def implied_vol_level() -> Expr:
    """Implied volatility at the money in 30 days. A fraction a year (Black, 1976)."""
    return iv


@feature
def implied_vol_change(*, window: PositiveInt = 5) -> Expr:
    """Implied volatility over what it was `window` rows ago, less 1. A fraction (An, Ang, Bali and Cakici, 2014)."""
    return iv / lag(iv, window) - 1


@feature
def implied_vol_skew() -> Expr:
    """Implied volatility of the 25-delta put less that of the call, in 30 days. A fraction a year (Xing, 2010)."""
    return skew


@feature
def implied_vol_term() -> Expr:
    """Implied volatility at the money in 90 days less that in 30. A fraction a year (Vasquez, 2017)."""
    return term


@feature
def iv_minus_realised(*, window: PositiveInt = 20, per_year: PositiveFloat = 252.0) -> Expr:
    """Implied volatility less the standard deviation of `window` one-row returns times sqrt(`per_year`).

    The premium paid for protection: a fraction a year (Bali and Hovakimian, 2009).
    """
    return iv - std(close / lag(close, 1) - 1, window) * per_year**0.5


@feature
def unusual_option_volume(*, window: PositiveInt = 60) -> Expr:
    """Logarithm of (1 + contracts traded), less its mean in the `window` rows before, in standard deviations (ddof 1).

    A quarter of those rows must have a chain, 2 at least. NaN where all were equal (cf. Johnson and So, 2012).
    """
    traded = log(1 + puts + calls)
    before, enough = lag(traded, 1), max(2, window // 4)
    usual = std(before, window, min_periods=enough)
    return where(usual > 0, (traded - mean(before, window, min_periods=enough)) / usual, UNKNOWN)
