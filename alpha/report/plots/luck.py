"""Figures of luck and selection: overfitting logits and the deflated Sharpe ratio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from alpha.report.plots.canvas import FAIL, INK, MODELS, MUTED, drawn, few_ticks, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 40
NOTHING = "nothing\nto take off"


def pbo_logits(logits: pd.Series, *, colour: str = MODELS[0]) -> str:
    """Draw the histogram of the rank, in one half of the time, of the trial that was best in the other half.

    Parameters
    ----------
    logits : Series
        Logit of the relative rank, one for each way to halve the time; at or below 0: no better than the median.
    """
    values = logits.to_numpy(dtype=float)
    values = values[np.isfinite(values)]

    def draw(axes: Axes) -> None:
        at, share, width = _histogram(values)
        axes.bar(at, share * 100, width=width, color=[FAIL if x <= 0 else colour for x in at], alpha=0.75)
        axes.axvline(0, color=INK, lw=1.0)
        reach = max(np.abs(at).max() + width, 1.0)
        axes.set_xlim(-reach, reach)
        axes.set_ylim(0, share.max() * 118)
        overfit = share[at <= 0].sum()
        for x, side, what, part, shade in (
            (0, "left", "overfit", overfit, FAIL),
            (1, "right", "not", 1 - overfit, colour),
        ):
            axes.annotate(f"{what} {percent(part)}", (x, 1), (0, -3), xycoords="axes fraction", ha=side, va="top",
                          textcoords="offset points", color=shade)  # fmt: skip

    why = "no data: it takes two trials or baselines over the same 60 bars to choose between"
    return drawn("pbo", "Logits of the rank out of sample", draw if len(values) else None,
                 x="logit of the rank out of sample", y="share of all ways to halve (%)", why=why)  # fmt: skip


def _histogram(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return centres, shares and width of the bars; few distinct ranks have a bar each, and no bar crosses 0."""
    distinct, counts = np.unique(np.round(values, 9), return_counts=True)
    if len(distinct) <= BINS:
        gap = np.diff(distinct).min() if len(distinct) > 1 else 1.0
        return distinct, counts / len(values), float(min(gap * 0.8, 0.5))
    reach = np.abs(values).max()
    width = 2 * reach / BINS
    # closed above, because a logit of exactly 0 counts as no better than the median
    number = np.clip(np.ceil((values + reach) / width), 1, BINS) - 1
    share = np.bincount(number.astype(int), minlength=BINS) / len(values)
    return -reach + width * (np.arange(BINS) + 0.5), share, width


def deflation(
    sharpe: float | None, chance: float | None, probability: float | None, interval: tuple[float, float] | None = None,
    *, colour: str = MODELS[0],
) -> str:  # fmt: skip
    """Draw a Sharpe ratio, the expected best by chance, and their difference.

    Parameters
    ----------
    sharpe, chance : float
        Annual: the observed ratio, and the expected largest of the trials by luck.
    probability : float
        Probability that the true ratio is above `chance`: the deflated Sharpe ratio.
    interval : pair of float, optional
        Confidence interval of `sharpe`.
    """
    observed, luck, sure = (np.nan if value is None else float(value) for value in (sharpe, chance, probability))
    left = observed - luck
    ends = interval if interval is not None and np.isfinite(interval).all() else None

    def draw(axes: Axes) -> None:
        shades = [colour if observed >= 0 else FAIL, MUTED, colour if left >= 0 else FAIL]
        axes.bar([0, 1, 2], [observed, -luck, left], bottom=[0, observed, 0], width=0.55, color=shades, alpha=0.75)
        axes.hlines([observed, left], [0.275, 1.275], [0.725, 1.725], color=MUTED, lw=0.8)
        if ends is not None:
            for x, off in ((0, 0.0), (2, luck)):
                axes.vlines(x + 0.36, ends[0] - off, ends[1] - off, color=INK, lw=1.1)
        axes.axhline(0, color=MUTED, lw=0.8)
        _tell(axes, (observed, observed if observed >= 0 else left, left), _told(observed, luck))
        said = "unknown" if np.isnan(sure) else percent(sure)
        axes.annotate(f"true ratio beats luck: {said}", (1, 1), xycoords="axes fraction", ha="right", va="top")
        _make_room(axes)
        axes.set_xlim(-0.5, 2.6)
        axes.set_xticks([0, 1, 2], ["observed", "luck", "left"])

    known = np.isfinite([observed, luck]).all()
    why = "no data: the Sharpe ratio, or what chance would give, is unknown"
    return drawn("deflation", "Sharpe ratio less that of luck, annual", draw if known else None,
                 x="observed - luck = difference", y="Sharpe ratio (annual)", why=why)  # fmt: skip


def _told(observed: float, luck: float) -> tuple[str, str, str]:
    """Return the observed ratio, the part of luck and the difference, rounded so that the texts add up."""
    whole, part = round(observed, 2), round(luck, 2)
    said = (f"{value + 0.0:+.2f}".replace("-", "−") for value in (whole, -part, round(whole - part, 2)))
    first, taken, last = said
    return first, taken if luck else NOTHING, last


def _tell(axes: Axes, tops: Sequence[float], texts: Sequence[str]) -> None:
    """Write the text of each bar at its end."""
    for x, (at, text) in enumerate(zip(tops, texts, strict=True)):
        axes.annotate(text, (x, at), (0, 3 if at >= 0 else -3), ha="center", va="bottom" if at >= 0 else "top",
                      textcoords="offset points", fontsize=8)  # fmt: skip


def _make_room(axes: Axes) -> None:
    """Leave room for the values at the ends of bars and a line of text above them; set a few ticks."""
    low, high = min(0.0, axes.dataLim.y0), max(0.0, axes.dataLim.y1)
    room = max(high - low, 0.01)
    axes.set_ylim(low - (0.12 * room if low < 0 else 0.0), high + 0.25 * room)
    axes.tick_params(axis="x", length=0)
    few_ticks(axes)
