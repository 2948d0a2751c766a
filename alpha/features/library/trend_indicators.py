"""Indicators of trend. Levels are given over the close, so that they are pure numbers; percents are fractions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from alpha.core.errors import ConfigError
from alpha.features import feature
from alpha.features.expr import Expr, close, high, low, maximum, where
from alpha.features.library.oscillators import place_in_range
from alpha.features.library.volatility import true_range
from alpha.features.operators import apply, argmax, argmin, delta, ema, lag, max, mean, min, pct_change, sum, wilder

_KST = ((1, 10, 10), (2, 15, 10), (3, 20, 10), (4, 30, 15))  # weight, rate of change, mean of it


def _directional(window: int) -> tuple[Expr, Expr]:
    up, down = delta(high), -delta(low)
    spread = wilder(true_range(), window, seed="mean")
    moves = where(up > down, maximum(up, 0), 0), where(down > up, maximum(down, 0), 0)
    plus, minus = (where(spread > 0, wilder(move, window, seed="mean") / spread, 0) for move in moves)
    return plus, minus


@feature
def directional(*, part: Literal["plus", "minus"] = "plus", window: PositiveInt = 14) -> Expr:
    """Directional indicator +DI or -DI, in [0, 1]: average directional move over average true range (Wilder, 1978).

    A row moves in the direction in which its range reaches further beyond that of the last; averages are Wilder's,
    begun with a mean of `window` rows.
    """
    plus, minus = _directional(window)
    return plus if part == "plus" else minus


@feature
def adx(*, window: PositiveInt = 14) -> Expr:
    """Average directional index, in [0, 1]: Wilder's average of |+DI - -DI| / (+DI + -DI) (Wilder, 1978).

    First known after 2 x `window` rows, where `ta` shows zeros.
    """
    plus, minus = _directional(window)
    total = plus + minus
    return wilder(where(total > 0, abs(plus - minus) / total, 0), window, seed="mean")


@feature
def aroon(*, part: Literal["up", "down", "oscillator"] = "oscillator", window: PositiveInt = 25) -> Expr:
    """Recency of the greatest high (up) or the least low (down) of `window` + 1 rows; up less down (Chande, 1995).

    In [0, 1]: 1 is now, 0 is `window` rows ago; of equals, the earliest counts. The oscillator is in [-1, 1].
    """
    up = 1 - argmax(high, window + 1) / window
    down = 1 - argmin(low, window + 1) / window
    return {"up": up, "down": down, "oscillator": up - down}[part]


@feature
def vortex(*, part: Literal["plus", "minus", "difference"] = "difference", window: PositiveInt = 14) -> Expr:
    """Vortex indicator: sum over `window` rows of |high - last low| (plus) or |low - last high| (minus), over that of
    the true range; their difference (Botes and Siepman, 2010). A ratio."""
    spread = sum(true_range(), window)
    plus = sum(abs(high - lag(low, 1)), window) / spread
    minus = sum(abs(low - lag(high, 1)), window) / spread
    return {"plus": plus, "minus": minus, "difference": plus - minus}[part]


@feature
def trix(*, window: PositiveInt = 15) -> Expr:
    """One-row return of the close smoothed by three exponential averages. A fraction (Hutson, 1983)."""
    return pct_change(ema(ema(ema(close, window), window), window))


@feature
def mass_index(*, fast: PositiveInt = 9, slow: PositiveInt = 25) -> Expr:
    """Sum over `slow` rows of the average range over its own average, each of `fast` rows (Dorsey, 1992).

    A pure number near `slow`; a bulge says that ranges widen.
    """
    average = ema(high - low, fast)
    return sum(average / ema(average, fast), slow)


@feature
def detrended_price(*, window: PositiveInt = 20) -> Expr:
    """Close of `window` // 2 + 1 rows ago less the mean of the last `window` closes, over the close. A fraction.

    The detrended price oscillator, drawn when it is known and not where its cycle was.
    """
    return (lag(close, window // 2 + 1) - mean(close, window)) / close


@feature
def kst(*, part: Literal["line", "signal", "histogram"] = "line", signal: PositiveInt = 9) -> Expr:
    """Know sure thing: 1, 2, 3 and 4 x the mean returns over 10, 15, 20 and 30 rows. A fraction (Pring, 1992).

    Means are of 10, 10, 10 and 15 rows; the signal is the mean of `signal` rows of the line. All are first known when
    their windows are full, where `ta` fills with the mean of the whole series.
    """
    line, *rest = (weight * mean(pct_change(close, rows), window) for weight, rows, window in _KST)
    for term in rest:
        line = line + term
    average = mean(line, signal)
    return {"line": line, "signal": average, "histogram": line - average}[part]


@feature
def schaff_trend_cycle(
    *, fast: PositiveInt = 23, slow: PositiveInt = 50, cycle: PositiveInt = 10, smooth: PositiveInt = 3
) -> Expr:
    """Where the MACD line lies in its range of `cycle` rows, smoothed, and that in its own again. In [0, 1].

    (Schaff, 1999.) Smoothing is by exponential averages of `smooth` rows. Unknown where the line does not move, as in a
    halt; where the first place does not move, at an end of its range, it stays there.
    """
    first = ema(place_in_range(ema(close, fast) - ema(close, slow), cycle, close), smooth)
    floor = min(first, cycle)
    spread = max(first, cycle) - floor
    return ema(where(spread > 0, (first - floor) / spread, first), smooth)


@feature
def ichimoku(
    *,
    part: Literal["conversion", "base", "span_a", "span_b"] = "base",
    conversion: PositiveInt = 9,
    base: PositiveInt = 26,
    span: PositiveInt = 52,
) -> Expr:
    """Line of the Ichimoku cloud over the close, when it is known: not moved forward (Hosoda, 1969). A fraction.

    Conversion, base and span B are midway between least low and greatest high of their rows; span A is midway between
    conversion and base.
    """

    def midway(window: int) -> Expr:
        return (max(high, window) + min(low, window)) / 2

    if part == "span_a":
        return (midway(conversion) + midway(base)) / 2 / close
    return midway({"conversion": conversion, "base": base, "span_b": span}[part]) / close


@feature
def parabolic_sar(
    *, window: Annotated[int, Field(ge=2)] = 100, step: PositiveFloat = 0.02, most: PositiveFloat = 0.2
) -> Expr:
    """Wilder's parabolic stop and reverse over the close, begun `window` rows ago. A fraction (Wilder, 1978).

    Below 1 in a rise, above 1 in a fall. The stop moves toward the extreme of the trend by a share that grows by
    `step` at each new extreme, up to `most`, and never into the range of the last two rows. The original remembers for
    ever; begun 100 rows ago it has nearly always forgotten its start.
    """
    if step > most:
        raise ConfigError(f"step must not exceed most ({most}); it was {step}", code="bad_parameter")
    return apply(stop_and_reverse, high, low, window=window, params=(step, most), unit=1.0) / close


def stop_and_reverse(high: np.ndarray, low: np.ndarray, step: float, most: float) -> Any:
    """Return the stop of the last row, shape (N,): a price, known at its close; NaN where the window has a hole."""
    from alpha.features.engine.parabolic import stops  # numba takes a second to import

    return stops(high, low, step, most)
