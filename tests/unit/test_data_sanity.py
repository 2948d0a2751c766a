from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from alpha.core.calendar import Calendar
from alpha.core.errors import DataError
from alpha.data import CODES, Finding, Waiver, inspect_bars
from alpha.data.sanity.accept import accept, coverage
from alpha.data.sanity.finding import STRUCTURAL

NYSE = Calendar()
DAYS = NYSE.sessions("2010-01-04", "2010-03-31")
HIT = DAYS[30]


def clean(prices="raw"):
    """Two symbols, calm prices, one declared split and one dividend."""
    rng = np.random.default_rng(3)
    parts = []
    for symbol in ("AA", "BB"):
        close = 50 * np.exp(np.cumsum(0.01 * rng.standard_normal(len(DAYS))))
        open_ = close * np.exp(0.002 * rng.standard_normal(len(DAYS)))
        part = pd.DataFrame({
            "time": DAYS, "symbol": symbol, "open": open_, "high": np.maximum(open_, close) * 1.01,
            "low": np.minimum(open_, close) * 0.99, "close": close,
            "volume": rng.integers(900, 1100, len(DAYS)).astype(float), "dividend": 0.0, "split": 1.0,
        })  # fmt: skip
        parts.append(part)
    frame = pd.concat(parts, ignore_index=True)
    frame.attrs["prices"] = prices
    return frame


def at(frame, symbol="BB", day=HIT):
    return int(np.flatnonzero((frame["symbol"] == symbol) & (frame["time"] == day))[0])


def put(frame, column, value):
    frame.loc[at(frame), column] = value
    return frame


def scaled(frame, factor, since=HIT, columns=("open", "high", "low", "close")):
    rows = (frame["symbol"] == "BB") & (frame["time"] >= since)
    frame.loc[rows, list(columns)] *= factor
    return frame


def named(findings, code):
    return [finding for finding in findings if finding.code == code]


def only(frame, code, **options):
    """Return the one finding; there must be no other of its code, and none of another."""
    findings = inspect_bars(frame, NYSE, **options)
    assert [f.code for f in findings] == [code], "\n".join(map(str, findings))
    return findings[0]


@pytest.mark.parametrize("prices", ["raw", "adjusted"])
def test_clean_bars_have_no_findings(prices):
    assert inspect_bars(clean(prices), NYSE, now=pd.Timestamp("2020-01-01", tz="UTC")) == []


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("open", np.nan, "nan_price"),
        ("close", np.inf, "infinite_price"),
        ("open", -np.inf, "infinite_price"),
        ("low", 0.0, "zero_price"),
        ("low", -3.0, "negative_price"),
        ("volume", -5.0, "negative_volume"),
        ("volume", np.inf, "infinite_volume"),
        ("dividend", -0.5, "bad_dividend"),
        ("dividend", 900.0, "bad_dividend"),
        ("split", -2.0, "bad_split"),
        ("split", np.inf, "bad_split"),
        ("open", 1000.0, "open_outside_range"),
        ("open", 0.01, "open_outside_range"),
        ("close", 51.9, "close_outside_range"),
        ("close", 46.1, "close_outside_range"),
        ("high", 1.0, "high_below_low"),
    ],
)
def test_an_impossible_value_is_an_error_that_names_symbol_time_and_value(column, value, code):
    findings = named(inspect_bars(put(clean(), column, value), NYSE), code)
    assert [(f.severity, f.symbol, f.time, f.until) for f in findings] == [("error", "BB", HIT, None)]
    assert findings[0].value == pytest.approx(value, nan_ok=True)


def test_nothing_else_is_said_of_a_single_missing_open():
    finding = only(put(clean(), "open", np.nan), "nan_price")
    assert finding.message == "open must be a positive number"


def test_a_run_of_errors_is_one_finding():
    frame = clean()
    frame.loc[at(frame) : at(frame) + 3, "volume"] = -1.0
    finding = only(frame, "negative_volume")
    assert (finding.time, finding.until) == (HIT, DAYS[33])
    assert "(4 bars)" in finding.message


