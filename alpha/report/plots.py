"""Figures of the reports: series in, inline SVG out.

Every figure survives empty, constant, one-point and NaN series. Colours are CSS variables of the page, so that a
figure follows its light, dark and printed form; text stays text. Equal series give equal bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 1_500  # of one curve; more cannot be seen
WIDE, HALF = (760.0, 270.0), (380.0, 215.0)  # in points; a half is what one column of the page shows
ROLLING, SMOOTHED = 63, 21  # bars: a quarter, a month

# Matplotlib wants colours, the page wants variables: each stands for one and is replaced in the SVG.
INK, MUTED, GRID, FAIL = "#010001", "#010002", "#010003", "#010004"
MODELS = ("#010010", "#010011", "#010012", "#010013")
BASELINES = ("#010020", "#010021", "#010022", "#010023")
_VARIABLES = {
    INK: "ink", MUTED: "muted", GRID: "grid", FAIL: "fail",
    **{colour: f"m{number}" for number, colour in enumerate(MODELS)},
    **{colour: f"b{number}" for number, colour in enumerate(BASELINES)},
}  # fmt: skip
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
_RC: dict[Any, Any] = {
    "svg.fonttype": "none", "font.family": "DejaVu Sans", "font.size": 8.5, "text.color": INK, "text.parse_math": False,
    "axes.edgecolor": MUTED, "axes.linewidth": 0.7, "axes.labelcolor": MUTED, "axes.unicode_minus": True,
    "axes.spines.left": False, "axes.spines.right": False, "axes.spines.top": False, "axes.axisbelow": True,
    "axes.grid": True, "axes.grid.axis": "y", "grid.color": GRID, "grid.linewidth": 0.7,
    "xtick.color": MUTED, "ytick.color": MUTED, "ytick.left": False, "ytick.major.size": 0, "xtick.major.size": 3,
    "xtick.major.width": 0.7, "lines.solid_capstyle": "round", "path.simplify": False,
}  # fmt: skip


def equity(curves: Mapping[str, pd.Series], models: Sequence[str], *, size: tuple[float, float] = WIDE) -> str:
    """Draw growth of 1 net of costs: `models` in colour, every other curve in grey, each named at its end."""
    grown = {name: _rebased(series) for name, series in curves.items()}
    shown = {name: xy for name, xy in grown.items() if len(xy[0])}
    values = np.concatenate([y for _, y in shown.values()]) if shown else np.array([])

    def draw(axes: Axes) -> None:
        if values.min() > 0 and values.max() / values.min() > 5:
            axes.set_yscale("log")
            _log_ticks(axes, values)
        axes.axhline(1.0, color=MUTED, lw=0.7, zorder=1)
        ends = []
        for name, (x, y) in sorted(shown.items(), key=lambda item: item[0] in models):
            style = _style(name, list(curves), models)
            axes.plot(*thin(x, y, round(size[0])), solid_joinstyle="round", **style)
            ends.append((f"{name}  {y[-1]:.2f}", float(y[-1]), style["color"]))
        _date_axis(axes, size)
        _name_ends(axes, ends)

    return _figure("equity", "Growth of 1 net of costs", draw if shown else None, size, right=_name_room(shown, size))


def ic_by_year(ic: pd.Series, *, colour: str = MODELS[0]) -> str:
    """Draw the mean IC of each year as a bar, and its rolling mean over a quarter as a line."""
    daily = _clean(ic)
    years = daily.groupby(_years(daily)).mean()
    rolling = daily.rolling(ROLLING, min_periods=ROLLING // 3).mean().dropna()

    def draw(axes: Axes) -> None:
        starts = _numbers(pd.to_datetime([f"{year}-01-01" for year in years.index]))
        shades = [colour if v >= 0 else FAIL for v in years]
        axes.plot(*thin(_numbers(rolling.index), rolling.to_numpy(), round(HALF[0])), color=MUTED, lw=0.6, alpha=0.75)
        axes.bar(starts + 182.5, years, width=345, color=shades, alpha=0.35)
        axes.hlines(years, starts + 10, starts + 355, color=shades, lw=1.6)
        axes.axhline(0, color=MUTED, lw=0.8)
        _date_axis(axes, HALF)

    return _figure("ic", "Information coefficient by year and its 63-day mean", draw if len(daily) else None)


def quantile_returns(returns: pd.Series, *, colour: str = MODELS[0]) -> str:
    """Draw the mean realised return of each quantile of the signal, in basis points."""
    bars = pd.Series(returns, dtype=float)
    bps = np.where(np.isfinite(bars), bars, np.nan) * 1e4

    def draw(axes: Axes) -> None:
        at = np.arange(len(bps))
        axes.bar(at, np.nan_to_num(bps), width=0.72, color=[colour if v >= 0 else FAIL for v in bps], alpha=0.75)
        axes.axhline(0, color=MUTED, lw=0.8)
        step = len(bps) // 20 + 1
        axes.set_xticks(at[::step], [f"{q:g}" if isinstance(q, (int, float)) else str(q) for q in bars.index[::step]])
        axes.tick_params(axis="x", length=0)
        axes.margins(y=0.18)
        for x, v in zip(at, bps, strict=True):
            if np.isfinite(v) and len(bps) <= 10:
                axes.annotate(f"{v:+.1f}".replace("-", "−"), (x, v), (0, 3 if v >= 0 else -3), ha="center",
                              va="bottom" if v >= 0 else "top", textcoords="offset points", fontsize=8)  # fmt: skip

    return _figure("quantiles", "Mean realised return by quantile", draw if np.isfinite(bps).any() else None)


def hit_by_year(by_year: Sequence[Mapping[str, Any]], *, colour: str = MODELS[0]) -> str:
    """Draw each year's `hit_rate` as a dot, joined to its `hit_base_rate`: the better constant guess."""
    years, hit, base = _columns(by_year, "year", "hit_rate", "hit_base_rate")

    def draw(axes: Axes) -> None:
        above = hit > base
        for mask, shade in ((above, colour), (~above, FAIL)):
            axes.vlines(years[mask], base[mask], hit[mask], color=shade, lw=1.6, alpha=0.55)
            axes.plot(years[mask], hit[mask], "o", color=shade, ms=4.5)
        axes.hlines(base, years - 0.32, years + 0.32, color=INK, lw=1.3)
        axes.margins(y=0.12)
        _year_axis(axes, years)

    return _figure("hits", "Hit rate by year against its base rate", draw if len(years) else None)


