"""Checks of a whole pipeline: change everything that was not known at some instant, and see whether anything decided by
then moves; break the tie between signal and outcome, and see whether the edge vanishes.

A check is a function ``f(case, *, ...) -> str | None`` registered with ``@check``: None, or a sentence that says what
it found. None of them looks at how a pipeline is made, so each can be run on any.
"""

from __future__ import annotations

from collections.abc import Iterable

from alpha.core.registry import Registry

check = Registry("check", __name__)

from alpha.leaks.pipeline import Case, Pipeline  # noqa: E402  (after the registry they fill)

__all__ = ["Case", "Pipeline", "check", "examine"]


def examine(case: Case, names: Iterable[str] | None = None) -> dict[str, str | None]:
    """Run checks, all of them by default, at their default settings; return what each found, by name."""
    return {name: check.bind(name)(case) for name in (check if names is None else names)}
