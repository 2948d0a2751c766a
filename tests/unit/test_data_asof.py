from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError
from alpha.core.panel import Panel
from alpha.data import Join, asof

NYSE = Calendar()
DAYS = NYSE.sessions("2010-01-04", "2010-01-15")
TIMES = NYSE.closes(DAYS)
PANEL = Panel(TIMES, ("AA", "BB"), {"close": np.ones((len(DAYS), 2))})
NAN = float("nan")


def table(*rows, columns=("known_at", "value")):
    frame = pd.DataFrame(rows, columns=list(columns))
    frame["known_at"] = pd.to_datetime(frame["known_at"], utc=True)
    return frame


def joined(frame, panel=PANEL, **options):
    return asof(panel, frame, field="x", column="value", known_at="known_at", **options)["x"]


def same(got, expected):
    np.testing.assert_array_equal(got, np.array(list(expected), float))


def test_a_value_is_known_from_its_instant_on_and_not_a_moment_before():
    at = TIMES[3]
    same(joined(table((at, 5.0)))[:, 0], [NAN] * 3 + [5.0] * 7)
    same(joined(table((at + pd.Timedelta("1ns"), 5.0)))[:, 0], [NAN] * 4 + [5.0] * 6)


def test_a_value_of_the_market_is_of_every_symbol():
    got = joined(table((TIMES[0], 5.0)))
    same(got[:, 0], got[:, 1])


def test_values_of_symbols_are_their_own_and_strangers_are_passed_over():
    columns = ("known_at", "value", "who")
    frame = table((TIMES[0], 1.0, "AA"), (TIMES[5], 2.0, "AA"), (TIMES[2], 9.0, "ZZ"), columns=columns)
    got = joined(frame, symbol="who")
    same(got[:, 0], [1.0] * 5 + [2.0] * 5)
    same(got[:, 1], [NAN] * 10)


def test_rows_may_stand_in_any_order_and_the_last_of_equals_counts():
    frame = table((TIMES[5], 2.0), (TIMES[0], 1.0), (TIMES[5], 3.0))
    same(joined(frame)[:, 0], [1.0] * 5 + [3.0] * 5)


def test_rows_without_a_value_are_passed_over():
    same(joined(table((TIMES[0], 1.0), (TIMES[5], NAN)))[:, 0], [1.0] * 10)


def test_a_restatement_changes_the_future_alone():
    columns = ("known_at", "value", "quarter")
    first = table((TIMES[1], 1.0, "2009-09-30"), columns=columns)
    again = table((TIMES[1], 1.0, "2009-09-30"), (TIMES[6], 1.5, "2009-09-30"), columns=columns)
    same(joined(again, about="quarter")[:6], joined(first, about="quarter")[:6])
    same(joined(again, about="quarter")[6:, 0], [1.5] * 4)


def test_a_restatement_of_an_older_quarter_does_not_replace_a_newer_one():
    rows = (TIMES[1], 1.0, "2009-09-30"), (TIMES[4], 2.0, "2009-12-31"), (TIMES[6], 1.5, "2009-09-30")
    frame = table(*rows, columns=("known_at", "value", "quarter"))
    same(joined(frame, about="quarter")[:, 0], [NAN] + [1.0] * 3 + [2.0] * 6)
    same(joined(frame)[:, 0], [NAN] + [1.0] * 3 + [2.0] * 2 + [1.5] * 4)


def test_a_value_grows_too_old():
    same(joined(table((TIMES[0], 1.0)), max_age=pd.Timedelta("2D"))[:, 0], [1.0] * 3 + [NAN] * 7)


def test_the_age_is_a_field_in_days():
    panel = asof(PANEL, table((TIMES[0], 1.0)), field="x", column="value", known_at="known_at", age=True)
    assert panel["x_age"][:6, 1].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 7.0]
    assert np.isnan(asof(PANEL, table((TIMES[1], 1.0)), field="x", column="value", known_at="known_at", age=True)
                    ["x_age"][0]).all()  # fmt: skip


def test_nothing_known_is_nothing():
    same(joined(table((TIMES[-1] + pd.Timedelta("1D"), 1.0)))[:, 0], [NAN] * 10)
    same(joined(table((TIMES[0], NAN)))[:, 0], [NAN] * 10)


