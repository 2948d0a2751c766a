import numpy as np
import pandas as pd
import pytest

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError

NYSE = Calendar()


def test_sessions_leave_out_weekends_and_holidays_and_include_both_ends():
    sessions = NYSE.sessions("2012-12-21", "2013-01-02")
    assert [f"{s:%m-%d}" for s in sessions] == ["12-21", "12-24", "12-26", "12-27", "12-28", "12-31", "01-02"]
    assert sessions.tz is None
    assert len(NYSE.sessions("1990-01-01", "2022-12-31")) == 8315


def test_closes_are_utc_instants_that_know_summer_time_and_early_closes():
    closes = NYSE.closes(NYSE.sessions("2012-07-02", "2012-07-03"))
    assert list(closes) == [pd.Timestamp("2012-07-02 20:00", tz="UTC"), pd.Timestamp("2012-07-03 17:00", tz="UTC")]
    assert NYSE.closes(NYSE.sessions("2012-01-03", "2012-01-03"))[0] == pd.Timestamp("2012-01-03 21:00", tz="UTC")
    assert NYSE.opens(NYSE.sessions("2012-07-03", "2012-07-03"))[0] == pd.Timestamp("2012-07-03 13:30", tz="UTC")


def test_next_and_previous_skip_what_is_no_session_and_never_stay():
    assert NYSE.next("2012-12-24") == pd.Timestamp("2012-12-26")
    assert NYSE.next("2012-12-25") == pd.Timestamp("2012-12-26")
    assert NYSE.previous("2012-12-26") == pd.Timestamp("2012-12-24")
    assert NYSE.previous("2012-12-25 13:00") == pd.Timestamp("2012-12-24")
    assert NYSE.is_session("2012-12-24")
    assert not NYSE.is_session("2012-12-25")


def test_an_instant_belongs_to_the_session_in_which_its_bar_ended():
    times = ["2022-12-28 14:30", "2022-12-28 14:31", "2022-12-28 21:00", "2022-12-28 21:01", "2090-01-01 00:00"]
    sessions = NYSE.session_of(pd.DatetimeIndex(times, tz="UTC"))
    day = pd.Timestamp("2022-12-28")
    assert [None if pd.isna(s) else s for s in sessions] == [None, day, day, None, None]


def test_every_day_is_a_session_around_the_clock():
    always = Calendar("24/7")
    sessions = always.sessions("2016-02-28", "2016-03-01")
    assert len(sessions) == 3
    assert always.closes(sessions)[0] == pd.Timestamp("2016-02-29", tz="UTC")
    assert always.session_of(always.closes(sessions)).equals(sessions)


def test_a_calendar_that_starts_late_is_known_as_far_back_as_it_goes():
    assert Calendar("XTKS").sessions("1960-01-01", "1997-01-10")[0] == pd.Timestamp("1997-01-06")


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'XNYS'") as caught:
        Calendar("XNYC")
    assert caught.value.code == "unknown_calendar"


def test_a_holiday_has_no_close():
    with pytest.raises(ConfigError, match=r"2012-12-25 is not a session of XNYS; the next is 2012-12-26") as caught:
        NYSE.closes(pd.DatetimeIndex(["2012-12-24", "2012-12-25"]))
    assert caught.value.code == "not_a_session"


@pytest.mark.parametrize(("verb", "date"), [("next", "2090-01-01"), ("previous", "1900-01-01")])
def test_the_edge_of_the_calendar_is_said(verb, date):
    with pytest.raises(ConfigError, match="is known from") as caught:
        getattr(NYSE, verb)(date)
    assert caught.value.code == "outside_calendar"


def test_equal_names_are_equal_calendars():
    assert Calendar("XNYS") == Calendar()
    assert hash(Calendar("24/7")) != hash(Calendar())


@pytest.mark.parametrize(
    ("calendar", "freq", "periods"),
    [("XNYS", "sessions", 252), ("24/7", "1D", 365), ("24/7", "7D", 52), ("XNYS", "weekly", 52), ("24/7", "1h", 8760),
     ("24/7", "MS", 12)],
)  # fmt: skip
def test_bars_a_year_follow_from_the_calendar_and_the_bars(calendar: str, freq: str, periods: int) -> None:
    exchange = Calendar(calendar)
    sessions = exchange.sessions("2015-01-01", "2018-12-31")
    if freq == "sessions":
        times = exchange.closes(sessions)
    elif freq == "weekly":
        times = exchange.closes(pd.DatetimeIndex(pd.Series(sessions, sessions).resample("W-FRI").last()))
    else:
        times = pd.date_range("2015-01-02", "2018-12-31", freq=freq, tz="UTC").as_unit("ns")
    assert exchange.periods(times) == periods


def test_a_gap_does_not_change_the_bars_a_year() -> None:
    times = Calendar().closes(Calendar().sessions("2015-01-01", "2016-12-31"))
    assert Calendar().periods(times[np.arange(len(times)) % 10 > 0]) == 252


def test_no_bars_or_one_count_as_daily() -> None:
    times = Calendar("24/7").closes(Calendar("24/7").sessions("2015-01-01", "2015-01-03"))
    assert Calendar("24/7").periods(times[:0]) == Calendar("24/7").periods(times[:1]) == 365
    assert Calendar().periods(pd.DatetimeIndex(["1960-01-04 21:00"], tz="UTC").as_unit("ns")) == 252
