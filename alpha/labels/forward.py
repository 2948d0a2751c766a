"""Returns that could have been earned by deciding at the close of a bar and trading from the next one on."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import PositiveInt

from alpha.core.nouns import Label
from alpha.core.panel import Panel
from alpha.labels import label


@label
def forward_return(panel: Panel, *, horizon: PositiveInt = 5) -> Label:
    """Return from the open of the next bar to the open `horizon` bars later, as a fraction.

    Where the panel has no opens, from the close of the next bar to the close `horizon` bars later. Prices are the
    panel's adjusted ones, so dividends and splits are in it. A name whose price ends before the exit, a delisting
    say, leaves at its last close: leaving it out would be survivorship. NaN where the name was not tradable at
    row t, or had no price to enter at.

    Known at the close of bar ``t + 1 + horizon``, in which the exit happened.
    """
    return _label("forward_return", panel, horizon, _forward_return(panel, horizon))


@label
def forward_excess(panel: Panel, *, horizon: PositiveInt = 5) -> Label:
    """Forward return less its mean over the names tradable at row t, as a fraction.

    Known when the forward return is.
    """
    return _label("forward_excess", panel, horizon, _excess(_forward_return(panel, horizon)))


@label
def forward_rank(panel: Panel, *, horizon: PositiveInt = 5) -> Label:
    """Rank of the forward return among the names tradable at row t, from -0.5 (worst) to 0.5 (best).

    Ties share their mean rank; a name alone has 0. `realised` holds the excess return. Known when the forward
    return is.
    """
    returns = _forward_return(panel, horizon)
    return _label("forward_rank", panel, horizon, _centred_rank(returns), realised=_excess(returns))


def moments(panel: Panel) -> np.ndarray:
    """Return the times of the rows as datetime64[ns], UTC."""
    return panel.times.as_unit("ns").asi8.view("datetime64[ns]")


def last_closes(panel: Panel) -> np.ndarray:
    """Return the newest close up to each row, shape (T, N): the exit price of a delisted name."""
    return panel.frame("close").ffill().to_numpy()


def _label(name: str, panel: Panel, horizon: int, values: np.ndarray, realised: np.ndarray | None = None) -> Label:
    entry = "next_open" if "open" in panel else "next_close"
    return Label(name, values, _known_at(panel, horizon), horizon, entry, values if realised is None else realised)


def _known_at(panel: Panel, horizon: int) -> np.ndarray:
    times = moments(panel)
    known_at = np.full(len(times), np.datetime64("NaT", "ns"))
    exits = times[1 + horizon :]
    known_at[: len(exits)] = exits
    return known_at


def _forward_return(panel: Panel, horizon: int) -> np.ndarray:
    price = panel["open"] if "open" in panel else panel["close"]
    last_close = last_closes(panel)
    returns = np.full(price.shape, np.nan)
    known = max(len(panel) - 1 - horizon, 0)
    enter, leave = price[1 : 1 + known], price[1 + horizon : 1 + horizon + known]
    leave = np.where(np.isfinite(leave), leave, last_close[1 + horizon : 1 + horizon + known])
    returns[:known] = np.where(panel.tradable[:known], leave / enter - 1, np.nan)
    return returns


def _excess(returns: np.ndarray) -> np.ndarray:
    mean = pd.DataFrame(returns).mean(axis=1).to_numpy()
    return returns - mean[:, None]


def _centred_rank(returns: np.ndarray) -> np.ndarray:
    rank = pd.DataFrame(returns).rank(axis=1).to_numpy()
    names = np.isfinite(rank).sum(axis=1, keepdims=True)
    return (rank - 1) / np.maximum(names - 1, 1) - 0.5 * (names > 1)
