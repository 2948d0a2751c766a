from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError
from alpha.core.panel import Panel
from alpha.data import aggregate, load_panel, source
from alpha.data.fields.earnings import FIELDS, versions

NYSE = Calendar()
DAYS = NYSE.sessions("2010-01-04", "2012-12-31")
TIMES = NYSE.closes(DAYS)
PANEL = Panel(TIMES, ("AA", "BB"), {"close": np.ones((len(DAYS), 2))})
SHARED = Path(__file__).parents[2].parent / "shared/data/earnings_surprises.parquet"
NAN = float("nan")
REAL = {"date": "announce_date", "actual": "reported_eps", "estimate": "eps_estimate", "surprise": "surprise"}


def quarters(actual, estimate=1.0, symbol="AA", start="2010-01-20"):
    """Announcements 91 days apart."""
    days = pd.date_range(start, periods=len(actual), freq="91D").strftime("%Y-%m-%d")
    return pd.DataFrame({"symbol": symbol, "day": days, "actual": actual, "estimate": estimate})


def made(table, tmp_path, name="earnings", panel=PANEL, **params):
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    defaults = {"earnings": {"date": "day", "delay": "0D", "actual": "actual", "estimate": "estimate", "max_age": None},
                "earnings_schedule": {"known_at": "known"}, "estimates": {"known_at": "known"}}[name]  # fmt: skip
    params = {**defaults, **params}
    params = {key: value for key, value in params.items() if value is not None or key == "max_age"}
    result, findings = aggregate.bind({"name": name, "path": path, **params})(panel, NYSE)
    assert findings == []
    return result


def at(panel, field, day, symbol="AA"):
    return panel.frame(field).loc[str(day), symbol].item()


def code_of(table, tmp_path, kind=DataError, **params):
    with pytest.raises(kind) as caught:
        made(table, tmp_path, **params)
    return caught.value.code


# when an announcement is known


def test_an_announcement_of_a_day_is_known_after_that_day(tmp_path):
    panel = made(quarters([1.5]), tmp_path)
    assert np.isnan(at(panel, "eps_surprise", "2010-01-20"))
    assert at(panel, "eps_surprise", "2010-01-21") == 0.5
    assert at(panel, "eps_age", "2010-01-21") == pytest.approx(16 / 24)


def test_a_day_that_is_written_as_a_midnight_is_refused(tmp_path):
    """Taken at its word, it would be known at the close of the day, of which it may have come after."""
    for zone in ("UTC", "America/New_York"):
        stamps = pd.to_datetime(["2010-01-20", "2010-07-21"]).tz_localize(zone)
        table = pd.DataFrame({"symbol": "AA", "at": stamps, "actual": 1.5, "estimate": 1.0})
        assert code_of(table, tmp_path, known_at="at", date=None, delay=None) == "midnight_stamp"
    table["at"] += pd.Timedelta("16h30min")
    panel = made(table, tmp_path, known_at="at", date=None, delay=None)
    assert np.isnan(at(panel, "eps_surprise", "2010-01-20"))
    assert at(panel, "eps_surprise", "2010-01-21") == 0.5


def test_a_delay_moves_it_on(tmp_path):
    panel = made(quarters([1.5]), tmp_path, delay="17h")
    assert np.isnan(at(panel, "eps_surprise", "2010-01-21"))
    assert at(panel, "eps_surprise", "2010-01-22") == 0.5


@pytest.mark.parametrize("params", [{"delay": None}, {"date": None, "delay": None}, {"known_at": "day"}])
def test_a_day_alone_does_not_say_when(tmp_path, params):
    assert code_of(quarters([1.5]), tmp_path, ConfigError, **params) == "no_instant"


# what it says


def test_a_surprise_is_a_fraction_of_the_estimate(tmp_path):
    panel = made(quarters([1.5, -3.0, 1.0], [1.0, -2.0, 0.0]), tmp_path)
    assert at(panel, "eps_surprise", "2010-01-21") == 0.5
    assert at(panel, "eps_surprise", "2010-04-22") == -0.5
    assert np.isnan(at(panel, "eps_surprise", "2010-07-22"))  # of an estimate of nothing there is no fraction
    assert np.isnan(panel["eps_surprise"][:, 1]).all()


def test_the_vendors_own_surprise_is_in_per_cent(tmp_path):
    panel = made(quarters([1.5]).assign(percent=40.0), tmp_path, surprise="percent")
    assert at(panel, "eps_surprise", "2010-01-21") == 0.4
    alone = made(quarters([1.5]).assign(percent=40.0), tmp_path, surprise="percent", actual=None, estimate=None)
    assert at(alone, "eps_surprise", "2010-01-21") == 0.4
    assert np.isnan(alone["eps"]).all()


