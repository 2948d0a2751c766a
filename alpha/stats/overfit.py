"""The best of many trials: deflated Sharpe ratio, minimum backtest length, probability of overfitting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from alpha.core.errors import ConfigError, DataError
from alpha.stats.arguments import CANCELLED, LARGEST, at_least, between, count, matrix
from alpha.stats.bootstrap import CHUNK
from alpha.stats.sharpe import probabilistic_sharpe_ratio

DECIMALS = 10  # of a Sharpe ratio per period: closer ones are equal
MOST_SPLITS = 20  # 184,756 ways to halve them; two more, and there are 705,432


def expected_max_sharpe(n_trials: float, trials_sharpe_std: float = 1.0) -> float:
    """Return the largest Sharpe ratio that luck alone is expected to give in `n_trials` independent trials.

    ``std ((1 - g) Z[1 - 1 / n] + g Z[1 - 1 / (n e)])``, with g the Euler-Mascheroni constant and Z the quantiles of the
    normal distribution; 0 where that is negative, just above one trial (Bailey and Lopez de Prado, 2014).

    Parameters
    ----------
    n_trials : float
        At least 1; an effective number need not be whole.
    trials_sharpe_std : float
        Standard deviation of the Sharpe ratios across the trials; the result has its unit.
    """
    from scipy.special import ndtri

    at_least(trials_sharpe_std, "trials_sharpe_std", 0)
    if at_least(n_trials, "n_trials", 1) == 1:
        return 0.0
    best = -(1 - np.euler_gamma) * ndtri(1 / n_trials) - np.euler_gamma * ndtri(1 / (n_trials * np.e))
    return trials_sharpe_std * max(0.0, float(best))


def deflated_sharpe_ratio(
    sharpe: float,
    n_obs: float,
    n_trials: float,
    trials_sharpe_std: float,
    skew: float = 0.0,
    kurtosis: float = 3.0,
) -> float:
    """Return the probability that the true Sharpe ratio of the best of many trials is above zero.

    It is the probabilistic Sharpe ratio with `expected_max_sharpe` as benchmark (Bailey and Lopez de Prado, 2014).

    Parameters
    ----------
    sharpe : float
        The ratio of the trial chosen, per period, not annualised.
    n_obs : float
        Periods observed.
    n_trials : float
        Independent trials made, this one included.
    trials_sharpe_std : float
        Standard deviation of the trials' Sharpe ratios, per period.
    skew, kurtosis : float
        Moments of the returns of the trial chosen, biased; kurtosis is 3 for a normal distribution.

    Raises
    ------
    ConfigError
        `bad_parameter`.
    """
    return probabilistic_sharpe_ratio(sharpe, n_obs, skew, kurtosis, expected_max_sharpe(n_trials, trials_sharpe_std))


def min_backtest_length(n_trials: float, expected_max_sharpe: float) -> float:
    """Return the length below which luck alone gives the best of `n_trials` the Sharpe ratio `expected_max_sharpe`.

    In periods for a Sharpe ratio per period, in years for an annualised one; not rounded (Bailey, Borwein,
    Lopez de Prado and Zhu, 2014, "Pseudo-Mathematics and Financial Charlatanism").
    """
    between(expected_max_sharpe, "expected_max_sharpe", 1 / LARGEST, LARGEST)
    return (_luck(n_trials) / expected_max_sharpe) ** 2


_luck = expected_max_sharpe


@dataclass(frozen=True)
class Overfitting:
    """Result of combinatorially symmetric cross-validation over C splits into halves of equal size.

    `logits` (C,) are of the relative rank, out of sample, of the configuration that was best in sample; `in_sample` and
    `out_of_sample` (C,) its Sharpe ratios per period; `slope` and `intercept` their regression, the degradation.
    """

    probability: float
    logits: np.ndarray
    in_sample: np.ndarray
    out_of_sample: np.ndarray
    slope: float
    intercept: float
    loss_probability: float


def probability_of_backtest_overfitting(returns: np.ndarray, n_splits: int = 16) -> float:
    """Return how often the configuration that is best in sample is no better than the median out of sample.

    Ties at the median count (logit <= 0), as in Bailey, Borwein, Lopez de Prado and Zhu (2017). See `cscv`.
    """
    return cscv(returns, n_splits).probability


def cscv(returns: np.ndarray, n_splits: int = 16) -> Overfitting:
    """Judge the choice of the best configuration by combinatorially symmetric cross-validation.

    The rows are cut into `n_splits` blocks; each half of the blocks is in sample once, the other out of sample.

    Parameters
    ----------
    returns : array of shape (T, n_configurations)
        Per period, in time order, of every configuration tried; none may be left out. Where `n_splits` does not divide
        T, the first blocks are a row longer.
    n_splits : int
        Even, from 2 to 20.

    Raises
    ------
    ConfigError
        `bad_parameter`.
    DataError
        `bad_shape`, `not_finite`, `too_short` (fewer than two rows a block), `one_configuration`.

    Notes
    -----
    The measure is the Sharpe ratio (mean over standard deviation, ddof 1) to ten decimals; 0 where returns do not vary.
    Equal ratios out of sample share their mean rank; of equal ones in sample the first is chosen. Unrounded, one
    strategy at several leverages would be ranked by rounding errors.
    """
    n_splits = count(n_splits, "n_splits", 2)
    if n_splits % 2 or n_splits > MOST_SPLITS:
        raise ConfigError(f"n_splits must be even, from 2 to {MOST_SPLITS}; it is {n_splits}", code="bad_parameter")
    returns = matrix(returns, "returns", fewest=2 * n_splits)
    if returns.shape[1] < 2:
        raise DataError("returns of at least two configurations are needed to choose one", code="one_configuration")
    parts = [_chosen(*halves) for halves in _halves(returns, n_splits)]
    inside, outside, rank = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    share = rank / (returns.shape[1] + 1)
    logits = np.log(share / (1 - share))
    slope, intercept = _line(inside, outside)
    return Overfitting(
        probability=float(np.mean(logits <= 0)),
        logits=logits,
        in_sample=inside,
        out_of_sample=outside,
        slope=slope,
        intercept=intercept,
        loss_probability=float(np.mean(outside < 0)),
    )


def _halves(returns: np.ndarray, n_splits: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the Sharpe ratios (splits, configurations) in and out of sample: sums over blocks are all it takes."""
    middle = returns.mean(axis=0)
    blocks = np.array_split(returns - middle, n_splits)  # about the mean, so that squares do not cancel
    rows = np.array([len(block) for block in blocks], dtype=float)
    sums = np.array([block.sum(axis=0) for block in blocks])
    squares = np.array([(block**2).sum(axis=0) for block in blocks])
    chosen = np.array(list(combinations(range(n_splits), n_splits // 2)))
    inside = np.zeros((len(chosen), n_splits))
    np.put_along_axis(inside, chosen, 1.0, axis=1)
    step = max(1, CHUNK // returns.shape[1])
    for start in range(0, len(inside), step):
        one, other = (
            _sharpe(half @ rows, half @ sums, half @ squares, middle)
            for half in (inside[start : start + step], 1 - inside[start : start + step])
        )
        yield one, other


def _sharpe(rows: np.ndarray, sums: np.ndarray, squares: np.ndarray, middle: np.ndarray) -> np.ndarray:
    n = rows[:, None]
    offset = sums / n
    variance = np.maximum(squares / n - offset**2, 0) * n / (n - 1)
    mean, deviation = offset + middle, np.sqrt(variance)
    varies = variance > CANCELLED * np.maximum(mean**2, squares / n)
    return np.round(np.divide(mean, deviation, out=np.zeros_like(mean), where=varies), DECIMALS)


def _chosen(inside: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the ratios of the best in sample, in and out of it, and its rank out of sample."""
    at = np.arange(len(inside)), inside.argmax(axis=1)
    own = outside[at][:, None]
    rank = (outside < own).sum(axis=1) + ((outside == own).sum(axis=1) + 1) / 2
    return inside[at], outside[at], rank


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    if np.ptp(x) == 0:
        return np.nan, np.nan
    deviation = x - x.mean()
    slope = float(deviation @ y / (deviation @ deviation))
    return slope, float(y.mean() - slope * x.mean())
