"""Configuration: the schema of everything a run depends on, and the only reader of YAML."""

from alpha.config.layers import merged, read_yaml
from alpha.config.places import Places
from alpha.config.reading import load, load_places
from alpha.config.schema import Config

__all__ = ["Config", "Places", "load", "load_places", "merged", "read_yaml"]
