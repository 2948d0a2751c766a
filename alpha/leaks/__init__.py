"""Leak checks of a whole pipeline. Some change all data unknown at an instant: no earlier decision may move. Others
break the tie between signal and outcome: the edge must vanish.

A check is a function ``f(case, *, ...) -> str | None`` registered with ``@check``: it returns None, or a sentence that
names the leak. A check calls only the stages of a pipeline, so it runs on any pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable

from alpha.core.registry import Registry

check = Registry("check", __name__)

from alpha.leaks.pipeline import Case, Pipeline  # noqa: E402  (after the registry they fill)

__all__ = ["Case", "Pipeline", "check", "examine"]


def examine(case: Case, names: Iterable[str] | None = None) -> dict[str, str | None]:
    """Run checks (default: all) with their default parameters; return the finding of each, by name."""
    return {name: check.bind(name)(case) for name in (check if names is None else names)}
