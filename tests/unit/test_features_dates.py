"""Calendar features against pandas and dates that everybody can look up."""

import numpy as np
import pandas as pd
import pytest

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError
from alpha.core.panel import Panel
from alpha.features import Plan, columns
from alpha.features.dates import days_of, session_day

NYSE = Calendar()
NAN = float("nan")


def days(start, end, name, calendar="XNYS", **params):
    """Return a feature of daily bars, by the date of the session."""
    exchange = Calendar(calendar)
    sessions = exchange.sessions(start, end)
    return pd.Series(at(exchange.closes(sessions), name, calendar=calendar, **params), sessions)


def at(times, name, **params):
    panel = Panel(pd.DatetimeIndex(times), ("A", "B"), {"close": np.ones((len(times), 2))})
    values = Plan(columns([{"name": name, **params}])).batch(panel).values[..., 0]
    np.testing.assert_array_equal(values[:, 0], values[:, 1])
    return values[:, 0]


def test_days_of_the_week_and_months_are_those_of_pandas():
    weekday, month = days("2005-01-03", "2014-12-31", "day_of_week"), days("2005-01-03", "2014-12-31", "month_of_year")
    np.testing.assert_array_equal(weekday, weekday.index.day_of_week)
    np.testing.assert_array_equal(month, month.index.month)


def test_a_season_has_no_leap():
    sine, cosine = (days("2005-01-03", "2014-12-31", "season", part=part) for part in ("sine", "cosine"))
    np.testing.assert_allclose(sine**2 + cosine**2, 1.0)
    assert sine.diff().abs().max() < 0.1
    assert (sine[sine.index.month == 3] > 0.8).all()
    assert (cosine[cosine.index.month.isin([12, 1])] > 0.8).all()


def test_sessions_of_a_month_are_counted_from_both_ends():
    so_far, left = (days("2005-01-03", "2012-09-28", name) for name in ("month_sessions", "month_sessions_left"))
    months = so_far.groupby(so_far.index.to_period("M"))
    np.testing.assert_array_equal(so_far, months.cumcount() + 1)
    foreseen = pd.Series(months.transform("size") - months.cumcount() - 1, so_far.index, dtype=float)
    foreseen.loc[:"2007-01-02"] = left.loc[:"2007-01-02"]  # nobody foresaw the mourning of 2007-01-02
    np.testing.assert_array_equal(left, foreseen)


def test_the_turn_of_the_month_is_its_last_session_and_the_first_three():
    turn = days("2010-03-01", "2010-04-30", "turn_of_month")
    assert turn[turn == 1].index.strftime("%m-%d").tolist() == [
        "03-01", "03-02", "03-03", "03-31", "04-01", "04-05", "04-06", "04-30",
    ]  # fmt: skip
    wide = days("2010-03-01", "2010-03-31", "turn_of_month", first=0, last=2)
    assert wide[wide == 1].index.strftime("%m-%d").tolist() == ["03-30", "03-31"]


def test_the_eve_of_a_holiday_and_the_day_after():
    until, since = (
        days("2010-11-15", "2010-12-31", name) for name in ("sessions_to_holiday", "sessions_after_holiday")
    )
    assert until.loc["2010-11-22":"2010-11-29"].tolist() == [2, 1, 0, 19, 18]  # Thanksgiving is the 25th
    assert since.loc["2010-11-24":"2010-11-30"].tolist() == [56, 0, 1, 2]  # 57 sessions from Labour Day on
    assert until.loc["2010-12-23"] == 0  # Christmas was a Saturday, and the Friday before it the holiday
    assert since.loc["2010-12-27"] == 0


@pytest.mark.parametrize(
    ("eve", "day", "after", "ahead"),
    [("2012-10-26", "2012-10-29", "2012-10-31", 3), ("2001-09-10", "2001-09-11", "2001-09-17", 14)],
)
def test_a_closure_that_nobody_foresaw_is_not_known_the_day_before(eve, day, after, ahead):
    assert not NYSE.is_session(day)
    assert pd.Timestamp(day) in NYSE.scheduled(eve, after)
    left = days(eve, after, "month_sessions_left")
    assert left.iloc[0] == ahead == len(pd.bdate_range(day, pd.Timestamp(day) + pd.offsets.MonthEnd(0)))
    assert days(eve, after, "sessions_to_holiday").iloc[0] > 0
    assert days(eve, after, "sessions_after_holiday").tolist()[-1] == 0  # afterwards everybody knows
    so_far = days(eve, after, "month_sessions")
    assert so_far.iloc[-1] == so_far.iloc[0] + 1


