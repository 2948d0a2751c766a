"""How sure one can be of a mean whose terms overlap."""

from __future__ import annotations

from typing import Any

import numpy as np

FEWEST_OUTCOMES = 10


def newey_west_t(x: np.ndarray, lags: int | None = None, *, horizon: int = 1) -> float:
    """Return the t statistic of the mean of `x` that allows for autocorrelation (Newey and West, 1987).

    Parameters
    ----------
    x : array of shape (n,)
        In time order; NaN are left out.
    lags : int, optional
        Lags of the Bartlett kernel; default: ``floor(4 (n / 100) ** (2 / 9))`` (Newey and West, 1994).
    horizon : int
        Bars each term looks ahead. Terms overlap over ``horizon - 1`` bars, so there are never fewer lags.

    Returns
    -------
    float
        NaN with fewer than three values, or where all are equal.
    """
    mean = _mean(x, lags, horizon)
    return np.nan if mean is None else float(mean.tvalues[0])


def mean_interval(
    x: np.ndarray, lags: int | None = None, level: float = 0.95, *, horizon: int = 1
) -> tuple[float, float]:
    """Return the ends of the confidence interval of the mean of `x`; see `newey_west_t`.

    NaN with fewer than ten outcomes that do not overlap: on so few the interval is far too narrow. With 20 bars of
    horizon and 60 values of pure noise its lower end lies above zero in 17 % of draws, where 2.5 % is meant.
    """
    mean = _mean(x, lags, horizon) if np.isfinite(x).sum() >= FEWEST_OUTCOMES * horizon else None
    if mean is None:
        return np.nan, np.nan
    low, high = mean.conf_int(alpha=1 - level)[0]
    return float(low), float(high)


def automatic_lags(n: int, horizon: int = 1) -> int:
    """Return the lags used for n values of an outcome `horizon` bars long."""
    return min(max(int(4 * (n / 100) ** (2 / 9)), horizon - 1), n - 1)


def _mean(x: np.ndarray, lags: int | None, horizon: int) -> Any:
    from statsmodels.regression.linear_model import OLS

    x = x[np.isfinite(x)]
    if len(x) < 3 or np.ptp(x) == 0:
        return None
    used = automatic_lags(len(x), horizon) if lags is None else min(max(lags, horizon - 1), len(x) - 1)
    return OLS(x, np.ones(len(x))).fit(cov_type="HAC", cov_kwds={"maxlags": used, "use_correction": True}, use_t=True)
