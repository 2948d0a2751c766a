"""Configuration: the schema of everything a run depends on, and the only reader of YAML."""

from alpha.config.reading import load, merged, read_yaml
from alpha.config.schema import AFTERWARDS, PANEL, Config

__all__ = ["AFTERWARDS", "PANEL", "Config", "load", "merged", "read_yaml"]
