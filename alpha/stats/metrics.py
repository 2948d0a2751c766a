"""Metrics of predictions and of a book's returns. Pure functions of arrays; fractions, not percent."""

from __future__ import annotations

import numpy as np

from alpha.stats.arguments import ONE_VALUE

SESSIONS_PER_YEAR = 252.0
BLOCK = 64  # rows ranked at a time, so that they stay in the cache


def daily_ic(signal: np.ndarray, realised: np.ndarray, *, min_names: int = 3) -> np.ndarray:
    """Return the Spearman correlation across symbols of each row: the information coefficient.

    Parameters
    ----------
    signal, realised : array of shape (T, N)
        A symbol counts where both are finite. Ties share their mean rank.
    min_names : int
        Rows with fewer symbols are NaN, as are rows in which either side is constant.

    Returns
    -------
    array of shape (T,)
    """
    rows = [_ic(signal[start : start + BLOCK], realised[start : start + BLOCK], min_names) for start in _starts(signal)]
    return np.concatenate([np.empty(0), *rows])


def icir(ic: np.ndarray) -> float:
    """Return the mean of a series of ICs over its standard deviation (not annualised)."""
    ic = ic[np.isfinite(ic)]
    return _ratio(ic.mean(), ic.std(ddof=1)) if len(ic) > 1 else np.nan


def hit_rate(signal: np.ndarray, realised: np.ndarray) -> float:
    """Return the share of pairs with ``sign(signal) == sign(realised)``, over those where both are finite."""
    both = np.isfinite(signal) & np.isfinite(realised)
    return _mean(np.sign(signal[both]) == np.sign(realised[both]))


