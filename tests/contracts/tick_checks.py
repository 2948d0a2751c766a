"""What everything that reads ticks must satisfy, as plain functions over anything with `push`, `state` and `restore`.

`make` returns a fresh one. Each check raises AssertionError, saying which rows differ.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from alpha.features.ticks import Events

DAY, HOUR, SECOND = 86_400 * 10**9, 3_600 * 10**9, 10**9
FIRST = pd.Timestamp("2020-01-06 14:30", tz="UTC").value


def make_events(n: int = 500, sessions: int = 2, seed: int = 5) -> Events:
    """Return sessions of what real ones have: bursts in one instant, lulls, trades before any quote, odd sizes."""
    rng = np.random.default_rng(seed)
    opens = FIRST + DAY * np.arange(sessions)
    gap = np.where(rng.random((sessions, n)) < 0.3, 0, rng.exponential(6.5 * HOUR / n, (sessions, n))).astype(np.int64)
    time = (opens[:, None] + 1 + np.minimum(np.cumsum(gap, axis=1), 6 * HOUR) // 1000 * 1000).ravel()
    mid = 50 * np.exp(np.cumsum(rng.normal(0, 2e-4, time.size)))
    spread = 0.01 * rng.integers(0, 4, time.size)  # locked at times
    bid_size, ask_size = 100.0 * rng.integers(1, 9, (2, time.size))
    quotes = {"bid": np.round(mid, 2), "bid_size": bid_size,
              "ask": np.round(np.round(mid, 2) + spread, 2), "ask_size": ask_size}  # fmt: skip
    trades = {"price": np.round(mid + rng.choice([-0.01, 0.0, 0.005, 0.02], time.size), 3),
              "size": np.ceil(np.exp(rng.normal(7, 1.3, time.size))),
              "side": rng.choice([-1.0, 1.0, np.nan], time.size)}  # fmt: skip
    quoted = rng.random(time.size) < 0.6
    when = pd.to_datetime(time, utc=True)
    return Events.of(
        pd.DataFrame({"time": when, **trades})[~quoted], pd.DataFrame({"time": when, **quotes})[quoted],
        opens=pd.to_datetime(opens, utc=True),
        closes=pd.to_datetime(np.sort(np.r_[opens + 3 * HOUR, opens + 6 * HOUR + HOUR // 2]), utc=True),
    )  # fmt: skip


def split(make, events: Events, cuts) -> np.ndarray | pd.DataFrame:
    """Return what a fresh one says when events come in pieces."""
    edges, machine = [0, *sorted(cuts), len(events)], make()
    parts = [machine.push(events[slice(a, b)]) for a, b in pairwise(edges)]
    return pd.concat(parts, ignore_index=True) if isinstance(parts[0], pd.DataFrame) else np.concatenate(parts)


def assert_same(actual, expected, what: str) -> None:
    """Equal in every bit; NaN equals NaN."""
    a, b = (_numbers(x) for x in (actual, expected))
    assert a.shape == b.shape, f"{what}: {len(a)} rows, and {len(b)}"
    differs = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    assert not differs.any(), f"{what}: {differs.sum()} values differ, the first in row {np.argwhere(differs)[0][0]}"


def _numbers(told) -> np.ndarray:
    if not isinstance(told, pd.DataFrame):
        return told
    times = {name: told[name].dt.as_unit("ns").astype("int64") for name in ("start", "known_at")}
    rest = {f"{name}_ns": time % SECOND for name, time in times.items()}  # one float cannot hold all of it
    return told.assign(**{name: time // SECOND for name, time in times.items()}, **rest).to_numpy(float)


def check_split(make, events: Events, seed: int = 1) -> None:
    """However events are cut into pieces, they say the same."""
    whole, rng = make().push(events), np.random.default_rng(seed)
    for cuts in (range(400, 600), rng.integers(0, len(events), 7), rng.integers(0, len(events), 60)):
        assert_same(split(make, events, cuts), whole, "split")


def check_cut(make, events: Events, cuts=range(3, 1003, 83)) -> None:
    """Without the events after it, an event says the same."""
    whole = make().push(events)
    for cut in cuts:
        known = make().push(events[:cut])
        assert_same(known, whole[: len(known)], f"look-ahead: cut at {cut}")


def check_shock(make, events: Events, rows=range(50, 950, 70)) -> None:
    """Whatever happens after it, an event says the same."""
    whole = make().push(events)
    for row in rows:
        before = len(make().push(events[: row + 1]))
        values = events.values.copy()
        values[row + 1 :] *= 3.0
        shocked = make().push(Events(events.kind, events.time, values))
        assert_same(shocked[:before], whole[:before], f"look-ahead: shock after {row}")


def check_restore(make, events: Events, saves=(0, 333, 901)) -> None:
    """A saved state goes on in another one as if nothing had happened; what went on before does not change it."""
    whole = make().push(events)
    for save in saves:
        first, second = make(), make()
        told = len(first.push(events[:save]))
        state = first.state()
        assert state.dtype == np.float64, "a state is one float64 array"
        assert state.ndim == 1, "a state is one float64 array"
        first.push(events[save:])
        second.push(events[: save // 2])
        second.restore(state)
        assert_same(second.push(events[save:]), whole[told:], f"restored at {save}")


def check_scale(make, events: Events, factor: float = 7.3) -> None:
    """Prices in another currency say the same, nearly to the bit."""
    values = events.values.copy()
    values[events.kind == 0, ::2] *= factor
    values[events.kind == 1, 0] *= factor
    scaled, whole = make().push(Events(events.kind, events.time, values)), make().push(events)
    same = np.isclose(scaled, whole, rtol=1e-7, atol=1e-12, equal_nan=True)
    assert same.all(), f"prices x{factor}: {(~same).sum()} values differ"


def check_bars(make, events: Events) -> None:
    """Every trade is in one bar, whose span holds it; a bar is told at its end or later, never before."""
    machine, bars = make(), []
    for i in range(len(events)):
        for bar in machine.push(events[i : i + 1]).itertuples():
            assert bar.start.value <= bar.known_at.value <= events.time[i], "a bar is told before its end"
            bars.append(bar)
    trades = np.flatnonzero(events.kind == 1)
    assert sum(bar.ticks for bar in bars) == len(trades), "bars: trades are lost or doubled"
    at = 0
    for bar in bars:
        own = trades[at : at + int(bar.ticks)]
        price, size = events.values[own, 0], events.values[own, 1]
        told = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        assert told == (price[0], price.max(), price.min(), price[-1], size.sum()), "bars: not what was traded"
        assert np.isclose(bar.dollar, price @ size, rtol=1e-12), "bars: not what was traded"
        assert bar.start.value <= events.time[own[0]], "bars: a trade before its start"
        assert events.time[own[-1]] <= bar.known_at.value, "look-ahead: a bar holds a trade after its end"
        at += int(bar.ticks)


CHECKS = (check_split, check_cut, check_shock, check_restore)
FEATURE_CHECKS = (*CHECKS, check_scale)
BAR_CHECKS = (*CHECKS, check_bars)
