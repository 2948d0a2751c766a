import datetime as dt

import numpy as np
import pandas as pd
import pytest

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError
from alpha.data import inspect_bars, load_panel, source
from alpha.data.sanity.accept import accept
from alpha.data.tables import read_table

START, END = pd.Timestamp("2010-01-01"), pd.Timestamp("2010-12-31")
DAYS = Calendar().sessions("2010-01-04", "2010-01-15")


def table(symbols=("AA", "BB")):
    parts = [
        pd.DataFrame({"date": DAYS, "ticker": symbol, "Open": 10.0 + i, "High": 12.0 + i, "Low": 9.0, "Close": 11.0})
        for i, symbol in enumerate(symbols)
    ]
    return pd.concat(parts, ignore_index=True)


def write(frame, path):
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    return path


def read(path, start=START, end=END, **params):
    kind = "parquet" if path.suffix == ".parquet" or any(path.glob("*.parquet")) else "csv"
    return source.bind({"name": kind, "path": path, **params})(start, end)


@pytest.mark.parametrize("name", ["bars.parquet", "bars.csv", "bars.csv.gz"])
def test_common_names_are_understood(tmp_path, name):
    frame = read(write(table(), tmp_path / name))
    assert list(frame.columns) == ["time", "symbol", "open", "high", "low", "close"]
    assert frame.attrs["prices"] == "raw"
    assert frame["time"].dtype.kind == "M"
    assert set(frame["symbol"]) == {"AA", "BB"}
    assert inspect_bars(frame, Calendar())[0].code == "stale_run"  # which is all that is wrong


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_start_and_end_are_included(tmp_path, suffix):
    frame = read(write(table(), tmp_path / f"bars.{suffix}"), DAYS[2], DAYS[4])
    assert sorted(set(frame["time"])) == list(DAYS[2:5])


def test_dates_of_a_parquet_file_are_dates(tmp_path):
    frame = table()
    frame["date"] = frame["date"].dt.date
    assert read(write(frame, tmp_path / "bars.parquet"))["time"].iloc[0] == DAYS[0]


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_mapping_names_columns_and_adds_fields(tmp_path, suffix):
    frame = table().rename(columns={"Close": "Last"}).assign(si=0.25, junk="x")
    path = write(frame, tmp_path / f"bars.{suffix}")
    read_back = read(path, columns={"close": "Last", "short_interest": "si"})
    assert set(read_back) == {"time", "symbol", "open", "high", "low", "close", "short_interest"}


def test_a_mapping_comes_before_the_common_names(tmp_path):
    path = write(table().assign(**{"Adj Close": 5.0}), tmp_path / "bars.csv")
    assert set(read(path, columns={"close": "Adj Close"}, prices="adjusted")["close"]) == {5.0}


def test_adj_close_is_read_only_where_it_is_needed(tmp_path):
    frame = table().assign(**{"Adj Close": 5.0})
    assert "adj_close" in read(write(frame, tmp_path / "bars.csv"))
    assert "adj_close" not in read(tmp_path / "bars.csv", prices="adjusted")
    assert "adj_close" not in read(write(frame.assign(Dividends=0.0), tmp_path / "more.csv"))


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_mapped_column_that_is_not_there(tmp_path, suffix):
    path = write(table(), tmp_path / f"bars.{suffix}")
    with pytest.raises(DataError, match="has no column 'close' for 'close'; did you mean 'Close'") as caught:
        read(path, columns={"close": "close"})
    assert caught.value.code == "missing_column"


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_folder_is_read_in_the_order_of_its_names(tmp_path, suffix):
    write(table(("BB",)), tmp_path / f"2.{suffix}")
    write(table(("AA",)), tmp_path / f"1.{suffix}")
    (tmp_path / "notes.txt").write_text("nothing")
    frame = read(tmp_path)
    assert frame["symbol"].astype(str).drop_duplicates().tolist() == ["AA", "BB"]


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_files_without_a_symbol_column_are_named_after_it(tmp_path, suffix):
    for symbol in ("BRK.B", "AA"):
        write(table(("?",)).drop(columns="ticker"), tmp_path / f"{symbol}.{suffix}")
    assert set(read(tmp_path)["symbol"]) == {"BRK.B", "AA"}


def test_one_file_without_a_symbol_column_says_nothing(tmp_path):
    frame = read(write(table(("?",)).drop(columns="ticker"), tmp_path / "AA.csv"))
    assert [f.code for f in inspect_bars(frame, Calendar())] == ["missing_column"]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_path_that_is_not_there_is_refused_with_the_nearest(tmp_path, kind):
    write(table(), tmp_path / "bars.csv")
    with pytest.raises(ConfigError, match=r"did you mean 'bars\.csv'") as caught:
        source.bind({"name": kind, "path": tmp_path / "barz.csv"})(START, END)
    assert caught.value.code == "unknown_path"
    with pytest.raises(ConfigError, match="nothing to choose from"):
        source.bind({"name": kind, "path": tmp_path / "no" / "bars.csv"})(START, END)


