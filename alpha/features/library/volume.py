"""Traded volume, against its own past and by the direction of the price."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveInt

from alpha.features import feature
from alpha.features.expr import Expr, close, exp, high, log, low, sign, volume, where
from alpha.features.library.oscillators import relative_oscillator
from alpha.features.library.price import typical_price
from alpha.features.operators import corr, delta, ema, lag, mean, std, sum


def _ret() -> Expr:
    return close / lag(close, 1) - 1


@feature
def volume_z(*, window: PositiveInt = 20) -> Expr:
    """Volume less its mean of `window` rows, in standard deviations (ddof 1)."""
    return (volume - mean(volume, window)) / std(volume, window)


@feature
def volume_ratio(*, fast: PositiveInt = 5, slow: PositiveInt = 60) -> Expr:
    """Mean volume of `fast` rows over that of `slow` rows, less 1. A fraction."""
    return mean(volume, fast) / mean(volume, slow) - 1


@feature
def dollar_volume_ratio(*, fast: PositiveInt = 5, slow: PositiveInt = 60) -> Expr:
    """Mean traded value (close x volume) of `fast` rows over that of `slow` rows, less 1. A fraction."""
    value = close * volume
    return mean(value, fast) / mean(value, slow) - 1


@feature
def illiquidity_ratio(*, fast: PositiveInt = 20, slow: PositiveInt = 120) -> Expr:
    """Amihud's |return| / traded value, mean of `fast` rows over that of `slow`, less 1. A fraction (Amihud, 2002)."""
    impact = abs(_ret()) / (close * volume)
    return mean(impact, fast) / mean(impact, slow) - 1


@feature
def up_volume_share(*, window: PositiveInt = 20) -> Expr:
    """Share of the volume of `window` rows traded in rows whose close rose. In [0, 1]."""
    return sum(where(_ret() > 0, volume, 0), window) / sum(volume, window)


@feature
def volume_return_corr(*, window: PositiveInt = 20) -> Expr:
    """Correlation over `window` rows of returns with changes of log volume. In [-1, 1]."""
    return corr(_ret(), delta(log(volume)), window)


@feature
def money_flow(*, window: PositiveInt = 20) -> Expr:
    """Chaikin money flow: volume weighted by where the close lies in the range, in [-1, 1] (Chaikin, 1980s).

    It is the change over `window` rows of the accumulation/distribution line, over the volume of those rows.
    """
    place = where(high > low, (2 * close - high - low) / (high - low), 0)
    return sum(place * volume, window) / sum(volume, window)


@feature
def money_flow_index(*, window: PositiveInt = 14) -> Expr:
    """Share of rising rows in the traded value of `window` rows. In [0, 1] (Quong and Soudack, 1989).

    A row rises where its typical price does; flat rows are left out.
    """
    price = typical_price()
    value = price * volume
    up = sum(where(delta(price) > 0, value, 0), window)
    return up / (up + sum(where(delta(price) < 0, value, 0), window))


@feature
def on_balance_volume(*, window: PositiveInt = 20) -> Expr:
    """Volume of rising less that of falling rows, over that of all `window` rows. In [-1, 1] (Granville, 1963).

    It is the change of the on-balance volume. A row whose close did not change adds nothing; `ta` adds its volume.
    """
    return sum(sign(delta(close)) * volume, window) / sum(volume, window)


@feature
def volume_price_trend(*, window: PositiveInt = 20) -> Expr:
    """Mean one-row return of `window` rows, weighted by volume. A fraction: the change of the volume-price trend."""
    return sum(_ret() * volume, window) / sum(volume, window)


@feature
def negative_volume_index(*, window: PositiveInt = 60) -> Expr:
    """Return of the rows of `window` in which volume fell: the change of the index. A fraction (Dysart, 1936)."""
    return exp(sum(where(delta(volume) < 0, log(close / lag(close, 1)), 0), window)) - 1


@feature
def force_index(*, window: PositiveInt = 13) -> Expr:
    """Average of change times volume, over the close times the average volume. A fraction (Elder, 1993).

    Averages are exponential, of `window` rows.
    """
    return ema(delta(close) * volume, window) / (close * ema(volume, window))


@feature
def ease_of_movement(*, window: PositiveInt = 14) -> Expr:
    """Move of the midpoint times range, over volume; in units of close squared over mean volume (Arms, 1971).

    Mean of `window` rows. A row in which nothing traded counts as no movement.
    """
    move = delta((high + low) / 2)
    ease = where(volume > 0, move * (high - low) / volume, 0)
    return mean(ease, window) * mean(volume, window) / (close * close)


@feature
def vwap_distance(*, window: PositiveInt = 14) -> Expr:
    """Close over the typical price of `window` rows weighted by volume, less 1. A fraction (Berkowitz et al., 1988)."""
    return close * sum(volume, window) / sum(typical_price() * volume, window) - 1


@feature
def pvo(
    *,
    part: Literal["line", "signal", "histogram"] = "histogram",
    fast: PositiveInt = 12,
    slow: PositiveInt = 26,
    signal: PositiveInt = 9,
) -> Expr:
    """Volume oscillator: the `fast` over the `slow` exponential average of the volume, less 1. A fraction.

    The signal is an average of the line, the histogram the line less the signal (Appel's `ppo`, of volume).
    """
    return relative_oscillator(volume, part, fast, slow, signal)
