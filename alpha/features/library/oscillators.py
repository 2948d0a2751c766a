"""Classic oscillators. Each equals the `ta` package's to 1e-9, as a fraction where that has percent or price."""

from __future__ import annotations

from math import nan
from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from alpha.features import feature
from alpha.features.expr import Expr, close, expr, high, is_finite, low, maximum, minimum, where
from alpha.features.library.price import typical_price
from alpha.features.library.volatility import true_range
from alpha.features.operators import adaptive, delta, ema, lag, max, mean, mean_deviation, min, power, std, sum, wilder


@feature
def rsi(*, window: PositiveInt = 14) -> Expr:
    """Relative strength index, in [0, 1] (Wilder, 1978): average gain over average gain plus average loss.

    As in `ta`, a row without a previous close counts as no change, and with no loss at all the index is 1.
    """
    change = where(is_finite(delta(close)), delta(close), 0 * close)
    gain, loss = wilder(maximum(change, 0), window), wilder(maximum(-change, 0), window)
    return where(loss > 0, gain / (gain + loss), 1)


@feature
def macd(
    *,
    part: Literal["line", "signal", "histogram"] = "histogram",
    fast: PositiveInt = 12,
    slow: PositiveInt = 26,
    signal: PositiveInt = 9,
) -> Expr:
    """Moving average convergence divergence, over the close. A fraction (Appel, 1979).

    The line is the `fast` less the `slow` exponential average of the close, the signal an average of the
    line, the histogram the line less the signal.
    """
    line = ema(close, fast) - ema(close, slow)
    average = ema(line, signal)
    return {"line": line, "signal": average, "histogram": line - average}[part] / close


@feature
def bollinger_b(*, window: PositiveInt = 20, deviations: PositiveFloat = 2.0) -> Expr:
    """Where the close lies between the lower (0) and the upper (1) Bollinger band (Bollinger, 1980s)."""
    reach = deviations * std(close, window, ddof=0)
    return (close - (mean(close, window) - reach)) / (2 * reach)


@feature
def bollinger_width(*, window: PositiveInt = 20, deviations: PositiveFloat = 2.0) -> Expr:
    """Distance of the Bollinger bands over the mean close. A fraction."""
    return 2 * deviations * std(close, window, ddof=0) / mean(close, window)


@feature
def stochastic_k(*, window: PositiveInt = 14) -> Expr:
    """Where the close lies between the least low (0) and the greatest high (1) of `window` rows (Lane, 1950s)."""
    floor = min(low, window)
    return (close - floor) / (max(high, window) - floor)


@feature
def stochastic_d(*, window: PositiveInt = 14, smooth: PositiveInt = 3) -> Expr:
    """Mean of the last `smooth` values of `stochastic_k`. In [0, 1]."""
    return mean(stochastic_k(window=window), smooth)


def place_in_range(x: Expr, window: int, unit: Expr | float = 1.0) -> Expr:
    """Return where `x` lies in its range of `window` rows, in [0, 1]; NaN where that is less than 1e-9 of `unit`.

    A range so narrow is a rounding error.
    """
    floor = min(x, window)
    spread = max(x, window) - floor
    return where(spread > 1e-9 * expr(unit), (x - floor) / spread, nan)


@feature
def stochastic_rsi(
    *, part: Literal["raw", "k", "d"] = "raw", window: PositiveInt = 14, smooth: PositiveInt = 3
) -> Expr:
    """Where the RSI of `window` rows lies in its own range of `window` rows, in [0, 1] (Chande and Kroll, 1994).

    K is the mean of its last `smooth` values, D the mean of the last `smooth` values of K. Unknown where the RSI does
    not move, as in a halt.
    """
    place = place_in_range(rsi(window=window), window)
    for _ in range(("raw", "k", "d").index(part)):
        place = mean(place, smooth)
    return place


@feature
def williams_r(*, window: PositiveInt = 14) -> Expr:
    """Distance of the close below the greatest high, over the range of `window` rows. In [-1, 0] (Williams, 1973)."""
    top = max(high, window)
    return (close - top) / (top - min(low, window))


@feature
def cci(*, window: PositiveInt = 20, constant: PositiveFloat = 0.015) -> Expr:
    """Commodity channel index: typical price less its mean, over `constant` mean deviations (Lambert, 1980).

    A ratio; most values lie in [-100, 100].
    """
    price = typical_price()
    return (price - mean(price, window)) / (constant * mean_deviation(price, window))


@feature
def tsi(*, slow: PositiveInt = 25, fast: PositiveInt = 13) -> Expr:
    """True strength index: the change of the close over its absolute value, both averaged twice (Blau, 1991).

    In [-1, 1]; averages are exponential, of `slow` and then of `fast` rows.
    """
    return ema(ema(delta(close), slow), fast) / ema(ema(abs(delta(close)), slow), fast)


@feature
def ultimate_oscillator(*, fast: PositiveInt = 7, medium: PositiveInt = 14, slow: PositiveInt = 28) -> Expr:
    """Buying pressure over true range in three windows, weighted 4, 2 and 1. In [0, 1] (Williams, 1985).

    Buying pressure is the close less the lesser of the low and the last close.
    """
    pressure, spread = close - minimum(low, lag(close, 1)), true_range()
    short, middle, long = (sum(pressure, window) / sum(spread, window) for window in (fast, medium, slow))
    return (4 * short + 2 * middle + long) / 7


@feature
def awesome_oscillator(*, fast: PositiveInt = 5, slow: PositiveInt = 34) -> Expr:
    """Mean midpoint of the range over `fast` rows less that over `slow` rows, over the close. A fraction (Williams)."""
    midpoint = (high + low) / 2
    return (mean(midpoint, fast) - mean(midpoint, slow)) / close


@feature
def ppo(
    *,
    part: Literal["line", "signal", "histogram"] = "histogram",
    fast: PositiveInt = 12,
    slow: PositiveInt = 26,
    signal: PositiveInt = 9,
) -> Expr:
    """Price oscillator: the `fast` over the `slow` exponential average of the close, less 1. A fraction (Appel).

    The signal is an average of the line, the histogram the line less the signal: `macd` in relative terms.
    """
    return relative_oscillator(close, part, fast, slow, signal)


def relative_oscillator(x: Expr, part: str, fast: int, slow: int, signal: int) -> Expr:
    """Return the `fast` over the `slow` average of `x` less 1, an average of that, or the difference of the two."""
    line = ema(x, fast) / ema(x, slow) - 1
    average = ema(line, signal)
    return {"line": line, "signal": average, "histogram": line - average}[part]


@feature
def kama_distance(*, window: PositiveInt = 10, fast: PositiveInt = 2, slow: PositiveInt = 8) -> Expr:
    """Close over its adaptive moving average, less 1. A fraction (Kaufman, 1995).

    Efficiency is the change over `window` rows over the sum of absolute moves (0 where none); the weight moves with it
    from that of an exponential average of `slow` rows to that of `fast` rows, and is squared. Kaufman's `slow` is 30:
    it takes up to 6,635 rows to forget its start, the default 556.
    """
    slowest, fastest = 2 / (slow + 1), 2 / (fast + 1)
    way = sum(abs(delta(close)), window)
    efficiency = where(way > 0, abs(delta(close, window)) / way, 0)
    weight = power(efficiency * (fastest - slowest) + slowest, 2)
    return close / adaptive(close, weight, slowest=slowest**2) - 1
