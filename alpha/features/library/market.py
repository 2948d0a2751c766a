"""The market as a whole (the mean over tradable symbols), and each symbol against it."""

from __future__ import annotations

from pydantic import PositiveInt

from alpha.features import feature
from alpha.features.expr import Expr, close, sqrt
from alpha.features.operators import corr, cov, cs_demean, cs_mean, lag, mean, std, sum, var


def _ret(window: int = 1) -> Expr:
    return close / lag(close, window) - 1


@feature
def market_return(*, window: PositiveInt = 20) -> Expr:
    """Mean over the tradable symbols of the return over `window` rows, the same for all. A fraction."""
    return cs_mean(_ret(window))


@feature
def market_volatility(*, window: PositiveInt = 20) -> Expr:
    """Standard deviation over `window` rows of the market's one-row return, the same for all. A fraction a row."""
    return std(cs_mean(_ret()), window)


@feature
def dispersion(*, window: PositiveInt = 5) -> Expr:
    """Standard deviation across symbols (ddof 0) of the return over `window` rows, the same for all. A fraction."""
    apart = cs_demean(_ret(window))
    return sqrt(cs_mean(apart * apart))


@feature
def breadth(*, window: PositiveInt = 50) -> Expr:
    """Share of the tradable symbols that close above their mean of `window` rows, the same for all. In [0, 1]."""
    return cs_mean(close > mean(close, window))


@feature
def relative_return(*, window: PositiveInt = 20) -> Expr:
    """Return over `window` rows less the market's. A fraction."""
    return _ret(window) - cs_mean(_ret(window))


@feature
def beta(*, window: PositiveInt = 60) -> Expr:
    """Slope of the symbol's one-row returns on the market's over `window` rows (Sharpe, 1964)."""
    market = cs_mean(_ret())
    return cov(_ret(), market, window) / var(market, window)


@feature
def market_correlation(*, window: PositiveInt = 60) -> Expr:
    """Correlation of the symbol's one-row returns with the market's over `window` rows. In [-1, 1]."""
    return corr(_ret(), cs_mean(_ret()), window)


@feature
def residual_vol(*, window: PositiveInt = 60) -> Expr:
    """Standard deviation over `window` rows of the return less the market's. A fraction a row (Ang et al., 2006)."""
    return std(_ret() - cs_mean(_ret()), window)


@feature
def residual_reversal(*, window: PositiveInt = 5) -> Expr:
    """Minus the sum over `window` rows of the return less the market's. A fraction (Blitz et al., 2013)."""
    return -sum(_ret() - cs_mean(_ret()), window)
