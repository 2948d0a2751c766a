"""Bars of trades against plain loops, and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import ConfigError, DataError
from alpha.features.ticks import Events, bar_builder

OPEN = pd.Timestamp("2020-01-06 14:30", tz="UTC")


def at(seconds):
    return OPEN + pd.Timedelta(seconds, unit="s")


def make(trades, opens=(0,), closes=()):
    table = pd.DataFrame(trades, columns=["time", "price", "size"])
    table["time"] = pd.DatetimeIndex([at(t) for t in table["time"]]).as_unit("ns")
    return Events.of(table, opens=[at(t) for t in opens], closes=[at(t) for t in closes])


def bars(name, events, **params):
    return bar_builder.bind({"name": name, **params})().push(events)


def random_trades(n=800, seed=2):
    rng = np.random.default_rng(seed)
    price = np.round(50 + np.cumsum(rng.choice([-0.01, 0, 0, 0.01, 0.02], n)), 2)
    return list(zip(np.sort(np.round(rng.uniform(1, 5000, n), 1)), price, rng.integers(1, 500, n) * 1.0, strict=True))


def grouped(trades, ends):
    """Return the bars of trades, by whether each one ends a bar; the last may be left open."""
    rows, own = [], []
    for trade, end in zip(trades, ends, strict=True):
        own.append(trade)
        if end:
            t, p, v = (np.array(x) for x in zip(*own, strict=True))
            rows.append((at(t[0]), at(t[-1]), p[0], p.max(), p.min(), p[-1], v.sum(), (p * v).sum(), len(own)))
            own = []
    names = ["start", "known_at", "open", "high", "low", "close", "volume", "dollar", "ticks"]
    return pd.DataFrame(rows, columns=names)


def assert_bars(actual, expected):
    for name in ("start", "known_at"):
        assert actual[name].tolist() == expected[name].tolist()
    rest = [name for name in expected if name not in ("start", "known_at")]
    np.testing.assert_allclose(actual[rest].to_numpy(float), expected[rest].to_numpy(float), rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "params", "amount"),
    [
        ("tick_bars", {"ticks": 7}, lambda price, size: 1),
        ("volume_bars", {"volume": 1500}, lambda price, size: size),
        ("dollar_bars", {"dollars": 90_000}, lambda price, size: price * size),
    ],
)
def test_bars_end_when_enough_was_traded(name, params, amount):
    trades, ends, total = random_trades(), [], 0.0
    for _, price, size in trades:
        total += amount(price, size)
        ends.append(total >= next(iter(params.values())))
        total = 0.0 if ends[-1] else total
    assert sum(ends) > 50
    assert_bars(bars(name, make(trades), **params), grouped(trades, ends))


def test_time_bars_are_those_of_pandas():
    trades = random_trades()
    found = bars("time_bars", make(trades, closes=[5400]), every=60)
    table = pd.DataFrame(trades, columns=["time", "price", "size"])
    table.index = pd.DatetimeIndex([at(t) for t in table["time"]])
    resampled = table.resample("60s", closed="right", label="right")
    expected = resampled["price"].ohlc().assign(volume=resampled["size"].sum(), ticks=resampled["size"].count())
    expected = expected[expected["ticks"] > 0]
    assert found["known_at"].tolist() == expected.index.tolist()
    assert (found["known_at"] - found["start"] == pd.Timedelta("60s")).all()
    np.testing.assert_allclose(found[list(expected)].to_numpy(float), expected.to_numpy(float), rtol=1e-12)


def test_a_bar_of_time_holds_the_trade_at_its_end():
    found = bars("time_bars", make([(60, 10.0, 1), (60.1, 11.0, 2)], closes=[90]), every=60)
    assert found["close"].tolist() == [10.0, 11.0]
    assert found["known_at"].tolist() == [at(60), at(90)]  # the session ends before the bar does


@pytest.mark.parametrize("name", list(bar_builder))
def test_no_bar_goes_on_overnight(name):
    trades = [(10, 10.0, 1), (20, 11.0, 2), (86_410, 12.0, 3)]
    found = bars(name, make(trades, opens=[0, 86_400], closes=[30, 86_430]))
    assert found["known_at"].tolist() == [at(30), at(86_430)]
    assert found["volume"].tolist() == [3, 3]
    found = bars(name, make(trades, opens=[0, 86_400]))  # an OPEN ends it too, if nobody said that the session was over
    assert found["volume"].tolist() == [3]


def imbalance_by_hand(trades, ticks, span, amount):
    """Lopez de Prado (2018, 2.3.2.1), expectations by pandas, lengths held between ticks / 10 and ticks x 10."""
    ends, lengths, means = [], [], []
    signed, sign, before = [], np.nan, None
    for _, price, size in trades:
        if before is not None and price != before:
            sign = 1.0 if price > before else -1.0
        before = price
        signed.append(0.0 if np.isnan(sign) else sign * amount(price, size))
        end = len(signed) >= ticks
        if lengths:
            expected, mean = (pd.Series(x).ewm(span=span, adjust=False).mean().iloc[-1] for x in (lengths, means))
            end = ticks / 10 <= len(signed) and abs(sum(signed)) >= expected * abs(mean)
            end |= len(signed) >= 10 * ticks
        if end:
            lengths.append(len(signed))
            means.append(sum(signed) / len(signed))
            signed = []
        ends.append(bool(end))
    return ends


@pytest.mark.parametrize(
    ("of", "amount"),
    [("ticks", lambda p, v: 1.0), ("volume", lambda p, v: v), ("dollar", lambda p, v: p * v)],
    ids=["ticks", "volume", "dollar"],
)
@pytest.mark.parametrize("ticks", [5, 40])
def test_imbalance_bars(of, amount, ticks):
    trades = random_trades()
    ends = imbalance_by_hand(trades, ticks, 10, amount)
    assert sum(ends) > 5
    assert_bars(bars("imbalance_bars", make(trades), of=of, ticks=ticks, span=10), grouped(trades, ends))


def test_parameters_are_checked():
    for entry in (
        {"name": "time_bars", "every": 0},
        {"name": "tick_bars", "ticks": 0},
        {"name": "imbalance_bars", "of": "x"},
    ):
        with pytest.raises(ConfigError, match="bad_parameter"):
            bar_builder.bind(entry)


def test_a_state_of_other_bars_is_refused():
    with pytest.raises(DataError, match="foreign_state"):
        bar_builder.bind({"name": "tick_bars", "ticks": 5})().restore(bar_builder.bind("tick_bars")().state())
