"""Information coefficients by horizon, year, sector and regime, against the same computed one by one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import ConfigError, DataError
from alpha.stats.decay import ic_by_regime, ic_by_sector, ic_by_year, ic_decay
from alpha.stats.metrics import daily_ic, icir
from alpha.stats.significance import mean_interval, newey_west_t


@pytest.fixture(scope="module")
def market() -> tuple[np.ndarray, np.ndarray]:
    """The signal earns on the first three bars."""
    rng = np.random.default_rng(3)
    signal = rng.normal(size=(120, 30))
    returns = rng.normal(0, 0.01, signal.shape)
    for ahead in range(3):
        returns[ahead:] += 0.004 * signal[: len(signal) - ahead]
    returns[5, 4] = np.nan
    return signal, returns


def test_outcomes_are_compounded(market: tuple[np.ndarray, np.ndarray]) -> None:
    signal, returns = market
    got = ic_decay(signal, returns, [1, 3])
    compounded = np.full(returns.shape, np.nan)
    for row in range(118):
        compounded[row] = np.prod(1 + returns[row : row + 3], axis=0) - 1
    for horizon, outcome in ((1, returns), (3, compounded)):
        ic = daily_ic(signal, outcome)
        low, high = mean_interval(ic, horizon=horizon)
        expected = [np.nanmean(ic), newey_west_t(ic, horizon=horizon), low, high, icir(ic), np.isfinite(ic).sum()]
        np.testing.assert_allclose(got.loc[horizon], expected)
    assert got.columns.tolist() == ["ic", "t", "low", "high", "icir", "days"]


def test_an_edge_decays_where_it_ends(market: tuple[np.ndarray, np.ndarray]) -> None:
    got = ic_decay(*market, horizons=[1, 2, 3, 4, 10], marginal=True)
    assert (got["low"] > 0).tolist() == [True, True, True, False, False]
    later = daily_ic(market[0][:-9], market[1][9:])
    np.testing.assert_allclose(got.loc[10, "ic"], np.nanmean(later))
    np.testing.assert_allclose(got.loc[10, "t"], newey_west_t(later), err_msg="single bars do not overlap")


def test_beyond_the_end_nothing_is_known(market: tuple[np.ndarray, np.ndarray]) -> None:
    got = ic_decay(market[0][:5], market[1][:5], [5, 6, 50])
    assert got["days"].tolist() == [1, 0, 0]
    assert np.isnan(got.loc[50, "ic"])


def test_years_and_regimes_are_parts(market: tuple[np.ndarray, np.ndarray]) -> None:
    ic = daily_ic(*market)
    times = pd.bdate_range("2020-10-01", periods=120, tz="UTC")
    by_year = ic_by_year(ic, times, horizon=2)
    assert by_year.index.tolist() == [2020, 2021]
    assert by_year.loc[2021, "t"] == newey_west_t(ic[times.year == 2021], horizon=2)
    regimes = np.array(["calm", "storm"])[np.arange(120) % 2].astype(object)
    regimes[:10] = None
    by_regime = ic_by_regime(ic, regimes)
    assert by_regime.index.tolist() == ["calm", "storm"]
    assert by_regime.loc["storm", "ic"] == pytest.approx(ic[11::2].mean())
    assert by_regime["days"].sum() == 110, "what is not known is left out"
    assert ic_by_regime(ic, np.where(np.arange(120) < 5, np.nan, 2.0)).index.tolist() == [2.0]


def test_ranks_are_within_the_sector(market: tuple[np.ndarray, np.ndarray]) -> None:
    signal, returns = market
    sectors = ["b"] * 10 + ["a"] * 17 + ["", None] + ["alone"]
    got = ic_by_sector(signal, returns, sectors)
    assert got.index.tolist() == ["a", "alone", "b"]
    assert got.loc["a", "ic"] == pytest.approx(daily_ic(signal[:, 10:27], returns[:, 10:27]).mean())
    assert got.loc["alone", "days"] == 0
    assert np.isnan(got.loc["alone", "t"])


def test_shapes_and_horizons_are_checked(market: tuple[np.ndarray, np.ndarray]) -> None:
    signal, returns = market
    calls = [
        lambda: ic_decay(signal, returns[:-1]),
        lambda: ic_by_sector(signal, returns, ["a"]),
        lambda: ic_by_regime(np.zeros(5), ["a"]),
        lambda: ic_by_year(np.zeros(5), pd.DatetimeIndex(["2020-01-01"])),
    ]
    for call in calls:
        with pytest.raises(DataError) as raised:
            call()
        assert raised.value.code == "bad_shape"
    with pytest.raises(ConfigError):
        ic_decay(signal, returns, [0])
