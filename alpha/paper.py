"""Trade a bundle one bar at a time: replayed from a source, or as a live source delivers them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice

import numpy as np
import pandas as pd
import structlog

from alpha.config import Config
from alpha.config.sections import Paper
from alpha.core.errors import DataError
from alpha.core.instrument import check_converted
from alpha.core.panel import Bar, Panel
from alpha.data.feed import Feed
from alpha.execution import Account, Journal, Ledger, bar_key
from alpha.execution.corporate import actions
from alpha.execution.events import BarSkipped, bar_sleeve, bar_time
from alpha.execution.routing import routed
from alpha.risk import guard
from alpha.sleeves import check_apart, check_shares, merged
from alpha.strategy import Bundle, Rules, step

log = structlog.get_logger("alpha.paper")
Track = Callable[[Iterable[Bar], str], Iterable[Bar]]


@dataclass(frozen=True)
class Clock:
    """Bars in the order of their closes, each delivered once.

    Parameters
    ----------
    feed : Feed
        Source of the bars; while it is live, it is asked for those after the last one delivered.
    start : Timestamp, optional
        The first bar to trade, where the ledger is new; default: the last `sessions` bars.
    sealed : date, optional
        Bars up to here are history only: nothing is traded on them.
    steps : int, optional
        The most bars to trade in this run; default: all there are.
    poll_sec : float
        Seconds between bars.
    follow : bool
        True to wait for more bars of a live feed once all have been delivered.
    """

    feed: Feed
    sessions: int
    start: pd.Timestamp | None = None
    sealed: date | None = None
    steps: int | None = None
    poll_sec: float = 0.0
    follow: bool = True
    max_bad_reads: int = 3
    track: Track = lambda bars, what: bars
    sleep: Callable[[float], None] = time.sleep

    def after(self, last: pd.Timestamp | None) -> tuple[Panel, Iterable[Bar]]:
        """Return the history before the first bar to trade, and the bars from there on."""
        panel = self.feed.since()
        first = self._first_row(panel, last)
        return panel.rows(slice(0, first)), self.track(self._bars(panel, first), "trading")

    def first(self) -> pd.Timestamp:
        """Return the close of the first bar that a new ledger trades."""
        panel = self.feed.since()
        return panel.times[self._first_row(panel, None)]

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


@dataclass(frozen=True, eq=False)
class Trader:
    """A bundle and the clock it trades on: alone in an account, or as one of its sleeves.

    Parameters
    ----------
    sleeve : str
        Name of the sleeve; empty where the account has no other.
    share : float
        The part of the account's equity that it trades.
    symbols : tuple of str
        Hold only these; features still compare the whole universe, as in research. Empty: all.
    """

    cfg: Config
    bundle: Bundle
    clock: Clock
    sleeve: str = ""
    share: float = 1.0
    symbols: tuple[str, ...] = ()


def trade(
    cfg: Config, bundle: Bundle, clock: Clock, journal: Journal, *, ref: str = "", symbols: tuple[str, ...] = ()
) -> Ledger:
    """Run until the clock ends. Only the clock and the broker differ from a backtest.

    Parameters
    ----------
    ref : str, optional
        Name of the bundle in the journal; default: its own.
    symbols : tuple of str, optional
        Hold only these; features still compare the whole universe, as in research.

    Raises
    ------
    RiskBreach
        A guard, such as the drawdown or the kill file, halted the run; open orders are cancelled.
    DataError
        Too many bars in a row could not be used.
    """
    trader = Trader(cfg, bundle, clock, symbols=symbols)
    return trade_sleeves([trader], journal, cfg.paper, ref=ref or bundle.name)


def trade_sleeves(
    traders: Sequence[Trader], journal: Journal, paper: Paper, *, ref: str, steps: int | None = None,
    track: Track = lambda bars, what: bars,
) -> Ledger:  # fmt: skip
    """Run until the clocks end, each sleeve on bars of its own, merged by time into one account.

    Parameters
    ----------
    paper : Paper
        Cash, kill file and bad bars of the account; the clocks have the rest.
    ref : str
        Name of the bundles in the journal.
    steps : int, optional
        The most bars to trade in this run, of all sleeves together.

    Raises
    ------
    ConfigError
        ``shared_symbol``, ``bad_share``: see `alpha.sleeves`. ``other_currency``, ``other_instrument``: the ledger was
        opened, or a symbol traded, on other terms.
    RiskBreach, DataError
        As `trade` does.
    """
    check_shares({trader.sleeve: trader.share for trader in traders})
    last = Ledger.replay(journal).last_bar
    desks = {trader.sleeve: _Desk(trader, journal, paper, last) for trader in traders}  # faults show before a row does
    check_apart({name: desk.symbols for name, desk in desks.items()})
    broker = routed({each.sleeve: each.cfg.broker() for each in traders})
    account = Account.open(journal, paper.cash, broker, paper.currency)
    for desk in desks.values():
        account.expect(desk.instrument, desk.symbols)
    account.decided_by(ref, max(str(trader.bundle.trained["end"]) for trader in traders))
    account.reconcile()
    for bar in track(islice(merged({name: desk.bars for name, desk in desks.items()}), steps), "trading"):
        desks[bar.sleeve].trade(bar, account)
    return account.ledger


class _Desk:
    """A trader at work: the stream of its features, its risk model, and the bars in a row it could not use."""

    def __init__(self, trader: Trader, journal: Journal, paper: Paper, last: str) -> None:
        history, self.bars = trader.clock.after(_resumed(trader.sleeve, last))
        check_converted(history.instrument, paper.currency, history.rates is not None)
        skipped, self._bad = _skipped(journal, trader.sleeve)
        seen = _without(history, skipped)
        self.symbols, self.instrument = history.symbols, history.instrument
        self._trader, self._most = trader, paper.max_bad_bars
        self._rules = replace(_killable(trader.cfg, paper), share=trader.share)
        self._stream, self._risk_model = trader.bundle.plan.stream(seen), self._rules.machine(seen)

    def trade(self, bar: Bar, account: Account) -> None:
        """Trade a bar, or journal why it cannot be used."""
        try:
            values = self._stream.push(sane(bar))
        except DataError as error:
            self._bad = _skip(bar, error, account, self._bad, self._most)
            return
        self._bad = 0
        outputs = _only(self._trader.bundle.outputs(values, bar.tradable), bar.symbols, self._trader.symbols)
        step(outputs, bar, self._rules, account, self._risk_model)
        log.info("bar", time=str(bar.time.date()), equity=round(account.ledger.last_equity, 2))


def _resumed(sleeve: str, last: str) -> pd.Timestamp | None:
    """Return the instant after which a sleeve goes on, given the last bar finished; ties go by sleeve."""
    if not last:
        return None
    time = pd.Timestamp(bar_time(last))
    return time - pd.Timedelta(1, "ns") if sleeve > bar_sleeve(last) else time


def _killable(cfg: Config, paper: Paper) -> Rules:
    """Return the configured rules, with the kill file as their first guard."""
    rules = cfg.rules()
    return replace(rules, guards=(guard.bind({"name": "kill_file", "path": paper.kill_file}), *rules.guards))


def sane(bar: Bar) -> Bar:
    """Return the bar, or raise `DataError` where it has no usable prices."""
    close = bar["close"]
    if not np.isfinite(close).any():
        raise DataError(f"the bar of {bar.time} has no price for any symbol", code="bar_without_prices")
    bad = np.isinf(close) | (close <= 0)
    if bad.any():
        first = int(np.argmax(bad))
        raise DataError(f"{bar.symbols[first]} at {bar.time}: close is {close[first]}; it must be positive and finite",
                        code="bad_price")  # fmt: skip
    return bar


def _skipped(journal: Journal, sleeve: str) -> tuple[set[str], int]:
    """Return the closes of a sleeve's bars that could not be used, and how many of them were the last in a row."""
    skipped: set[str] = set()
    bad = 0
    for event in journal.events():
        if bar_sleeve(event.bar) != sleeve:
            continue
        if event.kind == "skip":
            skipped.add(bar_time(event.bar))
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
    """Return the history without the bars that were skipped, which the stream has not seen."""
    if not skipped:
        return history
    return history.rows(~history.times.isin(pd.DatetimeIndex(sorted(skipped))))


def _skip(bar: Bar, error: DataError, account: Account, bad: int, most: int) -> int:
    """Journal that a bar was not traded; positions are held, and nothing is on order. Raise after `most` in a row."""
    key, ledger = bar_key(bar), account.ledger
    if key != ledger.settled:
        account.take_rate(bar)
        account.write(actions(bar, ledger))  # they have happened, whether we can decide or not
    account.withdraw(key)
    account.write([BarSkipped.of(ledger.run, key, str(error))])
    log.warning("bar skipped", time=str(bar.time), error=str(error))
    bad += 1
    if bad >= most:
        raise DataError(f"{bad} bars in a row could not be used; the last: {error.args[0]}", code="too_many_bad_bars")
    return bad
