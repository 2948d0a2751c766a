"""The gate on the holdout."""

from __future__ import annotations

from alpha.gates import gate
from alpha.gates.kinds import Unsealed


@gate
def holdout(*, limit: float = 0.0) -> Unsealed:
    """Lower bound of the mean IC over the sealed cells, at the level left after earlier looks: above `limit`.

    It need not be listed: it applies wherever the configuration seals data. Research cannot read the sealed cells;
    blessing opens them for a candidate that has passed every other gate.
    """
    return Unsealed(limit)
