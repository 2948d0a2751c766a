"""Tests of many hypotheses at once: which to reject, and whether the best of many beats a benchmark."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from alpha.core.errors import DataError
from alpha.stats.arguments import SignificanceResult, aligned, between, count, matrix, same_length, varies, vector
from alpha.stats.bootstrap import expect_block, optimal_block


class Adjusted(NamedTuple):
    """The hypotheses that are rejected, and the p-values adjusted for their number, in the order given."""

    rejected: np.ndarray
    pvalues: np.ndarray


class SuperiorAbility(NamedTuple):
    """Hansen's statistic and consistent p-value, between the lower (liberal) and the upper (conservative)."""

    statistic: float
    pvalue: float
    lower: float
    upper: float


def benjamini_hochberg(pvalues: np.ndarray, level: float = 0.05) -> Adjusted:
    """Reject hypotheses; at most a share `level` of these is expected to be true (Benjamini, Hochberg, 1995).

    Parameters
    ----------
    pvalues : array of shape (n,)
        From 0 to 1; independent, or positively dependent.

    Raises
    ------
    DataError
        `bad_shape`, `not_finite`, `too_short`, `not_probabilities`.
    """
    return _adjusted(pvalues, level, "fdr_bh")


def holm(pvalues: np.ndarray, level: float = 0.05) -> Adjusted:
    """Reject hypotheses; with probability `1 - level` none of these is true, however dependent (Holm, 1979).

    The parameters and errors are those of `benjamini_hochberg`.
    """
    return _adjusted(pvalues, level, "holm")


def reality_check(
    returns: np.ndarray,
    benchmark: np.ndarray | None = None,
    *,
    block: float | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> SignificanceResult:
    """Test whether the best of many configurations has a higher mean than a benchmark: White's Reality Check (2000).

    Parameters
    ----------
    returns : array of shape (T, n_configurations)
        Per period (or minus a loss), in time order, of every configuration tried.
    benchmark : array of shape (T,), optional
        Returns of the benchmark; default: zero.
    block : float, optional
        Mean length of the blocks of the stationary bootstrap; default: `optimal_block` of the differences.

    Returns
    -------
    SignificanceResult
        sqrt(T) times the largest mean difference; the p-value of no configuration being better, at least
        ``1 / (draws + 1)``.

    Raises
    ------
    DataError
        `bad_shape`, `not_finite`, `too_short` (fewer than ten rows); `constant`: nothing differs from the benchmark by
        more than a constant. A configuration that does not is left out, and where none has a higher mean the p-value
        is 1.
    """
    from arch.bootstrap import RealityCheck

    better = _better(returns, benchmark)
    if better.mean(axis=0).max() <= 0:
        return SignificanceResult(float(np.sqrt(len(better)) * better.mean(axis=0).max()), 1.0)
    pvalues = _pvalues(RealityCheck, better, block, draws, seed)
    return SignificanceResult(float(np.sqrt(len(better)) * better.mean(axis=0).max()), pvalues["upper"])


def superior_predictive_ability(
    returns: np.ndarray,
    benchmark: np.ndarray | None = None,
    *,
    block: float | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> SuperiorAbility:
    """Test the same as `reality_check` with more power where poor configurations are among many: Hansen's SPA (2005).

    Each difference is divided by its standard error first, as Hansen has it (`arch` uses the error only to decide which
    configurations are too poor to count), so that the result does not depend on how much any configuration is levered.
    Parameters and errors are those of `reality_check`, and so are the configurations left out.
    """
    from arch.bootstrap import SPA

    better = _better(returns, benchmark)
    if better.mean(axis=0).max() <= 0:
        return SuperiorAbility(0.0, 1.0, 1.0, 1.0)
    length = optimal_block(better) if block is None else expect_block(block, len(better))
    scaled = better / _deviation(better, length)
    pvalues = _pvalues(SPA, scaled, length, draws, seed)
    statistic = float(np.sqrt(len(scaled)) * scaled.mean(axis=0).max())
    return SuperiorAbility(statistic, *(pvalues[name] for name in ("consistent", "lower", "upper")))


def _adjusted(pvalues: np.ndarray, level: float, method: str) -> Adjusted:
    from statsmodels.stats.multitest import multipletests

    between(level, "level", 0, 1)
    pvalues = vector(pvalues, "pvalues", fewest=1, smallest=0)
    if pvalues.min() < 0 or pvalues.max() > 1:
        raise DataError("p-values must lie between 0 and 1", code="not_probabilities")
    rejected, adjusted, *_ = multipletests(pvalues, level, method=method)
    return Adjusted(rejected, adjusted)


def _better(returns: np.ndarray, benchmark: np.ndarray | None) -> np.ndarray:
    aligned(returns=returns, benchmark=benchmark)
    returns = matrix(returns, "returns", fewest=10)
    scale = np.abs(returns).max(axis=0)
    if benchmark is not None:
        base = vector(benchmark, "benchmark")
        same_length(returns=returns, benchmark=base)
        returns, scale = returns - base[:, None], np.maximum(scale, np.abs(base).max())
    better = returns[:, varies(returns, scale)]
    if not better.shape[1]:
        raise DataError("no configuration differs from the benchmark by more than a constant", code="constant")
    return better


def _pvalues(test: Any, better: np.ndarray, block: float | None, draws: int, seed: int) -> dict[str, float]:
    """Return the p-values of a test of `arch`; the observed statistic counts as one more draw, so that none is 0."""
    length = optimal_block(better) if block is None else expect_block(block, len(better))
    draws = count(draws, "draws", 99)
    losses = -better  # it takes them
    made = test(np.zeros(len(better)), losses, block_size=length, reps=draws, seed=count(seed, "seed", 0))
    made.compute()
    return {name: (draws * float(share) + 1) / (draws + 1) for name, share in made.pvalues.items()}


def _deviation(better: np.ndarray, block: float) -> np.ndarray:
    """Return sqrt(T) times the standard error of each mean under the stationary bootstrap (Politis, Romano, 1994)."""
    from statsmodels.tsa.stattools import acovf

    n, stay = len(better), 1 - 1 / block
    lag = np.arange(1, n)
    weight = (1 - lag / n) * stay**lag + lag / n * stay ** (n - lag)
    covariance = np.array([acovf(column, fft=True) for column in better.T])
    variance = covariance[:, 0] + 2 * covariance[:, 1:] @ weight
    return np.sqrt(variance)
