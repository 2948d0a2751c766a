"""Splits of time, and of names, into folds. The instants at which labels become known decide the training rows."""

from alpha.validation.splits.blocks import blocked
from alpha.validation.splits.groups import group_holdout
from alpha.validation.splits.kfold import combinatorial_purged, purged_kfold
from alpha.validation.splits.nested import nested
from alpha.validation.splits.purge import walks
from alpha.validation.splits.scikit import PurgedCV, samples
from alpha.validation.splits.walk import calendar_years, walk_forward

__all__ = [
    "PurgedCV", "blocked", "calendar_years", "combinatorial_purged", "group_holdout", "nested", "purged_kfold",
    "samples", "walk_forward", "walks",
]  # fmt: skip
