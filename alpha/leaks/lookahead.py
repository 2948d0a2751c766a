"""Check for look-ahead: cut the future off, or replace it, compute again, and compare.

Every check returns None, or a sentence that names the worst difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from alpha.core.nouns import FeatureSet, Fold, Label
from alpha.core.panel import Panel

PlanBatch = Callable[[Panel], FeatureSet]
FEWEST_ROWS = 30
SELDOM = 0.5  # a field seldom changes where fewer than this share of its cells change
PERIODS = ("D", "W", "M", "Q", "Y")


def telling_rows(panel: Panel, count: int, rng: np.random.Generator, among: np.ndarray | None = None) -> list[int]:
    """Return up to `count` rows after which to hide the future, drawn from all except the first and the last.

    Look-ahead at rare events shows only in rows next to them. The rows are therefore, in turn: one right before the
    calendar turns, one anywhere, one right before a seldom-changing value changes or appears, one right after a turn,
    and one right after such a change. Rows where most periods end at once (a week, a quarter and a year) come first,
    because they show look-ahead at the end of any of them.

    Parameters
    ----------
    among : int array, optional
        Draw only from these rows.
    """
    last = len(panel) - 1
    anywhere = np.arange(min(FEWEST_ROWS, last // 2), last)
    anywhere = anywhere if among is None else np.intersect1d(anywhere, among)
    changed, ended = _changes(panel), _ended(panel.times)
    turns = np.flatnonzero(ended)

    def drawn(rows: np.ndarray) -> np.ndarray:
        return rng.permutation(np.intersect1d(anywhere, rows))

    before, after = drawn(turns), drawn(turns + 1)
    before = before[np.argsort(-ended[before], kind="stable")]
    after = after[np.argsort(-ended[after - 1], kind="stable")]
    kinds = [before, drawn(anywhere), drawn(changed - 1), after, drawn(changed)]
    longest = [np.resize(rows, len(anywhere)) for rows in kinds if len(rows)]
    return list(dict.fromkeys(map(int, np.stack(longest, axis=1).ravel())))[:count] if longest else []


def cut_and_compare(plan_batch: PlanBatch, panel: Panel, features: FeatureSet, rows: Iterable[int]) -> str | None:
    """Compute the features up to each row of `rows` without the future, and compare to the last bit.

    Parameters
    ----------
    plan_batch : callable
        Computes `features` from a panel.
    features : FeatureSet
        Its result for the whole panel.
    """
    found = []
    for row in map(int, rows):
        past = plan_batch(panel.rows(slice(0, row + 1))).values
        found += _differences(features, past, f"changes when the rows after {features.times[row]} are cut off")
    return _worst(found)


def shock_future(
    plan_batch: PlanBatch, panel: Panel, features: FeatureSet, rows: Iterable[int], *, seed: int = 0
) -> str | None:
    """Replace all data after each row of `rows` by other numbers, and compare every row up to it.

    This finds a leak that cutting cannot: a computation that looks ahead only where later rows exist.
    """
    found = []
    for row in map(int, rows):
        past = plan_batch(shocked(panel, row, np.random.default_rng([seed, row]))).values[: row + 1]
        found += _differences(features, past, f"changes when the rows after {features.times[row]} do")
    return _worst(found)


def shocked(panel: Panel, row: int, rng: np.random.Generator, *, low: float = 0.2, high: float = 5.0) -> Panel:
    """Return the panel with another future: values after `row` are multiplied by random factors from `low` to `high`.

    Half of the tradable cells after `row` become untradable. Missing values stay missing.
    """

    def shock(values: np.ndarray) -> np.ndarray:
        after = values[row + 1 :]
        return np.concatenate([values[: row + 1], after * rng.uniform(low, high, after.shape)])

    tradable = panel.tradable.copy()
    tradable[row + 1 :] &= rng.random(tradable[row + 1 :].shape) < 0.5
    return replace(panel, fields={name: shock(values) for name, values in panel.fields.items()}, tradable=tradable)


def check_label(label: Label, times: pd.DatetimeIndex) -> str | None:
    """Check that each outcome becomes known only after its row, and that no value is given for an unknown outcome."""
    known_at = label.known_at_cells
    early = known_at <= _instants(times)[:, None]  # NaT compares False
    unknown = np.isnat(known_at) & np.isfinite(label.values)
    for bad, why in ((early, "is known no later than it was decided"), (unknown, "has a value that is not yet known")):
        if bad.any():
            row = int(np.argmax(bad.any(axis=1)))
            return f"label {label.name!r} of {times[row]} {why} ({int(bad.sum())} in all)"
    return None


def check_folds(folds: Iterable[Fold], label: Label, times: pd.DatetimeIndex) -> str | None:
    """Check that no fold trains on a row whose labels are unknown at its cutoff, or tests a row before it."""
    instants = _instants(times)
    tested = -1
    for fold in folds:
        first = int(fold.test.min())
        if not fold.forward:
            return f"fold {fold.index} also learns from rows after those it tests, from {instants[first]} on"
        if fold.cutoff > instants[first]:
            return f"fold {fold.index} learns up to {fold.cutoff}, after its first test row at {instants[first]}"
        unknown = fold.train[~label.known_before(fold.cutoff)[fold.train].any(axis=1)]
        if len(unknown):
            return (
                f"fold {fold.index} trains on {len(unknown)} rows whose labels were unknown at its cutoff "
                f"{fold.cutoff}; the first is {instants[unknown[0]]}"
            )
        if first <= tested:
            return f"fold {fold.index} tests a row that an earlier fold tested"
        tested = int(fold.test.max())
    return None


def _instants(times: pd.DatetimeIndex) -> np.ndarray:
    return times.as_unit("ns").asi8.view("datetime64[ns]")


def _changes(panel: Panel) -> np.ndarray:
    """Return the rows in which a seldom-changing field changes, or a value appears."""
    changed = []
    for values in (*panel.fields.values(), panel.tradable.astype(float)):
        before, after = values[:-1], values[1:]
        moved = (before != after) & np.isfinite(after)
        changed.append(moved if moved.mean() < SELDOM else moved & np.isnan(before))
    return np.flatnonzero(np.any(changed, axis=(0, 2))) + 1


def _ended(times: pd.DatetimeIndex) -> np.ndarray:
    """Return the number of calendar periods that end with each row, among those that last several rows."""
    ended = np.zeros(len(times), int)
    for period in PERIODS:
        number = times.tz_localize(None).to_period(period).asi8
        ends = number[1:] != number[:-1]
        ended[:-1] += ends if ends.mean() < SELDOM else 0
    return ended


def _differences(features: FeatureSet, past: np.ndarray, why: str) -> list[tuple[float, str]]:
    whole = features.values[: len(past)]
    differs = ~((whole == past) | (np.isnan(whole) & np.isnan(past)))
    if not differs.any():
        return []
    size = np.where(differs, np.nan_to_num(np.abs(whole - past), nan=np.inf), -1.0)
    t, i, f = map(int, np.unravel_index(int(np.argmax(size)), size.shape))
    where = f"{features.names[f]!r} of {features.symbols[i]} at {features.times[t]}"
    return [(float(size[t, i, f]), f"{where} {why}: {whole[t, i, f]!r} became {past[t, i, f]!r}")]


def _worst(found: list[tuple[float, str]]) -> str | None:
    return max(found)[1] if found else None
