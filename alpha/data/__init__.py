"""Market data: from a source to one checked `Panel`. `load_panel` is the only way in."""

from alpha.core.registry import Registry

source = Registry("source", "alpha.data.sources")
aggregate = Registry("aggregate", "alpha.data.fields")
scorer = Registry("scorer", "alpha.data.fields")

from alpha.data.fields.asof import Join, asof  # noqa: E402
from alpha.data.load import load_panel  # noqa: E402
from alpha.data.sanity.accept import Waiver, inspect_bars  # noqa: E402
from alpha.data.sanity.finding import CODES, Finding  # noqa: E402
from alpha.data.universe import members  # noqa: E402

__all__ = [
    "CODES", "Finding", "Join", "Waiver", "aggregate", "asof", "inspect_bars", "load_panel", "members", "scorer",
    "source",
]  # fmt: skip
