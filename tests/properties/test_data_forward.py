"""Forward adjustment: the past never changes, and the ratios are those of the usual backward adjustment."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha.core.calendar import Calendar
from alpha.data.bars import to_panel

NYSE = Calendar()
quick = settings(max_examples=30, deadline=None)
DAYS = NYSE.sessions("2010-01-04", "2010-03-01")[:30]

prices = st.lists(st.floats(1.0, 500.0), min_size=3, max_size=30)
events = st.dictionaries(
    st.integers(1, 29), st.tuples(st.sampled_from([1.0, 2.0, 1.5, 0.1, 0.0]), st.floats(0.0, 0.9)), max_size=6
)


def bars(close, happened, start=0):
    """Long raw bars; an event is (split, fraction of the close before that is paid out)."""
    count = len(close)
    frame = pd.DataFrame({"time": DAYS[start : start + count], "symbol": "A", "close": close, "open": close})
    frame["volume"], frame["split"], frame["dividend"] = 1000.0, 1.0, 0.0
    for row, (split, fraction) in happened.items():
        if row < count:
            frame.loc[row, "split"] = split
            frame.loc[row, "dividend"] = fraction * close[row - 1] / (split or 1.0)
    frame.attrs["prices"] = "raw"
    return frame


def backward(frame):
    """Adjust a symbol's closes the usual way, from the last row back, in a plain loop."""
    close, adjusted, factor = frame["close"].to_numpy(), frame["close"].to_numpy().copy(), 1.0
    for row in range(len(close) - 1, 0, -1):
        split = frame["split"].iloc[row] or 1.0
        factor *= (1 - frame["dividend"].iloc[row] * split / close[row - 1]) / split
        adjusted[row - 1] *= factor
    return adjusted


@quick
@given(prices, events)
def test_ratios_are_those_of_backward_adjustment(close, happened):
    frame = bars(close, happened)
    forward = to_panel(frame, NYSE)["close"][:, 0]
    np.testing.assert_allclose(forward / forward[0], backward(frame) / backward(frame)[0], rtol=1e-12)


@quick
@given(prices, events, st.integers(1, 29), st.sampled_from([2.0, 0.25, 1.0]), st.floats(0.0, 0.9))
def test_a_later_event_never_changes_an_earlier_row_in_any_bit(close, happened, row, split, fraction):
    before = to_panel(bars(close, happened), NYSE)
    after = to_panel(bars(close, {**happened, row: (split, fraction)}), NYSE)
    assert before.rows(slice(0, row)).id == after.rows(slice(0, row)).id


@quick
@given(prices, events, st.integers(1, 29))
def test_later_bars_never_change_an_earlier_row_in_any_bit(close, happened, count):
    whole = to_panel(bars(close, happened), NYSE)
    frame = bars(close, happened).iloc[:count]
    frame.attrs["prices"] = "raw"
    part = to_panel(frame, NYSE)
    assert part.id == whole.rows(slice(0, len(part))).id


@quick
@given(prices, events)
def test_the_first_row_is_as_traded_and_money_is_conserved(close, happened):
    frame = bars(close, happened)
    panel = to_panel(frame, NYSE)
    assert panel["close"][0, 0] == close[0]
    assert panel["volume"][0, 0] == 1000.0
    splits = np.cumprod(np.where(frame["split"] > 0, frame["split"], 1.0))
    splits[0] = 1.0
    np.testing.assert_allclose(panel["volume"][:, 0] * splits, 1000.0, rtol=1e-12)
    np.testing.assert_array_equal(panel["raw_close"][:, 0], close)


@quick
@given(prices, st.data())
def test_the_scale_of_adj_close_does_not_matter_so_later_events_do_not(close, data):
    """A later event multiplies every older adj_close by one number, which must leave the panel as it is."""
    frame = pd.DataFrame({"time": DAYS[: len(close)], "symbol": "A", "close": close})
    factors = st.lists(st.floats(0.1, 1.0), min_size=len(close), max_size=len(close))
    frame["adj_close"] = frame["close"] * data.draw(factors)
    frame.attrs["prices"] = "raw"
    later = frame.assign(adj_close=frame["adj_close"] * data.draw(st.floats(0.05, 20.0)))
    np.testing.assert_allclose(to_panel(later, NYSE)["close"], to_panel(frame, NYSE)["close"], rtol=1e-13)


@quick
@given(prices, prices, events)
def test_symbols_do_not_touch_each_other(one, other, happened):
    alone = to_panel(bars(one, happened), NYSE)
    frame = pd.concat([bars(one, happened), bars(other, {}).assign(symbol="B")], ignore_index=True)
    frame.attrs["prices"] = "raw"
    both = to_panel(frame, NYSE)
    np.testing.assert_array_equal(both["close"][: len(one), 0], alone["close"][:, 0])
    np.testing.assert_array_equal(both["close"][: len(other), 1], other)
