"""The formulas of "101 Formulaic Alphas" (Kakushadze, 2016) that bars and sectors allow, by their numbers.

A split, or a dividend later on, changes no feature here, so what the paper measures in currency is made a pure number.
It differs so:

- *rank* is (rank - 0.5) / count across the tradable symbols, in (0, 1); *scale* makes the mean of absolute values 1,
  not their sum; days are rounded down; *indneutralize* is against the sector, whatever the level.
- *vwap* is the typical price, (high + low + close) / 3, unless ``vwap: true`` asks for the field of that name.
- *adv* is the mean traded value, close x volume. Where the paper compares volume with it (7, 21, 39, 47, 100), the
  traded value is compared with it.
- A difference of prices that is ranked, scaled, added to a number or given out is over the close: 5, 8-12, 17, 18, 20,
  22-24, 28, 29, 31, 32, 34, 36, 37, 39-42, 47, 52, 57, 61, 64-66, 68, 70, 71, 73, 76, 77, 82-84, 86, 87, 90, 93-95.
  In 1 the deviation of returns is times the close; in 101 the 0.001 beside the range is left out.
- A price, or an adv, that is ranked or neutralized is over the mean close, or the mean traded value, of 250 rows: 3, 4,
  13, 15, 16, 27, 42, 47, 50, 58, 59, 62, 63, 68-70, 74-76, 78-81, 87-93, 98, 100.

Left out, each with its reason in `LEFT_OUT`: 25, 45, 46, 49, 51, 56, 67, 96, 97.
"""

from __future__ import annotations

from collections.abc import Callable

from alpha.core.errors import ConfigError
from alpha.features import feature
from alpha.features.expr import (
    Expr,
    close,
    exp,
    field,
    high,
    log,
    low,
    maximum,
    minimum,
    open,
    sign,
    sqrt,
    volume,
    where,
)
from alpha.features.expr import abs as absolute
from alpha.features.library.price import typical_price
from alpha.features.operators import (
    argmax,
    argmin,
    corr,
    cov,
    cs_demean,
    cs_mean,
    cs_rank,
    delta,
    group,
    lag,
    mean,
    pct_change,
    power,
    std,
    sum,
    wma,
)
from alpha.features.operators import max as highest
from alpha.features.operators import min as lowest
from alpha.features.operators import rank as ts_rank

Formula = Callable[[Expr], Expr]
"""A number of the paper, given the average price of a bar."""
YEAR = 250
LEFT_OUT = {
    25: "ranks traded values in currency",
    45: "ranks correlations of two rows, which are signs",
    46: "compares prices with 0.25 of a currency",
    49: "compares prices with 0.1 of a currency",
    51: "compares prices with 0.05 of a currency",
    56: "ranks market values in currency",
    67: "ranks correlations that are equal in a sector of two, but for rounding",
    96: "correlates ranks of four rows over three, which seldom has a value",
    97: "correlates ranks of a slow mean over four rows, which seldom has a value",
}


@feature
def alpha101(*, number: int = 101, vwap: bool = False) -> Expr:
    """The formula of this number of "101 Formulaic Alphas" (Kakushadze, 2016), free of the level of prices.

    Ranks, correlations or fractions, as the formula has it; see the head of its module for what differs. `vwap` reads
    the field ``vwap`` instead of the typical price. Some need the panel's group ``sector``.
    """
    formula = {**PLAIN, **SECTOR}.get(number)
    if formula is None:
        reason = LEFT_OUT.get(number, "there are 101")
        raise ConfigError(f"alpha101 has no number {number}: {reason}", code="bad_parameter")
    return formula(field("vwap") if vwap else typical_price())


def rank(x: Expr) -> Expr:
    return cs_rank(x) + 0.5


def scale(x: Expr) -> Expr:
    return x / cs_mean(absolute(x))


def usual(price: Expr) -> Expr:
    """Return a price over what this share usually costs."""
    return price / mean(close, YEAR)


