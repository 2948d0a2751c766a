"""Market data: from a source to one checked `Panel`. `load_panel` is the only way in."""

from alpha.core.registry import Registry, discover

source = Registry("source")
aggregate = Registry("aggregate")
scorer = Registry("scorer")

discover(__name__)

from alpha.data.asof import Join, asof  # noqa: E402
from alpha.data.finding import CODES, Finding  # noqa: E402
from alpha.data.load import load_panel  # noqa: E402
from alpha.data.sanity import Waiver, check  # noqa: E402
from alpha.data.universe import members  # noqa: E402

__all__ = [
    "CODES", "Finding", "Join", "Waiver", "aggregate", "asof", "check", "load_panel", "members", "scorer", "source",
]  # fmt: skip