def test_rounding_is_no_error():
    frame = clean()
    frame["high"] = np.maximum(frame["open"], frame["close"]) * (1 - 5e-7)
    assert inspect_bars(frame, NYSE) == []


def test_a_dividend_counts_per_share_after_the_split_of_its_day():
    frame = scaled(clean(), 4.0)  # a reverse split 1:4, and half of the new share is paid out
    before = frame.loc[at(frame) - 1, "close"]
    frame = put(put(scaled(frame, 0.5), "split", 0.25), "dividend", 2 * before)
    assert inspect_bars(frame, NYSE) == []


@pytest.mark.parametrize("column", ["time", "symbol", "close"])
def test_a_missing_column_is_named(column):
    finding = only(clean().drop(columns=column), "missing_column")
    assert finding.value == column
    assert "volume" in finding.message


@pytest.mark.parametrize("column", ["open", "close", "volume", "split"])
def test_a_text_among_numbers_is_the_wrong_type(column):
    frame = clean()
    frame[column] = frame[column].astype(object)
    finding = only(put(frame, column, "n/a"), "wrong_type")
    assert (finding.symbol, finding.time, finding.value) == ("BB", HIT, "n/a")
    assert finding.message == f"{column} must be a number; it is str"


@pytest.mark.parametrize("kind", ["str", bool, complex])
def test_a_whole_column_of_the_wrong_type(kind):
    frame = clean()
    frame["close"] = frame["close"].astype(kind)
    assert only(frame, "wrong_type").symbol == "AA"


def test_symbols_must_be_texts():
    frame = clean()
    frame["symbol"] = frame["symbol"].map({"AA": 1, "BB": 2})
    assert only(frame, "wrong_type").value == 1


def test_symbols_may_be_categories():
    frame = clean()
    frame["symbol"] = frame["symbol"].astype("category")
    assert inspect_bars(frame, NYSE) == []


def test_nullable_numbers_are_numbers():
    frame = clean()
    frame["volume"] = frame["volume"].round().astype("Int64")
    frame.loc[3, "volume"] = pd.NA
    assert inspect_bars(frame, NYSE) == []


def test_a_missing_symbol_and_a_missing_time():
    assert only(put(clean(), "symbol", None), "null_symbol").time == HIT
    frame = clean()
    frame.loc[at(frame), "time"] = pd.NaT
    assert only(frame, "null_time").symbol == "BB"


@pytest.mark.parametrize(
    ("name", "code"), [("", "null_symbol"), ("  ", "null_symbol"), (" BB", "padded_symbol"), ("BB\t", "padded_symbol")]
)
@pytest.mark.parametrize("kind", ["str", "category"])
def test_a_symbol_is_a_name_without_spaces_around_it(name, code, kind):
    frame = put(clean(), "symbol", name).astype({"symbol": kind})
    assert only(frame, code).time == HIT


def test_a_time_within_the_day_must_say_its_zone():
    frame = clean()
    frame.loc[at(frame), "time"] = HIT + pd.Timedelta("9h30min")
    finding = only(frame, "naive_time")
    assert finding.value == "2010-02-17 09:30:00"


def test_instants_must_be_in_utc():
    frame = clean()
    frame["time"] = NYSE.closes(pd.DatetimeIndex(frame["time"])).tz_convert("America/New_York")
    assert only(frame, "mixed_time_zones").value == "America/New_York"


def test_zones_must_not_be_mixed():
    frame = clean()
    times = frame["time"].astype(object).tolist()
    times[at(frame)] = HIT.tz_localize("UTC")
    frame["time"] = pd.Series(times, dtype=object)
    finding = only(frame, "mixed_time_zones")
    assert "None, UTC" in finding.message
    assert finding.symbol == "BB"


def test_a_time_must_be_a_time():
    frame = clean()
    frame["time"] = frame["time"].dt.strftime("%Y%m%d").astype(int)
    finding = only(frame, "wrong_type")
    assert finding.value == 20100104


