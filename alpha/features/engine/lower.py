"""Lower expressions to a graph of primitive operations, in which equal sub-expressions are one node.

Finite windows are built by doubling: the sum of the last 2^k rows is the sum of the last 2^(k-1) plus that sum
2^(k-1) rows ago, and any window is a few such blocks (5 = 1 + 4, the smallest the newest). Variance, covariance and
trend merge the same blocks by Chan's pairwise formula, so that nothing is ever subtracted from a large sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, NamedTuple

import numpy as np

from alpha.features.expr import Expr

CROSS = (
    "cs_rank", "cs_zscore", "cs_demean", "cs_mean", "cs_std", "cs_winsorize", "cs_bucket", "cs_neutralize", "apply",
)  # fmt: skip
FUNCTIONS = (
    "count", "sum", "mean", "mean_deviation", "var", "skew", "kurt", "mad", "min", "max", "argmin", "argmax", "since",
    "rank", "wma", "cov", "corr", "beta", "slope", "intercept", "resid", "rsquare",
)  # fmt: skip
_FOLD = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "min": np.minimum, "max": np.maximum,
    "gt": np.greater, "ge": np.greater_equal, "pow": np.power,
}  # fmt: skip
_CONSTANT_LEFT = {
    "add": "add_c", "mul": "mul_c", "min": "min_c", "max": "max_c", "sub": "c_sub", "div": "c_div", "gt": "lt_c",
    "ge": "le_c",
}  # fmt: skip


class Ref(NamedTuple):
    """The value of a node `lag` rows ago: an address, not a copy."""

    node: int
    lag: int = 0

    def ago(self, rows: int) -> Ref:
        """Return the same value `rows` rows earlier."""
        return Ref(self.node, self.lag + rows) if rows else self


class Node(NamedTuple):
    """A primitive operation, its operands and its constants."""

    op: str
    args: tuple[Ref, ...]
    constants: tuple[float | str, ...] = ()


class Graph:
    """Primitive nodes in order of need; adding an equal one returns the one that is there."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.parts: dict[tuple[object, ...], Any] = {}
        self._known: dict[Node, int] = {}
        self._lowered: dict[Expr, Ref | float] = {}

    def output(self, expr: Expr) -> Ref:
        """Lower an expression and return where its value is."""
        return self._placed(self.lower(expr))

    def lower(self, expr: Expr) -> Ref | float:
        """Return the value of an expression: a reference, or a number if it is constant."""
        if expr not in self._lowered:
            args = [self.lower(arg) for arg in expr.args]
            if expr.op in _WINDOWS:
                self._lowered[expr] = _WINDOWS[expr.op](self, *map(self._placed, args), *expr.params)
            else:
                self._lowered[expr] = _POINTWISE[expr.op](self, *args, *expr.params)
        return self._lowered[expr]

    def node(self, op: str, *args: Ref | float, constants: tuple[float | str, ...] = ()) -> Ref:
        """Return the value of a primitive.

        Where every operand is some rows old, so is the result: computing it once and lagging it is the same,
        because before the start everything is NaN, and every operation but `is_finite` keeps that.
        """
        placed = tuple(map(self._placed, args))
        shared = 0 if op == "is_finite" else min((ref.lag for ref in placed), default=0)
        node = Node(op, tuple(ref.ago(-shared) for ref in placed) if shared else placed, constants)
        if node not in self._known:
            self._known[node] = len(self.nodes)
            self.nodes.append(node)
        return Ref(self._known[node], shared)

    def binary(self, op: str, a: Ref | float, b: Ref | float) -> Ref | float:
        """Return the value of an operation on two operands, either of which may be a number."""
        if isinstance(a, Ref):
            if isinstance(b, Ref):
                return self.node(op, a, b)
            op, b = ("add", -b) if op == "sub" else (op, b)
            return self.node(f"{op}_c", a, constants=(b,))
        if isinstance(b, Ref):
            return self.node(_CONSTANT_LEFT[op], b, constants=(a,))
        with np.errstate(all="ignore"):
            return float(_FOLD[op](a, b))

    def add(self, a: Ref, b: Ref) -> Ref:
        """Return a + b."""
        return self.node("add", a, b)

    def sub(self, a: Ref, b: Ref) -> Ref:
        """Return a - b."""
        return self.node("sub", a, b)

    def mul(self, a: Ref, b: Ref | float) -> Ref:
        """Return a * b, or `a` itself where `b` is 1."""
        if isinstance(b, Ref):
            return self.node("mul", a, b)
        return a if b == 1 else self.node("mul_c", a, constants=(b,))

    def div(self, a: Ref, b: Ref) -> Ref:
        """Return a / b."""
        return self.node("div", a, b)

    def _placed(self, value: Ref | float) -> Ref:
        return value if isinstance(value, Ref) else self.node("fill", constants=(value,))


