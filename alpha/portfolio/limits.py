"""Limits: projections onto the books that may be held.

Each returns weights inside its limit and changes nothing that is inside already. None ever makes a weight larger
or turns its sign, so what satisfies one limit still does after the next.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat

from alpha.core.nouns import Target
from alpha.core.registry import Plugin
from alpha.portfolio import limit

_SLACK = 1 + 1e-12  # what floating point adds to a sum is no breach


@limit
def max_name(weights: np.ndarray, *, limit: PositiveFloat = 0.1) -> np.ndarray:
    """Clip the absolute weight of each name to `limit`."""
    return np.clip(weights, -limit, limit)


@limit
def max_net(weights: np.ndarray, *, limit: NonNegativeFloat = 0.2) -> np.ndarray:
    """Scale the heavier side down until longs less shorts are within `limit`."""
    long, short = weights[weights > 0].sum(), -weights[weights < 0].sum()
    heavy, light = max(long, short), min(long, short)
    if heavy - light <= limit + (_SLACK - 1) * heavy:
        return weights
    side = weights > 0 if long > short else weights < 0
    return np.where(side, weights * ((light + limit) / heavy), weights)


@limit
def max_gross(weights: np.ndarray, *, limit: PositiveFloat = 1.0) -> np.ndarray:
    """Scale all weights down until their absolute values sum to `limit`."""
    gross = np.abs(weights).sum()
    return weights if gross <= limit * _SLACK else weights * (limit / gross)


def limited(raw: np.ndarray, limits: Sequence[Plugin]) -> Target:
    """Return the weights after every limit in the order listed, and the names of the limits that were hit.

    The order matters for what is left, never for whether the limits hold: a limit that clips some names after
    another has balanced the book is followed by a second pass.
    """
    weights, hit = raw, []
    for _ in limits:  # as many passes as there are limits settle any order
        before = weights
        for each in limits:
            inside = each(weights)
            if not np.array_equal(inside, weights):
                hit.append(each.name)
                weights = inside
        if weights is before:
            break
    return Target(weights, raw, tuple(dict.fromkeys(hit)))
