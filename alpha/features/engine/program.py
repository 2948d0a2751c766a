"""A register program, which the interpreter runs chunk of rows after chunk of rows.

Every value has a register. One that is read with a lag *keeps* as many past rows as its readers need; a lag is then an
address in it. The others use *scratch* registers, which are recycled as soon as no instruction reads them any more.
Opcodes that carry something from row to row have *state* rows. Cross-sectional operations need whole rows, while
everything else runs on blocks of symbols, so they cut the program into stages; *planes* of rows x all symbols pass
fields in, and values from one stage to the next.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from alpha.features.engine.fuse import fuse
from alpha.features.engine.lower import CROSS, Graph, Node, Ref
from alpha.features.expr import Expr

_CARRIED = {
    "ema": lambda constants: 2,
    "adapt": lambda constants: 1,
    "quantile": lambda constants: int(constants[0]) + 1,
}
_REACH = {
    "rank": lambda constants: int(constants[0]) - 1, "quantile": lambda constants: int(constants[0]),
    "moment": lambda constants: int(constants[0]) - 1, "gather": lambda constants: int(constants[0]) - 1,
    "apply": lambda constants: int(constants[1]) - 1,
}  # fmt: skip


class Instruction(NamedTuple):
    """One operation on registers; `plane` is where `load` reads from and `store` writes to, or the column to emit.

    `twin` is a second node that it computes too, or the same one.
    """

    op: str
    node: int
    args: tuple[Ref, ...]
    constants: tuple[float, ...] = ()
    plane: int = 0
    twin: int = -1


class Crossing(NamedTuple):
    """One operation on whole rows, from planes to a plane; a window function reads registers (`args`) instead."""

    op: str
    sources: tuple[int, ...]
    target: int
    constants: tuple[float | str, ...] = ()
    args: tuple[Ref, ...] = ()


@dataclass(frozen=True)
class Stage:
    """Instructions that run on blocks of symbols, then operations that compare all symbols."""

    instructions: tuple[Instruction, ...]
    crossings: tuple[Crossing, ...]


class Shape(NamedTuple):
    """The pieces in which a program is run. No value depends on them.

    Parameters
    ----------
    span : int
        Most rows that one call may run.
    chunk : int
        Rows of a register. Of a program that compares symbols, as many as `span`.
    width : int
        Symbols in a block.
    slack : int
        Rows of room in a register that keeps past ones, at least `chunk`.
    """

    span: int
    chunk: int
    width: int
    slack: int


@dataclass(frozen=True)
class Program:
    """A compiled plan. It knows nothing of symbols, threads or chunks.

    Parameters
    ----------
    inputs : tuple of str
        Fields, in the order of the first planes.
    stages : tuple of Stage
    crossed : tuple of (column, plane)
        Features that are the result of a comparison of all symbols; the others are emitted by instructions.
    kept : mapping of node to number of past rows
    carried : mapping of node to number of state rows
    scratch : mapping of node to scratch register
    """

    inputs: tuple[str, ...]
    stages: tuple[Stage, ...]
    crossed: tuple[tuple[int, int], ...]
    kept: dict[int, int]
    carried: dict[int, int]
    scratch: dict[int, int]
    planes: int

    @cached_property
    def scratches(self) -> int:
        """Number of scratch registers."""
        return max(self.scratch.values(), default=-1) + 1

    @cached_property
    def size(self) -> int:
        """Number of instructions."""
        return sum(len(stage.instructions) + len(stage.crossings) for stage in self.stages)

    @cached_property
    def id(self) -> str:
        """Hash of everything the interpreter executes."""
        whole = (self.inputs, self.stages, self.crossed, self.kept, self.carried, self.scratch)
        return hashlib.sha256(repr(whole).encode()).hexdigest()

    def rows(self, chunk: int, slack: int) -> int:
        """Return how many numbers a symbol takes: `chunk` rows of each register, room for `slack` where it is kept."""
        kept = sum(self.kept.values()) + slack * len(self.kept)
        return kept + sum(self.carried.values()) + chunk * self.scratches


def compile_program(expressions: Sequence[Expr]) -> Program:
    """Compile expressions into one program that computes equal sub-expressions once."""
    graph = Graph()
    outputs = [graph.output(expression) for expression in expressions]
    return _Compiler(graph.nodes, outputs).program()


class _Compiler:
    def __init__(self, nodes: list[Node], outputs: list[Ref]) -> None:
        self.nodes, self.outputs = fuse(nodes, _in_order_of_need(nodes, outputs), outputs), outputs
        self.order = _in_order_of_need(self.nodes, outputs)
        self.stage = self._stages()
        self.loaded = self._loaded()
        fields = (str(nodes[i].constants[0]) for i in self.order if nodes[i].op == "load")
        self.inputs = tuple(dict.fromkeys(fields))
        self.sources, self.targets = self._planes()
        self.twins = self._twins()

    def program(self) -> Program:
        kept = self._kept()
        stages = self._instructions()
        flat = [instruction for stage in stages for instruction in stage.instructions]
        crossed = tuple((f, self.targets[ref.node]) for f, ref in enumerate(self.outputs) if self._is_crossed(ref))
        carried = {made.node: _CARRIED[made.op](made.constants) for made in flat if made.op in _CARRIED}
        planes = len(self.inputs) + len(self.sources) + len(self.targets)
        return Program(self.inputs, stages, crossed, kept, carried, _recycled(flat, kept), planes)

    def _live(self) -> list[tuple[int, Node]]:
        return [(i, self.nodes[i]) for i in self.order]

    def _stages(self) -> dict[int, int]:
        stage: dict[int, int] = {}
        for i, node in self._live():
            stage[i] = max((stage[ref.node] for ref in node.args), default=0) + (node.op in CROSS)
        return stage

    def _loaded(self) -> set[int]:
        """Return the cross-sectional nodes that something reads from a register."""
        read = {ref.node for _, node in self._live() for ref in node.args}
        read |= {ref.node for ref in self.outputs if ref.lag}
        return {i for i in read if self.nodes[i].op in CROSS}

    def _planes(self) -> tuple[dict[tuple[int, Ref, bool], int], dict[int, int]]:
        """Number the planes: inputs, then for each stage the values compared (masked or whole), then the results."""
        sources: dict[tuple[int, Ref, bool], int] = {}
        targets: dict[int, int] = {}
        crossing = sorted((i for i, node in self._live() if node.op in CROSS), key=self.stage.__getitem__)
        for i in crossing:
            for key in self._across(i):
                sources.setdefault(key, len(self.inputs) + len(sources))
        for i in (i for i, node in self._live() if node.op in CROSS):
            targets[i] = len(self.inputs) + len(sources) + len(targets)
        return sources, targets

    def _across(self, i: int) -> list[tuple[int, Ref, bool]]:
        """Return the values that a node compares: the first operand where the second, a mask, holds; the rest whole."""
        node, stage = self.nodes[i], self.stage[i]
        if node.op == "apply":
            return []
        return [(stage, node.args[0], True), *((stage, ref, False) for ref in node.args[2:])]

    def _kept(self) -> dict[int, int]:
        """Return how many past rows each register keeps for its readers."""
        kept: dict[int, int] = {}
        reads = [(ref, 0) for ref in self.outputs]
        for _, node in self._live():
            reach = _REACH[node.op](node.constants) if node.op in _REACH else 0
            reads += [(ref, reach) for ref in node.args]
        whole = {ref.node for _, node in self._live() if node.op == "apply" for ref in node.args}
        for ref, reach in reads:
            if ref.lag + reach or ref.node in whole:
                kept[ref.node] = max(kept.get(ref.node, 0), ref.lag + reach)
        return {i: kept[i] for i in self.order if i in kept}

    def _twins(self) -> dict[int, int]:
        """Return, by the first, the second of two quantiles of one window: a window is put in order once."""
        twins: dict[int, int] = {}
        alone: dict[tuple[object, ...], int] = {}
        for i, node in self._live():
            if node.op == "quantile":
                window, _, least = node.constants
                first = alone.pop((node.args, window, least), None)
                if first is None:
                    alone[node.args, window, least] = i
                else:
                    twins[first] = i
        return twins

    def _computed(self, i: int) -> list[Instruction]:
        """Return the instruction that computes a node, unless its twin's does."""
        node, twin = self.nodes[i], self.twins.get(i, i)
        if i in self.twins.values():
            return []
        if node.op == "load":
            return [Instruction("load", i, (), (), self.inputs.index(str(node.constants[0])))]
        constants = tuple(map(float, node.constants))
        if node.op == "quantile":
            return [Instruction(node.op, i, node.args, (*constants, float(self.nodes[twin].constants[1])), 0, twin)]
        return [Instruction(node.op, i, node.args, constants)]

    def _instructions(self) -> tuple[Stage, ...]:
        count = max(self.stage.values(), default=0) + 1
        runs: list[list[Instruction]] = [[] for _ in range(count)]
        crossings: list[list[Crossing]] = [[] for _ in range(count)]
        stored: set[tuple[int, Ref, bool]] = set()
        emits = self._emits()
        for i, node in self._live():
            stage = self.stage[i]
            if node.op not in CROSS:
                runs[stage] += [*self._computed(i), *emits[i]]
                continue
            keys = self._across(i)
            for key in keys:
                if key not in stored:
                    _, ref, masked = key
                    op, mask = ("store", node.args[1:2]) if masked else ("store_all", ())
                    runs[stage - 1].append(Instruction(op, -1, (ref, *mask), (), self.sources[key]))
                    stored.add(key)
            read = node.args if node.op == "apply" else ()
            planes = tuple(self.sources[key] for key in keys)
            crossings[stage - 1].append(Crossing(node.op, planes, self.targets[i], node.constants, read))
            if i in self.loaded:
                runs[stage] += [Instruction("load", i, (), (), self.targets[i]), *emits[i]]
        return tuple(Stage(tuple(run), tuple(across)) for run, across in zip(runs, crossings, strict=True))

    def _is_crossed(self, ref: Ref) -> bool:
        return self.nodes[ref.node].op in CROSS and not ref.lag

    def _emits(self) -> dict[int, list[Instruction]]:
        """Return, by node, the instructions that write it to columns: at once, so that its register is free again."""
        emits: dict[int, list[Instruction]] = defaultdict(list)
        for column, ref in enumerate(self.outputs):
            if not self._is_crossed(ref):
                emits[ref.node].append(Instruction("emit", -1, (ref,), (), column))
        return emits


def _in_order_of_need(nodes: list[Node], outputs: list[Ref]) -> list[int]:
    """Return the nodes that outputs need, operands first, each as late as the first reader allows."""
    order: list[int] = []
    seen: set[int] = set()
    stack = [(ref.node, False) for ref in reversed(outputs)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack += [(ref.node, False) for ref in reversed(nodes[node].args) if ref.node not in seen]
    return order


def _recycled(flat: list[Instruction], kept: dict[int, int]) -> dict[int, int]:
    """Assign scratch registers: one is free again after the last instruction that reads it."""
    last = {ref.node: at for at, instruction in enumerate(flat) for ref in instruction.args}
    scratch: dict[int, int] = {}
    free: list[int] = []
    size = 0
    for at, instruction in enumerate(flat):
        for node in sorted({instruction.node, instruction.twin} - {-1} - kept.keys()):
            if not free:
                free.append(size)
                size += 1
            scratch[node] = free.pop()
        done = {ref.node for ref in instruction.args}
        free += [scratch[node] for node in sorted(done) if node in scratch and last[node] == at]
    return scratch
