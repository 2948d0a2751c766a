"""Warm-up of a feature: the rows at the start of the data in which it has no value yet."""

from __future__ import annotations

from alpha.features.expr import Expr

_SEEN = {"ema": 3, "wilder": 3, "gather": 2, "quantile": 2}  # position of `min_periods` among the parameters


def warmup(expr: Expr) -> int:
    """Return the first row that has a value, in data without holes that begin in row 0.

    For full windows it is the lookback; a fading average, and a window with a smaller `min_periods`, have a value
    sooner. The true first value may come later where an expression yields NaN itself, and earlier where it counts
    observations (`count`) or tests whether they are known (`is_finite`).
    """
    known: dict[Expr, int] = {}

    def first(node: Expr) -> int:
        if node not in known:
            known[node] = _own(node) + max(map(first, node.args), default=0)
        return known[node]

    return first(expr)


def _own(node: Expr) -> int:
    if node.op == "adapt":
        return 0
    least = node.params[_SEEN[node.op] :][:1] if node.op in _SEEN else ()
    if not least and not node.fades:
        return node.past
    enough = least[0] if least else node.params[0]
    return max(int(enough) - 1, 0)
