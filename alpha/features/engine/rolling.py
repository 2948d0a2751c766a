"""Kernels that need past rows, or state that goes from row to row: averages that fade, ranks, moments, quantiles.

Each computes rows of `w` symbols into `d`; state and past rows are parts of the memory of the same block.
"""

from __future__ import annotations

import numpy as np

from alpha.features.engine.compiled import jit


@jit
def ema(
    d: np.ndarray, a: np.ndarray, state: np.ndarray, w: int, window: float, alpha: float, from_mean: bool, least: float
) -> None:
    """State: the average, and how many finite values it has seen (NaN: none). No branches, so that it vectorises."""
    for t in range(d.size // w):
        for s in range(w):
            x, average, seen = a[t * w + s], state[s], state[w + s]
            known = abs(x) < np.inf
            count = (seen if seen == seen else 0.0) + (1.0 if known else 0.0)
            weight = 1.0 / min(count, window) if from_mean else alpha
            value = x if count == 1.0 else average + weight * (x - average)
            state[s] = value if known else average
            state[w + s] = count
            d[t * w + s] = value if known and count >= least else np.nan


@jit
def adapt(d: np.ndarray, a: np.ndarray, weight: np.ndarray, state: np.ndarray, w: int) -> None:
    """State: the average (NaN: it has not begun)."""
    for j in range(0, d.size, w):
        for s in range(w):
            x, share = a[j + s], weight[j + s]
            if abs(x) < np.inf and abs(share) < np.inf:
                state[s] = state[s] + share * (x - state[s]) if state[s] == state[s] else x
                d[j + s] = state[s]
            else:
                d[j + s] = np.nan


@jit
def rank(d: np.ndarray, past: np.ndarray, begun: np.ndarray, w: int, window: int, shorter: int) -> None:
    """Count what is below; equals count half. `begun` is the count of the newest `shorter` rows, where that is not 0.

    `past` begins `window` - 1 rows before `d`. Sums of halves are exact, so the order of counting does not matter.
    """
    n = d.size
    x = past[(window - 1) * w : (window - 1) * w + n]
    if shorter:
        for j in range(n):
            d[j] = begun[j]
    else:
        for j in range(n):
            d[j] = 1.0 + (x[j] - x[j])  # NaN, where it is not finite
    for k in range(window - max(shorter, 1)):
        y = past[k * w : k * w + n]
        for j in range(n):
            d[j] += (0.5 if y[j] < x[j] else 0.0) + (0.5 if y[j] <= x[j] else 0.0) + (y[j] - y[j])


@jit
def moment(d: np.ndarray, past: np.ndarray, mean: np.ndarray, w: int, window: int, power: float) -> None:
    """Sum powers of the distances from `mean` (1: their sizes). `past` begins `window` - 1 rows before `d`."""
    n = d.size
    for j in range(n):
        d[j] = 0.0
    for k in range(window):
        x = past[k * w : k * w + n]
        if power == 1.0:
            for j in range(n):
                d[j] += abs(x[j] - mean[j])
        elif power == 2.0:
            for j in range(n):
                d[j] += (x[j] - mean[j]) * (x[j] - mean[j])
        elif power == 3.0:
            for j in range(n):
                d[j] += (x[j] - mean[j]) * (x[j] - mean[j]) * (x[j] - mean[j])
        else:
            for j in range(n):
                square = (x[j] - mean[j]) * (x[j] - mean[j])
                d[j] += square * square


@jit
def _placed(state: np.ndarray, w: int, s: int, q: float, count: float, least: float) -> float:
    """Return the value at a place in ascending order, between two where it falls between them."""
    if not count >= least:
        return np.nan
    position = q * (count - 1.0)
    below = int(position)
    value = state[below * w + s]
    return value + (position - below) * (state[(below + 1) * w + s] - value) if position > below else value


@jit
def quantile(
    d: np.ndarray, other: np.ndarray, past: np.ndarray, state: np.ndarray, w: int, window: int, q: float, least: float,
    q_other: float,
) -> None:  # fmt: skip
    """Take two quantiles of the same window. `past` begins `window` rows before `d`.

    State: rows that hold each symbol's window in ascending order, inf where a value is missing; and their number. A
    row goes out of the window and one comes in by comparisons alone, without a search, for all symbols at once.
    """
    count = state[window * w : (window + 1) * w]
    held, gone, come = np.empty(w), np.empty(w), np.empty(w)
    for s in range(w):
        if count[s] != count[s]:
            count[s] = 0.0
            for i in range(window):
                state[i * w + s] = np.inf
    for j in range(0, d.size, w):
        for s in range(w):
            old, new = past[j + s], past[window * w + j + s] + 0.0  # + 0.0: minus zero would be an equal, other bits
            gone[s], come[s] = old if abs(old) < np.inf else np.inf, new if abs(new) < np.inf else np.inf
            count[s] += (1.0 if abs(new) < np.inf else 0.0) - (1.0 if abs(old) < np.inf else 0.0)
            held[s] = -np.inf
        for i in range(window):
            this, following = state[i * w : (i + 1) * w], state[(i + 1) * w : (i + 2) * w]
            last = i + 1 == window
            for s in range(w):
                rest = this[s] if this[s] < gone[s] else (np.inf if last else following[s])
                this[s] = min(rest, max(held[s], come[s]))
                held[s] = rest
        for s in range(w):
            d[j + s] = _placed(state, w, s, q, count[s], least)
            other[j + s] = _placed(state, w, s, q_other, count[s], least)
