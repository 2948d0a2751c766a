"""Classic oscillators. Each equals the `ta` package's to 1e-9, as a fraction where that has percent or price."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from alpha.features import feature
from alpha.features.expr import Expr, close, high, is_finite, low, maximum, where
from alpha.features.operators import delta, ema, max, mean, min, std, wilder


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
