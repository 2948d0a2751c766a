"""Price channels. A level is given over the close, so that it is a pure number: times the close it is that of `ta`."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from alpha.features import feature
from alpha.features.expr import Expr, close, high, low
from alpha.features.library.price import typical_price
from alpha.features.library.volatility import atr
from alpha.features.operators import ema, max, mean, min

Part = Literal["position", "width", "lower", "middle", "upper"]


@feature
def keltner(
    *, part: Part = "position", window: PositiveInt = 20, atr_window: PositiveInt = 10, multiple: PositiveFloat = 2.0
) -> Expr:
    """Keltner channel as it is drawn today (Raschke, 1980s): exponential average of the close +- `multiple` x ATR.

    The position of the close is 0 at the lower line and 1 at the upper; the width is a fraction of the middle line,
    the lines are fractions of the close.
    """
    middle, reach = ema(close, window), multiple * atr(window=atr_window) * close
    return _part(part, middle - reach, middle, middle + reach, base=middle)


@feature
def keltner_original(*, part: Part = "position", window: PositiveInt = 20) -> Expr:
    """Keltner channel as he drew it: mean typical price +- mean range of `window` rows (Keltner, 1960)."""
    middle, reach = mean(typical_price(), window), mean(high - low, window)
    return _part(part, middle - reach, middle, middle + reach, base=middle)


@feature
def donchian(*, part: Part = "position", window: PositiveInt = 20) -> Expr:
    """Donchian channel (Donchian, 1960): the least low and the greatest high of `window` rows, the middle between.

    The position of the close is in [0, 1]; the width is a fraction of the mean close, the lines are fractions of the
    close.
    """
    lower, upper = min(low, window), max(high, window)
    return _part(part, lower, (lower + upper) / 2, upper, base=mean(close, window))


def _part(part: Part, lower: Expr, middle: Expr, upper: Expr, *, base: Expr) -> Expr:
    match part:
        case "position":
            return (close - lower) / (upper - lower)
        case "width":
            return (upper - lower) / base
    return {"lower": lower, "middle": middle, "upper": upper}[part] / close
