"""A small simulated market, with records that carry the instant at which they became public."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alpha.core.calendar import Calendar

Tables = Mapping[str, pd.DataFrame]
EXCHANGE = Calendar("XNYS")
FIRST = "2015-01-02"
QUARTER, REBALANCED, DRIFT = 40, 30, 10  # rows: between reports, between changes of the index, a report's effect
DAY, NIGHT, BOUNCE = 0.012, 0.006, 0.006
AFTER_CLOSE = pd.Timedelta(hours=1)


@dataclass(frozen=True, eq=False)
class Records:
    """The tables of a data vendor; the column ``public`` is the instant from which a row can be read.

    ``bars``: symbol, time (session), open, high, low, close as traded, volume, dividend, split. ``reports``: symbol,
    quarter (its end), announced, surprise; a restatement is a further row of the same quarter. ``index``: symbol, time,
    member, from the next day on. ``scores``: symbol, time (session), score. ``macro``: time, value, once in ten
    sessions.
    """

    tables: Tables

    def at(self, instant: pd.Timestamp | None) -> Tables:
        """Return the rows public at an instant, without the column ``public``; None: all rows."""
        had = {name: table if instant is None else table[table["public"] <= instant]
               for name, table in self.tables.items()}  # fmt: skip
        return {name: table.drop(columns="public") for name, table in had.items()}


def records(seed: int, *, rows: int = 320, names: int = 16, edge: float = 0.15) -> Records:
    """Return the records of a market in which a score, known at the close, weakly predicts the next days.

    Reports come after the close; the price jumps on the next day and drifts for ten more. Names that have fallen
    are delisted. Names that rise are split, join the index and are traded more. The last price of a session is a bid
    or an ask.

    Parameters
    ----------
    edge : float
        Mean return on each of the next days per unit of score, in standard deviations of the daily return.
    """
    rng = np.random.default_rng([seed, 1])
    sessions = EXCHANGE.sessions(FIRST, "2020-12-31")[:rows]
    closes = EXCHANGE.closes(sessions)
    score = _scores(rng, rows, names)
    surprise = _surprises(rng, rows, names)
    last = np.where(np.arange(names) < 3, rng.integers(rows // 2, rows - 20, names), rows)  # three are delisted
    night, day = _returns(rng, edge * score, surprise, last)
    true = np.exp(np.cumsum(night + day, axis=0)) * rng.uniform(30, 90, names)
    prices = _prices(rng, true, day)
    listed = np.arange(rows)[:, None] <= last
    symbols = np.array([f"S{i:02d}" for i in range(names)])
    t, i = np.nonzero(listed)
    bars = pd.DataFrame({"symbol": symbols[i], "time": sessions[t], **{key: x[t, i] for key, x in prices.items()}})
    scores = pd.DataFrame({"symbol": symbols[i], "time": sessions[t], "score": score[t, i]})
    macro = np.arange(9, rows, 10)
    trend = pd.DataFrame({"time": sessions[macro], "value": (night + day).mean(axis=1).cumsum()[macro]})
    return Records({
        "bars": bars.assign(public=closes[t]), "scores": scores.assign(public=closes[t]),
        "reports": _reports(surprise, true, listed, sessions, closes, symbols),
        "index": _index(true, listed, sessions, closes, symbols), "macro": trend.assign(public=closes[macro]),
    })  # fmt: skip


def hours(seed: int, *, days: int = 60, names: int = 12, edge: float = 0.2) -> Records:
    """Return half-hourly prices, in which the last half hour weakly predicts the next hours.

    ``ticks``: symbol, time, price; public at its time.
    """
    rng = np.random.default_rng([seed, 2])
    opens = EXCHANGE.opens(EXCHANGE.sessions(FIRST, "2016-12-31")[:days])
    times = pd.DatetimeIndex([at + pd.Timedelta(minutes=30 * k) for at in opens for k in range(1, 13)])
    drift = np.zeros((len(times), names))
    noise = rng.normal(0, 0.004, drift.shape)
    for t in range(1, len(times)):
        drift[t] = 0.6 * drift[t - 1] + edge * noise[t - 1]
    price = 50 * np.exp(np.cumsum(noise + drift, axis=0))
    row, column = np.divmod(np.arange(price.size), names)
    symbols = np.array([f"S{k:02d}" for k in range(names)])
    ticks = pd.DataFrame({"symbol": symbols[column], "time": times[row], "price": price.ravel()})
    return Records({"ticks": ticks.assign(public=ticks["time"])})


def _scores(rng: np.random.Generator, rows: int, names: int) -> np.ndarray:
    noise = rng.normal(size=(rows, names))
    score = noise.copy()
    for t in range(1, rows):
        score[t] = 0.9 * score[t - 1] + np.sqrt(1 - 0.9**2) * noise[t]
    return score


def _surprises(rng: np.random.Generator, rows: int, names: int) -> np.ndarray:
    """Return the surprise reported after the close of each row; NaN without a report."""
    due = (np.arange(rows)[:, None] + 7 * np.arange(names)) % QUARTER == QUARTER // 2
    return np.where(due, rng.normal(size=(rows, names)), np.nan)


def _returns(
    rng: np.random.Generator, pull: np.ndarray, surprise: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the log returns of the night before each session, and of the session."""
    rows = len(pull)
    night, day = rng.normal(0, NIGHT, pull.shape), rng.normal(0, DAY, pull.shape)
    told = np.nan_to_num(surprise)
    night[1:] += 0.015 * told[:-1]
    day[1:] += 0.015 * told[:-1]
    day[1:] += DAY * pull[:-1]
    for after in range(1, DRIFT):
        day[after:] += 0.0015 * told[:-after]
    fading = (np.arange(rows)[:, None] > last - 60) & (np.arange(rows)[:, None] <= last) & (last < rows)
    return night, day - 0.006 * fading