def usual_value(traded: Expr) -> Expr:
    """Return a traded value over that of a usual day."""
    return traded / mean(value, YEAR)


def neutral(x: Expr) -> Expr:
    return cs_demean(x, by=group("sector"))


def adv(days: int) -> Expr:
    return mean(value, days)


def ts_argmax(x: Expr, days: int) -> Expr:
    return days - argmax(x, days)


def ts_argmin(x: Expr, days: int) -> Expr:
    return days - argmin(x, days)


def raised(x: Expr, exponent: Expr) -> Expr:
    """Return a positive number to the power of an expression."""
    return exp(exponent * log(x))


def mix(first: Expr, second: Expr, share: float) -> Expr:
    return first * share + second * (1 - share)


def unless_it_turns(days: int) -> Expr:
    """Return the last change where those of `days` rows have one sign, else minus it, over the close."""
    change = delta(close)
    steady = maximum(lowest(change, days) > 0, highest(change, days) < 0)
    return where(steady, change, -change) / close


returns = pct_change(close)
value = close * volume
middle = (high + low) / 2
in_range = ((close - low) - (high - close)) / (high - low)

PLAIN: dict[int, Formula] = {
    1: lambda v: rank(ts_argmax(power(where(returns < 0, std(returns, 20) * close, close), 2), 5)) - 0.5,
    2: lambda v: -corr(rank(delta(log(volume), 2)), rank((close - open) / open), 6),
    3: lambda v: -corr(rank(usual(open)), rank(volume), 10),
    4: lambda v: -ts_rank(rank(usual(low)), 9),
    5: lambda v: rank((open - mean(v, 10)) / close) * -absolute(rank((close - v) / close)),
    6: lambda v: -corr(open, volume, 10),
    7: lambda v: where(adv(20) < value, -ts_rank(absolute(delta(close, 7)), 60) * sign(delta(close, 7)), -1),
    8: lambda v: -rank(delta(sum(open, 5) * sum(returns, 5), 10) / close),
    9: lambda v: unless_it_turns(5),
    10: lambda v: rank(unless_it_turns(4)),
    11: lambda v: (rank(highest(v - close, 3) / close) + rank(lowest(v - close, 3) / close)) * rank(delta(volume, 3)),
    12: lambda v: sign(delta(volume)) * -delta(close) / close,
    13: lambda v: -rank(cov(rank(usual(close)), rank(volume), 5)),
    14: lambda v: -rank(delta(returns, 3)) * corr(open, volume, 10),
    15: lambda v: -sum(rank(corr(rank(usual(high)), rank(volume), 3)), 3),
    16: lambda v: -rank(cov(rank(usual(high)), rank(volume), 5)),
    17: lambda v: -rank(ts_rank(close, 10)) * rank(delta(delta(close)) / close) * rank(ts_rank(volume / adv(20), 5)),
    18: lambda v: -rank((std(absolute(close - open), 5) + close - open) / close + corr(close, open, 10)),
    19: lambda v: -sign(close - lag(close, 7) + delta(close, 7)) * (1 + rank(1 + sum(returns, 250))),
    20: lambda v: (
        -rank((open - lag(high, 1)) / close) * rank((open - lag(close, 1)) / close) * rank((open - lag(low, 1)) / close)
    ),
    21: lambda v: where(
        mean(close, 8) + std(close, 8) < mean(close, 2),
        -1,
        where(mean(close, 2) < mean(close, 8) - std(close, 8), 1, where(value >= adv(20), 1, -1)),
    ),
    22: lambda v: -delta(corr(high, volume, 5), 5) * rank(std(close, 20) / close),
    23: lambda v: where(mean(high, 20) < high, -delta(high, 2), 0) / close,
    24: lambda v: (
        where(delta(mean(close, 100), 100) / lag(close, 100) <= 0.05, -(close - lowest(close, 100)), -delta(close, 3))
        / close
    ),
    26: lambda v: -highest(corr(ts_rank(volume, 5), ts_rank(high, 5), 5), 3),
    27: lambda v: where(rank(mean(corr(rank(volume), rank(usual(v)), 6), 2)) > 0.5, -1, 1),
    28: lambda v: scale(corr(adv(20), low, 5) + (middle - close) / close),
    29: lambda v: (
        lowest(rank(rank(scale(log(lowest(rank(rank(-rank(delta(close, 5) / close))), 2))))), 5)
        + ts_rank(lag(-returns, 6), 5)
    ),
    30: lambda v: (
        (1 - rank(sign(delta(close)) + sign(lag(delta(close), 1)) + sign(lag(delta(close), 2))))
        * sum(volume, 5)
        / sum(volume, 20)
    ),
    31: lambda v: (
        rank(rank(rank(wma(-rank(rank(delta(close, 10) / close)), 10))))
        + rank(-delta(close, 3) / close)
        + sign(scale(corr(adv(20), low, 12)))
    ),
    32: lambda v: scale((mean(close, 7) - close) / close) + 20 * scale(corr(v, lag(close, 5), 230)),
    33: lambda v: rank(-(1 - open / close)),
    34: lambda v: rank((1 - rank(std(returns, 2) / std(returns, 5))) + (1 - rank(delta(close) / close))),
    35: lambda v: ts_rank(volume, 32) * (1 - ts_rank(close + high - low, 16)) * (1 - ts_rank(returns, 32)),
    36: lambda v: (
        2.21 * rank(corr(close - open, lag(volume, 1), 15))
        + 0.7 * rank((open - close) / close)
        + 0.73 * rank(ts_rank(lag(-returns, 6), 5))
        + rank(absolute(corr(v, adv(20), 6)))
        + 0.6 * rank((mean(close, 200) - open) * (close - open) / (close * close))
    ),
    37: lambda v: rank(corr(lag(open - close, 1), close, 200)) + rank((open - close) / close),
    38: lambda v: -rank(ts_rank(close, 10)) * rank(close / open),
    39: lambda v: -rank(delta(close, 7) / close * (1 - rank(wma(value / adv(20), 9)))) * (1 + rank(sum(returns, 250))),
    40: lambda v: -rank(std(high, 10) / close) * corr(high, volume, 10),
    41: lambda v: (sqrt(high * low) - v) / close,
    42: lambda v: rank((v - close) / close) / rank(usual(v + close)),
    43: lambda v: ts_rank(volume / adv(20), 20) * ts_rank(-delta(close, 7), 8),
    44: lambda v: -corr(high, rank(volume), 5),
    47: lambda v: (
        rank(1 / usual(close)) * value / adv(20) * (high * rank((high - close) / close) / mean(high, 5))
        - rank(delta(v, 5) / close)
    ),
    50: lambda v: -highest(rank(corr(rank(volume), rank(usual(v)), 5)), 5),
    52: lambda v: (
        -delta(lowest(low, 5), 5) / close * rank((sum(returns, 240) - sum(returns, 20)) / 220) * ts_rank(volume, 5)
    ),
    53: lambda v: -delta(((close - low) - (high - close)) / (close - low), 9),
    54: lambda v: -(low - close) * power(open, 5) / ((low - high) * power(close, 5)),
    55: lambda v: -corr(rank((close - lowest(low, 12)) / (highest(high, 12) - lowest(low, 12))), rank(volume), 6),
    57: lambda v: -(close - v) / close / wma(rank(ts_argmax(close, 30)), 2),
    60: lambda v: -(2 * scale(rank(in_range * volume)) - scale(rank(ts_argmax(close, 10)))),
    61: lambda v: rank((v - lowest(v, 16)) / close) < rank(corr(v, adv(180), 17)),
    62: lambda v: (
        -(
            rank(corr(v, sum(adv(20), 22), 9))
            < rank(rank(usual(open)) + rank(usual(open)) < rank(usual(middle)) + rank(usual(high)))
        )
    ),
    64: lambda v: (
        -(
            rank(corr(sum(mix(open, low, 0.178404), 12), sum(adv(120), 12), 16))
            < rank(delta(mix(middle, v, 0.178404), 3) / close)
        )
    ),
    65: lambda v: -(rank(corr(mix(open, v, 0.00817205), sum(adv(60), 8), 6)) < rank((open - lowest(open, 13)) / close)),
    66: lambda v: -(rank(wma(delta(v, 3) / close, 7)) + ts_rank(wma((low - v) / (open - middle), 11), 6)),
    68: lambda v: (
        -(
            ts_rank(corr(rank(usual(high)), rank(usual_value(adv(15))), 8), 13)
            < rank(delta(mix(close, low, 0.518371)) / close)
        )
    ),
    71: lambda v: maximum(
        ts_rank(wma(corr(ts_rank(close, 3), ts_rank(adv(180), 12), 18), 4), 15),
        ts_rank(wma(power(rank((low + open - (v + v)) / close), 2), 16), 4),
    ),
    72: lambda v: rank(wma(corr(middle, adv(40), 8), 10)) / rank(wma(corr(ts_rank(v, 3), ts_rank(volume, 18), 6), 2)),
    73: lambda v: (
        -maximum(
            rank(wma(delta(v, 4) / close, 2)),
            ts_rank(wma(-delta(mix(open, low, 0.147155), 2) / mix(open, low, 0.147155), 3), 16),
        )
    ),
    74: lambda v: (
        -(rank(corr(close, sum(adv(30), 37), 15)) < rank(corr(rank(usual(mix(high, v, 0.0261661))), rank(volume), 11)))
    ),
    75: lambda v: rank(corr(v, volume, 4)) < rank(corr(rank(usual(low)), rank(usual_value(adv(50))), 12)),
    77: lambda v: minimum(rank(wma((middle + high - (v + high)) / close, 20)), rank(wma(corr(middle, adv(40), 3), 5))),
    78: lambda v: raised(
        rank(corr(sum(mix(low, v, 0.352233), 19), sum(adv(40), 19), 6)),
        rank(corr(rank(usual(v)), rank(volume), 5)),
    ),
    81: lambda v: (
        -(
            rank(sum(log(rank(power(rank(corr(v, sum(adv(10), 49), 8)), 4))), 14))
            < rank(corr(rank(usual(v)), rank(volume), 5))
        )
    ),
    83: lambda v: (
        rank(lag((high - low) / mean(close, 5), 2))
        * rank(rank(volume))
        / ((high - low) / mean(close, 5) / ((v - close) / close))
    ),
    84: lambda v: raised(ts_rank(v - highest(v, 15), 20), delta(close, 4) / close),
    85: lambda v: raised(
        rank(corr(mix(high, close, 0.876703), adv(30), 9)),
        rank(corr(ts_rank(middle, 3), ts_rank(volume, 10), 7)),
    ),
    86: lambda v: -(ts_rank(corr(close, sum(adv(20), 14), 6), 20) < rank((open + close - (v + open)) / close)),
    88: lambda v: minimum(
        rank(wma(rank(usual(open)) + rank(usual(low)) - (rank(usual(high)) + rank(usual(close))), 8)),
        ts_rank(wma(corr(ts_rank(close, 8), ts_rank(adv(60), 20), 8), 6), 2),
    ),
    92: lambda v: minimum(
        ts_rank(wma(middle + close < low + open, 14), 18),
        ts_rank(wma(corr(rank(usual(low)), rank(usual_value(adv(30))), 7), 6), 6),
    ),
    94: lambda v: -raised(rank((v - lowest(v, 11)) / close), ts_rank(corr(ts_rank(v, 19), ts_rank(adv(60), 4), 18), 2)),
    95: lambda v: (
        rank((open - lowest(open, 12)) / close)
        < ts_rank(power(rank(corr(sum(middle, 19), sum(adv(40), 19), 12)), 5), 11)
    ),
    98: lambda v: (
        rank(wma(corr(v, sum(adv(5), 26), 4), 7))
        - rank(wma(ts_rank(ts_argmin(corr(rank(usual(open)), rank(usual_value(adv(15))), 20), 8), 6), 8))
    ),
    99: lambda v: -(rank(corr(sum(middle, 19), sum(adv(60), 19), 8)) < rank(corr(low, volume, 6))),
    101: lambda v: (close - open) / (high - low),
}

