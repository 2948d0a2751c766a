"""Trade a bundle one bar at a time: replayed from a source, or as a live source delivers them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
import structlog

from alpha.config import Config
from alpha.core.errors import DataError
from alpha.core.panel import Bar, Panel
from alpha.data.feed import Feed
from alpha.execution import Account, Journal, Ledger, bar_key
from alpha.execution.corporate import actions
from alpha.execution.events import BarSkipped
from alpha.risk import guard
from alpha.strategy import Bundle, Rules, step

log = structlog.get_logger("alpha.paper")


@dataclass(frozen=True)
class Clock:
    """Bars in the order of their closes, each delivered once.

    Parameters
    ----------
    feed : Feed
        Where bars come from; while it is live, it is asked for those after the last one delivered.
    start : Timestamp, optional
        The first bar to trade, where the ledger is new; default: the last `sessions` bars.
    sealed : date, optional
        Bars up to here are history only: nothing is traded on them.
    steps : int, optional
        The most bars to trade in this run; default: all there are.
    poll_sec : float
        Seconds between bars.
    follow : bool
        Whether to wait for more bars of a live feed once all have been delivered.
    """

    feed: Feed
    sessions: int
    start: pd.Timestamp | None = None
    sealed: date | None = None
    steps: int | None = None
    poll_sec: float = 0.0
    follow: bool = True
    max_bad_reads: int = 3
    track: Callable[[Iterable[Bar], str], Iterable[Bar]] = lambda bars, what: bars
    sleep: Callable[[float], None] = time.sleep

    def after(self, last: pd.Timestamp | None) -> tuple[Panel, Iterable[Bar]]:
        """Return the history before the first bar to trade, and the bars from there on."""
        panel = self.feed.since()
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
            if delivered == self.steps or (row == len(panel) and not (self.feed.live and self.follow)):
                return
            self.sleep(self.poll_sec)
            if row == len(panel):
                panel, row = self._since(last), 0

    def _since(self, last: pd.Timestamp) -> Panel:
        """Ask the feed; a bad answer is asked for again, and raised after `max_bad_reads` in a row."""
        for attempt in range(1, self.max_bad_reads):
            try:
                return self.feed.since(last)
            except DataError as error:
                log.warning("read failed", attempt=attempt, error=str(error))
                self.sleep(self.poll_sec)
        return self.feed.since(last)


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
        A guard, such as the drawdown or the kill file, halted the run; open orders are cancelled.
    DataError
        Too many bars in a row could not be used.
    """
    skipped, bad = _skipped(journal)
    last = Ledger.replay(journal).last_bar
    history, bars = clock.after(pd.Timestamp(last) if last else None)
    seen, rules = _without(history, skipped), _killable(cfg)
    stream, risk_model = bundle.plan.stream(seen), rules.machine(seen)  # faults show here, before anything is journaled
    account = Account.open(journal, cfg.paper.cash, cfg.broker())
    account.decided_by(ref or bundle.name, str(bundle.trained["end"]))
    account.reconcile()
    for bar in bars:
        try:
            values = stream.push(sane(bar))
        except DataError as error:
            bad = _skip(bar, error, account, bad, cfg.paper.max_bad_bars)
            continue
        bad = 0
        outputs = _only(bundle.outputs(values, bar.tradable), bar.symbols, symbols)
        step(outputs, bar, rules, account, risk_model)
        log.info("bar", time=str(bar.time.date()), equity=round(account.ledger.last_equity, 2))
    return account.ledger


def _killable(cfg: Config) -> Rules:
    """Return the configured rules, with the kill file as their first guard."""
    rules = cfg.rules()
    return replace(rules, guards=(guard.bind({"name": "kill_file", "path": cfg.paper.kill_file}), *rules.guards))


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


def _skip(bar: Bar, error: DataError, account: Account, bad: int, most: int) -> int:
    """Journal that a bar was not traded; positions are held, and nothing is on order. Raise after `most` in a row."""
    key, ledger = bar_key(bar), account.ledger
    if key != ledger.settled:
        account.write(actions(bar, ledger))  # they have happened, whether we can decide or not
    account.cancel(key)
    account.write([BarSkipped.of(ledger.run, key, str(error))])
    log.warning("bar skipped", time=str(bar.time), error=str(error))
    bad += 1
    if bad >= most:
        raise DataError(f"{bad} bars in a row could not be used; the last: {error.args[0]}", code="too_many_bad_bars")
    return bad
