"""Trades and quotes as fields of a panel."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError
from alpha.core.panel import Panel
from alpha.data import aggregate
from alpha.data.ticks import read_quotes, read_trades
from alpha.features.ticks import Events, at_closes, tick_feature

NYSE = Calendar()
DAYS = NYSE.sessions("2010-01-04", "2010-01-08")
MEASURES = {"spread": "quoted_spread", "signed": {"name": "signed_volume", "rule": "tick"}}


def panel_of(times, symbols=("AA", "BB", "CC")):
    return Panel(times, symbols, {"close": np.ones((len(times), len(symbols)))})


DAILY = panel_of(NYSE.closes(DAYS))
HALF_HOURS = panel_of(pd.date_range("2010-01-04 15:00", "2010-01-04 21:00", freq="30min", tz="UTC"))


def tables(seed=0):
    """A quote every half minute and a trade every minute of AA and BB; the day before the first row is in them, too."""
    rng, quotes, trades = np.random.default_rng(seed), [], []
    for symbol in ("AA", "BB"):
        for day in NYSE.sessions("2009-12-31", "2010-01-08"):
            time = pd.date_range(NYSE.opens(pd.DatetimeIndex([day]))[0], periods=780, freq="30s") + pd.Timedelta("1s")
            bid = 50 + 0.01 * np.cumsum(rng.integers(-1, 2, 780))
            quotes.append(pd.DataFrame({"time": time, "symbol": symbol, "bid": bid, "bid_size": 100.0,
                                        "ask": bid + 0.01 * rng.integers(1, 4, 780), "ask_size": 200.0}))  # fmt: skip
            trades.append(pd.DataFrame({"time": time + pd.Timedelta("1ms"), "symbol": symbol, "price": bid,
                                        "size": 10.0 * rng.integers(1, 9, 780)})[::2])  # fmt: skip
    return pd.concat(quotes, ignore_index=True), pd.concat(trades, ignore_index=True)


@pytest.fixture
def files(tmp_path):
    quotes, trades = tables()
    quotes.to_parquet(tmp_path / "quotes.parquet")
    trades.to_parquet(tmp_path / "trades.parquet")
    return {"quotes": tmp_path / "quotes.parquet", "trades": tmp_path / "trades.parquet"}


def joined(panel, files, **params):
    return aggregate.bind({"name": "ticks", "measures": MEASURES, **files, **params})(panel, NYSE)[0]


@pytest.mark.parametrize("panel", [DAILY, HALF_HOURS], ids=["daily", "half hours"])
def test_a_row_is_what_the_machines_say_at_its_close(panel, files):
    got = joined(panel, files)
    sessions = NYSE.session_of(panel.times).unique()
    for column, symbol in enumerate(("AA", "BB")):
        quotes = read_quotes(files["quotes"], symbol, NYSE)[0]
        trades = read_trades(files["trades"], symbol, NYSE)[0]
        start = NYSE.opens(sessions)[0]
        events = Events.of(trades[trades["time"] > start], quotes[quotes["time"] > start],
                           opens=NYSE.opens(sessions), closes=panel.times)  # fmt: skip
        machines = {name: tick_feature.bind(entry)() for name, entry in MEASURES.items()}
        expected = at_closes(events, machines, symbol=symbol)
        for name in MEASURES:
            assert np.isfinite(expected[name]).all()
            np.testing.assert_array_equal(got[name][:, column], expected[name])
    assert np.isnan(got["spread"][:, 2]).all(), "CC is in no table"


@pytest.mark.parametrize("rows", [1, 3])
def test_a_later_row_or_event_changes_no_earlier_one(rows, files):
    whole = joined(DAILY, files)
    part = joined(DAILY.rows(slice(0, rows)), files)
    quotes, _ = tables()
    later = quotes["time"] > DAILY.times[rows - 1]
    quotes.assign(ask=quotes["ask"].where(~later, quotes["ask"] + 5)).to_parquet(files["quotes"])
    changed = joined(DAILY, files)
    for name in MEASURES:
        np.testing.assert_array_equal(part[name], whole[name][:rows])
        np.testing.assert_array_equal(changed[name][:rows], whole[name][:rows])
    assert not np.array_equal(changed["spread"][rows:], whole["spread"][rows:], equal_nan=True)


def test_each_symbol_may_have_a_file_of_its_own(files, tmp_path):
    quotes, _ = tables()
    for symbol, part in quotes.groupby("symbol"):
        part.to_parquet(tmp_path / f"{symbol}.parquet")
    measures = {"spread": "quoted_spread"}
    one = joined(DAILY, {"quotes": files["quotes"]}, measures=measures)
    own = joined(DAILY, {"quotes": tmp_path / "{symbol}.parquet"}, measures=measures)
    np.testing.assert_array_equal(own["spread"], one["spread"])


def test_what_is_left_out_is_counted(files):
    quotes, _ = tables()
    quotes.loc[1_000:1_009, "ask"] = 0.0
    quotes.to_parquet(files["quotes"])
    _, findings = aggregate.bind({"name": "ticks", "measures": MEASURES, **files})(DAILY, NYSE)
    assert [(f.code, f.symbol, f.value) for f in findings] == [("zero_quote", "AA", 10)]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"trades": None, "quotes": None}, "no_table"),
        ({"measures": {"close": "quoted_spread"}}, "field_taken"),
        ({"measures": {"spread": "quoted_spred"}}, "unknown_tick_feature"),
        ({"measures": {}}, "bad_parameter"),
    ],
)
def test_what_cannot_be_measured_is_refused(given, code, files):
    with pytest.raises(ConfigError) as caught:
        joined(DAILY, {**files, **given})
    assert caught.value.code == code


def test_a_table_of_other_symbols_is_refused(files):
    with pytest.raises(DataError) as caught:
        joined(panel_of(DAILY.times, ("ZZ",)), files)
    assert caught.value.code == "foreign_table"