def test_a_folder_without_such_files_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"has no files named \*\.parquet"):
        source.bind({"name": "parquet", "path": tmp_path})(START, END)


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "bars"
    path.write_bytes(b"\x00\xffnot a table\n1,2\n3,4,5\n")
    for kind in ("parquet", "csv"):
        with pytest.raises(DataError) as caught:
            source.bind({"name": kind, "path": path})(START, END)
        assert caught.value.code == "unreadable_file"
    path.write_bytes(b"")
    with pytest.raises(DataError):
        source.bind({"name": "csv", "path": path})(START, END)


def test_tickers_that_look_like_something_else_stay_tickers(tmp_path):
    frame = read(write(table(("NA", "TRUE", "007", "nan")), tmp_path / "bars.csv"))
    assert set(frame["symbol"]) == {"NA", "TRUE", "007", "nan"}


def test_empty_cells_of_numbers_are_missing_and_texts_are_findings(tmp_path):
    frame = table().astype(object)
    frame.loc[0, "Open"] = ""
    assert read(write(frame, tmp_path / "bars.csv"))["open"].isna().sum() == 1
    frame.loc[0, "Open"] = "n.a."
    findings = inspect_bars(read(write(frame, tmp_path / "bars.csv")), Calendar())
    assert [(f.code, f.symbol, f.time, f.value) for f in findings] == [("wrong_type", "AA", DAYS[0], "n.a.")]


def intraday(zone="", days=("2010-01-04", "2010-01-05")):
    times = [f"{day} {hour}:00:00{zone}" for day in days for hour in ("10", "11")]
    return pd.DataFrame({"ts": times, "symbol": "AA", "close": [1.0, 1.1, 1.2, 1.3]})


def test_naive_intraday_times_are_a_finding_without_a_zone_and_instants_with_one(tmp_path):
    path = write(intraday(), tmp_path / "bars.csv")
    assert [f.code for f in inspect_bars(read(path), Calendar())] == ["naive_time"]
    frame = read(path, zone="America/New_York", delay="60min")
    assert str(frame["time"].dt.tz) == "UTC"
    assert frame["time"].iloc[0] == pd.Timestamp("2010-01-04 16:00", tz="UTC")
    panel, _ = load_panel(source.bind({"name": "csv", "path": path, "zone": "America/New_York"}), START, END)
    assert len(panel) == 4


def test_naive_intraday_times_of_a_parquet_file(tmp_path):
    frame = intraday()
    frame["ts"] = pd.to_datetime(frame["ts"])
    path = write(frame, tmp_path / "bars.parquet")
    assert read(path, zone="America/New_York")["time"].iloc[0] == pd.Timestamp("2010-01-04 15:00", tz="UTC")
    assert [f.code for f in inspect_bars(read(path), Calendar())] == ["naive_time"]


def test_offsets_that_change_with_summer_time_are_instants(tmp_path):
    frame = pd.concat([intraday("-05:00"), intraday("-04:00", ("2010-06-01", "2010-06-02"))])
    times = read(write(frame, tmp_path / "bars.csv"))["time"]
    assert [times.iloc[0], times.iloc[-1]] == [
        pd.Timestamp("2010-01-04 15:00", tz="UTC"),
        pd.Timestamp("2010-06-02 15:00", tz="UTC"),
    ]


def test_some_times_with_an_offset_and_some_without_are_a_finding(tmp_path):
    path = write(pd.concat([intraday("+00:00"), intraday(days=("2010-06-01", "2010-06-02"))]), tmp_path / "bars.csv")
    assert [f.code for f in inspect_bars(read(path), Calendar())] == ["mixed_time_zones"]


def test_what_is_no_time_is_a_finding(tmp_path):
    frame = intraday()
    frame.loc[1, "ts"] = "yesterday"
    findings = inspect_bars(read(write(frame, tmp_path / "bars.csv")), Calendar())
    assert [f.code for f in findings] == ["wrong_type"]


def test_no_time_column_is_a_finding(tmp_path):
    findings = inspect_bars(read(write(intraday().drop(columns="ts"), tmp_path / "bars.csv")), Calendar())
    assert [f.code for f in findings] == ["missing_column"]


def test_an_unknown_zone_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="Mars/Olympus") as caught:
        read(write(intraday(), tmp_path / "bars.csv"), zone="Mars/Olympus")
    assert caught.value.code == "bad_zone"


