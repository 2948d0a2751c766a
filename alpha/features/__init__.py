"""Features: expressions over past rows, compiled to one program for research and for live.

A feature is a function that returns an expression; its keyword arguments are its configuration::

    @feature
    def gap() -> Expr:
        '''Return from the last close to this open.'''
        return open / lag(close, 1) - 1
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from alpha.core.errors import ConfigError, nearest
from alpha.core.lazy import lazy
from alpha.core.registry import Plugin, Registry
from alpha.features.expr import Expr
from alpha.features.operators import cs_rank, cs_zscore

if TYPE_CHECKING:
    import pandas as pd

    from alpha.features.engine.plan import Plan, Stream
else:  # checking a configuration does not need the compiler
    __getattr__, __dir__ = lazy(__name__, {"alpha.features.engine.plan": ("Plan", "Stream")})

feature = Registry("feature", "alpha.features.library")
feature_set = Registry("feature_set", "alpha.features.library")

CROSS_SECTION: dict[str, Callable[[Expr], Expr]] = {"rank": cs_rank, "zscore": cs_zscore, "none": lambda x: x}

__all__ = ["CROSS_SECTION", "Expr", "Plan", "Stream", "catalogue", "columns", "entries", "feature", "feature_set"]


def columns(entries: Iterable[Mapping[str, Any] | str], *, cross_section: str = "none") -> dict[str, Expr]:
    """Return the columns that configuration entries ask for, in their order.

    Parameters
    ----------
    entries : iterable of mappings
        ``{name: momentum, window: 126, as: column, cross_section: rank}``: a feature, its parameters, optionally the
        name of the column (default: the feature's with its parameters, ``momentum_126_21``) and how it is
        compared across the tradable symbols. Or ``{set: alpha_v1}``: the entries of a named set.
    cross_section : {"rank", "zscore", "none"}
        For the entries that do not say.

    Raises
    ------
    ConfigError
        An unknown feature, set, parameter or cross-section, or two columns of one name (`duplicate_column`).
    """
    found: dict[str, Expr] = {}
    for column, plugin, across in _bound(entries, cross_section):
        if column in found:
            raise ConfigError(f"two columns are named {column!r}; give one another name with `as`",
                              code="duplicate_column")  # fmt: skip
        expr = plugin()
        found[column] = expr if across == "none" else _compared(column, expr, across)
    return found


def entries(given: Iterable[Mapping[str, Any] | str], *, cross_section: str = "none") -> list[dict[str, Any]]:
    """Return one entry a column, sets expanded and every default spelled out: equal columns have equal entries.

    Raises
    ------
    ConfigError
        As `columns` does, but for columns of one name.
    """
    return [{"name": plugin.name, "as": column, "cross_section": across, **plugin.params}
            for column, plugin, across in _bound(given, cross_section)]  # fmt: skip


def catalogue() -> pd.DataFrame:
    """Return a row a registered feature: what it is, its formula, lookback, fields and source."""
    from alpha.features import listing

    return listing.catalogue()


def _bound(entries: Iterable[Mapping[str, Any] | str], default: str) -> Iterator[tuple[str, Plugin, str]]:
    for entry in entries:
        given = {"name": entry} if isinstance(entry, str) else dict(entry)
        across = str(given.pop("cross_section", default))
        if across not in CROSS_SECTION:
            raise ConfigError(f"no cross_section {across!r}; {nearest(across, CROSS_SECTION)}", code="bad_parameter")
        if "set" in given:
            named = feature_set.bind({"name": given.pop("set"), **given})
            yield from _bound(named(), across)
            continue
        column = given.pop("as", None)
        plugin = feature.bind(given)
        yield str(column or _column_name(plugin)), plugin, across


def _column_name(plugin: Plugin) -> str:
    given = [value for value in plugin.params.values() if value is not None]
    values = (f"{value:g}" if isinstance(value, float) else str(value) for value in given)
    return "_".join([plugin.name, *values])


def _compared(column: str, expr: Expr, across: str) -> Expr:
    try:
        return CROSS_SECTION[across](expr)
    except ConfigError as error:
        raise ConfigError(f"feature {column!r}: {error.args[0]}", code="price_level") from None
