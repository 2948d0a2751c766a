"""The catalogue and docs/features.md: made from the registry, complete, and the newest."""

from __future__ import annotations

from pathlib import Path

import pytest

from alpha.features import catalogue, feature, feature_set, listing

PAGE = listing.page()


@pytest.fixture(scope="module")
def table():
    return catalogue()


def test_the_page_is_the_newest():
    path = Path(__file__).resolve().parents[2] / "docs/features.md"
    assert path.read_text(encoding="utf-8") == PAGE, "run: make docs"


def test_every_feature_and_set_is_there(table):
    assert set(table.index) == set(feature)
    for name in (*feature, *feature_set):
        assert f"\n| `{name}` | " in PAGE, name
    assert (table["description"].str.len() > 20).all()


def test_what_a_row_says(table):
    macd = table.loc["macd"]
    assert (macd["family"], macd["fades"], macd["fields"]) == ("oscillators", True, ("close",))
    assert macd["parameters"] == {"part": "histogram", "fast": 12, "slow": 26, "signal": 9}
    assert macd["source"] == "Appel, 1979"
    assert table.loc["ret", "formula"] == "((close / lag(close, 1)) - 1)"
    assert table.loc["ret", "lookback"] == 1
    assert table.loc["ret", "source"] == ""
    assert (table["source"] != "").mean() > 0.5, "most features come from somewhere"


def test_tables_are_tables():
    widths = {line.replace("\\|", "").count("|") for line in PAGE.splitlines() if line.startswith("|")}
    assert widths == {5, 8}
