"""A computation over events: a kernel, and all that it remembers in one array."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from alpha.core.errors import DataError
from alpha.core.registry import Registry
from alpha.features.ticks.book import BOOK
from alpha.features.ticks.events import Events

tick_feature = Registry("tick_feature", "alpha.features.ticks")
bar_builder = Registry("bar_builder", "alpha.features.ticks")

Seconds = Annotated[float, Field(ge=1e-3)]

COLUMNS = ("open", "high", "low", "close", "volume", "dollar", "ticks")
_NO_BARS = pd.DataFrame({
    **{name: pd.to_datetime(np.empty(0, np.int64), utc=True) for name in ("start", "known_at")},
    **{name: np.empty(0) for name in COLUMNS},
})  # fmt: skip


class _Progress:
    """The base of machines and builders of bars: a kernel, its parameters, and its state.

    Parameters
    ----------
    kernel : callable
        Compiled; reads a chunk of events, changes `state` in place.
    params : sequence of float
    memory : int
        Numbers that the kernel remembers beside the book (`alpha.features.ticks.book`); they begin as zeros.
    """

    def __init__(self, kernel: Callable[..., int | None], params: Sequence[float] = (), *, memory: int) -> None:
        self._kernel, self._params = kernel, np.array(params, np.float64)
        self._state = np.zeros(BOOK + memory)
        self._time = 0
        text = f"{kernel.__module__}.{kernel.__name__} {self._params.tolist()} {memory}"
        self._identity = np.frombuffer(hashlib.sha256(text.encode()).digest()[:8], np.int64)[0]

    def state(self) -> np.ndarray:
        """Return all that is remembered, as one float64 array to save."""
        stamp = np.array([self._identity, self._time], np.int64)
        return np.concatenate([stamp.view(np.float64), self._state])

    def restore(self, state: np.ndarray) -> None:
        """Continue from a saved state of the same computation.

        Raises
        ------
        DataError
            ``foreign_state``: it is of another one, or of other parameters.
        """
        stamp = np.ascontiguousarray(state[:2], np.float64).view(np.int64)
        if len(state) != len(self._state) + 2 or stamp[0] != self._identity:
            raise DataError("the saved state is of another computation, or of other parameters", code="foreign_state")
        self._state[:] = state[2:]
        self._time = int(stamp[1])

    def _enter(self, events: Events) -> None:
        if len(events) == 0:
            return
        if events.time[0] < self._time or (np.diff(events.time) < 0).any():
            last = pd.Timestamp(self._time, tz="UTC")
            message = f"events must move forward; the last was at {last}, and there is an earlier one among these"
            raise DataError(message, code="unordered_time")
        self._time = int(events.time[-1])


class TickMachine(_Progress):
    """A tick feature in progress, of one symbol. Made by the functions of the registry `tick_feature`."""

    def push(self, events: Events) -> np.ndarray:
        """Return one value an event, shape (n,): known at its time. NaN is unknown.

        Raises
        ------
        DataError
            ``unordered_time``.
        """
        self._enter(events)
        out = np.empty(len(events))
        self._kernel(events.kind, events.time, events.values, self._params, self._state, out)
        return out


class Builder(_Progress):
    """Bars in the making, of one symbol. Made by the functions of the registry `bar_builder`."""

    def push(self, events: Events) -> pd.DataFrame:
        """Return the bars that these events complete, one row a bar.

        ``start`` and ``known_at`` (UTC), ``open high low close``, ``volume``, ``dollar`` (sum of price x size) and
        ``ticks`` (trades). All trades of a bar lie in [start, known_at], those of a bar of time in (start, known_at]. A
        CLOSE ends the bar in the making, and so does an OPEN: no bar goes on into another session, none is lost.

        Raises
        ------
        DataError
            ``unordered_time``.
        """
        self._enter(events)
        when = np.empty((len(events) + 1, 2), np.int64)
        out = np.empty((len(events) + 1, len(COLUMNS)))
        count = self._kernel(events.kind, events.time, events.values, self._params, self._state, when, out)
        if count == 0:
            return _NO_BARS.copy()
        spans = {name: pd.to_datetime(when[:count, i], utc=True) for i, name in enumerate(("start", "known_at"))}
        return pd.DataFrame({**spans, **{name: out[:count, i] for i, name in enumerate(COLUMNS)}})
