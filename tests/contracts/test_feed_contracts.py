"""What every feed must keep to: what it gives bar by bar is what a whole read gives, in every bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from test_source_contracts import answers_of_yahoo, market

from alpha.core.calendar import Calendar
from alpha.core.errors import DataError
from alpha.core.registry import Plugin
from alpha.data import Join, aggregate, load_panel, source
from alpha.data.feed import OVERLAP, Newest, feed, follows

NYSE = Calendar()
START, MIDDLE, END = pd.Timestamp("2009-12-01"), pd.Timestamp("2010-04-20"), pd.Timestamp("2010-06-30")
DAYS = NYSE.sessions(MIDDLE, END)
BARS = market().rename(columns={"date": "time"})
LIVE = [name for name in source if hasattr(source[name], "feed")]

# for each source that declares a feed: its parameters, for a market of AA, BB, CC and DD
CASES = {"yfinance": {"symbols": ["AA", "BB", "CC", "DD"]}}


class Market:
    """A source whose answers a test can change, and which remembers what it was asked for."""

    def __init__(self, bars=BARS):
        self.bars, self.asked, self.error = bars, [], None

    def __call__(self, start, end):
        self.asked.append(start)
        if self.error is not None:
            raise self.error
        frame = self.bars[(self.bars["time"] >= start) & (self.bars["time"] <= end)].reset_index(drop=True)
        frame.attrs["prices"] = "raw"
        return frame

    @property
    def plugin(self):
        return Plugin("source", "market", {}, self)


class Day:
    """The day up to which bars are known."""

    def __init__(self, day=MIDDLE):
        self.day = day


def feed_of(plugin, day, **options):
    return feed(plugin, lambda given: load_panel(given, START, day.day, **options)[0])


def live(market, day, **options):
    return feed_of(Plugin("source", "market", {}, follows(lambda start, end: market(start, end))), day, **options)


def assert_rows(part, whole):
    """Every row of `part` is that of `whole` in every bit; symbols that come later have nothing yet."""
    rows = whole.rows(whole.times.isin(part.times))
    assert part.id == rows.select(part.symbols).id
    for symbol in set(whole.symbols) - set(part.symbols):
        assert np.isnan(rows.select([symbol])["close"]).all()


def tables(folder):
    """A join that is restated, and announcements whose surprises are compared with those before."""
    known = pd.date_range("2009-11-01", "2010-06-29", freq="9D", tz="UTC") + pd.Timedelta("15h")
    pd.DataFrame({"known": known, "value": np.arange(len(known)) / 7}).to_csv(folder / "vix.csv", index=False)
    join = Join(field="vix", path=folder / "vix.csv", column="value", known_at="known", age=True)
    days = pd.date_range("2009-12-05", "2010-06-29", freq="25D", tz="UTC")
    told = [{"symbol": name, "eps": 1 + k * k % 3, "expected": 1.1, "known": day + pd.Timedelta("21h")}
            for name in ("BB", "CC") for k, day in enumerate(days)]  # fmt: skip
    pd.DataFrame(told).to_csv(folder / "eps.csv", index=False)
    columns = {"known_at": "known", "actual": "eps", "estimate": "expected"}
    earnings = aggregate.bind({"name": "earnings", "path": folder / "eps.csv", **columns, "past": 2})
    return {"joins": [join], "aggregates": [earnings]}


@pytest.fixture(params=LIVE)
def case(request, monkeypatch):
    assert request.param in CASES, f"add a case for the feed of {request.param!r}"
    monkeypatch.setattr("alpha.data.sources.yahoo._fetch", answers_of_yahoo)
    return source.bind({"name": request.param, **CASES[request.param]})


def test_every_case_is_a_feed():
    assert set(CASES) == set(LIVE)


def test_bar_by_bar_it_is_the_panel_of_a_whole_read(case):
    day = Day()
    rows = feed_of(case, day)
    assert rows.live
    panel = rows.since()
    assert_rows(panel, load_panel(case, START, MIDDLE)[0])
    last = panel.times[-1]
    for day.day in DAYS[1:]:
        panel = rows.since(last)
        assert list(panel.times) == [NYSE.closes(pd.DatetimeIndex([day.day]))[0]]
        assert_rows(panel, load_panel(case, START, END)[0])
        last = panel.times[-1]


def test_joins_and_aggregates_are_those_of_a_whole_read(tmp_path):
    day, options = Day(), tables(tmp_path)
    rows = live(Market(), day, **options)
    last, whole = rows.since().times[-1], load_panel(Market().plugin, START, END, **options)[0]
    assert {"vix", "vix_age"} < set(whole.fields)
    assert np.isfinite(whole["eps_sue"]).any()
    for day.day in DAYS[3::7]:
        panel = rows.since(last)
        assert len(panel) > 1, "several bars may come at once"
        assert_rows(panel, whole)
        last = panel.times[-1]


def test_the_whole_is_read_once():
    day, bars = Day(), Market()
    rows = live(bars, day)
    last = rows.since().times[-1]
    for day.day in DAYS[1:]:
        last = rows.since(last).times[-1]
    assert bars.asked[0] == START
    assert len(bars.asked) == len(DAYS)
    for asked, before in zip(bars.asked[1:], DAYS, strict=False):
        assert asked == before - OVERLAP


def test_a_source_that_is_no_feed_is_read_once():
    bars = Market()
    rows = feed_of(bars.plugin, Day(END))
    panel = rows.since()
    assert not rows.live
    assert rows.since(panel.times[-4]).times.equals(panel.times[-3:])
    assert len(bars.asked) == 1


def test_where_nothing_is_new_there_are_no_rows():
    rows = live(Market(), Day())
    panel = rows.since()
    assert len(rows.since(panel.times[-1])) == 0
    assert len(rows.since(panel.times[-2])) == 1


@pytest.mark.parametrize("name", ["AA", "BB"])
def test_a_bar_that_comes_late_counts_in_the_rows_after_it(name):
    """One with a split in it, say, without which every later price would be off."""
    late = BARS[(BARS["symbol"] == name) & (BARS["split"] == 2) & (BARS["time"] > MIDDLE)]["time"].iloc[0]
    missing = BARS[(BARS["symbol"] != name) | (BARS["time"] != late)]
    day, bars = Day(late - pd.Timedelta("1D")), Market(missing)
    rows = live(bars, day, waive=[])
    last = rows.since().times[-1]
    after = NYSE.sessions(late, END)[:3]
    day.day = after[0]
    last = rows.since(last).times[-1]
    bars.bars, day.day = BARS, after[2]
    panel = rows.since(last)
    assert len(panel) == 2
    assert_rows(panel, load_panel(Market().plugin, START, END)[0])


REPEATED = pd.concat([BARS, BARS[BARS["time"] == DAYS[1]]])
ENDLESS = BARS.assign(close=BARS["close"].where(BARS["time"] != DAYS[1], np.inf))


@pytest.mark.parametrize("answer", [REPEATED, ENDLESS], ids=["repeated", "endless"])
def test_nothing_is_kept_of_an_answer_that_cannot_be_used(answer):
    day, bars = Day(), Market()
    rows = live(bars, day)
    last = rows.since().times[-1]
    bars.bars, day.day = answer, DAYS[30]  # far longer than what is read again
    with pytest.raises(DataError):
        rows.since(last)
    bars.bars = BARS
    panel = rows.since(last)
    assert len(panel) == 30
    assert_rows(panel, load_panel(Market().plugin, START, END)[0])


def test_a_bad_read_leaves_no_trace():
    day, bars = Day(), Market()
    rows = live(bars, day)
    last, day.day = rows.since().times[-1], DAYS[2]
    bars.error = DataError("no answer", code="no_connection")
    with pytest.raises(DataError, match="no answer"):
        rows.since(last)
    bars.error = None
    assert_rows(rows.since(last), load_panel(Market().plugin, START, END)[0])


def test_a_symbol_without_a_bar_lately_is_read_whole():
    gone = DataError("no prices of DD", code="unknown_symbol")

    def read(start, end):
        if start > pd.Timestamp("2010-05-01"):
            raise gone
        return Market()(start, end)

    newest = Newest(read)
    first = newest(START, DAYS[20])
    newest.keep()
    assert len(newest(START, DAYS[21])) == len(first) + first["symbol"].nunique() - 1, "DD is delisted"
