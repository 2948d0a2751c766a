"""Describe a plan in words: sizes, approximate cost, and the graph of its operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from alpha.features.engine.lower import Ref
from alpha.features.engine.program import Crossing, Instruction, Program, Shape
from alpha.features.expr import Expr

_NANOSECONDS = {
    "div": 0.5, "div_c": 0.5, "c_div": 0.5, "sqrt": 0.7, "log": 4.0, "exp": 4.0, "pow_c": 12.0, "ema": 2.0,
    "adapt": 2.0, "emit": 0.5, "load": 0.4, "store": 0.5, "store_all": 0.5,
}  # fmt: skip
_SIMPLE = 0.2
_PER_ROW = {"rank": 0.25, "quantile": 0.45, "moment": 0.25, "gather": 3.0}
_ACROSS, _PYTHON = 60.0, 100.0
"""Nanoseconds a value on one core of a server of 2023: to compare plans, not machines."""


def explained(columns: Mapping[str, Expr], program: Program, *, shape: Shape, graph: bool) -> str:
    """Return sizes, cost, memory, each column's lookback and expression, and with `graph` every operation."""
    return "\n".join([*_sizes(program, shape), *_columns(columns), *(_graph(program) if graph else ())])


def _sizes(program: Program, shape: Shape) -> Iterator[str]:
    made = [instruction for stage in program.stages for instruction in stage.instructions]
    crossings = [crossing for stage in program.stages for crossing in stage.crossings]
    cost = sum(map(_cost, made)) + sum(_PYTHON if each.op == "apply" else _ACROSS for each in crossings)
    yield (f"{program.size} instructions in {len(program.stages)} stages; {len(program.kept)} registers keep "
           f"{sum(program.kept.values())} past rows, {program.scratches} are recycled; "
           f"{sum(program.carried.values())} rows of carried state")  # fmt: skip
    common = Counter([*(each.op for each in made), *(each.op for each in crossings)]).most_common(8)
    yield "most of them: " + ", ".join(f"{count} {op}" for op, count in common)
    yield f"cost: about {cost:.1f} ns a symbol and row on one core"
    live, block = program.rows(1, 1) * 8 / 2**10, program.rows(shape.chunk, shape.slack) * shape.width * 8 / 2**20
    yield f"memory: {live:.1f} KiB a symbol in a stream; {block:.2f} MiB a block of {shape.width} symbols in a batch"


def _cost(instruction: Instruction) -> float:
    if instruction.op == "rank":
        return _PER_ROW["rank"] * (instruction.constants[0] - instruction.constants[1])
    if instruction.op in _PER_ROW:
        return _PER_ROW[instruction.op] * instruction.constants[0]
    return _NANOSECONDS.get(instruction.op, _SIMPLE)


def _columns(columns: Mapping[str, Expr]) -> Iterator[str]:
    width = max(map(len, columns))
    for name, column in columns.items():
        yield f"{name:<{width}}  {column.lookback:>5}  {column!r}"


def _graph(program: Program) -> Iterator[str]:
    for number, stage in enumerate(program.stages):
        yield f"stage {number}"
        for made in stage.instructions:
            yield f"  {_instruction(made, program)}"
        for across in stage.crossings:
            yield f"  {_crossing(across)}"


def _instruction(made: Instruction, program: Program) -> str:
    inside = ", ".join([*map(_ref, made.args), *(f"{value:g}" for value in made.constants)])
    if made.op == "emit":
        return f"column {made.plane} = {inside}"
    if made.op in ("store", "store_all"):
        return f"plane {made.plane} = {made.op}({inside})"
    if made.op == "load":
        inside = program.inputs[made.plane] if made.plane < len(program.inputs) else f"plane {made.plane}"
    results = "".join(f", %{node}" for node in (made.twin,) if node not in (-1, made.node))
    return f"%{made.node}{results} = {made.op}({inside})"


def _crossing(made: Crossing) -> str:
    inside = [*(f"plane {plane}" for plane in made.sources), *map(_ref, made.args), *map(str, made.constants)]
    return f"plane {made.target} = {made.op}({', '.join(inside)})"


def _ref(ref: Ref) -> str:
    return f"%{ref.node}[-{ref.lag}]" if ref.lag else f"%{ref.node}"
