"""Compute the scorecard of a signal and of the book that traded it, and record it as a trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd

from alpha.core.errors import DataError
from alpha.core.identity import digest
from alpha.core.nouns import Fold, Label, Scorecard
from alpha.core.panel import Panel
from alpha.data.seal import expect_origin
from alpha.stats import metrics
from alpha.stats.arguments import between, expect, of_panel
from alpha.stats.significance import mean_interval, newey_west_t
from alpha.validation.trials import SERIES, Trials

ADDS_UP = 1e-9  # tolerance, as a fraction of equity


class TradedBook(Protocol):
    """The results of trading a signal over T rows, as fractions of equity, except `equity` itself.

    `targets` are the weights decided at each row; returns, turnover and costs belong to the positions held.
    """

    @property
    def times(self) -> pd.DatetimeIndex: ...
    @property
    def equity(self) -> np.ndarray: ...
    @property
    def net_returns(self) -> np.ndarray: ...
    @property
    def gross_returns(self) -> np.ndarray: ...
    @property
    def targets(self) -> np.ndarray: ...
    @property
    def turnover(self) -> np.ndarray: ...
    @property
    def costs(self) -> np.ndarray: ...


def score(
    model: str,
    signal: np.ndarray,
    label: Label,
    book: TradedBook,
    folds: Sequence[Fold],
    *,
    panel: Panel,
    trials: Trials,
    source: Mapping[str, str],
    config_id: str | None = None,
    baselines: Mapping[str, Mapping[str, float]] | None = None,
    periods: float | None = None,
) -> Scorecard:
    """Score a signal, and the book that traded it, over the test rows of `folds`, and record the trial.

    A score may influence a choice as soon as it is seen, so every score is recorded before it is returned.

    Parameters
    ----------
    signal : array of shape (T, N)
        Read on the test rows only. A frame must have the times and the symbols of the panel.
    label : Label
        The signal is compared with `realised`, or with `values` where that is absent.
    book : TradedBook
        Covers exactly the rows from the first test row to the last.
    panel : Panel
        The T times and N symbols; the trial is recorded under `Panel.id`.
    trials : Trials
        The record of trials, shared by everyone who works on these data: ``paths.trials`` of the configuration.
    source : mapping
        ``origin(source)`` of the data, by which looks at its sealed sessions are counted. Empty where there is no
        source, as in a test.
    config_id : str, optional
        Hash of all settings that the score depends on, such as `Config.trial_id`. Default: the hash of the signal, the
        outcomes and the net returns of the book on the tested rows. Equal inputs are then the same trial; any
        difference, even in the last bit, makes another.
    periods : float, optional
        Rows in a year; default: `Panel.periods`.

    Returns
    -------
    Scorecard
        `ic` is the mean over rows of the Spearman correlation across symbols, with its Newey-West t and 95 % interval;
        the hit rate comes with that of the better constant guess; all other metrics describe the book.

    Raises
    ------
    DataError
        ``test_rows``: the folds are empty, skip rows, test a row twice, or test rows outside the panel.
        ``book_rows``: the rows of the book are not the tested rows, or the book does not add up. ``bad_shape``: signal
        or label do not match the panel's times and symbols. ``not_numbers``. Also as `Trials.record`.
    ConfigError
        `bad_parameter`: trials, panel or source is missing. Also as `Trials.record`.
    """
    expect(trials, Trials, "trials must be a Trials(path): every score is recorded")
    expect_origin(source)
    tested = _Tested.of(signal, label, book, folds, panel, periods)
    card = tested.card(model, folds, baselines)
    name = config_id or _content(tested.signal, tested.realised, book.net_returns)
    series = pd.DataFrame({each: card.series[each] for each in SERIES})
    trials.record(name, panel.id, model, card.metrics, series, source)
    return card


def measure(
    model: str,
    signal: np.ndarray,
    label: Label,
    book: TradedBook,
    folds: Sequence[Fold],
    *,
    panel: Panel,
    baselines: Mapping[str, Mapping[str, float]] | None = None,
    periods: float | None = None,
) -> Scorecard:
    """Compute the scorecard that `score` returns, without recording it: for signals never chosen, such as baselines."""
    return _Tested.of(signal, label, book, folds, panel, periods).card(model, folds, baselines)


def _rows(folds: Sequence[Fold], panel: Panel) -> slice:
    """Return the rows from the first test row to the last; no training row lies between them."""
    tested = np.concatenate([fold.test for fold in folds]) if folds else np.empty(0, int)
    some = all(len(fold.test) for fold in folds) and len(folds) and tested.dtype.kind in "iu"
    if not some or (np.diff(tested) != 1).any() or tested[0] < 0 or tested[-1] >= len(panel):
        raise DataError(
            f"folds must test one run of rows among the panel's {len(panel)}, each once and in order, as those of "
            f"walk_forward and calendar_years do; these {len(folds)} do not",
            code="test_rows",
        )
    return slice(int(tested[0]), int(tested[-1]) + 1)


def _expect_book(book: TradedBook, times: pd.DatetimeIndex, names: int) -> None:
    """Raise a DataError unless every part of the book covers exactly these times, and the book adds up."""
    if not isinstance(book.times, pd.DatetimeIndex) or not book.times.equals(times):
        span = f"{len(book.times)} from {book.times[0]} to {book.times[-1]}" if len(book.times) else "no rows"
        raise DataError(
            f"the book must cover the {len(times)} tested rows, from {times[0]} to {times[-1]}; it covers {span}",
            code="book_rows",
        )
    for part in ("equity", "net_returns", "gross_returns", "targets", "turnover", "costs"):
        values, shape = getattr(book, part), (len(times), names) if part == "targets" else (len(times),)
        if type(values) is not np.ndarray or values.dtype.kind != "f" or values.shape != shape:
            was = f"{type(values).__name__} of shape {np.shape(values)}"
            raise DataError(f"{part} of the book must be an array of floats of shape {shape}; it is a {was}",
                            code="book_rows")  # fmt: skip
    _expect_sums(book)


def _expect_sums(book: TradedBook) -> None:
    """Raise a DataError unless the net returns of the book match its equity, as long as that is positive."""
    alive = np.append(True, book.equity[:-1] > 0)
    grown = np.append(1 + book.net_returns[0], book.equity[1:] / np.where(alive[1:], book.equity[:-1], np.nan))
    off = np.abs(np.stack([grown - 1, book.gross_returns - book.costs]) - book.net_returns)[:, alive]
    if not (off <= ADDS_UP).all():  # NaN compares False
        raise DataError(
            "the book does not add up: net returns must be the changes of its equity, and gross returns less costs",
            code="book_rows",
        )


def _outcome(label: Label) -> np.ndarray:
    return label.values if label.realised is None else label.realised


def _content(*arrays: np.ndarray) -> str:
    """Return the hash of numbers; every NaN counts as the same, and so do 0 and -0."""
    plain = [np.where(np.isnan(values), np.nan, values + 0.0).astype(np.float64) for values in arrays]
    return digest([[*values.shape, digest(values.tobytes())] for values in plain])[:12]


class _Tested:
    """The tested rows, with the values that several metrics share."""

    def __init__(
        self, signal: np.ndarray, realised: np.ndarray, book: TradedBook, horizon: int, periods: float
    ) -> None:
        self.signal, self.realised, self.book = signal, realised, book
        self.horizon, self.periods = horizon, periods
        self.ic = metrics.daily_ic(signal, realised)

    @classmethod
    def of(
        cls,
        signal: np.ndarray,
        label: Label,
        book: TradedBook,
        folds: Sequence[Fold],
        panel: Panel,
        periods: float | None,
    ) -> Self:
        """Check that all parts belong to one panel, and take their tested rows."""
        expect(panel, Panel, "panel must be the Panel that was scored")
        rows = _rows(folds, panel)
        _expect_book(book, panel.times[rows], len(panel.symbols))
        periods = between(panel.periods if periods is None else periods, "periods", 0, np.inf)
        signal, outcome = of_panel(signal, "signal", panel), of_panel(_outcome(label), "label", panel)
        return cls(signal[rows], outcome[rows], book, label.horizon, periods)

    def card(self, model: str, folds: Sequence[Fold], baselines: Mapping[str, Mapping[str, float]] | None) -> Scorecard:
        return Scorecard(
            model=model,
            metrics=self.metrics(),
            baselines=dict(baselines or {}),
            by_year=self.by_year(),
            by_fold=[self.of_fold(fold, int(folds[0].test[0])) for fold in folds],
            series=self.series(),
        )

    def metrics(self) -> dict[str, float]:
        return {**self._of_signal(slice(None)), **self._interval(), **self._of_book()}

    def _of_signal(self, rows: slice | np.ndarray) -> dict[str, float]:
        signal, realised, ic = self.signal[rows], self.realised[rows], self.ic[rows]
        known = np.isfinite(ic)
        return {
            "ic": float(ic[known].mean()) if known.any() else np.nan,
            "ic_days": float(known.sum()),
            "hit_rate": metrics.hit_rate(signal, realised),
            "hit_base_rate": metrics.base_rate(signal, realised),
            "predictions": float((np.isfinite(signal) & np.isfinite(realised)).sum()),
        }

    def _interval(self) -> dict[str, float]:
        low, high = mean_interval(self.ic, horizon=self.horizon)
        return {
            "ic_t": newey_west_t(self.ic, horizon=self.horizon),
            "ic_low": low,
            "ic_high": high,
            "icir": metrics.icir(self.ic),
        }

    def _of_book(self) -> dict[str, float]:
        book = self.book
        return {
            "hit_rate_positions": metrics.position_hit_rate(book.targets, self.realised),
            **metrics.of_book(book.net_returns, book.gross_returns, book.turnover, book.costs, self.periods),
        }

    def by_year(self) -> list[dict[str, float]]:
        years = self.book.times.year.to_numpy()
        return [{"year": int(year), **self._part(np.flatnonzero(years == year))} for year in np.unique(years)]

    def of_fold(self, fold: Fold, first: int) -> dict[str, Any]:
        rows = fold.test - first
        return {
            "fold": fold.index,
            "train_rows": len(fold.train),
            "cutoff": str(pd.Timestamp(fold.cutoff).date()) if fold.forward else "",
            "test_start": str(self.book.times[rows[0]].date()),
            "test_end": str(self.book.times[rows[-1]].date()),
            **self._part(rows),
        }

    def _part(self, rows: np.ndarray) -> dict[str, float]:
        return {**self._of_signal(rows), "net_return": metrics.total_return(self.book.net_returns[rows])}

    def series(self) -> dict[str, pd.Series | pd.DataFrame]:
        book, years = self.book, pd.DataFrame(self.by_year()).set_index("year")
        quantiles = pd.DataFrame(metrics.quantile_returns(self.signal, self.realised)).mean()
        return {
            "ic": pd.Series(self.ic, book.times, name="ic"),
            "net_returns": pd.Series(book.net_returns, book.times, name="net_returns"),
            "equity": pd.Series(book.equity, book.times, name="equity"),
            "drawdown": pd.Series(metrics.drawdown(book.net_returns), book.times, name="drawdown"),
            "turnover": pd.Series(book.turnover, book.times, name="turnover"),
            "quantile_returns": pd.Series(quantiles.to_numpy(), quantiles.index + 1, name="quantile_returns"),
            "hit_rate": years[["hit_rate", "hit_base_rate"]],
        }