def _once(part: Callable[..., Any]) -> Callable[..., Any]:
    """Build a part of a window once a graph: windows of one value share most of their blocks."""

    @wraps(part)
    def built(g: Graph, *given: Ref | int | str) -> Any:
        key = (part, *given)
        if key not in g.parts:
            g.parts[key] = part(g, *given)
        return g.parts[key]

    return built


def _blocks(window: int) -> Iterator[tuple[int, int]]:
    """Yield (k, age) of blocks of 2^k rows that make up a window, the smallest and newest first."""
    age = 0
    for k in range(window.bit_length()):
        if window >> k & 1:
            yield k, age
            age += 1 << k


@_once
def _block_sum(g: Graph, x: Ref, k: int) -> Ref:
    if k == 0:
        return x
    half = _block_sum(g, x, k - 1)
    return g.add(half, half.ago(1 << k - 1))


def _block_mean(g: Graph, x: Ref, k: int) -> Ref:
    return g.mul(_block_sum(g, x, k), 2.0**-k)  # exact: a power of two


def _block_step(g: Graph, x: Ref, k: int) -> Ref:
    """Return the sum of the newer half of a block less that of its older half."""
    half = _block_sum(g, x, k - 1)
    return g.sub(half, half.ago(1 << k - 1))


def _sum(g: Graph, x: Ref, window: int) -> Ref:
    parts = [_block_sum(g, x, k).ago(age) for k, age in _blocks(window)]
    total = parts[0]
    for part in parts[1:]:
        total = g.add(total, part)
    return total


@_once
def _mean_steps(g: Graph, x: Ref, window: int) -> list[tuple[int, int, int, Ref | None, Ref]]:
    """Return (k, age, rows so far, mean so far less the block's, mean with the block) for each block."""
    steps: list[tuple[int, int, int, Ref | None, Ref]] = []
    count, mean = 0, None
    for k, age in _blocks(window):
        block = _block_mean(g, x, k).ago(age)
        if mean is None:
            step, mean = None, block
        else:
            step = g.sub(mean, block)
            mean = g.sub(mean, g.mul(step, (1 << k) / (count + (1 << k))))
        steps.append((k, age, count, step, mean))
        count += 1 << k
    return steps


def _mean(g: Graph, x: Ref, window: int) -> Ref:
    return _mean_steps(g, x, window)[-1][-1]


@_once
def _block_comoment(g: Graph, x: Ref, y: Ref, k: int) -> Ref | None:
    """Return the sum of products of deviations over a block of 2^k rows; None: zero, of a single row."""
    if k == 0:
        return None
    product = g.mul(g.mul(_block_step(g, x, k), _block_step(g, y, k)), 2.0**-k)
    half = _block_comoment(g, x, y, k - 1)
    return product if half is None else g.add(g.add(half, half.ago(1 << k - 1)), product)


@_once
def _comoment(g: Graph, x: Ref, y: Ref, window: int) -> Ref:
    total: Ref | None = None
    for (k, age, count, dx, _), (*_, dy, _) in zip(_mean_steps(g, x, window), _mean_steps(g, y, window), strict=True):
        part = _block_comoment(g, x, y, k)
        total = _added(g, total, None if part is None else part.ago(age))
        if dx is not None and dy is not None:
            total = _added(g, total, g.mul(g.mul(dx, dy), count * (1 << k) / (count + (1 << k))))
    return g.mul(x, 0.0) if total is None else total


@_once
def _block_trend(g: Graph, x: Ref, k: int) -> Ref | None:
    """Return the sum of products of deviations of `x` and of time over a block."""
    if k == 0:
        return None
    product = g.mul(_block_step(g, x, k), 2.0 ** (k - 2))
    half = _block_trend(g, x, k - 1)
    return product if half is None else g.add(g.add(half, half.ago(1 << k - 1)), product)


