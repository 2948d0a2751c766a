"""What choosing among many trials does to the evidence for the one that was chosen."""

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

COVERED = 0.5  # of the rows tested now, at least: of a trial that is compared
SPLITS = 16
ONE_SIDED = 0.025


@dataclass(frozen=True, eq=False)
class Selection:
    """All trials on some data, taken together.

    Parameters
    ----------
    trials : int
        Distinct trials.
    effective : float
        How many they are worth: trials that are alike leave luck less to choose from. See `EffectiveNumber`.
    sharpe_std : float
        Standard deviation of the trials' Sharpe ratios a row; never less than that of chance, 1 / sqrt(rows).
    pbo : float
        Probability of backtest overfitting among the baselines and the trials that cover half of the newest tested
        rows; where one was not tested it earned nothing. NaN below two.
    spa_p : float
        p-value of Hansen's test that no trial earns more than nothing.
    logits : array
        What `pbo` is the share of, at or below 0: see `Overfitting`; empty where there is none.
    """

    trials: int
    effective: float
    sharpe_std: float
    pbo: float
    spa_p: float
    logits: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)

    def metrics(self, card: Scorecard, horizon: int) -> dict[str, float]:
        """Return the evidence for one trial, discounted for the others.

        Returns
        -------
        dict
            ``trials``, ``trials_effective``; ``ic_low_corrected``: the lower end of the interval of the IC, at
            2.5 % over the effective number; ``sharpe_expected_max``: the best Sharpe ratio a row that chance would
            have given; ``deflated_sharpe``: the probability that the true one is above it; ``pbo``; ``spa_p``.
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
    """Take all trials on the same data together: of the panel, or of its origin in the sessions that are tested.

    Parameters
    ----------
    panel_id : str
        `Panel.id`.
    newest : Scorecard
        As `score` returned it. It says which rows are tested now: trials over other rows count, and are compared row
        by row where they cover half of these.
    baselines : mapping of str to Scorecard, optional
        Over the same rows; what a choice is made against.
    source : mapping
        What the panel was read from: see `score`.
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

    if not varies(net):  # cash: its ratio is one of rounding errors
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
