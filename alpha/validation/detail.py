"""Details of a scorecard computed only for candidates, not for every trial: intervals and the series of the plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from alpha.core.nouns import Fold, Label, Scorecard
from alpha.core.panel import Panel
from alpha.labels.forward import forward_return
from alpha.stats import metrics
from alpha.stats.arguments import FEWEST_OUTCOMES
from alpha.stats.bootstrap import bootstrap_interval, optimal_block, scorecard_intervals
from alpha.stats.decay import ic_by_regime, ic_by_sector, ic_by_year, ic_decay
from alpha.stats.significance import mean_interval, rolling_interval
from alpha.validation.scorecard import TradedBook

HORIZONS = range(1, 21)
ROLLING, WEEK = 252, 5  # bars
VOLATILITY = 63  # bars
THIRDS = ("calm", "middle", "rough")


def detailed(
    card: Scorecard,
    signal: np.ndarray,
    label: Label,
    book: TradedBook,
    panel: Panel,
    folds: Sequence[Fold],
    *,
    seed: int = 0,
) -> Scorecard:
    """Return a scorecard with the intervals of its metrics, and with the series of the report's figures.

    The parameters are those given to `score`. The result describes the trial that `score` recorded, not a new one.

    Returns
    -------
    Scorecard
        ``intervals``: from one bootstrap of the rows, except for ``ic``, whose interval is that of the gates.
        ``by_fold`` gains ``ic_low`` and ``ic_high``. ``series`` gains, by time, ``ic_rolling`` (mean, low, high; over
        252 bars, each week), ``ic_cumulative`` (sum, low, high) and ``quantile_growth`` (cumulative mean return, each
        outcome spread evenly over its bars); and ``ic_decay``, ``ic_by_year``, ``ic_by_part`` as in `decay`.
    """
    tested = slice(int(folds[0].test[0]), int(folds[-1].test[-1]) + 1)
    realised = (label.values if label.realised is None else label.realised)[tested]
    judged = _Judged(card, signal[tested], realised, book, label.horizon)
    return replace(
        card,
        intervals=judged.intervals(seed, panel.periods),
        by_fold=[{**row, **judged.interval(fold.test - tested.start)}
                 for row, fold in zip(card.by_fold, folds, strict=True)],
        series={**card.series, **judged.over_time(), **judged.decay(panel, tested), **judged.by_part(panel, tested)},
    )  # fmt: skip


class _Judged:
    """The tested rows of a candidate."""

    def __init__(
        self, card: Scorecard, signal: np.ndarray, realised: np.ndarray, book: TradedBook, horizon: int
    ) -> None:
        self.card, self.signal, self.realised, self.book, self.horizon = card, signal, realised, book, horizon
        self.ic = card.series["ic"].to_numpy()

    def interval(self, rows: np.ndarray) -> dict[str, float]:
        low, high = mean_interval(self.ic[rows], horizon=self.horizon)
        return {"ic_low": low, "ic_high": high}

    def intervals(self, seed: int, periods: float) -> dict[str, tuple[float, float]]:
        book, given = self.book, self.card.metrics
        hits, pairs = metrics.daily_hits(self.signal, self.realised)
        if not np.isfinite(book.net_returns).all():  # the equity was lost
            return {"ic": (given["ic_low"], given["ic_high"])}
        drawn = scorecard_intervals(
            book.net_returns, ic=self.ic, hits=hits, pairs=pairs, gross_returns=book.gross_returns,
            turnover=book.turnover, costs=book.costs, horizon=self.horizon, periods=periods,
            seed=seed,
        )  # fmt: skip
        ends = {str(name): (float(low), float(high)) for name, low, high in drawn[["low", "high"]].itertuples()}
        held = np.where(book.targets == 0, np.nan, book.targets)
        counts = np.column_stack(metrics.daily_hits(held, self.realised))
        both = np.isfinite(self.signal) & np.isfinite(self.realised)
        guesses = np.column_stack([(both & (self.realised > 0)).sum(1), (both & (self.realised < 0)).sum(1), pairs])
        return ends | {
            "hit_rate_positions": self._share(counts, seed),
            "hit_base_rate": self._share(guesses, seed),
            "ic": (given["ic_low"], given["ic_high"]),
        }

    def _share(self, counts: np.ndarray, seed: int) -> tuple[float, float]:
        """Return the interval of a ratio of sums over rows: the largest of the first columns, divided by the last."""
        if len(counts) < FEWEST_OUTCOMES * self.horizon or not counts[:, -1].any():
            return np.nan, np.nan
        block = max(float(self.horizon), optimal_block(counts.astype(float)))
        return bootstrap_interval(counts, _largest_share, block=block, seed=seed)

    def over_time(self) -> dict[str, pd.DataFrame]:
        times, known = self.book.times, np.isfinite(self.ic)
        at, ic = times[known], self.ic[known]
        mean, half = rolling_interval(ic, ROLLING, step=WEEK, horizon=self.horizon)
        ends = at[ROLLING - 1 :][::-WEEK][::-1]
        rolling = pd.DataFrame({"mean": mean, "low": mean - half, "high": mean + half}, ends)
        n, total = len(ic), np.cumsum(ic)
        reach = (self.card.metrics["ic_high"] - self.card.metrics["ic_low"]) / 2 * np.sqrt(n * np.arange(1, n + 1))
        growth = np.nan_to_num(metrics.quantile_returns(self.signal, self.realised)).cumsum(axis=0) / self.horizon
        return {
            "ic_rolling": rolling,
            "ic_cumulative": pd.DataFrame({"sum": total, "low": total - reach, "high": total + reach}, at),
            "quantile_growth": pd.DataFrame(growth, times, range(1, growth.shape[1] + 1)),
        }

    def decay(self, panel: Panel, tested: slice) -> dict[str, pd.DataFrame]:
        return {"ic_decay": ic_decay(self.signal, forward_return(panel, horizon=1).values[tested], HORIZONS)}

    def by_part(self, panel: Panel, tested: slice) -> dict[str, pd.DataFrame]:
        found = {"market volatility": ic_by_regime(self.ic, volatility_thirds(panel, tested), horizon=self.horizon)}
        for group, labels in panel.groups.items():
            found[group] = ic_by_sector(self.signal, self.realised, labels, horizon=self.horizon)
        return {
            "ic_by_year": ic_by_year(self.ic, self.book.times, horizon=self.horizon),
            "ic_by_part": pd.concat(found, names=["group", "part"]),
        }


def volatility_thirds(panel: Panel, rows: slice) -> list[str | None]:
    """Return the volatility of the market at each of `rows` as calm, middle or rough, a third of the rows each.

    Volatility is the standard deviation over 63 bars of the mean return of the tradable symbols; None where it is
    unknown. The bounds use all `rows`, also later ones, so the result is for description and must not be traded on.
    """
    closes = panel.frame("close").where(panel.tradable)
    volatility = closes.pct_change(fill_method=None).mean(axis=1).rolling(VOLATILITY).std().iloc[rows]
    if volatility.nunique() < len(THIRDS):
        return [None] * len(volatility)
    bounds = volatility.quantile([1 / 3, 2 / 3]).to_numpy()
    return [None if np.isnan(v) else THIRDS[int(np.searchsorted(bounds, v))] for v in volatility]


def _largest_share(counts: np.ndarray) -> float:
    *columns, pairs = counts.sum(axis=0)
    return float(max(columns) / pairs) if pairs else np.nan
