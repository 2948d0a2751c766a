"""Configuration: the schema of all settings of a run, and the only reader of YAML."""

from typing import TYPE_CHECKING

from alpha.core.lazy import lazy

if TYPE_CHECKING:
    from alpha.config.layers import merged, read_yaml
    from alpha.config.places import Places, load_places
    from alpha.config.reading import load
    from alpha.config.schema import Config
else:  # imported on demand: the schema imports every plugin registry, and `load_places` does not need it
    __getattr__, __dir__ = lazy(__name__, {
        "alpha.config.layers": ("merged", "read_yaml"),
        "alpha.config.places": ("Places", "load_places"),
        "alpha.config.reading": ("load",),
        "alpha.config.schema": ("Config",),
    })  # fmt: skip

__all__ = ["Config", "Places", "load", "load_places", "merged", "read_yaml"]
