"""Fuse pairs of arithmetic operations into one, where nothing else reads the value in between.

The rounding is the same: a + b * c is still a product, rounded, and a sum, rounded. It saves one pass over the
block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from alpha.features.engine.lower import Node, Ref


def fuse(nodes: Sequence[Node], order: Sequence[int], outputs: Sequence[Ref]) -> list[Node]:
    """Return the nodes with fused operations in the place of the outer ones; the inner ones are no longer read."""
    fused = list(nodes)
    readers = Counter(ref.node for i in order for ref in nodes[i].args)
    readers.update(ref.node for ref in outputs)
    for i in order:
        node = fused[i]
        while (better := _fused(node, fused, readers)) is not node:
            node = better
        fused[i] = node
    return fused


def _fused(node: Node, nodes: Sequence[Node], readers: Counter[int]) -> Node:
    def inner(ref: Ref, op: str) -> Node | None:
        found = nodes[ref.node]
        if found.op != op or readers[ref.node] != 1:
            return None
        return found._replace(args=tuple(arg.ago(ref.lag) for arg in found.args))

    if node.op == "mul_c" and (product := inner(node.args[0], "mul")):
        return Node("mul_scaled", product.args, node.constants)
    if node.op == "add":
        for this, other in (node.args, node.args[::-1]):  # a sum does not depend on the order of two
            for op, better in (("mul_scaled", "add_product"), ("mul_c", "add_scaled"), ("add", "add_both")):
                if part := inner(other, op):
                    return Node(better, (this, *part.args), part.constants)
    if node.op == "sub":
        this, other = node.args
        for op, better in (("mul_scaled", "add_product"), ("mul_c", "add_scaled")):
            if part := inner(other, op):
                return Node(better, (this, *part.args), (-float(part.constants[0]),))
    return node
