"""Kernels that compare the symbols of one row. They see the symbols sorted, so that their order changes no bit.

Only the members of a cross-section are sorted: tradable, finite, and with a label where there are groups. `order` has
a row of symbols for each row of values, members first: by group, then by value, then by the other columns.
"""

from __future__ import annotations

import numpy as np

from alpha.features.engine.compiled import jit

CROSSINGS = (
    "cs_rank", "cs_zscore", "cs_demean", "cs_mean", "cs_std", "cs_winsorize", "cs_bucket", "cs_neutralize",
)  # fmt: skip
RANK, ZSCORE, DEMEAN, MEAN, STD, WINSORIZE, BUCKET, NEUTRALIZE = range(len(CROSSINGS))


def ordered(values: np.ndarray, groups: np.ndarray | None, columns: np.ndarray) -> np.ndarray:
    """Return the order of the symbols of each row: members first, then by group, value and columns."""
    if groups is None and not len(columns):
        return np.argsort(values, axis=1)
    absent = np.isnan(values)
    within = [] if groups is None else [np.where(absent, np.nan, groups)]
    return np.lexsort([*columns[::-1], values, *within, absent], axis=-1)


@jit
def cross(
    op: int, out: np.ndarray, x: np.ndarray, groups: np.ndarray, columns: np.ndarray, order: np.ndarray,
    grouped: bool, c0: float, c1: float,
) -> None:  # fmt: skip
    """Compare the symbols of each row of `x`, within groups where `grouped`."""
    symbols = x.shape[1]
    for t in range(x.shape[0]):
        for s in range(symbols):
            out[t, s] = np.nan
        start = 0
        while start < symbols and x[t, order[t, start]] == x[t, order[t, start]]:
            stop, label = start, groups[t, order[t, start]]
            while stop < symbols and x[t, order[t, stop]] == x[t, order[t, stop]]:
                if grouped and groups[t, order[t, stop]] != label:
                    break
                stop += 1
            if op != NEUTRALIZE:
                _one(op, out[t], x[t], order[t, start:stop], c0, c1)
            if op in (MEAN, STD):
                _shared(out[t], groups[t], label, out[t, order[t, start]], grouped)
            start = stop
        if op == NEUTRALIZE and start > 0:
            _neutralized(out[t], x[t], groups[t], columns[:, t], order[t, :start], grouped)


@jit
def _one(op: int, out: np.ndarray, x: np.ndarray, order: np.ndarray, c0: float, c1: float) -> None:
    if op in (RANK, BUCKET):
        _ranks(out, x, order, c0 if op == BUCKET else 0.0)
    elif op == WINSORIZE:
        _winsorized(out, x, order, c0, c1)
    else:
        mean = _centred(out, x, order)
        if op in (ZSCORE, STD):
            deviation = _deviation(out, order)
            for k in range(order.size):
                out[order[k]] = out[order[k]] / deviation if op == ZSCORE else deviation
        elif op == MEAN:
            out[order[0]] = mean


@jit
def _shared(out: np.ndarray, groups: np.ndarray, label: float, value: float, grouped: bool) -> None:
    """Give a group's value to everyone with its label, whether it took part or not."""
    for s in range(out.size):
        if not grouped or groups[s] == label:
            out[s] = value


@jit
def _ranks(out: np.ndarray, x: np.ndarray, order: np.ndarray, buckets: float) -> None:
    """Write centred ranks, or the number of the bucket: of equals, all get the mean of their ranks."""
    i, count = 0, order.size
    while i < count:
        j = i
        while j + 1 < count and x[order[j + 1]] == x[order[i]]:
            j += 1
        share = ((i + j) * 0.5 + 0.5) / count
        value = np.floor(share * buckets) if buckets > 0.0 else share - 0.5
        for k in range(i, j + 1):
            out[order[k]] = value
        i = j + 1


@jit
def _winsorized(out: np.ndarray, x: np.ndarray, order: np.ndarray, low: float, high: float) -> None:
    least, most = _quantile(x, order, low), _quantile(x, order, high)
    for k in range(order.size):
        out[order[k]] = min(max(x[order[k]], least), most)


@jit
def _quantile(x: np.ndarray, order: np.ndarray, q: float) -> float:
    position = q * (order.size - 1)
    below = int(position)
    value = x[order[below]]
    if position > below:
        value += (position - below) * (x[order[below + 1]] - value)
    return value


@jit
def _centred(out: np.ndarray, x: np.ndarray, order: np.ndarray) -> float:
    """Write deviations from the mean, and return the mean. Sums run over sorted values, from the least."""
    least, total = x[order[0]], 0.0
    for k in range(order.size):
        total += x[order[k]] - least
    mean = least + total / order.size
    for k in range(order.size):
        out[order[k]] = x[order[k]] - mean
    return mean


@jit
def _deviation(out: np.ndarray, order: np.ndarray) -> float:
    """Return the standard deviation (ddof 1) of centred values; NaN where all are equal."""
    if out[order[0]] == out[order[-1]]:
        return np.nan
    squares = 0.0
    for k in range(order.size):
        squares += out[order[k]] * out[order[k]]
    return np.sqrt(squares / (order.size - 1))


@jit
def _neutralized(
    out: np.ndarray, x: np.ndarray, groups: np.ndarray, columns: np.ndarray, order: np.ndarray, grouped: bool
) -> None:
    """Write what a least-squares fit on the columns, and a constant for each group, leaves of `x`.

    A group's constant is taken out by centring (Frisch and Waugh, 1933); the columns by Gram-Schmidt, twice, which is
    as good as a Householder QR (Giraud et al., 2005). A column that the others explain to 1e-12 is left out.
    """
    n, k = order.size, columns.shape[0]
    a = np.empty((k + 1, n))
    for i in range(n):
        for c in range(k):
            a[c, i] = columns[c, order[i]]
        a[k, i] = x[order[i]]
    for c in range(k + 1):
        size = _centre_groups(a[c], groups, order, grouped)
        for _ in range(2):
            for b in range(c):
                part = 0.0
                for i in range(n):
                    part += a[b, i] * a[c, i]
                for i in range(n):
                    a[c, i] -= part * a[b, i]
        if c < k:
            _normalise(a[c], size)
    for i in range(n):
        out[order[i]] = a[k, i]


@jit
def _centre_groups(a: np.ndarray, groups: np.ndarray, order: np.ndarray, grouped: bool) -> float:
    """Take the mean of its group from each value; return the length of what is left."""
    start, squares = 0, 0.0
    while start < a.size:
        stop, total = start, 0.0
        while stop < a.size and (not grouped or groups[order[stop]] == groups[order[start]]):
            total += a[stop] - a[start]
            stop += 1
        mean = a[start] + total / (stop - start)
        for i in range(start, stop):
            a[i] -= mean
            squares += a[i] * a[i]
        start = stop
    return np.sqrt(squares)


@jit
def _normalise(a: np.ndarray, size: float) -> None:
    squares = 0.0
    for i in range(a.size):
        squares += a[i] * a[i]
    length = np.sqrt(squares)
    for i in range(a.size):
        a[i] = a[i] / length if length > 1e-12 * size else 0.0
