"""The figures of one model. The title of each is its finding; a sentence below explains how to read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from alpha.report import plots
from alpha.report.evaluation import ModelResult
from alpha.report.page import MISSING, Html, figure, metric
from alpha.report.record import Cell
from alpha.stats.metrics import SESSIONS_PER_YEAR
from alpha.validation.effective import FEWEST_ROWS

Series = Mapping[str, pd.Series | pd.DataFrame]


HOW = {
    "ic_rolling": "Mean IC of the 252 bars before, with its 95 % interval (Newey–West): where the band holds zero, "
    "the IC of that year could be luck.",
    "ic_cumulative": "Running sum of the daily IC with its 95 % band: a straight rise is a steady edge, and a band "
    "that ends above zero is a mean IC above zero.",
    "ic_decay": "Mean IC of outcomes that last 1 to 20 bars, with 95 % intervals{ring}: an edge that fades "
    "early must be traded fast.",
    "ic_by_year": "Dot: mean IC of the year; line: its 95 % interval; hollow and not counted: fewer than "
    f"{FEWEST_ROWS} bars (an arrow: beyond the axis); an edge in few years may be chance.",
    "quantile_returns": "Mean return over {bars} by quantile of the signal, in basis points before costs: bars that "
    "rise to the right are in order.",
    "quantile_fan": "Mean returns of the quantiles summed over time, percent before costs, the middle ones in grey: "
    "lines that spread steadily keep their order over time.",
    "ic_by_part": "Mean IC and 95 % interval in thirds of the bars by the market's volatility, and among the names "
    "of each group: an edge in only one part is fragile.",
    "hit_by_year": "Dot: hit rate over all predictions; dash: base rate, that of the better constant guess; "
    f"hollow and not counted: fewer than {FEWEST_ROWS} bars (an arrow: beyond the axis).",
    "pbo_logits": "Rank in one half of the time of the trial or baseline that was best in the other (percent of all "
    "ways to halve), the same for every model: left of zero it was no better than the median.",
    "deflation": "Annual Sharpe ratio minus the expected best by chance among as many trials (effective: {trials}), "
    "with 95 % intervals in black: the difference must be clearly above zero.",
    "return_by_year": "Net return of each year, after costs, hollow and not counted where there are fewer than "
    f"{FEWEST_ROWS} bars: a good total may come from one year.",
    "drawdown": "Fall from the highest equity so far, percent, with the deepest marked: it shows the depth and the "
    "length of losses.",
    "turnover": "Sum of |Δ weight|, mean of 21 bars; dashed: mean of all bars; costs grow with it.",
}


def of_signal(result: ModelResult, series: Series, horizon: int, colour: str) -> Iterator[Html]:
    """Draw the predictive power of the signal."""
    rolling, total, decay = (_frame(series, name) for name in ("ic_rolling", "ic_cumulative", "ic_decay"))
    years, parts = _told(_frame(series, "ic_by_year")), _frame(series, "ic_by_part")
    quantiles, fan = _series(series, "quantile_returns"), _frame(series, "quantile_growth")
    bars = f"{horizon} bar{'s' if horizon > 1 else ''}"
    rated = [row for row in _years(result, series) if _known(row, "hit_rate") and _known(row, "hit_base_rate")]
    counted = [row for row in rated if row["enough"]]
    above = sum(_value(row, "hit_rate") > _value(row, "hit_base_rate") for row in counted)
    yield figure(_share_above(rolling), HOW["ic_rolling"], plots.ic_rolling(rolling, colour=colour))
    yield figure(
        f"The daily ICs sum to {_last(total, 'sum')}", HOW["ic_cumulative"], plots.ic_cumulative(total, colour=colour)
    )
    ring = ", the label's in a ring" if horizon in decay.index else ""
    yield figure(_peak(decay), HOW["ic_decay"].format(ring=ring), plots.ic_decay(decay, horizon, colour=colour))
    yield figure(_positive(years[years["enough"]], "years"), HOW["ic_by_year"], plots.ic_by_year(years, colour=colour))
    yield figure(
        _spread(quantiles), HOW["quantile_returns"].format(bars=bars), plots.quantile_returns(quantiles, colour=colour)
    )
    yield figure(_fanned(fan), HOW["quantile_fan"], plots.quantile_fan(fan, colour=colour))
    yield figure(_positive(parts, "parts of the market"), HOW["ic_by_part"], plots.ic_by_part(parts, colour=colour))
    yield figure(
        f"Hit rate beat its base rate in {above} of {len(counted)} years",
        HOW["hit_by_year"],
        plots.hit_by_year(rated, colour=colour),
    )


def of_luck(result: ModelResult, series: Series, colour: str) -> Iterator[Html]:
    """Draw how much of the evidence luck and selection may explain."""
    metrics = result.metrics
    pbo, sharpe, chance = (metrics.get(name) for name in ("pbo", "sharpe", "sharpe_expected_max"))
    said = MISSING if pbo is None else plots.percent(pbo)
    logits = _series(series, "pbo_logits")
    yield figure(
        f"Probability of overfitting, all trials together: {said}",
        HOW["pbo_logits"],
        plots.pbo_logits(logits, colour=colour),
    )
    luck = None if chance is None else chance * np.sqrt(SESSIONS_PER_YEAR)
    low, high = result.intervals.get("sharpe", (None, None))
    interval = None if low is None or high is None else (low, high)
    drawn = plots.deflation(sharpe, luck, metrics.get("deflated_sharpe"), interval, colour=colour)
    trials = metric("trials_effective").show(metrics.get("trials_effective"))
    yield figure(_deflated(sharpe, luck, trials), HOW["deflation"].format(trials=trials), drawn)


def of_book(result: ModelResult, series: Series, colour: str) -> Iterator[Html]:
    """Draw the returns, drawdowns and turnover of the book."""
    years = _years(result, series)
    net = [_value(row, "net_return") for row in years if row["enough"] and _known(row, "net_return")]
    falls, traded = _series(series, "drawdown"), _series(series, "turnover")
    deepest, mean = (metric(name).show(result.metrics.get(name)) for name in ("max_drawdown", "turnover"))
    yield figure(
        f"Net return was positive in {sum(v > 0 for v in net)} of {len(net)} years",
        HOW["return_by_year"],
        plots.return_by_year(years, colour=colour),
    )
    yield figure(f"Largest drawdown {deepest} %", HOW["drawdown"], plots.drawdown(falls, colour=colour))
    yield figure(f"Turnover {mean} a bar", HOW["turnover"], plots.turnover(traded, colour=colour))


def _deflated(sharpe: float | None, luck: float | None, trials: str) -> str:
    if sharpe is None or luck is None:
        return "Sharpe ratio after luck"
    if luck == 0:
        return f"Sharpe ratio {sharpe:.2f}, one effective trial: no deflation".replace("-", "−")
    return f"Of a Sharpe ratio of {sharpe:.2f}, luck may have given {luck:.2f}".replace("-", "−")


def _years(result: ModelResult, series: Series) -> list[dict[str, Cell]]:
    """Return the rows of the years, each with `enough`: whether it has enough sessions; True where unknown."""
    times = _series(series, "equity").index
    held = pd.Series(times.year if isinstance(times, pd.DatetimeIndex) else [], dtype=float).value_counts()
    return [{**row, "enough": bool(held.get(row.get("year"), FEWEST_ROWS) >= FEWEST_ROWS)} for row in result.by_year]


def _told(years: pd.DataFrame) -> pd.DataFrame:
    """Return the years, each with `enough`: whether it has enough bars with an IC."""
    return years.assign(enough=~(years["days"] < FEWEST_ROWS) if "days" in years else True)


def _share_above(rolling: pd.DataFrame) -> str:
    if "low" not in rolling or rolling["low"].isna().all():
        return "IC over a year"
    return f"The yearly IC was clear of zero {plots.percent((rolling['low'] > 0).mean())} of the time"


def _last(table: pd.DataFrame, name: str) -> str:
    return f"{table[name].iloc[-1]:+.1f}".replace("-", "−") if name in table and len(table) else MISSING


def _peak(decay: pd.DataFrame) -> str:
    if "ic" not in decay or decay["ic"].isna().all():
        return "IC by horizon"
    at = decay["ic"].idxmax()
    return f"IC is highest for outcomes of {at} bar{'s' if at != 1 else ''}"


def _positive(table: pd.DataFrame, what: str) -> str:
    known = table["ic"].dropna() if "ic" in table else pd.Series(dtype=float)
    return f"IC was positive in {int((known > 0).sum())} of {len(known)} {what}"


def _spread(quantiles: pd.Series) -> str:
    values = quantiles.to_numpy(dtype=float)
    if len(values) < 2 or not np.isfinite(values[[0, -1]]).all():
        return "Quantile returns"
    return f"Top less bottom quantile: {(values[-1] - values[0]) * 1e4:+.1f} bps".replace("-", "−")


def _fanned(growth: pd.DataFrame) -> str:
    ends = (
        growth.iloc[-1].to_numpy(dtype=float) * 100 if growth.shape[0] and growth.shape[1] > 1 else np.array([np.nan])
    )
    apart = ends[-1] - ends[0]
    return (
        f"Top less bottom quantile, summed: {apart:+.0f} %".replace("-", "−")
        if np.isfinite(apart)
        else "Quantiles over time"
    )


def _series(series: Series, name: str) -> pd.Series:
    found = series.get(name)
    return found if isinstance(found, pd.Series) else pd.Series(dtype=float)


def _frame(series: Series, name: str) -> pd.DataFrame:
    found = series.get(name)
    return found if isinstance(found, pd.DataFrame) else pd.DataFrame()


def _known(row: Mapping[str, Cell], key: str) -> bool:
    return isinstance(row.get(key), (int, float))


def _value(row: Mapping[str, Any], key: str) -> float:
    return float(row[key] or 0)
