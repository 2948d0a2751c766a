"""What every operator must say, twice: as a plain loop over one window, and as pandas has it.

A loop is given the observations of a window, oldest first, and their ages in rows; of two columns, those of the rows in
which both are known. It returns one number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from alpha.features import expr as e
from alpha.features import operators as o

X, Y = e.field("x"), e.field("y")
NAN = math.nan


class Window(NamedTuple):
    """An operator over a window: how it is made, its two references, and how it counts observations."""

    made: Callable
    loop: Callable
    pandas: Callable
    least: int = 1
    pair: bool = False
    now: bool = False  # it says something of the current value, so that must be known
    always: bool = False  # it has a value however few there are


def average(x):
    return math.fsum(x) / len(x)


def moment(x, power):
    centre = average(x)
    return math.fsum((v - centre) ** power for v in x)


def comoment(x, y):
    mx, my = average(x), average(y)
    return math.fsum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))


def line(x, ages):
    """Return slope and the height at age 0 of the least-squares line."""
    times = [-age for age in ages]
    slope = comoment(x, times) / moment(times, 2)
    return slope, average(x) - slope * average(times)


def middle(x):
    ordered = sorted(x)
    return (ordered[(len(x) - 1) // 2] + ordered[len(x) // 2]) / 2


def quantile_of(x, q):
    ordered, at = sorted(x), q * (len(x) - 1)
    low = int(at)
    return ordered[low] + (at - low) * (ordered[min(low + 1, len(x) - 1)] - ordered[low])


def share_below(x):
    return (sum(v < x[-1] for v in x) + sum(v <= x[-1] for v in x) + 1) / 2 / len(x)


def skewness(x):
    n = len(x)
    return moment(x, 3) / moment(x, 2) ** 1.5 * n * math.sqrt(n - 1) / (n - 2)


def kurtosis(x):
    n, ratio = len(x), moment(x, 4) / moment(x, 2) ** 2
    return (n * (n + 1) * (n - 1) * ratio - 3 * (n - 1) ** 2) / ((n - 2) * (n - 3))


def weighted_mean(x, ages, window):
    weights = [window - age for age in ages]
    return math.fsum(v * w for v, w in zip(x, weights, strict=True)) / sum(weights)


def held(x, ages):
    return next((age for v, age in zip(x[::-1], ages[::-1], strict=True) if v), NAN)


def rolling(name, *given, **options):
    return lambda x, w, m: getattr(x.rolling(w, min_periods=m), name)(*given, **options)


def applied(function):
    """Return a function of each window's observations, as pandas applies one."""
    return lambda x, w, m: x.rolling(w, min_periods=m).apply(
        lambda part: function(part[~np.isnan(part)], np.flatnonzero(~np.isnan(part))[::-1] * -1 + 0.0, part), raw=True
    )


def clock(x):
    return pd.DataFrame(np.repeat(np.arange(len(x), dtype=float)[:, None], x.shape[1], axis=1)).where(x.notna())


def trend(x, w, m):
    times = clock(x)
    return x.rolling(w, min_periods=m).cov(times) / times.rolling(w, min_periods=m).var()


def height(x, w, m, age):
    """Return where the line through a window is `age` rows before its newest row."""
    now = pd.DataFrame(np.repeat(np.arange(len(x), dtype=float)[:, None], x.shape[1], axis=1)) - age
    roll = x.rolling(w, min_periods=m).mean()
    return roll + trend(x, w, m) * (now - clock(x).rolling(w, min_periods=m).mean())


def age_of(arg):
    return lambda x, w, m: x.rolling(w, min_periods=m).apply(
        lambda part: len(part) - 1 - getattr(np, f"nan{arg}")(part), raw=True
    )


def by_age(x, w, m):
    return x.rolling(w, min_periods=m).apply(
        lambda part: np.average(
            part[~np.isnan(part)], weights=(np.arange(len(part)) + 1 + w - len(part))[~np.isnan(part)]
        ),
        raw=True,
    )


def absolute(centre):
    return lambda x, w, m: x.rolling(w, min_periods=m).apply(
        lambda part: getattr(np, f"nan{centre}")(np.abs(part - getattr(np, f"nan{centre}")(part))), raw=True
    )


def last_held(x, w, m):
    def age(part):
        at = np.flatnonzero(np.nan_to_num(part))
        return len(part) - 1 - at[-1] if len(at) else NAN

    return x.rolling(w, min_periods=0).apply(age, raw=True)


def pairwise(function):
    return lambda x, y, w, m: function(x.where(y.notna()), y.where(x.notna()), w, m)


