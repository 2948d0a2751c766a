"""A program with memory, run a chunk of rows at a time on blocks of symbols."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from alpha.features.apply import FUNCTIONS
from alpha.features.engine.crossing import CROSSINGS, cross, ordered
from alpha.features.engine.interpreter import OPCODES, rewind, run_block
from alpha.features.engine.lower import Ref
from alpha.features.engine.program import Crossing, Program, Shape, Stage

_NO_DOUBLE, _NO_SINGLE = np.empty((0, 1, 1)), np.empty((0, 1, 1), np.float32)


class Machine:
    """A program with memory: the state of a computation at one instant.

    Parameters
    ----------
    program : Program
    symbols : int
    shape : Shape
    """

    def __init__(self, program: Program, symbols: int, shape: Shape) -> None:
        self.program, self.chunk, self.slack, self._at = program, shape.chunk, shape.slack, 0
        self.blocks = [(s0, min(shape.width, symbols - s0)) for s0 in range(0, symbols, shape.width)]
        self._layout()
        self._code = [self._assembled(stage) for stage in program.stages]
        rows = program.rows(shape.chunk, shape.slack)
        self.memory = [np.full(rows * w, np.nan) for _, w in self.blocks]
        self.planes = np.full((program.planes, shape.span, symbols), np.nan)

    def run(
        self, inputs: Sequence[np.ndarray], span: slice, out: np.ndarray, each: Callable[..., Iterator[Any]] = map
    ) -> None:
        """Run the next rows: `inputs` are (rows, N) in the program's order; results go to those of `out`, (F, T, N)."""
        first, rows = span.start, span.stop - span.start
        if self._at + min(rows, self.chunk) > self.slack:
            self.rewind(each)
        for plane, values in zip(self.planes, inputs, strict=False):
            plane[:rows] = values
        ends = [self._at]
        for stage, (code, constants) in zip(self.program.stages, self._code, strict=True):
            ends = list(each(partial(self._run_block, code, constants, first, rows, out), range(len(self.blocks))))
            _finish(each(partial(self._cross, rows), stage.crossings))
        for column, source in self.program.crossed:
            crossed = self.planes[source, :rows]
            out[column, first : first + rows] = np.where(np.isfinite(crossed), crossed, np.nan)
        self._at = ends[0] if ends else 0  # the same in all blocks

    def rewind(self, each: Callable[..., Iterator[Any]] = map) -> None:
        """Make room in the kept registers: afterwards equal computations have equal memory."""
        _finish(each(self._rewind_block, range(len(self.blocks))))
        self._at = 0

    def state(self) -> np.ndarray:
        """Return a copy of all that outlasts a call; for a machine of one block."""
        self.rewind()
        return self._rows()[self._lasting].ravel()

    def restore(self, state: np.ndarray) -> None:
        """Continue from a copy."""
        self._at = 0
        rows = self._rows()
        rows[self._lasting] = state.reshape(-1, rows.shape[1])

    def _rows(self) -> np.ndarray:
        return self.memory[0].reshape(-1, max(self.blocks[0][1], 1))

    def _rewind_block(self, at: int) -> None:
        rewind(self.memory[at], self._starts, self._pasts, self._at, self.blocks[at][1])

    def _run_block(
        self, code: np.ndarray, constants: np.ndarray, first: int, rows: int, out: np.ndarray, at: int
    ) -> int:
        s0, w = self.blocks[at]
        double, single = (out, _NO_SINGLE) if out.dtype == np.float64 else (_NO_DOUBLE, out)
        end = run_block(code, constants, self.memory[at], self.planes, double, single, self._starts, self._pasts,
                        self._kept, self._at, first, rows, self.chunk, self.slack, s0, w)  # fmt: skip
        return int(end)

    def _cross(self, rows: int, crossing: Crossing) -> None:
        target = self.planes[crossing.target, :rows]
        if crossing.op == "apply":
            self._apply(target, crossing)
            return
        grouped, c0, c1 = (*map(float, crossing.constants), 0.0, 0.0)[:3]
        first, *others = crossing.sources
        x = self.planes[first, :rows]
        groups = self.planes[others[0], :rows] if grouped else x
        columns = self.planes[others[int(grouped) :], :rows]
        order = ordered(x, groups if grouped else None, columns)
        cross(CROSSINGS.index(crossing.op), target, x, groups, columns, order, grouped > 0, c0, c1)

    def _apply(self, target: np.ndarray, crossing: Crossing) -> None:
        name, window, *params = crossing.constants
        past = int(window) - 1
        arrays = [self._history(ref, past, len(target)) for ref in crossing.args]
        for t in range(len(target)):
            target[t] = FUNCTIONS[str(name)](*(array[t : t + past + 1] for array in arrays), *params)

    def _history(self, ref: Ref, past: int, rows: int) -> np.ndarray:
        """Return the newest rows of a register of all symbols, with `past` rows before them."""
        start = self._now[ref.node] - ref.lag - past + self._at
        parts = [memory[start * w : (start + past + rows) * w].reshape(past + rows, w)
                 for memory, (_, w) in zip(self.memory, self.blocks, strict=True)]  # fmt: skip
        whole = np.concatenate(parts, axis=1)
        whole.flags.writeable = False
        return whole

    def _layout(self) -> None:
        """Place every register: `_now[node]` is the row of memory where its current rows begin."""
        program, row = self.program, 0
        self._now: dict[int, int] = {}
        self._state: dict[int, int] = {}
        starts = []
        for node, past in program.kept.items():
            starts.append(row)
            self._now[node] = row + past
            row += past + self.slack
        self._kept = row
        for node, carried in program.carried.items():
            self._state[node] = row
            row += carried
        held = [np.arange(start, start + past) for start, past in zip(starts, program.kept.values(), strict=True)]
        self._lasting = np.concatenate([*held, np.arange(self._kept, row)]).astype(np.int64)
        self._now |= {node: row + scratch * self.chunk for node, scratch in program.scratch.items()}
        self._starts = np.array(starts, np.int64)
        self._pasts = np.array(list(program.kept.values()), np.int64)

    def _assembled(self, stage: Stage) -> tuple[np.ndarray, np.ndarray]:
        code = np.zeros((len(stage.instructions), 7), np.int64)
        constants = np.zeros((len(stage.instructions), 4))
        for i, (op, node, args, values, plane, twin) in enumerate(stage.instructions):
            operands = [self._now[ref.node] - ref.lag for ref in args] + [self._now[n] for n in (twin,) if n >= 0]
            code[i, :2] = OPCODES.index(op), self._now.get(node, 0)
            code[i, 2 : 2 + len(operands)] = operands
            code[i, 5:] = self._state.get(node, 0), plane
            constants[i, : len(values)] = values
        emits = np.flatnonzero(code[:, 0] == OPCODES.index("emit"))
        code[emits, 5] = code[np.append(emits[1:], emits[-1:]), 6]
        return code, constants


def _finish(results: Iterable[Any]) -> None:
    for _ in results:
        pass
