"""Plant a leak of each kind and see it found; plant none and see nothing found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from alpha.core.nouns import FeatureSet, Fold, Label
from alpha.core.panel import Panel
from alpha.labels.forward import forward_return
from alpha.leaks.lookahead import check_folds, check_label, cut_and_compare, shock_future
from alpha.validation.splits import walk_forward

ROWS = 50


@pytest.fixture(scope="module")
def panel() -> Panel:
    rng = np.random.default_rng(0)
    close = 10 * np.exp(np.cumsum(rng.normal(0, 0.02, (ROWS, 4)), axis=0))
    close[:3, 1] = np.nan
    return Panel(pd.date_range("2020-01-01", periods=ROWS, freq="D", tz="UTC"), tuple("ABCD"), {"close": close})


def plan(*functions: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Panel], FeatureSet]:
    def batch(panel: Panel) -> FeatureSet:
        values = np.stack([function(panel.frame("close")).to_numpy() for function in functions], axis=-1)
        return FeatureSet(panel.times, panel.symbols, tuple(f.__name__ for f in functions), values)

    return batch


def change(close: pd.DataFrame) -> pd.DataFrame:
    return close / close.shift(1) - 1


def shifted(close: pd.DataFrame) -> pd.DataFrame:
    return close.shift(-1) / close - 1


def full_sample_zscore(close: pd.DataFrame) -> pd.DataFrame:
    return (close - close.mean()) / close.std()


def backfilled(close: pd.DataFrame) -> pd.DataFrame:
    return close.bfill()


def from_the_last_row(close: pd.DataFrame) -> pd.DataFrame:
    """Looks ahead to a fixed date, and only where the data reach it: cutting before it shows nothing wrong."""
    return close * (close.iloc[40] / close.iloc[0] if len(close) > 40 else 1.0)


def test_nothing_is_found_where_nothing_is_wrong(panel: Panel) -> None:
    batch = plan(change)
    assert cut_and_compare(batch, panel, batch(panel), range(ROWS)) is None
    assert shock_future(batch, panel, batch(panel), range(ROWS)) is None


@pytest.mark.parametrize("leak", [shifted, full_sample_zscore])
def test_a_planted_leak_is_caught_twice(panel: Panel, leak: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    batch = plan(change, leak)
    for check in (cut_and_compare, shock_future):
        found = check(batch, panel, batch(panel), [10, 30])
        assert found is not None
        assert f"'{leak.__name__}' of" in found


def test_a_value_filled_from_the_future_is_caught(panel: Panel) -> None:
    batch = plan(change, backfilled)
    found = cut_and_compare(batch, panel, batch(panel), [1])
    assert found is not None
    assert found.startswith("'backfilled' of B at 2020-01-01")
    assert found.endswith("became np.float64(nan)") or "nan" in found


def test_rows_before_the_cut_are_compared_too(panel: Panel) -> None:
    def seldom(close: pd.DataFrame) -> pd.DataFrame:
        ahead = close.shift(-5).fillna(0.0)
        ahead[np.arange(len(close)) % 10 > 0] = 0.0
        return ahead

    batch = plan(seldom)
    assert "'seldom'" in (cut_and_compare(batch, panel, batch(panel), [33]) or "")
    assert cut_and_compare(batch, panel, batch(panel), [36]) is None


def test_a_shock_finds_what_a_cut_of_the_last_row_cannot(panel: Panel) -> None:
    batch = plan(from_the_last_row)
    last = ROWS - 1
    assert cut_and_compare(batch, panel, batch(panel), [last]) is None
    assert shock_future(batch, panel, batch(panel), [20]) is not None


def test_the_future_universe_is_shocked_too(panel: Panel) -> None:
    def survivors(panel: Panel) -> FeatureSet:
        share = np.broadcast_to(panel.tradable.mean(axis=0), panel.tradable.shape)[..., None]
        return FeatureSet(panel.times, panel.symbols, ("share",), share)

    assert "'share'" in (shock_future(survivors, panel, survivors(panel), [20]) or "")


def test_the_worst_difference_is_named(panel: Panel) -> None:
    def tiny(close: pd.DataFrame) -> pd.DataFrame:
        return close.shift(-1).fillna(0.0) * 1e-9

    batch = plan(tiny, lambda close: close.shift(-1).fillna(0.0))
    found = cut_and_compare(batch, panel, batch(panel), range(5, 15))
    assert found is not None
    assert "<lambda>" in found


def test_a_value_that_comes_or_goes_is_worse_than_any_that_moves(panel: Panel) -> None:
    def emptied(close: pd.DataFrame) -> pd.DataFrame:
        return close * (np.nan if len(close) > 30 else 1.0)

    batch = plan(full_sample_zscore, emptied)
    found = cut_and_compare(batch, panel, batch(panel), [20])
    assert found is not None
    assert found.startswith("'emptied'")


def test_one_bit_is_a_difference(panel: Panel) -> None:
    def moved(close: pd.DataFrame) -> pd.DataFrame:
        return np.nextafter(close, np.inf) if len(close) == ROWS else close

    batch = plan(moved)
    assert cut_and_compare(batch, panel, batch(panel), [20]) is not None


def test_labels_of_the_library_are_clean(panel: Panel) -> None:
    assert check_label(forward_return(panel, horizon=3), panel.times) is None


def test_a_label_known_at_its_own_row_is_caught(panel: Panel) -> None:
    label = forward_return(panel, horizon=3)
    known_at = label.known_at.copy()
    known_at[7] = panel.times.tz_localize(None).as_unit("ns")[7]
    planted = Label("planted", label.values, known_at, 3, label.entry)
    assert "'planted' of 2020-01-08" in (check_label(planted, panel.times) or "")
    per_symbol = np.repeat(label.known_at[:, None], 4, axis=1)
    per_symbol[9, 2] = known_at[7]
    assert "2020-01-10" in (check_label(Label("planted", label.values, per_symbol, 3, label.entry), panel.times) or "")


def test_a_value_that_nobody_could_know_yet_is_caught(panel: Panel) -> None:
    label = forward_return(panel, horizon=3)
    planted = Label("planted", np.ones_like(label.values), label.known_at, 3, label.entry)
    assert "not yet known" in (check_label(planted, panel.times) or "")


def test_folds_of_the_library_are_clean(panel: Panel) -> None:
    label = forward_return(panel, horizon=3)
    assert check_folds(walk_forward(panel.times, label, folds=4, embargo=2), label, panel.times) is None


def _unpurged(fold: Fold) -> Fold:
    return Fold(fold.index, np.arange(fold.test[0]), fold.test, fold.cutoff)


def _late(fold: Fold) -> Fold:
    return Fold(fold.index, fold.train, fold.test, fold.cutoff + np.timedelta64(1, "ns"))


def _twice(fold: Fold) -> Fold:
    return Fold(fold.index, np.arange(10), np.arange(20, 50), np.datetime64("2020-01-21", "ns"))


@pytest.mark.parametrize(
    ("plant", "said"),
    [(_unpurged, "trains on 4 rows whose labels were unknown"), (_late, "after its first test row"),
     (_twice, "that an earlier fold tested")],
)  # fmt: skip
def test_a_fold_that_leaks_is_caught(panel: Panel, plant: Callable[[Fold], Fold], said: str) -> None:
    label = forward_return(panel, horizon=3)
    folds = [plant(fold) for fold in walk_forward(panel.times, label, folds=3, first_test=0.4)]
    assert said in (check_folds(folds, label, panel.times) or "")
