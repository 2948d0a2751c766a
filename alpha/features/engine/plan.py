"""A plan: named feature expressions, computed over a panel at once or bar by bar, to the same bit."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from alpha.core.errors import ConfigError, DataError, nearest
from alpha.core.nouns import FeatureSet
from alpha.core.panel import Bar, Panel
from alpha.features.engine.explain import explained
from alpha.features.engine.program import Program, Shape, compile_program
from alpha.features.expr import Expr

if TYPE_CHECKING:
    from alpha.features.engine.machine import Machine

_WIDEST, _NARROWEST = 256, 32  # symbols in a block: a row of the result is written in pieces of this size
_NUMBERS = 1024  # in a register: 8 KiB, so that those in use stay in the second cache
_WIDTH_ACROSS = 64
_SLACK = 24  # rows between two copies of past rows to the front: more copies less, but spreads over more of the cache
_SPAN, _SPAN_ACROSS = 256, 64  # rows between two meetings of all threads; comparing symbols costs a call a span
_GROUP = "group:"
_STREAM_CHUNK = 8
_STREAM_SLACK = 64


class Plan:
    """Feature columns compiled to one program.

    Parameters
    ----------
    columns : mapping of str to Expr
        Column name to expression, in the order of the features.

    Attributes
    ----------
    names : tuple of str
    fields : tuple of str
        Panel fields that some column reads.
    lookback : int
        Past rows needed beyond the current one.
    recursive : bool
        Whether some column's memory only fades (`ema`, `wilder`). Where it is False, a computation that starts
        `lookback` rows before a row gives that row to the last bit; where it is True, to 1e-9.

    Raises
    ------
    ConfigError
        A column is not an expression, or moves with the level of prices (`price_level`).
    """

    def __init__(self, columns: Mapping[str, Expr]) -> None:
        if not columns:
            raise ConfigError("a plan needs at least one feature", code="no_features")
        for name, column in columns.items():
            _check_column(name, column)
        self.columns = dict(columns)
        self.names = tuple(columns)
        self.fields = tuple(sorted(frozenset().union(*(column.fields for column in columns.values()))))
        self.lookback = max(column.lookback for column in columns.values())
        self.recursive = any(column.recursive for column in columns.values())

    def __repr__(self) -> str:
        return f"Plan({len(self.names)} features, lookback {self.lookback})"

    @cached_property
    def program(self) -> Program:
        """The compiled program."""
        return compile_program(list(self.columns.values()))

    def batch(
        self,
        panel: Panel,
        *,
        threads: int | None = None,
        chunk: int | None = None,
        dtype: type = np.float64,
        out: np.ndarray | None = None,
    ) -> FeatureSet:
        """Compute every row of a panel.

        Parameters
        ----------
        panel : Panel
        threads : int, optional
            Threads over blocks of symbols; default: one a processor. The result does not depend on it.
        chunk : int, optional
            Rows computed at a time. The result does not depend on it.
        dtype : float64 or float32
            Type of the result; everything is computed in float64.
        out : array of shape (F, T, N), optional
            Where to write: memory that has been used before takes a fraction of the time of new memory.

        Returns
        -------
        FeatureSet
            Values of shape (T, N, F), stored feature by feature, finite or NaN (not enough past, a hole, a division by
            zero); row t is known at ``times[t]``.

        Raises
        ------
        DataError
            The panel lacks a field (`absent_field`): names the feature and the field.
        """
        self._check_fields(panel)
        shape = (len(self.names), len(panel), len(panel.symbols))
        out = np.empty(shape, dtype) if out is None else _checked(out, shape)
        for _ in self._computed(panel, out, len(panel), threads, chunk):
            pass
        return FeatureSet(panel.times, panel.symbols, self.names, out.transpose(1, 2, 0))

    def chunks(
        self, panel: Panel, rows: int, *, threads: int | None = None, dtype: type = np.float64
    ) -> Iterator[FeatureSet]:
        """Yield the features of some rows at a time: together they are the batch, to the bit, in bounded memory.

        Each uses the memory of the one before it: copy what you keep.
        """
        if rows < 1:
            raise ConfigError(f"chunks takes at least one row at a time; it was {rows!r}", code="bad_window")
        self._check_fields(panel)
        shape = (len(self.names), min(rows, len(panel)), len(panel.symbols))
        out: np.ndarray = np.empty(shape, dtype)
        for span in self._computed(panel, out, rows, threads, None):
            part = out[:, : span.stop - span.start].transpose(1, 2, 0)
            yield FeatureSet(panel.times[span], panel.symbols, self.names, part)

    def _computed(
        self, panel: Panel, out: np.ndarray, size: int, threads: int | None, chunk: int | None
    ) -> Iterator[slice]:
        """Compute `size` rows at a time into `out`; yield which rows of the panel are there now."""
        inputs, shape = self._inputs(panel), self._shape(len(panel.symbols), threads or os.cpu_count() or 1, chunk)
        machine = self._machine(len(panel.symbols), shape)
        with ThreadPoolExecutor(threads) as pool:
            each = map if threads == 1 or len(machine.blocks) == 1 else pool.map
            for begin in range(0, len(panel), max(size, 1)):
                stop = min(begin + size, len(panel))
                for start in range(begin, stop, shape.span):
                    rows = slice(start, min(start + shape.span, stop))
                    place = slice(rows.start - begin, rows.stop - begin)
                    machine.run([values[rows] for values in inputs], place, out, each)
                yield slice(begin, stop)

    def stream(self, history: Panel | None = None, *, symbols: Sequence[str] | None = None) -> Stream:
        """Return the same computation bar by bar, begun with the rows of `history`.

        Parameters
        ----------
        history : Panel, optional
            At least `lookback` rows that end just before the first bar to be pushed.
        symbols : sequence of str, optional
            Needed where there is no history.
        """
        if history is None and symbols is None:
            raise ConfigError("a stream needs a history, or symbols to begin without one", code="no_symbols")
        stream = Stream(self, tuple(history.symbols if history is not None else symbols or ()))
        if history is not None:
            stream.catch_up(history)
        return stream

    def explain(self, *, graph: bool = False) -> str:
        """Describe the plan: sizes, cost, memory, each column's lookback and expression; and every operation.

        An operation reads registers, ``%7``, or registers some rows ago, ``%7[-5]``.
        """
        head = f"{len(self.names)} features of {', '.join(self.fields)}; lookback {self.lookback}"
        text = explained(self.columns, self.program, shape=self._shape(_WIDEST, 1), graph=graph)
        return f"{head}{' (fading)' if self.recursive else ''}\n{text}"

    def _shape(self, symbols: int, threads: int, chunk: int | None = None) -> Shape:
        """Return the pieces in which a batch is computed; no value depends on them."""
        parts = max(-(-symbols // _WIDEST), min(threads, symbols // _NARROWEST), 1)
        width = max(-(-symbols // parts), 1)
        if len(self.program.stages) > 1:
            rows = chunk or _SPAN_ACROSS
            return Shape(span=rows, chunk=rows, width=min(width, _WIDTH_ACROSS), slack=rows)
        rows = chunk or min(max(_NUMBERS // width, 4), 64)
        return Shape(span=max(rows, _SPAN), chunk=rows, width=width, slack=max(2 * rows, _SLACK))

    def _machine(self, symbols: int, shape: Shape) -> Machine:
        from alpha.features.engine.machine import Machine  # numba takes a second to import

        return Machine(self.program, symbols, shape)

    def _inputs(self, source: Panel | Bar) -> list[np.ndarray]:
        return [_input(source, name) for name in self.program.inputs]

    def _check_fields(self, source: Panel | Bar) -> None:
        present = {*source.fields, *(f"{_GROUP}{name}" for name in source.groups)}
        if present.issuperset(self.fields):
            return
        for name, column in self.columns.items():
            for absent in sorted(column.fields - set(present)):
                raise DataError(
                    f"feature {name!r} needs the field {absent!r}, which the data lack; {nearest(absent, present)}",
                    code="absent_field",
                )


class Stream:
    """A plan in progress: each bar pushed gives its row of features. Made by `Plan.stream`.

    Attributes
    ----------
    symbols : tuple of str, length N
    time : Timestamp or None
        The last row seen.
    """

    def __init__(self, plan: Plan, symbols: tuple[str, ...]) -> None:
        self.plan, self.symbols = plan, symbols
        self.time: pd.Timestamp | None = None
        shape = Shape(span=_STREAM_CHUNK, chunk=_STREAM_CHUNK, width=max(len(symbols), 1), slack=_STREAM_SLACK)
        self._machine = plan._machine(len(symbols), shape)
        identity = hashlib.sha256("\n".join([plan.program.id, *symbols]).encode())
        self._identity = np.frombuffer(identity.digest()[:8], np.int64)[0]

    def push(self, bar: Bar) -> np.ndarray:
        """Return the features of a bar, shape (N, F): known at its time.

        Raises
        ------
        DataError
            Other symbols (`symbols_differ`), not later than the last (`bar_out_of_order`), a field missing.
        """
        self._check_symbols(bar.symbols)
        self._check_time(bar.time)
        self.plan._check_fields(bar)
        out = np.empty((len(self.plan.names), 1, len(self.symbols)))
        self._machine.run([values[None] for values in self.plan._inputs(bar)], slice(0, 1), out)
        self.time = bar.time
        return out[:, 0].T

    def catch_up(self, history: Panel) -> None:
        """Take in many rows at once."""
        self._check_symbols(history.symbols)
        self.plan._check_fields(history)
        if len(history) == 0:
            return
        self._check_time(history.times[0])
        inputs = self.plan._inputs(history)
        out = np.empty((len(self.plan.names), _STREAM_CHUNK, len(self.symbols)))
        for start in range(0, len(history), _STREAM_CHUNK):
            rows = slice(start, min(start + _STREAM_CHUNK, len(history)))
            self._machine.run([values[rows] for values in inputs], slice(0, rows.stop - start), out)
        self.time = history.times[-1]

    def state(self) -> np.ndarray:
        """Return all that the stream remembers, as one float64 array to save."""
        stamp = np.array([self._identity, self.time.as_unit("ns").value if self.time else 0], np.int64)
        return np.concatenate([stamp.view(np.float64), self._machine.state()])

    def restore(self, state: np.ndarray) -> None:
        """Continue from a saved state of the same plan and symbols.

        Raises
        ------
        DataError
            The state is of another plan or of other symbols (`foreign_state`).
        """
        stamp = np.ascontiguousarray(state[:2], np.float64).view(np.int64)
        if len(state) != len(self.state()) or stamp[0] != self._identity:
            raise DataError("the saved state is of another plan or of other symbols", code="foreign_state")
        self._machine.restore(state[2:])
        self.time = pd.Timestamp(stamp[1], tz="UTC") if stamp[1] else None

    def _check_symbols(self, symbols: tuple[str, ...]) -> None:
        if tuple(symbols) != self.symbols:
            at = next((i for i, (a, b) in enumerate(zip(symbols, self.symbols, strict=False)) if a != b), None)
            what = f"{len(symbols)} of them" if at is None else f"{symbols[at]!r} at {at}"
            wanted = f"{len(self.symbols)}" if at is None else repr(self.symbols[at])
            message = f"a bar must have the stream's symbols in order: {wanted}; it has {what}"
            raise DataError(f"{message}: a symbol without a bar is NaN in it, not absent", code="symbols_differ")

    def _check_time(self, time: pd.Timestamp) -> None:
        if self.time is not None and not time > self.time:
            raise DataError(f"bars must move forward: the last was {self.time}, this one is {time}",
                            code="bar_out_of_order")  # fmt: skip


def _input(source: Panel | Bar, name: str) -> np.ndarray:
    """Return the values that a leaf reads, in the shape of a field."""
    if name == "tradable":
        return source.tradable
    if name == "time":
        stamps = source.times if isinstance(source, Panel) else pd.DatetimeIndex([source.time])
        seconds = stamps.as_unit("ns").asi8[:, None] / 1e9
        return np.broadcast_to(seconds if isinstance(source, Panel) else seconds[0], source.tradable.shape)
    if name.startswith(_GROUP):
        labels = np.array(source.groups[name.removeprefix(_GROUP)], str)
        codes = np.unique(labels, return_inverse=True)[1].astype(float)
        codes[labels == ""] = np.nan
        return np.broadcast_to(codes, source.tradable.shape)
    return source.fields[name]


def _checked(out: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    if out.shape != shape or out.dtype not in (np.float64, np.float32) or not out.flags.c_contiguous:
        raise ConfigError(f"out must be contiguous floats of shape {shape}; it is {out.dtype} of {out.shape}",
                          code="bad_out")  # fmt: skip
    return out


def _check_column(name: str, column: Expr) -> None:
    if not isinstance(column, Expr):
        raise ConfigError(f"feature {name!r} must be an expression; it was {column!r}", code="not_an_expression")
    if column.unit:
        raise ConfigError(
            f"feature {name!r} moves with the level of prices (unit {column.unit:g}), so a later dividend or split "
            f"would change it; divide by a price",
            code="price_level",
        )
