"""Labels against a plain loop over names and days, and the cases that decide whether they are honest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.panel import Panel
from alpha.labels.forward import forward_excess, forward_rank, forward_return

ROWS, NAMES = 30, 6


def market(*, opens: bool = True, seed: int = 0) -> Panel:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, (ROWS, NAMES)), axis=0))
    fields = {"close": close}
    if opens:
        fields["open"] = close * np.exp(rng.normal(0, 0.01, close.shape))
    times = pd.date_range("2020-01-01 21:00", periods=ROWS, freq="B", tz="UTC")
    return Panel(times, tuple("ABCDEF"), fields)


def delisted(panel: Panel, symbol: int, last: int) -> Panel:
    """Return the panel in which a name trades for the last time at row `last`."""
    fields = {name: values.copy() for name, values in panel.fields.items()}
    for values in fields.values():
        values[last + 1 :, symbol] = np.nan
    return Panel(panel.times, panel.symbols, fields)


def by_loop(panel: Panel, horizon: int) -> np.ndarray:
    price = panel["open"] if "open" in panel else panel["close"]
    values = np.full(price.shape, np.nan)
    for t in range(len(panel) - 1 - horizon):
        for i in range(len(panel.symbols)):
            leave = price[t + 1 + horizon, i]
            row = t + 1 + horizon
            while np.isnan(leave):
                leave, row = panel["close"][row, i], row - 1
            if panel.tradable[t, i]:
                values[t, i] = leave / price[t + 1, i] - 1
    return values


@pytest.mark.parametrize("horizon", [1, 5])
@pytest.mark.parametrize("opens", [True, False])
def test_return_equals_a_plain_loop(horizon: int, opens: bool) -> None:
    panel = delisted(market(opens=opens), symbol=2, last=17)
    label = forward_return(panel, horizon=horizon)
    np.testing.assert_allclose(label.values, by_loop(panel, horizon), rtol=1e-15)
    assert label.realised is label.values
    assert (label.horizon, label.entry) == (horizon, "next_open" if opens else "next_close")


def test_outcome_is_known_at_the_close_of_the_bar_of_the_exit() -> None:
    panel = market()
    label = forward_return(panel, horizon=5)
    times = panel.times.as_unit("ns").tz_localize(None).to_numpy()
    assert label.known_at.dtype == np.dtype("datetime64[ns]")
    np.testing.assert_array_equal(label.known_at[:-6], times[6:])
    assert np.isnat(label.known_at[-6:]).all()
    assert np.isnan(label.values[-6:]).all()
    assert np.isfinite(label.values[:-6]).all()


def test_a_delisting_inside_the_horizon_is_valued_at_its_last_close() -> None:
    panel = delisted(market(), symbol=3, last=12)
    label = forward_return(panel, horizon=5)
    expected = panel["close"][12, 3] / panel["open"][11, 3] - 1
    assert label.values[10, 3] == expected
    assert np.isnan(label.values[12:, 3]).all(), "after its last price there is nothing to enter"


def test_without_a_price_to_enter_at_there_is_no_outcome() -> None:
    panel = market()
    opens = panel["open"].copy()
    opens[8, 1] = np.nan
    label = forward_return(panel.with_fields(open=opens), horizon=3)
    assert np.isnan(label.values[7, 1])
    assert np.isfinite(label.values[8, 1])


def test_a_name_that_is_not_tradable_has_no_label_and_moves_no_mean() -> None:
    panel = market()
    tradable = panel.tradable.copy()
    tradable[4, 0] = False
    limited = Panel(panel.times, panel.symbols, panel.fields, tradable)
    everything, label = forward_return(panel, horizon=2), forward_excess(limited, horizon=2)
    assert np.isnan(label.values[4, 0])
    assert label.values[4, 1] == pytest.approx(everything.values[4, 1] - everything.values[4, 1:].mean(), abs=1e-15)


def test_excess_sums_to_zero_each_day() -> None:
    label = forward_excess(market(), horizon=4)
    np.testing.assert_allclose(label.values[:-5].sum(axis=1), 0, atol=1e-14)
    assert label.realised is label.values


def test_rank_runs_from_worst_to_best_and_keeps_the_excess_beside_it() -> None:
    panel = delisted(market(), symbol=5, last=3)
    label, returns = forward_rank(panel, horizon=2), forward_return(panel, horizon=2)
    day = returns.values[10, :5]
    np.testing.assert_allclose(label.values[10, :5], np.argsort(np.argsort(day)) / 4 - 0.5)
    assert np.isnan(label.values[10, 5])
    np.testing.assert_array_equal(label.realised, forward_excess(panel, horizon=2).values)


def test_equal_returns_share_their_rank_and_a_name_alone_is_in_the_middle() -> None:
    panel = market()
    flat = {name: np.ones_like(values) for name, values in panel.fields.items()}
    np.testing.assert_array_equal(forward_rank(Panel(panel.times, panel.symbols, flat), horizon=2).values[:-3], 0.0)
    np.testing.assert_array_equal(forward_rank(panel.select(["C"]), horizon=2).values[:-3], 0.0)


def test_a_horizon_longer_than_the_data_gives_no_outcome() -> None:
    label = forward_return(market(), horizon=ROWS)
    assert np.isnan(label.values).all()
    assert np.isnat(label.known_at).all()
