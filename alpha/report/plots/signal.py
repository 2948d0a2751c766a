"""Figures of a signal: information coefficients over time, by horizon and by part; returns by quantile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from alpha.report.plots.canvas import (
    ABOVE,
    BELOW,
    FAIL,
    HALF,
    INK,
    MODELS,
    MUTED,
    banded,
    columns,
    date_axis,
    days,
    drawn,
    few_ticks,
    hollow,
    name_ends,
    spread,
    year_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = 13.0  # points from one part to the next
DOT, RING = 4.5, 11.0  # diameters in points
_LONGEST = 17  # most characters of a part's name


def ic_rolling(rolling: pd.DataFrame, *, colour: str = MODELS[0]) -> str:
    """Draw the rolling mean IC within its 95 % band: columns `mean`, `low`, `high`."""
    table, why = banded(rolling, "mean", "low", "high"), "no data: fewer than 252 bars have an IC"
    y = "mean IC (rank correlation)"
    return _in_band("ic-rolling", "Rolling mean IC and its band", table, colour, y=y, why=why)


def ic_cumulative(cumulative: pd.DataFrame, *, colour: str = MODELS[0]) -> str:
    """Draw the sum of the daily IC within its 95 % band: columns `sum`, `low`, `high`."""
    table, why = banded(cumulative, "sum", "low", "high"), "no data: no bar has an IC"
    return _in_band("ic-cumulative", "Cumulative IC and its band", table, colour, y="sum of daily ICs", why=why)


def _in_band(name: str, title: str, table: pd.DataFrame, colour: str, *, y: str, why: str) -> str:
    def draw(axes: Axes) -> None:
        _band(axes, table, colour)
        date_axis(axes, HALF)

    return drawn(name, title, draw if len(table) else None, x="date", y=y, why=why)


def _band(axes: Axes, table: pd.DataFrame, colour: str) -> None:
    rows = spread(len(table), round(HALF[0]))
    x, (line, low, high) = days(table.index)[rows], table.to_numpy()[rows].T
    axes.fill_between(x, low, high, color=colour, alpha=0.22, lw=0)
    axes.plot(x, line, color=colour, lw=1.3, marker="o" if len(x) == 1 else "", ms=4)
    axes.axhline(0, color=MUTED, lw=0.8)


def ic_decay(decay: pd.DataFrame, horizon: int | None = None, *, colour: str = MODELS[0]) -> str:
    """Draw the mean IC by horizon of the outcome, with intervals; a ring marks the label's horizon.

    Parameters
    ----------
    decay : DataFrame
        Index: horizons in bars; columns `ic`, `low`, `high`.
    """
    at, ic, low, high = _intervals(decay)

    def draw(axes: Axes) -> None:
        axes.vlines(at, low, high, color=colour, lw=1.4, alpha=0.55)
        _dots(axes, at, ic, low, colour)
        own = at == horizon
        axes.plot(at[own], ic[own], "o", color=INK, ms=RING, mfc="none", mew=1.2, zorder=4)
        axes.axhline(0, color=MUTED, lw=0.8)
        axes.set_xticks([tick for tick in (1, 5, 10, 15, 20) if at.min() <= tick <= at.max()])
        axes.margins(x=0.04, y=0.08)
        few_ticks(axes)

    why = "no data: no horizon has an IC"
    return drawn(
        "decay",
        "IC by horizon in bars",
        draw if len(at) else None,
        x="horizon (bars)",
        y="mean IC (rank correlation)",
        why=why,
    )


def ic_by_year(years: pd.DataFrame, *, colour: str = MODELS[0]) -> str:
    """Draw the mean IC of each year with its interval.

    Parameters
    ----------
    years : DataFrame
        Index: years; columns `ic`, `low`, `high` and optionally `enough`: whether the year has enough bars.
    """
    at, ic, low, high = _intervals(years)
    full = np.isin(at, years.index[years["enough"]]) if "enough" in years else np.full(len(at), True)

    def draw(axes: Axes) -> None:
        for mask, shade in ((full & (ic >= 0), colour), (full & (ic < 0), FAIL)):
            axes.vlines(at[mask], low[mask], high[mask], color=shade, lw=1.6, alpha=0.55)
            _dots(axes, at[mask], ic[mask], low[mask], shade)
        axes.axhline(0, color=MUTED, lw=0.8)
        axes.margins(y=0.08)
        for mask, shade in ((~full & (ic >= 0), colour), (~full & (ic < 0), FAIL)):
            hollow(axes, at[mask], ic[mask], shade, alone=not full.any())
        year_axis(axes, at)

    why = "no data: no year has an IC"
    return drawn("ic-years", "IC by year", draw if len(at) else None, x="year", y="mean IC (rank correlation)", why=why)


def ic_by_part(parts: pd.DataFrame, *, colour: str = MODELS[0]) -> str:
    """Draw the mean IC within each part of the market, one line each, with intervals.

    Parameters
    ----------
    parts : DataFrame
        Index: group and part; columns `ic`, `low`, `high`.
    """
    known = parts[np.isfinite(parts["ic"].astype(float))] if "ic" in parts and parts.index.nlevels == 2 else parts[:0]
    lines: list[tuple[str, int | None]] = []  # the text at each height, and its row; None: a heading
    for group, members in groupby(enumerate(known.index), key=lambda item: item[1][0]):
        lines.append((_words(group), None))
        lines += [(_short(str(part)), row) for row, (_, part) in members]

    def draw(axes: Axes) -> None:
        height = {row: at for at, (_, row) in enumerate(lines) if row is not None}
        _, ic, low, high = _intervals(known.set_axis(range(len(known))))
        at = np.array([height[row] for row in range(len(known))], dtype=float)
        for mask, shade in ((ic >= 0, colour), (ic < 0, FAIL)):
            axes.hlines(at[mask], low[mask], high[mask], color=shade, lw=1.6, alpha=0.55)
            _dots(axes, ic[mask], at[mask], low[mask], shade)
        axes.axvline(0, color=MUTED, lw=0.8)
        axes.set_yticks(range(len(lines)), [text for text, _ in lines])
        for tick, (_, row) in zip(axes.get_yticklabels(), lines, strict=True):
            tick.set_color(INK if row is None else MUTED)
        axes.set_ylim(len(lines) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        axes.margins(x=0.06)
        few_ticks(axes, "x")

    size = (HALF[0], max(HALF[1], BELOW + ABOVE + LINE * len(lines)))
    why = "no data: no part of the market has an IC"
    return drawn("ic-parts", "IC by part of the market", draw if lines else None, size, x="mean IC (rank correlation)",
                 y="part of the market", left=120, why=why)  # fmt: skip


def _dots(axes: Axes, x: np.ndarray, y: np.ndarray, low: np.ndarray, colour: str) -> None:
    """Draw estimates; one from too few bars is hollow and has no interval."""
    known = np.isfinite(low)
    axes.plot(x[known], y[known], "o", color=colour, ms=DOT, zorder=3)
    axes.plot(x[~known], y[~known], "o", color=colour, ms=DOT, mfc="none", zorder=3)


def _intervals(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return index, `ic`, `low` and `high` where the IC is known."""
    if not {"ic", "low", "high"} <= set(table.columns):
        return np.empty(0), np.empty(0), np.empty(0), np.empty(0)
    at = np.asarray(table.index, dtype=float)
    ic, low, high = table[["ic", "low", "high"]].to_numpy(dtype=float).T
    known = np.isfinite(ic)
    return at[known], ic[known], low[known], high[known]