def test_sue_is_over_the_deviation_of_the_surprises_before(tmp_path):
    actual = 1 + np.array([0.1, 0.3, -0.1, 0.2, 0.4, 0.0, 0.1, -0.2, 0.25, 0.5])
    panel = made(quarters(actual), tmp_path)
    surprise = actual - 1
    days = pd.date_range("2010-01-21", periods=10, freq="91D")
    assert np.isnan(at(panel, "eps_sue", days[7].date()))
    for i in (8, 9):
        expected = surprise[i] / np.std(surprise[i - 8 : i], ddof=1)
        assert at(panel, "eps_sue", days[i].date()) == pytest.approx(expected, rel=1e-12)
    fewer = made(quarters(actual), tmp_path, past=3)
    assert at(fewer, "eps_sue", days[3].date()) == pytest.approx(surprise[3] / np.std(surprise[:3], ddof=1), rel=1e-12)
    assert np.isnan(made(quarters([1.1] * 9), tmp_path)["eps_sue"]).all()  # nothing to compare with


def test_an_announcement_without_an_estimate_leaves_the_surprise_unknown_and_counts_as_earnings(tmp_path):
    table = quarters([1.0, 1.1, 1.2, 1.3], [0.9, 1.0, 1.1, NAN])
    panel = made(table, tmp_path)
    assert at(panel, "eps_surprise", "2010-07-22") == pytest.approx(0.1 / 1.1)
    assert np.isnan(at(panel, "eps_surprise", "2010-10-21"))
    assert at(panel, "eps", "2010-10-21") == pytest.approx(4.6)


def test_what_is_still_to_come_is_no_announcement(tmp_path):
    panel = made(quarters([1.5, NAN]), tmp_path)
    assert at(panel, "eps_surprise", "2010-06-01") == 0.5
    assert at(panel, "eps_age", "2010-04-23") > 90


def test_trailing_earnings_need_four_quarters_in_a_row(tmp_path):
    panel = made(quarters([1.0, 2.0, 3.0, 4.0, 5.0]), tmp_path)
    assert np.isnan(at(panel, "eps", "2010-10-20"))
    assert at(panel, "eps", "2010-10-21") == 10.0
    assert at(panel, "eps", "2011-01-20") == 14.0
    skipped = made(quarters([1.0, 2.0, 3.0, 4.0, 5.0]).drop(index=2), tmp_path)
    assert np.isnan(skipped["eps"]).all()


def test_earnings_before_a_split_are_divided_by_it(tmp_path):
    split = np.ones((len(DAYS), 2))
    split[DAYS.get_loc("2010-09-01"), 0] = 2.0
    split[DAYS.get_loc("2011-06-01"), 0] = 3.0
    split[5, 0] = NAN  # a bar that is missing
    panel = made(quarters([1.0, 2.0, 3.0, 4.0]), tmp_path, panel=PANEL.with_fields(split=split))
    assert at(panel, "eps", "2010-10-21") == (1 + 2 + 3) / 2 + 4
    assert at(panel, "eps", "2011-05-31") == 7.0
    assert at(panel, "eps", "2011-06-01") == pytest.approx(7 / 3, rel=1e-15)
    assert at(panel, "eps_surprise", "2011-06-01") == 3.0


def test_earnings_from_before_the_first_row_are_of_nobody_knows_which_share(tmp_path):
    table = quarters([1.0, 2.0, 3.0, 4.0, 5.0], start="2009-12-01")
    assert at(made(table, tmp_path), "eps", "2010-09-02") == 10.0
    panel = made(table, tmp_path, panel=PANEL.with_fields(split=np.ones((len(DAYS), 2))))
    assert np.isnan(at(panel, "eps", "2010-09-02"))
    assert at(panel, "eps", "2010-12-01") == 14.0


# restatements and age


def test_a_restatement_counts_from_when_it_is_known(tmp_path):
    table = quarters([1.0, 2.0, 3.0, 4.0]).assign(quarter=["2009-12-31", "2010-03-31", "2010-06-30", "2010-09-30"])
    again = pd.DataFrame({"symbol": ["AA"], "day": ["2010-11-15"], "actual": [1.5], "estimate": [1.0],
                          "quarter": ["2009-12-31"]})  # fmt: skip
    before = made(table, tmp_path, period="quarter")
    after = made(pd.concat([again, table]), tmp_path, period="quarter")
    row = DAYS.get_loc("2010-11-16")
    for name in FIELDS:
        np.testing.assert_array_equal(after[name][:row], before[name][:row])
    assert at(before, "eps", "2010-11-16") == 10.0
    assert at(after, "eps", "2010-11-16") == 10.5
    assert at(after, "eps_surprise", "2010-11-16") == 3.0  # of the newest quarter, as before
    assert at(after, "eps_age", "2010-11-16") == at(before, "eps_age", "2010-11-16")