def test_a_time_beyond_what_can_be_counted():
    frame = clean()
    frame["time"] = frame["time"].astype("datetime64[s]")
    frame.loc[at(frame), "time"] = pd.Timestamp("9999-12-31")
    assert "9999" in only(frame, "wrong_type").value


def test_two_bars_for_one_time():
    frame = clean()
    extra = frame.iloc[[at(frame)]]
    twice = pd.concat([frame, extra, extra], ignore_index=True).sort_values(["symbol", "time"], ignore_index=True)
    twice.attrs = frame.attrs
    finding = only(twice, "duplicate_time")
    assert (finding.symbol, finding.time, finding.value) == ("BB", HIT, 3)


def test_bars_out_of_order():
    frame = clean()
    row = at(frame)
    swapped = frame.iloc[[*range(row), row + 1, row, *range(row + 2, len(frame))]]
    finding = only(swapped, "unordered_time")
    assert (finding.symbol, finding.time) == ("BB", HIT)
    assert "1 out of order" in finding.message


def test_rows_sorted_by_time_rather_than_symbol_are_in_order():
    assert inspect_bars(clean().sort_values("time", kind="stable"), NYSE) == []


def test_a_daily_bar_on_a_holiday_is_an_error():
    frame = clean()
    frame.loc[at(frame), "time"] = pd.Timestamp("2010-02-15")  # Presidents' Day
    frame = frame.sort_values(["symbol", "time"])
    finding = named(inspect_bars(frame, NYSE), "off_calendar")[0]
    assert (finding.severity, finding.symbol, finding.time) == ("error", "BB", pd.Timestamp("2010-02-15"))
    assert finding.message == "the exchange (XNYS) was closed on this Monday: a holiday"


def test_a_weekend_of_daily_bars_is_said_to_be_one():
    frame = clean()
    frame.loc[at(frame), "time"] = pd.Timestamp("2010-02-20")
    frame = frame.sort_values(["symbol", "time"])
    assert named(inspect_bars(frame, NYSE), "off_calendar")[0].message.endswith("closed on this Saturday: a weekend")
    frame = clean()
    frame.loc[[at(frame), at(frame) + 1], "time"] = pd.to_datetime(["2010-02-20", "2010-02-21"])
    frame = frame.sort_values(["symbol", "time"])
    assert named(inspect_bars(frame, NYSE), "off_calendar")[0].message.endswith("closed on these 2 days")


def test_an_intraday_bar_outside_the_session_is_a_warning():
    frame = clean()
    frame["time"] = NYSE.closes(pd.DatetimeIndex(frame["time"]))
    assert inspect_bars(frame, NYSE) == []
    frame.loc[at(frame, day=frame["time"][30]), "time"] += pd.Timedelta("1min")
    findings = inspect_bars(frame, NYSE)
    assert [(f.code, f.severity, f.symbol) for f in findings[:1]] == [("off_calendar", "warning", "BB")]
    assert findings[0].message == "outside the hours of the exchange (XNYS); this bar is left out"


def test_a_gap_is_a_warning_for_one_symbol_and_for_all():
    frame = clean()
    frame = frame[~((frame["symbol"] == "BB") & frame["time"].isin(DAYS[10:12]))]
    frame = frame[~frame["time"].isin(DAYS[20:23])]
    gaps = named(inspect_bars(frame, NYSE), "calendar_gap")
    assert [(g.severity, g.symbol, g.time, g.until, g.value) for g in gaps] == [
        ("warning", "*", DAYS[20], DAYS[22], 3),
        ("warning", "BB", DAYS[10], DAYS[11], 2),
    ]


def test_a_late_listing_and_a_delisting_are_no_gaps():
    frame = clean()
    assert inspect_bars(frame[(frame["symbol"] == "AA") | frame["time"].between(DAYS[10], DAYS[20])], NYSE) == []


def test_a_bar_from_the_future():
    now = NYSE.closes(DAYS[-2:-1])[0]
    findings = inspect_bars(clean(), NYSE, now=now)
    assert [(f.code, f.symbol, f.time) for f in findings] == [
        ("future_bar", "AA", DAYS[-1]),
        ("future_bar", "BB", DAYS[-1]),
    ]
    assert inspect_bars(clean(), NYSE, now=NYSE.closes(DAYS[-1:])[0]) == []


