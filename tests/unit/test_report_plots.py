"""Every figure survives what a short or broken run may hand it, and shows what it was given."""

from __future__ import annotations

import re
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


def band(series: pd.Series, middle: str) -> pd.DataFrame:
    return pd.DataFrame({middle: series, "low": series - 1, "high": series + 1})


def parts(series: pd.Series, index: pd.Index | None = None) -> pd.DataFrame:
    table = band(series, "ic")[:20]
    return table.set_axis(range(1, len(table) + 1) if index is None else index[: len(table)], axis=0)


GROUPS = pd.MultiIndex.from_product([["market volatility", "sector"], [*"abcdefghi", "A rather long name"]])
DRAWN = {
    "equity": lambda s: plots.equity({"model": s, "base": s}, ["model"]),
    "ic rolling": lambda s: plots.ic_rolling(band(s, "mean")),
    "ic cumulative": lambda s: plots.ic_cumulative(band(s, "sum")),
    "ic decay": lambda s: plots.ic_decay(parts(s), 5),
    "ic by year": lambda s: plots.ic_by_year(parts(s)),
    "ic by part": lambda s: plots.ic_by_part(parts(s, GROUPS)),
    "fan": lambda s: plots.quantile_fan(pd.DataFrame({1: -s, 2: s, 3: 2 * s})),
    "pbo": plots.pbo_logits,
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
    assert texts(DRAWN[figure](SERIES[series]))[0].startswith("no data")


TABLES = [plots.ic_rolling, plots.ic_cumulative, plots.ic_decay, plots.ic_by_year, plots.ic_by_part, plots.quantile_fan]


@pytest.mark.parametrize("draw", TABLES)
@pytest.mark.parametrize(
    "table", [pd.DataFrame(), pd.DataFrame({"other": [1.0]}), pd.DataFrame(columns=["ic", "mean"])]
)
def test_a_table_that_is_not_there_says_why(draw, table):
    said = " ".join(texts(draw(table)))
    assert said.startswith("no data: ")


AXES = {
    "equity": ("date", "growth of 1"),
    "ic rolling": ("date", "mean IC (rank correlation)"),
    "ic cumulative": ("date", "sum of daily ICs"),
    "ic decay": ("horizon (bars)", "mean IC (rank correlation)"),
    "ic by year": ("year", "mean IC (rank correlation)"),
    "ic by part": ("mean IC (rank correlation)", "part of the market"),
    "fan": ("date", "sum of mean returns (%)"),
    "pbo": ("logit of the rank out of sample", "share of all ways to halve (%)"),
    "quantiles": ("quantile (1 = lowest signal … 30 = highest)", "mean return (bps)"),
    "drawdown": ("date", "drawdown (%)"),
    "turnover": ("date", "turnover (sum of |Δ weight| a bar)"),
    "account": ("date", "equity (quote currency)"),
}
YEAR = {"year": 2020, "hit_rate": 0.5, "hit_base_rate": 0.5, "net_return": 0.0}


def test_every_axis_says_what_it_shows_and_in_which_unit():
    assert set(AXES) == set(DRAWN)
    for figure, titles in AXES.items():
        assert set(titles) <= set(texts(DRAWN[figure](SERIES["constant"]))), figure
    assert "growth of 1 (log scale)" in texts(DRAWN["equity"](SERIES["huge"]))
    assert {"year", "hit rate (fraction)"} <= set(texts(plots.hit_by_year([YEAR])))
    assert {"year", "net return (%)"} <= set(texts(plots.return_by_year([YEAR])))
    assert {"observed - luck = difference", "Sharpe ratio (annual)"} <= set(texts(plots.deflation(1, 0.5, 0.9)))


def test_what_chance_would_give_must_be_known():
    for given in ((None, 0.1, 0.5), (0.5, np.nan, 0.5)):
        assert " ".join(texts(plots.deflation(*given))).startswith("no data: the Sharpe ratio, or what chance")
    assert "true ratio beats luck: unknown" in texts(plots.deflation(0.5, 0.2, None))


@pytest.mark.parametrize("draw", [plots.hit_by_year, plots.return_by_year])
def test_tables_by_year_survive(draw):
    for rows in ([], [{}], [{"year": 2020, "hit_rate": None, "net_return": np.nan}]):
        assert texts(draw(rows)) == ["no data"]
    row = {"year": 2020, "hit_rate": 0.5, "hit_base_rate": 0.5, "net_return": 0.0}
    assert "2020" in texts(draw([row]))
    rows = [row | {"year": year, "hit_rate": 0.5 + (year % 3 - 1) / 100} for year in range(1990, 2020)]
    assert len([text for text in texts(draw(rows)) if len(text) == 4 and text[:2] in ("19", "20")]) <= 9


@pytest.mark.parametrize(("sharpe", "luck", "said"), [(0.8, 0.5, ["+0.80", "−0.50", "+0.30"]),
                                                      (0.8, 1.5, ["+0.80", "−1.50", "−0.70"]),
                                                      (-0.8, 0.5, ["−0.80", "−0.50", "−1.30"]),
                                                      (0.2551, 0.1349, ["+0.26", "−0.13", "+0.13"]),
                                                      (0.2649, 0.1351, ["+0.26", "−0.14", "+0.12"])])  # fmt: skip
def test_a_sharpe_ratio_less_luck(sharpe, luck, said):
    svg = plots.deflation(sharpe, luck, 0.7, (sharpe - 0.5, sharpe + 0.5))
    assert [text for text in texts(svg) if text[0] in "+−" and len(text) == 5 and text in said] == said
    assert "true ratio beats luck: 70 %" in texts(svg)
    assert svg != plots.deflation(sharpe, luck, 0.7)


@pytest.mark.parametrize("count", [3, 500])
def test_the_share_of_logits_at_or_below_zero_is_the_probability(count):
    values = np.linspace(-1, 1, count)
    svg = plots.pbo_logits(pd.Series(values))
    share = np.mean(values <= 0)
    assert {f"overfit {share:.0%}".replace("%", " %"), f"not {1 - share:.0%}".replace("%", " %")} <= set(texts(svg))


def test_an_estimate_without_an_interval_is_hollow():
    whole = pd.DataFrame({"ic": [0.1, 0.2], "low": [0.0, 0.1], "high": [0.2, 0.3]}, [2020, 2021])
    bare = whole.assign(low=[0.0, np.nan], high=[0.2, np.nan])
    assert plots.ic_by_year(bare).count("fill: none") > plots.ic_by_year(whole).count("fill: none")


def heights(svg: str) -> list[str]:
    """Return the numbers along the axis of values."""
    return [text for text in texts(svg) if "." in text]


def test_a_year_of_few_bars_stretches_no_axis():
    full = pd.DataFrame({"ic": [0.02, 0.01], "low": [0.0, -0.01], "high": [0.04, 0.03]}, [2020, 2021])
    few = pd.concat([pd.DataFrame({"ic": [0.9], "low": [0.5], "high": [1.3]}, [2019]), full])
    assert heights(plots.ic_by_year(few.assign(enough=[False, True, True]))) == heights(plots.ic_by_year(full))
    assert heights(plots.ic_by_year(few)) != heights(plots.ic_by_year(full))
    alone = plots.ic_by_year(few[:1].assign(enough=False))
    assert max(map(float, heights(alone))) >= 0.8, "alone, it is drawn where it is"
    rows = [{"year": year, "hit_rate": 0.5 + year % 3 / 100, "hit_base_rate": 0.505} for year in range(2015, 2021)]
    odd = {"year": 2021, "hit_rate": 0.95, "hit_base_rate": 0.9, "enough": False}
    assert heights(plots.hit_by_year([*rows, odd])) == heights(plots.hit_by_year(rows))
    assert "2021" in texts(plots.hit_by_year([odd]))


def test_where_luck_gives_nothing_it_is_said():
    said = texts(plots.deflation(0.26, 0.0, 0.84))
    assert {"nothing", "to take off"} <= set(said) or "nothing to take off" in said
    assert said.count("+0.26") == 2
    assert "+0.00" not in said


def test_the_horizon_of_the_label_has_a_ring():
    table = parts(pd.Series(0.1, DAYS))
    wide = max(float(x) for x in re.findall(r"M 0 ([\d.]+)\nC", plots.ic_decay(table, 5)))
    assert wide > 2 * max(float(x) for x in re.findall(r"M 0 ([\d.]+)\nC", plots.ic_decay(table))), "air around the dot"
    assert plots.ic_decay(table, 5) != plots.ic_decay(table)
    assert plots.ic_decay(table, 99) == plots.ic_decay(table)


def test_parts_stand_below_their_group_and_long_names_are_cut():
    said = texts(plots.ic_by_part(parts(pd.Series(0.1, DAYS), GROUPS)))
    assert said.index("Market volatility") < said.index("a") < said.index("Sector")
    assert "A rather long na…" in said


def test_equity_names_every_curve_at_its_end_without_overlap():
    curves = {name: pd.Series(np.linspace(1, 1.5 + k / 1_000, 700), DAYS) for k, name in enumerate("abcdefg")}
    svg = plots.equity(curves, ["c"], size=plots.HALF)
    named = [node for node in parse(svg).iter("text") if "".join(node.itertext()).split()[0] in curves]
    heights = sorted(float(node.get("y")) for node in named)
    assert len(named) == 7
    assert np.diff(heights).min() > 8


def test_equity_starts_at_one_and_ends_where_it_should():
    svg = plots.equity({"m": pd.Series([200.0, 300.0], DAYS[:2])}, ["m"])
    assert any(text.split() == ["m", "1.50"] for text in texts(svg))


def test_wide_ranges_are_logarithmic():
    values = pd.Series(np.geomspace(1, 100, 700), DAYS)
    assert {"1", "10", "100"} <= set(texts(plots.equity({"m": values}, ["m"])))
    fewer = pd.Series(np.geomspace(0.7, 4.1, 700), DAYS)
    assert {"1", "1.5", "2", "3", "5"} <= set(texts(plots.equity({"m": fewer}, ["m"])))


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