def return_by_year(by_year: Sequence[Mapping[str, Any]], *, colour: str = MODELS[0]) -> str:
    """Draw each year's `net_return` as a bar, in percent."""
    years, net = _columns(by_year, "year", "net_return")

    def draw(axes: Axes) -> None:
        axes.bar(years, net * 100, width=0.72, color=[colour if v >= 0 else FAIL for v in net], alpha=0.75)
        axes.axhline(0, color=MUTED, lw=0.8)
        _year_axis(axes, years)

    return _figure("returns", "Net return by year in percent", draw if len(years) else None)


def drawdown(falls: pd.Series, *, colour: str = MODELS[0]) -> str:
    """Draw the fall from the peak, in percent, and mark the deepest."""
    clean = -_clean(falls).abs() * 100

    def draw(axes: Axes) -> None:
        x, y = thin(_numbers(clean.index), clean.to_numpy(), round(HALF[0]))
        axes.fill_between(x, y, 0, color=colour, alpha=0.3, lw=0)
        axes.plot(x, y, color=colour, lw=0.8)
        axes.axhline(0, color=MUTED, lw=0.8)
        worst = int(np.argmin(y))
        axes.plot(x[worst], y[worst], "o", color=FAIL, ms=4)
        right = x[worst] > (x[0] + x[-1]) / 2
        axes.annotate(f"−{-y[worst]:.1f} %", (x[worst], y[worst]), (-7 if right else 7, 0), va="center", color=FAIL,
                      ha="right" if right else "left", textcoords="offset points")  # fmt: skip
        axes.set_ylim(min(y.min() * 1.08, -1e-6), 0)
        _date_axis(axes, HALF)

    return _figure("drawdown", "Drawdown in percent", draw if len(clean) else None)


