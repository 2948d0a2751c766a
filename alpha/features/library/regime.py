"""The state of the market: expected volatility, trend, correlation of its symbols, sectors and regimes.

Those of ``vix`` and ``vix3m`` need these fields, in points; those of sectors need the panel's group ``sector``. The
market is the mean over tradable symbols.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from alpha.features import feature
from alpha.features.expr import Expr, close, field, log, time
from alpha.features.library.momentum import momentum
from alpha.features.operators import (
    apply,
    cs_demean,
    cs_mean,
    cs_std,
    delta,
    group,
    lag,
    mean,
    pct_change,
    rank,
    std,
    var,
)  # fmt: skip
from alpha.features.regimes import MONTH, markov_turbulence, mixture_turbulence

vix, vix3m = field("vix"), field("vix3m")
Fit = Annotated[int, Field(ge=60)]


@feature
def vix_level() -> Expr:
    """The VIX as a fraction a year (20 points are 0.2; Whaley, 2000), the same for all."""
    return vix / 100


@feature
def vix_change(*, window: PositiveInt = 5) -> Expr:
    """VIX over its value `window` rows ago, less 1, the same for all. A fraction."""
    return vix / lag(vix, window) - 1


@feature
def vix_z(*, window: PositiveInt = 252) -> Expr:
    """VIX less its mean of `window` rows, in standard deviations (ddof 1), the same for all."""
    return (vix - mean(vix, window)) / std(vix, window)


@feature
def vix_percentile(*, window: PositiveInt = 252) -> Expr:
    """Rank of the VIX among its last `window` values, the same for all. In (0, 1]."""
    return rank(vix, window)


@feature
def vix_term() -> Expr:
    """VIX of three months over that of one, less 1: below 0 in a fright. The same for all (Johnson, 2017)."""
    return vix3m / vix - 1


@feature
def variance_premium(*, window: PositiveInt = 20) -> Expr:
    """Variance a year that the VIX expects, less that of the market over `window` rows, 252 a year.

    The same for all (Bollerslev, Tauchen and Zhou, 2009).
    """
    expected = vix / 100
    return expected * expected - 252 * var(_market(), window)


@feature
def market_trend(*, window: PositiveInt = 120) -> Expr:
    """Mean over `window` rows of the market's return, in standard errors of that mean, the same for all."""
    return mean(_market(), window) / std(_market(), window) * window**0.5


@feature
def market_volatility_percentile(*, fast: PositiveInt = 20, window: PositiveInt = 252) -> Expr:
    """Rank of the market's volatility of `fast` rows among its last `window` values, the same for all. In (0, 1]."""
    return rank(std(_market(), fast), window)


@feature
def average_correlation(*, window: PositiveInt = 60) -> Expr:
    """Variance of the market over the mean variance of its symbols, over `window` rows, the same for all.

    About the mean correlation of pairs: from 1 / N, where N symbols move apart, to 1 (Pollet and Wilson, 2010).
    """
    return var(_market(), window) / cs_mean(var(pct_change(close), window))


@feature
def correlation_change(*, fast: PositiveInt = 20, slow: PositiveInt = 120) -> Expr:
    """`average_correlation` of `fast` rows less that of `slow` rows, the same for all."""
    return average_correlation(window=fast) - average_correlation(window=slow)


@feature
def dispersion_percentile(*, window: PositiveInt = 5, past: PositiveInt = 252) -> Expr:
    """Rank of the deviation across symbols of the return over `window` rows among its last `past` values. In (0, 1].

    The same for all.
    """
    return rank(cs_std(pct_change(close, window)), past)


@feature
def sector_strength(*, window: PositiveInt = 120) -> Expr:
    """Mean return of the sector over `window` rows less the market's. A fraction (Moskowitz and Grinblatt, 1999)."""
    return _strength(window)


@feature
def sector_rotation(*, window: PositiveInt = 20) -> Expr:
    """`sector_strength` of the last `window` rows less that of the `window` rows before. A fraction."""
    return delta(_strength(window), window)


@feature
def sector_dispersion(*, window: PositiveInt = 20) -> Expr:
    """Deviation across symbols of their sectors' mean return over `window` rows, the same for all. A fraction."""
    return cs_std(_sector(window))


@feature
def relative_to_sector(*, window: PositiveInt = 20) -> Expr:
    """Return over `window` rows less the mean of the symbol's sector. A fraction."""
    return cs_demean(pct_change(close, window), by=group("sector"))


@feature
def mixture_regime(*, fit: Fit = 252, volatility: PositiveInt = 10) -> Expr:
    """Chance that the market is in the more volatile of two normal mixtures, the same for all. In [0, 1].

    The mixture is of the market's mean return over `volatility` rows and the logarithm of its deviation over them. It
    is fitted at the start of each month to the `fit` rows before; a row is judged by the data known at its
    close (Hamilton, 1994, ch. 22).
    """
    market = _market()
    return apply(mixture_turbulence, mean(market, volatility), log(std(market, volatility)), time,
                 window=fit + MONTH, params=(fit,))  # fmt: skip


@feature
def markov_regime(*, fit: Fit = 252) -> Expr:
    """Chance that the market is in the more volatile of two Markov states, filtered, the same for all. In [0, 1].

    Each state has a mean and a variance; fitted at the start of each month to the `fit` rows before, and carried
    forward a row at a time with these parameters (Hamilton, 1989).
    """
    return apply(markov_turbulence, _market(), time, window=fit + MONTH, params=(fit,))


@feature
def regime_scaled(
    *,
    window: PositiveInt = 252,
    skip: NonNegativeInt = 21,
    regime: Literal["markov", "mixture"] = "markov",
    fit: Fit = 252,
) -> Expr:
    """`momentum` times the chance that the market is calm: it fails in turbulence. (Daniel and Moskowitz, 2016)."""
    turbulent = markov_regime(fit=fit) if regime == "markov" else mixture_regime(fit=fit)
    return momentum(window=window, skip=skip) * (1 - turbulent)


@feature
def volatility_scaled(*, window: PositiveInt = 120, volatility: PositiveInt = 60) -> Expr:
    """Return over `window` rows in standard deviations of it (Moskowitz, Ooi and Pedersen, 2012)."""
    return pct_change(close, window) / (std(pct_change(close), volatility) * window**0.5)


def _market() -> Expr:
    return cs_mean(pct_change(close))


def _sector(window: int) -> Expr:
    return cs_mean(pct_change(close, window), by=group("sector"))


def _strength(window: int) -> Expr:
    return _sector(window) - cs_mean(pct_change(close, window))
