"""A table of all features, made from the registry."""

from __future__ import annotations

import inspect
import re

import pandas as pd

from alpha.core.registry import Registry
from alpha.features import feature

_NAMES = r"[A-Z][\w.'’-]+(?:(?:, | and | )[A-Z][\w.'’-]+)*(?: et al\.)?"
_SOURCE = re.compile(rf"({_NAMES}), ((?:18|19|20)\d\ds?)\b|({_NAMES}) \(((?:18|19|20)\d\ds?)\)")


def catalogue() -> pd.DataFrame:
    """Return a row a registered feature, with its default parameters.

    Returns
    -------
    DataFrame
        Index ``name``; columns ``family``, ``description``, ``formula``, ``lookback`` (rows), ``fades`` (bool),
        ``fields`` (tuple of str), ``parameters`` (dict), ``source`` (author and year; empty: a plain statistic).
    """
    rows = [_row(feature, name) for name in feature]
    return pd.DataFrame(rows).set_index("name").sort_values(["family", "name"])


def _row(registry: Registry, name: str) -> dict[str, object]:
    plugin = registry.bind(name)
    expression = plugin()
    text = " ".join((inspect.getdoc(registry[name]) or "").split("\n\n")[0].split())
    found = _SOURCE.search(" ".join((inspect.getdoc(registry[name]) or "").split()))
    return {
        "name": name, "family": registry[name].__module__.rpartition(".")[2], "description": text,
        "formula": repr(expression), "lookback": expression.lookback, "fades": expression.recursive,
        "fields": tuple(sorted(expression.fields)), "parameters": dict(plugin.params),
        "source": ", ".join(filter(None, found.groups())) if found else "",
    }  # fmt: skip
