"""Tick features against plain loops over the definitions, and by hand."""

from __future__ import annotations

from itertools import pairwise
from math import erf, log, pi, sqrt
from statistics import stdev

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import ConfigError, DataError
from alpha.features.ticks import Events, at_closes, tick_feature

S = 10**9
OPEN = pd.Timestamp("2020-01-06 14:30", tz="UTC")


def at(seconds):
    return OPEN + pd.Timedelta(seconds, unit="s")


def frame(rows, *names):
    table = pd.DataFrame(rows, columns=["time", *names])
    return table.assign(time=pd.DatetimeIndex([at(t) for t in table["time"]]).as_unit("ns"))


def make(trades=(), quotes=(), opens=(0,), closes=()):
    sided = [(*row, np.nan) if len(row) == 3 else row for row in trades]
    return Events.of(
        frame(sided, "price", "size", "side") if trades else None,
        frame(quotes, "bid", "bid_size", "ask", "ask_size") if quotes else None,
        opens=[at(t) for t in opens], closes=[at(t) for t in closes],
    )  # fmt: skip


def told(name, events, **params):
    return tick_feature.bind({"name": name, **params})().push(events)


def market(seed=3, n=400, sessions=2):
    """Two sessions of bursts within milliseconds; a close in the middle of each, and one at the end."""
    rng = np.random.default_rng(seed)
    time = np.concatenate([86_400 * d + np.sort(np.round(rng.uniform(1, 1700, n), 1)) for d in range(sessions)])
    mid = 50 * np.exp(np.cumsum(rng.normal(0, 3e-4, time.size)))
    quotes, trades = [], []
    for t, m in zip(time, mid, strict=True):
        if rng.random() < 0.5:
            bid = round(m, 2)
            quotes.append((t, bid, 100.0 * rng.integers(1, 9), round(bid + 0.02, 2), 100.0 * rng.integers(1, 9)))
        else:
            trades.append((t, round(m + rng.choice([-0.01, 0.0, 0.01]), 2), float(rng.integers(1, 900))))
    opens = [86_400 * d for d in range(sessions)]
    return make(trades, quotes, opens, sorted([t + 900 for t in opens] + [t + 1800 for t in opens]))


class Loop:
    """The definitions, one event at a time, from lists of all that happened in the session."""

    def __init__(self, events):
        self.told = {}
        self.rows = list(zip(events.kind.tolist(), events.time.tolist(), events.values.tolist(), strict=True))

    def sessions(self):
        """Yield for each interval its first and last row, and the first row of its session."""
        session = start = 0
        for i, (kind, _, _) in enumerate(self.rows):
            if kind == 3:
                session = start = i
            if kind == 2:
                yield session, start, i
                start = i + 1

    def quotes(self, session, before):
        return [v for k, t, v in self.rows[session:] if k == 0 and t < before]

    def mid(self, session, before):
        known = self.quotes(session, before)
        return (known[-1][0] + known[-1][2]) / 2 if known else None

    def sign(self, session, i, rule):
        price, (_, time, _) = self.rows[i][2][0], self.rows[i]
        mid = self.mid(session, time)
        if rule == "lee_ready" and mid is not None and abs(price / mid - 1) > 1e-9:
            return 1 if price > mid else -1
        prices = [v[0] for k, _, v in self.rows[session : i + 1] if k == 1]
        changes = [b - a for a, b in pairwise(prices) if a != b]
        return None if not changes else 1 if changes[-1] > 0 else -1

    def trades(self, start, end):
        return [(i, *self.rows[i][1:]) for i in range(start, end) if self.rows[i][0] == 1]


def effective(loop, session, start, end):
    pairs = []
    for _, t, (price, size, *_) in loop.trades(start, end):
        mid = loop.mid(session, t)
        if mid is not None:
            pairs.append((2 * abs(price - mid) / mid, price * size))
    return np.average([x for x, _ in pairs], weights=[w for _, w in pairs])