def test_a_running_session_is_the_future():
    now = NYSE.closes(DAYS[-1:])[0] - pd.Timedelta("1s")
    assert {f.code for f in inspect_bars(clean(), NYSE, now=now)} == {"future_bar"}


def test_an_intraday_bar_from_the_future_and_bars_wholly_off_the_calendar():
    frame = clean().iloc[[0]].assign(time=pd.Timestamp("2010-01-04 03:00", tz="UTC"))
    findings = inspect_bars(frame, NYSE, now=pd.Timestamp("2010-01-04 02:00", tz="UTC"))
    assert [f.code for f in findings] == ["future_bar", "off_calendar"]


@pytest.mark.parametrize(("volume", "note"), [(1000.0, ""), (0.0, ", 6 of them without volume")])
def test_a_stale_run_is_a_warning(volume, note):
    frame = clean()
    row = at(frame)
    frame.loc[row : row + 5, ["open", "high", "low", "close"]] = frame.loc[row, "close"]
    frame.loc[row : row + 5, "volume"] = volume
    finding = only(frame, "stale_run")
    assert (finding.severity, finding.symbol, finding.time, finding.until) == ("warning", "BB", HIT, DAYS[35])
    assert finding.message == "6 equal closes" + note


def test_four_equal_closes_are_not_stale():
    frame = clean()
    row = at(frame)
    frame.loc[row : row + 3, ["open", "high", "low", "close"]] = frame.loc[row, "close"]
    assert inspect_bars(frame, NYSE) == []


def test_a_spike_is_a_warning_and_says_when_the_volume_was_ordinary():
    finding = only(scaled(clean(), 1.6), "spike")
    assert (finding.severity, finding.symbol, finding.time) == ("warning", "BB", HIT)
    assert finding.value == pytest.approx(np.log(1.6), abs=0.05)
    assert "a corporate action may be missing" in finding.message
    assert "may be missing" not in only(put(scaled(clean(), 1.6), "volume", 9000.0), "spike").message


def test_a_spike_without_volumes():
    assert "volume" not in only(scaled(clean(), 1.6).drop(columns="volume"), "spike").message


def test_a_wild_symbol_may_move_more_than_a_calm_one():
    rng = np.random.default_rng(0)
    frame = clean()
    moves = np.exp(np.cumsum(0.1 * rng.standard_normal(len(DAYS))))
    for column in ("open", "high", "low", "close"):
        frame.loc[frame["symbol"] == "BB", column] *= moves
    assert inspect_bars(scaled(frame, 1.7), NYSE) == []


@pytest.mark.parametrize("ratio", [1.5, 2.0, 3.0, 0.1])
def test_an_undeclared_split_of_raw_prices_is_an_error(ratio):
    finding = only(scaled(clean(), 1 / ratio), "unadjusted_split")
    assert (finding.severity, finding.symbol, finding.time) == ("error", "BB", HIT)
    assert finding.value == pytest.approx(1 / ratio, rel=0.05)


def test_an_undeclared_split_of_adjusted_prices_is_a_warning():
    assert only(scaled(clean("adjusted"), 0.5), "unadjusted_split").severity == "warning"


def test_a_crash_on_heavy_volume_is_no_split():
    assert only(put(scaled(clean(), 0.5), "volume", 9000.0), "spike").symbol == "BB"


def test_a_fall_in_the_course_of_the_day_is_no_split():
    frame = scaled(clean(), 0.5)
    frame.loc[at(frame), ["open", "high"]] *= 2
    assert only(frame, "spike").symbol == "BB"


def test_a_declared_split_explains_the_price():
    assert inspect_bars(put(scaled(clean(), 0.5), "split", 2.0), NYSE) == []


def test_a_declared_dividend_explains_the_price():
    frame = scaled(clean(), 0.5)
    assert inspect_bars(put(frame, "dividend", frame.loc[at(frame), "close"]), NYSE) == []


