"""Figures of the reports: functions from series to inline SVG.

Every figure accepts empty, constant, one-point and NaN series; without data it shows the reason.
"""

from alpha.report.plots.book import account, drawdown, equity, return_by_year, turnover
from alpha.report.plots.canvas import HALF, MODELS, POINTS, WIDE, percent, thin
from alpha.report.plots.luck import deflation, pbo_logits
from alpha.report.plots.signal import (
    hit_by_year,
    ic_by_part,
    ic_by_year,
    ic_cumulative,
    ic_decay,
    ic_rolling,
    quantile_fan,
    quantile_returns,
)

__all__ = [
    "HALF",
    "MODELS",
    "POINTS",
    "WIDE",
    "account",
    "deflation",
    "drawdown",
    "equity",
    "hit_by_year",
    "ic_by_part",
    "ic_by_year",
    "ic_cumulative",
    "ic_decay",
    "ic_rolling",
    "pbo_logits",
    "percent",
    "quantile_fan",
    "quantile_returns",
    "return_by_year",
    "thin",
    "turnover",
]