WINDOWS = {
    "sum": Window(o.sum, lambda x, a: math.fsum(x), rolling("sum")),
    "count": Window(o.count, lambda x, a: len(x), lambda x, w, m: x.rolling(w, min_periods=0).count(), always=True),
    "mean": Window(o.mean, lambda x, a: average(x), rolling("mean")),
    "var": Window(o.var, lambda x, a: moment(x, 2) / (len(x) - 1), rolling("var"), 2),
    "std": Window(o.std, lambda x, a: math.sqrt(moment(x, 2) / (len(x) - 1)), rolling("std"), 2),
    "skew": Window(o.skew, lambda x, a: skewness(x), rolling("skew"), 3),
    "kurt": Window(o.kurt, lambda x, a: kurtosis(x), rolling("kurt"), 4),
    "min": Window(o.min, lambda x, a: min(x), rolling("min")),
    "max": Window(o.max, lambda x, a: max(x), rolling("max")),
    "argmin": Window(o.argmin, lambda x, a: a[x.index(min(x))], age_of("argmin")),
    "argmax": Window(o.argmax, lambda x, a: a[x.index(max(x))], age_of("argmax")),
    "rank": Window(o.rank, lambda x, a: share_below(x), rolling("rank", pct=True), now=True),
    "quantile": Window(lambda x, w, **k: o.quantile(x, w, 0.3, **k), lambda x, a: quantile_of(x, 0.3),
                       rolling("quantile", 0.3)),
    "median": Window(o.median, lambda x, a: middle(x), rolling("median")),
    "mad": Window(o.mad, lambda x, a: middle([abs(v - middle(x)) for v in x]), absolute("median")),
    "mean_deviation": Window(o.mean_deviation, lambda x, a: average([abs(v - average(x)) for v in x]),
                             absolute("mean")),
    "wma": Window(o.wma, weighted_mean, by_age),
    "zscore": Window(o.zscore, lambda x, a: (x[-1] - average(x)) / math.sqrt(moment(x, 2) / (len(x) - 1)),
                     lambda x, w, m: (x - x.rolling(w, min_periods=m).mean()) / x.rolling(w, min_periods=m).std(), 2,
                     now=True),
    "slope": Window(o.slope, lambda x, a: line(x, a)[0], trend, 2),
    "intercept": Window(o.intercept, lambda x, a, w: line(x, a)[1] - line(x, a)[0] * (w - 1),
                        lambda x, w, m: height(x, w, m, w - 1), 2),
    "resid": Window(o.resid, lambda x, a: x[-1] - line(x, a)[1], lambda x, w, m: x - height(x, w, m, 0), 2, now=True),
    "rsquare": Window(o.rsquare, lambda x, a: comoment(x, a) ** 2 / moment(x, 2) / moment(a, 2),
                      lambda x, w, m: x.rolling(w, min_periods=m).corr(clock(x)) ** 2, 2),
    "drawdown": Window(o.drawdown, lambda x, a: x[-1] / max(x) - 1,
                       lambda x, w, m: x / x.rolling(w, min_periods=m).max() - 1, now=True),
    "days_since": Window(lambda x, w: o.days_since(x > 5, w), lambda x, a: held([v > 5 for v in x], a),
                         lambda x, w, m: last_held((x > 5).astype(float), w, m), always=True),
    "cov": Window(lambda x, w, **k: o.cov(x, Y, w, **k), lambda x, y, a: comoment(x, y) / (len(x) - 1),
                  pairwise(lambda x, y, w, m: x.rolling(w, min_periods=m).cov(y)), 2, pair=True),
    "corr": Window(lambda x, w, **k: o.corr(x, Y, w, **k),
                   lambda x, y, a: comoment(x, y) / math.sqrt(moment(x, 2)) / math.sqrt(moment(y, 2)),
                   pairwise(lambda x, y, w, m: x.rolling(w, min_periods=m).corr(y)), 2, pair=True),
    "beta": Window(lambda x, w, **k: o.beta(x, Y, w, **k), lambda x, y, a: comoment(x, y) / moment(y, 2),
                   pairwise(lambda x, y, w, m: x.rolling(w, min_periods=m).cov(y)
                            / y.rolling(w, min_periods=m).var()), 2, pair=True),
    "autocorr": Window(lambda x, w, **k: o.autocorr(x, w, 1, **k),
                       lambda x, y, a: comoment(x, y) / math.sqrt(moment(x, 2)) / math.sqrt(moment(y, 2)),
                       pairwise(lambda x, y, w, m: x.rolling(w, min_periods=m).corr(y)), 2, pair=True),
}  # fmt: skip


def faded(x, weight, least, mean_of=0):
    """Return an exponential average of a column in a plain loop: of NaN it keeps its state, and is NaN there."""
    out, state, seen = [], NAN, 0
    for value in x:
        if math.isnan(value):
            out.append(NAN)
            continue
        seen += 1
        share = 1 / min(seen, mean_of) if mean_of else weight
        state = value if seen == 1 else state + share * (value - state)
        out.append(state if seen >= least else NAN)
    return out


def of_pandas(x, weight, least, mean_of=0):
    """Return the same by pandas; begun with a mean, as the average of that and of what comes after it."""
    if mean_of:
        expanding = x.expanding().mean().where(x.notna() & (x.notna().cumsum() == mean_of))
        x = x.where(x.notna().cumsum() > mean_of, expanding)
    faded = x.ewm(alpha=weight, adjust=False, ignore_na=True, min_periods=1 if mean_of else least).mean()
    return faded.where(x.notna())


FADING = {
    "ema": (lambda n, least: o.ema(X, n, min_periods=least), lambda n: 2 / (n + 1), False),
    "wilder": (lambda n, least: o.wilder(X, n, min_periods=least), lambda n: 1 / n, False),
    "wilder from the mean": (lambda n, least: o.wilder(X, n, seed="mean"), lambda n: 1 / n, True),
}
