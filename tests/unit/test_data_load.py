import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError
from alpha.data import Join, Waiver, load_panel, source

START, END = pd.Timestamp("2010-01-01"), pd.Timestamp("2010-03-31")
DAYS = Calendar().sessions(START, END)
SHARED = Path(__file__).parents[2].parent / "shared/data"


@pytest.fixture
def bars(tmp_path):
    """A raw file of three symbols, of which BAD has a price of zero."""
    rng = np.random.default_rng(1)
    parts = []
    for symbol in ("GOOD", "BAD", "ALSO"):
        close = 30 * np.exp(np.cumsum(0.01 * rng.standard_normal(len(DAYS))))
        parts.append(pd.DataFrame({"date": DAYS, "symbol": symbol, "close": close, "dividend": 0.0, "split": 1.0}))
    frame = pd.concat(parts, ignore_index=True)
    frame.loc[frame["symbol"].eq("GOOD") & frame["date"].isin(DAYS[[20, 40]]), "dividend"] = 0.7
    frame.loc[frame["symbol"].eq("BAD") & (frame["date"] == DAYS[10]), "close"] = 0.0
    path = tmp_path / "bars.parquet"
    frame.to_parquet(path)
    return source.bind({"name": "parquet", "path": path})


def test_an_error_refuses_and_names_what_to_do(bars):
    with pytest.raises(DataError, match=r"zero_price .*BAD .*2010-01-19") as caught:
        load_panel(bars, START, END)
    assert caught.value.code == "zero_price"


def test_a_symbol_that_is_left_out_is_not_checked(bars):
    panel, findings = load_panel(bars, START, END, exclude=("BAD",))
    assert panel.symbols == ("ALSO", "GOOD")
    assert findings == []


def test_leaving_out_everything_leaves_nothing(bars):
    with pytest.raises(DataError, match="has no bars") as caught:
        load_panel(bars, START, END, exclude=("BAD", "GOOD", "ALSO"))
    assert caught.value.code == "no_bars"


def test_a_waived_error_is_shown_and_its_value_stays(bars):
    panel, findings = load_panel(bars, START, END, waive=(Waiver(code="zero_price", symbol="BAD"),))
    assert [(f.code, f.severity) for f in findings if f.severity != "warning"] == [("zero_price", "note")]
    assert panel["raw_close"][10, panel.symbols.index("BAD")] == 0.0


def test_a_later_dividend_never_changes_an_earlier_row(bars):
    whole, _ = load_panel(bars, START, END, exclude=("BAD",))
    for end in DAYS[[15, 20, 30]]:
        part, _ = load_panel(bars, START, end, exclude=("BAD",))
        assert part.id == whole.rows(slice(0, len(part))).id


def test_bars_of_the_future_are_refused_by_the_given_clock_and_by_the_wall_clock(bars, tmp_path):
    with pytest.raises(DataError) as caught:
        load_panel(bars, START, END, exclude=("BAD",), now=pd.Timestamp("2010-03-31 19:59", tz="UTC"))
    assert caught.value.code == "future_bar"
    days = Calendar().sessions(pd.Timestamp.now() + pd.Timedelta("9D"), pd.Timestamp.now() + pd.Timedelta("19D"))
    pd.DataFrame({"date": days, "symbol": "A", "close": np.arange(len(days)) + 50.0}).to_csv(tmp_path / "a.csv")
    with pytest.raises(DataError) as caught:
        load_panel(source.bind({"name": "csv", "path": tmp_path / "a.csv"}), START, days[-1])
    assert caught.value.code == "future_bar"


