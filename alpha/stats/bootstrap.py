"""Confidence intervals by resampling blocks of rows, which keep neighbours in time together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from alpha.core.errors import DataError
from alpha.stats import metrics
from alpha.stats.arguments import (
    FEWEST_OUTCOMES,
    aligned,
    between,
    count,
    matrix,
    numbers,
    one_of,
    same_length,
    vector,
)

METHODS = ("stationary", "circular")
CHUNK = 2**20  # cells held at once


def optimal_block(values: np.ndarray, *, method: str = "stationary") -> float:
    """Return the block length that Politis and White (2004; corrected 2009) choose, at least 1.

    Parameters
    ----------
    values : array of shape (n,) or (n, k)
        Finite, in time order. Of several columns, that with the longest memory decides.
    method : {"stationary", "circular"}
        Stationary: the mean length of blocks of random length (Politis and Romano, 1994).

    Raises
    ------
    DataError
        `not_numbers`, `bad_shape`, `not_finite`.
    """
    from arch.bootstrap import optimal_block_length

    one_of(method, "method", METHODS)
    values = _in_columns(values)
    if len(values) <= 2 * FEWEST_OUTCOMES:
        return 1.0  # too few to estimate it
    columns = [column for column in np.atleast_2d(values.T) if np.ptp(column) > 0]
    with np.errstate(divide="ignore", invalid="ignore"):  # parts of a column may be constant
        lengths = [optimal_block_length(column)[method].iloc[0] for column in columns]
    return float(np.nanmax([1.0, *lengths]))


def block_rows(
    n: int, draws: int, *, block: float = 1.0, method: str = "stationary", seed: int = 0
) -> Iterator[np.ndarray]:
    """Yield the rows of each draw, an array of shape (n,): blocks of rows around a circle.

    The same arguments give the same rows. A block is at most half of them: longer ones make draws that are all alike.
    """
    from arch.bootstrap import CircularBlockBootstrap, StationaryBootstrap

    one_of(method, "method", METHODS)
    n = count(n, "n", 1)
    block = expect_block(block, n)
    kind = StationaryBootstrap if method == "stationary" else CircularBlockBootstrap
    length = block if method == "stationary" else int(np.ceil(block))
    sampler = kind(length, np.empty(n), seed=count(seed, "seed", 0))
    return (sampler.update_indices() for _ in range(count(draws, "draws", 1)))


def expect_block(block: float, n: int) -> float:
    """Return the (mean) length of blocks; raise a ConfigError (`bad_parameter`) unless it is 1 to half of n rows."""
    return between(block, "block", 1, max(n / 2, 1), closed=True)


def bootstrap_interval(
    values: np.ndarray,
    statistic: Callable[[np.ndarray], float] = np.mean,
    *,
    method: str = "stationary",
    interval: str = "percentile",
    block: float | None = None,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the ends of the confidence interval of a statistic of a time series.

    Parameters
    ----------
    values : array of shape (n,) or (n, k)
        In time order.
    statistic : callable
        From an array like `values` to a number.
    method : {"stationary", "circular"}
        Blocks of random length, or all of one length.
    interval : {"percentile", "basic", "bc"}
        As drawn; mirrored at the estimate; corrected for the bias of the median draw.
    block : float, optional
        (Mean) length of the blocks; default: `optimal_block`.

    Raises
    ------
    DataError
        `not_finite`, `too_short` (fewer than ten rows).
    """
    one_of(interval, "interval", ("percentile", "basic", "bc"))
    between(level, "level", 0, 1)
    columns = _in_columns(values, fewest=FEWEST_OUTCOMES)
    length = optimal_block(columns, method=method) if block is None else block
    rows = block_rows(len(columns), draws, block=length, method=method, seed=seed)
    drawn = numbers([statistic(columns[each]) for each in rows], "what statistic returns")
    if drawn.ndim != 1:
        raise DataError(f"statistic must return a number; it returned {drawn.shape[1:]} of them", code="bad_shape")
    return _ends(float(statistic(columns)), drawn, interval, level)