def turnover(traded: pd.Series, *, colour: str = MODELS[0]) -> str:
    """Draw what was traded, as its mean over a month of bars, with the mean over all of them."""
    clean = _clean(traded)
    smooth = clean.rolling(SMOOTHED, min_periods=1).mean()

    def draw(axes: Axes) -> None:
        axes.plot(*thin(_numbers(smooth.index), smooth.to_numpy(), round(HALF[0])), color=colour, lw=1.0)
        axes.axhline(clean.mean(), color=INK, lw=0.9, ls=(0, (4, 2)))
        axes.set_ylim(bottom=0, top=max(smooth.max() * 1.1, 1e-9))
        _date_axis(axes, HALF)

    return _figure("turnover", "Turnover of positions, mean of 21 bars", draw if len(clean) else None)


def account(values: pd.Series, start: float | None = None, *, size: tuple[float, float] = WIDE) -> str:
    """Draw the equity of a paper account, in its currency, above and below where it started."""
    clean = _clean(values)

    def draw(axes: Axes) -> None:
        x, y = thin(_numbers(clean.index), clean.to_numpy(), round(size[0]))
        base = y[0] if start is None else start
        axes.axhline(base, color=MUTED, lw=0.8, ls=(0, (4, 2)))
        axes.plot(x, y, color=MODELS[0], lw=1.6, marker="o" if len(x) == 1 else "")
        axes.fill_between(x, y, base, color=MODELS[0], alpha=0.12, lw=0)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        _date_axis(axes, size)
        _name_ends(axes, [(f"{y[-1]:,.0f}", float(y[-1]), MODELS[0])])

    return _figure("account", "Equity of the account", draw if len(clean) else None, size, left=62, right=70)