@pytest.mark.parametrize(("delay", "why"), [("soon", "not a length of time"), ("-1h", "must not be negative")])
def test_a_delay_must_be_a_length_of_time(tmp_path, delay, why):
    with pytest.raises(ConfigError, match=why):
        source.bind({"name": "csv", "path": tmp_path, "delay": delay})


def test_declared_actions_are_written_into_their_rows(tmp_path):
    actions = [
        {"symbol": "BB", "date": "2010-01-07", "split": 2.0},
        {"symbol": "AA", "date": dt.date(2010, 1, 8), "dividend": 0.5},
        {"symbol": "AA", "date": "2011-01-07", "split": 3.0},
    ]
    frame = read(write(table(), tmp_path / "bars.csv"), actions=actions)
    assert frame.loc[frame["split"] != 1, ["symbol", "time", "split"]].to_numpy().tolist() == [["BB", DAYS[3], 2.0]]
    assert frame.loc[frame["dividend"] != 0, ["symbol", "time", "dividend"]].to_numpy().tolist() == [
        ["AA", DAYS[4], 0.5]
    ]


def test_an_action_corrects_what_the_file_has(tmp_path):
    path = write(table().assign(split=np.where(np.arange(20) == 3, 2.0, 1.0)), tmp_path / "bars.csv")
    frame = read(path, actions=[{"symbol": "AA", "date": "2010-01-07", "split": 1.0}])
    assert set(frame["split"]) == {1.0}


def test_an_action_without_a_bar_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="CC on 2010-01-07; the file has 0 bars") as caught:
        read(write(table(), tmp_path / "bars.csv"), actions=[{"symbol": "CC", "date": "2010-01-07", "split": 2}])
    assert caught.value.code == "unknown_action"


def test_an_action_must_say_something(tmp_path):
    with pytest.raises(ConfigError, match="needs a split or a dividend"):
        source.bind({"name": "csv", "path": tmp_path, "actions": [{"symbol": "AA", "date": "2010-01-07"}]})


def test_a_blank_ticker_is_missing(tmp_path):
    frame = table().replace({"ticker": {"BB": ""}})
    findings = inspect_bars(read(write(frame, tmp_path / "bars.csv")), Calendar())
    assert [(f.code, f.symbol) for f in findings] == [("null_symbol", "nan")]


@pytest.mark.parametrize("column", ["split", "dividend"])
def test_an_action_may_be_a_fraction_where_the_file_has_whole_numbers(tmp_path, column):
    path = write(table().assign(**{column: 1}), tmp_path / "bars.csv")
    frame = read(path, actions=[{"symbol": "AA", "date": "2010-01-07", column: 2.5}])
    assert sorted(frame[column])[-2:] == [1.0, 2.5]