def test_options_expire_on_the_third_friday_or_the_session_before():
    left = days("2008-01-02", "2014-12-31", "sessions_to_expiry")
    dates = left[left == 0].index
    fridays = pd.date_range("2008-01-01", "2014-12-31", freq="WOM-3FRI")
    good_fridays = pd.to_datetime(["2008-03-21", "2014-04-18"])
    expected = fridays.where(~fridays.isin(good_fridays), fridays - pd.Timedelta("1D"))
    assert dates.tolist() == expected.tolist()
    assert (left.diff().iloc[1:][left.shift().iloc[1:] > 0].isin([-1, -3])).all()  # -3: two days of a hurricane
    assert left.loc["2008-03-24"] == 19


def test_a_bar_belongs_to_the_date_of_its_exchange():
    """A Tokyo bar of Tuesday closes on Tuesday; its evening in New York is Monday."""
    tokyo = Calendar("XTKS")
    tuesday = tokyo.closes(pd.DatetimeIndex(["2010-06-15"]))
    assert at(tuesday, "day_of_week", calendar="XTKS").tolist() == [1]
    assert days("2010-06-14", "2010-06-18", "day_of_week", "XTKS").tolist() == [0, 1, 2, 3, 4]
    late = pd.DatetimeIndex(["2010-06-15 02:00"], tz="UTC")  # after hours of Monday, in New York
    assert at(late, "day_of_week").tolist() == [0]
    assert at(late, "day_of_week", calendar="XTKS").tolist() == [1]


def test_a_session_that_began_the_evening_before_has_its_own_date():
    chicago = Calendar("CMES")
    monday = chicago.opens(pd.DatetimeIndex(["2010-06-14"])) + pd.Timedelta("1h")
    assert monday[0].tz_convert("America/Chicago").day_of_week == 6
    assert at(monday, "day_of_week", calendar="CMES").tolist() == [0]


def test_midnight_belongs_to_the_day_that_ends():
    midnight = pd.DatetimeIndex(["2010-06-15"], tz="UTC")
    assert at(midnight, "day_of_week", calendar="24/7").tolist() == [0]
    assert session_day(1276560000.0, days_of("24/7")) == 1276560000 // 86_400 - 1


def test_an_exchange_without_holidays_has_none_to_count():
    assert days("2010-06-14", "2010-06-20", "sessions_to_holiday", "24/7").isna().all()
    assert days("2010-06-14", "2010-06-20", "sessions_after_holiday", "24/7").isna().all()
    assert days("2010-06-14", "2010-06-20", "day_of_week", "24/7").tolist() == list(range(7))
    assert days("2010-06-14", "2010-06-20", "sessions_to_expiry", "24/7").tolist() == [4, 3, 2, 1, 0, 27, 26]


def test_bars_of_an_hour_are_of_their_session():
    times = pd.date_range("2010-06-14 14:30", "2010-06-14 20:00", freq="30min", tz="UTC")
    assert set(at(times, "month_sessions_left")) == {12.0}


def test_before_the_calendar_is_known_nothing_is():
    assert np.isnan(at(pd.DatetimeIndex(["1960-06-14 20:00"], tz="UTC"), "month_sessions")).all()


def test_an_exchange_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match="did you mean") as caught:
        columns([{"name": "day_of_week", "calendar": "XNYZ"}])
    assert caught.value.code == "unknown_calendar"


def test_schedules_leave_out_what_the_rules_do_and_no_more():
    unforeseen = NYSE.scheduled("2000-01-01", "2017-12-31").difference(NYSE.sessions("2000-01-01", "2017-12-31"))
    assert unforeseen.strftime("%Y-%m-%d").tolist() == [
        "2001-09-11", "2001-09-12", "2001-09-13", "2001-09-14", "2004-06-11", "2007-01-02", "2012-10-29", "2012-10-30",
    ]  # fmt: skip
    assert NYSE.sessions("2000-01-01", "2017-12-31").isin(NYSE.scheduled("2000-01-01", "2017-12-31")).all()
    assert NYSE.zone == "America/New_York"
