"""Limits: projections onto the books that may be held.

Each returns weights inside its limit, and returns those that are inside as they are. None makes a weight larger or
turns its sign, so weights that satisfy one limit still do after the next.

The positions in `View.stuck` cannot be traded now, and count: a limit scales the other weights until the sum of both is
inside. Where the stuck positions alone are too large, it returns them smaller; `limited` then keeps them as they are
and reports the limit as hit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat

from alpha.core.nouns import Target
from alpha.core.registry import Plugin
from alpha.portfolio import limit
from alpha.portfolio.view import View

_SLACK = 1 + 1e-12  # a sum that is larger by this much is larger by rounding


@limit
def max_name(weights: np.ndarray, view: View, *, limit: PositiveFloat = 0.1) -> np.ndarray:
    """Clip the absolute weight of each name to `limit`."""
    return np.clip(weights, -limit, limit)


@limit
def max_net(weights: np.ndarray, view: View, *, limit: NonNegativeFloat = 0.2) -> np.ndarray:
    """Scale the heavier side down until longs less shorts are within `limit`."""
    long, short = weights[weights > 0].sum(), -weights[weights < 0].sum()
    heavy, light = max(long, short), min(long, short)
    if heavy - light <= limit + (_SLACK - 1) * heavy:
        return weights
    return _scaled(weights, weights > 0 if long > short else weights < 0, light + limit, view.stuck)


@limit
def max_gross(weights: np.ndarray, view: View, *, limit: PositiveFloat = 1.0) -> np.ndarray:
    """Scale all weights down until their absolute values sum to `limit`."""
    if np.abs(weights).sum() <= limit * _SLACK:
        return weights
    return _scaled(weights, np.ones(len(weights), bool), limit, view.stuck)


def _scaled(weights: np.ndarray, side: np.ndarray, most: float, stuck: np.ndarray) -> np.ndarray:
    """Scale the weights of `side` that can be traded until all of the side sums to `most`; then those that cannot."""
    free = side & ~stuck
    fixed = np.abs(weights[side & stuck]).sum()
    if fixed > most:
        return np.where(free, 0.0, np.where(side, weights * (most / fixed), weights))
    return np.where(free, weights * ((most - fixed) / np.abs(weights[free]).sum()), weights)


def limited(raw: np.ndarray, limits: Sequence[Plugin], view: View) -> Target:
    """Return the weights after every limit in the order listed, and the names of the limits that were hit.

    The order matters for the weights that are left, never for whether the limits hold: a limit that clips some names
    after another has balanced the book is followed by a second pass. The weight of a stuck position is the one held.
    """
    weights, hit = _fixed(raw, view), []
    for _ in limits:  # as many passes as there are limits settle any order
        before = weights
        for each in limits:
            inside = each(weights, view)
            if inside is not weights and not np.array_equal(inside, weights):
                hit.append(each.name)
                weights = _fixed(inside, view)
        if weights is before or np.array_equal(weights, before):
            break
    stuck = tuple(view.bar.symbols[i] for i in np.flatnonzero(view.stuck))
    return Target(weights, raw, tuple(dict.fromkeys(hit)), stuck)


def _fixed(weights: np.ndarray, view: View) -> np.ndarray:
    """Return the weights, those of stuck positions as they are held."""
    return np.where(view.stuck, view.held, weights) if view.stuck.any() else weights