def quoted(loop, session, start, end):
    """Integrate the spread over time in steps of a tenth of a second, to which all events are rounded."""
    first, last = loop.rows[start - 1][1] if start > session else loop.rows[session][1], loop.rows[end][1]
    seen, steps = [], range(first, last, S // 10)
    events = iter([(t, v) for k, t, v in loop.rows[session : end + 1] if k == 0])
    now, following = None, next(events, None)
    for step in steps:
        while following is not None and following[0] <= step:
            now, following = following[1], next(events, None)
        if now is not None:
            seen.append((now[2] - now[0]) / ((now[2] + now[0]) / 2))
    return np.mean(seen)


def signed(rule):
    def reference(loop, session, start, end):
        pairs = [(loop.sign(session, i, rule), v[1]) for i, _, v in loop.trades(start, end)]
        known = [(s, w) for s, w in pairs if s is not None]
        return sum(s * w for s, w in known) / sum(w for _, w in known)

    return reference


def realised(horizon, rule):
    def reference(loop, session, start, end):
        step, since = horizon * S // 60, loop.rows[start - 1][1] if start > session else 0
        total = weight = 0.0
        for i, t, (price, size, *_) in loop.trades(session, end):
            due = -(-t // step) * step + horizon * S
            if not since < due <= loop.rows[end][1]:
                continue
            before, later, sign = loop.mid(session, t), loop.mid(session, due + 1), loop.sign(session, i, rule)
            if before is not None and later is not None and sign is not None:
                total += price * size * 2 * sign * (price - later) / before
                weight += price * size
        return total / weight

    return reference


def imbalance(loop, session, start, end):
    flow, depth = 0.0, []
    for i in range(start, end):
        kind, _, (bid, bid_size, ask, ask_size) = loop.rows[i]
        past = [v for k, _, v in loop.rows[session:i] if k == 0]
        if kind != 0 or not past:
            continue
        b, bs, a, as_ = past[-1]
        flow += (bid >= b) * bid_size - (bid <= b) * bs - (ask <= a) * ask_size + (ask >= a) * as_
        depth.append((bid_size + ask_size) / 2)
    return flow / np.mean(depth)


def returns(loop, session, start, end, every):
    """The last price at or before each instant of the clock, by pandas."""
    prices = pd.Series({t + 0: v[0] for _, t, v in loop.trades(session, end)})
    prices.index = pd.to_datetime(prices.index)
    first, last = pd.Timestamp(loop.rows[start - 1][1] if start > session else loop.rows[session][1]), None
    last = pd.Timestamp(loop.rows[end][1])
    grid = pd.date_range(first, last, freq=f"{every}s")
    sampled = prices.reindex(prices.index.union(grid)).ffill().reindex(grid)
    sampled = sampled.fillna(prices.iloc[0])  # before the first trade there is its price
    known = sampled[sampled.index >= prices.index[0].floor(f"{every}s")]
    return np.diff(np.log(known))


def variance(loop, session, start, end):
    return sum(r * r for r in returns(loop, session, start, end, 60))


def bipower(loop, session, start, end):
    r = np.abs(returns(loop, session, start, end, 60))
    return pi / 2 * sum(a * b for a, b in pairwise(r))


def jumps(loop, *span):
    return max(0.0, 1 - bipower(loop, *span) / variance(loop, *span))


def microprice(loop, session, start, end):
    bid, bid_size, ask, ask_size = loop.quotes(session, loop.rows[end][1] + 1)[-1]
    return (bid * ask_size + ask * bid_size) / (bid_size + ask_size) / ((bid + ask) / 2) - 1


@pytest.mark.parametrize(
    ("name", "params", "reference"),
    [
        ("effective_spread", {}, effective),
        ("quoted_spread", {}, quoted),
        ("signed_volume", {"rule": "lee_ready"}, signed("lee_ready")),
        ("signed_volume", {"rule": "tick"}, signed("tick")),
        ("realised_spread", {"horizon": 60}, realised(60, "lee_ready")),
        ("realised_spread", {"horizon": 300, "rule": "tick"}, realised(300, "tick")),
        ("order_flow_imbalance", {}, imbalance),
        ("realised_variance", {"every": 60}, variance),
        ("bipower_variation", {"every": 60}, bipower),
        ("jump_share", {"every": 60}, jumps),
        ("weighted_mid", {}, microprice),
    ],
)
@pytest.mark.parametrize("seed", [3, 4])
def test_closes_say_what_the_definition_says(name, params, reference, seed):
    events = market(seed)
    loop = Loop(events)
    spans = list(loop.sessions())
    values = told(name, events, **params)[[end for _, _, end in spans]]
    assert len(spans) == 4
    np.testing.assert_allclose(values, [reference(loop, *span) for span in spans], rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("rule", ["lee_ready", "tick"])
def test_every_trade_has_the_sign_of_the_definition(rule):
    events = market()
    loop, session = Loop(events), 0
    values = told("trade_sign", events, rule=rule)
    for i, (kind, _, _) in enumerate(loop.rows):
        session = i if kind == 3 else session
        if kind == 1:
            sign = loop.sign(session, i, rule)
            assert values[i] == sign or (sign is None and np.isnan(values[i])), i


def vpin_by_hand(events, bucket, buckets, bar):
    """Easley, Lopez de Prado and O'Hara (2012), bulk classification, share by share."""
    bars, current = [], None
    for kind, t, (price, size, *_) in Loop(events).rows:
        cell = -(-t // (bar * S))
        if current and (kind >= 2 or cell > current[0]):
            bars.append(current[1:])
            current = None
        if kind == 3:
            bars.append("open")
        if kind == 1:
            current = (cell, price, (current[2] if current else 0) + size)
    shares, changes, close = [], [], None
    for each in bars:
        if each == "open":
            close = None
            continue
        share = 0.5
        if close is not None:
            changes.append(each[0] - close)
            if len(changes) > 1 and stdev(changes) > 0:
                share = 0.5 * (1 + erf(changes[-1] / stdev(changes) / sqrt(2)))
        close = each[0]
        shares += [share] * int(each[1])
    full = np.array(shares[: len(shares) // bucket * bucket]).reshape(-1, bucket)
    return np.abs(2 * full.sum(axis=1) - bucket)[-buckets:].mean() / bucket


@pytest.mark.parametrize(("bucket", "buckets", "bar"), [(1000, 7, 60), (333, 40, 10)])
def test_vpin_is_that_of_its_authors(bucket, buckets, bar):
    events = market()
    value = told("vpin", events, bucket=bucket, buckets=buckets, bar=bar)[-1]
    assert value == pytest.approx(vpin_by_hand(events, bucket, buckets, bar), rel=1e-9)


def test_vpin_of_signed_trades():
    trades = [(1, 10.0, 30.0, 1), (2, 10.0, 50.0, -1), (3, 10.0, 20.0, 1), (4, 10.0, 250.0, 1)]
    values = told("vpin", make(trades), bucket=100, buckets=2, rule="told")
    np.testing.assert_allclose(values, [np.nan, np.nan, np.nan, np.nan, 1.0])  # |50 - 50|, then |100 - 0| twice
    values = told("vpin", make(trades), bucket=100, buckets=3, rule="told")
    assert values[-1] == pytest.approx(2 / 3)


def test_lee_ready_by_hand():
    """Above, below and at the mid, where the tick rule decides."""
    quotes = [(1, 10.00, 1, 10.10, 1)]
    trades = [(2, 10.08, 1), (3, 10.02, 1), (4, 10.05, 1), (5, 10.05, 1), (6, 10.04, 1)]
    assert told("trade_sign", make(trades, quotes))[2:].tolist() == [1, -1, 1, 1, -1]


def test_the_prevailing_quote_is_strictly_before_the_trade():
    quotes = [(1, 10.00, 1, 10.20, 1), (2, 10.20, 1, 10.40, 1), (2, 10.30, 1, 10.40, 1)]
    events = make([(2, 10.20, 1)], quotes)
    assert told("trade_sign", events)[-1] == 1  # above 10.10; below 10.30 and 10.35
    assert told("effective_spread", events)[-1] == pytest.approx(2 * 0.10 / 10.10)
    events = make([(2, 10.20, 1)], quotes[1:])
    assert np.isnan(told("effective_spread", events)).all()


def test_a_jump_is_in_the_variance_and_not_in_the_bipower_variation():
    prices = [100.0, 100.1, 100.0, 110.0, 110.1, 110.0]
    events = make([(60 * i + 30, price, 1) for i, price in enumerate(prices)], closes=[360])
    squares = [log(b / a) ** 2 for a, b in pairwise(prices)]
    assert told("realised_variance", events, every=60)[-1] == pytest.approx(sum(squares))
    assert told("bipower_variation", events, every=60)[-1] < 0.05 * sum(squares)
    assert told("jump_share", events, every=60)[-1] > 0.95


def test_a_minute_without_trades_has_a_return_of_zero():
    trades = [(30, 100.0, 1), (40, 101.0, 1), (150, 102.0, 1)]
    events = make(trades, closes=[180])
    assert told("realised_variance", events, every=60)[-1] == pytest.approx(log(1.01) ** 2 + log(102 / 101) ** 2)
    assert told("bipower_variation", events, every=60)[-1] == 0.0


def test_the_price_of_the_night_is_no_return():
    day = 86_400
    events = make([(30, 100.0, 1), (90, 101.0, 1), (day + 30, 200.0, 1), (day + 90, 202.0, 1)],
                  opens=[0, day], closes=[120, day + 120])  # fmt: skip
    values = told("realised_variance", events, every=60)[events.kind == 2]
    np.testing.assert_allclose(values, [log(1.01) ** 2] * 2)


def test_a_session_forgets_the_quotes_of_the_one_before():
    events = make([(86_401, 10.0, 1)], [(1, 9.9, 1, 10.1, 1)], opens=[0, 86_400])
    assert np.isnan(told("effective_spread", events)[-1])
    assert np.isnan(told("weighted_mid", events)[-1])


def test_order_flow_by_hand():
    """A higher bid adds all of it; an equal one what is more; a lower ask is sold into."""
    quotes = [(1, 10.0, 5, 10.2, 4), (2, 10.1, 3, 10.2, 4), (3, 10.1, 7, 10.2, 1), (4, 10.1, 7, 10.1, 2)]
    depth = [(3 + 4) / 2, (7 + 1) / 2, (7 + 2) / 2]
    expected = [np.nan, 3 / depth[0], (3 + 4 + 3) / np.mean(depth[:2]), (3 + 4 + 3 - 2) / np.mean(depth)]
    np.testing.assert_allclose(told("order_flow_imbalance", make(quotes=quotes))[1:], expected)


@pytest.mark.parametrize("lull", [61, 62, 63, 10_000])
def test_what_is_pending_survives_a_lull(lull):
    """Trades wait for their later mid however long nothing happens, wherever they stand among those that wait."""
    trades = [(2 + i, 10.01, 1) for i in range(60)]
    quotes = [(1, 9.99, 1, 10.01, 1), (62 + lull, 10.99, 1, 11.01, 1)]
    events = make(trades, quotes)
    assert np.isnan(told("realised_spread", events, horizon=60)[2:-1]).all()
    pushed = told("realised_spread", make([*trades, (62 + lull, 10.8, 1)], quotes), horizon=60)
    np.testing.assert_allclose(pushed[-2:], 2 * (10.01 - 10.0) / 10.0)  # the mid had not changed by then
    machine = tick_feature.bind({"name": "realised_spread", "horizon": 60})()
    machine.push(events)
    assert machine.state()[2 + 12] == pytest.approx(60 * 10.01)  # the dollars of all of them were weighed


def test_closes_become_a_table():
    events = make([(30, 100.0, 1), (90, 101.0, 1)], closes=[60, 120])
    table = at_closes(events, {"rv": tick_feature.bind("realised_variance")()}, symbol="A")
    assert table.columns.tolist() == ["known_at", "symbol", "rv"]
    assert table["known_at"].tolist() == [at(60), at(120)]
    assert table["symbol"].tolist() == ["A", "A"]
    np.testing.assert_allclose(table["rv"], [0.0, log(1.01) ** 2])
    with pytest.raises(ConfigError, match="column_taken"):
        at_closes(events, {"symbol": tick_feature.bind("vpin")()}, symbol="A")


def test_no_events_are_no_values():
    machine = tick_feature.bind("vpin")()
    before = machine.state()
    assert len(machine.push(make(opens=()))) == 0
    np.testing.assert_array_equal(machine.state(), before)


GOOD_TRADE, GOOD_QUOTE = (1, 10.0, 5.0), (1, 10.0, 5.0, 10.1, 5.0)


@pytest.mark.parametrize(
    ("trades", "quotes"),
    [
        ([(1, 0.0, 5.0)], []), ([(1, -1.0, 5.0)], []), ([(1, 10.0, 0.0)], []), ([(1, np.nan, 5.0)], []),
        ([(1, np.inf, 5.0)], []), ([(1, 10.0, 5.0, 2.0)], []),
        ([], [(1, 0.0, 5.0, 10.1, 5.0)]), ([], [(1, 10.2, 5.0, 10.1, 5.0)]), ([], [(1, 10.0, -5.0, 10.1, 5.0)]),
        ([], [(1, 10.0, 5.0, np.nan, 5.0)]), ([], [(1, 10.0, 5.0, np.inf, 5.0)]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(trades, quotes):
    make([GOOD_TRADE], [GOOD_QUOTE])
    with pytest.raises(DataError, match="bad_tick"):
        make([GOOD_TRADE, *trades], [GOOD_QUOTE, *quotes])


def test_time_moves_forward():
    with pytest.raises(DataError, match="unordered_time"):
        make([(2, 10.0, 1.0), (1, 10.0, 1.0)])
    machine = tick_feature.bind("trade_sign")()
    machine.push(make([(2, 10.0, 1.0)]))
    with pytest.raises(DataError, match="unordered_time"):
        machine.push(make([(1, 10.0, 1.0)]))


def test_tables_say_what_they_are():
    with pytest.raises(DataError, match="missing_column"):
        Events.of(frame([(1, 10.0)], "price"))
    with pytest.raises(DataError, match="naive_time"):
        Events.of(frame([GOOD_TRADE], "price", "size").assign(time=pd.Timestamp("2020-01-06")))
    with pytest.raises(DataError, match="null_time"):
        Events.of(frame([GOOD_TRADE], "price", "size").assign(time=pd.to_datetime(["NaT"], utc=True)))


def test_a_state_of_another_computation_is_refused():
    state = tick_feature.bind("trade_sign")().state()
    for other in ("effective_spread", {"name": "trade_sign", "rule": "tick"}):
        with pytest.raises(DataError, match="foreign_state"):
            tick_feature.bind(other)().restore(state)
