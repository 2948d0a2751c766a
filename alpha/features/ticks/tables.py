"""Turn the events of sessions into a table with one row a session, to be joined to a panel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from alpha.core.errors import ConfigError
from alpha.features.ticks.book import CLOSE
from alpha.features.ticks.events import Events
from alpha.features.ticks.machine import TickMachine


def at_closes(events: Events, columns: Mapping[str, TickMachine], *, symbol: str) -> pd.DataFrame:
    """Return the values of tick features at each CLOSE, one row each: a table for `alpha.data.fields.asof`, or a join.

    Parameters
    ----------
    events : Events
        Those of one symbol. A stream may push them in pieces: machines go on, each call returns its own closes.
    columns : mapping of str to TickMachine
    symbol : str

    Returns
    -------
    DataFrame
        ``known_at`` (UTC: the instant of the CLOSE), ``symbol``, and the columns.

    Raises
    ------
    ConfigError
        ``column_taken``: a column is named ``known_at`` or ``symbol``.
    DataError
        ``unordered_time``.
    """
    for name in columns:
        if name in ("known_at", "symbol"):
            raise ConfigError(f"a tick feature cannot be named {name!r}; give it another name", code="column_taken")
    at = np.flatnonzero(events.kind == CLOSE)
    found = {name: machine.push(events)[at] for name, machine in columns.items()}
    return pd.DataFrame({"known_at": pd.to_datetime(events.time[at], utc=True), "symbol": symbol, **found})
