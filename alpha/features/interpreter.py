"""The one interpreter of feature programs, for research and for live.

Memory of a block of w symbols is rows of w numbers: first the registers that keep past rows, then carried state, then
scratch. Each opcode is one straight loop over rows x symbols. Kept registers have `slack` rows of room: time moves
through them by `at` rows a chunk, and when the room is used up the past rows are copied back to the front.
"""

from __future__ import annotations

import numpy as np

from alpha.features.compiled import jit
from alpha.features.windows import gathered

OPCODES = (
    "add", "sub", "mul", "div", "min", "max", "gt", "ge",
    "add_c", "mul_c", "div_c", "min_c", "max_c", "gt_c", "ge_c", "lt_c", "le_c", "c_sub", "c_div", "pow_c", "fill",
    "abs", "sqrt", "log", "exp", "sign", "is_finite",
    "add_both", "add_scaled", "add_product", "mul_scaled",
    "where", "ema", "adapt", "rank", "quantile", "moment", "gather", "load", "store", "store_all", "emit",
)  # fmt: skip
(
    ADD, SUB, MUL, DIV, MIN, MAX, GT, GE,
    ADD_C, MUL_C, DIV_C, MIN_C, MAX_C, GT_C, GE_C, LT_C, LE_C, C_SUB, C_DIV, POW_C, FILL,
    ABS, SQRT, LOG, EXP, SIGN, IS_FINITE,
    ADD_BOTH, ADD_SCALED, ADD_PRODUCT, MUL_SCALED,
    WHERE, EMA, ADAPT, RANK, QUANTILE, MOMENT, GATHER, LOAD, STORE, STORE_ALL, EMIT,
) = range(len(OPCODES))  # fmt: skip


@jit
def _binary(op: int, m: np.ndarray, d: int, a: int, b: int, n: int) -> None:
    if op == ADD:
        for j in range(n):
            m[d + j] = m[a + j] + m[b + j]
    elif op == SUB:
        for j in range(n):
            m[d + j] = m[a + j] - m[b + j]
    elif op == MUL:
        for j in range(n):
            m[d + j] = m[a + j] * m[b + j]
    elif op == DIV:
        for j in range(n):
            m[d + j] = m[a + j] / m[b + j]
    elif op == MIN:
        for j in range(n):
            m[d + j] = m[a + j] if (m[a + j] < m[b + j] or m[a + j] != m[a + j]) else m[b + j]
    elif op == MAX:
        for j in range(n):
            m[d + j] = m[a + j] if (m[a + j] > m[b + j] or m[a + j] != m[a + j]) else m[b + j]
    elif op == GT:
        for j in range(n):
            m[d + j] = (
                (1.0 if m[a + j] > m[b + j] else 0.0) if m[a + j] == m[a + j] and m[b + j] == m[b + j] else np.nan
            )
    else:
        for j in range(n):
            m[d + j] = (
                (1.0 if m[a + j] >= m[b + j] else 0.0) if m[a + j] == m[a + j] and m[b + j] == m[b + j] else np.nan
            )


@jit
def _constant(op: int, m: np.ndarray, d: int, a: int, c: float, n: int) -> None:
    if op == ADD_C:
        for j in range(n):
            m[d + j] = m[a + j] + c
    elif op == MUL_C:
        for j in range(n):
            m[d + j] = m[a + j] * c
    elif op == DIV_C:
        for j in range(n):
            m[d + j] = m[a + j] / c
    elif op == MIN_C:
        for j in range(n):
            m[d + j] = m[a + j] if (m[a + j] < c or m[a + j] != m[a + j]) else c
    elif op == MAX_C:
        for j in range(n):
            m[d + j] = m[a + j] if (m[a + j] > c or m[a + j] != m[a + j]) else c
    elif op == GT_C:
        for j in range(n):
            m[d + j] = (1.0 if m[a + j] > c else 0.0) if m[a + j] == m[a + j] and c == c else np.nan
    elif op == GE_C:
        for j in range(n):
            m[d + j] = (1.0 if m[a + j] >= c else 0.0) if m[a + j] == m[a + j] and c == c else np.nan
    elif op == LT_C:
        for j in range(n):
            m[d + j] = (1.0 if m[a + j] < c else 0.0) if m[a + j] == m[a + j] and c == c else np.nan
    elif op == LE_C:
        for j in range(n):
            m[d + j] = (1.0 if m[a + j] <= c else 0.0) if m[a + j] == m[a + j] and c == c else np.nan
    elif op == C_SUB:
        for j in range(n):
            m[d + j] = c - m[a + j]
    elif op == C_DIV:
        for j in range(n):
            m[d + j] = c / m[a + j]
    elif op == POW_C:
        for j in range(n):
            m[d + j] = m[a + j] ** c
    else:
        for j in range(n):
            m[d + j] = c


