"""A few implied volatilities from option prices: at the money, across strikes, across expiries."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from alpha.data.fields.black import delta, implied_spread

CHAIN = ["row", "column"]
EXPIRY = [*CHAIN, "days"]
YEAR = 365.0  # expiries are counted in calendar days
NEAR, FAR = 30, 90  # days
WING = 0.25  # delta
FAR_OFF = 0.1  # a table's volatility this far from the price's is reported
PAIRS = 5  # pairs of put and call that give the forward
REACH = 1.5  # the first expiry serves for a time before it, where it is at most this many times as far


def measures(
    chains: pd.DataFrame, rate: float, believed: Literal["price", "table"] = "price"
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return the implied volatilities of each chain, and the options that were left out or disagree.

    Only options out of the money count: they have the most trade and the least value of early exercise. Between strikes
    and deltas, volatility is interpolated linearly; between expiries, variance x time and skew x time are. Nothing is
    extrapolated, but for times before the first expiry, up to `REACH`.

    Parameters
    ----------
    chains : DataFrame
        One row a contract: row, column, date, expiry, right ("C" or "P"), strike, price, implied_volatility (NaN or 0:
        unknown).
    rate : float
        Interest, a fraction a year.
    believed : {"price", "table"}
        Which volatility counts: that found from the price, or the table's, and that of the price where it has none.

    Returns
    -------
    DataFrame
        Indexed by row and column: option_iv, option_iv_skew, option_iv_term, fractions a year.
    dict of str to DataFrame
        By code: ``no_implied_volatility``, left out; ``volatility_mismatch``, where the two are far apart.
    """
    days = (chains["expiry"] - chains["date"]).dt.days
    chains = chains.assign(days=days, grown=np.exp(rate * days / YEAR))[days > 0]
    chains = chains.sort_values([*EXPIRY, "strike", "right"])
    quotes = chains.merge(_forwards(chains).reset_index(), on=EXPIRY)
    quotes = quotes[(quotes["right"] == "C") == (quotes["strike"] >= quotes["forward"])]
    given, found = quotes["implied_volatility"], _solved(quotes)
    given = given.where(given.between(0, np.inf, "neither"))
    vol = found if believed == "price" else given.fillna(found)
    quotes, known = quotes.assign(vol=vol), vol.notna()
    smile = _smile(quotes[known])
    near, far = (np.sqrt(_in_days(smile, smile["vol"] ** 2, target)) for target in (NEAR, FAR))
    skew = _in_days(smile, smile["skew"], NEAR)
    implied = pd.DataFrame({"option_iv": near, "option_iv_skew": skew, "option_iv_term": far - near})
    odd = {"no_implied_volatility": quotes[~known], "volatility_mismatch": quotes[(given - found).abs() > FAR_OFF]}
    return implied, odd


def _forwards(chains: pd.DataFrame) -> pd.Series:
    """Return the forward of each expiry by put-call parity, where puts and calls are most alike (as for the VIX)."""
    priced = chains[chains["price"] > 0].set_index([*EXPIRY, "strike"])
    call, put = (priced[priced["right"] == side] for side in "CP")
    pairs = call[["price", "grown"]].join(put["price"].rename("put"), how="inner").reset_index()
    apart = pairs["price"] - pairs["put"]
    pairs = pairs.assign(apart=apart.abs(), forward=pairs["strike"] + apart * pairs["grown"])
    closest = pairs.sort_values("apart", kind="stable").groupby(EXPIRY).head(PAIRS)
    forward = closest.groupby(EXPIRY)["forward"].median()
    return forward[forward > 0]


def _solved(quotes: pd.DataFrame) -> pd.Series:
    """Return the volatility of the price; NaN where it has none."""
    value, forward, strike = (quotes[name].to_numpy() for name in ("price", "forward", "strike"))
    spread = implied_spread(value * quotes["grown"].to_numpy(), forward, strike, (quotes["right"] == "C").to_numpy())
    return pd.Series(spread / np.sqrt(quotes["days"].to_numpy() / YEAR), quotes.index)


def _smile(quotes: pd.DataFrame) -> pd.DataFrame:
    """Return, of each expiry, the volatility at the money and the skew between the wings."""
    group, keys = _numbered(quotes, EXPIRY)
    vol, forward, strike = (quotes[name].to_numpy() for name in ("vol", "forward", "strike"))
    moneyness = np.log(forward / strike)
    slant = delta(forward, strike, vol * np.sqrt(quotes["days"].to_numpy() / YEAR))
    low = strike < forward
    slant = np.where(low, np.maximum(slant, 0.5), np.minimum(slant, 0.5))  # a stray price far out is on its own side
    put = _passing(group, slant, 1 - WING, vol)
    call = _passing(group.max(initial=0) - group[::-1], -slant[::-1], -WING, vol[::-1])[::-1]  # as well from outside in
    return keys.assign(vol=_passing(group, moneyness, 0.0, vol), skew=put - call)


def _in_days(smile: pd.DataFrame, value: pd.Series, target: int) -> pd.Series:
    """Return the value in `target` days of each chain; value x time is linear between expiries."""
    smile, value = smile[value.notna()], value[value.notna()]
    group, keys = _numbered(smile, CHAIN)
    days = smile["days"].to_numpy(float)
    between = _passing(group, -days, -float(target), value.to_numpy() * days) / target
    first = smile.assign(value=value).groupby(CHAIN).first().reset_index()
    near = (first["days"] > target) & (first["days"] <= REACH * target)
    return pd.Series(np.where(near, first["value"], between), pd.MultiIndex.from_frame(keys[CHAIN]))


def _numbered(rows: pd.DataFrame, by: list[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the number of each row's group, and the keys of the groups in their order."""
    return rows.groupby(by).ngroup().to_numpy(), rows[by].drop_duplicates().reset_index(drop=True)


def _passing(group: np.ndarray, x: np.ndarray, level: float, y: np.ndarray) -> np.ndarray:
    """Return `y` where `x`, which falls within a group, last passes `level`, linear between rows; else NaN."""
    last = np.full(group[-1] + 1 if len(group) else 0, -1)
    above = np.flatnonzero(x >= level)
    np.maximum.at(last, group[above], above)
    after = np.minimum(last + 1, len(group) - 1)
    passed = last >= 0
    exact = passed & (x[last] == level)
    inside = passed & (after > last) & (group[after] == group[last])
    weight = np.divide(x[last] - level, x[last] - x[after], out=np.zeros(len(last)), where=inside & ~exact)
    return np.where(inside | exact, y[last] + weight * (y[after] - y[last]), np.nan)
