import numpy as np
import pandas as pd
import pytest

from alpha.core.calendar import Calendar
from alpha.core.errors import AlphaError
from alpha.core.panel import Panel
from alpha.data import aggregate

NYSE = Calendar()
PANEL = Panel(NYSE.closes(NYSE.sessions("2010-01-04", "2010-01-08")), ("AA", "BB", "CC"), {"close": np.ones((5, 3))})
TABLE = pd.DataFrame({"symbol": ["BB", "AA", "CC", "ZZ"], "sector": ["oil", "tech", None, "oil"]})


def labelled(table, tmp_path, panel=PANEL, **params):
    table.to_csv(tmp_path / "t.csv", index=False)
    return aggregate.bind({"name": "groups", "path": tmp_path / "t.csv", **params})(panel, NYSE)[0]


def test_symbols_have_the_labels_of_the_table(tmp_path):
    assert labelled(TABLE, tmp_path).groups == {"sector": ("tech", "oil", "")}
    twice = labelled(TABLE, tmp_path, panel=labelled(TABLE, tmp_path), group="industry")
    assert twice.groups == {"sector": ("tech", "oil", ""), "industry": ("tech", "oil", "")}


@pytest.mark.parametrize(
    ("table", "panel", "code"),
    [
        (TABLE.drop(columns="sector"), PANEL, "missing_column"),
        (TABLE.assign(symbol="ZZ"), PANEL, "foreign_table"),
        (pd.concat([TABLE, TABLE]), PANEL, "duplicate_symbol"),
        (TABLE, Panel(PANEL.times, PANEL.symbols, dict(PANEL.fields), groups={"sector": ("a",) * 3}), "group_taken"),
    ],
)
def test_labels_that_cannot_be_told_are_refused(table, panel, code, tmp_path):
    with pytest.raises(AlphaError) as caught:
        labelled(table, tmp_path, panel)
    assert caught.value.code == code


def test_symbols_are_read_as_they_are_written(tmp_path):
    panel = Panel(PANEL.times, ("000001", "600000", "NA"), dict(PANEL.fields))
    table = pd.DataFrame({"symbol": ["NA", "000001", "600000"], "sector": ["oil", "tech", "steel"]})
    assert labelled(table, tmp_path, panel).groups == {"sector": ("tech", "steel", "oil")}