def scorecard_intervals(
    net_returns: np.ndarray,
    *,
    ic: np.ndarray | None = None,
    hits: np.ndarray | None = None,
    pairs: np.ndarray | None = None,
    gross_returns: np.ndarray | None = None,
    turnover: np.ndarray | None = None,
    costs: np.ndarray | None = None,
    horizon: int = 1,
    periods: float = metrics.SESSIONS_PER_YEAR,
    block: float | None = None,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the metrics of a scorecard with confidence intervals from one stationary bootstrap of its rows.

    Parameters
    ----------
    net_returns, gross_returns, turnover, costs : array of shape (T,)
        Those of the book, as in `score`. A series that is not given has no rows in the result.
    ic : array of shape (T,)
        Daily information coefficients; NaN where undefined.
    hits, pairs : array of shape (T,)
        See `metrics.daily_hits`.
    horizon : int
        Bars that an outcome lasts: blocks are never shorter. With fewer than ten outcomes that do not overlap the
        intervals are NaN.
    block : float, optional
        Mean length of the blocks; default: the longest `optimal_block` of the series given.

    Returns
    -------
    DataFrame
        One row for each metric, named as in the scorecard; columns `value`, `low`, `high`. The interval of a drawdown
        shows where that of another history with the same kinds of days would lie; it is no bound on the worst.

    Raises
    ------
    DataError
        `bad_shape`, `not_finite` (but for `ic`), `too_short`.
    """
    horizon, draws = count(horizon, "horizon", 1), count(draws, "draws", 1)
    level, periods = between(level, "level", 0, 1), between(periods, "periods", 0, np.inf)
    given = {"gross_returns": gross_returns, "turnover": turnover, "costs": costs, "hits": hits, "pairs": pairs}
    aligned(net_returns=net_returns, ic=ic, **given)
    series = {"net_returns": vector(net_returns, "net_returns")}
    series |= {name: vector(values, name) for name, values in given.items() if values is not None}
    if ic is not None:
        series["ic"] = _daily(ic)
    same_length(**series)
    if ("hits" in series) != ("pairs" in series):
        raise DataError("hits need pairs, and pairs hits: give both or neither", code="bad_shape")
    names, value = _measured(series, periods)
    n = len(series["net_returns"])
    if n < FEWEST_OUTCOMES * horizon:
        return pd.DataFrame({"value": value, "low": np.nan, "high": np.nan}, index=names)
    length = max(_longest(series) if block is None else expect_block(block, n), horizon)
    drawn = np.array(
        [
            _measured({name: values[rows] for name, values in series.items()}, periods)[1]
            for rows in block_rows(n, draws, block=length, seed=seed)
        ]
    )
    ends = {"low": _quantiles(drawn, (1 - level) / 2), "high": _quantiles(drawn, (1 + level) / 2)}
    return pd.DataFrame({"value": value, **ends}, index=names)


def _daily(ic: Any) -> np.ndarray:
    """Return information coefficients, of shape (T,), as they are or NaN."""
    finite = np.isfinite(numbers(ic, "ic"))
    return np.where(finite, vector(np.where(finite, ic, 0), "ic"), np.nan)


def _in_columns(values: Any, *, fewest: int = 0) -> np.ndarray:
    """Return `values`, of shape (n,) or (n, k), once they are checked."""
    columns = numbers(values, "values")
    return (vector if columns.ndim == 1 else matrix)(columns, "values", fewest=fewest)


def chunks(draws: int, cells: int) -> Iterator[int]:
    """Yield how many draws to make at a time, of at least one cell each, so that about a million cells are held."""
    most = max(1, CHUNK // cells)
    return (min(most, draws - done) for done in range(0, draws, most))


def _measured(series: dict[str, np.ndarray], periods: float) -> tuple[list[str], np.ndarray]:
    found: dict[str, Any] = metrics.of_book(
        series["net_returns"], series.get("gross_returns"), series.get("turnover"), series.get("costs"), periods
    )
    if "ic" in series:
        known = series["ic"][np.isfinite(series["ic"])]
        found |= {"ic": known.mean() if len(known) else np.nan, "icir": metrics.icir(known)}
    if "hits" in series:
        pairs = series["pairs"].sum()
        found["hit_rate"] = series["hits"].sum() / pairs if pairs else np.nan
    return list(found), np.array(list(found.values()))


def _longest(series: dict[str, np.ndarray]) -> float:
    complete = [values[np.isfinite(values)] for values in series.values()]
    return max(optimal_block(values) for values in complete)


def _ends(estimate: float, drawn: np.ndarray, interval: str, level: float) -> tuple[float, float]:
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if interval == "bc":
        from scipy.special import ndtr, ndtri

        below = (np.sum(drawn < estimate) + np.sum(drawn == estimate) / 2) / len(drawn)
        tails = ndtr(2 * ndtri(np.clip(below, 1 / len(drawn), 1 - 1 / len(drawn))) + ndtri(tails))
    low, high = np.quantile(drawn, tails)
    return (2 * estimate - high, 2 * estimate - low) if interval == "basic" else (float(low), float(high))


def _quantiles(drawn: np.ndarray, share: float) -> np.ndarray:
    """Return a quantile of each column, over the draws in which it is defined."""
    defined = np.isfinite(drawn).any(axis=0)
    out = np.full(drawn.shape[1], np.nan)
    out[defined] = np.nanquantile(drawn[:, defined], share, axis=0)
    return out