def _words(name: object) -> str:
    return str(name).replace("_", " ").capitalize()


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def quantile_returns(returns: pd.Series, *, colour: str = MODELS[0]) -> str:
    """Draw the mean realised return of each quantile of the signal, in basis points."""
    bars = pd.Series(returns, dtype=float)
    bps = np.where(np.isfinite(bars), bars, np.nan) * 1e4
    x = f"quantile (1 = lowest signal … {len(bps)} = highest)"

    def draw(axes: Axes) -> None:
        at = np.arange(len(bps))
        axes.bar(at, np.nan_to_num(bps), width=0.72, color=[colour if v >= 0 else FAIL for v in bps], alpha=0.75)
        axes.axhline(0, color=MUTED, lw=0.8)
        step = len(bps) // 20 + 1
        axes.set_xticks(at[::step], [f"{q:g}" if isinstance(q, (int, float)) else str(q) for q in bars.index[::step]])
        axes.tick_params(axis="x", length=0)
        axes.margins(y=0.18)
        for q, v in zip(at, bps, strict=True):
            if np.isfinite(v) and len(bps) <= 10:
                axes.annotate(f"{v:+.1f}".replace("-", "−"), (q, v), (0, 3 if v >= 0 else -3), ha="center",
                              va="bottom" if v >= 0 else "top", textcoords="offset points", fontsize=8)  # fmt: skip

    why = "no data: there are fewer symbols than quantiles, or no outcomes"
    return drawn("quantiles", "Mean realised return by quantile", draw if np.isfinite(bps).any() else None,
                 x=x, y="mean return (bps)", why=why)  # fmt: skip


