"""The one interpreter of feature programs, for research and for live.

Memory of a block of w symbols is rows of w numbers: first the registers that keep past rows, then carried state, then
scratch. Each opcode is one straight loop over rows x symbols. Kept registers have `slack` rows of room: time moves
through them by `at` rows a chunk, and when the room is used up the past rows are copied back to the front.
"""

from __future__ import annotations

import numpy as np

from alpha.features.compiled import jit
from alpha.features.crossing import cross
from alpha.features.windows import gathered

OPCODES = (
    "add", "sub", "mul", "div", "min", "max", "gt", "ge",
    "add_c", "mul_c", "div_c", "min_c", "max_c", "gt_c", "ge_c", "lt_c", "le_c", "c_sub", "c_div", "pow_c", "fill",
    "abs", "sqrt", "log", "exp", "sign", "is_finite",
    "where", "ema", "adapt", "rank", "quantile", "moment", "gather", "load", "store", "store_all",
)  # fmt: skip
(
    ADD, SUB, MUL, DIV, MIN, MAX, GT, GE,
    ADD_C, MUL_C, DIV_C, MIN_C, MAX_C, GT_C, GE_C, LT_C, LE_C, C_SUB, C_DIV, POW_C, FILL,
    ABS, SQRT, LOG, EXP, SIGN, IS_FINITE,
    WHERE, EMA, ADAPT, RANK, QUANTILE, MOMENT, GATHER, LOAD, STORE, STORE_ALL,
) = range(len(OPCODES))  # fmt: skip


