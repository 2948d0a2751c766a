"""The one interpreter of feature programs, for research and for live.

Memory of a block of w symbols is rows of w numbers: first the registers that keep past rows, then carried state, then
scratch. Each opcode is one straight loop over rows x symbols. Kept registers have `slack` rows of room: time moves
through them by `at` rows a chunk, and when the room is used up the past rows are copied back to the front.
"""

from __future__ import annotations

import numpy as np

from alpha.features.engine.compiled import jit, prefetch
from alpha.features.engine.rolling import adapt, ema, moment, quantile, rank
from alpha.features.engine.windows import gathered

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

_LINE = 64  # bytes


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
def _load(d: np.ndarray, plane: np.ndarray, w: int, s0: int) -> None:
    for t in range(d.size // w):
        row, x = d[t * w : t * w + w], plane[t, s0 : s0 + w]
        for s in range(w):
            row[s] = x[s]


@jit
def _store(plane: np.ndarray, a: np.ndarray, mask: np.ndarray, w: int, s0: int) -> None:
    """Pass on what takes part in the cross-section: tradable and finite."""
    for t in range(plane.shape[0]):
        for s in range(w):
            x = a[t * w + s]
            plane[t, s0 + s] = x if abs(x) < np.inf and mask[t * w + s] != 0.0 else np.nan


@jit
def _store_all(plane: np.ndarray, a: np.ndarray, w: int, s0: int) -> None:
    for t in range(plane.shape[0]):
        for s in range(w):
            plane[t, s0 + s] = a[t * w + s]


@jit
def _emit(column: np.ndarray, following: np.ndarray, a: np.ndarray, w: int, s0: int) -> None:
    """Write a feature, finite or NaN. Rows are on pages far apart: those that `following` gets are asked for now."""
    for t in range(column.shape[0]):
        row, x, later = column[t, s0 : s0 + w], a[t * w : t * w + w], following[t, s0 : s0 + w]
        for s in range(0, w, _LINE // row.itemsize):
            prefetch(later, s)
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
        ema(d, x, state, w, c0, c1, c2 != 0.0, c3)
    elif op == ADAPT:
        adapt(d, x, y, state, w)
    elif op == RANK:
        rank(d, memory[a - early : a + size], y, w, int(c0), int(c1))
    elif op == QUANTILE:
        quantile(d, y, memory[a - early - w : a + size], state, w, int(c0), c1, c2, c3)
    elif op == MOMENT:
        moment(d, memory[a - early : a + size], y, w, int(c0), c1)
    else:
        gathered(d, memory[a - early : a + size], memory[b - early : b + size], w, int(c0), int(c1), int(c2), c3)


@jit
def _run_chunk(
    code: np.ndarray, constants: np.ndarray, memory: np.ndarray, planes: np.ndarray, out: np.ndarray,
    single: np.ndarray, kept: int, at: int, begin: int, first: int, rows: int, s0: int, w: int,
) -> None:  # fmt: skip
    """Run one stage on one block of symbols, for `rows` that begin at `begin` in the planes, `first` in the result.

    A row of `code` is opcode, destination, three operands, state (all in rows of memory) and plane: the one to load
    from or store to, or the column of the result to emit to; its state is then the column that is emitted next. The
    result is `single` where that is not empty, else `out`: two arrays of either precision, so that all this is
    compiled once and not twice.
    """
    size, end, last = rows * w, begin + rows, first + rows
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
            _load(memory[d : d + size], planes[plane, begin:end], w, s0)
        elif op == STORE:
            _store(planes[plane, begin:end], memory[a : a + size], memory[b : b + size], w, s0)
        elif op == STORE_ALL:
            _store_all(planes[plane, begin:end], memory[a : a + size], w, s0)
        elif single.size:
            _emit(single[plane, first:last], single[code[i, 5], first:last], memory[a : a + size], w, s0)
        else:
            _emit(out[plane, first:last], out[code[i, 5], first:last], memory[a : a + size], w, s0)


@jit
def rewind(memory: np.ndarray, starts: np.ndarray, pasts: np.ndarray, at: int, w: int) -> None:
    """Copy the past rows of every kept register back to its front."""
    for i in range(starts.size):
        to = starts[i] * w
        for j in range(to, to + pasts[i] * w):
            memory[j] = memory[j + at * w]


@jit
def run_block(
    code: np.ndarray, constants: np.ndarray, memory: np.ndarray, planes: np.ndarray, out: np.ndarray,
    single: np.ndarray, starts: np.ndarray, pasts: np.ndarray, kept: int, at: int, first: int, rows: int,
    chunk: int, slack: int, s0: int, w: int,
) -> int:  # fmt: skip
    """Run one stage on one block of symbols, a chunk of rows after the other; return where time is in its memory.

    All rows of one block before the next block: its memory stays in the nearest cache.
    """
    for begin in range(0, rows, chunk):
        size = min(chunk, rows - begin)
        if at + size > slack:
            rewind(memory, starts, pasts, at, w)
            at = 0
        _run_chunk(code, constants, memory, planes, out, single, kept, at, begin, first + begin, size, s0, w)
        at += size
    return at
