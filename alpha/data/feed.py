"""Rows of a panel as they become known: all of them once, then only those after an instant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

import pandas as pd

from alpha.core.errors import DataError
from alpha.core.panel import Panel
from alpha.core.registry import Plugin

Read = Callable[..., "pd.DataFrame"]
OVERLAP = timedelta(days=14)
"""Span of newest bars that each read repeats: a bar that arrives later than this is seen only after a restart."""


class Feed(Protocol):
    """A source of rows for the runner."""

    @property
    def live(self) -> bool:
        """True where more bars may come later."""

    def since(self, instant: pd.Timestamp | None = None) -> Panel:
        """Return the rows known now whose bars closed after `instant`; default: all. There may be none.

        Answers asked for one after the other, each from the last row of the one before, join to the panel that one
        whole read gives now, bit for bit.

        Raises
        ------
        DataError
            The answer cannot be used. Asking again may help; nothing of it is kept.
        """


@dataclass(eq=False)
class PanelFeed:
    """A feed over a function that reads the panel of everything known now.

    Parameters
    ----------
    read : callable
        Called once, and once for each `since` while `live`.
    live : bool
        True where more bars may come later.
    """

    read: Callable[[], Panel]
    live: bool = False
    _panel: Panel | None = field(default=None, init=False, repr=False)

    def since(self, instant: pd.Timestamp | None = None) -> Panel:
        """Return the rows known now whose bars closed after `instant`; default: all."""
        if self._panel is None or self.live:
            self._panel = self.read()
        return self._panel if instant is None else self._panel.rows(self._panel.times > instant)


class Newest:
    """A reader of bars that reads only the newest ones from its second call on: it keeps the older ones.

    Parameters
    ----------
    read : callable
        That of a source: ``read(start, end, **params)`` returns long bars.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._kept: pd.DataFrame | None = None
        self._last: pd.DataFrame | None = None

    def __call__(self, start: pd.Timestamp, end: pd.Timestamp, **params: Any) -> pd.DataFrame:
        """Return the bars from `start`, which is always the same, to `end`."""
        if self._kept is None:
            self._last = self._read(start, end, **params)
        else:
            self._last = self._continued(self._kept, start, end, params)
        return self._last.copy(deep=False)

    def keep(self) -> None:
        """Keep the bars that were read last, for they have passed the checks."""
        self._kept = self._last

    def _continued(
        self, kept: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp, params: dict[str, Any]
    ) -> pd.DataFrame:
        cut = (kept["time"].max() - OVERLAP).normalize()
        try:
            fresh = self._read(max(start, cut.tz_localize(None)), end, **params)
        except DataError as error:
            if error.code != "unknown_symbol":
                raise
            return self._read(start, end, **params)  # a symbol without a bar lately may have older ones
        bars = pd.concat([kept[kept["time"] < cut], fresh], ignore_index=True)
        bars.attrs.update(fresh.attrs)
        return bars


def follows(read: Read) -> Read:
    """Declare that a source may have more bars later, and that it can be asked for its newest alone.

    Its answer for a later start must have the same bits as that part of its answer for an earlier one.
    """
    read.feed = Newest  # type: ignore[attr-defined]
    return read


def feed(source: Plugin, load: Callable[[Plugin], Panel]) -> Feed:
    """Return the feed of a source: the one that it declares, else a feed of the one panel that it has.

    Parameters
    ----------
    load : callable
        Returns the panel of everything known now, made of the bars of the source that it is given.
    """
    declared = getattr(source.make, "feed", None)
    if declared is None:
        return PanelFeed(lambda: load(source))
    newest = declared(source.make)
    followed = replace(source, make=newest)

    def read() -> Panel:
        panel = load(followed)
        newest.keep()
        return panel

    return PanelFeed(read, live=True)