@_once
def _trend(g: Graph, x: Ref, window: int) -> Ref:
    total: Ref | None = None
    for k, age, count, step, _ in _mean_steps(g, x, window):
        part = _block_trend(g, x, k)
        total = _added(g, total, None if part is None else part.ago(age))
        if step is not None:
            total = _added(g, total, g.mul(step, count * (1 << k) / 2))
    assert total is not None  # a trend has two rows at least
    return total


def _added(g: Graph, total: Ref | None, part: Ref | None) -> Ref | None:
    if total is None or part is None:
        return part if total is None else total
    return g.add(total, part)


def _time_moment(window: int) -> float:
    """Return the sum of squared deviations of the times 0 ... window - 1."""
    return window * (window**2 - 1) / 12


def _cov(g: Graph, x: Ref, y: Ref, window: int, ddof: int) -> Ref:
    return g.mul(_comoment(g, x, y, window), 1 / (window - ddof))


def _corr(g: Graph, x: Ref, y: Ref, window: int) -> Ref:
    scale = g.mul(g.node("sqrt", _comoment(g, x, x, window)), g.node("sqrt", _comoment(g, y, y, window)))
    return g.div(_comoment(g, x, y, window), scale)


def _slope(g: Graph, x: Ref, window: int) -> Ref:
    return g.mul(_trend(g, x, window), 1 / _time_moment(window))


def _resid(g: Graph, x: Ref, window: int) -> Ref:
    return g.sub(g.sub(x, _mean(g, x, window)), g.mul(_slope(g, x, window), (window - 1) / 2))


def _rsquare(g: Graph, x: Ref, window: int) -> Ref:
    return g.div(g.mul(_trend(g, x, window), _slope(g, x, window)), _comoment(g, x, x, window))


@_once
def _block_extreme(g: Graph, op: str, x: Ref, k: int) -> Ref:
    if k == 0:
        return x
    half = _block_extreme(g, op, x, k - 1)
    return g.node(op, half, half.ago(1 << k - 1))


def _extreme(op: str) -> Callable[[Graph, Ref, int], Ref]:
    def lowered(g: Graph, x: Ref, window: int) -> Ref:
        k = window.bit_length() - 1
        block, rest = _block_extreme(g, op, x, k), window - (1 << k)
        return g.node(op, block, block.ago(rest)) if rest else block  # the two may overlap

    return lowered


def _older_wins(g: Graph, op: str, best: Ref, ago: Ref | float, rows: int) -> Ref:
    """Return the age of the extreme of two blocks, `rows` apart; of equals the older."""
    older = g.node("ge", best.ago(rows), best) if op == "max" else g.node("ge", best, best.ago(rows))
    lagged = ago.ago(rows) if isinstance(ago, Ref) else ago
    return g.node("where", older, g.binary("add", lagged, float(rows)), ago)


def _argument(op: str) -> Callable[[Graph, Ref, int], Ref]:
    def lowered(g: Graph, x: Ref, window: int) -> Ref:
        k = window.bit_length() - 1
        ago: Ref | float = 0.0
        for j in range(k):
            ago = _older_wins(g, op, _block_extreme(g, op, x, j), ago, 1 << j)
        rest = window - (1 << k)
        if rest:
            ago = _older_wins(g, op, _block_extreme(g, op, x, k), ago, rest)
        return g.mul(x, 0.0) if isinstance(ago, float) else ago

    return lowered


def _fading(g: Graph, x: Ref, window: int, alpha: float, seed: str, least: int | None = None) -> Ref:
    return g.node("ema", x, constants=(float(window), alpha, float(seed == "mean"), float(least or window)))


def _gather(g: Graph, x: Ref, *rest: Any) -> Ref:
    """Lower a window function of the known observations: x, perhaps y, then name, window, least count, constant."""
    *y, name, window, least, constant = rest
    constants = (float(window), float(least), float(FUNCTIONS.index(name)), float(constant))
    return g.node("gather", x, *(y or [x]), constants=constants)


def _moment(g: Graph, x: Ref, window: int, power: int) -> Ref:
    return g.node("moment", x, _mean(g, x, window), constants=(float(window), float(power)))


