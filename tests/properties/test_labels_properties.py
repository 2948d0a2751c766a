"""Labels on panels with listings, delistings and gaps: a plain loop agrees, and what was known stays."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha.core.panel import Panel
from alpha.labels.forward import forward_excess, forward_rank, forward_return


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, names = draw(st.integers(3, 25)), draw(st.integers(1, 5))
    shape = (rows, names)
    close = 20 * np.exp(np.cumsum(rng.normal(0, 0.05, shape), axis=0)).round(2)
    close[rng.random(shape) < draw(st.sampled_from([0.0, 0.1, 0.4]))] = np.nan
    for symbol in range(names):
        listed, gone = sorted(rng.integers(0, rows + 1, 2))
        if rng.random() < 0.5:
            close[:listed, symbol] = close[gone:, symbol] = np.nan
    fields = {"close": close}
    if draw(st.booleans()):
        fields["open"] = np.where(rng.random(shape) < 0.1, np.nan, close * rng.uniform(0.95, 1.05, shape))
    tradable = np.isfinite(close) & (rng.random(shape) < 0.9)
    times = pd.date_range("2020-01-01", periods=rows, freq="B", tz="UTC")
    return Panel(times, tuple("ABCDE"[:names]), fields, tradable)


def plain_return(panel: Panel, row: int, symbol: int, horizon: int) -> float:
    price = panel["open"] if "open" in panel else panel["close"]
    leave_row = row + 1 + horizon
    if leave_row >= len(panel) or not panel.tradable[row, symbol]:
        return np.nan
    enter, leave = price[row + 1, symbol], price[leave_row, symbol]
    if np.isnan(leave):
        closes = panel["close"][: leave_row + 1, symbol]
        closes = closes[np.isfinite(closes)]
        leave = closes[-1] if len(closes) else np.nan
    return leave / enter - 1


@settings(max_examples=80, deadline=None)
@given(panels(), st.integers(1, 6))
def test_labels_equal_a_plain_loop(panel: Panel, horizon: int) -> None:
    shape = panel.tradable.shape
    returns = np.array([plain_return(panel, t, i, horizon) for t in range(shape[0]) for i in range(shape[1])])
    returns = returns.reshape(shape)
    np.testing.assert_allclose(forward_return(panel, horizon=horizon).values, returns, rtol=1e-14)
    excess, rank = forward_excess(panel, horizon=horizon).values, forward_rank(panel, horizon=horizon)
    for t in range(shape[0]):
        known = np.flatnonzero(np.isfinite(returns[t]))
        assert np.isnan(np.delete(rank.values[t], known)).all()
        for i in known:
            others = returns[t, known]
            np.testing.assert_allclose(excess[t, i], returns[t, i] - others.mean(), rtol=1e-10, atol=1e-14)
            below, equal = (others < returns[t, i]).sum(), (others == returns[t, i]).sum() - 1
            place = (below + equal / 2) / max(len(others) - 1, 1) - (0.5 if len(others) > 1 else 0)
            np.testing.assert_allclose(rank.values[t, i], place, atol=1e-14)
    np.testing.assert_array_equal(rank.realised, excess)


@settings(max_examples=80, deadline=None)
@given(panels(), st.integers(1, 6), st.data())
def test_what_was_known_never_changes(panel: Panel, horizon: int, data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, len(panel)))
    now = np.datetime64(panel.times[rows - 1].tz_localize(None), "ns") + np.timedelta64(1, "ns")
    for make in (forward_return, forward_excess, forward_rank):
        whole, past = make(panel, horizon=horizon), make(panel.rows(slice(0, rows)), horizon=horizon)
        assert (whole.known_at[~np.isnat(whole.known_at)] > panel.times.tz_localize(None).to_numpy()[
            ~np.isnat(whole.known_at)]).all()  # fmt: skip
        known = whole.known_before(now)[:rows]
        np.testing.assert_array_equal(past.values, np.where(known, whole.values[:rows], np.nan))
        np.testing.assert_array_equal(past.realised, np.where(known, whole.realised[:rows], np.nan))
