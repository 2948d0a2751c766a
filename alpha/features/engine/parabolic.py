"""The kernel of the parabolic stop and reverse: a loop with branches, which is no expression."""

from __future__ import annotations

import numpy as np

from alpha.features.engine.compiled import jit


@jit
def stops(high: np.ndarray, low: np.ndarray, step: float, most: float) -> np.ndarray:
    """Return Wilder's stop in the last row of each column, begun in the first; NaN where a column has a hole.

    A fall is a rise in the mirror (`side` -1), so that there is one rule: a stop below a rise. The first trend is that
    of the larger move between the first two rows.
    """
    out = np.empty(high.shape[1])
    for s in range(high.shape[1]):
        side = -1.0 if low[0, s] - low[1, s] > max(high[1, s] - high[0, s], 0.0) else 1.0
        stop, _, _ = _sided(high, low, 0, s, side)
        _, extreme, _ = _sided(high, low, 1, s, side)
        shown, share = stop, step
        known = high[0, s] - low[0, s] < np.inf
        for t in range(1, high.shape[0]):
            bottom, top, floor = _sided(high, low, t, s, side)
            if bottom <= stop:
                side = -side
                bottom, top, floor = _sided(high, low, t, s, side)
                stop, extreme, share = min(-extreme, floor), top, step
            shown = stop
            if top > extreme:
                extreme, share = top, min(share + step, most)
            stop = min(stop + share * (extreme - stop), floor)
            known = known and high[t, s] - low[t, s] < np.inf
        out[s] = side * shown if known else np.nan
    return out


@jit
def _sided(high: np.ndarray, low: np.ndarray, t: int, s: int, side: float) -> tuple[float, float, float]:
    """Return bottom, top, and the bottom of the last two rows, as seen from a side."""
    last = max(t - 1, 0)
    if side > 0:
        return low[t, s], high[t, s], min(low[t, s], low[last, s])
    return -high[t, s], -low[t, s], -max(high[t, s], high[last, s])
