"""Figures of a book: equity, returns by year, drawdown and turnover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from alpha.report.plots.canvas import (
    BASELINES,
    FAIL,
    HALF,
    INK,
    MODELS,
    MUTED,
    WIDE,
    cleaned,
    columns,
    date_axis,
    days,
    drawn,
    name_ends,
    thin,
    year_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMOOTHED = 21  # bars: a month
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))


def equity(curves: Mapping[str, pd.Series], models: Sequence[str], *, size: tuple[float, float] = WIDE) -> str:
    """Draw growth of 1 net of costs: `models` in colour, every other curve in grey, each named at its end."""
    grown = {name: _rebased(series) for name, series in curves.items()}
    shown = {name: xy for name, xy in grown.items() if len(xy[0])}
    values = np.concatenate([y for _, y in shown.values()]) if shown else np.array([1.0])
    wide = values.min() > 0 and values.max() / values.min() > 5

    def draw(axes: Axes) -> None:
        if wide:
            axes.set_yscale("log")
            _log_ticks(axes, values)
        axes.axhline(1.0, color=MUTED, lw=0.7, zorder=1)
        ends = []
        for name, (x, y) in sorted(shown.items(), key=lambda item: item[0] in models):
            style = _style(name, list(curves), models)
            axes.plot(*thin(x, y, round(size[0])), solid_joinstyle="round", **style)
            ends.append((f"{name}  {y[-1]:.2f}", float(y[-1]), style["color"]))
        date_axis(axes, size)
        name_ends(axes, ends)

    room, log = _name_room(shown, size), " (log scale)" if wide else ""
    return drawn("equity", "Growth of 1 net of costs", draw if shown else None, size, x="date", y=f"growth of 1{log}",
                 right=room)  # fmt: skip


def return_by_year(by_year: Sequence[Mapping[str, Any]], *, colour: str = MODELS[0]) -> str:
    """Draw each year's `net_return` as a bar, in percent; the bar is hollow where `enough` is False."""
    years, net, enough = columns([{"enough": True, **row} for row in by_year], "year", "net_return", "enough")

    def draw(axes: Axes) -> None:
        shades = np.where(net >= 0, colour, FAIL)
        for fill in (True, False):
            of = (enough > 0) == fill
            axes.bar(years[of], net[of] * 100, width=0.72, color=shades[of], fill=fill, ec=shades[of], alpha=0.75)
        axes.axhline(0, color=MUTED, lw=0.8)
        year_axis(axes, years)

    return drawn("returns", "Net return by year in percent", draw if len(years) else None, x="year", y="net return (%)")


def drawdown(falls: pd.Series, *, colour: str = MODELS[0]) -> str:
    """Draw the drawdown, in percent, and mark the deepest."""
    clean = -cleaned(falls).abs() * 100

    def draw(axes: Axes) -> None:
        x, y = thin(days(clean.index), clean.to_numpy(), round(HALF[0]))
        axes.fill_between(x, y, 0, color=colour, alpha=0.3, lw=0)
        axes.plot(x, y, color=colour, lw=0.8)
        axes.axhline(0, color=MUTED, lw=0.8)
        worst = int(np.argmin(y))
        axes.plot(x[worst], y[worst], "o", color=FAIL, ms=4)
        right = x[worst] > (x[0] + x[-1]) / 2
        axes.annotate(f"−{-y[worst]:.1f} %", (x[worst], y[worst]), (-7 if right else 7, 0), va="center", color=FAIL,
                      ha="right" if right else "left", textcoords="offset points")  # fmt: skip
        axes.set_ylim(min(y.min() * 1.08, -1e-6), 0)
        date_axis(axes, HALF)

    return drawn("drawdown", "Drawdown in percent", draw if len(clean) else None, x="date", y="drawdown (%)")


def turnover(traded: pd.Series, *, colour: str = MODELS[0]) -> str:
    """Draw the turnover as its mean over a month of bars, with the mean over all bars."""
    clean = cleaned(traded)
    smooth = clean.rolling(SMOOTHED, min_periods=1).mean()

    def draw(axes: Axes) -> None:
        axes.plot(*thin(days(smooth.index), smooth.to_numpy(), round(HALF[0])), color=colour, lw=1.0)
        axes.axhline(clean.mean(), color=INK, lw=0.9, ls=(0, (4, 2)))
        axes.set_ylim(bottom=0, top=max(smooth.max() * 1.1, 1e-9))
        date_axis(axes, HALF)

    return drawn("turnover", "Turnover of positions, mean of 21 bars", draw if len(clean) else None, x="date",
                 y="turnover (sum of |Δ weight| a bar)")  # fmt: skip


def account(values: pd.Series, start: float | None = None, *, size: tuple[float, float] = WIDE) -> str:
    """Draw the equity of a paper account, in its currency, above and below its initial value."""
    clean = cleaned(values)

    def draw(axes: Axes) -> None:
        x, y = thin(days(clean.index), clean.to_numpy(), round(size[0]))
        base = y[0] if start is None else start
        axes.axhline(base, color=MUTED, lw=0.8, ls=(0, (4, 2)))
        axes.plot(x, y, color=MODELS[0], lw=1.6, marker="o" if len(x) == 1 else "")
        axes.fill_between(x, y, base, color=MODELS[0], alpha=0.12, lw=0)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        date_axis(axes, size)
        name_ends(axes, [(f"{y[-1]:,.0f}", float(y[-1]), MODELS[0])])

    return drawn("account", "Equity of the account", draw if len(clean) else None, size, x="date",
                 y="equity (quote currency)", left=74, right=70)  # fmt: skip


def _rebased(series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    clean = cleaned(series)
    clean = clean[clean.cumsum() > 0] if len(clean) and clean.iloc[0] <= 0 else clean
    return days(clean.index), clean.to_numpy() / (clean.iloc[0] if len(clean) else 1.0)


def _style(name: str, names: Sequence[str], models: Sequence[str]) -> dict[str, Any]:
    others = [other for other in names if other not in models]
    if name in models:
        return {"color": MODELS[list(models).index(name) % len(MODELS)], "lw": 1.7}
    at = others.index(name)
    return {"color": BASELINES[at % len(BASELINES)], "lw": 1.1, "ls": _DASHES[at % len(_DASHES)]}


def _log_ticks(axes: Axes, values: np.ndarray) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    powers = 10.0 ** np.arange(np.floor(np.log10(values.min())), np.ceil(np.log10(values.max())) + 1)
    steps = [1, 2, 5] if values.max() / values.min() > 30 else [1, 1.5, 2, 3, 5, 7]
    ticks = np.sort(np.outer(powers, steps).ravel())
    axes.yaxis.set_major_locator(FixedLocator(ticks[(ticks >= values.min() * 0.8) & (ticks <= values.max() * 1.2)]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _name_room(shown: Mapping[str, object], size: tuple[float, float]) -> float:
    longest = max((len(name) for name in shown), default=0) + 6
    return min(longest * 5.2 + 8, size[0] * 0.38)
