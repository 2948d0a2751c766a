import numpy as np
import pandas as pd
import pytest

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError
from alpha.core.panel import Panel
from alpha.data import members
from alpha.data.universe import read_membership

NYSE = Calendar()
DAYS = NYSE.sessions("2010-01-04", "2010-01-15")
CLOSE = np.ones((10, 3))
CLOSE[8, 0] = np.nan
PANEL = Panel(NYSE.closes(DAYS), ("AA", "BB", "CC"), {"close": CLOSE})


def spells(*rows):
    frame = pd.DataFrame(rows, columns=["symbol", "start", "end"])
    return frame.assign(start=pd.to_datetime(frame["start"]), end=pd.to_datetime(frame["end"]))


def listed(*rows):
    return members(PANEL, spells(*rows), NYSE).tradable


def test_the_start_is_included_and_the_end_is_not():
    got = listed(("AA", "2010-01-06", "2010-01-08"))
    assert np.flatnonzero(got[:, 0]).tolist() == [2, 3]


def test_who_is_never_listed_is_never_tradable():
    assert not listed(("AA", "2010-01-06", None)).any(axis=0)[1:].any()


def test_an_open_spell_lasts_and_needs_a_price_all_the_same():
    assert np.flatnonzero(listed(("AA", "1999-01-01", None))[:, 0]).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 9]
    assert np.flatnonzero(listed(("BB", None, "2010-01-06"))[:, 1]).tolist() == [0, 1]


def test_a_symbol_may_come_back():
    got = listed(("BB", "2010-01-04", "2010-01-05"), ("BB", "2010-01-09", "2010-01-12"), ("ZZ", "2010-01-04", None))
    assert np.flatnonzero(got[:, 1]).tolist() == [0, 5]


def test_a_membership_of_other_symbols_is_refused():
    with pytest.raises(ConfigError, match="lists none of the symbols") as caught:
        listed(("ZZ", "2010-01-04", None))
    assert caught.value.code == "foreign_membership"


def test_sessions_that_close_at_midnight_count_by_their_own_date():
    always = Calendar("24/7")
    days = always.sessions("2010-01-04", "2010-01-06")
    panel = Panel(always.closes(days), ("AA",), {"close": np.ones((3, 1))})
    got = members(panel, spells(("AA", "2010-01-05", "2010-01-06")), always)
    assert got.tradable[:, 0].tolist() == [False, True, False]


def test_a_table_is_read_by_its_usual_names(tmp_path):
    table = pd.DataFrame({"ticker": ["AA"], "start_date": ["2010-01-06"], "end_date": [None]})
    table.to_csv(tmp_path / "members.csv", index=False)
    assert read_membership(tmp_path / "members.csv").to_dict("records") == [
        {"symbol": "AA", "start": pd.Timestamp("2010-01-06"), "end": pd.NaT}
    ]


def test_a_table_that_is_none_is_refused(tmp_path):
    path = tmp_path / "members.csv"
    path.write_text("symbol,start\nAA,2010-01-06\n")
    with pytest.raises(DataError, match="needs a column end or end_date; it has symbol, start") as caught:
        read_membership(path)
    assert caught.value.code == "missing_column"
    path.write_text("symbol,start,end\nAA,once,\n")
    with pytest.raises(DataError) as caught:
        read_membership(path)
    assert caught.value.code == "wrong_type"


@pytest.mark.parametrize(("start", "code"), [("", "null_time"), ("20200102", "wrong_type")])
def test_a_spell_needs_a_start_that_is_a_date(tmp_path, start, code):
    path = tmp_path / "m.csv"
    path.write_text(f"symbol,start,end\nA,{start},\n")
    with pytest.raises(DataError) as caught:
        read_membership(path)
    assert caught.value.code == code


def test_symbols_that_look_like_something_else_stay_symbols(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("symbol,start,end\nNA,2010-01-04,\nNULL,2010-01-04,\n000001,2010-01-04,\n600000,2010-01-04,\n")
    assert read_membership(path)["symbol"].tolist() == ["NA", "NULL", "000001", "600000"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (",2010-01-04,", "null_symbol"),
        (" AA,2010-01-04,", "padded_symbol"),
        ("AA,2010-01-06,2010-01-05", "reversed_spell"),
    ],
)
def test_a_spell_that_would_count_for_nobody_is_refused(tmp_path, row, code):
    path = tmp_path / "m.csv"
    path.write_text(f"symbol,start,end\nBB,2010-01-04,2010-01-04\n{row}\n")
    with pytest.raises(DataError, match=r"m\.csv") as caught:
        read_membership(path)
    assert caught.value.code == code