@pytest.mark.parametrize(("field", "age"), [("close", False), ("x", True)])
def test_a_field_is_not_replaced(field, age):
    panel = PANEL.with_fields(x_age=np.ones((10, 2)))
    with pytest.raises(ConfigError, match="have a field") as caught:
        asof(panel, table((TIMES[0], 1.0)), field=field, column="value", known_at="known_at", age=age)
    assert caught.value.code == "field_taken"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda f: f.assign(known_at=f["known_at"].dt.tz_localize(None)), "naive_time"),
        (lambda f: f.assign(known_at="2010-01-04"), "naive_time"),
        (lambda f: f.assign(known_at=f["known_at"].where(f["value"] > 1)), "null_time"),
        (lambda f: f.assign(value="high"), "wrong_type"),
    ],
)
def test_a_table_that_does_not_say_when_or_what_is_refused(spoil, code):
    with pytest.raises(DataError) as caught:
        joined(spoil(table((TIMES[0], 1.0), (TIMES[1], 2.0))))
    assert caught.value.code == code


# joins, as a configuration spells them


def join(path, **options):
    return Join(**{"field": "x", "path": path, "column": "value", **options})(PANEL)["x"]


@pytest.fixture
def daily(tmp_path):
    path = tmp_path / "daily.csv"
    pd.DataFrame({"date": DAYS, "value": np.arange(10.0), "series": "S"}).to_csv(path, index=False)
    return path


def test_a_value_of_a_date_is_known_from_the_next_bar(daily):
    same(join(daily, date="date", delay="0D")[:, 0], [NAN, *range(9)])


def test_a_delay_counts_from_the_end_of_the_date_where_it_ends(daily):
    same(join(daily, date="date", delay="15h59min")[:, 0], [NAN, *range(9)])
    same(join(daily, date="date", delay="16h1min")[:, 0], [NAN, NAN, 0, 1, 2, 4, 4, 5, 6, 7])
    same(join(daily, date="date", delay="7h", zone="Asia/Tokyo")[:, 0], [NAN, *range(9)])
    same(join(daily, date="date", delay="5h59min", zone="Asia/Tokyo")[:, 0], range(10))


def test_a_date_alone_does_not_say_when_it_was_known(daily):
    for options in ({"date": "date"}, {"delay": "1D"}, {}):
        with pytest.raises(ValidationError, match="does not say when it was known"):
            join(daily, **options)


def test_known_at_and_delay_exclude_each_other(daily):
    with pytest.raises(ValidationError, match="delay belongs to date"):
        join(daily, known_at="date", delay="0D")


@pytest.mark.parametrize("options", [{"delay": "-1D"}, {"delay": "later"}, {"max_age": "old"}])
def test_lengths_of_time_are_checked(daily, options):
    with pytest.raises(ValidationError):
        join(daily, **{"date": "date", "delay": "0D", **options})


def test_instants_of_a_parquet_file(tmp_path):
    path = tmp_path / "news.parquet"
    frame = pd.DataFrame({"at": TIMES[[2, 4]], "value": [1, 2], "who": ["AA", "BB"], "about": DAYS[[0, 0]]})
    frame.to_parquet(path)
    got = join(path, known_at="at", symbol="who", date="about", max_age="2D")
    same(got[:, 0], [NAN] * 2 + [1.0] * 3 + [NAN] * 5)
    same(got[:, 1], [NAN] * 4 + [2.0] + [NAN] * 5)


def test_rows_are_chosen_by_other_columns(tmp_path):
    path = tmp_path / "macro.csv"
    pd.DataFrame({"date": DAYS[[0, 0]], "value": [1.0, 2.0], "series": ["GDP", "CPI"]}).to_csv(path, index=False)
    assert join(path, date="date", delay="0D", where={"series": "GDP"})[1, 0] == 1.0


@pytest.mark.parametrize(
    "options", [{"column": "valeu"}, {"date": "dat"}, {"symbol": "valeu"}, {"where": {"valeu": "1"}}]
)
def test_a_column_that_is_not_there_is_refused_with_the_nearest(daily, options):
    with pytest.raises(DataError, match=r"did you mean '(value|date)'") as caught:
        join(daily, **{"date": "date", "delay": "0D", **options})
    assert caught.value.code == "missing_column"


def test_a_table_that_is_not_there_is_refused_with_the_nearest(daily):
    with pytest.raises(ConfigError, match=r"did you mean 'daily\.csv'") as caught:
        join(daily.with_name("dialy.csv"), date="date", delay="0D")
    assert caught.value.code == "unknown_path"
    with pytest.raises(ConfigError, match="nothing to choose from"):
        join(Path("/nowhere/daily.csv"), date="date", delay="0D")


def test_a_table_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "daily.parquet"
    path.write_text("date,value\n")
    with pytest.raises(DataError) as caught:
        join(path, date="date", delay="0D")
    assert caught.value.code == "unreadable_file"


