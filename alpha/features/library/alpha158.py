"""Alpha158: the 158 features of Qlib, by Qlib's names and in its order (Yang et al., 2020).

They follow ``qlib.contrib.data.loader.Alpha158DL`` and the operators of ``qlib.data.ops``, version 0.9.7. Where a value
is defined, it is Qlib's. What differs:

======================= ============================================= ==================================================
where                   Qlib                                          here
======================= ============================================= ==================================================
warm-up                 ``min_periods=1``: values of part of a window NaN until the window is full
a hole in a window      leaves it out; IMAX and IMIN take it for the  NaN until it has left the window
                        extreme
a comparison with a     0: CNTP and CNTN count such a row as          NaN
missing close           no rise and no fall
+ 1e-12 to a price      a price, so a split changes the feature       1e-12 of the close; added to a volume, as in Qlib
RSQR, CORR, CORD        NaN where a deviation is below 2e-5 (of a     NaN where a side is constant
                        price: so of the price's level)
volume after a row      log of infinity: CORD leaves the row out      NaN until the row has left the window
without volume
precision               float32 but for the windows                   float64
BETA, RSQR, RESI, STD,  running sums: errors stay and grow with the   each window on its own
CORR, ...               length and the level of a series
======================= ============================================= ==================================================

Equals share their mean rank in RANK, and the earliest of equals counts in IMAX, IMIN and IMXD: as in Qlib.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

from pydantic import PositiveInt

from alpha.features import feature, feature_set
from alpha.features.expr import Expr, abs, close, field, high, log, low, maximum, minimum, open, volume
from alpha.features.operators import (
    argmax,
    argmin,
    corr,
    delta,
    lag,
    max,
    mean,
    min,
    pct_change,
    quantile,
    rank,
    resid,
    rsquare,
    slope,
    std,
    sum,
)  # fmt: skip

Bar = Literal["KMID", "KLEN", "KMID2", "KUP", "KUP2", "KLOW", "KLOW2", "KSFT", "KSFT2"]
Price = Literal["OPEN", "HIGH", "LOW", "VWAP"]
Statistic = Literal[
    "ROC", "MA", "STD", "BETA", "RSQR", "RESI", "MAX", "MIN", "QTLU", "QTLD", "RANK", "RSV", "IMAX", "IMIN", "IMXD",
    "CORR", "CORD", "CNTP", "CNTN", "CNTD", "SUMP", "SUMN", "SUMD", "VMA", "VSTD", "WVMA", "VSUMP", "VSUMN", "VSUMD",
]  # fmt: skip
WINDOWS = (5, 10, 20, 30, 60)
TINY = 1e-12


@feature
def alpha158_bar(*, part: Bar = "KMID") -> Expr:
    """Alpha158's shape of one bar: body, length and shadows over the open, or (...2) over the range. A ratio.

    KMID close - open, KLEN high - low, KUP and KLOW the upper and lower shadow, KSFT 2 close - high - low (Yang et al.,
    2020). In a bar without a range, those over the range are 0.
    """
    base = {
        "KMID": close - open,
        "KLEN": high - low,
        "KUP": high - maximum(open, close),
        "KLOW": minimum(open, close) - low,
        "KSFT": 2 * close - high - low,
    }
    over_range = part.endswith("2")
    return base[part.removesuffix("2")] / (high - low + TINY * close if over_range else open)


@feature
def alpha158_price(*, part: Price = "OPEN") -> Expr:
    """Alpha158's open, high, low or (of the field ``vwap``) average price, over the close (Yang et al., 2020)."""
    return field(part.lower()) / close