def _damaged(content, at, width=40):
    return content[:at] + bytes(255 - byte for byte in content[at : at + width]) + content[at + width :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[: len(b) // 2],
        lambda b: _damaged(b, len(b) // 2),
        lambda b: b"date,ticker\n",
        lambda b: b[:-6],
    ],
    ids=["truncated", "corrupt", "no gzip", "without its end"],
)
def test_a_damaged_compressed_file_is_refused(tmp_path, damage):
    path = write(table(), tmp_path / "bars.csv.gz")
    path.write_bytes(damage(path.read_bytes()))
    for use in (read_table, read):
        with pytest.raises(DataError, match=r"bars\.csv\.gz") as caught:
            use(path)
        assert caught.value.code == "unreadable_file"


def test_a_parquet_file_damaged_in_its_body_is_refused(tmp_path):
    path = write(table(), tmp_path / "bars.parquet")
    path.write_bytes(_damaged(path.read_bytes(), 4, 300))
    for use in (read_table, read):
        with pytest.raises(DataError) as caught:
            use(path)
        assert caught.value.code == "unreadable_file"


def refusal(path, start=START, end=END, **params):
    with pytest.raises(DataError) as caught:
        load_panel(source.bind({"name": "csv", "path": path, **params}), start, end)
    return str(caught.value)


def bad(symbols=("AA", "BB"), row=3):
    frame = table(symbols)
    frame["Close"] = frame["Open"] + 0.01 * np.arange(len(frame)) % 0.5
    frame.loc[row, "Low"] = -1.0
    return frame


class TestWhereItStands:
    """An error names the line of the file, which is what an editor shows, and of a folder the file."""

    def test_the_line_of_a_csv_file(self, tmp_path):
        path = write(bad(), tmp_path / "bars.csv")
        said = refusal(path)
        assert f"low must be a positive number (line 5 of {path})" in said
        assert path.read_text().splitlines()[4].split(",")[4] == "-1.0"

    def test_rows_before_the_start_count_too(self, tmp_path):
        path = write(bad(row=13), tmp_path / "bars.csv")
        assert f"(line 15 of {path})" in refusal(path, start=DAYS[2])

    def test_a_packed_file_has_lines_too(self, tmp_path):
        path = write(bad(), tmp_path / "bars.csv.gz")
        assert f"(line 5 of {path})" in refusal(path)

    def test_a_symbol_that_is_left_out_does_not_move_the_lines(self, tmp_path):
        path = write(bad(row=13), tmp_path / "bars.csv")
        with pytest.raises(DataError, match="line 15 of"):
            load_panel(source.bind({"name": "csv", "path": path}), START, END, exclude=("AA",))

    def test_the_file_and_the_line_in_a_folder(self, tmp_path):
        write(bad(("AA",), row=2), tmp_path / "1.csv")
        path = write(bad(("BB",), row=4), tmp_path / "2.csv")
        said = refusal(tmp_path)
        assert f"(line 4 of {tmp_path / '1.csv'})" in said
        assert f"(line 6 of {path})" in said

    def test_the_file_in_a_folder_of_parquet(self, tmp_path):
        write(bad(("AA",), row=2), tmp_path / "1.parquet")
        write(table(("BB",)), tmp_path / "2.parquet")
        with pytest.raises(DataError) as caught:
            load_panel(source.bind({"name": "parquet", "path": tmp_path}), START, END)
        assert f"(in {tmp_path / '1.parquet'})" in str(caught.value)
        with pytest.raises(DataError, match=r"low must be a positive number\n"):
            load_panel(source.bind({"name": "parquet", "path": tmp_path / "1.parquet"}), START, END)

    def test_both_lines_of_a_bar_that_is_there_twice(self, tmp_path):
        frame = table()
        path = write(pd.concat([frame, frame.iloc[[2]]], ignore_index=True), tmp_path / "bars.csv")
        assert f"(line 4 of {path}, line 22 of {path})" in refusal(path)
        write(frame.iloc[[2]], tmp_path / "more.csv")
        write(frame, path)
        assert f"(line 4 of {path}, line 2 of {tmp_path / 'more.csv'})" in refusal(tmp_path)

    def test_more_lines_than_are_shown(self, tmp_path):
        frame = table()
        path = write(pd.concat([frame, *[frame.iloc[[2]]] * 4], ignore_index=True), tmp_path / "bars.csv")
        assert f"line 23 of {path} ...)" in refusal(path)

    @pytest.mark.parametrize(("column", "value", "code"), [
        ("ticker", "", "null_symbol"), ("ticker", " AA", "padded_symbol"), ("date", "soon", "wrong_type"),
        ("date", "", "null_time"), ("Open", "n.a.", "wrong_type"), ("date", "2010-01-07 09:30", "naive_time"),
    ])  # fmt: skip
    def test_what_places_no_bar_has_a_line(self, tmp_path, column, value, code):
        frame = table().astype({column: object})
        frame.loc[3, column] = value
        path = write(frame, tmp_path / "bars.csv")
        said = refusal(path)
        assert said.startswith(f"[{code}]")
        assert f"(line 5 of {path})" in said

    def test_a_file_with_empty_lines_has_no_line_to_name(self, tmp_path):
        path = write(bad(), tmp_path / "bars.csv")
        path.write_text(path.read_text().replace("\n", "\n\n", 1))
        assert "low must be a positive number\n" in refusal(path)

    def test_bars_of_no_file_have_a_row(self):
        frame = table().rename(columns={"date": "time", "ticker": "symbol", "Close": "close"})
        frame.loc[3, "symbol"] = None
        with pytest.raises(DataError, match=r"the row has no symbol \(row 3 of the table, the first is 0\)"):
            accept(inspect_bars(frame, Calendar()), (), frame)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_days_that_the_file_does_not_cover(tmp_path, suffix):
    path = write(table(), tmp_path / f"bars.{suffix}")
    with pytest.raises(
        DataError, match="from 2011-01-03 to 2011-12-30; its bars run from 2010-01-04 to 2010-01-15"
    ) as e:
        load_panel(source.bind({"name": suffix, "path": path}), pd.Timestamp("2011-01-03"), pd.Timestamp("2011-12-30"))
    assert e.value.code == "no_bars"


def test_a_file_without_rows_covers_nothing(tmp_path):
    path = write(table()[:0], tmp_path / "bars.csv")
    assert refusal(path).endswith("has no bars from 2010-01-01 to 2010-12-31")


def test_days_that_the_bundled_data_do_not_cover():
    with pytest.raises(DataError, match="its bars run from 1990-01-02 to 2022-12-28"):
        load_panel(source.bind("bundled"), pd.Timestamp("2030-01-02"), pd.Timestamp("2030-12-30"))
