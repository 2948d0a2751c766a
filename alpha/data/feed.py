"""Rows of a panel as they become known: all of them once, then only those after an instant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pandas as pd

from alpha.core.errors import DataError
from alpha.core.panel import Panel
from alpha.core.registry import Plugin

Read = Callable[..., pd.DataFrame]
OVERLAP = pd.Timedelta("14D")
"""How far back the newest bars are read again: a bar that comes later than this is seen after a restart."""


class Feed(Protocol):
    """Where the runner gets its bars from."""

    @property
    def live(self) -> bool:
        """Whether there may be more bars later."""

    def since(self, instant: pd.Timestamp | None = None) -> Panel:
        """Return the rows known now whose bars closed after `instant`; default: all. There may be none.

        Put one after the other, what this returns for the instant of the last row before is, in every bit, the panel
        that a whole read gives now.

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
        Whether there may be more bars later.
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
    """A function that reads bars, and from the second time on only the newest: older ones are kept from before.

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
    """Return the feed of a source: that which it declares, or the one panel that it has.

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
