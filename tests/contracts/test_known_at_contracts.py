"""What is announced enters by the time it became known; each check fails on a join that breaks this."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from feature_checks import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha.core.calendar import Calendar
from alpha.core.panel import Panel
from alpha.data import aggregate, asof
from alpha.features import Plan, columns

NYSE = Calendar()
DAYS = NYSE.sessions("2010-01-04", "2010-12-31")
SYMBOLS = ("A", "B")
ZONE = "America/New_York"


def make_market() -> Panel:
    """Return prices as traded, with a split."""
    shape = (len(DAYS), len(SYMBOLS))
    close = 50 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.02, shape), axis=0))
    split = np.ones(shape)
    split[120, 0] = 2.0
    return Panel(NYSE.closes(DAYS), SYMBOLS, {"close": close, "raw_close": close, "split": split})


PANEL = make_market()
ROW = st.tuples(
    st.integers(0, 359),  # the day of the announcement
    st.sampled_from(SYMBOLS),
    st.integers(0, 7),  # the quarter
    st.floats(-2, 2).map(lambda x: round(x, 3)),
    st.one_of(st.none(), st.floats(-2, 2).map(lambda x: round(x, 3))),
)
ROWS = st.lists(ROW, min_size=1, max_size=40)


def make_table(rows) -> pd.DataFrame:
    day, symbol, quarter, actual, estimate = zip(*rows, strict=True)
    start = pd.Timestamp("2010-01-04")
    return pd.DataFrame({
        "day": start + pd.to_timedelta(np.array(day), unit="D"), "symbol": symbol,
        "quarter": start + pd.to_timedelta(np.array(quarter) * 91, unit="D"),
        "actual": actual, "estimate": np.array([np.nan if e is None else e for e in estimate], float),
        "scheduled": start + pd.to_timedelta(np.array(day) + 10 * np.array(quarter), unit="D"),
    })  # fmt: skip


def joined(name, table, panel=PANEL, *, folder, **params):
    path = folder / "table.parquet"
    table.to_parquet(path)
    entry = {"name": name, "path": path, "date": "day", "delay": "0D", **params}
    return aggregate.bind(entry)(panel, NYSE)[0]


EARNINGS = {"actual": "actual", "estimate": "estimate", "past": 2}
BUILDS = {
    "earnings": partial(joined, "earnings", **EARNINGS),
    "restated earnings": partial(joined, "earnings", period="quarter", **EARNINGS),
    "schedule": partial(joined, "earnings_schedule", period="quarter"),
    "estimates": partial(joined, "estimates"),
}


def restated(table, folder, panel=PANEL):
    """A database of final values: each quarter's newest version, dated by its first announcement."""
    first = table.groupby(["symbol", "quarter"])["day"].transform("min")
    final = table.assign(day=first).drop_duplicates(["symbol", "quarter"], keep="last")
    return joined("earnings", final, panel, folder=folder, period="quarter", **EARNINGS)


def midnight(table, folder, panel=PANEL):
    """The date of an announcement taken for the instant at which it was known."""
    stamped = table.assign(at=table["day"].dt.tz_localize(ZONE))
    return asof(panel, stamped, field="eps", column="actual", known_at="at", symbol="symbol")


def fields(panel: Panel) -> np.ndarray:
    return np.stack([panel[name] for name in sorted(panel.fields)])


def check_restatement(build, table, row, folder) -> None:
    """Whatever becomes known after the close of a row, the row and those before it stay as they were, to the bit."""
    stand_in = table.iloc[:1].assign(day=pd.Timestamp("2009-12-01"), quarter=pd.Timestamp("2008-01-01"))
    known = table[table["day"] < DAYS[row]]
    now, later = (fields(build(pd.concat([stand_in, part]), folder=folder)) for part in (known, table))
    assert_same_bits(now[:, : row + 1], later[:, : row + 1], f"what is known later changes row {row} or before")


def check_day(build, table, row, folder) -> None:
    """An announcement of a day changes no row that closed on it, or before."""
    moved = table.assign(actual=table["actual"].where(table["day"] < DAYS[row], 9.0))
    kept, changed = (fields(build(each, folder=folder))[:, : row + 1] for each in (table, moved))
    assert_same_bits(kept, changed, "an announcement of the day is known at its close")


def check_end(build, table, row, folder) -> None:
    """A panel that ends earlier has the same rows."""
    whole, part = (fields(build(table, folder=folder, panel=panel)) for panel in (PANEL, PANEL.rows(slice(0, row + 1))))
    assert_same_bits(part, whole[:, : row + 1], f"look-ahead: cut at {row}")


@pytest.mark.parametrize("check", [check_restatement, check_day, check_end], ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", BUILDS)
def test_what_is_announced_enters_by_the_time_it_was_known(name, check, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")

    @settings(max_examples=25, deadline=None)
    @given(ROWS, st.integers(1, len(DAYS) - 2))
    def holds(rows, row):
        check(BUILDS[name], make_table(rows), row, folder)

    holds()


def announced_twice() -> pd.DataFrame:
    rows = [(30 + 91 * q, s, q, 1.0 + 0.1 * q, 1.0) for q in range(3) for s in SYMBOLS]
    return make_table([*rows, (200, "A", 0, 1.7, 1.0), (250, "B", 1, 0.2, 1.0)])


def test_a_restatement_that_rewrites_the_past_is_seen(tmp_path):
    table = announced_twice()
    check_restatement(BUILDS["restated earnings"], table, 60, tmp_path)
    with pytest.raises(AssertionError, match="known later"):
        check_restatement(restated, table, 60, tmp_path)


def test_an_announcement_stamped_at_midnight_is_seen(tmp_path):
    table = announced_twice()
    row = int(DAYS.get_loc("2010-02-03"))  # of the first announcement
    check_day(BUILDS["earnings"], table, row, tmp_path)
    with pytest.raises(AssertionError, match="known at its close"):
        check_day(midnight, table, row, tmp_path)


def test_what_is_filled_back_from_the_end_is_seen(tmp_path):
    def backfilled(table, folder, panel=PANEL):
        kept = BUILDS["earnings"](table, folder=folder, panel=panel)
        return kept.with_fields(**{name: kept.frame(name).bfill().to_numpy() for name in kept.fields})

    table = announced_twice()
    check_end(BUILDS["earnings"], table, 15, tmp_path)
    with pytest.raises(AssertionError, match="look-ahead"):
        check_end(backfilled, table, 15, tmp_path)


def test_features_of_announcements_keep_the_past(tmp_path):
    """From the table to the feature: rows before a restatement have the same bits with it and without."""
    table = announced_twice()
    plan = Plan(columns(["earnings_yield", "price_earnings", "earnings_surprise", "sue", "post_earnings_drift"]))
    with_it, without = (
        plan.batch(BUILDS["restated earnings"](part, folder=tmp_path)).values for part in (table, table.iloc[:-2])
    )
    row = int(DAYS.searchsorted(table["day"].iloc[-2], side="right"))
    assert_same_bits(with_it[:row], without[:row], "restated")
    assert not np.array_equal(with_it[row:], without[row:], equal_nan=True)