def test_a_split_that_the_price_does_not_show_is_an_error():
    finding = only(put(clean(), "split", 2.0), "split_not_in_price")
    assert (finding.severity, finding.symbol, finding.time, finding.value) == ("error", "BB", HIT, 2.0)


def test_adjusted_prices_do_not_show_their_splits():
    assert inspect_bars(put(clean("adjusted"), "split", 2.0), NYSE) == []


def test_a_spike_beside_a_split_is_a_warning():
    finding = only(put(scaled(clean(), 0.25 * 1.5), "split", 4.0), "spike_with_split")
    assert (finding.severity, finding.symbol, finding.time) == ("warning", "BB", HIT)
    assert finding.value == pytest.approx(np.log(1.5), abs=0.05)


def test_the_first_bars_of_a_symbol_have_no_usual_volume():
    assert only(scaled(clean(), 1.6, since=DAYS[1]), "spike").time == DAYS[1]
    frame = clean()
    frame["volume"] = 0.0
    assert only(scaled(frame, 1.6), "spike").time == HIT


def test_closes_alone_are_checked_too():
    frame = clean("adjusted")[["time", "symbol", "close"]]
    frame.attrs["prices"] = "adjusted"
    assert inspect_bars(frame, NYSE) == []


def test_an_empty_frame_has_nothing_wrong_but_its_columns():
    assert inspect_bars(clean().iloc[:0], NYSE) == []
    assert [f.code for f in inspect_bars(clean().iloc[:0].drop(columns="close"), NYSE)] == ["missing_column"]


def test_every_code_is_found_by_some_test():
    files = [Path(__file__).with_name(f"test_data_{name}.py") for name in ("sanity", "options", "ticks")]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    assert [code for code in CODES if f'"{code}"' not in text] == []


def test_a_finding_prints_as_one_line():
    day = Finding("nan_price", "error", "BB", HIT, 0.1 + 0.2, "open must be a positive number", DAYS[31])
    line = "error    nan_price            BB      2010-02-17..2010-02-18  0.3: open must be a positive number"
    assert str(day) == line
    assert Finding("spike", "warning", "A", HIT.tz_localize("UTC"), 1, "x").when == "2010-02-17T00:00Z"
    assert Finding("missing_column", "error", "*", None, "time", "x").when == "-"


def test_errors_come_first():
    frame = scaled(put(clean(), "volume", -1.0), 1.6, since=DAYS[40])
    assert [f.code for f in inspect_bars(frame, NYSE)] == ["negative_volume", "spike"]


def test_errors_refuse_with_the_code_of_their_kind_and_say_what_to_do():
    findings = inspect_bars(put(clean(), "volume", -1.0), NYSE)
    with pytest.raises(DataError, match=r"1 negative_volume\n  error .* BB .*2010-02-17") as caught:
        accept(findings)
    assert caught.value.code == "negative_volume"
    assert str(caught.value).splitlines()[2:] == [
        "what to do:",
        "  negative_volume: correct the volume, or leave it empty where it is not known",
        "  or leave the symbol out: universe: {exclude: [BB]}",
        "  or, having looked into it, accept the values as they are: universe: {waive: [{code: negative_volume, "
        "symbol: BB, start: 2010-02-17, end: 2010-02-17}]}",
    ]


def test_errors_of_several_kinds_are_counted_and_the_first_twenty_shown():
    frame = clean()
    frame.loc[frame["symbol"] == "AA", "volume"] = np.where(np.arange(len(DAYS)) % 2, -1.0, 1.0)
    with pytest.raises(DataError, match="30 negative_volume, 1 bad_split") as caught:
        accept(inspect_bars(put(frame, "split", -1.0), NYSE))
    assert caught.value.code == "insane_data"
    assert str(caught.value).count("error ") == 20
    assert "and 11 more" in str(caught.value)


def test_what_cannot_be_waived_is_not_offered_to_be():
    with pytest.raises(DataError) as caught:
        accept(inspect_bars(clean().drop(columns="time"), NYSE))
    assert "waive" not in str(caught.value)
    assert "exclude" not in str(caught.value), "and no symbol is to blame"


