"""The Python source of the kernels that read ticks, run as Python, gives the compiled result in every bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numba.core.registry import CPUDispatcher

from alpha.features.ticks import Events, bar_builder, bars, book, flow, spreads, tick_feature, toxicity, variance

KERNELS = (bars, book, flow, spreads, toxicity, variance)
ENTRIES = [
    *({"name": name} for name in tick_feature if name != "vpin"), *({"name": name} for name in bar_builder),
    {"name": "vpin", "bucket": 200, "buckets": 3, "bar": 20},
    {"name": "vpin", "bucket": 200, "buckets": 3, "rule": "tick"},
    {"name": "trade_sign", "rule": "tick"}, {"name": "trade_sign", "rule": "told"}, {"name": "jump_share", "every": 5},
    {"name": "bipower_variation", "every": 20, "price": "mid"}, {"name": "realised_spread", "horizon": 5},
    {"name": "imbalance_bars", "ticks": 3, "of": "dollar"}, {"name": "imbalance_bars", "ticks": 3, "of": "volume"},
    {"name": "time_bars", "every": 15}, {"name": "tick_bars", "ticks": 4},
]  # fmt: skip


@pytest.fixture(scope="module")
def events():
    rng, n = np.random.default_rng(7), 240
    start = pd.Timestamp("2020-01-06 14:30", tz="UTC")
    time = start + pd.to_timedelta(np.sort(rng.integers(1, 2600, n)), unit="s")
    price = np.round(20 + np.cumsum(rng.choice([-0.01, 0, 0.01], n)), 2)
    size = rng.integers(1, 90, (2, n)) * 1.0
    quotes = pd.DataFrame({"time": time, "bid": price - 0.01, "bid_size": size[0],
                           "ask": price + 0.01, "ask_size": size[1]})  # fmt: skip
    trades = pd.DataFrame({"time": time, "price": price + rng.choice([-0.01, 0, 0.01], n), "size": size[0],
                           "side": rng.choice([-1.0, 1.0, np.nan], n)})  # fmt: skip
    trades.loc[n - 1, "size"] = 5000.0  # it fills many buckets
    marks = [start + pd.Timedelta(seconds, unit="s") for seconds in (0, 1290, 1300, 2600)]
    return Events.of(trades, quotes.iloc[::2], opens=marks[::2], closes=marks[1::2])


def told(events):
    found = []
    for entry in ENTRIES:
        registry = tick_feature if entry["name"] in tick_feature else bar_builder
        found.append(registry.bind(entry)().push(events))
    return found


def test_compiled_equals_python(events, monkeypatch):
    compiled = told(events)
    dispatchers = [(at, k, v) for at in KERNELS for k, v in vars(at).items() if isinstance(v, CPUDispatcher)]
    assert len(dispatchers) > 40
    for at, name, function in dispatchers:
        monkeypatch.setattr(at, name, function.py_func)
    for entry, a, b in zip(ENTRIES, compiled, told(events), strict=True):
        if isinstance(a, pd.DataFrame):
            pd.testing.assert_frame_equal(a, b, check_exact=True)
            assert len(a) > 1, entry
        else:
            np.testing.assert_array_equal(a, b, err_msg=str(entry))
            assert np.isfinite(a).any(), entry