def _prices(rng: np.random.Generator, true: np.ndarray, day: np.ndarray) -> dict[str, np.ndarray]:
    """Return bars as traded: the true prices include dividends and splits, which are taken out."""
    rows, names = true.shape
    close = true * np.exp(BOUNCE * rng.choice([-1, 1], true.shape))
    open_ = true / np.exp(day)
    reach = np.exp(np.abs(rng.normal(0, 0.004, (2, rows, names))))
    high, low = np.maximum(open_, close) * reach[0], np.minimum(open_, close) / reach[1]
    paid = np.where((np.arange(rows)[:, None] + 5 * np.arange(names)) % 63 == 62, 0.01, 0.0)
    risen = np.ones(true.shape)
    risen[40:] = true[40:] / true[:-40]
    split = np.where((risen > 1.15) & (np.arange(rows)[:, None] % 40 == 39), 2.0, 1.0)
    scale = np.cumprod((1 - paid) / split, axis=0)
    before = np.vstack([close[:1], (close * scale)[:-1]])
    level = np.log(true / true[0])
    volume = np.exp(14 + 0.5 * np.maximum(level, -1) + rng.normal(0, 0.3, true.shape)).round()
    traded = {"open": open_ * scale, "high": high * scale, "low": low * scale, "close": close * scale}
    return traded | {"volume": volume, "dividend": paid * before / split, "split": split}


def _reports(
    surprise: np.ndarray, true: np.ndarray, listed: np.ndarray, sessions: pd.DatetimeIndex,
    closes: pd.DatetimeIndex, symbols: np.ndarray,
) -> pd.DataFrame:  # fmt: skip
    """Return each surprise as first reported, and as restated 30 rows later in the light of later returns."""
    t, i = np.nonzero(np.isfinite(surprise) & listed)
    again = t + 30
    known = again < len(true)
    since = np.log(true[again[known], i[known]] / true[t[known], i[known]])
    first = surprise[t, i]
    quarter = sessions[np.maximum(t - 12, 0)]
    announced = closes[t] + AFTER_CLOSE
    told = pd.DataFrame({"symbol": symbols[i], "quarter": quarter, "announced": announced, "surprise": first})
    changed = told[known].assign(announced=closes[again[known]] + AFTER_CLOSE, surprise=first[known] + 8 * since)
    both = pd.concat([told, changed], ignore_index=True)
    return both.assign(public=both["announced"])


def _index(
    true: np.ndarray, listed: np.ndarray, sessions: pd.DatetimeIndex, closes: pd.DatetimeIndex, symbols: np.ndarray
) -> pd.DataFrame:
    """Return the members of the index from the next day on: the three quarters of the names that rose most."""
    told = []
    for row in range(0, len(true), REBALANCED):
        risen = np.where(listed[row], true[row] / true[max(row - REBALANCED, 0)], -np.inf)
        member = risen.argsort().argsort() >= len(symbols) // 4
        told.append(pd.DataFrame({"symbol": symbols, "time": sessions[row], "member": member & listed[row],
                                  "public": closes[row]}))  # fmt: skip
    return pd.concat(told, ignore_index=True)