@pytest.mark.parametrize("code", [code for code, severity in CODES.items() if severity == "error"])
def test_every_error_has_a_remedy_of_its_own(code):
    value = 0.52 if code == "unadjusted_split" else "x"
    assert len(Finding(code, "error", "BB", HIT, value, "x").remedy) > 20


def test_a_split_is_to_be_declared_before_it_is_waived():
    findings = inspect_bars(scaled(clean(), 1 / 3), NYSE)
    with pytest.raises(DataError) as caught:
        accept(findings)
    said = str(caught.value)
    declared = said.index("source.actions: [{symbol: BB, date: 2010-02-17, split: 3}]")
    assert said.index("source.prices: raw") < said.index("column `split`") < declared < said.index("waive")
    declined = only(scaled(clean("adjusted"), 0.5), "unadjusted_split").message
    assert declined.endswith("prices are said to be adjusted; declare them raw if they are not")


def test_a_declared_split_that_did_not_happen_can_be_cancelled():
    findings = inspect_bars(put(clean(), "split", 2.0), NYSE)
    with pytest.raises(DataError, match=r"cancel it: source\.actions: \[\{symbol: BB, date: 2010-02-17, split: 1\}\]"):
        accept(findings)


def test_a_waiver_turns_an_error_into_a_note():
    findings = inspect_bars(put(clean(), "volume", -1.0), NYSE)
    for waiver in (
        Waiver(code="negative_volume"),
        Waiver(code="negative_volume", symbol="BB", start=HIT.date(), end=HIT.date()),
    ):
        assert [f.severity for f in accept(findings, [waiver])] == ["note"]


@pytest.mark.parametrize(
    "other", [{"symbol": "AA"}, {"code": "bad_split"}, {"start": "2010-02-18"}, {"end": "2010-02-16"}]
)
def test_a_waiver_of_something_else_does_not(other):
    findings = inspect_bars(put(clean(), "volume", -1.0), NYSE)
    with pytest.raises(DataError):
        accept(findings, [Waiver(**{"code": "negative_volume", **other})])


def test_a_waiver_must_cover_the_whole_run():
    frame = clean()
    frame.loc[at(frame) : at(frame) + 1, "volume"] = -1.0
    with pytest.raises(DataError):
        accept(inspect_bars(frame, NYSE), [Waiver(code="negative_volume", end=HIT.date())])


def test_warnings_stay_warnings():
    findings = inspect_bars(scaled(clean(), 1.6), NYSE)
    assert accept(findings, [Waiver(code="spike")]) == findings


@pytest.mark.parametrize("code", STRUCTURAL)
def test_what_places_no_bar_cannot_be_waived(code):
    with pytest.raises(ValidationError, match="cannot be waived"):
        Waiver(code=code)


def test_an_unknown_code_cannot_be_waived():
    with pytest.raises(ValidationError, match="did you mean 'zero_price'"):
        Waiver(code="zero_prise")


def test_data_that_do_not_cover_what_was_asked_for_are_told():
    frame = clean()
    first, last = frame["time"].min(), frame["time"].max()
    assert coverage(frame, first, last, Calendar()) == []
    assert coverage(frame, first - pd.Timedelta(days=10), last + pd.Timedelta(days=10), Calendar()) == []
    late, early = coverage(frame, first - pd.Timedelta(days=100), last + pd.Timedelta(days=100), Calendar())
    assert (late.code, late.severity, late.time) == ("starts_late", "warning", first)
    assert (early.code, early.time) == ("ends_early", last)
    assert 60 < early.value < 75
    assert "was asked for, 2010-01-04 to 2010-03-31 is there" in early.message
    assert coverage(frame[:0], first, last, Calendar()) == []


def test_one_bad_date_among_many_is_the_one_that_is_shown():
    frame = clean()
    frame["time"] = frame["time"].dt.strftime("%Y-%m-%d")
    frame.loc[7, "time"] = "13/45/2010"
    finding = only(frame, "wrong_type")
    assert finding.value == "13/45/2010"
    assert finding.row == 7
    assert "2020-01-31" in finding.message
