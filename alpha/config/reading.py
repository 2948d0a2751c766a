"""From YAML files to a `Config`: read strictly, laid over each other, every problem told at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alpha.config.layers import validated
from alpha.config.schema import Config


def load(path: str | Path, overlays: Sequence[str | Path] = (), overrides: Sequence[str] = ()) -> Config:
    """Read a configuration: base < overlays left to right < ``key.path=value`` overrides.

    Raises
    ------
    ConfigError
        Naming every problem at once, with the nearest right answer.
    """
    return validated(Config, path, overlays, overrides)