@feature
def alpha158_rolling(*, part: Statistic = "ROC", window: PositiveInt = 20) -> Expr:
    """Alpha158's statistic of `window` rows, a pure number; over the close where it is a price (Yang et al., 2020).

    From the close: ROC the close `window` rows ago, MA mean, STD deviation, BETA, RSQR and RESI of the line through it,
    QTLU and QTLD quantiles 0.8 and 0.2, RANK, RSV place between MIN (least low) and MAX (greatest high), IMAX and IMIN
    the place of those in the window (1 is now), IMXD their difference. With the logarithm of the volume: CORR, and CORD
    of changes. Shares of rises (P), falls (N) and their difference (D): CNT counts rows, SUM sums changes, VSUM sums
    those of the volume. VMA and VSTD: mean and deviation of the volume over the volume; WVMA: deviation over mean of
    |return| x volume.
    """
    return _ROLLING[part](window)


@feature_set
def alpha158(*, vwap: bool = True) -> tuple[dict[str, Any], ...]:
    """Qlib's Alpha158, by its names and in its order.

    VWAP0 reads the field ``vwap``, which many sources of bars lack: ``vwap: false`` leaves it out, for 157 columns.
    """
    bars = [{"name": "alpha158_bar", "part": part, "as": part} for part in get_args(Bar)]
    prices = [{"name": "alpha158_price", "part": part, "as": f"{part}0"} for part in get_args(Price)]
    rolling = [{"name": "alpha158_rolling", "part": part, "window": window, "as": f"{part}{window}"}
               for part in get_args(Statistic) for window in WINDOWS]  # fmt: skip
    return (*bars, *(prices if vwap else prices[:-1]), *rolling)


def _share(change: Expr, sign: int, window: int, tiny: Expr | float) -> Expr:
    """Return the part of the rises (1), of the falls (-1) or their difference (0) in the sum of absolute changes."""
    rises, falls = sum(maximum(change, 0), window), sum(maximum(-change, 0), window)
    return {1: rises, -1: falls, 0: rises - falls}[sign] / (sum(abs(change), window) + tiny)


def _place(window: int) -> Expr:
    least = min(low, window)
    return (close - least) / (max(high, window) - least + TINY * close)


def _rises(window: int) -> Expr:
    return mean(close > lag(close, 1), window)


def _falls(window: int) -> Expr:
    return mean(close < lag(close, 1), window)


def _weighted(window: int) -> Expr:
    traded = abs(pct_change(close)) * volume
    return std(traded, window) / (mean(traded, window) + TINY)


_ROLLING: dict[Statistic, Callable[[int], Expr]] = {
    "ROC": lambda n: lag(close, n) / close,
    "MA": lambda n: mean(close, n) / close,
    "STD": lambda n: std(close, n) / close,
    "BETA": lambda n: slope(close, n) / close,
    "RSQR": lambda n: rsquare(close, n),
    "RESI": lambda n: resid(close, n) / close,
    "MAX": lambda n: max(high, n) / close,
    "MIN": lambda n: min(low, n) / close,
    "QTLU": lambda n: quantile(close, n, 0.8) / close,
    "QTLD": lambda n: quantile(close, n, 0.2) / close,
    "RANK": lambda n: rank(close, n),
    "RSV": _place,
    "IMAX": lambda n: (n - argmax(high, n)) / n,
    "IMIN": lambda n: (n - argmin(low, n)) / n,
    "IMXD": lambda n: (argmin(low, n) - argmax(high, n)) / n,
    "CORR": lambda n: corr(close, log(volume + 1), n),
    "CORD": lambda n: corr(close / lag(close, 1), log(volume / lag(volume, 1) + 1), n),
    "CNTP": _rises,
    "CNTN": _falls,
    "CNTD": lambda n: _rises(n) - _falls(n),
    "SUMP": lambda n: _share(delta(close), 1, n, TINY * close),
    "SUMN": lambda n: _share(delta(close), -1, n, TINY * close),
    "SUMD": lambda n: _share(delta(close), 0, n, TINY * close),
    "VMA": lambda n: mean(volume, n) / (volume + TINY),
    "VSTD": lambda n: std(volume, n) / (volume + TINY),
    "WVMA": _weighted,
    "VSUMP": lambda n: _share(delta(volume), 1, n, TINY),
    "VSUMN": lambda n: _share(delta(volume), -1, n, TINY),
    "VSUMD": lambda n: _share(delta(volume), 0, n, TINY),
}
