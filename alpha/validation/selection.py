"""Correct the evidence for a chosen trial for the number of trials it was chosen from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from alpha.core.nouns import Scorecard
from alpha.stats.arguments import varies
from alpha.stats.multiple import superior_predictive_ability
from alpha.stats.overfit import cscv, deflated_sharpe_ratio, expected_max_sharpe
from alpha.stats.significance import mean_interval
from alpha.validation.effective import FEWEST_ROWS
from alpha.validation.trials import Trials

COVERED = 0.5  # least share of the rows tested now that a trial must cover to be compared row by row
SPLITS = 16
ONE_SIDED = 0.025


@dataclass(frozen=True, eq=False)
class Selection:
    """Statistics of all trials on the same data.

    Parameters
    ----------
    trials : int
        Distinct trials.
    effective : float
        Number of independent trials that they are worth, given their correlations. See `EffectiveNumber`.
    sharpe_std : float
        Standard deviation of the trials' Sharpe ratios per row; at least that of chance, 1 / sqrt(rows).
    pbo : float
        Probability of backtest overfitting among the baselines and the trials that cover half of the newest tested
        rows; a return is 0 where a trial was not tested. NaN with fewer than two.
    spa_p : float
        p-value of Hansen's test that no trial earns more than nothing.
    logits : array
        `pbo` is the share of these at or below 0: see `Overfitting`; empty where `pbo` is NaN.
    """

    trials: int
    effective: float
    sharpe_std: float
    pbo: float
    spa_p: float
    logits: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)

    def metrics(self, card: Scorecard, horizon: int) -> dict[str, float]:
        """Return the metrics of one trial, corrected for the number of trials.

        Returns
        -------
        dict
            ``trials``, ``trials_effective``; ``ic_low_corrected``: the lower end of the interval of the IC, at
            2.5 % divided by the effective number; ``sharpe_expected_max``: the expected best Sharpe ratio per row by
            chance; ``deflated_sharpe``: the probability that the true one is above it; ``pbo``; ``spa_p``.
        """
        net = card.series["net_returns"].to_numpy()
        ic = card.series["ic"].to_numpy()
        low, _ = mean_interval(ic, level=1 - 2 * ONE_SIDED / self.effective, horizon=horizon)
        return {
            "trials": float(self.trials),
            "trials_effective": float(self.effective),
            "ic_low_corrected": low,
            "sharpe_expected_max": expected_max_sharpe(self.effective, self.sharpe_std),
            "deflated_sharpe": _deflated(net, self.effective, self.sharpe_std),
            "pbo": self.pbo,
            "spa_p": self.spa_p,
        }


def selection(
    trials: Trials,
    panel_id: str,
    newest: Scorecard,
    baselines: Mapping[str, Scorecard] | None = None,
    *,
    source: Mapping[str, str],
) -> Selection:
    """Collect all trials on the same data: the same panel, or the same origin and overlapping test sessions.

    Parameters
    ----------
    panel_id : str
        `Panel.id`.
    newest : Scorecard
        As `score` returned it; its rows are the rows tested now. All trials count; those that cover half of these rows
        are also compared row by row.
    baselines : mapping of str to Scorecard, optional
        Over the same rows: the alternatives to the trials.
    source : mapping
        Origin of the panel: see `score`.
    """
    rows = newest.series["net_returns"].index
    family = trials.family(panel_id, source, rows[0].date(), rows[-1].date())
    net = family.net
    same = net.reindex(rows).dropna(axis=1, thresh=round(COVERED * len(rows))).fillna(0.0)
    ruled = pd.DataFrame({name: card.series["net_returns"] for name, card in (baselines or {}).items()})
    sharpes = (net.mean() / net.std())[[bool(varies(column.dropna().to_numpy())) for _, column in net.items()]]
    chance = 1 / np.sqrt(len(rows))
    logits = _logits(pd.concat([same, ruled], axis=1))
    return Selection(
        trials=len(family.trials),
        effective=family.effective,
        sharpe_std=float(max(np.nan_to_num(sharpes.std()), chance)),
        pbo=float(np.mean(logits <= 0)) if len(logits) else np.nan,
        spa_p=_spa(same),
        logits=logits,
    )


def _deflated(net: np.ndarray, effective: float, sharpe_std: float) -> float:
    from scipy.stats import kurtosis, skew

    if not varies(net):  # cash: its Sharpe ratio would be one of rounding errors
        return np.nan
    sharpe, fat = net.mean() / net.std(ddof=1), kurtosis(net, fisher=False)
    return deflated_sharpe_ratio(float(sharpe), len(net), effective, sharpe_std, float(skew(net)), float(fat))


def _spa(returns: pd.DataFrame) -> float:
    moving = returns.loc[:, varies(returns.to_numpy())]
    enough = moving.shape[1] > 0 and len(moving) >= FEWEST_ROWS
    return superior_predictive_ability(moving.to_numpy()).pvalue if enough else np.nan


def _logits(returns: pd.DataFrame) -> np.ndarray:
    enough = returns.shape[1] > 1 and len(returns) >= FEWEST_ROWS
    return cscv(returns.to_numpy(), SPLITS).logits if enough else np.empty(0)
