"""The operators of mutation testing: they make one small change to the syntax tree of a module.

Decorators, annotations, docstrings and texts of messages are not mutated: a change there has no effect that a test
could find, or breaks the import of the module, which every test finds.
"""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

ARITHMETIC: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
COMPARISON: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
NAMES = {
    "min": "max", "max": "min", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor", "minimum": "maximum",
    "maximum": "minimum", "sorted": "list", "cumsum": "cumprod", "first": "last", "last": "first",
}  # fmt: skip
SILENT_CALLS = {"errstate", "cast"}  # they affect warnings or type checks, but no value
SILENT_KEYWORDS = {"strict", "repr"}  # they catch a mistake in the same line, or affect only a display
SILENT_FIELDS = {"annotation", "returns", "decorator_list", "type_params"}


@dataclass(frozen=True)
class Mutant:
    """One fault in one module.

    Parameters
    ----------
    function : str
        Qualified name of the function whose body holds it; empty at the level of the module or of a class.
    number : int
        Its number among all mutants of the module, for `mutated`.
    line : int
        Its line in the source.
    before, after : str
        The expression or statement before and after the change.
    repeat : int
        Number of earlier mutants of the same function with the same texts.
    """

    path: str
    function: str
    number: int
    line: int
    before: str
    after: str
    repeat: int = 0

    @property
    def name(self) -> str:
        """The name of the mutant, from its function and texts, which does not change when other lines do."""
        again = f" #{self.repeat}" if self.repeat else ""
        return f"{self.path} {self.function or '(module)'}: {self.before} -> {self.after}{again}"


def mutants(path: str, source: str) -> list[Mutant]:
    """Return every mutant of a module, in the order of its source."""
    found: list[Mutant] = []
    seen: dict[tuple[str, str, str], int] = {}
    for number, fault in enumerate(_faults(ast.parse(source), "", "")):
        texts = (fault.function, *fault.texts())
        found.append(Mutant(path, fault.function, number, fault.line, *texts[1:], seen.get(texts, 0)))
        seen[texts] = seen.get(texts, 0) + 1
    return found


def mutated(source: str, number: int) -> ast.Module:
    """Return the syntax tree of a module with one mutant; line numbers are those of the source."""
    tree = ast.parse(source)
    fault = next(itertools.islice(_faults(tree, "", ""), number, None))
    fault.plant()
    return ast.fix_missing_locations(tree)


def watched(source: str) -> ast.Module:
    """Return the syntax tree of a module in which each function that is not nested first calls ``__called__(NAME)``."""
    tree = ast.parse(source)
    scopes: list[tuple[str, ast.AST]] = [("", tree)]
    for scope, owner in scopes:
        for node in ast.iter_child_nodes(owner):
            if isinstance(node, ast.FunctionDef):
                call = ast.Call(ast.Name("__called__", ast.Load()), [ast.Constant(f"{scope}{node.name}")], [])
                node.body.insert(0, ast.Expr(call))
            elif not isinstance(node, ast.expr):
                scopes.append((f"{scope}{node.name}." if isinstance(node, ast.ClassDef) else scope, node))
    return ast.fix_missing_locations(tree)


@dataclass(frozen=True)
class _Fault:
    """A node of a tree, and its replacement."""

    function: str
    owner: ast.AST
    field: str
    place: int | None
    node: ast.AST
    after: ast.AST

    def plant(self, undo: bool = False) -> None:
        new = self.node if undo else ast.copy_location(self.after, self.node)
        if self.place is None:
            setattr(self.owner, self.field, new)
        else:
            getattr(self.owner, self.field)[self.place] = new

    @property
    def line(self) -> int:
        return getattr(self.node, "lineno", getattr(self.owner, "lineno", 0))

    def texts(self) -> tuple[str, str]:
        """Return the code before and after; a constant is shown with the code around it."""
        around = isinstance(self.node, ast.Constant) and isinstance(self.owner, ast.expr | ast.keyword | ast.arguments)
        if not around:
            return _text(self.node), _text(self.after)
        before = _text(self.owner)
        self.plant()
        after = _text(self.owner)
        self.plant(undo=True)
        return before, after


def _faults(node: ast.AST, scope: str, function: str) -> Iterator[_Fault]:
    """Yield the faults in the fields of a node that may be changed."""
    for field, value in ast.iter_fields(node):
        if field not in SILENT_FIELDS:
            items = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
            for place, child in items:
                if isinstance(child, ast.AST):
                    yield from _faults_at(node, field, place, child, scope, function)