def daily_hits(signal: np.ndarray, realised: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each row, how many pairs hit and how many there are; `hit_rate` is the ratio of their sums."""
    both = np.isfinite(signal) & np.isfinite(realised)
    return (both & (np.sign(signal) == np.sign(realised))).sum(axis=1), both.sum(axis=1)


def base_rate(signal: np.ndarray, realised: np.ndarray) -> float:
    """Return the hit rate of the better constant guess, up or down, over the pairs `hit_rate` looks at."""
    outcome = realised[np.isfinite(signal) & np.isfinite(realised)]
    return max(_mean(outcome > 0), _mean(outcome < 0))


def position_hit_rate(weights: np.ndarray, realised: np.ndarray) -> float:
    """Return the hit rate of the positions taken: `hit_rate` of the weights that are not zero."""
    return hit_rate(np.where(weights == 0, np.nan, weights), realised)


def quantile_returns(signal: np.ndarray, realised: np.ndarray, *, quantiles: int = 5) -> np.ndarray:
    """Return the mean outcome of each quantile of the signal, lowest first, for each row.

    Returns
    -------
    array of shape (T, quantiles)
        NaN in rows with fewer symbols than quantiles.
    """
    both = np.isfinite(signal) & np.isfinite(realised)
    names = both.sum(axis=1, keepdims=True)
    share = (_ranks(signal, both) - 0.5) / np.maximum(names, 1)
    bucket = np.where(both & (names >= quantiles), np.minimum(share * quantiles, quantiles - 1) // 1, np.nan)
    means = [_row_mean(realised, bucket == q) for q in range(quantiles)]
    return np.column_stack(means)


def of_book(
    net: np.ndarray,
    gross: np.ndarray | None = None,
    turnover: np.ndarray | None = None,
    costs: np.ndarray | None = None,
    periods: float = SESSIONS_PER_YEAR,
) -> dict[str, float]:
    """Return a scorecard's metrics of a book from its daily returns, turnover and costs, fractions of equity."""
    found = {} if turnover is None else {"turnover": float(turnover.mean())}
    if costs is not None:
        found["cost_annual"] = float(costs.mean() * periods)
    found["net_return_annual"] = annual_return(net, periods)
    if gross is not None:
        found["gross_return_annual"] = annual_return(gross, periods)
    return {
        **found,
        "total_net_return": total_return(net),
        "volatility": volatility(net, periods),
        "sharpe": sharpe(net, periods),
        "sortino": sortino(net, periods),
        "max_drawdown": max_drawdown(net),
        "var_95": value_at_risk(net),
        "cvar_95": conditional_value_at_risk(net),
    }


def annual_return(returns: np.ndarray, periods: float = SESSIONS_PER_YEAR) -> float:
    """Return the compound growth a year; -1 where the equity was lost."""
    growth = 1 + total_return(returns)
    return growth ** (periods / len(returns)) - 1 if len(returns) and growth > 0 else (-1.0 if len(returns) else np.nan)


def total_return(returns: np.ndarray) -> float:
    """Return the compound growth over all rows."""
    return float(np.prod(1 + returns) - 1)


def volatility(returns: np.ndarray, periods: float = SESSIONS_PER_YEAR) -> float:
    """Return the annualised standard deviation."""
    return float(returns.std(ddof=1) * np.sqrt(periods)) if len(returns) > 1 else np.nan


def sharpe(returns: np.ndarray, periods: float = SESSIONS_PER_YEAR) -> float:
    """Return the annualised mean over the annualised standard deviation; no risk-free rate is taken off."""
    return _ratio(returns.mean() * periods, volatility(returns, periods)) if len(returns) > 1 else np.nan


def sortino(returns: np.ndarray, periods: float = SESSIONS_PER_YEAR) -> float:
    """Return the annualised mean over the annualised root mean square of the losses (Sortino and Price, 1994)."""
    from skfolio.measures import semi_deviation

    if len(returns) < 2:
        return np.nan
    downside = float(semi_deviation(returns, min_acceptable_return=0.0, biased=True))
    return _ratio(returns.mean() * periods, downside * np.sqrt(periods))


def drawdown(returns: np.ndarray) -> np.ndarray:
    """Return the loss from the highest equity so far, at or above 0; the start counts as a peak."""
    from skfolio.measures import get_drawdowns

    return -get_drawdowns(returns, compounded=True) if len(returns) else np.zeros(0)


def max_drawdown(returns: np.ndarray) -> float:
    """Return the largest loss from a peak, at or above 0."""
    return float(drawdown(returns).max()) if len(returns) else np.nan


def value_at_risk(returns: np.ndarray, level: float = 0.95) -> float:
    """Return the loss of one row exceeded with probability at most ``1 - level``; positive is a loss."""
    from skfolio.measures import value_at_risk as measure

    return float(measure(returns, beta=level)) if len(returns) else np.nan


def conditional_value_at_risk(returns: np.ndarray, level: float = 0.95) -> float:
    """Return the mean loss of one row over the worst ``1 - level`` of rows; positive is a loss."""
    from skfolio.measures import cvar

    return float(cvar(returns, beta=level)) if len(returns) else np.nan


def _starts(values: np.ndarray) -> range:
    return range(0, len(values), BLOCK)


def _ic(signal: np.ndarray, realised: np.ndarray, min_names: int) -> np.ndarray:
    both = np.isfinite(signal) & np.isfinite(realised)
    x, y = _centred_ranks(signal, both), _centred_ranks(realised, both)
    scale = np.sqrt(_inner(x, x) * _inner(y, y))
    defined = (both.sum(axis=1) >= min_names) & (scale > 0)
    return np.divide(_inner(x, y), scale, out=np.full(len(x), np.nan), where=defined)


def _inner(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.einsum("tn,tn->t", x, y)


def _centred_ranks(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    middle = (among.sum(axis=1, keepdims=True) + 1) / 2  # exact, so a constant row is exactly zero
    return np.where(among, _ranks(values, among) - middle, 0.0)


def _ranks(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return the rank from 1 in each row of the values `among`; ties share their mean rank, the rest comes last."""
    values = np.where(among, values, np.inf)  # NaN would come last too, but sorts slowly
    order = np.argsort(values, axis=1) + values.shape[1] * np.arange(len(values))[:, None]  # of the rows end to end
    ranks = np.empty(values.size)
    ranks[order] = _places(values.ravel()[order])
    return ranks.reshape(values.shape)


def _places(ordered: np.ndarray) -> np.ndarray:
    """Return the places of rows in order; equal neighbours share the mean of the first and the last."""
    place = np.arange(ordered.shape[1])
    tied = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] < np.inf)
    if not tied.any():
        return np.broadcast_to(place + 1.0, ordered.shape)
    alone = np.zeros((len(ordered), 1), dtype=bool)
    first = np.maximum.accumulate(np.where(np.hstack([alone, tied]), 0, place), axis=1)
    last = np.where(np.hstack([tied, alone]), place[-1], place)
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    return (first + last) / 2 + 1


def _row_mean(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    count = among.sum(axis=1)
    total = np.where(among, values, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def _mean(flags: np.ndarray) -> float:
    return float(flags.mean()) if flags.size else np.nan


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator > ONE_VALUE * abs(numerator) else np.nan
