"""The types of the domain. All are frozen; arrays have shape (T times, N symbols[, F features])."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, Self

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from alpha.core.panel import Bar

Relation = Literal[">=", ">", "<=", "<", "=="]
Kind = Literal["comparison", "property"]


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Inputs of a model: ``values[t, i, f]`` is feature ``names[f]`` of symbol i, known at ``times[t]``."""

    times: pd.DatetimeIndex
    symbols: tuple[str, ...]
    names: tuple[str, ...]
    values: np.ndarray

    def frame(self) -> pd.DataFrame:
        """Return a frame: a column for each feature, a row for each (time, symbol); a plan's result is not copied."""
        import pandas as pd

        columns = self.values.transpose(2, 0, 1).reshape(len(self.names), -1)
        rows = pd.MultiIndex.from_product([self.times, self.symbols], names=["time", "symbol"])
        return pd.DataFrame(columns.T, rows, list(self.names), copy=False)


@dataclass(frozen=True, eq=False)
class Label:
    """The outcomes that a model learns to predict.

    Parameters
    ----------
    values : array of shape (T, N)
        The outcome of a decision at row t; NaN where there is none.
    known_at : datetime64[ns] array of shape (T,) or (T, N), UTC
        When the outcome becomes known, always later than ``times[t]``; NaT: not yet known.
    horizon : int
        Bars from entry to exit; the maximum where it varies by cell (see `horizons`).
    entry : str
        The price of the entry: ``next_open``, or ``next_close`` where only closes exist.
    realised : array of shape (T, N), optional
        The plain return, where `values` is a transform of it (such as a rank).
    """

    name: str
    values: np.ndarray
    known_at: np.ndarray
    horizon: int
    entry: str
    realised: np.ndarray | None = None

    @property
    def known_at_cells(self) -> np.ndarray:
        """When the outcome of each cell became known: `known_at` as a read-only array of shape (T, N)."""
        return np.broadcast_to(self.known_at.reshape(len(self.values), -1), self.values.shape)

    def horizons(self, times: pd.DatetimeIndex) -> np.ndarray:
        """Return the bars from entry to exit of each cell, an int array of shape (T, N); -1 where not yet known.

        The entry is in the bar after the row; the outcome is known at the close of the bar of the exit.
        """
        exits = np.searchsorted(times.as_unit("ns").asi8.view("datetime64[ns]"), self.known_at_cells)
        return np.where(np.isnat(self.known_at_cells), -1, exits - np.arange(len(exits))[:, None] - 1)

    def known_before(self, cutoff: np.datetime64 | np.ndarray) -> np.ndarray:
        """Return a bool array of shape (T, N): True where the outcome was known strictly before `cutoff`.

        `cutoff` is one instant, or an array of shape (T,) with one for each row.
        """
        return self.known_at_cells < np.reshape(cutoff, (-1, 1))  # NaT compares False


