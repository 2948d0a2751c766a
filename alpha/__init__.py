"""Alpha: from market data to an honestly validated model trading on paper.

The names below are the public API; each is imported when it is first used, so that a command can
answer ``--help`` at once.
"""

from alpha.core.lazy import lazy, postpone

postpone("pandas")

_PUBLIC = {
    "alpha.config": ("Config", "load"),
    "alpha.core.panel": ("Panel",),
    "alpha.data": ("load_panel", "source"),
    "alpha.features": ("Plan", "feature"),
    "alpha.labels": ("label",),
    "alpha.models": ("model",),
    "alpha.paper": ("trade",),
    "alpha.research": ("Study", "research"),
    "alpha.strategy": ("Bundle", "Candidate", "backtest"),
    "alpha.validation": ("score",),
}

__version__ = "0.1.0"
__getattr__, __dir__ = lazy(__name__, _PUBLIC)
__all__ = ["__version__", *sorted(name for names in _PUBLIC.values() for name in names)]
