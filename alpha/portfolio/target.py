"""From a view to the weights wanted: policy, overlays, limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
    hit = () if np.array_equal(wanted, weights) else (reducing,)
    if not view.bar.instrument.shortable and (wanted < 0).any():
        wanted, hit = np.maximum(wanted, 0.0), (*hit, "shortable")
    found = limited(wanted, limits, view)
    _expect_finite(found.weights, f"after {', '.join(each.label for each in limits)} there are")
    return replace(found, raw=weights, clipped=(*hit, *found.clipped))


def smaller(weights: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return the weights brought between zero and those held: a position may shrink, not grow or change its side."""
    return np.clip(weights, np.minimum(held, 0.0), np.maximum(held, 0.0))


def _weights(made: Plugin, weights: np.ndarray, view: View) -> np.ndarray:
    if np.shape(weights) != view.held.shape:
        raise RiskBreach(f"{made.label} wants weights of shape {np.shape(weights)}; there are {len(view.held)} names",
                         code="bad_weights")  # fmt: skip
    _expect_finite(weights, f"{made.label} wants")
    return weights


def _expect_finite(weights: np.ndarray, who: str) -> None:
    if not np.isfinite(np.abs(weights).sum()):
        raise RiskBreach(f"{who} weights that are not finite", code="bad_weights")
