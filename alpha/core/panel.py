"""Market data on one time-by-symbol grid."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
import pandas as pd

from alpha.core.calendar import Calendar
from alpha.core.errors import DataError, nearest
from alpha.core.instrument import Instrument

PRICES = ("open", "high", "low", "close")
_SHARES = Instrument()


@dataclass(frozen=True, eq=False)
class Bar:
    """One row of a panel: the values known when the bar at `time` has closed.

    Parameters
    ----------
    time : Timestamp
        The instant, in UTC, at which the bar closed and everything in it was known.
    symbols : tuple of str, length N
    fields : mapping of str to array of shape (N,)
    tradable : bool array of shape (N,)
    groups : mapping of str to tuple of str, length N
    sleeve : str
        The sleeve that trades on this bar; empty where the account has one strategy.
    instrument : Instrument
        The terms on which the symbols are traded.
    rate : float
        Units of the account's currency for one of the instrument's, the last known at `time`.
    """

    time: pd.Timestamp
    symbols: tuple[str, ...]
    fields: Mapping[str, np.ndarray]
    tradable: np.ndarray
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sleeve: str = ""
    instrument: Instrument = _SHARES
    rate: float = 1.0

    def __getitem__(self, name: str) -> np.ndarray:
        return _lookup(self.fields, name)

    @property
    def unit(self) -> float:
        """The value of one unit (a share, a contract) at a price of 1, in the account's currency."""
        return self.instrument.multiplier * self.rate

    def quoted(self, name: str) -> np.ndarray:
        """Return the price `name` as traded: the raw price where known, else the price as given."""
        if f"raw_{name}" in self.fields:
            return self[f"raw_{name}"]
        price = self.fields.get(name, self["close"])
        return price * (self["raw_close"] / self["close"]) if "raw_close" in self.fields else price


