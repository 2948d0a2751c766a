"""Tables of ticks: what is left out and counted, what is refused, and what the real ones hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError
from alpha.data.sanity.finding import CODES
from alpha.data.ticks import ODD, REASONS, read_quotes, read_trades
from alpha.features.ticks import Events, tick_feature

NYSE = Calendar()
ZONE = "America/New_York"
SHARED = Path(__file__).parents[2].parent / "shared/data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
QUOTED = ["ts", "symbol", "bid", "bid_size", "ask", "ask_size", "suspicious"]
TRADED = ["ts", "symbol", "price", "size", "cond", "suspicious"]


def stamp(clock):
    return pd.Timestamp(f"2020-01-06 {clock}")


def quotes(tmp_path, rows, **params):
    table = pd.DataFrame([(stamp(t), "A", *rest, False) for t, *rest in rows], columns=QUOTED)
    table.to_parquet(path := tmp_path / "quotes.parquet")
    columns = {"time": "ts", "suspicious": "suspicious"}
    return read_quotes(path, "A", NYSE, **{"columns": columns, "zone": ZONE, **params})


def trades(tmp_path, rows, **params):
    table = pd.DataFrame([(stamp(t), "A", *rest) for t, *rest in rows], columns=TRADED)
    table.to_parquet(path := tmp_path / "trades.parquet")
    columns = {"time": "ts", "suspicious": "suspicious", "condition": "cond"}
    return read_trades(path, "A", NYSE, **{"columns": columns, "zone": ZONE, **params})


def counts(findings):
    assert all(CODES[f.code] == f.severity == "warning" and f.symbol == "A" for f in findings)
    return {f.code: f.value for f in findings}


def test_quotes_that_cannot_be_used_are_counted(tmp_path):
    table, findings = quotes(tmp_path, [
        ("09:29:59", 10.0, 1.0, 10.1, 1.0), ("09:30:00", 10.0, 1.0, 10.1, 1.0),
        ("09:30:01", 10.0, 1.0, 10.1, 2.0), ("09:30:02", 0.0, 0.0, 10.1, 1.0), ("09:30:03", 10.0, 0.0, 10.1, 1.0),
        ("09:30:04", 10.2, 1.0, 10.1, 1.0), ("09:30:05", 10.1, 1.0, 10.1, 1.0), ("09:30:06", -1.0, 1.0, 10.1, 1.0),
        ("09:30:07", np.nan, 1.0, 10.1, 1.0), ("09:30:08", np.inf, 1.0, np.inf, 1.0),
        ("16:00:00", 10.0, 1.0, 10.1, 3.0), ("16:00:01", 10.0, 1.0, 10.1, 1.0),
    ])  # fmt: skip
    assert table["time"].dt.tz_convert(ZONE).dt.strftime("%H:%M:%S").tolist() == ["09:30:01", "09:30:05", "16:00:00"]
    assert counts(findings) == {"off_session": 3, "bad_quote": 3, "zero_quote": 2, "crossed_quote": 1}
    assert findings[0].time == pd.Timestamp("2020-01-06 14:29:59", tz="UTC")
    Events.of(quotes=table)  # nothing that it refuses is left


def test_a_side_holds_until_it_changes(tmp_path):
    rows = [
        ("09:30:01", 0.0, 0.0, 10.1, 2.0), ("09:30:02", 10.0, 5.0, 0.0, 0.0), ("09:30:02", 0.0, 0.0, 10.2, 3.0),
        ("09:30:03", 10.3, 1.0, 0.0, 0.0), ("09:30:04", 0.0, 0.0, 10.4, 4.0), ("09:30:05", 0.0, 0.0, 0.0, 0.0),
    ]  # fmt: skip
    table, findings = quotes(tmp_path, rows, one_sided=True)
    assert counts(findings) == {"zero_quote": 1, "one_sided_quote": 1, "crossed_quote": 1}
    assert table.drop(columns="time").to_numpy().tolist() == [
        [10.0, 5.0, 10.1, 2.0], [10.0, 5.0, 10.2, 3.0], [10.3, 1.0, 10.4, 4.0],
    ]  # fmt: skip


def test_a_side_does_not_hold_overnight(tmp_path):
    table = pd.DataFrame([
        ("2020-01-06 15:00", 10.0, 1.0, 0.0, 0.0), ("2020-01-06 15:01", 0.0, 0.0, 10.1, 1.0),
        ("2020-01-07 10:00", 0.0, 0.0, 9.0, 1.0),
    ], columns=["time", "bid", "bid_size", "ask", "ask_size"])  # fmt: skip
    table.assign(time=pd.to_datetime(table["time"]), symbol="A").to_parquet(path := tmp_path / "q.parquet")
    kept, findings = read_quotes(path, "A", NYSE, zone=ZONE, one_sided=True)
    assert len(kept) == 1
    assert counts(findings) == {"one_sided_quote": 2}


def test_trades_that_cannot_be_used_are_counted(tmp_path):
    rows = [
        ("09:30:01", 10.0, 100, "1", False), ("09:30:02", 10.0, 100, "20", False), ("09:30:03", 0.0, 100, "1", False),
        ("09:30:04", 10.0, 0, "1", False), ("09:30:05", 10.0, 100, "4000", False),
        ("09:30:06", 10.0, 100, "102000", False), ("09:30:07", 10.0, 100, "1", True),
        ("09:30:08", np.nan, 100, "1", False), ("09:30:09", 10.0, 100, None, False),
        ("16:00:01", 10.0, 100, "80", False),
    ]  # fmt: skip
    table, findings = trades(tmp_path, rows)
    assert table["time"].dt.second.tolist() == [1, 2, 9]
    assert counts(findings) == {"suspicious_tick": 1, "off_session": 1, "bad_trade": 3, "odd_condition": 2}
    kept, _ = trades(tmp_path, rows, odd=ODD & ~0x4000)
    assert len(kept) == 4
    Events.of(table)


def test_every_code_has_a_reason():
    assert set(REASONS) <= set(CODES)


def test_single_precision_is_read_as_the_decimal_that_was_meant(tmp_path):
    prices = np.array([181.52, 0.1234, 12345.6, 180.6301, 99999.99], np.float32)
    table = pd.DataFrame({"time": [stamp("10:00")] * 5, "symbol": "A", "price": prices, "size": np.int32(1)})
    table.to_parquet(path := tmp_path / "t.parquet")
    kept, _ = read_trades(path, "A", NYSE, zone=ZONE)
    assert kept["price"].tolist()[:4] == [181.52, 0.1234, 12345.6, 180.6301]
    np.testing.assert_array_equal(kept["price"].to_numpy(np.float32), prices)


def test_times_of_other_kinds(tmp_path):
    instant = pd.Timestamp("2020-01-06 15:00:00.123456789", tz="UTC")
    table = pd.DataFrame({"time": [instant.value], "symbol": "A", "price": 1.0, "size": 2.0, "maker": [True]})
    table.to_parquet(path := tmp_path / "t.parquet")
    kept, _ = read_trades(path, "A", NYSE, epoch="ns", columns={"buyer_is_maker": "maker"})
    assert kept["time"].tolist() == [instant]
    assert kept["side"].tolist() == [-1.0]
    table.assign(time=[instant]).to_parquet(path)
    assert read_trades(path, "A", NYSE)[0]["time"].tolist() == [instant]


GOOD = ("10:00", 10.0, 100, "1", False)


@pytest.mark.parametrize(
    ("error", "code", "rows", "params"),
    [
        (DataError, "unordered_time", [GOOD, ("09:59", 10.0, 100, "1", False)], {}),
        (DataError, "naive_time", [GOOD], {"zone": None}),
        (DataError, "missing_column", [GOOD], {"columns": {"time": "tz"}}),
        (DataError, "missing_column", [GOOD], {"where": {"market": "spot"}}),
        (DataError, "no_rows", [GOOD], {"where": {"cond": "2"}}),
        (ConfigError, "unknown_column", [GOOD], {"columns": {"tim": "ts"}}),
        (DataError, "wrong_type", [GOOD], {"epoch": "ns"}),
        (DataError, "wrong_type", [("10:00", "10.0", 100, "1", False)], {}),
        (DataError, "wrong_type", [("10:00", 10.0, 100, "@F", False)], {}),
        (DataError, "wrong_type", [("10:00", 10.0, 100, "1", "no")], {}),
    ],
)
def test_what_is_refused(error, code, rows, params, tmp_path):
    with pytest.raises(error, match=code):
        trades(tmp_path, rows, **params)


def test_the_hour_that_clocks_show_twice_is_refused(tmp_path):
    table = pd.DataFrame({"time": [pd.Timestamp("2020-11-01 01:30")], "symbol": "A", "price": 1.0, "size": 1.0})
    table.to_parquet(path := tmp_path / "t.parquet")
    with pytest.raises(DataError, match="ambiguous_time"):
        read_trades(path, "A", NYSE, zone=ZONE)


@needs_shared
def test_crypto_trades_tell_who_began_them():
    """Both rules agree with the venue, once quotes are delayed: its quotes overtake the trades that moved them."""
    always, trading = Calendar("24/7"), SHARED / "crypto_trades_sample.parquet"
    columns = {"time": "local_ts_ns", "size": "qty", "buyer_is_maker": "buyer_is_maker"}
    told, odd = read_trades(trading, "BTCUSDT", always, columns=columns, epoch="ns", where={"market": "spot"})
    columns = {"time": "local_ts_ns", "bid_size": "bid_qty", "ask_size": "ask_qty"}
    book, more = read_quotes(SHARED / "crypto_l1_quotes_sample.parquet", "BTCUSDT", always, columns=columns, epoch="ns")
    assert (odd, more) == ([], [])
    agreement = {}
    for rule, delay in (("tick", "0ms"), ("lee_ready", "0ms"), ("lee_ready", "100ms")):
        events = Events.of(told, book.assign(time=book["time"] + pd.Timedelta(delay)))
        sign = tick_feature.bind({"name": "trade_sign", "rule": rule})().push(events)[events.kind == 1]
        agreement[rule, delay] = np.mean(sign == told["side"].to_numpy())
    assert agreement["tick", "0ms"] > 0.95
    assert agreement["lee_ready", "100ms"] > 0.95
    assert agreement["lee_ready", "0ms"] < 0.6