def test_tables_are_joined_and_the_membership_masks(bars, tmp_path):
    pd.DataFrame({"day": DAYS, "level": np.arange(len(DAYS)) * 1.0}).to_csv(tmp_path / "vix.csv", index=False)
    spells = pd.DataFrame({"symbol": ["GOOD"], "start": [DAYS[5]], "end": [DAYS[9]]})
    spells.to_csv(tmp_path / "members.csv", index=False)
    join = Join(field="vix", path=tmp_path / "vix.csv", column="level", date="day", delay="0D")
    panel, _ = load_panel(bars, START, END, exclude=("BAD",), joins=[join], membership=tmp_path / "members.csv")
    assert panel["vix"][1:, 0].tolist() == list(range(len(DAYS) - 1))
    assert np.argwhere(panel.tradable).tolist() == [[t, 1] for t in range(5, 9)]


def test_an_unknown_calendar_is_refused(bars):
    with pytest.raises(ConfigError) as caught:
        load_panel(bars, START, END, calendar="XNYC")
    assert caught.value.code == "unknown_calendar"


def test_the_bundled_prices_are_closes_alone():
    panel, findings = load_panel(source.bind("bundled"), pd.Timestamp("1990-01-01"), pd.Timestamp("2022-12-31"))
    assert list(panel.fields) == ["close"]
    assert len(panel.symbols) == 20
    assert (len(panel), panel.times[0].date().isoformat()) == (8313, "1990-01-02")
    assert all(finding.severity == "warning" for finding in findings)


def test_bundled_symbols_are_chosen_and_checked():
    panel, _ = load_panel(source.bind({"name": "bundled", "symbols": ["XOM", "AAPL"]}), START, END)
    assert panel.symbols == ("AAPL", "XOM")
    with pytest.raises(ConfigError, match="did you mean 'AAPL'") as caught:
        source.bind({"name": "bundled", "symbols": ["APPL"]})(START, END)
    assert caught.value.code == "unknown_symbol"


def test_bundled_prices_without_their_package(monkeypatch):
    monkeypatch.setattr("alpha.data.sources.bundled.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="not installed") as caught:
        source.bind("bundled")(START, END)
    assert caught.value.code == "no_package"


def test_heavy_packages_are_imported_only_where_they_are_used():
    code = """
import sys, pandas as pd
from alpha.data import load_panel, source
heavy = {'skfolio', 'yfinance', 'exchange_calendars', 'scipy.stats', 'pyarrow.parquet', 'sklearn'}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
load_panel(source.bind('bundled'), pd.Timestamp('2010-01-01'), pd.Timestamp('2010-12-31'))
assert not {'skfolio', 'yfinance', 'sklearn'} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of shared market data is not here")
def test_real_raw_prices_load_once_their_faults_are_dealt_with():
    plugin = source.bind({"name": "parquet", "path": SHARED / "us_equities_sp500_daily_1999_2017.parquet"})
    start, end = pd.Timestamp("2006-06-01"), pd.Timestamp("2007-06-30")
    with pytest.raises(DataError, match=r"unadjusted_split .*TRMB .*2007-02-26") as caught:
        load_panel(plugin, start, end)
    assert caught.value.code == "unadjusted_split"
    panel, _ = load_panel(plugin, start, end, exclude=("TRMB",))
    assert len(panel) == len(Calendar().sessions(start, end))
    assert len(panel.symbols) > 400


def test_a_name_to_be_left_out_that_is_not_there_is_told(bars):
    with pytest.raises(ConfigError, match=r"universe\.exclude: the data have no 'BADD'; did you mean 'BAD'") as caught:
        load_panel(bars, START, END, exclude=["BADD"])
    assert caught.value.code == "unknown_symbol"


def test_data_that_stop_early_are_shown(bars):
    _, findings = load_panel(bars, START, END + pd.Timedelta(days=60), exclude=["BAD"])
    assert [finding.code for finding in findings] == ["ends_early"]


def test_unknown_columns_show_those_of_the_file_and_the_way_out(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("When,Name,Last\n2010-01-04,AA,3.0\n")
    with pytest.raises(
        DataError, match=r"there are When, Name, Last; say which one it is in source\.columns"
    ) as caught:
        load_panel(source.bind({"name": "csv", "path": path}), START, END)
    assert caught.value.code == "missing_column"
