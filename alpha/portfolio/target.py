"""From a view to the weights wanted: policy, overlays, limits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from alpha.core.errors import RiskBreach
from alpha.core.nouns import Target
from alpha.core.registry import Plugin
from alpha.portfolio.limits import limited
from alpha.portfolio.view import View


def target(
    view: View, policy: Plugin, overlays: Sequence[Plugin] = (), limits: Sequence[Plugin] = (), *, reducing: str = ""
) -> Target:
    """Return the weights that the policy wants, changed by every overlay and brought inside every limit.

    Where the instrument cannot be sold short, negative weights are set to zero, and ``shortable`` is reported.

    Parameters
    ----------
    reducing : str, optional
        Name of the guard that lets positions only shrink; it is reported where it changed a weight.

    Raises
    ------
    RiskBreach
        ``bad_weights``: the weights are not one finite number a name.
    """
    weights = _weights(policy, policy(view), view)
    for each in overlays:
        weights = _weights(each, each(weights, view), view)
    wanted = smaller(weights, view.held) if reducing else weights
    hit = () if wanted is weights or np.array_equal(wanted, weights) else (reducing,)
    if not view.bar.instrument.shortable and (wanted < 0).any():
        wanted, hit = np.maximum(wanted, 0.0), (*hit, "shortable")
    found = limited(wanted, limits, view)
    if not _finite(found.weights):
        raise RiskBreach(f"after {', '.join(each.label for each in limits)} there are weights that are not finite",
                         code="bad_weights")  # fmt: skip
    return Target(found.weights, weights, (*hit, *found.clipped), found.stuck)


def smaller(weights: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return the weights brought between zero and those held: a position may shrink, not grow or change its side."""
    return np.clip(weights, np.minimum(held, 0.0), np.maximum(held, 0.0))


def _weights(made: Plugin, weights: np.ndarray, view: View) -> np.ndarray:
    if np.shape(weights) != view.held.shape:
        raise RiskBreach(f"{made.label} wants weights of shape {np.shape(weights)}; there are {len(view.held)} names",
                         code="bad_weights")  # fmt: skip
    if not _finite(weights):
        raise RiskBreach(f"{made.label} wants weights that are not finite", code="bad_weights")
    return weights


def _finite(weights: np.ndarray) -> bool:
    return math.isfinite(np.abs(weights).sum())