@jit
def _binary(op: int, d: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    n = d.size
    if op == ADD:
        for j in range(n):
            d[j] = a[j] + b[j]
    elif op == SUB:
        for j in range(n):
            d[j] = a[j] - b[j]
    elif op == MUL:
        for j in range(n):
            d[j] = a[j] * b[j]
    elif op == DIV:
        for j in range(n):
            d[j] = a[j] / b[j]
    elif op == MIN:
        for j in range(n):
            d[j] = a[j] if (a[j] < b[j] or a[j] != a[j]) else b[j]
    elif op == MAX:
        for j in range(n):
            d[j] = a[j] if (a[j] > b[j] or a[j] != a[j]) else b[j]
    elif op == GT:
        for j in range(n):
            d[j] = (1.0 if a[j] > b[j] else 0.0) if a[j] == a[j] and b[j] == b[j] else np.nan
    else:
        for j in range(n):
            d[j] = (1.0 if a[j] >= b[j] else 0.0) if a[j] == a[j] and b[j] == b[j] else np.nan


@jit
def _constant(op: int, d: np.ndarray, a: np.ndarray, c: float) -> None:
    n = d.size
    if op == ADD_C:
        for j in range(n):
            d[j] = a[j] + c
    elif op == MUL_C:
        for j in range(n):
            d[j] = a[j] * c
    elif op == DIV_C:
        for j in range(n):
            d[j] = a[j] / c
    elif op == MIN_C:
        for j in range(n):
            d[j] = a[j] if (a[j] < c or a[j] != a[j]) else c
    elif op == MAX_C:
        for j in range(n):
            d[j] = a[j] if (a[j] > c or a[j] != a[j]) else c
    elif op == GT_C:
        for j in range(n):
            d[j] = (1.0 if a[j] > c else 0.0) if a[j] == a[j] and c == c else np.nan
    elif op == GE_C:
        for j in range(n):
            d[j] = (1.0 if a[j] >= c else 0.0) if a[j] == a[j] and c == c else np.nan
    elif op == LT_C:
        for j in range(n):
            d[j] = (1.0 if a[j] < c else 0.0) if a[j] == a[j] and c == c else np.nan
    elif op == LE_C:
        for j in range(n):
            d[j] = (1.0 if a[j] <= c else 0.0) if a[j] == a[j] and c == c else np.nan
    elif op == C_SUB:
        for j in range(n):
            d[j] = c - a[j]
    elif op == C_DIV:
        for j in range(n):
            d[j] = c / a[j]
    elif op == POW_C:
        for j in range(n):
            d[j] = a[j] ** c
    else:
        for j in range(n):
            d[j] = c


@jit
def _unary(op: int, d: np.ndarray, a: np.ndarray) -> None:
    n = d.size
    if op == ABS:
        for j in range(n):
            d[j] = abs(a[j])
    elif op == SQRT:
        for j in range(n):
            d[j] = np.sqrt(a[j])
    elif op == LOG:
        for j in range(n):
            d[j] = np.log(a[j])
    elif op == EXP:
        for j in range(n):
            d[j] = np.exp(a[j])
    elif op == SIGN:
        for j in range(n):
            d[j] = (1.0 if a[j] > 0.0 else (-1.0 if a[j] < 0.0 else 0.0)) if a[j] == a[j] else np.nan
    else:
        for j in range(n):
            d[j] = 1.0 if abs(a[j]) < np.inf else 0.0


@jit
def _where(d: np.ndarray, condition: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    for j in range(d.size):
        d[j] = (a[j] if condition[j] != 0.0 else b[j]) if condition[j] == condition[j] else np.nan


@jit
def _ema(
    d: np.ndarray, a: np.ndarray, state: np.ndarray, w: int, window: float, alpha: float, from_mean: bool, least: float
) -> None:
    """State: the average, and how many finite values it has seen (NaN: none)."""
    average, seen = state[:w], state[w : 2 * w]
    for j in range(0, d.size, w):
        for s in range(w):
            x = a[j + s]
            count = seen[s] if seen[s] == seen[s] else 0.0
            if abs(x) < np.inf:
                count += 1.0
                weight = 1.0 / min(count, window) if from_mean else alpha
                average[s] = x if count == 1.0 else average[s] + weight * (x - average[s])
                seen[s] = count
                d[j + s] = average[s] if count >= least else np.nan
            else:
                d[j + s] = np.nan


@jit
def _adapt(d: np.ndarray, a: np.ndarray, weight: np.ndarray, state: np.ndarray, w: int) -> None:
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
def _rank(d: np.ndarray, past: np.ndarray, w: int, window: int) -> None:
    """`past` begins `window` - 1 rows before `d`."""
    now = (window - 1) * w
    for j in range(d.size):
        d[j] = 1.0 if past[now + j] == past[now + j] else np.nan
    for t in range(0, d.size, w):
        for k in range(window - 1):
            for j in range(t, t + w):
                x, y = past[now + j], past[k * w + j]
                d[j] += (0.5 if y < x else 0.0) + (0.5 if y <= x else 0.0) if y == y else np.nan
    for j in range(d.size):
        d[j] /= window


@jit
def _moment(d: np.ndarray, past: np.ndarray, mean: np.ndarray, w: int, window: int, power: float) -> None:
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
def _place(ordered: np.ndarray, count: int, value: float) -> int:
    """Return the first position in an ascending run of `count` values that is not less than `value`."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if ordered[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@jit
def _quantile(d: np.ndarray, past: np.ndarray, state: np.ndarray, w: int, window: int, q: float, least: float) -> None:
    """State: for each symbol its window in ascending order without NaN, and then the number of values in it."""
    for s in range(w):
        ordered = state[s * window : (s + 1) * window]
        count = int(state[w * window + s]) if state[w * window + s] == state[w * window + s] else 0
        for j in range(s, d.size, w):
            old, new = past[j], past[window * w + j] + 0.0  # + 0.0: minus zero would be an equal with other bits
            if old == old:
                count -= 1
                for i in range(_place(ordered, count, old), count):
                    ordered[i] = ordered[i + 1]
            if new == new:
                at = _place(ordered, count, new)
                for i in range(count, at, -1):
                    ordered[i] = ordered[i - 1]
                ordered[at] = new
                count += 1
            value = np.nan
            if count >= least:
                position = q * (count - 1)
                below = int(position)
                value = ordered[below]
                if position > below:
                    value += (position - below) * (ordered[below + 1] - value)
            d[j] = value
        state[w * window + s] = count


@jit
def _load(d: np.ndarray, plane: np.ndarray, w: int, s0: int) -> None:
    for t in range(d.size // w):
        for s in range(w):
            d[t * w + s] = plane[t, s0 + s]


@jit
def _store(plane: np.ndarray, a: np.ndarray, mask: np.ndarray, rows: int, w: int, s0: int) -> None:
    """Pass on what takes part in the cross-section: tradable and finite."""
    for t in range(rows):
        for s in range(w):
            x = a[t * w + s]
            plane[t, s0 + s] = x if abs(x) < np.inf and mask[t * w + s] != 0.0 else np.nan


@jit
def _store_all(plane: np.ndarray, a: np.ndarray, rows: int, w: int, s0: int) -> None:
    for t in range(rows):
        for s in range(w):
            plane[t, s0 + s] = a[t * w + s]


@jit
def _address(row: int, kept: int, at: int, w: int) -> int:
    return (row + at if row < kept else row) * w


@jit
def run_block(
    code: np.ndarray, constants: np.ndarray, memory: np.ndarray, planes: np.ndarray,
    kept: int, at: int, rows: int, s0: int, w: int,
) -> None:  # fmt: skip
    """Run one stage on one block of symbols.

    A row of `code` is opcode, destination, three operands, state (all in rows of memory) and plane.
    """
    size = rows * w
    for i in range(code.shape[0]):
        op, plane = code[i, 0], code[i, 6]
        to = _address(code[i, 1], kept, at, w)
        from_a = _address(code[i, 2], kept, at, w)
        from_b = _address(code[i, 3], kept, at, w)
        d, a, b = memory[to : to + size], memory[from_a : from_a + size], memory[from_b : from_b + size]
        c0, c1, c2, c3 = constants[i, 0], constants[i, 1], constants[i, 2], constants[i, 3]
        state = memory[code[i, 5] * w :]
        if op <= GE:
            _binary(op, d, a, b)
        elif op <= FILL:
            _constant(op, d, a, c0)
        elif op <= IS_FINITE:
            _unary(op, d, a)
        elif op == WHERE:
            from_c = _address(code[i, 4], kept, at, w)
            _where(d, a, b, memory[from_c : from_c + size])
        elif op == EMA:
            _ema(d, a, state, w, c0, c1, c2 != 0.0, c3)
        elif op == ADAPT:
            _adapt(d, a, b, state, w)
        elif op == RANK:
            _rank(d, memory[from_a - (int(c0) - 1) * w : from_a + size], w, int(c0))
        elif op == QUANTILE:
            _quantile(d, memory[from_a - int(c0) * w : from_a + size], state, w, int(c0), c1, c2)
        elif op == MOMENT:
            _moment(d, memory[from_a - (int(c0) - 1) * w : from_a + size], b, w, int(c0), c1)
        elif op == GATHER:
            early = (int(c0) - 1) * w
            gathered(d, memory[from_a - early : from_a + size], memory[from_b - early : from_b + size],
                     w, int(c0), int(c1), int(c2), c3)  # fmt: skip
        elif op == LOAD:
            _load(d, planes[plane], w, s0)
        elif op == STORE:
            _store(planes[plane], a, b, rows, w, s0)
        else:
            _store_all(planes[plane], a, rows, w, s0)


@jit
def rewind(memory: np.ndarray, starts: np.ndarray, pasts: np.ndarray, at: int, w: int) -> None:
    """Copy the past rows of every kept register back to its front."""
    for i in range(starts.size):
        to = starts[i] * w
        for j in range(to, to + pasts[i] * w):
            memory[j] = memory[j + at * w]


@jit
def emit(
    out: np.ndarray, memory: np.ndarray, planes: np.ndarray, ends: np.ndarray, kept: int, at: int, s0: int, w: int
) -> None:
    """Write the features of a block, finite or NaN: `ends` holds a plane (or -1) and a row of memory for each."""
    for t in range(out.shape[0]):
        for f in range(ends.shape[0]):
            if ends[f, 0] >= 0:
                for s in range(w):
                    x = planes[ends[f, 0], t, s0 + s]
                    out[t, s0 + s, f] = x if abs(x) < np.inf else np.nan
            else:
                row = _address(ends[f, 1], kept, at, w) + t * w
                for s in range(w):
                    x = memory[row + s]
                    out[t, s0 + s, f] = x if abs(x) < np.inf else np.nan


def warm() -> None:
    """Compile everything, or load what an earlier process has compiled."""
    memory, planes = np.zeros(1), np.zeros((1, 1, 1))
    run_block(np.zeros((0, 7), np.int64), np.zeros((0, 4)), memory, planes, 0, 0, 0, 0, 1)
    rewind(memory, np.zeros(0, np.int64), np.zeros(0, np.int64), 0, 1)
    emit(planes, memory, planes, np.zeros((0, 2), np.int64), 0, 0, 0, 1)
    cross(0, planes[0], planes[0], planes[0], planes, np.zeros((1, 1), np.int64), False, 0.0, 0.0)
