"""The one interpreter of feature programs, for research and for live.

Memory of a block of w symbols is rows of w numbers: first the registers that keep past rows, then carried state, then
scratch. Each opcode is one straight loop over rows x symbols. Kept registers have `slack` rows of room: time moves
through them by `at` rows a chunk, and when the room is used up the past rows are copied back to the front.
"""

from __future__ import annotations

import numba
import numpy as np

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

OPCODES = (
    "add", "sub", "mul", "div", "min", "max", "gt", "ge",
    "add_c", "mul_c", "div_c", "min_c", "max_c", "gt_c", "ge_c", "lt_c", "le_c", "c_sub", "c_div", "fill",
    "abs", "sqrt", "log", "exp", "sign", "is_finite",
    "where", "ema", "rank", "quantile", "load", "store",
)  # fmt: skip
(
    ADD, SUB, MUL, DIV, MIN, MAX, GT, GE,
    ADD_C, MUL_C, DIV_C, MIN_C, MAX_C, GT_C, GE_C, LT_C, LE_C, C_SUB, C_DIV, FILL,
    ABS, SQRT, LOG, EXP, SIGN, IS_FINITE,
    WHERE, EMA, RANK, QUANTILE, LOAD, STORE,
) = range(len(OPCODES))  # fmt: skip
CROSSINGS = ("cs_rank", "cs_zscore", "cs_demean", "cs_mean")
CS_RANK, CS_ZSCORE, CS_DEMEAN, CS_MEAN = range(len(CROSSINGS))


@_jit
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


@_jit
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
    else:
        for j in range(n):
            d[j] = c


@_jit
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


@_jit
def _where(d: np.ndarray, condition: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    for j in range(d.size):
        d[j] = (a[j] if condition[j] != 0.0 else b[j]) if condition[j] == condition[j] else np.nan


@_jit
def _ema(d: np.ndarray, a: np.ndarray, state: np.ndarray, w: int, window: float, alpha: float, from_mean: bool) -> None:
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
                d[j + s] = average[s] if count >= window else np.nan
            else:
                d[j + s] = np.nan


@_jit
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


@_jit
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


@_jit
def _quantile(d: np.ndarray, past: np.ndarray, state: np.ndarray, w: int, window: int, q: float) -> None:
    """State: for each symbol its window in ascending order without NaN, and then the number of values in it."""
    position = q * (window - 1)
    below = int(position)
    part = position - below
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
            if count == window:
                value = ordered[below]
                if part > 0.0:
                    value += part * (ordered[below + 1] - value)
            d[j] = value
        state[w * window + s] = count


@_jit
def _load(d: np.ndarray, plane: np.ndarray, w: int, s0: int) -> None:
    for t in range(d.size // w):
        for s in range(w):
            d[t * w + s] = plane[t, s0 + s]


@_jit
def _store(plane: np.ndarray, a: np.ndarray, mask: np.ndarray, rows: int, w: int, s0: int) -> None:
    """Pass on what takes part in the cross-section: tradable and finite."""
    for t in range(rows):
        for s in range(w):
            x = a[t * w + s]
            plane[t, s0 + s] = x if abs(x) < np.inf and mask[t * w + s] != 0.0 else np.nan


@_jit
def _address(row: int, kept: int, at: int, w: int) -> int:
    return (row + at if row < kept else row) * w


@_jit
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
        c0, c1, c2 = constants[i, 0], constants[i, 1], constants[i, 2]
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
            _ema(d, a, state, w, c0, c1, c2 != 0.0)
        elif op == RANK:
            _rank(d, memory[from_a - (int(c0) - 1) * w : from_a + size], w, int(c0))
        elif op == QUANTILE:
            _quantile(d, memory[from_a - int(c0) * w : from_a + size], state, w, int(c0), c1)
        elif op == LOAD:
            _load(d, planes[plane], w, s0)
        else:
            _store(planes[plane], a, b, rows, w, s0)


@_jit
def rewind(memory: np.ndarray, starts: np.ndarray, pasts: np.ndarray, at: int, w: int) -> None:
    """Copy the past rows of every kept register back to its front."""
    for i in range(starts.size):
        to = starts[i] * w
        for j in range(to, to + pasts[i] * w):
            memory[j] = memory[j + at * w]


@_jit
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


@_jit
def _ranks(out: np.ndarray, x: np.ndarray, order: np.ndarray, count: int) -> None:
    i = 0
    while i < count:
        j = i
        while j + 1 < count and x[order[j + 1]] == x[order[i]]:
            j += 1
        for k in range(i, j + 1):
            out[order[k]] = ((i + j) * 0.5 + 0.5) / count - 0.5
        i = j + 1


@_jit
def _centred(out: np.ndarray, x: np.ndarray, order: np.ndarray, count: int) -> float:
    """Write deviations from the mean, and return the mean. Sums run over sorted values, from the least."""
    least, total = x[order[0]], 0.0
    for k in range(count):
        total += x[order[k]] - least
    mean = least + total / count
    for k in range(count):
        out[order[k]] = x[order[k]] - mean
    return mean


@_jit
def _scaled(out: np.ndarray, order: np.ndarray, count: int) -> None:
    squares = 0.0
    for k in range(count):
        squares += out[order[k]] * out[order[k]]
    deviation = np.sqrt(squares / (count - 1)) if count > 1 else 0.0
    equal = out[order[0]] == out[order[count - 1]]
    for k in range(count):
        out[order[k]] = np.nan if equal else out[order[k]] / deviation


@_jit
def cross(op: int, out: np.ndarray, x: np.ndarray, order: np.ndarray) -> None:
    """Compare the symbols of each row. `order` sorts each row of `x`, NaN last."""
    symbols = x.shape[1]
    for t in range(x.shape[0]):
        count = 0
        while count < symbols and x[t, order[t, count]] == x[t, order[t, count]]:
            count += 1
        for s in range(symbols):
            out[t, s] = np.nan
        if count == 0:
            continue
        if op == CS_RANK:
            _ranks(out[t], x[t], order[t], count)
            continue
        mean = _centred(out[t], x[t], order[t], count)
        if op == CS_ZSCORE:
            _scaled(out[t], order[t], count)
        elif op == CS_MEAN:
            for s in range(symbols):
                out[t, s] = mean


def warm() -> None:
    """Compile everything, or load what an earlier process has compiled."""
    memory, planes = np.zeros(1), np.zeros((1, 1, 1))
    run_block(np.zeros((0, 7), np.int64), np.zeros((0, 3)), memory, planes, 0, 0, 0, 0, 1)
    rewind(memory, np.zeros(0, np.int64), np.zeros(0, np.int64), 0, 1)
    emit(planes, memory, planes, np.zeros((0, 2), np.int64), 0, 0, 0, 1)
    cross(CS_RANK, planes[0], planes[0].copy(), np.zeros((1, 1), np.int64))
