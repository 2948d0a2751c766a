"""Barrier labels against a plain loop, bar by bar, and each convention on prices written by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha.core.panel import Panel
from alpha.labels.barrier import barrier

FLAT = 22  # rows before the decision, whose returns have a known volatility
MOVES = np.tile([1.01, 1 / 1.01], FLAT // 2)


def hand_made(bars: list[tuple[float, float, float, float]], *, keep: tuple[str, ...] = ()) -> Panel:
    """Return one name: a calm past that ends at 100, then bars of (open, high, low, close)."""
    past = 100 * np.cumprod(MOVES)
    rows = np.vstack([np.repeat(past[:, None], 4, axis=1), np.array(bars, float).reshape(-1, 4)])
    fields = dict(zip(("open", "high", "low", "close"), rows.T[..., None], strict=True))
    times = pd.date_range("2020-01-01 21:00", periods=len(rows), freq="B", tz="UTC")
    return Panel(times, ("A",), {name: fields[name] for name in keep or fields})


def decided(panel: Panel, **params: float) -> tuple[float, int, float]:
    """Return of the decision before the first hand-made bar: its return, the bars to its end, its value."""
    made = barrier(panel, **{"profit": 2.0, "stop": 2.0, "horizon": 3, "window": 20, **params})
    row = FLAT - 1
    return made.realised[row, 0], int(made.horizons(panel.times)[row, 0]), made.values[row, 0]


SIGMA = float(np.std((MOVES - 1)[-20:], ddof=1))  # about 1 %, so the barriers lie near 98 and 102
UP, DOWN = 2 * SIGMA, -2 * SIGMA
CALM = (100, 100.5, 99.5, 100)


@pytest.mark.parametrize(
    ("bars", "earned", "horizon"),
    [
        ([CALM, (100, 105, 99.9, 104), CALM, CALM], UP, 1),
        ([CALM, (100, 100.1, 95, 96), CALM, CALM], DOWN, 1),
        ([(100, 105, 99.9, 104), CALM, CALM, CALM], UP, 0),
        ([CALM, (100, 105, 95, 100), CALM, CALM], DOWN, 1),
        ([CALM, (106, 107, 90, 91), CALM, CALM], 0.06, 1),
        ([CALM, (94, 107, 93, 106), CALM, CALM], -0.06, 1),
        ([CALM, CALM, CALM, (101, 120, 80, 90)], 0.01, 3),
        ([CALM, CALM, CALM, (95, 120, 80, 90)], -0.05, 3),
    ],
    ids=["profit", "stop", "in the bar of the entry", "both: the stop", "opens above", "opens below", "time", "gap"],
)
def test_where_and_when_a_position_ends(bars, earned, horizon):
    found, ended, value = decided(hand_made(bars))
    assert found == pytest.approx(earned, abs=1e-12)
    assert ended == horizon
    assert value == pytest.approx(earned / SIGMA)


def test_without_highs_and_lows_it_leaves_at_the_close_beyond_a_barrier():
    bars = [CALM, (100, 105, 99.9, 100), (100, 101, 99, 97), CALM, CALM]
    assert decided(hand_made(bars, keep=("open", "close")))[:2] == pytest.approx((-0.03, 2))


def test_without_opens_it_enters_at_the_next_close_and_the_first_bar_that_counts_is_the_one_after():
    bars = [(100, 150, 50, 100), CALM, (100, 103, 99, 99.5), CALM, CALM]
    panel = hand_made(bars, keep=("high", "low", "close"))
    assert barrier(panel).entry == "next_close"
    assert decided(panel)[:2] == pytest.approx((UP, 2))
    through = hand_made([CALM, (97, 97.5, 96, 97), CALM, CALM, CALM], keep=("high", "low", "close"))
    assert decided(through)[0] == pytest.approx(-0.025), "no price of the bar was as high as the stop"


def test_an_outcome_that_has_not_ended_is_not_known():
    assert np.isnan(decided(hand_made([CALM, CALM, CALM]))[0])
    assert decided(hand_made([CALM, CALM, CALM]))[1] == -1
    assert decided(hand_made([CALM, (100, 105, 99, 100)]))[:2] == pytest.approx((UP, 1)), "a touch is known at once"


def test_barriers_are_as_far_as_asked_for():
    bars = [CALM, (100, 102.5, 97.5, 100), CALM, (100, 120, 80, 101), CALM]
    assert decided(hand_made(bars), profit=1.0, stop=9.0)[0] == pytest.approx(SIGMA)
    assert decided(hand_made(bars), profit=9.0, stop=1.0)[0] == pytest.approx(-SIGMA)
    assert decided(hand_made(bars), profit=9.0, stop=9.0)[:2] == pytest.approx((0.0, 3))


def test_a_delisting_is_left_at_its_last_close():
    nothing = (np.nan,) * 4
    found, ended, _ = decided(hand_made([CALM, (100, 100.5, 99.5, 99.8), nothing, nothing, nothing]))
    assert (found, ended) == pytest.approx((-0.002, 3))


def test_a_name_that_never_moved_has_no_barriers():
    panel = Panel(pd.date_range("2020-01-01", periods=50, tz="UTC"), ("A",), {"close": np.full((50, 1), 7.0)})
    made = barrier(panel)
    assert np.isnan(made.values).all()
    assert np.isnat(made.known_at).all()


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(4, 30)), draw(st.integers(1, 3)))
    close = 20 * np.exp(np.cumsum(rng.normal(0, 0.05, shape), axis=0))
    close[rng.random(shape) < draw(st.sampled_from([0.0, 0.05]))] = np.nan
    gone = rng.integers(2, 2 * shape[0])
    close[gone:, 0] = np.nan
    fields = {"close": close}
    if draw(st.booleans()):
        fields["open"] = np.where(rng.random(shape) < 0.05, np.nan, close * rng.uniform(0.95, 1.05, shape))
    if draw(st.booleans()):
        around = np.fmax(close, fields.get("open", close)), np.fmin(close, fields.get("open", close))
        fields["high"] = around[0] * rng.uniform(1, 1.04, shape)
        fields["low"] = around[1] * rng.uniform(0.96, 1, shape)
    tradable = np.isfinite(close) & (rng.random(shape) < 0.9)
    times = pd.date_range("2020-01-01", periods=shape[0], freq="B", tz="UTC")
    return Panel(times, tuple("ABC"[: shape[1]]), fields, tradable)


def by_loop(panel: Panel, t: int, i: int, profit: float, stop: float, horizon: int, window: int) -> tuple[float, int]:
    """Follow one position from bar to bar; return its return and the bar of its end, or NaN and -1."""
    opens, close = "open" in panel, panel["close"][:, i]
    price = panel["open"][:, i] if opens else close
    returns = close[1 : t + 1] / close[:t] - 1
    last = returns[-window:]
    if not panel.tradable[t, i] or len(last) < window or np.isnan(last).any() or t + 1 >= len(panel):
        return np.nan, -1
    sigma, enter = np.std(last, ddof=1), price[t + 1]
    upper, lower = enter * (1 + profit * sigma), enter * (1 - stop * sigma)
    for row in range(t + (1 if opens else 2), min(t + 1 + horizon + (not opens), len(panel))):
        high, low = (panel.fields.get(name, panel["close"])[row, i] for name in ("high", "low"))
        high, low = (close[row] if np.isnan(each) else each for each in (high, low))
        if opens and not lower < price[row] < upper and np.isfinite(price[row]) and np.isfinite(enter):
            return price[row] / enter - 1, row
        if low <= lower:
            return min(lower, high) / enter - 1, row
        if high >= upper:
            return max(upper, low) / enter - 1, row
    if (end := t + 1 + horizon) >= len(panel) or np.isnan(enter):
        return np.nan, -1
    leave, row = price[end], end
    while np.isnan(leave):
        leave, row = close[row], row - 1
    return leave / enter - 1, end


@settings(max_examples=150, deadline=None)
@given(panels(), st.floats(0.2, 3), st.floats(0.2, 3), st.integers(1, 8), st.integers(2, 5))
def test_labels_equal_a_plain_loop(panel, profit, stop, horizon, window):
    made = barrier(panel, profit=profit, stop=stop, horizon=horizon, window=window)
    times = panel.times.tz_localize(None).as_unit("ns").to_numpy()
    for t, i in np.ndindex(panel.tradable.shape):
        earned, end = by_loop(panel, t, i, profit, stop, horizon, window)
        np.testing.assert_allclose(made.realised[t, i], earned, rtol=1e-9, atol=1e-12)
        known = made.known_at[t, i]
        assert np.isnat(known) if end < 0 else known == times[end]
        assert np.isfinite(made.values[t, i]) == (end >= 0)


@settings(max_examples=60, deadline=None)
@given(panels(), st.integers(1, 8), st.data())
def test_what_was_known_never_changes(panel, horizon, data):
    rows = data.draw(st.integers(1, len(panel)))
    now = np.datetime64(panel.times[rows - 1].tz_localize(None), "ns") + np.timedelta64(1, "ns")
    whole = barrier(panel, horizon=horizon, window=3)
    past = barrier(panel.rows(slice(0, rows)), horizon=horizon, window=3)
    known = whole.known_before(now)[:rows]
    np.testing.assert_array_equal(past.values, np.where(known, whole.values[:rows], np.nan))
    np.testing.assert_array_equal(past.known_at, np.where(known, whole.known_at[:rows], np.datetime64("NaT")))
    assert (whole.horizons(panel.times) <= horizon).all()
