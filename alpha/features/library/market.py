"""The market as a whole (the mean over tradable symbols), and each symbol against it."""

from __future__ import annotations

from math import nan
from typing import Annotated

from pydantic import Field, PositiveInt

from alpha.features import feature
from alpha.features.expr import Expr, close, maximum, sqrt, where
from alpha.features.operators import beta as slope_on
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
def downside_beta(*, window: Annotated[int, Field(ge=10)] = 120) -> Expr:
    """`beta` over those of `window` rows in which the market fell; needs a fifth of them (Ang, Chen and Xing, 2006)."""
    market = cs_mean(_ret())
    return slope_on(_ret(), where(market < 0, market, nan), window, min_periods=window // 5)


@feature
def coskewness(*, window: Annotated[int, Field(ge=3)] = 120) -> Expr:
    """Coskewness with the market, in standard deviations: above 0 where a symbol gains when the market moves much.

    E[e m^2] / (sqrt(E[e^2]) E[m^2]) over `window` rows, of the market's return m less its mean and the residual e of
    the symbol's return on it (Harvey and Siddique, 2000).
    """
    own, market = _ret(), cs_mean(_ret())
    square, centre = market * market, 2 * mean(market, window)
    variance, shared = var(market, window, ddof=0), cov(own, market, window, ddof=0)
    with_square = cov(own, square, window, ddof=0) - centre * shared
    market_third = cov(market, square, window, ddof=0) - centre * variance
    residual = var(own, window, ddof=0) - shared * shared / variance
    return (with_square - shared / variance * market_third) / (sqrt(maximum(residual, 0)) * variance)


@feature
def idiosyncratic_vol(*, window: Annotated[int, Field(ge=3)] = 60) -> Expr:
    """Standard deviation of the residuals of the return on the market's over `window` rows (ddof 2).

    A fraction a row (Ang, Hodrick, Xing and Zhang, 2006, with the market as the only factor).
    """
    market = cs_mean(_ret())
    shared = cov(_ret(), market, window)
    rest = var(_ret(), window) - shared * shared / var(market, window)
    return sqrt(maximum(rest, 0) * ((window - 1) / (window - 2)))


@feature
def residual_vol(*, window: PositiveInt = 60) -> Expr:
    """Standard deviation over `window` rows of the return less the market's. A fraction a row (Ang et al., 2006)."""
    return std(_ret() - cs_mean(_ret()), window)


@feature
def residual_reversal(*, window: PositiveInt = 5) -> Expr:
    """Minus the sum over `window` rows of the return less the market's. A fraction (Blitz et al., 2013)."""
    return -sum(_ret() - cs_mean(_ret()), window)
