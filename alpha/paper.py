"""Trade a bundle one bar at a time: replayed from a source, or as a live source delivers them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import structlog

from alpha.config import Config
from alpha.core.errors import DataError
from alpha.core.panel import Bar, Panel
from alpha.execution import Event, Journal, Ledger, bar_key, halt, reconcile
from alpha.execution.corporate import actions
from alpha.execution.reconcile import cancel, write
from alpha.strategy import Bundle, step

log = structlog.get_logger("alpha.paper")


@dataclass(frozen=True)
class Clock:
    """Bars in the order of their closes, each delivered once.

    Parameters
    ----------
    read : callable
        Returns the panel of everything known now; called again for new bars while `live`.
    start : Timestamp, optional
        The first bar to trade, where the ledger is new; default: the last `sessions` bars.
    sealed : date, optional
        Bars up to here are history only: nothing is traded on them.
    steps : int, optional
        The most bars to trade in this run; default: all there are.
    poll_sec : float
        Seconds between bars.
    live : bool
        Whether to wait for more bars once all have been delivered.
    """

    read: Callable[[], Panel]
    sessions: int
    start: pd.Timestamp | None = None
    sealed: date | None = None
    steps: int | None = None
    poll_sec: float = 0.0
    live: bool = False
    max_bad_reads: int = 3
    track: Callable[[Iterable[Bar], str], Iterable[Bar]] = lambda bars, what: bars
    sleep: Callable[[float], None] = time.sleep

    def after(self, last: pd.Timestamp | None) -> tuple[Panel, Iterable[Bar]]:
        """Return the history before the first bar to trade, and the bars from there on."""
        panel = self.read()
        first = self._first_row(panel, last)
        return panel.rows(slice(0, first)), self.track(self._bars(panel, first), "trading")

    def _first_row(self, panel: Panel, last: pd.Timestamp | None) -> int:
        if last is not None:
            return int(panel.times.searchsorted(last, side="right"))
        if self.start is not None:
            first = int(panel.times.searchsorted(self.start, side="left"))
            if first == len(panel):
                raise DataError(
                    f"there is no bar at or after {self.start.date()}; the last is {panel.times[-1].date()}",
                    code="no_bars",
                )
            return first
        return max(self._unsealed(panel), len(panel) - self.sessions)

    def _unsealed(self, panel: Panel) -> int:
        """Return the first row that may be traded."""
        if self.sealed is None:
            return 0
        first = int(panel.times.searchsorted(pd.Timestamp(self.sealed, tz="UTC") + pd.Timedelta(days=1)))
        if first == len(panel):
            raise DataError(f"there is no bar after the sealed sessions, which end {self.sealed}; the last is "
                            f"{panel.times[-1].date()}", code="no_bars")  # fmt: skip
        return first

    def _bars(self, panel: Panel, row: int) -> Iterator[Bar]:
        delivered, last = 0, panel.times[row - 1]
        while True:
            if row < len(panel):
                last = panel.times[row]
                yield panel.bar(row)
                row, delivered = row + 1, delivered + 1
            if delivered == self.steps or (row == len(panel) and not self.live):
                return
            self.sleep(self.poll_sec)
            if row == len(panel):
                panel = self._read_again()
                row = int(panel.times.searchsorted(last, side="right"))  # an older bar may have come late, or gone

    def _read_again(self) -> Panel:
        """Read; a bad answer is tried again, and told after `max_bad_reads` in a row."""
        for attempt in range(1, self.max_bad_reads):
            try:
                return self.read()
            except DataError as error:
                log.warning("read failed", attempt=attempt, error=str(error))
                self.sleep(self.poll_sec)
        return self.read()


def trade(
    cfg: Config, bundle: Bundle, clock: Clock, journal: Journal, *, ref: str = "", symbols: tuple[str, ...] = ()
) -> Ledger:
    """Run until the clock ends. Only the clock and the broker differ from a backtest.

    Parameters
    ----------
    ref : str, optional
        What the bundle is called in the journal; default: its name.
    symbols : tuple of str, optional
        Hold only these; features still compare the whole universe, as in research.

    Raises
    ------
    RiskBreach
        The drawdown limit or the kill file halted the run; open orders are cancelled.
    DataError
        Too many bars in a row could not be used.
    """
    skipped, bad = _skipped(journal)
    last = Ledger.replay(journal).last_bar
    history, bars = clock.after(pd.Timestamp(last) if last else None)
    stream = bundle.plan.stream(_without(history, skipped))  # what cannot trade has failed by now, and left no trace
    ledger, broker, rules = Ledger.open(journal, cfg.paper.cash), cfg.broker(), cfg.rules()
    ledger.decided_by(journal, ref or bundle.name, str(bundle.trained["end"]))
    reconcile(ledger, broker, journal)
    for bar in bars:
        if cfg.paper.kill_file.exists():
            write(actions(bar, ledger), ledger, journal)  # without them the account has no value at today's prices
            halt(f"the kill file {cfg.paper.kill_file} was there", bar, ledger, journal, broker, code="kill_file")
        try:
            values = stream.push(sane(bar))
        except DataError as error:
            if bar_key(bar) != ledger.settled:
                write(actions(bar, ledger), ledger, journal)  # they have happened, whether we can decide or not
            cancel(bar_key(bar), ledger, journal, broker)
            bad = _skip(bar, error, ledger, journal, bad, cfg.paper.max_bad_bars)
            continue
        bad = 0
        outputs = _only(bundle.outputs(values, bar.tradable), bar.symbols, symbols)
        step(outputs, bar, rules, ledger, journal, broker)
        log.info("bar", time=str(bar.time.date()), equity=round(ledger.last_equity, 2))
    return ledger


def sane(bar: Bar) -> Bar:
    """Return the bar, or raise `DataError` where no decision could rest on it."""
    close = bar["close"]
    if not np.isfinite(close).any():
        raise DataError(f"the bar of {bar.time} has no price for any symbol", code="bar_without_prices")
    bad = np.isinf(close) | (close <= 0)
    if bad.any():
        first = int(np.argmax(bad))
        raise DataError(f"{bar.symbols[first]} at {bar.time}: close is {close[first]}; it must be positive and finite",
                        code="bad_price")  # fmt: skip
    return bar


def _skipped(journal: Journal) -> tuple[set[str], int]:
    """Return the bars that could not be used, and how many of them were the last in a row."""
    skipped: set[str] = set()
    bad = 0
    for event in journal.events():
        if event.kind == "skip":
            skipped.add(event.bar)
        bad = bad + 1 if event.kind == "skip" else 0 if event.kind == "mark" else bad
    return skipped, bad


def _only(
    outputs: Mapping[str, np.ndarray], symbols: tuple[str, ...], wanted: tuple[str, ...]
) -> Mapping[str, np.ndarray]:
    """Return the outputs with no opinion on any but the wanted symbols; on all where none is named."""
    if not wanted:
        return outputs
    return {name: np.where(np.isin(symbols, wanted), values, np.nan) for name, values in outputs.items()}


def _without(history: Panel, skipped: set[str]) -> Panel:
    """Return the history the stream saw: bars that were skipped never entered it."""
    if not skipped:
        return history
    return history.rows(~history.times.isin(pd.DatetimeIndex(sorted(skipped))))


def _skip(bar: Bar, error: DataError, ledger: Ledger, journal: Journal, bad: int, most: int) -> int:
    """Journal that a bar was not traded; positions are held, and nothing is on order. Raise after `most` in a row."""
    write([Event.skip(ledger.run, bar_key(bar), str(error))], ledger, journal)
    log.warning("bar skipped", time=str(bar.time), error=str(error))
    bad += 1
    if bad >= most:
        raise DataError(f"{bad} bars in a row could not be used; the last: {error.args[0]}", code="too_many_bad_bars")
    return bad
