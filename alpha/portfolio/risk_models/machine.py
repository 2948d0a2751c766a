"""The base of every risk model: returns of bars, values for short histories, memory that can be saved."""

import io
import zipfile
from dataclasses import asdict, dataclass, field
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt

from alpha.core.errors import DataError
from alpha.core.identity import canonical
from alpha.core.panel import Bar, Panel
from alpha.portfolio.view import Risk

LARGEST = 1e6  # a return above it is a fault of the data, and counts as missing
PRUDENT = 0.9  # the quantile of the variances known that a short history is given
FAULTS = ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile  # raised by NumPy on bytes that hold no arrays

Window = Annotated[int, Field(ge=2)]  # types are objects here, not texts: models inherit them in other modules


@dataclass(kw_only=True, eq=False)
class RiskModel:
    """A risk model in progress: each bar pushed gives the estimate known at its close. A batch is a loop of pushes.

    The return of a name is its close over the last one known, less 1. Three rules give every name a value that is not
    too small:

    - A return that is missing counts as that of the market, the mean of those that are not: a name without a history
      has a beta of 1.
    - Where that makes the variance of a name smaller than that of its own returns, the difference is added.
    - The variance of a name with fewer than `min_bars` returns is at least the 90 % quantile of those of the names
      with more. Where there are none yet, it is at least the square of `unseen`.

    Additions are to the diagonal, so the covariance stays positive semi-definite.

    Parameters
    ----------
    min_bars : int
        Returns from which on the history of a name is long enough.
    unseen : float
        Standard deviation of the return of a bar, as a fraction, while no name has a long history.
    adv_window : int
        Bars whose traded value is averaged.
    """

    min_bars: PositiveInt = 20
    unseen: PositiveFloat = 0.05
    adv_window: PositiveInt = 20

    _symbols: tuple[str, ...] = field(init=False, repr=False, default=())
    _memory: dict[str, np.ndarray] = field(init=False, repr=False, default_factory=dict)

    def push(self, bar: Bar) -> Risk:
        """Take in a bar and return the estimate known at its close. The bar pushed last may be pushed again.

        Raises
        ------
        DataError
            ``symbols_differ``: the bar has other symbols than those before. ``bar_out_of_order``: it is older than
            the last one.
        """
        self._take(bar)
        return self._risk(bar.tradable)

    def catch_up(self, history: Panel) -> None:
        """Take in many bars; the machine is then as if each had been pushed."""
        for row in range(len(history)):
            self._take(history.bar(row))

    def state(self) -> bytes:
        """Return the memory of the machine, as a NumPy archive without objects."""
        held = io.BytesIO()
        symbols, arrays = np.array(self._symbols, str), {f"_{name}": each for name, each in self._memory.items()}
        np.savez(held, identity=np.array(self._identity), symbols=symbols, **arrays)  # type: ignore[arg-type]
        return held.getvalue()

    def restore(self, state: bytes) -> None:
        """Go on from a saved state, to the same bits.

        Raises
        ------
        DataError
            ``foreign_state``: it is that of another model or other parameters, or no state at all.
        """
        try:
            with np.load(io.BytesIO(state), allow_pickle=False) as saved:
                held = {name: saved[name] for name in saved.files}
            identity, symbols = str(held.pop("identity")), tuple(map(str, held.pop("symbols")))
        except FAULTS as error:
            raise DataError(f"expected the state of a risk model: {error}", code="foreign_state") from None
        memory = {name[1:]: each for name, each in held.items()}
        if identity != self._identity or _layout(memory) != _layout(self._fresh(len(symbols)) if symbols else {}):
            raise DataError(f"expected a state of {self._identity}; it is one of {identity}", code="foreign_state")
        self._symbols, self._memory = symbols, memory

    @property
    def _identity(self) -> str:
        given = {name: value for name, value in asdict(self).items() if not name.startswith("_")}
        return f"{type(self).__name__} {canonical(given)}"

    def _fresh(self, names: int) -> dict[str, np.ndarray]:
        """Return the memory before the first bar."""
        return {
            "time": np.array(np.iinfo(np.int64).min), "close": np.full(names, np.nan), "shares": np.ones(names),
            "seen": np.zeros(names, np.int64), "traded": np.full((self.adv_window, names), np.nan),
            **self._start(names),
        }  # fmt: skip

    def _take(self, bar: Bar) -> None:
        if not self._symbols:
            self._symbols, self._memory = bar.symbols, self._fresh(len(bar.symbols))
        if bar.symbols != self._symbols:
            raise DataError("expected a bar of the same symbols as those before", code="symbols_differ")
        time, last = bar.time.as_unit("ns").value, int(self._memory["time"])
        if time < last:
            raise DataError(f"expected a bar after {pd.Timestamp(last, tz='UTC')}; it is {bar.time}",
                            code="bar_out_of_order")  # fmt: skip
        if time > last:
            self._memory["time"] = np.array(time)
            self._count_value(bar)
            returns = self._returns(bar["close"])
            self._memory["seen"] += np.isfinite(returns)
            self._learn(returns)

    def _returns(self, close: np.ndarray) -> np.ndarray:
        """Return each close over the last one known, less 1; NaN where there is none."""
        known, before = np.isfinite(close) & (close > 0), self._memory["close"]
        with np.errstate(all="ignore"):  # NaN where there is no close before
            returns = np.where(known, close / before - 1, np.nan)
            returns = np.where(returns <= LARGEST, returns, np.nan)
        self._memory["close"] = np.where(known, close, before)
        return returns

    def _count_value(self, bar: Bar) -> None:
        """Keep the traded value of the bar: price and shares as traded."""
        memory, value = self._memory, np.full(len(bar.symbols), np.nan)
        if "raw_close" in bar.fields and "split" in bar.fields:  # volume is divided by the splits since the first bar
            split = np.where(np.isfinite(memory["close"]) & (bar["split"] > 0), bar["split"], 1.0)
            memory["shares"] = memory["shares"] * split
        if "volume" in bar.fields:
            with np.errstate(all="ignore"):  # NaN where there is no price
                value = bar.quoted("close") * bar["volume"] * memory["shares"]
        memory["traded"] = pushed(memory["traded"], np.where((value >= 0) & (value < np.inf), value, np.nan))

    def _risk(self, tradable: np.ndarray) -> Risk:
        cov, added = self._estimate()
        np.fill_diagonal(cov, self._prudent(np.diagonal(cov) + added))
        market = (tradable if tradable.any() else np.ones(len(cov))) / max(1, tradable.sum() or len(cov))
        with_market = cov @ market
        variance = market @ with_market
        beta = with_market / variance if variance > 0 else np.ones(len(cov))
        return Risk(cov, beta, np.sqrt(np.diagonal(cov)), column_means(self._memory["traded"]))

    def _prudent(self, variance: np.ndarray) -> np.ndarray:
        """Return the variances, those of short histories raised."""
        known = self._memory["seen"] >= self.min_bars
        least = np.quantile(variance[known], PRUDENT) if known.any() else self.unseen**2
        return np.where(known, variance, np.maximum(variance, least))

    def _start(self, names: int) -> dict[str, np.ndarray]:
        """Return the memory of the model itself before the first bar."""
        raise NotImplementedError

    def _learn(self, returns: np.ndarray) -> None:
        """Take in the returns of a bar, shape (N,); NaN where missing."""
        raise NotImplementedError

    def _estimate(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the covariance with missing returns filled, (N, N), and the variance that filling took away, (N,)."""
        raise NotImplementedError


def pushed(window: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Return a window of rows, oldest first, with a new one at its end."""
    return np.concatenate([window[1:], row[None]])


def filled(returns: np.ndarray) -> np.ndarray:
    """Return the returns, shape (..., N), missing ones replaced by the mean of their row; 0 in an empty row."""
    known = np.isfinite(returns)
    total = np.where(known, returns, 0.0).sum(axis=-1, keepdims=True)
    return np.where(known, returns, total / np.maximum(known.sum(axis=-1, keepdims=True), 1))


def column_means(values: np.ndarray) -> np.ndarray:
    """Return the mean of the finite values of each column; NaN where there are none."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _layout(memory: dict[str, np.ndarray]) -> dict[str, tuple[object, ...]]:
    return {name: (each.shape, each.dtype) for name, each in memory.items()}
