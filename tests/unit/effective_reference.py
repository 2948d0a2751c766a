"""The effective number of trials computed from scratch, every prefix anew: what `EffectiveNumber` keeps up to date."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.optimize import brentq
from scipy.spatial.distance import squareform

from alpha.stats.arguments import varies
from alpha.stats.overfit import expected_max_sharpe

ALIKE, FEWEST_ROWS, DRAWS = 0.5, 60, 1000


def effective_number(returns: pd.DataFrame) -> float:
    """Return the larger of the equivalent number and the most clusters of any first n trials."""
    return max(float(max(clusters_by_prefix(returns), default=0)), equivalent_number(returns))


def clusters_by_prefix(returns: pd.DataFrame, alike: float = ALIKE) -> list[int]:
    """Return how many clusters the first n trials fall into, for each n from 1."""
    distance = _distances(returns)
    return [len(set(_cut(distance[:n, :n], alike))) for n in range(1, len(distance) + 1)]


def equivalent_number(returns: pd.DataFrame) -> float:
    """Return how many independent trials would give luck as good a best one."""
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


def _distances(returns: pd.DataFrame) -> np.ndarray:
    correlation = np.nan_to_num(returns.corr(min_periods=FEWEST_ROWS).to_numpy(copy=True), nan=0.0)
    distance = np.sqrt(np.clip((1 - correlation) / 2, 0, 1))
    np.fill_diagonal(distance, 0)
    return distance


def _cut(distance: np.ndarray, alike: float) -> np.ndarray:
    if len(distance) < 2:
        return np.ones(len(distance), int)
    tree = linkage(squareform(distance, checks=False), "average")
    return fcluster(tree, np.sqrt((1 - alike) / 2), "distance")