def _faults_at(
    owner: ast.AST, field: str, place: int | None, node: ast.AST, scope: str, function: str
) -> Iterator[_Fault]:
    if _silent(node):
        return
    for after in _alternatives(node):
        yield _Fault(function, owner, field, place, node, after)
    if isinstance(node, ast.FunctionDef):
        yield from _faults(node.args, scope, function)  # defaults are evaluated outside
        for index, statement in enumerate(node.body):
            inner = f"{scope}{node.name}.<locals>."
            yield from _faults_at(node, "body", index, statement, inner, function or f"{scope}{node.name}")
    elif isinstance(node, ast.Raise):
        for keyword in getattr(node.exc, "keywords", []):
            if keyword.arg == "code":
                yield from _faults(keyword, scope, function)
    else:
        yield from _faults(node, f"{scope}{node.name}." if isinstance(node, ast.ClassDef) else scope, function)


def _silent(node: ast.AST) -> bool:
    """Return whether changes in a node have no effect that a test could find."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    if isinstance(node, ast.Subscript):  # the type of an annotation, under a name of its own
        return isinstance(node.value, ast.Name) and node.value.id == "Literal"
    if isinstance(node, ast.keyword):
        return node.arg in SILENT_KEYWORDS
    if isinstance(node, ast.Call):
        return _called(node) in SILENT_CALLS
    return isinstance(node, ast.Import | ast.ImportFrom | ast.Assert)


def _called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}"
    return " ".join(ast.unparse(node).split())


def _alternatives(node: ast.AST) -> Iterator[ast.AST]:
    """Return the possible replacements of a node."""
    made = _OPERATORS.get(type(node))
    return made(node) if made else iter(())


def _with(node: Any, **fields: Any) -> Any:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _arithmetic(node: ast.BinOp | ast.AugAssign) -> Iterator[ast.AST]:
    if type(node.op) in ARITHMETIC:
        yield _with(node, op=ARITHMETIC[type(node.op)]())
    if isinstance(node, ast.AugAssign):
        yield ast.Pass()


def _comparison(node: ast.Compare) -> Iterator[ast.AST]:
    for place, op in enumerate(node.ops):
        yield _with(node, ops=[*node.ops[:place], COMPARISON[type(op)](), *node.ops[place + 1 :]])


def _fewer_conditions(node: ast.BoolOp) -> Iterator[ast.AST]:
    for place in range(len(node.values)):
        kept = node.values[:place] + node.values[place + 1 :]
        yield kept[0] if len(kept) == 1 else _with(node, values=kept)


def _without_sign(node: ast.UnaryOp) -> Iterator[ast.AST]:
    yield node.operand


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)
    elif isinstance(value, str) and not any(letter.isspace() for letter in value):  # a name or a key, not prose
        yield ast.Constant(f"{value}_")


def _branch(node: ast.IfExp) -> Iterator[ast.AST]:
    yield node.body
    yield node.orelse


def _condition(node: ast.If) -> Iterator[ast.AST]:
    guard = len(node.body) == 1 and isinstance(node.body[0], ast.Raise)
    for value in (False,) if guard else (False, True):
        yield _with(node, test=ast.copy_location(ast.Constant(value), node.test))


def _unfiltered(node: ast.comprehension) -> Iterator[ast.AST]:
    for place in range(len(node.ifs)):
        yield _with(node, ifs=node.ifs[:place] + node.ifs[place + 1 :])


def _call(node: ast.Call) -> Iterator[ast.AST]:
    for place, keyword in enumerate(node.keywords):
        if keyword.arg is not None and keyword.arg not in SILENT_KEYWORDS:
            yield _with(node, keywords=node.keywords[:place] + node.keywords[place + 1 :])
    name = _called(node)
    if name in NAMES and not (name == "sorted" and node.keywords):
        other = {"attr": NAMES[name]} if isinstance(node.func, ast.Attribute) else {"id": NAMES[name]}
        yield _with(node, func=_with(node.func, **other))


def _assignment(node: ast.Assign) -> Iterator[ast.AST]:
    if all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
        yield ast.Pass()


def _statement(node: ast.Expr) -> Iterator[ast.AST]:
    yield ast.Pass()


_OPERATORS: dict[type, Callable[[Any], Iterator[ast.AST]]] = {
    ast.BinOp: _arithmetic, ast.AugAssign: _arithmetic, ast.Compare: _comparison, ast.BoolOp: _fewer_conditions,
    ast.UnaryOp: _without_sign, ast.Constant: _constant, ast.IfExp: _branch, ast.If: _condition,
    ast.comprehension: _unfiltered, ast.Call: _call, ast.Assign: _assignment, ast.Expr: _statement,
    ast.Break: lambda node: iter([ast.Continue()]), ast.Continue: lambda node: iter([ast.Break()]),
}  # fmt: skip