def test_of_two_versions_of_a_day_the_last_in_the_table_counts(tmp_path):
    panel = made(pd.concat([quarters([1.5]), quarters([1.7])]), tmp_path)
    assert at(panel, "eps_surprise", "2010-01-21") == pytest.approx(0.7)


def test_what_is_too_old_is_no_value_and_its_age_goes_on(tmp_path):
    panel = made(quarters([1.5]), tmp_path, max_age="30D")
    known = np.isfinite(panel.frame("eps_surprise")["AA"])
    assert known.loc["2010-01-21":"2010-02-19"].all()
    assert not known.loc["2010-02-22":].any()
    assert at(panel, "eps_age", "2010-02-22") == pytest.approx(32 + 16 / 24)


def test_versions_are_what_the_rows_so_far_say():
    """Two quarters, then a correction of the first."""
    day = 86_400 * 10**9
    known = np.array([1, 92, 100]) * day
    told = list(versions(known, np.array([0, 1, 0]), np.array([1.0, 2.0, 1.5]), np.array([0.1, 0.2, 0.3]), past=2))
    assert [version.announced for version in told] == [day, 92 * day, 92 * day]
    assert [version.surprise for version in told] == [0.1, 0.2, 0.2]


# the schedule


def schedule(*rows):
    return pd.DataFrame(rows, columns=["symbol", "known", "scheduled", "quarter"])


def test_days_until_the_next_announcement_are_known_from_when_it_was_scheduled(tmp_path):
    table = schedule(("AA", "2010-02-01T12:00:00Z", "2010-02-10", "q4"))
    panel = made(table, tmp_path, "earnings_schedule")
    until = panel.frame("earnings_until")["AA"]
    assert until.loc["2010-01-25":"2010-02-12"].tolist() == pytest.approx(
        [NAN] * 5 + [9, 8, 7, 6, 5, 2, 1, 0, NAN, NAN], nan_ok=True
    )
    assert np.isnan(panel["earnings_until"][:, 1]).all()


def test_a_schedule_that_is_moved_counts_from_when_that_is_known(tmp_path):
    rows = [("AA", "2010-02-01T12:00:00Z", "2010-02-10", "q4"), ("AA", "2010-02-04T12:00:00Z", "2010-02-12", "q4")]
    until = made(schedule(*rows), tmp_path, "earnings_schedule").frame("earnings_until")["AA"]
    assert until.loc["2010-02-01":"2010-02-12"].tolist() == [9, 8, 7, 8, 7, 4, 3, 2, 1, 0]


def test_the_first_of_several_scheduled_counts(tmp_path):
    rows = [("AA", "2010-02-01T12:00:00Z", "2010-02-04", "q4"), ("AA", "2010-02-01T12:00:00Z", "2010-02-09", "q1"),
            ("AA", "2010-02-02T12:00:00Z", "2010-02-05", "q4")]  # fmt: skip
    table = schedule(*rows)
    until = made(table, tmp_path, "earnings_schedule", period="quarter").frame("earnings_until")["AA"]
    assert until.loc["2010-02-01":"2010-02-09"].tolist() == [3, 3, 2, 1, 0, 1, 0]
    replaced = made(table, tmp_path, "earnings_schedule").frame("earnings_until")["AA"]
    assert replaced.loc["2010-02-01":"2010-02-08"].tolist() == pytest.approx([8, 3, 2, 1, 0, NAN], nan_ok=True)


def test_a_schedule_must_say_when_it_was_known(tmp_path):
    table = schedule(("AA", "2010-02-01T12:00:00Z", "2010-02-10", "q4"))
    wanted = {"name": "earnings_schedule", "known_at": None}
    assert code_of(table, tmp_path, ConfigError, **wanted) == "no_instant"
    assert code_of(table, tmp_path, ConfigError, date="scheduled", **wanted) == "no_instant"


# estimates


def test_estimates_are_counted_over_ninety_days(tmp_path):
    known = ["2010-01-05T15:00:00Z", "2010-02-01T15:00:00Z", "2010-02-01T15:00:00Z", "2010-06-01T15:00:00Z"]
    count = made(pd.DataFrame({"symbol": "AA", "known": known}), tmp_path, "estimates").frame("revision_count")["AA"]
    assert np.isnan(count.loc["2010-01-04"].item())
    assert count.loc["2010-01-05"].item() == 1
    assert count.loc["2010-02-01"].item() == 3
    assert count.loc["2010-04-05"].item() == 3 - 1  # 90 days and some hours after the first
    assert count.loc["2010-05-10"].item() == 0
    assert count.loc["2010-06-01"].item() == 1
    short = made(pd.DataFrame({"symbol": "AA", "known": known}), tmp_path, "estimates", window="7D")
    assert at(short, "revision_count", "2010-02-09") == 0


