"""Shared parts of all figures: turn a function that draws on axes into inline SVG.

Colours are CSS variables of the page, so that a figure follows its light, dark and printed form; text stays text.
Equal series give equal bytes.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 1_500  # most points of one curve; more cannot be seen
WIDE, HALF = (760.0, 270.0), (380.0, 215.0)  # in points; HALF fits one column of the page

BELOW, ABOVE = 37.0, 10.0  # points around the axes; the numbers and the title of the x axis are below

# Matplotlib needs colours, the page needs CSS variables: each colour here is replaced by its variable in the SVG.
INK, MUTED, GRID, FAIL = "#010001", "#010002", "#010003", "#010004"
MODELS = ("#010010", "#010011", "#010012", "#010013")
BASELINES = ("#010020", "#010021", "#010022", "#010023")
_VARIABLES = {
    INK: "ink", MUTED: "muted", GRID: "grid", FAIL: "fail",
    **{colour: f"m{number}" for number, colour in enumerate(MODELS)},
    **{colour: f"b{number}" for number, colour in enumerate(BASELINES)},
}  # fmt: skip
_RC: dict[Any, Any] = {
    "svg.fonttype": "none", "font.family": "DejaVu Sans", "font.size": 8.5, "text.color": INK, "text.parse_math": False,
    "axes.edgecolor": MUTED, "axes.linewidth": 0.7, "axes.labelcolor": MUTED, "axes.unicode_minus": True,
    "axes.spines.left": False, "axes.spines.right": False, "axes.spines.top": False, "axes.axisbelow": True,
    "axes.grid": True, "axes.grid.axis": "y", "grid.color": GRID, "grid.linewidth": 0.7,
    "xtick.color": MUTED, "ytick.color": MUTED, "ytick.left": False, "ytick.major.size": 0, "xtick.major.size": 3,
    "xtick.major.width": 0.7, "lines.solid_capstyle": "round", "path.simplify": False,
}  # fmt: skip


def percent(share: float) -> str:
    """Return a fraction as a whole percentage."""
    return f"{share:.0%}".replace("%", " %")


def spread(count: int, limit: int) -> np.ndarray:
    """Return at most `limit` of `count` row numbers, both ends included: for bands, whose lines must share rows."""
    return np.unique(np.linspace(0, count - 1, min(count, limit)).astype(int))


def thin(x: np.ndarray, y: np.ndarray, limit: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Keep at most `limit` points: the ends, and the lowest and highest point of equal intervals between them."""
    if len(x) <= limit:
        return x, y
    edges = np.linspace(0, len(x), max(1, (limit - 2) // 2) + 1).astype(int)
    kept = {0, len(x) - 1}
    for a, b in pairwise(edges):
        kept |= {a + int(np.argmin(y[a:b])), a + int(np.argmax(y[a:b]))}
    rows = np.array(sorted(kept))
    return x[rows], y[rows]


def drawn(
    name: str,
    title: str,
    draw: Callable[[Axes], None] | None,
    size: tuple[float, float] = HALF,
    *,
    x: str,
    y: str,
    left: float = 50,
    right: float = 8,
    why: str = "no data",
) -> str:
    """Return the SVG of one pair of axes with fixed margins in points; without `draw` it shows the text `why`.

    `x` and `y` are the titles of the axes, with units.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # ignore the matplotlibrc of this machine
        matplotlib.rcParams.update({**_RC, "svg.hashsalt": f"{name}-{size[0]:.0f}"})
        figure = Figure(figsize=(size[0] / 72, size[1] / 72), facecolor="none")
        FigureCanvasSVG(figure)
        width, height = size
        axes = figure.add_axes((left / width, BELOW / height, (width - left - right) / width,
                                (height - BELOW - ABOVE) / height), facecolor="none")  # fmt: skip
        if draw is None:
            axes.set_axis_off()
            axes.text(0.5, 0.5, textwrap.fill(why, 48), ha="center", va="center", color=MUTED, transform=axes.transAxes)
        else:
            draw(axes)
            _name(axes, x, y, left)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _inline(out.getvalue(), title)


def _name(axes: Axes, x: str, y: str, left: float) -> None:
    """Write the titles of the axes; that of y at the left edge, however long its numbers are."""
    axes.set_xlabel(x, labelpad=3)
    axes.set_ylabel(y)
    width = axes.get_window_extent().width * 72 / axes.figure.dpi
    axes.yaxis.set_label_coords((9 - left) / width, 0.5)


def _inline(svg: str, title: str) -> str:
    """Make an SVG of matplotlib fit for a page: CSS variables for colours, no unused ids, two decimals."""
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r' id="[A-Za-z]+\d*_[\d.]+"| xmlns(:\w+)?="[^"]*"| version="[^"]*"', "", svg)
    opening = rf'<svg role="img" aria-label="{escape(title)}" \1>'
    svg = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', opening, svg, count=1)
    svg = svg.replace("xlink:href", "href").replace("'DejaVu Sans'", "var(--sans)")
    svg = re.sub(r'(?<= )(?:d|x|y|transform|points)="[^"]*"', lambda m: re.sub(r"(\.\d\d)\d+", r"\1", m[0]), svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    return re.sub(r"\s*\n\s*", "\n", svg).strip()


def cleaned(series: pd.Series) -> pd.Series:
    """Return the finite values by time, in naive UTC; empty where the index holds no times."""
    if not isinstance(series.index, pd.DatetimeIndex):
        return pd.Series(dtype=float, index=pd.DatetimeIndex([]))
    index = series.index.tz_convert(None) if series.index.tz is not None else series.index
    values = pd.Series(series.to_numpy(dtype=float), index=index)
    return values[np.isfinite(values)]


def banded(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Return the columns by time, in naive UTC, in the rows where the first is finite; empty if a column is missing."""
    if not set(names) <= set(frame.columns) or not isinstance(frame.index, pd.DatetimeIndex):
        return pd.DataFrame(columns=list(names), index=pd.DatetimeIndex([]), dtype=float)
    index = frame.index.tz_convert(None) if frame.index.tz is not None else frame.index
    table = frame[list(names)].astype(float).set_axis(index, axis=0)
    return table[np.isfinite(table[names[0]])]


def days(times: pd.Index) -> np.ndarray:
    """Return days since 1970, the numbers of matplotlib's dates."""
    return pd.DatetimeIndex(times).as_unit("ns").view("int64") / 86_400e9


def columns(rows: Sequence[Mapping[str, Any]], *names: str) -> Sequence[np.ndarray]:
    """Return columns of a table, without the rows where one of them is not a finite number."""
    frame = pd.DataFrame([dict(row) for row in rows]).reindex(columns=list(names))
    table = frame.to_numpy(dtype=float)
    return tuple(table[np.isfinite(table).all(axis=1)].T)


def date_axis(axes: Axes, size: tuple[float, float]) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import LogLocator

    low, high = axes.dataLim.intervalx
    if high - low < 4:  # days; a single point has no span
        axes.set_xlim(low - 2, high + 2)
    else:
        axes.set_xlim(low, high)
    locator = AutoDateLocator(minticks=2, maxticks=max(6, round(size[0] / 65)), interval_multiples=True)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    if not isinstance(axes.yaxis.get_major_locator(), LogLocator) and axes.get_yscale() != "log":
        few_ticks(axes)


def few_ticks(axes: Axes, which: Literal["x", "y"] = "y") -> None:
    """Put a handful of numbers along an axis."""
    from matplotlib.ticker import MaxNLocator

    (axes.yaxis if which == "y" else axes.xaxis).set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))


def hollow(axes: Axes, x: np.ndarray, y: np.ndarray, colour: str, *, alone: bool) -> None:
    """Draw estimates from too few bars as hollow points; unless alone, one beyond the axis is an arrow at its edge."""
    low, high = (-np.inf, np.inf) if alone else axes.get_ylim()
    for marker, rows in (("o", (low <= y) & (y <= high)), ("^", y > high), ("v", y < low)):
        axes.plot(x[rows], np.clip(y[rows], low, high), marker, color=colour, ms=4.5, mfc="none", zorder=3,
                  clip_on=False)  # fmt: skip
    if not alone:
        axes.set_ylim(low, high)


def year_axis(axes: Axes, years: np.ndarray) -> None:
    few_ticks(axes)
    step = max(1, int(np.ceil((years.max() - years.min() + 1) / 9)))
    ticks = np.arange(years.min(), years.max() + 1, step)
    axes.set_xticks(ticks, [f"{year:.0f}" for year in ticks])
    axes.set_xlim(years.min() - 0.7, years.max() + 0.7)
    axes.tick_params(axis="x", length=0)


def name_ends(axes: Axes, ends: Sequence[tuple[str, float, str]]) -> None:
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
