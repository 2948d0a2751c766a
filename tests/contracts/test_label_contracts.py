"""What every label promises, over the registry."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.nouns import Label
from alpha.core.panel import Panel
from alpha.labels import label
from alpha.leaks.lookahead import check_label
from alpha.validation.crossfit import training_mask
from alpha.validation.splits import purged_kfold, walk_forward

ROWS, NAMES = 60, 7


@pytest.fixture(params=list(label))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def panel() -> Panel:
    rng = np.random.default_rng(3)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, (ROWS, NAMES)), axis=0))
    close[40:, 2] = np.nan  # a delisting
    close[:10, 5] = np.nan  # a listing
    close[20, 6] = np.nan  # a day without a price
    opens = close * np.exp(rng.normal(0, 0.01, close.shape))
    around = np.fmax(opens, close) * 1.01, np.fmin(opens, close) * 0.99
    return Panel(pd.date_range("2021-03-01", periods=ROWS, freq="B", tz="UTC"), tuple("ABCDEFG"),
                 {"open": opens, "high": around[0], "low": around[1], "close": close})  # fmt: skip


def make(name: str, panel: Panel) -> Label:
    return label.bind(name)(panel)


def known(made: Label, time: pd.Timestamp) -> np.ndarray:
    return made.known_before(np.datetime64(time.tz_localize(None), "ns") + np.timedelta64(1, "ns"))


def test_is_known_after_its_row_and_has_no_value_before(name: str, panel: Panel) -> None:
    made = make(name, panel)
    assert check_label(made, panel.times) is None
    assert made.values.shape == made.realised.shape == panel.tradable.shape
    assert np.isnan(made.values[~panel.tradable]).all()
    assert made.known_before(np.datetime64("2100-01-01")).any()
    assert np.isfinite(made.values).mean() > 0.3, "a contract over nothing holds"


def test_no_outcome_takes_longer_than_the_horizon(name: str, panel: Panel) -> None:
    """The span of each cell is what purging goes by; `horizon` is its most, and what intervals and blocks go by."""
    made = make(name, panel)
    bars = made.horizons(panel.times)
    assert bars.max() == made.horizon
    assert ((bars >= 0) == ~np.isnat(np.broadcast_to(made.known_at.reshape(ROWS, -1), bars.shape))).all()


def test_a_fold_learns_from_no_outcome_that_was_unknown_at_its_cutoff(name: str, panel: Panel) -> None:
    """Each cell is purged by its own instant, by the walk forward and by the folds that also learn from later rows."""
    made = make(name, panel)
    known_at = np.broadcast_to(made.known_at.reshape(ROWS, -1), made.values.shape)
    instants = panel.times.tz_localize(None).as_unit("ns").to_numpy()
    for fold in walk_forward(panel.times, made, folds=2, first_test=0.6, embargo=2):
        mask = training_mask(made, fold)
        assert (known_at[mask] < instants[fold.test[0] - 2]).all()
        assert mask.any()
    for fold in purged_kfold(panel.times, made, folds=3, embargo=2):
        mask = training_mask(made, fold)
        first, last = fold.test[0], fold.test[-1]
        assert (known_at[:first][mask[:first]] <= instants[first]).all()
        tested = known_at[fold.test]
        ends = tested[~np.isnat(tested)].max(initial=instants[last])
        later = np.flatnonzero(mask[last + 1 :].any(axis=1)) + last + 1
        assert (instants[later - 2] >= ends).all()


@pytest.mark.parametrize("row", [20, 39, 44, 58])
def test_an_outcome_never_changes_once_it_is_known(name: str, panel: Panel, row: int) -> None:
    """Cut the data at a row: what was known by then is there, bit for bit; what was not is absent."""
    whole, past = make(name, panel), make(name, panel.rows(slice(0, row + 1)))
    by_then = known(whole, panel.times[row])[: row + 1]
    for before, after in ((past.values, whole.values), (past.realised, whole.realised)):
        np.testing.assert_array_equal(before[by_then], after[: row + 1][by_then])
        assert np.isnan(before[~by_then]).all()


def test_an_outcome_depends_on_nothing_after_it_was_known(name: str, panel: Panel) -> None:
    row = 35
    rng = np.random.default_rng(0)
    shocked = {n: np.where(np.arange(ROWS)[:, None] > row, v * rng.uniform(0.5, 2, v.shape), v)
               for n, v in panel.fields.items()}  # fmt: skip
    whole, other = make(name, panel), make(name, Panel(panel.times, panel.symbols, shocked))
    by_then = known(whole, panel.times[row])
    np.testing.assert_array_equal(whole.values[by_then], other.values[by_then])
    assert (whole.values[~by_then] != other.values[~by_then]).any()


def test_symbols_may_stand_in_any_order(name: str, panel: Panel) -> None:
    order = np.random.default_rng(1).permutation(NAMES)
    permuted = make(name, panel.select([panel.symbols[i] for i in order]))
    np.testing.assert_allclose(permuted.values, make(name, panel).values[:, order], rtol=0, atol=1e-15)


def test_without_opens_it_enters_at_the_next_close(name: str, panel: Panel) -> None:
    closes = Panel(panel.times, panel.symbols, {"close": panel["close"]})
    assert make(name, closes).entry == "next_close"
    assert make(name, panel).entry == "next_open"