# what is refused


@pytest.mark.parametrize(
    ("spoil", "params", "code"),
    [
        (lambda t: t.drop(columns="estimate"), {}, "missing_column"),
        (lambda t: t.assign(symbol="ZZ"), {}, "foreign_table"),
        (lambda t: t.assign(actual="high"), {}, "wrong_type"),
        (lambda t: t.assign(actual=[1.0, float("inf")]), {}, "infinite_value"),
        (lambda t: t.assign(day=[None, "2010-04-21"]), {}, "null_time"),
        (lambda t: t.assign(quarter=["2009-12-31", None]), {"period": "quarter"}, "null_time"),
        (lambda t: t.assign(day=20100120), {}, "wrong_type"),
        (lambda t: t.assign(at="2010-01-20T16:30"), {"known_at": "at", "date": None, "delay": None}, "naive_time"),
    ],
)
def test_a_table_that_does_not_say_what_or_when_is_refused(tmp_path, spoil, params, code):
    assert code_of(spoil(quarters([1.5, 1.2])), tmp_path, **params) == code


def test_earnings_need_something_to_read_and_free_fields(tmp_path):
    assert code_of(quarters([1.5]), tmp_path, ConfigError, actual=None) == "no_columns"
    taken = PANEL.with_fields(eps_sue=np.ones((len(DAYS), 2)))
    assert code_of(quarters([1.5]), tmp_path, ConfigError, panel=taken) == "field_taken"


# real announcements


@pytest.fixture(scope="module")
def announced():
    if not SHARED.is_file():
        pytest.skip("needs ../shared/data/earnings_surprises.parquet")
    table = pd.read_parquet(SHARED)
    return table.assign(announce_date=pd.to_datetime(table["announce_date"]))


@pytest.fixture(scope="module")
def real(announced):
    symbols = tuple(sorted(announced["symbol"].unique()))
    times = NYSE.closes(NYSE.sessions("2005-01-03", "2012-12-31"))
    panel = Panel(times, symbols, {"close": np.ones((len(times), len(symbols)))})
    return aggregate.bind({"name": "earnings", "path": SHARED, "delay": "0D", **REAL})(panel, NYSE)[0]


def test_real_surprises_are_those_of_the_file_the_day_after(announced, real):
    own = announced[announced["symbol"] == "MSFT"].set_index("announce_date").sort_index()
    for day, row in own.loc["2005":"2012-10"].iterrows():
        after = real.until(pd.Timestamp(day, tz="America/New_York") + pd.Timedelta("23h"))
        then = real.since(pd.Timestamp(day, tz="America/New_York") + pd.Timedelta("24h"))
        column = real.symbols.index("MSFT")
        if np.isfinite(row["surprise"]):
            assert then["eps_surprise"][0, column] == row["surprise"] / 100
            assert after["eps_surprise"][-1, column] != row["surprise"] / 100


def test_real_sue_is_that_of_pandas(announced, real):
    own = announced[(announced["symbol"] == "KO") & announced["surprise"].notna()].sort_values("announce_date")
    shifted = own["surprise"].shift().rolling(8).std()
    expected = (own["surprise"] / shifted).set_axis(own["announce_date"])
    got = real.frame("eps_sue")["KO"]
    for day, value in expected.loc["2006":"2012-10"].items():
        found = got[got.index > pd.Timestamp(day, tz="America/New_York") + pd.Timedelta("24h")].iloc[0]
        assert found == pytest.approx(value, rel=1e-9)


def test_real_announcements_are_mostly_known(real):
    assert np.isfinite(real["eps_surprise"]).mean() > 0.8
    assert np.isfinite(real["eps_sue"]).mean() > 0.7
    age = real["eps_age"][np.isfinite(real["eps_surprise"])]
    assert age.min() > 0
    assert age.max() <= 120


def test_a_configuration_loads_them(tmp_path):
    quarters([1.5, 1.2, 1.1, 1.4], symbol="S000", start="2000-02-01").to_csv(tmp_path / "t.csv", index=False)
    entry = {"name": "earnings", "path": tmp_path / "t.csv", "date": "day", "delay": "0D", "actual": "actual",
             "estimate": "estimate"}  # fmt: skip
    market = source.bind({"name": "synthetic", "n_symbols": 3, "late": 0.0})
    panel, _ = load_panel(market, "2000-01-03", "2000-12-29", aggregates=[aggregate.bind(entry)])
    assert at(panel, "eps_surprise", "2000-02-02", "S000") == 0.5
    assert at(panel, "eps", "2000-11-03", "S000") == pytest.approx(5.2)