@dataclass(frozen=True, eq=False)
class Fold:
    """The training and test rows of one split, and the instant before which a training label must be known.

    Parameters
    ----------
    cutoff : datetime64[ns]
        Training uses only labels known strictly before it; NaT where each row has its own.
    cutoffs : datetime64[ns] array of shape (T,), optional
        The cutoff of each row, in a fold whose training rows may lie after its test rows.
    symbols : int array, optional
        The columns of the test, which training leaves out; default: every column is in both.
    """

    index: int
    train: np.ndarray
    test: np.ndarray
    cutoff: np.datetime64
    cutoffs: np.ndarray | None = None
    symbols: np.ndarray | None = None

    @property
    def forward(self) -> bool:
        """True if all training labels were known at one instant, before the test."""
        return self.cutoffs is None

    def cells(self, names: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the index of the test cells in an array of shape (T, names)."""
        return np.ix_(self.test, np.arange(names) if self.symbols is None else self.symbols)  # type: ignore[return-value]


@dataclass(frozen=True)
class Verdict:
    """The verdict of one gate on one candidate.

    Parameters
    ----------
    value, limit : float
        The number and its limit; for a property, the number of problems found and 0. NaN where there is no number.
    relation : str
        The comparison of value with limit that must hold for the gate to pass.
    note : str
        Why the gate failed, and by how much.
    kind : str
        ``comparison`` of a number with a limit, or ``property``, which holds or does not.
    """

    gate: str
    passed: bool
    value: float
    limit: float
    relation: Relation = ">="
    note: str = ""
    kind: Kind = "comparison"

    def __str__(self) -> str:
        mark = "PASS" if self.passed else "FAIL"
        tail = f"  ({self.note})" if self.note else ""
        found = f"{self.value:>10.4f} {self.relation} {self.limit:.4f}"
        if not math.isfinite(self.value):
            found = f"{'-':>10} {self.relation} {self.limit:.4f}"
        elif self.kind == "property":
            found = "holds" if self.passed else f"{self.value:.0f} against"
        return f"{mark}  {self.gate:<28} {found:>10}{tail}"

    @property
    def margin(self) -> float:
        """Distance of the value from the limit, in its units: positive where the gate passed, negative where not."""
        away = self.value - self.limit
        return {"<": -away, "=": -abs(away), ">": away}[self.relation[0]]


@dataclass(frozen=True)
class Scorecard:
    """Out-of-sample evidence for one candidate.

    Parameters
    ----------
    metrics : mapping of str to float
        Point estimates, interval ends and t statistics, by name.
    baselines : mapping of str to mapping of str to float
        The same metrics of the baselines, scored in the same run.
    series : mapping of str to Series
        Series for the plots and later tests: daily IC, net returns, turnover, quantile returns ...
    intervals : mapping of str to (low, high)
        The 95 % intervals of `metrics`, by name. Candidates have them; the other trials of a search do not.
    """

    model: str
    metrics: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    by_year: Sequence[Mapping[str, float]]
    by_fold: Sequence[Mapping[str, Any]]
    series: Mapping[str, pd.Series | pd.DataFrame] = field(repr=False, default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(repr=False, default_factory=dict)


@dataclass(frozen=True, eq=False)
class Target:
    """The weights that the strategy wants after a bar. Arrays have shape (N,); weights are fractions of equity.

    Parameters
    ----------
    weights : array
        The weights within every limit. A position that cannot be traded now keeps its current weight.
    raw : array
        The weights from the policy and its overlays, before the limits.
    clipped : tuple of str
        The limits that were hit, and the guards that allow only reductions.
    stuck : tuple of str
        The names held that have no price in this bar, so cannot be traded now.
    """

    weights: np.ndarray
    raw: np.ndarray
    clipped: tuple[str, ...] = ()
    stuck: tuple[str, ...] = ()


class Order(NamedTuple):
    """An order decided at the close of `bar`, which may trade in later bars; `id` makes sending it twice harmless.

    Parameters
    ----------
    quantity : float
        Shares; negative sells. For an order that is partially filled, the remainder.
    kind : str
        ``market``, or ``limit``: never at a price worse than `limit`.
    limit : float, optional
        Price per share, in the currency of the symbol.
    expires : int, optional
        Bars in which it may still trade; 1 is a day order, None is good till cancelled.
    """

    id: str
    bar: str
    symbol: str
    quantity: float
    kind: Literal["market", "limit"] = "market"
    limit: float | None = None
    expires: int | None = 1


class Fill(NamedTuple):
    """A broker's report that an order traded, in whole or in part.

    Parameters
    ----------
    order_id : str
    id : str
        The venue's name for this fill: no other fill of the same order has it.
    quantity : float
        Shares, signed as the order.
    price : float
        Per share, in the currency of the symbol.
    fee : float
        In the currency of the symbol.
    slippage : float
        The part of the amount paid that lies between the quote and `price`, in the currency of the symbol.
    """

    order_id: str
    id: str
    symbol: str
    quantity: float
    price: float
    fee: float
    slippage: float = 0.0


class Accepted(NamedTuple):
    """A broker's report that it acknowledged an order and works on it."""

    order_id: str


class Rejected(NamedTuple):
    """A broker's report that it refused an order, with the reason; the order is not open."""

    order_id: str
    reason: str


class Cancelled(NamedTuple):
    """A broker's report that it cancelled the rest of an order."""

    order_id: str


class Expired(NamedTuple):
    """A broker's report that the rest of an order expired."""

    order_id: str


Update = Fill | Accepted | Rejected | Cancelled | Expired


class Model(Protocol):
    """Fits samples of (time, symbol) pairs; a prediction depends on its own row only.

    `handles_nan` is True where inputs may be missing. A class may also declare its `outputs` (the columns of `predict`:
    ``signal`` first, then for example ``spread``, its uncertainty), its `neutral` prediction (0.5 for a probability),
    the `tolerance` within which a prediction may depend on the other rows of its batch (default: 0), and the `packages`
    that reading its files needs (default: those that its module imports). See `alpha.models`.
    """

    handles_nan: ClassVar[bool]

    def fit(self, samples: Any) -> Self: ...  # alpha.models.samples.Samples, of a layer above
    def predict(self, X: np.ndarray) -> np.ndarray: ...
    def to_files(self) -> dict[str, bytes]: ...
    @classmethod
    def from_files(cls, files: Mapping[str, bytes], params: Mapping[str, Any]) -> Self: ...


class Broker(Protocol):
    """The protocol of every venue. Every method may be called again: an order's id makes a repetition harmless."""

    def submit(self, orders: Sequence[Order]) -> None:
        """Take orders; an order whose id was taken before is ignored, whatever became of it."""

    def advance(self, bar: Bar) -> None:
        """Trade up to the close of `bar`: the clock of a simulated market, which a real venue ignores."""

    def poll(self) -> Sequence[Update]:
        """Return the reports since the last call, oldest first; a report may be repeated."""

    def open_orders(self) -> Sequence[Order]:
        """Return the open orders, each with its remaining quantity."""

    def cancel(self, ids: Sequence[str]) -> None:
        """Cancel orders by id; one that is not open is ignored."""

    def cancel_all(self) -> None:
        """Cancel every open order."""
