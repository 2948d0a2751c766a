"""Meta-labels: whether following a primary signal paid, for a model of confidence to predict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field

from alpha.core.nouns import Label
from alpha.core.panel import Panel
from alpha.core.registry import value_errors
from alpha.labels import label


def _column(given: Any) -> dict[str, Any]:
    """Return the one column of a feature entry, with every default spelled out."""
    from alpha.features import entries

    with value_errors():
        made = entries((_entry(given),))
    if len(made) != 1:
        raise ValueError("must be one feature: a set gives several columns, of which none is the primary signal")
    return made[0]


def _outcome(given: Any) -> dict[str, Any]:
    """Return the entry of a label that is not itself a meta-label, with every default spelled out."""
    with value_errors():
        bound = label.bind(_entry(given))
    if bound.name == meta.__name__:
        raise ValueError("must be the label of an outcome, such as forward_return or barrier")
    return bound.entry


def _entry(given: Any) -> str | Mapping[str, Any]:
    if not isinstance(given, str | Mapping):
        raise ValueError("must be a name, or a mapping with a name and parameters")
    return given


Primary = Annotated[dict[str, Any], BeforeValidator(_column), Field(validate_default=True)]
Outcome = Annotated[dict[str, Any], BeforeValidator(_outcome), Field(validate_default=True)]


@label
def meta(  # the defaults are names, as in a configuration; the schema spells them out
    panel: Panel,
    *,
    primary: Primary = "reversal",  # type: ignore[assignment]
    threshold: float = 0.0,
    outcome: Outcome = "forward_return",  # type: ignore[assignment]
) -> Label:
    """1 where following a primary signal earned, -1 where it did not, NaN where that signal has no opinion.

    The primary signal is a feature: above `threshold` it says to buy, below it to sell, at it or missing nothing.
    `realised` is what following it earned, a fraction: the outcome's return, with the sign of the side. So a model's
    signal is a confidence in the primary, above 0 where it is to be followed, and no side of its own.

    Known when the outcome is.

    Parameters
    ----------
    primary : feature entry
        Such as ``{name: momentum, window: 126, cross_section: rank}``.
    threshold : float
        In the unit of the feature.
    outcome : label entry
        Such as ``{name: barrier, horizon: 20}``; its `realised`, or its values, say what was earned.

    References
    ----------
    Lopez de Prado (2018), "Advances in Financial Machine Learning", section 3.6.
    """
    from alpha.features import Plan, columns

    signal = Plan(columns([primary])).batch(panel, threads=1).values[..., 0]
    side = np.sign(signal - threshold)
    behind: Label = label.bind(outcome)(panel)
    earned = (behind.values if behind.realised is None else behind.realised) * np.where(side == 0, np.nan, side)
    values = np.where(np.isfinite(earned), np.where(earned > 0, 1.0, -1.0), np.nan)
    return replace(behind, name="meta", values=values, realised=earned)