SECTOR: dict[int, Formula] = {
    48: lambda v: (
        neutral(corr(delta(close), delta(lag(close, 1)), 250) * delta(close) / close)
        / sum(power(delta(close) / lag(close, 1), 2), 250)
    ),
    58: lambda v: -ts_rank(wma(corr(neutral(usual(v)), volume, 3), 7), 5),
    59: lambda v: -ts_rank(wma(corr(neutral(usual(v)), volume, 4), 16), 8),
    63: lambda v: (
        -(
            rank(wma(delta(neutral(usual(close)), 2), 8))
            - rank(wma(corr(mix(v, open, 0.318108), sum(adv(180), 37), 13), 12))
        )
    ),
    69: lambda v: (
        -raised(rank(highest(delta(neutral(usual(v)), 2), 4)), ts_rank(corr(mix(close, v, 0.490655), adv(20), 4), 9))
    ),
    70: lambda v: -raised(rank(delta(v) / close), ts_rank(corr(neutral(usual(close)), adv(50), 17), 17)),
    76: lambda v: (
        -maximum(
            rank(wma(delta(v) / close, 11)), ts_rank(wma(ts_rank(corr(neutral(usual(low)), adv(81), 8), 19), 17), 19)
        )
    ),
    79: lambda v: (
        rank(delta(neutral(usual(mix(close, open, 0.60733))))) < rank(corr(ts_rank(v, 3), ts_rank(adv(150), 9), 14))
    ),
    80: lambda v: (
        -raised(rank(sign(delta(neutral(usual(mix(open, high, 0.868128))), 4))), ts_rank(corr(high, adv(10), 5), 5))
    ),
    82: lambda v: -minimum(rank(wma(delta(open) / close, 14)), ts_rank(wma(corr(neutral(volume), open, 17), 6), 13)),
    87: lambda v: (
        -maximum(
            rank(wma(delta(mix(close, v, 0.369701)) / close, 2)),
            ts_rank(wma(absolute(corr(neutral(usual_value(adv(81))), close, 13)), 4), 14),
        )
    ),
    89: lambda v: ts_rank(wma(corr(low, adv(10), 6), 5), 3) - ts_rank(wma(delta(neutral(usual(v)), 3), 10), 15),
    90: lambda v: (
        -raised(rank((close - highest(close, 4)) / close), ts_rank(corr(neutral(usual_value(adv(40))), low, 5), 3))
    ),
    91: lambda v: (
        -(ts_rank(wma(wma(corr(neutral(usual(close)), volume, 9), 16), 3), 4) - rank(wma(corr(v, adv(30), 4), 2)))
    ),
    93: lambda v: (
        ts_rank(wma(corr(neutral(usual(v)), adv(81), 17), 19), 7)
        / rank(wma(delta(mix(close, v, 0.524434), 2) / close, 16))
    ),
    100: lambda v: (
        -(
            1.5 * scale(neutral(neutral(rank(in_range * volume))))
            - scale(neutral(corr(close, rank(usual_value(adv(20))), 5) - rank(ts_argmin(close, 30))))
        )
        * value
        / adv(20)
    ),
}
