"""Alpha: from market data to an honestly validated model trading on paper.

The names below are the public API; each is imported when it is first used, so that a command can
answer ``--help`` at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "Config": "alpha.config",
    "load": "alpha.config",
    "Panel": "alpha.core.panel",
    "Plan": "alpha.features",
    "feature": "alpha.features",
    "label": "alpha.labels",
    "model": "alpha.models",
    "source": "alpha.data",
    "Study": "alpha.research",
    "trade": "alpha.paper",
    "backtest": "alpha.strategy",
    "Bundle": "alpha.strategy",
    "Candidate": "alpha.strategy",
}

__version__ = "0.1.0"
__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'alpha' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
