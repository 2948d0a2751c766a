"""Rates of conversion: at each bar the last one known, never a later one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.calendar import Calendar
from alpha.core.errors import DataError
from alpha.core.instrument import Instrument
from alpha.core.panel import Panel
from alpha.data.conversion import Conversion, converted

SESSIONS = Calendar().sessions("2020-03-02", "2020-03-31")
END = pd.Timestamp("2020-03-31")
DAYS = Calendar("24/5").sessions("2020-02-24", "2020-03-31")
QUOTES = np.round(1.1 + 0.01 * np.arange(len(DAYS)), 2)


@pytest.fixture
def panel():
    close = np.full((len(SESSIONS), 1), 50.0)
    return Panel(Calendar().closes(SESSIONS), ("A",), {"close": close}, instrument=Instrument(currency="EUR"))


def series(folder, days=DAYS, quotes=QUOTES, **more):
    pd.DataFrame({"date": days, "symbol": "EURUSD", "close": quotes}).to_csv(folder / "fx.csv", index=False)
    return Conversion(source={"name": "csv", "path": str(folder / "fx.csv")}, symbol="EURUSD", **more)


def test_the_rate_is_the_last_close_known(panel, tmp_path):
    """A date ends at midnight UTC, after the close in New York: the rate there is that of the day before."""
    found, _ = converted(panel, series(tmp_path), END)
    before = [QUOTES[DAYS.get_loc(day) - 1] for day in SESSIONS]
    assert found.rates.tolist() == before
    on_the_day, _ = converted(panel, series(tmp_path, calendar="XNYS"), END)
    assert on_the_day.rates.tolist() == [QUOTES[DAYS.get_loc(day)] for day in SESSIONS]


@pytest.mark.parametrize("cut", [6, 15, 26])
def test_a_rate_that_becomes_known_later_changes_nothing_before(cut, panel, tmp_path):
    before, _ = converted(panel, series(tmp_path), END)
    shocked = np.where(np.arange(len(DAYS)) >= cut, QUOTES * 1.2, QUOTES)
    after, _ = converted(panel, series(tmp_path, quotes=shocked), END)
    known = Calendar("24/5").closes(DAYS)[cut]
    same = panel.times < known
    np.testing.assert_array_equal(before.rates[same], after.rates[same])
    np.testing.assert_allclose(after.rates[~same], before.rates[~same] * 1.2)
    shorter, _ = converted(panel, series(tmp_path, DAYS[:cut], QUOTES[:cut]), END)
    np.testing.assert_array_equal(before.rates[same], shorter.rates[same])


def test_a_day_without_a_rate_has_the_one_before(panel, tmp_path):
    kept = np.arange(len(DAYS)) % 4 != 3
    found, _ = converted(panel, series(tmp_path, DAYS[kept], QUOTES[kept]), END)
    known = Calendar("24/5").closes(DAYS[kept])
    expected = [QUOTES[kept][known <= time][-1] for time in panel.times]
    assert found.rates.tolist() == expected


def test_a_number_is_the_rate_of_every_bar(panel):
    found, findings = converted(panel, 1.25, END)
    assert (found.rates == 1.25).all()
    assert findings == ()
    assert found.bar(3).rate == 1.25


def test_a_series_of_the_account_in_the_instrument_is_inverted(panel, tmp_path):
    plain, _ = converted(panel, series(tmp_path), END)
    inverted, _ = converted(panel, series(tmp_path, inverted=True), END)
    np.testing.assert_allclose(inverted.rates * plain.rates, 1.0, rtol=1e-15)


def test_the_first_bar_needs_a_rate(panel, tmp_path):
    first = DAYS.get_loc(SESSIONS[0])
    late = series(tmp_path, DAYS[first:], QUOTES[first:])
    with pytest.raises(DataError, match="first is known 2020-03-03") as caught:
        converted(panel, late, END)
    assert caught.value.code == "no_rate"


def test_the_source_must_have_the_series(panel, tmp_path):
    wrong = series(tmp_path).model_copy(update={"symbol": "EURUSB"})
    with pytest.raises(DataError, match="did you mean 'EURUSD'") as caught:
        converted(panel, wrong, END)
    assert caught.value.code == "unknown_symbol"
