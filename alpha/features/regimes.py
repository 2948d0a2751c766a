"""Regimes of a market as known at the time: fitted on the past alone, and filtered, never smoothed.

A *window function* here is given the last rows. It finds the first row of the present month, fits a model to the `fit`
rows before that, and carries it forward to the newest row with these parameters. Its result depends on the window
alone, so that a later row never changes it. Fits are kept by the content of their rows, so that a month needs one
fit and not one for every row.

The states are ordered by volatility, the turbulent one last, so that they do not change places from fit to fit.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import NamedTuple

import numpy as np

MONTH = 31
"""Rows that a month may have: daily bars, of a market that never closes."""
KEPT = 1024  # fits that are remembered: 85 years of months
KNOWN = 0.95  # of the rows of a fit
START = (0.97, 0.05, 0.0, 0.0, 0.5, 2.0)  # states that last, of standardised returns: staying calm, leaving turbulence
DIGITS = 9  # of the rows that are fitted: an optimiser magnifies the last bits, which depend on the unit of prices
LEAST = 1e-300  # of a likelihood: zero in a state that is certain would make the chances 0 / 0
SEED = 0
_FITTING = Lock()  # warnings are silenced for the whole process, so one fit at a time


class Switching(NamedTuple):
    """A Markov-switching model of returns (Hamilton, 1989), K states in ascending order of variance.

    Parameters
    ----------
    transition : array of shape (K, K)
        ``transition[i, j]``: the chance that state j follows state i.
    mean, variance : array of shape (K,)
    filtered : array of shape (K,)
        Chances of the states at the last row of the fit, given the rows until then.
    """

    transition: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    filtered: np.ndarray


class Mixture(NamedTuple):
    """A mixture of K normal distributions of independent columns, in ascending order of volatility.

    Parameters
    ----------
    weight : array of shape (K,)
    mean : array of shape (K, D)
    precision : array of shape (K, D)
        Those of standardised columns, as `mean` is.
    centre, scale : array of shape (D,)
        The numbers by which the columns are standardised.
    """

    weight: np.ndarray
    mean: np.ndarray
    precision: np.ndarray
    centre: np.ndarray
    scale: np.ndarray


def markov_turbulence(returns: np.ndarray, time: np.ndarray, fit: float) -> np.ndarray:
    """Return the filtered chance of the turbulent of two Markov states in the newest row: a window function.

    NaN where too few rows are known, the newest row is not, or no fit converges.

    Parameters
    ----------
    returns, time : array of shape (fit + MONTH, N)
        The market's, the same in every column; seconds since 1970, UTC.
    fit : int
        Rows that parameters are estimated from.
    """
    rows, after = _split(returns[:, 0], time[:, 0], int(fit))
    model = _kept_switching(rows.tobytes()) if len(after) and np.isfinite(after[-1]) else None
    turbulent = np.nan if model is None else hamilton_filter(after, model)[-1, -1]
    return np.full(returns.shape[1], turbulent)


def mixture_turbulence(returns: np.ndarray, volatility: np.ndarray, time: np.ndarray, fit: float) -> np.ndarray:
    """Return the chance that the newest row is of the turbulent of two normal distributions: a window function.

    NaN as for `markov_turbulence`.

    Parameters
    ----------
    returns, volatility, time : array of shape (fit + MONTH, N)
        Two measures of the market, the same in every column: the distribution in which the second has the greater
        mean is the turbulent one.
    """
    rows, after = _split(np.column_stack([returns[:, 0], volatility[:, 0]]), time[:, 0], int(fit))
    model = _kept_mixture(rows.tobytes()) if len(after) and np.isfinite(after[-1]).all() else None
    turbulent = np.nan if model is None else memberships(after[-1:], model)[-1, -1]
    return np.full(returns.shape[1], turbulent)


def hamilton_filter(returns: np.ndarray, model: Switching) -> np.ndarray:
    """Return the chances of the states of each row, given the rows up to it: shape (T, K) (Hamilton, 1989).

    It goes on from ``model.filtered``, the chances in the row before the first. In a row that is not finite only the
    transition counts.
    """
    away = (np.where(np.isfinite(returns), returns, 0.0)[:, None] - model.mean) ** 2 / model.variance
    nearness = np.exp(-0.5 * (away - away.min(axis=1, keepdims=True)))
    likelihood = np.maximum(nearness, LEAST) / np.sqrt(model.variance)
    likelihood[~np.isfinite(returns)] = 1.0
    found, now = np.empty(likelihood.shape), model.filtered
    for t, each in enumerate(likelihood):
        joint = (now @ model.transition) * each
        now = found[t] = joint / joint.sum()
    return found


def memberships(rows: np.ndarray, model: Mixture) -> np.ndarray:
    """Return the chances that rows, shape (T, D), are of each distribution of a mixture: shape (T, K)."""
    away = (rows[:, None] - model.centre) / model.scale - model.mean
    logs = np.log(model.weight) + 0.5 * (np.log(model.precision) - model.precision * away**2).sum(axis=2)
    odds = np.exp(logs - logs.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def stationary(transition: np.ndarray) -> np.ndarray:
    """Return the share of time that a Markov chain spends in each state in the long run."""
    states = len(transition)
    equations = np.vstack([transition.T - np.eye(states), np.ones(states)])
    return np.linalg.lstsq(equations, np.append(np.zeros(states), 1.0), rcond=None)[0]


def fit_switching(returns: np.ndarray) -> Switching | None:
    """Return the maximum-likelihood model of two states, each with a mean and a variance, or None.

    Parameters
    ----------
    returns : array of shape (T,)
        NaN rows are left out; None where more than a twentieth are NaN, or where the returns do not vary.
    """
    known = _enough(returns[:, None])[:, 0]
    if not len(known):
        return None
    centre, scale = known.mean(), known.std()
    params = _maximised((known - centre) / scale)
    if params is None:
        return None
    stay, enter, mean, variance = params[0], params[1], params[2:4], params[4:6]
    order = np.argsort(variance, kind="stable")
    transition = np.array([[stay, 1 - stay], [enter, 1 - enter]])[np.ix_(order, order)]
    model = Switching(transition, centre + scale * mean[order], scale**2 * variance[order], stationary(transition))
    return model._replace(filtered=hamilton_filter(returns, model)[-1])


def _maximised(returns: np.ndarray) -> np.ndarray | None:
    """Return the parameters in the order of statsmodels, which estimates them by EM, then BFGS."""
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

    model = MarkovRegression(returns, k_regimes=2, switching_variance=True)
    with _quiet():
        try:
            fitted = model.fit(np.array(START), cov_type="none", disp=False)
        except (np.linalg.LinAlgError, ValueError):  # what statsmodels raises where a state dies out
            return None
    params = np.asarray(fitted.params)
    return params if fitted.mle_retvals["converged"] and np.isfinite(params).all() else None


def fit_mixture(rows: np.ndarray) -> Mixture | None:
    """Return a mixture of two normal distributions of rows, shape (T, D), ordered by the mean of the last column.

    NaN rows are left out; None where more than a twentieth are NaN, something does not move, or EM does not converge.
    """
    from sklearn.mixture import GaussianMixture

    known = _enough(rows)
    if not len(known):
        return None
    centre, scale = known.mean(axis=0), known.std(axis=0)
    standard = (known - centre) / scale
    calm = standard[:, -1] <= np.median(standard[:, -1])
    halves = standard[calm], standard[~calm]
    if not len(halves[1]):
        return None
    start = {"weights_init": np.full(2, 0.5), "means_init": np.stack([half.mean(axis=0) for half in halves]),
             "precisions_init": np.stack([1 / (half.var(axis=0) + 1e-3) for half in halves])}  # fmt: skip
    # a start that does not depend on the number of threads, as one by k-means would
    model = GaussianMixture(2, covariance_type="diag", max_iter=500, init_params="random_from_data",
                            random_state=SEED, **start)  # fmt: skip
    with _quiet():
        model.fit(standard)
    if not model.converged_:
        return None
    order = np.argsort(model.means_[:, -1], kind="stable")
    return Mixture(model.weights_[order], model.means_[order], model.precisions_[order], centre, scale)


@lru_cache(maxsize=KEPT)
def _kept_switching(rows: bytes) -> Switching | None:
    return fit_switching(np.frombuffer(rows))


@lru_cache(maxsize=KEPT)
def _kept_mixture(rows: bytes) -> Mixture | None:
    return fit_mixture(np.frombuffer(rows).reshape(-1, 2))


def _split(values: np.ndarray, time: np.ndarray, fit: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `fit` rows before the present month, and its own; nothing where it does not begin in the window."""
    months = np.nan_to_num(time).astype("datetime64[s]").astype("datetime64[M]")  # before the data it is 1970
    changes = np.flatnonzero(months[1:] != months[:-1]) + 1
    if not len(changes) or changes[-1] < fit:
        return values[:0], values[:0]
    start = int(changes[-1])
    return np.round(values[start - fit : start], DIGITS), values[start:]


def _enough(rows: np.ndarray) -> np.ndarray:
    """Return the rows that are known; none where they are too few, or a column does not move."""
    known = rows[np.isfinite(rows).all(axis=1)]
    if len(known) < max(KNOWN * len(rows), 2) or (known == known[0]).all(axis=0).any():
        return rows[:0]
    return known


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the warnings of the optimisers about a hard fit: convergence is checked instead."""
    with _FITTING, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