@jit
def _unary(op: int, m: np.ndarray, d: int, a: int, n: int) -> None:
    if op == ABS:
        for j in range(n):
            m[d + j] = abs(m[a + j])
    elif op == SQRT:
        for j in range(n):
            m[d + j] = np.sqrt(m[a + j])
    elif op == LOG:
        for j in range(n):
            m[d + j] = np.log(m[a + j])
    elif op == EXP:
        for j in range(n):
            m[d + j] = np.exp(m[a + j])
    elif op == SIGN:
        for j in range(n):
            m[d + j] = (
                (1.0 if m[a + j] > 0.0 else (-1.0 if m[a + j] < 0.0 else 0.0)) if m[a + j] == m[a + j] else np.nan
            )
    else:
        for j in range(n):
            m[d + j] = 1.0 if abs(m[a + j]) < np.inf else 0.0


@jit
def _fused(op: int, m: np.ndarray, d: int, a: int, b: int, c: int, k: float, n: int) -> None:
    if op == ADD_BOTH:
        for j in range(n):
            m[d + j] = m[a + j] + (m[b + j] + m[c + j])
    elif op == ADD_SCALED:
        for j in range(n):
            m[d + j] = m[a + j] + m[b + j] * k
    elif op == ADD_PRODUCT:
        for j in range(n):
            m[d + j] = m[a + j] + m[b + j] * m[c + j] * k
    else:
        for j in range(n):
            m[d + j] = m[a + j] * m[b + j] * k


