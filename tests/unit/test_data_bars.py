import numpy as np
import pandas as pd
import pytest

from alpha.core.calendar import Calendar
from alpha.core.errors import DataError
from alpha.data.bars import to_panel

NYSE = Calendar()
DAYS = NYSE.sessions("2010-01-04", "2010-01-15")  # ten
N = len(DAYS)


def long(prices="raw", days=DAYS, symbol="AA", **columns):
    frame = pd.DataFrame({"time": days, "symbol": symbol, **columns})
    frame.attrs["prices"] = prices
    return frame


def together(*frames):
    whole = pd.concat(frames, ignore_index=True)
    whole.attrs["prices"] = frames[0].attrs["prices"]
    return whole


def test_rows_are_session_closes_in_utc_and_symbols_are_sorted():
    panel = to_panel(
        together(
            long("adjusted", symbol="B", close=np.arange(1.0, N + 1)),
            long("adjusted", symbol="A", days=DAYS[2:4], close=[7.0, 8.0]),
        ),
        NYSE,
    )
    assert panel.symbols == ("A", "B")
    assert panel.times.equals(NYSE.closes(DAYS))
    assert panel["close"][:, 1].tolist() == list(range(1, N + 1))
    assert np.isnan(panel["close"][:, 0]).tolist() == [True, True, False, False] + [True] * 6
    assert panel.tradable[:, 0].tolist() == [False, False, True, True] + [False] * 6
    assert list(panel.fields) == ["close"]


def test_categories_are_sorted_by_name_and_unused_ones_are_no_symbols():
    frame = long("adjusted", close=1.0)
    frame["symbol"] = pd.Categorical(["Z", "A"] * 5, categories=["Z", "unused", "A"])
    assert to_panel(frame, NYSE).symbols == ("A", "Z")


def test_a_session_without_bars_is_no_row_and_a_bar_off_the_calendar_is_left_out():
    days = DAYS.delete(3).insert(9, pd.Timestamp("2010-01-16"))  # a Saturday
    panel = to_panel(long("adjusted", days=days, close=np.arange(10.0) + 1), NYSE)
    assert panel.times.equals(NYSE.closes(DAYS.delete(3)))
    assert panel["close"][:, 0].tolist() == list(np.arange(9.0) + 1)


