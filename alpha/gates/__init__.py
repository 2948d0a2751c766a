"""Gates: what a candidate must show before it may be blessed.

A gate is a function ``f(evidence, *, ...) -> GateResult`` registered with ``@gate``. Those in `performance` read
numbers only, so that a report can be judged alone; those in `integrity` need the candidate itself.
"""

from alpha.core.registry import Registry

gate = Registry("gate", __name__)

from alpha.gates.evidence import Evidence, judge  # noqa: E402  (after the registry it fills)

__all__ = ["Evidence", "gate", "judge"]
