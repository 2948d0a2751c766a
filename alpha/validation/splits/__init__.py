"""Splits of time, and of names, into folds. What may be learned from is decided by when labels became known."""

from alpha.core.registry import discover

discover(__name__)

from alpha.validation.splits.blocks import blocked  # noqa: E402  (after the discovery, as everywhere)
from alpha.validation.splits.groups import group_holdout  # noqa: E402
from alpha.validation.splits.kfold import combinatorial_purged, purged_kfold  # noqa: E402
from alpha.validation.splits.nested import nested  # noqa: E402
from alpha.validation.splits.purge import walks  # noqa: E402
from alpha.validation.splits.scikit import PurgedCV, samples  # noqa: E402
from alpha.validation.splits.walk import calendar_years, walk_forward  # noqa: E402

__all__ = [
    "PurgedCV", "blocked", "calendar_years", "combinatorial_purged", "group_holdout", "nested", "purged_kfold",
    "samples", "walk_forward", "walks",
]  # fmt: skip