def test_intraday_bars_keep_their_instants():
    times = pd.DatetimeIndex(["2010-01-04 15:00", "2010-01-04 21:00", "2010-01-04 22:00"], tz="UTC")
    panel = to_panel(long("adjusted", days=times, close=[1.0, 2.0, 3.0]), NYSE)
    assert panel.times.equals(times[:2].as_unit("ns"))
    assert panel["close"][:, 0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_no_bar_on_any_session_is_refused(zone):
    with pytest.raises(DataError, match="no bars on sessions of XNYS") as caught:
        to_panel(long("adjusted", days=pd.DatetimeIndex(["2010-01-02"], tz=zone), close=1.0), NYSE)
    assert caught.value.code == "no_bars"


def test_a_split_multiplies_later_prices_and_divides_later_volumes():
    close = np.r_[np.full(5, 100.0), np.full(5, 50.0)]
    split = np.r_[np.zeros(5), 2.0, np.full(4, np.nan)]  # 0 and NaN: none
    panel = to_panel(long(open=close, close=close, volume=close * 4, split=split), NYSE)
    assert panel["close"][:, 0].tolist() == [100.0] * 10
    assert panel["open"][:, 0].tolist() == [100.0] * 10
    assert panel["volume"][:, 0].tolist() == [400.0] * 5 + [100.0] * 5
    assert panel["raw_close"][:, 0].tolist() == close.tolist()
    assert panel["raw_open"][:, 0].tolist() == close.tolist()
    assert "dividend" not in panel


def test_a_dividend_is_taken_from_the_close_before():
    close, dividend = np.r_[np.full(5, 100.0), np.full(5, 98.0)], np.zeros(N)
    dividend[5] = 2.0
    panel = to_panel(long(close=close, dividend=dividend), NYSE)
    assert panel["close"][:, 0] == pytest.approx(np.full(N, 100.0), rel=1e-15)
    assert panel["dividend"][5, 0] == 2.0
    assert "split" not in panel
    assert "raw_open" not in panel


def test_a_dividend_on_the_day_of_a_split_is_per_new_share():
    close, dividend, split = np.r_[np.full(5, 100.0), np.full(5, 40.0)], np.zeros(N), np.ones(N)
    dividend[5], split[5] = 10.0, 2.0
    panel = to_panel(long(close=close, dividend=dividend, split=split), NYSE)
    assert panel["close"][:, 0] == pytest.approx(np.full(N, 100.0), rel=1e-15)
    assert panel["dividend"][5, 0] == 20.0  # the panel's is what a holder of the evening before is paid


def test_no_event_is_a_split_of_one_and_a_dividend_of_nothing():
    columns = {"split": np.r_[0.0, np.nan, np.ones(8)], "dividend": np.r_[0.0, np.nan, np.zeros(8)]}
    panel = to_panel(long(close=np.full(N, 5.0), **columns), NYSE)
    assert set(panel["split"][:, 0]) == {1.0}
    assert set(panel["dividend"][:, 0]) == {0.0}


@pytest.mark.parametrize("odd", [0.0, np.nan, np.inf, -1.0])
def test_an_odd_close_that_was_waived_spoils_its_own_row_alone(odd):
    close = np.full(N, 5.0)
    close[4] = odd
    panel = to_panel(long(close=close, dividend=np.zeros(N), split=np.ones(N)), NYSE)
    np.testing.assert_array_equal(panel["close"][:, 0], close)


def test_the_close_before_may_be_days_ago_and_the_first_bar_has_none():
    dividend, split = np.r_[5.0, 10.0], np.r_[3.0, 1.0]
    held = long(days=DAYS[[0, 4]], close=[100.0, 90.0], dividend=dividend, split=split)
    panel = to_panel(together(held, long(symbol="BB", close=np.full(N, 7.0), dividend=0.0, split=1.0)), NYSE)
    assert panel["close"][[0, 4], 0] == pytest.approx([100.0, 100.0], rel=1e-15)
    assert panel["close"][:, 1].tolist() == [7.0] * N


def test_adj_close_alone_gives_the_factor_and_its_scale_does_not_matter():
    close = np.linspace(100.0, 110.0, N)
    factor = np.r_[np.full(5, 0.5), np.full(5, 1.0)]
    panels = [to_panel(long(close=close, open=close, adj_close=close * factor * k), NYSE) for k in (1.0, 0.3)]
    for panel in panels:
        assert panel["close"][:, 0] == pytest.approx(np.r_[close[:5], 2 * close[5:]], rel=1e-14)
        assert panel["open"][:, 0] == pytest.approx(np.r_[close[:5], 2 * close[5:]], rel=1e-14)
        assert set(panel.fields) == {"open", "close"}


def test_events_come_before_adj_close():
    close = np.full(N, 5.0)
    panel = to_panel(long(close=close, adj_close=close * np.arange(1, N + 1), split=np.ones(N)), NYSE)
    assert panel["close"][:, 0].tolist() == [5.0] * N


def test_raw_prices_without_events_stay_as_they_are():
    assert list(to_panel(long(close=np.full(N, 5.0)), NYSE).fields) == ["close"]


def test_adjusted_prices_are_not_adjusted_again():
    close = np.full(N, 5.0)
    panel = to_panel(long("adjusted", close=close, dividend=1.0, split=2.0, adj_close=close, volume=3.0, si=9.0), NYSE)
    assert list(panel.fields) == ["close", "volume", "si"]
    assert set(panel["close"][:, 0]) == {5.0}


def test_columns_that_are_no_prices_become_fields():
    panel = to_panel(long(close=np.full(N, 5.0), split=np.r_[1.0, 2.0, np.ones(8)], short_interest=0.25), NYSE)
    assert set(panel["short_interest"][:, 0]) == {0.25}
