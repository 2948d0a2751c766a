"""The information coefficient by horizon, year, sector and regime."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import pandas as pd

from alpha.core.errors import DataError
from alpha.stats.arguments import aligned, count, expect, listed, numbers, paired, vector
from alpha.stats.metrics import daily_ic, icir
from alpha.stats.significance import mean_interval, newey_west_t

HORIZONS = (1, 2, 5, 10, 21, 63)


def ic_decay(
    signal: np.ndarray, returns: np.ndarray, horizons: Sequence[int] = HORIZONS, *, marginal: bool = False
) -> pd.DataFrame:
    """Return the mean information coefficient at each horizon of the outcome.

    Parameters
    ----------
    signal : array of shape (T, N)
        Decided at row t.
    returns : array of shape (T, N)
        Return of a position decided at row t over its first bar: the outcome of a label of horizon 1.
    horizons : sequence of int
        In bars.
    marginal : bool
        Use the last bar of each horizon alone, rather than of all its bars compounded.

    Returns
    -------
    DataFrame
        One row a horizon; columns `ic`, `t` (Newey-West), `low`, `high` (95 %), `icir`, `days`.

    Raises
    ------
    DataError
        `bad_shape`.
    """
    signal, returns = paired(signal=signal, returns=returns)
    rows, horizons = [], [count(horizon, "horizons", 1) for horizon in listed(horizons, "horizons")]
    for horizon in horizons:
        outcome = _later(returns, horizon - 1) if marginal else _compounded(returns, horizon)
        rows.append(_summary(daily_ic(signal, outcome), 1 if marginal else horizon))
    return pd.DataFrame(rows, index=pd.Index(horizons, name="horizon"))


def ic_by_year(ic: np.ndarray, times: pd.DatetimeIndex, *, horizon: int = 1) -> pd.DataFrame:
    """Return the summary of `ic_decay` for each calendar year of daily information coefficients of shape (T,)."""
    expect(times, pd.DatetimeIndex, "times must be a DatetimeIndex, a time for each row of ic")
    return _by_row(numbers(ic, "ic"), np.asarray(times.year), "year", horizon)


def ic_by_regime(ic: np.ndarray, regimes: Iterable[object], *, horizon: int = 1) -> pd.DataFrame:
    """Return the summary of `ic_decay` for each regime.

    Parameters
    ----------
    ic : array of shape (T,)
        See `metrics.daily_ic`.
    regimes : T labels
        The regime known at each row; rows where it is missing are left out. Rows of a regime are taken as neighbours
        though others may lie between them.
    horizon : int
        Bars that an outcome lasts.
    """
    aligned(ic=ic, regimes=regimes)
    return _by_row(numbers(ic, "ic"), _labels(regimes, "regimes"), "regime", horizon)


def ic_by_sector(
    signal: np.ndarray, realised: np.ndarray, sectors: Sequence[str], *, min_names: int = 3, horizon: int = 1
) -> pd.DataFrame:
    """Return the summary of `ic_decay` within each sector: ranks are among the names of the sector alone.

    Parameters
    ----------
    signal, realised : array of shape (T, N)
    sectors : N labels
        Names whose label is empty or missing are left out.
    min_names : int
        Rows with fewer names of a sector do not count.
    """
    signal, realised = paired(signal=signal, realised=realised)
    labels, min_names = _labels(sectors, "sectors"), count(min_names, "min_names", 3)
    if len(labels) != signal.shape[1]:
        raise DataError(f"a sector is needed for each of {signal.shape[1]} names; got {len(labels)}", code="bad_shape")
    found = {}
    for sector in _known(labels):
        names = _are(labels, sector)
        found[sector] = _summary(daily_ic(signal[:, names], realised[:, names], min_names=min_names), horizon)
    return _table(found, "sector")


def _labels(given: Iterable[object], name: str) -> np.ndarray:
    labels = np.empty(len(each := listed(given, name)), dtype=object)
    labels[:] = each
    for label in each:
        expect(label, Hashable, f"{name} must be labels, such as texts or numbers")
    return labels


def _by_row(ic: np.ndarray, labels: np.ndarray, name: str, horizon: int) -> pd.DataFrame:
    if ic.shape != (len(labels),):
        raise DataError(
            f"ic must have shape ({len(labels)},), a row for each {name}; it has {ic.shape}", code="bad_shape"
        )
    return _table({label: _summary(ic[_are(labels, label)], horizon) for label in _known(labels)}, name)


def _are(labels: np.ndarray, label: object) -> np.ndarray:
    return np.fromiter((pd.notna(each) and each == label for each in labels), bool, len(labels))


def _table(found: dict[object, dict[str, float]], name: str) -> pd.DataFrame:
    return pd.DataFrame(list(found.values()), index=pd.Index(list(found), name=name, tupleize_cols=False))


def _known(labels: np.ndarray) -> list[object]:
    known = [label for label in pd.Series(labels, dtype=object).dropna().unique() if label != ""]
    alike = len({type(label) for label in known}) == 1
    return sorted(known, key=None if alike else str)


def _summary(ic: np.ndarray, horizon: int) -> dict[str, float]:
    known = vector(ic[np.isfinite(ic)], "ic", fewest=0)
    low, high = mean_interval(ic, horizon=horizon)
    return {
        "ic": float(known.mean()) if len(known) else np.nan,
        "t": newey_west_t(ic, horizon=horizon),
        "low": low,
        "high": high,
        "icir": icir(known),
        "days": len(known),
    }


def _compounded(returns: np.ndarray, horizon: int) -> np.ndarray:
    if horizon > len(returns):
        return np.full(returns.shape, np.nan)
    growth = 1 + returns
    for ahead in range(1, horizon):
        growth = growth * (1 + _later(returns, ahead))
    return growth - 1


def _later(values: np.ndarray, rows: int) -> np.ndarray:
    """Return the values `rows` rows later; NaN at the end."""
    later = np.full(values.shape, np.nan)
    later[: max(len(values) - rows, 0)] = values[rows:]
    return later
