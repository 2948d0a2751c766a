"""Tests of a value at risk: losses beyond it must come as often, and as irregularly, as its level implies."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from alpha.core.errors import DataError
from alpha.stats.arguments import SignificanceResult, between, count, vector

ADD_ONS = {5: 0.40, 6: 0.50, 7: 0.65, 8: 0.75, 9: 0.85}  # by violations in 250 days of a 99 % value at risk


class TrafficLight(NamedTuple):
    """Basel's verdict: the zone, the probability of as many violations or fewer, and the multiplier of the capital."""

    zone: str
    probability: float
    multiplier: float


def kupiec_pof(violations: int, n_obs: int, level: float) -> SignificanceResult:
    """Test whether a value at risk is violated as often as it should be: proportion of failures (Kupiec, 1995).

    Parameters
    ----------
    violations : int
        Periods in which the loss was greater than the value at risk.
    n_obs : int
        Periods.
    level : float
        Confidence of the value at risk, such as 0.99. The rate of violations, 0.01, means the same.

    Returns
    -------
    SignificanceResult
        Likelihood ratio, chi-squared with one degree of freedom.

    Raises
    ------
    ConfigError
        `bad_parameter`.
    """
    n_obs, violations = count(n_obs, "n_obs", 1), count(violations, "violations", 0)
    between(violations, "violations", 0, n_obs, closed=True)
    rate = _rate(level)
    ratio = -2 * (_likelihood(violations, n_obs, rate) - _likelihood(violations, n_obs, violations / n_obs))
    return _chi_squared(ratio, 1)


def christoffersen_independence(violations: np.ndarray) -> SignificanceResult:
    """Test whether a violation makes another in the next period more or less likely (Christoffersen, 1998).

    Parameters
    ----------
    violations : array of shape (n,)
        True, or 1, in periods in which the loss was greater than the value at risk; in time order.

    Returns
    -------
    SignificanceResult
        Likelihood ratio, chi-squared with one degree of freedom, over the n - 1 pairs of neighbours.

    Raises
    ------
    DataError
        `bad_shape`, `not_finite`, `too_short`, `not_flags`.
    """
    flags = _flags(violations)
    before, after = flags[:-1], flags[1:]
    alone = [(int(after[before == state].sum()), int((before == state).sum())) for state in (False, True)]
    hit, n = int(after.sum()), len(after)
    apart = sum(_likelihood(hits, of, hits / of) for hits, of in alone if of)
    return _chi_squared(-2 * (_likelihood(hit, n, hit / n) - apart), 1)


def christoffersen(violations: np.ndarray, level: float) -> SignificanceResult:
    """Test for the right number of violations and their independence at once: conditional coverage.

    The likelihood ratio is the sum of those of `kupiec_pof` and `christoffersen_independence`, chi-squared with two
    degrees of freedom (Christoffersen, 1998); the parameters and errors are theirs.
    """
    flags = _flags(violations)
    coverage = kupiec_pof(int(flags.sum()), len(flags), level)
    return _chi_squared(coverage.statistic + christoffersen_independence(flags).statistic, 2)


def basel_traffic_light(violations: int, n_obs: int = 250, level: float = 0.99) -> TrafficLight:
    """Return the zone that a number of violations lies in (Basel Committee, 1996).

    Yellow begins where as many violations or fewer have a probability of 95 %, red where it is 99.99 %. The Committee
    made its multipliers for 250 days and 99 %; otherwise yellow has that of the number of violations in 250 days whose
    probability is the next smaller.

    Raises
    ------
    ConfigError
        `bad_parameter`.
    """
    from scipy.stats import binom

    n_obs, violations = count(n_obs, "n_obs", 1), count(violations, "violations", 0)
    between(violations, "violations", 0, n_obs, closed=True)
    probability = float(binom.cdf(violations, n_obs, _rate(level)))
    if probability < 0.95:
        return TrafficLight("green", probability, 3.0)
    if probability >= 0.9999:
        return TrafficLight("red", probability, 4.0)
    add_on = max(add for number, add in ADD_ONS.items() if number == 5 or binom.cdf(number, 250, 0.01) <= probability)
    return TrafficLight("yellow", probability, 3 + add_on)


def _rate(level: float) -> float:
    between(level, "level", 0, 1)
    return level if level < 0.5 else float(f"{1 - level:.12g}")  # nobody asks for a value at risk below the median


def _likelihood(hits: float, of: float, rate: float) -> float:
    from scipy.special import xlog1py, xlogy

    return float(xlogy(hits, rate) + xlog1py(of - hits, -rate))


def _chi_squared(ratio: float, degrees: int) -> SignificanceResult:
    from scipy.special import chdtrc

    ratio = max(ratio, 0.0)  # below it only by rounding
    return SignificanceResult(ratio, float(chdtrc(degrees, ratio)))


def _flags(violations: np.ndarray) -> np.ndarray:
    flags = vector(violations, "violations")
    if not np.isin(flags, (0, 1)).all():
        raise DataError("violations must be true or false (1 or 0), one for each period", code="not_flags")
    return flags.astype(bool)