def thin(x: np.ndarray, y: np.ndarray, limit: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Keep at most `limit` points: the ends, and the lowest and highest of equal stretches between them."""
    if len(x) <= limit:
        return x, y
    edges = np.linspace(0, len(x), max(1, (limit - 2) // 2) + 1).astype(int)
    kept = {0, len(x) - 1}
    for a, b in pairwise(edges):
        kept |= {a + int(np.argmin(y[a:b])), a + int(np.argmax(y[a:b]))}
    rows = np.array(sorted(kept))
    return x[rows], y[rows]


def _figure(
    name: str,
    title: str,
    draw: Callable[[Axes], None] | None,
    size: tuple[float, float] = HALF,
    *,
    left: float = 38,
    right: float = 8,
) -> str:
    """Return the SVG of one pair of axes with fixed margins in points; no `draw`: it says that there is nothing."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # not what a matplotlibrc of this machine says
        matplotlib.rcParams.update({**_RC, "svg.hashsalt": f"{name}-{size[0]:.0f}"})
        figure = Figure(figsize=(size[0] / 72, size[1] / 72), facecolor="none")
        FigureCanvasSVG(figure)
        width, height = size
        axes = figure.add_axes((left / width, 24 / height, (width - left - right) / width, (height - 34) / height),
                               facecolor="none")  # fmt: skip
        if draw is None:
            axes.set_axis_off()
            axes.text(0.5, 0.5, "no data", ha="center", va="center", color=MUTED, transform=axes.transAxes)
        else:
            draw(axes)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _inline(out.getvalue(), title)


def _inline(svg: str, title: str) -> str:
    """Make a matplotlib file fit to stand in a page: variables for colours, no unused ids, two decimals."""
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r' id="[A-Za-z]+\d*_[\d.]+"| xmlns(:\w+)?="[^"]*"| version="[^"]*"', "", svg)
    opening = rf'<svg role="img" aria-label="{escape(title)}" \1>'
    svg = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', opening, svg, count=1)
    svg = svg.replace("xlink:href", "href").replace("'DejaVu Sans'", "var(--sans)")
    svg = re.sub(r'(?<= )(?:d|x|y|transform|points)="[^"]*"', lambda m: re.sub(r"(\.\d\d)\d+", r"\1", m[0]), svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    return re.sub(r"\s*\n\s*", "\n", svg).strip()


def _clean(series: pd.Series) -> pd.Series:
    """Return the finite values by time, in naive UTC; what is not indexed by time is no series over time."""
    if not isinstance(series.index, pd.DatetimeIndex):
        return pd.Series(dtype=float, index=pd.DatetimeIndex([]))
    index = series.index.tz_convert(None) if series.index.tz is not None else series.index
    values = pd.Series(series.to_numpy(dtype=float), index=index)
    return values[np.isfinite(values)]


def _years(series: pd.Series) -> np.ndarray:
    return pd.DatetimeIndex(series.index).year.to_numpy()


def _numbers(times: pd.Index) -> np.ndarray:
    """Return days since 1970, the numbers of matplotlib's dates."""
    return pd.DatetimeIndex(times).as_unit("ns").view("int64") / 86_400e9


def _rebased(series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    clean = _clean(series)
    clean = clean[clean.cumsum() > 0] if len(clean) and clean.iloc[0] <= 0 else clean
    return _numbers(clean.index), clean.to_numpy() / (clean.iloc[0] if len(clean) else 1.0)


def _columns(rows: Sequence[Mapping[str, Any]], *names: str) -> Sequence[np.ndarray]:
    """Return columns of a table, less the rows where one of them is not a finite number."""
    frame = pd.DataFrame([dict(row) for row in rows]).reindex(columns=list(names))
    table = frame.to_numpy(dtype=float)
    return tuple(table[np.isfinite(table).all(axis=1)].T)


def _style(name: str, names: Sequence[str], models: Sequence[str]) -> dict[str, Any]:
    others = [other for other in names if other not in models]
    if name in models:
        return {"color": MODELS[list(models).index(name) % len(MODELS)], "lw": 1.7}
    at = others.index(name)
    return {"color": BASELINES[at % len(BASELINES)], "lw": 1.1, "ls": _DASHES[at % len(_DASHES)]}


def _date_axis(axes: Axes, size: tuple[float, float]) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import LogLocator, MaxNLocator

    low, high = axes.dataLim.intervalx
    if high - low < 4:  # days: one point has no span of its own
        axes.set_xlim(low - 2, high + 2)
    else:
        axes.set_xlim(low, high)
    locator = AutoDateLocator(minticks=2, maxticks=max(6, round(size[0] / 65)), interval_multiples=True)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    if not isinstance(axes.yaxis.get_major_locator(), LogLocator) and axes.get_yscale() != "log":
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def _year_axis(axes: Axes, years: np.ndarray) -> None:
    step = max(1, int(np.ceil((years.max() - years.min() + 1) / 9)))
    ticks = np.arange(years.min(), years.max() + 1, step)
    axes.set_xticks(ticks, [f"{year:.0f}" for year in ticks])
    axes.set_xlim(years.min() - 0.7, years.max() + 0.7)
    axes.tick_params(axis="x", length=0)


def _log_ticks(axes: Axes, values: np.ndarray) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    powers = 10.0 ** np.arange(np.floor(np.log10(values.min())), np.ceil(np.log10(values.max())) + 1)
    ticks = np.sort(np.outer(powers, [1, 2, 5]).ravel())
    axes.yaxis.set_major_locator(FixedLocator(ticks[(ticks >= values.min() * 0.8) & (ticks <= values.max() * 1.2)]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _name_room(shown: Mapping[str, object], size: tuple[float, float]) -> float:
    longest = max((len(name) for name in shown), default=0) + 6
    return min(longest * 5.2 + 8, size[0] * 0.38)


def _name_ends(axes: Axes, ends: Sequence[tuple[str, float, str]]) -> None:
    """Write each curve's name at its end, pushed apart where they would overlap."""
    height = axes.get_window_extent().height * 72 / axes.figure.dpi
    to_axes = axes.transData.transform
    low, high = (to_axes((0, value))[1] for value in axes.get_ylim())
    placed = sorted((float((to_axes((0, y))[1] - low) / (high - low)), text, colour) for text, y, colour in ends)
    gap = 11.5 / height
    at = np.array([position for position, _, _ in placed])
    for _ in range(100):
        for i in range(1, len(at)):
            push = gap - (at[i] - at[i - 1])
            if push > 1e-9:
                at[i - 1] -= push / 2
                at[i] += push / 2
        at = np.clip(at, 0, 1) if len(at) * gap <= 1 else at
    for position, (_, text, colour) in zip(at, placed, strict=True):
        axes.annotate(text, (1, position), (6, 0), xycoords="axes fraction", textcoords="offset points", va="center",
                      color=colour, annotation_clip=False)  # fmt: skip
