"""The source `yfinance` against a server on this machine that speaks Yahoo's protocol."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError
from alpha.data import load_panel, source
from alpha.data.sources.yahoo import _traded

NYSE = Calendar()
DAYS = NYSE.sessions("2010-01-04", "2010-03-31")
SPLIT, DIVIDEND = 30, 20  # rows
CLOSE = 50 * np.exp(np.cumsum(0.01 * np.random.default_rng(5).standard_normal(len(DAYS))))  # adjusted


def answer(symbol, since):
    """What Yahoo says of a symbol that split 2:1: old prices and dividends are halved, old volumes doubled."""
    opens = NYSE.opens(DAYS).as_unit("s").asi8
    kept = opens >= since
    zone = {"timezone": "EST", "start": 0, "end": 0, "gmtoffset": -18000}
    meta = {
        "currency": "USD", "symbol": symbol, "exchangeTimezoneName": "America/New_York", "instrumentType": "EQUITY",
        "firstTradeDate": int(opens[0]), "gmtoffset": -18000, "timezone": "EST", "priceHint": 2,
        "dataGranularity": "1d", "regularMarketTime": int(opens[-1]), "validRanges": ["1d", "max"],
        "currentTradingPeriod": dict.fromkeys(("pre", "regular", "post"), zone),
    }  # fmt: skip
    if symbol == "VOID":
        return {"chart": {"result": [{"meta": meta, "indicators": {"quote": [{}]}}], "error": None}}
    scales = {"open": 1, "high": 1.01, "low": 0.99, "close": 1}
    quote = {name: (CLOSE * scale)[kept].tolist() for name, scale in scales.items()}
    quote["volume"] = [2000] * int(kept.sum())
    split = {"date": int(opens[SPLIT]), "numerator": 2, "denominator": 1, "splitRatio": "2:1"}
    dividend = {"date": int(opens[DIVIDEND]), "amount": 0.5}
    result = {
        "meta": meta,
        "timestamp": opens[kept].tolist(),
        "events": {"splits": {str(split["date"]): split}, "dividends": {str(dividend["date"]): dividend}},
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": quote["close"]}]},
    }
    return {"chart": {"result": [result], "error": None}}


class Yahoo(BaseHTTPRequestHandler):
    """Cookies, crumbs and charts; ``GONE`` is unknown, ``VOID`` empty, ``BUSY`` rate limited, ``MESS`` no JSON."""

    def do_GET(self):
        url = urlsplit(self.path)
        if not url.path.startswith("/v8/finance/chart/"):
            return self._send(404, b"{}") if "quote" in url.path else self._send(200, b"crumb")
        symbol, query = url.path.rsplit("/", 1)[1], parse_qs(url.query)
        if symbol == "BUSY":
            return self._send(429, b"Too Many Requests")
        if symbol == "MESS":
            return self._send(200, b"<html>")
        if symbol == "GONE":
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return self._send(404, json.dumps({"chart": {"result": None, "error": error}}).encode())
        since = int(query.get("period1", ["0"])[0])
        return self._send(200, json.dumps(answer(symbol, since)).encode())

    def _send(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def yahoo(monkeypatch, tmp_path):
    """Send every request that yfinance makes, whatever its host, to a server on the loopback interface."""
    data = pytest.importorskip("yfinance.data", reason="the extra alpha[yahoo] is not installed")
    import requests
    import yfinance

    server = ThreadingHTTPServer(("127.0.0.1", 0), Yahoo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_address[1]}"

    class Local(requests.Session):
        def request(self, method, url, **options):
            return super().request(method, here + url.split(".yahoo.com", 1)[1], **options)

    monkeypatch.setattr(data.SingletonMeta, "_instances", {})
    monkeypatch.setattr(data, "new_session", Local)
    monkeypatch.setattr("yfinance.scrapers.history.new_session", Local, raising=False)
    yfinance.set_tz_cache_location(str(tmp_path))
    yield server
    server.shutdown()
    server.server_close()


def fetch(*symbols, start="2010-01-01", end="2010-12-31", **options):
    plugin = source.bind({"name": "yfinance", "symbols": list(symbols), "retries": 0, "timeout": 5, **options})
    return plugin(pd.Timestamp(start), pd.Timestamp(end))


def test_bars_are_as_traded(yahoo):
    frame = fetch("AA", "BB")
    assert list(frame.columns) == ["time", "open", "high", "low", "close", "volume", "dividend", "split", "symbol"]
    assert frame.attrs["prices"] == "raw"
    one = frame[frame["symbol"] == "BB"]
    assert one["time"].tolist() == DAYS.tolist()
    before = np.arange(len(DAYS)) < SPLIT
    np.testing.assert_allclose(one["close"], np.where(before, 2 * CLOSE, CLOSE), rtol=1e-12)
    assert one["volume"].tolist() == np.where(before, 1000.0, 2000.0).tolist()
    assert one["dividend"].to_numpy().nonzero()[0].tolist() == [DIVIDEND]
    assert one["dividend"].iloc[DIVIDEND] == 1.0
    assert one.loc[one["split"] != 1, "split"].to_dict() == {one.index[SPLIT]: 2.0}


def test_it_loads_and_a_later_split_changes_nothing_before_it(yahoo):
    plugin = source.bind({"name": "yfinance", "symbols": ["AA"]})
    whole, findings = load_panel(plugin, DAYS[0], DAYS[-1])
    part, _ = load_panel(plugin, DAYS[0], DAYS[SPLIT - 5])
    assert findings == []
    assert part.id == whole.rows(slice(0, len(part))).id
    factor = 1 / (1 - 1.0 / (2 * CLOSE[DIVIDEND - 1]))
    moved = whole["close"][DIVIDEND, 0] / whole["close"][DIVIDEND - 1, 0]
    assert moved == pytest.approx(factor * CLOSE[DIVIDEND] / CLOSE[DIVIDEND - 1], rel=1e-12)


def test_only_what_is_asked_for_is_returned(yahoo):
    frame = fetch("AA", start=DAYS[3], end=DAYS[5])
    assert frame["time"].tolist() == DAYS[3:6].tolist()


@pytest.mark.parametrize(("late", "kept"), [(-1, 2), (0, 3)])
def test_the_running_session_is_left_out(late, kept):
    names = ["Open", "High", "Low", "Close", "Volume", "Dividends", "Stock Splits"]
    answer = pd.DataFrame(1.0, DAYS[:3].tz_localize("America/New_York"), names)
    now = NYSE.closes(DAYS[2:3])[0] + pd.Timedelta(seconds=late)
    assert _traded(answer, NYSE, now)["time"].tolist() == DAYS[:kept].tolist()


@pytest.mark.parametrize(
    ("symbol", "code"),
    [("GONE", "unknown_symbol"), ("VOID", "unknown_symbol"), ("BUSY", "rate_limited"), ("MESS", "no_connection")],
)
def test_refusals_are_data_errors(yahoo, symbol, code):
    with pytest.raises(DataError, match=symbol) as caught:
        fetch("AA", symbol)
    assert caught.value.code == code


def test_no_connection_is_a_data_error(yahoo):
    yahoo.shutdown()
    yahoo.server_close()
    with pytest.raises(DataError) as caught:
        fetch("AA")
    assert caught.value.code == "no_connection"


def test_settings_of_the_package_are_left_as_they_were(yahoo):
    import yfinance

    before = yfinance.config.debug.hide_exceptions, yfinance.config.network.retries
    fetch("AA")
    with pytest.raises(DataError):
        fetch("GONE")
    assert (yfinance.config.debug.hide_exceptions, yfinance.config.network.retries) == before


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "yfinance", None)
    with pytest.raises(ConfigError, match=r"alpha\[yahoo\]") as caught:
        fetch("AA")
    assert caught.value.code == "no_package"