def quantile_fan(growth: pd.DataFrame, *, colour: str = MODELS[0]) -> str:
    """Draw the cumulative mean return of each quantile, in percent; the lowest and the highest are named."""
    table = banded(growth, *growth.columns) if len(growth.columns) > 1 else growth[:0]

    def draw(axes: Axes) -> None:
        rows = spread(len(table), round(HALF[0]))
        x, lines = days(table.index)[rows], table.to_numpy()[rows].T * 100
        axes.axhline(0, color=MUTED, lw=0.8)
        for line in lines[1:-1]:
            axes.plot(x, line, color=MUTED, lw=0.9, alpha=0.8)
        axes.plot(x, lines[0], color=FAIL, lw=1.3)
        axes.plot(x, lines[-1], color=colour, lw=1.6)
        date_axis(axes, HALF)
        name_ends(axes, [("lowest", float(lines[0][-1]), FAIL), ("highest", float(lines[-1][-1]), colour)])

    why = "no data: there are fewer symbols than quantiles, or no outcomes"
    return drawn("fan", "Summed mean return by quantile of the signal", draw if len(table) else None, x="date",
                 y="sum of mean returns (%)", right=48, why=why)  # fmt: skip


def hit_by_year(by_year: Sequence[Mapping[str, Any]], *, colour: str = MODELS[0]) -> str:
    """Draw each year's `hit_rate` as a dot, joined to its `hit_base_rate`: the better constant guess.

    A year where `enough` is False is a hollow dot alone.
    """
    rows = [{"enough": True, **row} for row in by_year]
    years, hit, base, enough = columns(rows, "year", "hit_rate", "hit_base_rate", "enough")

    def draw(axes: Axes) -> None:
        above, told = hit > base, enough > 0
        for mask, shade in ((told & above, colour), (told & ~above, FAIL)):
            axes.vlines(years[mask], base[mask], hit[mask], color=shade, lw=1.6, alpha=0.55)
            axes.plot(years[mask], hit[mask], "o", color=shade, ms=DOT)
        axes.hlines(base[told], years[told] - 0.32, years[told] + 0.32, color=INK, lw=1.3)
        axes.margins(y=0.12)
        for mask, shade in ((~told & above, colour), (~told & ~above, FAIL)):
            hollow(axes, years[mask], hit[mask], shade, alone=not told.any())
        year_axis(axes, years)

    return drawn("hits", "Hit rate by year against its base rate", draw if len(years) else None, x="year",
                 y="hit rate (fraction)")  # fmt: skip
