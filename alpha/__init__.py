"""Alpha: from market data to a validated model that trades on paper.

``load`` a configuration, ``research`` it, ``backtest`` or ``score`` a signal, ``trade`` on paper; ``load_panel`` reads
market data. ``source``, ``feature``, ``label`` and ``model`` register plugins. ``dir(alpha)`` lists all names; each is
imported on first use, so that a command answers ``--help`` at once.
"""

from alpha.core.lazy import lazy, postpone

postpone("pandas")

_PUBLIC = {
    "alpha.config": ("Config", "load"),
    "alpha.core.instrument": ("Instrument",),
    "alpha.core.panel": ("Panel",),
    "alpha.data": ("load_panel", "source"),
    "alpha.features": ("Plan", "feature"),
    "alpha.labels": ("label",),
    "alpha.models": ("model",),
    "alpha.paper": ("trade",),
    "alpha.study": ("Study", "research"),
    "alpha.strategy": ("Bundle", "Candidate", "backtest"),
    "alpha.validation": ("score",),
}

__version__ = "0.1.0"
__getattr__, __dir__ = lazy(__name__, _PUBLIC)
__all__ = ["__version__", *sorted(name for names in _PUBLIC.values() for name in names)]
