"""From predictions and a book to the evidence: one scorecard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

from alpha.core.errors import ConfigError, DataError
from alpha.core.identity import digest
from alpha.core.types import Fold, Label, Scorecard
from alpha.validation import metrics
from alpha.validation.significance import mean_interval, newey_west_t
from alpha.validation.trials import SERIES, Trials


class Book(Protocol):
    """What trading the signal did, over T rows: fractions of equity, but for `equity` itself.

    `targets` are the weights decided at each row; returns, turnover and costs are those of the positions held.
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
    book: Book,
    folds: Sequence[Fold],
    *,
    trials: Trials,
    data_id: str,
    config_id: str | None = None,
    source: Mapping[str, str] | None = None,
    baselines: Mapping[str, Mapping[str, float]] | None = None,
    periods: float = metrics.SESSIONS_PER_YEAR,
) -> Scorecard:
    """Judge a signal, and the book that traded it, over the test rows of `folds`, and record it as a trial.

    Who sees a score may choose by it, so none is returned that was not recorded.

    Parameters
    ----------
    signal : array of shape (T, N)
        Read on the test rows only.
    label : Label
        `realised` (or `values`, where there is none) is what the signal is held against.
    book : Book
        Covers exactly the rows from the first test row to the last.
    trials : Trials
        Where it is recorded: the one record of all who work on these data, ``paths.trials`` of their configuration.
    data_id : str
        `Panel.id` of the data; taken as it is, since what is judged is not the panel itself.
    config_id : str, optional
        Hash of what the score depends on, such as `Config.trial_id`. By default that of what is judged: the signal, the
        outcomes and the net returns of the book, on the tested rows. The same scored twice is then the same trial,
        and whatever differs is another, be it in the last bit.
    source : mapping, optional
        What the data were read from; see `Trials.record`.
    periods : float
        Rows in a year.

    Returns
    -------
    Scorecard
        `ic` is the mean over rows of the Spearman correlation across symbols, with its Newey-West t and 95 % interval;
        hit rates stand beside that of the better constant guess; everything else is of the book.

    Raises
    ------
    DataError
        ``test_rows``: the folds leave rows out, test some twice, or are none. ``book_rows``: the book covers not as
        many rows as are tested. And as `Trials.record` does.
    ConfigError
        `bad_parameter`: no trials. And as `Trials.record` does.
    """
    if not isinstance(trials, Trials):
        raise ConfigError(
            f"trials must be a Trials(path): every score is recorded; it is {trials!r}", code="bad_parameter"
        )
    card = measure(model, signal, label, book, folds, baselines=baselines, periods=periods)
    rows = _rows(folds)
    name = config_id or _content(signal[rows], _outcome(label)[rows], book.net_returns)
    series = pd.DataFrame({each: card.series[each] for each in SERIES})
    trials.record(name, data_id, model, card.metrics, series, source)
    return card


def measure(
    model: str,
    signal: np.ndarray,
    label: Label,
    book: Book,
    folds: Sequence[Fold],
    *,
    baselines: Mapping[str, Mapping[str, float]] | None = None,
    periods: float = metrics.SESSIONS_PER_YEAR,
) -> Scorecard:
    """Compute the scorecard that `score` returns, and record nothing: for what is never chosen, such as a baseline."""
    rows = _rows(folds)
    count = rows.stop - rows.start
    if len(book.times) != count:
        raise DataError(f"the book must cover the {count} tested rows; it covers {len(book.times)}", code="book_rows")
    tested = _Tested(signal[rows], _outcome(label)[rows], book, label.horizon, periods)
    return Scorecard(
        model=model,
        metrics=tested.metrics(),
        baselines=dict(baselines or {}),
        by_year=tested.by_year(),
        by_fold=[tested.of_fold(fold, rows.start) for fold in folds],
        series=tested.series(),
    )


def _rows(folds: Sequence[Fold]) -> slice:
    """Return the rows from the first one tested to the last; there is none between them that was learned from."""
    tested = np.concatenate([fold.test for fold in folds]) if folds else np.empty(0, int)
    if not len(tested) or (np.diff(tested) != 1).any():
        raise DataError(
            "folds must test one run of rows, each once and in order, as those of walk_forward and calendar_years do; "
            f"these {len(folds)} do not",
            code="test_rows",
        )
    return slice(int(tested[0]), int(tested[-1]) + 1)


def _outcome(label: Label) -> np.ndarray:
    return label.values if label.realised is None else label.realised


def _content(*arrays: np.ndarray) -> str:
    """Return the hash of numbers; there is one NaN and one zero, whatever their bits."""
    plain = [np.where(np.isnan(values), np.nan, values + 0.0).astype(np.float64) for values in arrays]
    return digest([[*values.shape, digest(values.tobytes())] for values in plain])[:12]


class _Tested:
    """The tested rows, and what is computed once from them."""

    def __init__(self, signal: np.ndarray, realised: np.ndarray, book: Book, horizon: int, periods: float) -> None:
        self.signal, self.realised, self.book = signal, realised, book
        self.horizon, self.periods = horizon, periods
        self.ic = metrics.daily_ic(signal, realised)

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
