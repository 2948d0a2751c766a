"""As-of joins against a plain loop, and the past under whatever becomes known later."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha.core.calendar import Calendar
from alpha.core.panel import Panel
from alpha.data import asof

NYSE = Calendar()
quick = settings(max_examples=30, deadline=None)
TIMES = NYSE.closes(NYSE.sessions("2010-01-04", "2010-01-22"))
SYMBOLS = ("A", "B")
PANEL = Panel(TIMES, SYMBOLS, {"close": np.ones((len(TIMES), 2))})
FIRST = TIMES[0].value

HOUR = 3_600 * 10**9
row = st.tuples(
    st.integers(-48, 24 * 20),  # hours from the first close until it became known
    st.one_of(st.none(), st.floats(-10, 10)),
    st.sampled_from(["A", "B", "C"]),
    st.integers(0, 4),  # the quarter it is about
)
rows = st.lists(row, max_size=25)


def frame(rows):
    known, value, symbol, quarter = zip(*rows, strict=True) if rows else ((), (), (), ())
    return pd.DataFrame({
        "known": pd.DatetimeIndex(np.array([FIRST + h * HOUR for h in known], "datetime64[ns]"), tz="UTC"),
        "value": np.array([np.nan if v is None else v for v in value], float),
        "symbol": np.array(symbol, object).astype(str),
        "quarter": pd.Timestamp("2009-01-01") + pd.to_timedelta(np.array(quarter, "int64") * 90, unit="D"),
    })  # fmt: skip


def loop(rows, symbol, quarters, hours):
    """What the definition says, a row and a value at a time."""
    result = []
    for time in TIMES:
        best = None
        for number, (known, value, who, quarter) in enumerate(rows):
            instant = FIRST + known * HOUR
            if value is None or (symbol and who != symbol) or instant > time.value:
                continue
            key = (quarter if quarters else 0, instant, number)
            if best is None or key > best[0]:
                best = key, value
        fresh = best and (hours is None or time.value - best[0][1] <= hours * HOUR)
        result.append(best[1] if fresh else np.nan)
    return result


@quick
@given(rows, st.booleans(), st.one_of(st.none(), st.integers(0, 200)))
def test_of_symbols_as_the_definition_says(rows, quarters, hours):
    age = None if hours is None else pd.Timedelta(hours=hours)
    got = asof(PANEL, frame(rows), field="x", column="value", known_at="known", symbol="symbol", max_age=age,
               about="quarter" if quarters else None)  # fmt: skip
    for i, symbol in enumerate(SYMBOLS):
        np.testing.assert_array_equal(got["x"][:, i], loop(rows, symbol, quarters, hours))


@quick
@given(rows)
def test_of_the_market_as_the_definition_says(rows):
    got = asof(PANEL, frame(rows), field="x", column="value", known_at="known")["x"]
    for i in range(2):
        np.testing.assert_array_equal(got[:, i], loop(rows, None, False, None))


@quick
@given(rows, rows, st.integers(0, len(TIMES) - 1), st.booleans())
def test_what_becomes_known_later_never_changes_the_past(known, later, now, quarters):
    """Restatements included: whatever is appended with a later `known`, rows up to `now` stay, bit for bit."""
    after = (TIMES[now].value - FIRST) // HOUR + 1
    news = [(after + abs(h), value, symbol, quarter) for h, value, symbol, quarter in later]
    options = {"field": "x", "column": "value", "known_at": "known", "symbol": "symbol", "age": True}
    about = "quarter" if quarters else None
    before = asof(PANEL, frame(known), about=about, **options)
    then = asof(PANEL, frame(known + news), about=about, **options)
    assert before.rows(slice(0, now + 1)).id == then.rows(slice(0, now + 1)).id


@quick
@given(rows, st.integers(1, len(TIMES)))
def test_a_shorter_panel_is_a_prefix(rows, count):
    options = {"field": "x", "column": "value", "known_at": "known", "symbol": "symbol"}
    whole, part = asof(PANEL, frame(rows), **options), asof(PANEL.rows(slice(0, count)), frame(rows), **options)
    assert part.id == whole.rows(slice(0, count)).id