@jit
def _where(m: np.ndarray, d: int, a: int, b: int, c: int, n: int) -> None:
    for j in range(n):
        m[d + j] = (m[b + j] if m[a + j] != 0.0 else m[c + j]) if m[a + j] == m[a + j] else np.nan


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
    n = d.size
    x = past[(window - 1) * w : (window - 1) * w + n]
    for j in range(n):
        d[j] = 1.0 + (x[j] - x[j])  # NaN, where it is not finite
    for k in range(window - 1):
        y = past[k * w : k * w + n]
        for j in range(n):
            d[j] += (0.5 if y[j] < x[j] else 0.0) + (0.5 if y[j] <= x[j] else 0.0) + (y[j] - y[j])
    for j in range(n):
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
def _quantile(d: np.ndarray, past: np.ndarray, state: np.ndarray, w: int, window: int, q: float, least: float) -> None:
    """State: rows that hold each symbol's window in ascending order, inf where a value is missing; and their number.

    A row goes out of the window and one comes in by comparisons alone, without a search, for all symbols at once.
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
            position = q * (count[s] - 1.0)
            if count[s] >= least:
                below = int(position)
                value = state[below * w + s]
                if position > below:
                    value += (position - below) * (state[(below + 1) * w + s] - value)
                d[j + s] = value
            else:
                d[j + s] = np.nan


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
def _emit(column: np.ndarray, a: np.ndarray, w: int, s0: int) -> None:
    """Write a feature, finite or NaN."""
    for t in range(column.shape[0]):
        row, x = column[t, s0 : s0 + w], a[t * w : t * w + w]
        for s in range(w):
            row[s] = x[s] if abs(x[s]) < np.inf else np.nan


@jit
def _address(row: int, kept: int, at: int, w: int) -> int:
    return (row + at if row < kept else row) * w


@jit
def _elementwise(op: int, m: np.ndarray, d: int, a: int, b: int, c: int, n: int, k: float) -> None:
    """Compute n numbers at `d` of the memory from those at `a`, `b` and `c`.

    Addresses instead of slices, since a slice takes longer than a short loop; and unsigned, since only then does the
    compiler know that none counts from the end, and vectorises.
    """
    if op <= GE:
        _binary(op, m, d, a, b, n)
    elif op <= FILL:
        _constant(op, m, d, a, k, n)
    elif op <= IS_FINITE:
        _unary(op, m, d, a, n)
    elif op <= MUL_SCALED:
        _fused(op, m, d, a, b, c, k, n)
    else:
        _where(m, d, a, b, c, n)


@jit
def _with_memory(
    op: int, memory: np.ndarray, to: int, a: int, b: int, state: np.ndarray, size: int, w: int,
    c0: float, c1: float, c2: float, c3: float,
) -> None:  # fmt: skip
    """Compute what needs past rows, or state that goes from row to row."""
    d, x, y = memory[to : to + size], memory[a : a + size], memory[b : b + size]
    early = (int(c0) - 1) * w
    if op == EMA:
        _ema(d, x, state, w, c0, c1, c2 != 0.0, c3)
    elif op == ADAPT:
        _adapt(d, x, y, state, w)
    elif op == RANK:
        _rank(d, memory[a - early : a + size], w, int(c0))
    elif op == QUANTILE:
        _quantile(d, memory[a - early - w : a + size], state, w, int(c0), c1, c2)
    elif op == MOMENT:
        _moment(d, memory[a - early : a + size], y, w, int(c0), c1)
    else:
        gathered(d, memory[a - early : a + size], memory[b - early : b + size], w, int(c0), int(c1), int(c2), c3)


@jit
def run_block(
    code: np.ndarray, constants: np.ndarray, memory: np.ndarray, planes: np.ndarray, out: np.ndarray,
    single: np.ndarray, kept: int, at: int, first: int, rows: int, s0: int, w: int,
) -> None:  # fmt: skip
    """Run one stage on one block of symbols, for the `rows` of the result that begin at `first`.

    A row of `code` is opcode, destination, three operands, state (all in rows of memory) and plane: the one to load
    from or store to, or the column of the result to emit to. That is `single` where it is not empty, else `out`: two
    arrays of either precision, so that all this is compiled once and not twice.
    """
    size = rows * w
    for i in range(code.shape[0]):
        op, plane = code[i, 0], code[i, 6]
        d, a = _address(code[i, 1], kept, at, w), _address(code[i, 2], kept, at, w)
        b, c = _address(code[i, 3], kept, at, w), _address(code[i, 4], kept, at, w)
        k = constants[i]
        if op <= WHERE:
            _elementwise(op, memory, np.uint64(d), np.uint64(a), np.uint64(b), np.uint64(c), np.uint64(size), k[0])
        elif op <= GATHER:
            _with_memory(op, memory, d, a, b, memory[code[i, 5] * w :], size, w, k[0], k[1], k[2], k[3])
        elif op == LOAD:
            _load(memory[d : d + size], planes[plane], w, s0)
        elif op == STORE:
            _store(planes[plane], memory[a : a + size], memory[b : b + size], rows, w, s0)
        elif op == STORE_ALL:
            _store_all(planes[plane], memory[a : a + size], rows, w, s0)
        elif single.size:
            _emit(single[plane, first : first + rows], memory[a : a + size], w, s0)
        else:
            _emit(out[plane, first : first + rows], memory[a : a + size], w, s0)


@jit
def rewind(memory: np.ndarray, starts: np.ndarray, pasts: np.ndarray, at: int, w: int) -> None:
    """Copy the past rows of every kept register back to its front."""
    for i in range(starts.size):
        to = starts[i] * w
        for j in range(to, to + pasts[i] * w):
            memory[j] = memory[j + at * w]