@dataclass(frozen=True, eq=False)
class Panel:
    """Fields of market data that share one index of bar-close times and one of symbols.

    Row t of every field is known at ``times[t]`` and not before, so a computation that reads
    only rows up to t has no look-ahead. A field without data is absent, never filled with
    zeros. NaN means that the symbol had no such value at that time.

    Parameters
    ----------
    times : DatetimeIndex of length T
        Bar closes in UTC, strictly increasing.
    symbols : tuple of str, length N
    fields : mapping of str to float64 array of shape (T, N)
        ``open high low close`` are adjusted forward from the first row (a later dividend or split
        never changes an earlier value); ``raw_open raw_close dividend split`` are as traded and present
        only where the source knows them; ``volume`` is in shares, adjusted for splits in the same way.
    tradable : bool array of shape (T, N), optional
        Whether the symbol belonged to the universe and had a price; default: a finite close.
    groups : mapping of str to tuple of str, length N
        Labels of the symbols, such as sector.
    instrument : Instrument
        The terms on which the symbols are traded: currency, multiplier, lot, calendar.
    rates : array of shape (T,), optional
        Units of the account's currency for one of the instrument's; row t is the last rate known at ``times[t]``.
        None where both currencies are the same.
    """

    times: pd.DatetimeIndex
    symbols: tuple[str, ...]
    fields: Mapping[str, np.ndarray]
    tradable: np.ndarray = field(default=None)  # type: ignore[arg-type]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    instrument: Instrument = _SHARES
    rates: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "symbols", tuple(map(str, self.symbols)))
        self._check_index()
        shape = (len(self.times), len(self.symbols))
        fields = {name: _frozen(name, values, shape) for name, values in self.fields.items()}
        object.__setattr__(self, "fields", MappingProxyType(fields))
        tradable = np.isfinite(self["close"]) if self.tradable is None else self.tradable
        object.__setattr__(self, "tradable", _frozen("tradable", tradable, shape, dtype=bool))
        if self.rates is not None:
            object.__setattr__(self, "rates", self._checked_rates(self.rates))

    def _checked_rates(self, given: np.ndarray) -> np.ndarray:
        rates = _frozen("rates", given, (len(self.times),))
        if (bad := ~((rates > 0) & (rates < np.inf))).any():
            row = int(bad.argmax())
            raise DataError(f"rates of conversion must be above 0 and finite; at {self.times[row]} it is {rates[row]}",
                            code="bad_rate")  # fmt: skip
        return rates

    def _check_index(self) -> None:
        if str(self.times.tz) != "UTC":
            raise DataError(f"panel times must be in UTC; they are in {self.times.tz}", code="time_zone")
        if not (self.times.is_monotonic_increasing and self.times.is_unique):
            raise DataError("panel times must be strictly increasing", code="unordered_times")
        if len(set(self.symbols)) != len(self.symbols):
            raise DataError("panel symbols must be unique", code="duplicate_symbol")

    def __len__(self) -> int:
        return len(self.times)

    def __reduce__(self) -> tuple[type[Panel], tuple[object, ...]]:
        """Pickle the arguments of the constructor: a mapping proxy cannot be pickled."""
        return Panel, (self.times, self.symbols, dict(self.fields), self.tradable, dict(self.groups), self.instrument,
                       self.rates)  # fmt: skip

    def __getitem__(self, name: str) -> np.ndarray:
        return _lookup(self.fields, name)

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def frame(self, name: str) -> pd.DataFrame:
        """Return one field as a DataFrame of shape (T, N)."""
        return pd.DataFrame(self[name], self.times, list(self.symbols))

    def rows(self, index: slice | np.ndarray) -> Panel:
        """Return a panel of the given rows."""
        return replace(
            self,
            times=self.times[index],
            tradable=self.tradable[index],
            fields={name: values[index] for name, values in self.fields.items()},
            rates=None if self.rates is None else self.rates[index],
        )

    def until(self, time: pd.Timestamp) -> Panel:
        """Return the rows known at `time`. Every access to the past goes through this method."""
        return self.rows(slice(0, int(self.times.searchsorted(time, side="right"))))

    def since(self, time: pd.Timestamp) -> Panel:
        """Return the rows that became known at `time` or later."""
        return self.rows(slice(int(self.times.searchsorted(time, side="left")), None))

    def select(self, symbols: Iterable[str]) -> Panel:
        """Return a panel of the given symbols, in the order given."""
        symbols = tuple(symbols)
        for symbol in symbols:
            if symbol not in self.symbols:
                raise DataError(f"no symbol {symbol!r}; {nearest(symbol, self.symbols)}", code="unknown_symbol")
        at = [self.symbols.index(symbol) for symbol in symbols]
        return replace(
            self,
            symbols=symbols,
            tradable=self.tradable[:, at],
            fields={name: values[:, at] for name, values in self.fields.items()},
            groups={name: tuple(labels[i] for i in at) for name, labels in self.groups.items()},
        )

    def with_fields(self, **fields: np.ndarray) -> Panel:
        """Return the panel with fields added or replaced."""
        return replace(self, fields={**self.fields, **fields})

    def bar(self, row: int) -> Bar:
        """Return one row, as a stream would deliver it."""
        fields = {name: values[row] for name, values in self.fields.items()}
        rate = 1.0 if self.rates is None else float(self.rates[row])
        return Bar(self.times[row], self.symbols, fields, self.tradable[row], self.groups, "", self.instrument, rate)

    @property
    def periods(self) -> float:
        """The number of bars in a year: see `Calendar.periods`."""
        return Calendar(self.instrument.calendar).periods(self.times)

    @cached_property
    def id(self) -> str:
        """Hash of all data in the panel, computed once; equal data have equal ids on every machine."""
        digest = hashlib.sha256("\n".join(self.symbols).encode())
        digest.update(self.times.as_unit("ns").asi8.astype("<i8").tobytes())
        for name in sorted(self.fields):
            digest.update(name.encode() + np.ascontiguousarray(self.fields[name], "<f8").tobytes())
        digest.update(np.ascontiguousarray(self.tradable).tobytes())
        digest.update(repr(sorted(self.groups.items())).encode())
        if self.rates is not None:
            digest.update(b"rates" + np.ascontiguousarray(self.rates, "<f8").tobytes())
        return digest.hexdigest()


def _lookup(fields: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    try:
        return fields[name]
    except KeyError:
        raise DataError(f"the data have no field {name!r}; {nearest(name, fields)}", code="absent_field") from None


def _frozen(name: str, values: np.ndarray, shape: tuple[int, ...], dtype: type = np.float64) -> np.ndarray:
    array: np.ndarray = np.ascontiguousarray(values, dtype)
    if array.shape != shape:
        raise DataError(f"field {name!r} must have shape {shape}; it has {array.shape}", code="field_shape")
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array
