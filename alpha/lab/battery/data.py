"""Mistakes in loading: the panel holds data that were not available at their row."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from alpha.core.panel import Panel
from alpha.lab.battery import plant
from alpha.lab.battery.honest import bars, grid, honest, joined, panel, short_returns, with_column
from alpha.lab.battery.market import EXCHANGE, Tables, hours, records
from alpha.leaks import Pipeline


@plant("replay")
def restated_fundamentals(seed: int) -> Pipeline:
    """The last version of each report is stored at the time of the first.

    A database that overwrites values shows today's numbers in the past. Restatements contain later information, so old
    reports predict well.
    """

    def load(tables: Tables) -> Panel:
        last = tables["reports"].sort_values("announced", kind="stable").groupby(["symbol", "quarter"])
        newest = last.agg(announced=("announced", "first"), surprise=("surprise", "last")).reset_index()
        return joined(bars(tables["bars"]), tables, reports=newest)

    return honest(records(seed), load, horizon=5)


@plant("replay")
def announced_at_midnight(seed: int) -> Pipeline:
    """A report published in the evening is stamped with its date, so with the midnight before it.

    A date is not an instant. Joined as one, news published after the close seems known at the close, and predicts the
    next day.
    """

    def load(tables: Tables) -> Panel:
        stamped = tables["reports"].assign(announced=tables["reports"]["announced"].dt.normalize())
        return joined(bars(tables["bars"]), tables, reports=stamped)

    return honest(records(seed), load)


@plant("replay")
def quarter_end_as_announcement(seed: int) -> Pipeline:
    """Reports are joined by the end of their quarter, not by their announcement.

    Vendors key their tables by the period. Numbers published weeks later are then read on its last day.
    """

    def load(tables: Tables) -> Panel:
        at = pd.DatetimeIndex(tables["reports"]["quarter"]).tz_localize("UTC")
        first = tables["reports"].assign(announced=at).drop_duplicates(["symbol", "quarter"])
        return joined(bars(tables["bars"]), tables, reports=first)

    return honest(records(seed), load, horizon=10)


@plant("replay")
def survivor_universe(seed: int) -> Pipeline:
    """Only names that are still listed at the end are loaded.

    Lists of names usually describe today. Companies that failed are missing, so buying fallen stocks looks safe.
    """

    def load(tables: Tables) -> Panel:
        frame = tables["bars"]
        alive = frame.loc[frame["time"] == frame["time"].max(), "symbol"]
        kept = {
            name: table[table["symbol"].isin(alive)] if "symbol" in table else table for name, table in tables.items()
        }
        return panel(kept)

    return honest(records(seed), load)


@plant("replay")
def membership_of_today(seed: int) -> Pipeline:
    """The members of the index at the end are its members throughout.

    Names join an index because they rose. Today's members, held in the past, are names that later rose.
    """

    def load(tables: Tables) -> Panel:
        index = tables["index"]
        today = index.loc[index["time"] == index["time"].max()].set_index("symbol")["member"]
        return panel({**tables, "index": index.assign(member=today.reindex(index["symbol"]).to_numpy())})

    return honest(records(seed), load)


@plant("replay")
def universe_of_later_liquidity(seed: int) -> Pipeline:
    """The universe holds the names with the highest mean volume over the whole history.

    Volume follows success. A liquidity filter computed once over all rows selects the later winners.
    """

    def load(tables: Tables) -> Panel:
        made = panel(tables)
        volume = np.nanmean(made["volume"] * made["close"], axis=0)
        liquid = volume >= np.median(volume)
        return Panel(made.times, made.symbols, made.fields, made.tradable & liquid)

    return honest(records(seed), load)


@plant("replay")
def adjusted_price_level(seed: int) -> Pipeline:
    """The level of a price that is adjusted backward from the last row is a feature.

    Each later split and dividend lowers all earlier prices. A low old price reveals that the name will be split, and so
    that it will rise; a download made next year gives other values for today.
    """

    def load(tables: Tables) -> Panel:
        made = panel(tables)
        factor = made["close"] / made["raw_close"]
        last = pd.DataFrame(factor).ffill().to_numpy()[-1]
        return made.with_fields(adj_close=made["close"] / last)

    return honest(
        records(seed), load, features=with_column("level", lambda panel: np.log(panel["adj_close"])), horizon=5
    )


@plant("replay")
def bars_labelled_at_their_start(seed: int) -> Pipeline:
    """Hourly bars, made of half-hourly prices, are stamped with the beginning of the hour.

    This is the default of common libraries. The bar of ten o'clock then holds the price of eleven, and every join by
    time reads it an hour early.
    """

    def load(tables: Tables) -> Panel:
        return hourly(tables, "left")

    return honest(hours(seed), load, features=short_returns)


@plant("replay", "lag")
def slip_of_one_day(seed: int) -> Pipeline:
    """Dates are read as midnight UTC and converted to New York time, which is the day before.

    Every row of the table is then one session early: the apparent forecast is the next day's record.
    """

    def load(tables: Tables) -> Panel:
        local = pd.DatetimeIndex(tables["bars"]["time"]).tz_localize("UTC").tz_convert("America/New_York")
        moves = tables["bars"].assign(time=local.tz_localize(None).normalize())
        moves["move"] = moves["close"] / moves["open"] - 1
        made = panel(tables)
        return made.with_fields(move=grid(moves, "move", made))

    return honest(records(seed), load, features=with_column("move", lambda panel: panel["move"]))


@plant("replay")
def interpolated_macro(seed: int) -> Pipeline:
    """A series published every tenth session is made daily by linear interpolation.

    Each point between two releases already contains part of the later one: its slope reveals the next release.
    """

    def load(tables: Tables) -> Panel:
        made, macro = panel(tables), tables["macro"]
        at = EXCHANGE.closes(pd.DatetimeIndex(macro["time"])).as_unit("ns").asi8
        drawn = np.interp(made.times.as_unit("ns").asi8, at, macro["value"])
        return made.with_fields(macro=np.repeat(drawn[:, None], len(made.symbols), axis=1))

    return honest(records(seed), load, features=with_column("macro", lambda panel: panel["macro"] * panel["score"]))


def hourly(tables: Tables, stamp: Literal["left", "right"]) -> Panel:
    """Return hourly bars of two half hours, stamped with their ``right`` or ``left`` end."""
    prices = tables["ticks"].pivot_table("price", "time", "symbol")
    grouped = prices.resample("60min", label=stamp, closed="right", origin="start_day", offset="30min")
    made = {"open": grouped.first(), "high": grouped.max(), "low": grouped.min(), "close": grouped.last()}
    kept = made["close"].notna().any(axis=1)
    fields = {name: frame[kept].to_numpy() for name, frame in made.items()}
    return Panel(pd.DatetimeIndex(made["close"].index[kept]).as_unit("ns"), tuple(prices.columns), fields)
