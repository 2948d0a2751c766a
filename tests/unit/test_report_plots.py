"""Every figure survives what a short or broken run may hand it, and shows what it was given."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pandas as pd
import pytest

from alpha.report import plots

DAYS = pd.date_range("2020-01-01", periods=700, tz="UTC")
SERIES = {
    "empty": pd.Series(dtype=float),
    "empty times": pd.Series(dtype=float, index=pd.DatetimeIndex([], tz="UTC")),
    "nan": pd.Series(np.nan, DAYS),
    "one point": pd.Series([1.0], DAYS[:1]),
    "one finite": pd.Series([np.nan, 0.5, np.inf], DAYS[:3]),
    "zeros": pd.Series(0.0, DAYS),
    "constant": pd.Series(2.0, DAYS),
    "negative": pd.Series(-1.0, DAYS),
    "naive": pd.Series(1.5, DAYS.tz_localize(None)),
    "sparse": pd.Series(np.where(np.arange(700) % 300 == 0, 0.1, np.nan), DAYS),
    "huge": pd.Series(np.geomspace(1e-3, 1e6, 700), DAYS),
}
DRAWN = {
    "equity": lambda s: plots.equity({"model": s, "base": s}, ["model"]),
    "ic": plots.ic_by_year,
    "quantiles": lambda s: plots.quantile_returns(s[:30]),
    "drawdown": plots.drawdown,
    "turnover": plots.turnover,
    "account": plots.account,
}
pytestmark = pytest.mark.filterwarnings("error")


def parse(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()).strip() for node in parse(svg).iter("text")]


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("figure", DRAWN)
def test_every_figure_survives_every_series(figure, series):
    svg = DRAWN[figure](SERIES[series])
    assert parse(svg).get("role") == "img"
    assert "nan" not in svg.lower()


@pytest.mark.parametrize("figure", DRAWN)
@pytest.mark.parametrize("series", ["empty", "empty times", "nan"])
def test_nothing_is_said_to_be_nothing(figure, series):
    assert texts(DRAWN[figure](SERIES[series])) == ["no data"]


@pytest.mark.parametrize("draw", [plots.hit_by_year, plots.return_by_year])
def test_tables_by_year_survive(draw):
    for rows in ([], [{}], [{"year": 2020, "hit_rate": None, "net_return": np.nan}]):
        assert texts(draw(rows)) == ["no data"]
    row = {"year": 2020, "hit_rate": 0.5, "hit_base_rate": 0.5, "net_return": 0.0}
    assert "2020" in texts(draw([row]))
    rows = [row | {"year": year, "hit_rate": 0.5 + (year % 3 - 1) / 100} for year in range(1990, 2020)]
    assert len([text for text in texts(draw(rows)) if len(text) == 4 and text[:2] in ("19", "20")]) <= 9


def test_equity_names_every_curve_at_its_end_without_overlap():
    curves = {name: pd.Series(np.linspace(1, 1.5 + k / 1_000, 700), DAYS) for k, name in enumerate("abcdefg")}
    svg = plots.equity(curves, ["c"], size=plots.HALF)
    named = [node for node in parse(svg).iter("text") if "".join(node.itertext())[0] in "abcdefg"]
    heights = sorted(float(node.get("y")) for node in named)
    assert len(named) == 7
    assert np.diff(heights).min() > 8


def test_equity_starts_at_one_and_ends_where_it_should():
    svg = plots.equity({"m": pd.Series([200.0, 300.0], DAYS[:2])}, ["m"])
    assert any(text.split() == ["m", "1.50"] for text in texts(svg))


def test_wide_ranges_are_logarithmic():
    values = pd.Series(np.geomspace(1, 100, 700), DAYS)
    assert {"1", "10", "100"} <= set(texts(plots.equity({"m": values}, ["m"])))


def test_quantiles_are_in_basis_points():
    svg = plots.quantile_returns(pd.Series([-0.001, np.nan, 0.0025], index=["low", 2, 3.0]))
    assert {"−10.0", "+25.0", "low", "2", "3"} <= set(texts(svg))


def test_account_is_drawn_from_its_start():
    series = pd.Series([101.0, 103.0], DAYS[:2])
    assert plots.account(series) != plots.account(series, 100.0)


def test_thin_keeps_ends_and_extremes():
    rng = np.random.default_rng(0)
    x, y = np.arange(10_000.0), rng.standard_normal(10_000)
    y[[1_234, 7_777]] = 50, -50
    kept_x, kept_y = plots.thin(x, y)
    assert len(kept_x) <= plots.POINTS
    assert (np.diff(kept_x) > 0).all()
    assert {0.0, 1_234.0, 7_777.0, 9_999.0} <= set(kept_x)
    assert (kept_y == y[kept_x.astype(int)]).all()
    assert plots.thin(x[:9], y[:9], 9)[0] is not x
    np.testing.assert_array_equal(plots.thin(x[:9], y[:9], 9)[1], y[:9])


def test_drawing_changes_nothing_global_and_ignores_what_is_set():
    plain = plots.turnover(SERIES["constant"])
    with matplotlib.rc_context({"axes.grid": False, "font.size": 30, "svg.fonttype": "path"}):
        before = dict(matplotlib.rcParams)
        assert plots.turnover(SERIES["constant"]) == plain
        assert dict(matplotlib.rcParams) == before


def test_colours_are_variables_of_the_page():
    svg = plots.drawdown(SERIES["zeros"], colour=plots.MODELS[1])
    assert "var(--m1)" in svg
    assert "#0100" not in svg
    assert "DejaVu" not in svg
