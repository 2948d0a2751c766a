"""Check of a label: its outcomes are earned after the decision, and known at their declared instant."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveInt

from alpha.core.panel import PRICES, Panel
from alpha.leaks import check, lookahead
from alpha.leaks.pipeline import Case

QUOTED = (*PRICES, *(f"raw_{name}" for name in PRICES))


@check
def labels(case: Case, *, rows: PositiveInt = 3) -> str | None:
    """Every outcome is entered after the decision, and known after its row and no earlier than declared.

    At each of `rows` drawn rows, prices jump right after the row: its outcomes must not gain by it. Then all later
    prices change: outcomes declared known by the row must not change, and those of the row itself must.
    """
    if found := lookahead.check_label(case.label, case.panel.times):
        return found
    for row in case.rows(rows, "labels"):
        if found := _gains(case, row) or _known_too_early(case, row):
            return found
    return None


def gapped(panel: Panel, row: int, factor: np.ndarray) -> Panel:
    """Return the panel in which all prices after `row` are `factor`, of shape (N,), times as high."""
    after = np.where(np.arange(len(panel))[:, None] > row, factor, 1.0)
    return panel.with_fields(**{name: panel[name] * after for name in QUOTED if name in panel})


def _gains(case: Case, row: int) -> str | None:
    """Return a problem where a jump of the price between the decision and the next bar is part of the outcome."""
    factor = np.exp(case.rng(f"gap {row}").normal(0, 0.2, len(case.panel.symbols)))
    leapt = case.pipeline.label(gapped(case.panel, row, factor))
    before, after = case.outcome[row], (leapt.values if leapt.realised is None else leapt.realised)[row]
    moved = ~np.isclose(before, after, rtol=1e-6, atol=1e-9, equal_nan=True)
    if not moved.any():
        return None
    i = int(moved.argmax())
    return (
        f"the outcome of {case.panel.symbols[i]} decided at {case.panel.times[row]} was {before[i]:.4g} and is "
        f"{after[i]:.4g} if all prices leap right after it: it is entered at a price known when it was decided"
    )


def known_by(case: Case, row: int) -> np.ndarray:
    """Return a bool array of shape (T, N): True where the outcome is known at the time of `row`."""
    return case.label.known_before(case.panel.times.as_unit("ns")[row].asm8 + np.timedelta64(1, "ns"))


def _known_too_early(case: Case, row: int) -> str | None:
    times, label = case.panel.times, case.label
    other = case.pipeline.label(lookahead.shocked(case.panel, row, case.rng(f"label {row}")))
    moved = known_by(case, row) & ~np.isclose(label.values, other.values, rtol=1e-9, atol=1e-12, equal_nan=True)
    if moved.any():
        t = int(np.argmax(moved.any(axis=1)))
        return f"the label of {times[t]} is declared known by {times[row]}, and changes when later prices do"
    told = np.isfinite(label.values[row])
    if told.any() and not (label.values[row] != other.values[row])[told].any():
        return f"the label of {times[row]} does not depend on later prices"
    return None
