"""Checks that an edge fades when the signal is used later: it neither grows nor vanishes at once."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from alpha.leaks import check
from alpha.leaks.nulls import block_mean, mean_limit
from alpha.leaks.pipeline import Case
from alpha.stats.metrics import daily_ic

DELAYS = (1, 2, 5, 10, 21)


@check
def delay(case: Case, *, gain: PositiveFloat = 0.03, chance: PositiveFloat = 1e-4) -> str | None:
    """The IC does not grow by `gain` or more, beyond chance, when signals are used 1, 2, 5, 10 or 21 rows later.

    Growth means that signal and label are not aligned in time: a timestamp or a shift is wrong.
    """
    now = _ic(case, 0)
    for rows in DELAYS:
        growth = block_mean(_ic(case, rows) - now, _block(case))
        if growth.value >= gain and growth.chance < chance:
            return f"the IC is higher by {growth.value:.3f} when the signal is used {rows} rows later: it should fade"
    return None


@check
def lag(
    case: Case, *, rows: PositiveInt = 1, least: PositiveFloat = 0.1, kept: PositiveFloat = 0.3,
    chance: PositiveFloat = 1e-4,
) -> str | None:  # fmt: skip
    """Filled `rows` rows later, an IC of `least` or more keeps at least the share `kept`.

    A large edge that vanishes one bar later uses prices or records that were not available at the decision.
    """
    now, later = _ic(case, 0), _ic(case, rows)
    edge, left = block_mean(now, _block(case)), block_mean(later - kept * now, _block(case))
    if edge.value < least or edge.chance >= chance or left.value + mean_limit(chance) * left.error >= 0:
        return None
    return (
        f"an IC of {edge.value:.3f} is {np.nanmean(later):.3f} when filled {rows} row late: little of the edge is left "
        f"without trading on the bar of the signal"
    )


def _ic(case: Case, rows: int) -> np.ndarray:
    """Return the daily IC of signals used `rows` rows late, by the row of the signal; NaN where there is none."""
    tested = np.concatenate([fold.test for fold in case.folds])
    signal = case.signal[: len(case.signal) - rows]
    ic = np.full(len(case.signal), np.nan)
    ic[: len(signal)] = daily_ic(signal, case.outcome[rows:])
    return ic[np.unique(tested)]


def _block(case: Case) -> int:
    return max(5, 2 * case.label.horizon)
