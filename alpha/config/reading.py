"""Read a `Config` from YAML files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alpha.config.layers import validated
from alpha.config.schema import Config


def load(path: str | Path, overlays: Sequence[str | Path] = (), overrides: Sequence[str] = ()) -> Config:
    """Read a configuration, later layers over earlier ones: base, overlays left to right, ``key.path=value`` overrides.

    Raises
    ------
    ConfigError
        Names every problem, each with the nearest right answer.
    """
    return validated(Config, path, overlays, overrides)
