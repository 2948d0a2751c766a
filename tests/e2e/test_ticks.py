"""Real ticks, to fields of sessions, to a panel, to a feature."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alpha.core.calendar import Calendar
from alpha.core.panel import Panel
from alpha.data import Join
from alpha.data.ticks import read_quotes, read_trades
from alpha.features import Plan
from alpha.features.expr import field
from alpha.features.operators import lag
from alpha.features.ticks import Events, at_closes, bar_builder, tick_feature

SHARED = Path(__file__).parents[2].parent / "shared/data"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
NYSE = Calendar()
DAYS = NYSE.sessions("2013-10-07", "2013-10-11")
COLUMNS = {
    "effective": "effective_spread",
    "quoted": "quoted_spread",
    "flow": "order_flow_imbalance",
    "variance": "realised_variance",
    "bipower": "bipower_variation",
    "signed": "signed_volume",
    "vpin": {"name": "vpin", "bucket": 80_000},
}


@pytest.fixture(scope="module")
def ticks():
    columns = {"time": "ts", "suspicious": "suspicious"}
    zone = "America/New_York"
    trades, odd = read_trades(SHARED / "us_equity_tick_trades_ibm_201310.parquet", "IBM", NYSE, zone=zone,
                              columns={**columns, "condition": "cond"})  # fmt: skip
    quotes, more = read_quotes(SHARED / "us_equity_tick_quotes_ibm_201310.parquet", "IBM", NYSE, zone=zone,
                               columns=columns, one_sided=True)  # fmt: skip
    return trades, quotes, odd, more


@pytest.fixture(scope="module")
def events(ticks):
    trades, quotes, _, _ = ticks
    return Events.of(trades, quotes, opens=NYSE.opens(DAYS), closes=NYSE.closes(DAYS))


def machines():
    return {name: tick_feature.bind(entry)() for name, entry in COLUMNS.items()}


@pytest.fixture(scope="module")
def table(events):
    return at_closes(events, machines(), symbol="IBM")


def test_nothing_is_left_out_in_silence(ticks):
    trades, quotes, odd, more = ticks
    assert len(trades) + sum(finding.value for finding in odd) == 126_395
    assert len(quotes) + sum(finding.value for finding in more) == 575_589
    assert [finding.code for finding in odd] == ["off_session", "odd_condition"]
    assert [finding.code for finding in more] == ["suspicious_tick", "off_session", "one_sided_quote", "crossed_quote"]


def test_sessions_are_what_a_large_share_is_like(table):
    assert table["known_at"].tolist() == NYSE.closes(DAYS).tolist()
    assert table["quoted"].between(1e-4, 5e-4).all()
    assert table["effective"].between(0.5e-4, 5e-4).all()
    volatility = np.sqrt(252 * table["variance"])
    assert volatility.between(0.05, 0.3).all()
    assert (table["bipower"] / table["variance"]).between(0.5, 1.3).all()
    assert table["signed"].abs().max() < 0.2
    assert table["vpin"].iloc[1:].between(0.1, 0.4).all()


def test_a_stream_of_real_events_says_the_same(events, table):
    edges = [0, *np.sort(np.random.default_rng(0).integers(0, len(events), 400)), len(events)]
    running = machines()
    parts = [at_closes(events[a:b], running, symbol="IBM") for a, b in pairwise(edges)]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), table, check_exact=True)


def test_bars_hold_all_that_was_traded(ticks, events):
    for name in bar_builder:
        bars = bar_builder[name]().push(events)
        assert bars["volume"].sum() == ticks[0]["size"].sum(), name
        assert bars["ticks"].sum() == len(ticks[0]), name


def test_ticks_reach_a_feature(table, tmp_path):
    """Known at the close of its own session, not before, and not the day after it is too old."""
    table.to_parquet(path := tmp_path / "ticks.parquet")
    days = NYSE.sessions("2013-10-04", "2013-10-15")
    panel = Panel(NYSE.closes(days), ("IBM", "AAPL"), {"close": np.full((len(days), 2), 180.0)})
    join = Join(field="effective", path=path, column="effective", known_at="known_at", symbol="symbol", max_age="1h")
    joined = join(panel)
    expected = np.array([np.nan, *table["effective"], np.nan, np.nan])
    np.testing.assert_array_equal(joined["effective"][:, 0], expected)
    assert np.isnan(joined["effective"][:, 1]).all()
    plan = Plan({"widening": field("effective") / lag(field("effective"), 1) - 1})
    values = plan.batch(joined).values[:, 0, 0]
    np.testing.assert_allclose(values[2:6], table["effective"].pct_change().to_numpy()[1:])
    assert np.isnan(values[[0, 1, 6, 7]]).all()