def _rank(g: Graph, x: Ref, window: int) -> Ref:
    """Lower a rank: the count of values below, which begins with that of a shorter window where there is one."""
    counts: dict[int, Ref] = g.parts.setdefault((_rank, x), {})
    if window not in counts:
        shorter = max((known for known in counts if known < window), default=0)
        begun = [counts[shorter]] if shorter else []
        counts[window] = g.node("rank", x, *begun, constants=(float(window), float(shorter)))
    return g.node("div_c", counts[window], constants=(float(window),))


def _skew(g: Graph, x: Ref, window: int) -> Ref:
    second, scale = _moment(g, x, window, 2), window * (window - 1) ** 0.5 / (window - 2)
    return g.mul(g.div(_moment(g, x, window, 3), g.mul(second, g.node("sqrt", second))), scale)


def _kurt(g: Graph, x: Ref, window: int) -> Ref:
    n, second = float(window), _moment(g, x, window, 2)
    ratio = g.div(_moment(g, x, window, 4), g.mul(second, second))
    apart = (n - 2) * (n - 3)
    scaled = g.mul(ratio, n * (n + 1) * (n - 1) / apart)
    return g.node("add_c", scaled, constants=(-3 * (n - 1) ** 2 / apart,))


def _wma(g: Graph, x: Ref, window: int) -> Ref:
    """Lower a mean whose weights rise with time: it is the mean and a part of the slope."""
    mean = _mean(g, x, window)
    return mean if window == 1 else g.add(mean, g.mul(_slope(g, x, window), (window - 1) / 6))


def _weighted(g: Graph, x: Ref, *weights: float) -> Ref:
    parts = [g.node("mul_c", x.ago(i), constants=(weight,)) for i, weight in enumerate(weights)]
    total = parts[-1]
    for part in parts[-2::-1]:
        total = g.add(total, part)
    return total


def _unary(op: str) -> Callable[[Graph, Ref | float], Ref]:
    return lambda g, x: g.node(op, x)


def _binary(op: str) -> Callable[[Graph, Ref | float, Ref | float], Ref | float]:
    return lambda g, a, b: g.binary(op, a, b)


def _across(op: str) -> Callable[..., Ref]:
    def lowered(g: Graph, *given: Ref | float | str) -> Ref:
        args = [value for value in given if isinstance(value, Ref)]
        return g.node(op, *args, constants=tuple(value for value in given if not isinstance(value, Ref)))

    return lowered


_POINTWISE: dict[str, Callable[..., Ref | float]] = {
    "const": lambda g, value: value,
    "field": lambda g, name: g.node("load", constants=(name,)),
    "tradable": lambda g: g.node("load", constants=("tradable",)),
    "time": lambda g: g.node("load", constants=("time",)),
    "power": lambda g, x, exponent: g.binary("pow", x, exponent),
    "lag": lambda g, x, rows: x.ago(rows) if isinstance(x, Ref) else x,
    "neg": lambda g, x: g.binary("mul", x, -1.0),
    "where": lambda g, condition, a, b: g.node("where", condition, a, b),
    **{op: _binary(op) for op in ("add", "sub", "mul", "div", "gt", "ge")},
    "minimum": _binary("min"), "maximum": _binary("max"),
    **{op: _unary(op) for op in ("abs", "sqrt", "log", "exp", "sign", "is_finite")},
}  # fmt: skip
_WINDOWS: dict[str, Callable[..., Ref]] = {
    "sum": _sum, "mean": _mean, "cov": _cov, "corr": _corr, "slope": _slope, "resid": _resid, "rsquare": _rsquare,
    "std": lambda g, x, window, ddof: g.node("sqrt", _cov(g, x, x, window, ddof)),
    "min": _extreme("min"), "max": _extreme("max"), "argmin": _argument("min"), "argmax": _argument("max"),
    "rank": _rank,
    "quantile": lambda g, x, window, q, least=0: g.node("quantile", x, constants=(float(window), q, least or window)),
    "mean_deviation": lambda g, x, window: g.mul(_moment(g, x, window, 1), 1 / window),
    "ema": _fading, "wilder": _fading, "adapt": lambda g, x, weight: g.node("adapt", x, weight),
    "skew": _skew, "kurt": _kurt, "wma": _wma, "weighted": _weighted, "gather": _gather,
    **{op: _across(op) for op in CROSS},
}  # fmt: skip
