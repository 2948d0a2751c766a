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
from alpha.validation.trials import Trials

ALIKE = 0.5  # trials whose returns correlate more than this, on average, are one idea
FEWEST_ROWS = 60  # to tell a correlation by
COVERED = 0.5  # of the rows tested now, at least: of a trial that is compared
DRAWS = 1000  # each with its mirror image
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
        How many they are worth: trials that are alike leave luck less to choose from. See `effective_number`.
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
    records = trials.about(panel_id, source, rows[0].date(), rows[-1].date())
    net = pd.DataFrame({number: trials.series(record)["net_returns"] for number, record in enumerate(records)})
    same = net.reindex(rows).dropna(axis=1, thresh=max(1, round(COVERED * len(rows)))).fillna(0.0)
    ruled = pd.DataFrame({name: card.series["net_returns"] for name, card in (baselines or {}).items()}, index=rows)
    sharpes = (net.mean() / net.std())[[bool(varies(column.dropna().to_numpy())) for _, column in net.items()]]
    chance = 1 / np.sqrt(len(rows))
    logits = _logits(pd.concat([same, ruled], axis=1))
    return Selection(
        trials=len(records),
        effective=effective_number(net),
        sharpe_std=float(max(np.nan_to_num(sharpes.std()), chance)),
        pbo=float(np.mean(logits <= 0)) if len(logits) else np.nan,
        spa_p=_spa(same),
        logits=logits,
    )


def effective_number(returns: pd.DataFrame) -> float:
    """Return how many independent trials these, one a column, are worth: at least the clusters they fall into.

    It is the larger of `equivalent_number` and the most clusters there ever were as trials came: one trial more never
    makes it smaller. Clusters alone would take a hundred ideas that share half of their returns for one; and blends of
    earlier trials would draw their clusters together, so that trying more would cost less.
    """
    distance = _distances(returns)
    ideas = max((len(set(_cut(distance[:n, :n], ALIKE))) for n in range(1, len(distance) + 1)), default=0)
    return max(float(ideas), equivalent_number(returns))


def equivalent_number(returns: pd.DataFrame) -> float:
    """Return how many independent trials would give luck as good a best one.

    The best that luck alone gives is the mean of the largest of normal variables which correlate as the means of the
    returns do; what a trial was not tested on correlates with nothing. It is drawn, each row by numbers of its own
    instant, so that more trials or rows leave what was drawn for the others as it was.
    """
    from scipy.optimize import brentq

    moving = returns.loc[:, [bool(varies(column.dropna().to_numpy())) for _, column in returns.items()]]
    trials = moving.shape[1]
    if trials < 2:
        return float(trials)
    scaled = ((moving - moving.mean()) / moving.std(ddof=0) / np.sqrt(moving.notna().sum())).fillna(0.0).to_numpy()
    drawn = np.zeros((trials, DRAWS))
    for row, moment in zip(scaled, pd.DatetimeIndex(moving.index).as_unit("ns").asi8.view(np.uint64), strict=True):
        drawn += row[:, None] * np.random.default_rng(int(moment)).standard_normal(DRAWS)
    luck = float(drawn.max(axis=0).mean() - drawn.min(axis=0).mean()) / 2
    if luck >= expected_max_sharpe(trials):
        return float(trials)
    return float(brentq(lambda number: expected_max_sharpe(number) - luck, 1.0, trials)) if luck > 1e-9 else 1.0


def clusters(returns: pd.DataFrame, alike: float = ALIKE) -> np.ndarray:
    """Return the cluster of each trial: average linkage on ``sqrt((1 - correlation) / 2)``, cut where they are `alike`.

    Trials that share too few rows, or never move, are no one's likes.

    References
    ----------
    Lopez de Prado and Lewis (2019), "Detection of False Investment Strategies Using Unsupervised Learning Methods",
    Quantitative Finance 19 (9).
    """
    return _cut(_distances(returns), alike)


def _distances(returns: pd.DataFrame) -> np.ndarray:
    correlation = np.nan_to_num(returns.corr(min_periods=FEWEST_ROWS).to_numpy(copy=True), nan=0.0)
    distance = np.sqrt(np.clip((1 - correlation) / 2, 0, 1))
    np.fill_diagonal(distance, 0)
    return distance


def _cut(distance: np.ndarray, alike: float) -> np.ndarray:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(distance) < 2:
        return np.ones(len(distance), int)
    tree = linkage(squareform(distance, checks=False), "average")
    return fcluster(tree, np.sqrt((1 - alike) / 2), "distance")


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