def test_a_join_is_a_frozen_part_of_a_configuration(daily):
    entry = Join(field="x", path=daily, column="value", date="date", delay="0D")
    assert Join(**entry.model_dump(mode="json")) == entry
    with pytest.raises(ValidationError):
        Join(field="x", path=daily, column="value", date="date", delay="0D", lag=1)


@pytest.mark.parametrize("about", [20200102, 1.5, "13/01/2020", pd.Timestamp("2020-01-02", tz="UTC")])
def test_what_is_no_plain_date_is_refused(tmp_path, about):
    """A number read as nanoseconds would be a moment of 1970: every value would be known from the start."""
    path = tmp_path / "t.parquet"
    pd.DataFrame({"d": [about, about], "v": [1.0, 2.0]}).to_parquet(path)
    panel = Panel(pd.date_range("2020-01-01 21:00", periods=3, tz="UTC"), ("A",), {"close": np.ones((3, 1))})
    with pytest.raises(DataError) as caught:
        Join(field="v", path=path, column="v", date="d", delay="0D")(panel)
    assert caught.value.code == "wrong_type"


def test_a_csv_may_hold_instants_with_a_zone(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("k,v\n2020-01-02T21:00:00+00:00,5\n")
    panel = Panel(pd.date_range("2020-01-01 21:00", periods=3, tz="UTC"), ("A",), {"close": np.ones((3, 1))})
    joined = Join(field="v", path=path, column="v", known_at="k")(panel)
    np.testing.assert_array_equal(joined["v"][:, 0], [np.nan, 5.0, 5.0])
    path.write_text("k,v\nsoon,5\n")
    with pytest.raises(DataError, match="wrong_type"):
        Join(field="v", path=path, column="v", known_at="k")(panel)


def test_a_zone_must_exist():
    with pytest.raises(ValueError, match="no time zone 'America/NewYork'; did you mean 'America/New_York'"):
        Join(field="v", path="x", column="v", date="d", delay="0D", zone="America/NewYork")


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_what_is_endless_is_refused(value):
    with pytest.raises(DataError, match=r"finite numbers; it is -?inf at 2010-01") as caught:
        joined(table((TIMES[0], 1.0), (TIMES[2], value)))
    assert caught.value.code == "infinite_value"


def test_a_table_of_other_symbols_is_refused(tmp_path):
    path = tmp_path / "earnings.csv"
    path.write_text("date,who,value\n2010-01-04,aa,3.0\n")
    join = Join(field="x", path=path, column="value", date="date", delay="0D", symbol="who")
    with pytest.raises(DataError, match=r"names none of the symbols \(AA \.\.\.\)") as caught:
        join(PANEL)
    assert caught.value.code == "foreign_table"


def test_a_series_that_is_not_in_the_table_is_refused(tmp_path):
    path = tmp_path / "macro.csv"
    path.write_text("date,series,value\n2010-01-04,DGS10,3.0\n2010-01-04,DGS2,1.0\n2010-01-04,,1.0\n")
    join = Join(field="x", path=path, column="value", date="date", delay="0D", where={"series": "DGS1O"})
    with pytest.raises(DataError, match="no row where series is 'DGS1O'; did you mean 'DGS10'") as caught:
        join(PANEL)
    assert caught.value.code == "no_rows"


def test_texts_of_a_csv_are_read_as_they_are_written(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("k,who,region,v\n" + "".join(
        f"2010-01-04T14:00:00+00:00,{who},NA,{value}\n" for who, value in (("NA", 1), ("NULL", 2), ("000001", 3))
    ))  # fmt: skip
    panel = Panel(TIMES, ("000001", "NA", "NULL"), {"close": np.ones((len(TIMES), 3))})
    got = Join(field="v", path=path, column="v", known_at="k", symbol="who", where={"region": "NA"})(panel)["v"]
    same(got[-1], [3.0, 1.0, 2.0])


def test_a_symbol_with_a_space_around_it_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("date,who,value\n2010-01-04,AA,3.0\n2010-01-04, BB,3.0\n")
    with pytest.raises(DataError, match=r"t\.csv: .*' BB'") as caught:
        join(path, date="date", delay="0D", symbol="who")
    assert caught.value.code == "padded_symbol"


@pytest.mark.parametrize("hour", ["00:00:00+00:00", "00:00:00-05:00"])
def test_a_column_of_instants_that_holds_dates_is_refused(tmp_path, hour):
    path = tmp_path / "t.csv"
    path.write_text("k,series,value\n" + "".join(f"{day:%Y-%m-%d}T{hour},x,1\n" for day in DAYS))
    with pytest.raises(DataError, match=r"every instant of column 'k' is a midnight") as caught:
        join(path, known_at="k", where={"series": "x"})
    assert caught.value.code == "midnight_stamp"
