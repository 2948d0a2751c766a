"""Kernels over windows with missing observations, and over windows that need all of their values at once.

Each gathers the values of a window, oldest first, and computes from these alone. The faster way for full windows, by
doubling, is in `lower`.
"""

from __future__ import annotations

import numpy as np

from alpha.features.engine.compiled import jit
from alpha.features.engine.lower import FUNCTIONS

(
    COUNT, SUM, MEAN, DEVIATION, VAR, SKEW, KURT, MAD, MIN, MAX, ARGMIN, ARGMAX, SINCE, RANK, WMA,
    COV, CORR, BETA, SLOPE, INTERCEPT, RESID, RSQUARE,
) = range(len(FUNCTIONS))  # fmt: skip


@jit
def gathered(d: np.ndarray, x: np.ndarray, y: np.ndarray, w: int, window: int, least: int, f: int, c: float) -> None:
    """Write function `f` of each window that holds at least `least` values: `x` and `y` begin `window` - 1 rows early.

    A pair counts where both are known. `y` is `x` for functions of one.
    """
    values, others, ages = np.empty(window), np.empty(window), np.empty(window)
    for j in range(d.size):
        n = 0
        for k in range(window):
            a, b = x[j + k * w], y[j + k * w]
            if abs(a) < np.inf and abs(b) < np.inf:
                values[n], others[n], ages[n] = a, b, window - 1 - k
                n += 1
        if n < least or ((f in (RANK, RESID)) and ages[n - 1] != 0.0):
            d[j] = np.nan
        elif f >= COV:
            d[j] = _of_pairs(f, values[:n], others[:n], ages[:n], window, c)
        elif f >= MIN:
            d[j] = _of_order(f, values[:n], ages[:n], float(window))
        else:
            d[j] = _of_values(f, values[:n], c)


@jit
def _mean(values: np.ndarray) -> float:
    """Return the mean; of equal values, exactly that value."""
    total, first = 0.0, values[0]
    for value in values:
        total += value - first
    return first + total / values.size


@jit
def _moment(values: np.ndarray, mean: float, power: int) -> float:
    """Return the sum of powers of the distances from the mean (1: of their sizes)."""
    total = 0.0
    for value in values:
        product = abs(value - mean) if power == 1 else value - mean
        for _ in range(power - 1):
            product *= value - mean
        total += product
    return total


@jit
def _of_values(f: int, values: np.ndarray, c: float) -> float:
    n = values.size
    if f == COUNT:
        return float(n)
    if n == 0:
        return np.nan
    if f == SUM:
        total = 0.0
        for value in values:
            total += value
        return total
    if f == MAD:
        middle = np.median(values)
        return np.median(np.abs(values - middle))
    mean = _mean(values)
    if f == MEAN:
        return mean
    if f == DEVIATION:
        return _moment(values, mean, 1) / n
    second = _moment(values, mean, 2)
    if f == VAR:
        return second / (n - c) if n > c else np.nan
    if f == SKEW:
        scale = n * np.sqrt(n - 1.0) / (n - 2.0) if n > 2 else np.nan
        return scale * _moment(values, mean, 3) / (second * np.sqrt(second))
    if n < 4:
        return np.nan
    excess = n * (n + 1.0) * _moment(values, mean, 4) / (second * second) * (n - 1.0)
    return (excess - 3.0 * (n - 1.0) * (n - 1.0)) / ((n - 2.0) * (n - 3.0))


@jit
def _of_order(f: int, values: np.ndarray, ages: np.ndarray, window: float) -> float:
    n = values.size
    if n == 0:
        return np.nan
    if f == SINCE:
        for i in range(n - 1, -1, -1):
            if values[i] != 0.0:
                return ages[i]
        return np.nan
    if f == RANK:
        below = 0.0
        for value in values:
            below += 0.5 * (value < values[n - 1]) + 0.5 * (value <= values[n - 1])
        return (below + 0.5) / n
    if f == WMA:
        total, weights = 0.0, 0.0
        for i in range(n):
            weight = window - ages[i]
            total += weight * (values[i] - values[0])
            weights += weight
        return values[0] + total / weights
    at = 0
    for i in range(1, n):
        if values[i] < values[at] if f in (MIN, ARGMIN) else values[i] > values[at]:
            at = i
    return values[at] if f in (MIN, MAX) else ages[at]


@jit
def _of_pairs(f: int, x: np.ndarray, y: np.ndarray, ages: np.ndarray, window: int, c: float) -> float:
    """Return a moment of two columns, or a property of the line through `x` over time."""
    n = x.size
    if f >= SLOPE:
        y = -ages
    mx, my, sxy, sxx, syy = _mean(x), _mean(y), 0.0, 0.0, 0.0
    for i in range(n):
        dx, dy = x[i] - mx, y[i] - my
        sxy += dx * dy
        sxx += dx * dx
        syy += dy * dy
    if f == COV:
        return sxy / (n - c) if n > c else np.nan
    if f == CORR:
        return sxy / (np.sqrt(sxx) * np.sqrt(syy))
    if f in (SLOPE, BETA):
        return sxy / syy
    if f == INTERCEPT:
        return mx + sxy / syy * (1.0 - window - my)
    if f == RESID:
        return x[n - 1] - mx - sxy / syy * (y[n - 1] - my)
    return sxy * sxy / (syy * sxx)
