"""However events are cut into pieces, and wherever a state is saved, every tick computation says the same."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha.features.ticks import Events, bar_builder, tick_feature

START = pd.Timestamp("2020-01-06 14:30", tz="UTC").value
SMALL = {"vpin": {"bucket": 50, "buckets": 2, "bar": 1}, "tick_bars": {"ticks": 3}, "volume_bars": {"volume": 40},
         "dollar_bars": {"dollars": 400}, "time_bars": {"every": 1}, "imbalance_bars": {"ticks": 3},
         "realised_spread": {"horizon": 1}, "realised_variance": {"every": 0.3}, "bipower_variation": {"every": 0.3},
         "jump_share": {"every": 0.3}}  # fmt: skip

gap = st.sampled_from([0, 0, 1, 10**6, 3 * 10**8, 10**9, 70 * 10**9])
price = st.integers(995, 1005).map(lambda cents: cents / 100)
size = st.integers(1, 90).map(float)
quote = st.tuples(st.just(0), gap, price, size, st.integers(0, 3), size)
trade = st.tuples(st.just(1), gap, price, size, st.sampled_from([-1.0, 1.0, np.nan]), st.none())
mark = st.tuples(st.sampled_from([2, 3]), gap, st.none(), st.none(), st.none(), st.none())
sequences = st.lists(st.one_of(quote, quote, trade, trade, trade, mark), min_size=1, max_size=60)


def made(rows) -> Events:
    values = np.full((len(rows), 4), np.nan)
    for i, (kind, _, a, b, c, d) in enumerate(rows):
        if kind == 0:
            values[i] = a, b, a + c / 100, d
        elif kind == 1:
            values[i, :3] = a, b, c
    return Events(np.array([row[0] for row in rows], np.int8), START + np.cumsum([row[1] for row in rows]), values)


def exact(told):
    """Return values whose instants keep their nanoseconds."""
    if not isinstance(told, pd.DataFrame):
        return told
    return told.astype(dict.fromkeys(("start", "known_at"), "int64")).to_numpy(object)


@pytest.mark.parametrize("name", [*tick_feature, *bar_builder])
def test_cut_anywhere_and_saved_anywhere(name):
    registry = tick_feature if name in tick_feature else bar_builder
    make = registry.bind({"name": name, **SMALL.get(name, {})})

    @settings(max_examples=60, deadline=None)
    @given(sequences, st.lists(st.integers(0, 60), max_size=8))
    def holds(rows, cuts):
        events, machine = made(rows), make()
        parts, edges = [], [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
        for a, b in pairwise(edges):
            parts.append(exact(machine.push(events[a:b])))
            state, machine = machine.state(), make()
            machine.restore(state)
        np.testing.assert_array_equal(np.concatenate(parts), exact(make().push(events)))

    holds()


@settings(max_examples=60, deadline=None)
@given(sequences)
def test_measures_stay_within_their_bounds(rows):
    events = made(rows)
    for name, low, high in (("signed_volume", -1, 1), ("vpin", 0, 1), ("jump_share", 0, 1), ("quoted_spread", 0, 1),
                            ("effective_spread", 0, 1), ("realised_variance", 0, 1)):  # fmt: skip
        values = tick_feature.bind({"name": name, **SMALL.get(name, {})})().push(events)
        known = values[~np.isnan(values)]
        assert ((known >= low) & (known <= high)).all(), name
