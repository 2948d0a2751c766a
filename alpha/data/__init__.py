"""Market data: from a source to one checked `Panel`. `load_panel` is the only way in."""

from typing import TYPE_CHECKING

from alpha.core.lazy import lazy
from alpha.core.registry import Registry

source = Registry("source", "alpha.data.sources")
aggregate = Registry("aggregate", "alpha.data.fields")
scorer = Registry("scorer", "alpha.data.fields")

if TYPE_CHECKING:
    from alpha.data.fields.asof import Join, asof
    from alpha.data.load import load_panel
    from alpha.data.sanity.accept import Waiver, inspect_bars
    from alpha.data.sanity.finding import CODES, Finding
    from alpha.data.universe import members
else:
    __getattr__, __dir__ = lazy(__name__, {
        "alpha.data.fields.asof": ("Join", "asof"),
        "alpha.data.load": ("load_panel",),
        "alpha.data.sanity.accept": ("Waiver", "inspect_bars"),
        "alpha.data.sanity.finding": ("CODES", "Finding"),
        "alpha.data.universe": ("members",),
    })  # fmt: skip

__all__ = [
    "CODES", "Finding", "Join", "Waiver", "aggregate", "asof", "inspect_bars", "load_panel", "members", "scorer",
    "source",
]  # fmt: skip
