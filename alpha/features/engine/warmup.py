"""How long a feature has no value, because the data have only begun."""

from __future__ import annotations

from alpha.features.expr import Expr

_SEEN = {"ema": 3, "wilder": 3, "gather": 2, "quantile": 2}  # where `min_periods` stands among the parameters


def warmup(expr: Expr) -> int:
    """Return from which row on there is a value, in data without holes that begin in row 0.

    Of full windows it is the lookback. A fading average and a window that takes fewer observations speak sooner. An
    expression that says NaN itself may do so for longer, and one that counts or asks what is known may speak before.
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
