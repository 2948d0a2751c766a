"""Trade on paper: choose the bundle, continue the ledger, write the daily report."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from alpha.config import Config
from alpha.config.places import keys
from alpha.config.sleeves import Sleeves
from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError, ModelError, RiskBreach, nearest
from alpha.data import source
from alpha.data.feed import Feed
from alpha.data.seal import Key, origin, overlap
from alpha.execution import MICRO, Account, Journal, SqliteJournal, micros
from alpha.execution.events import bar_time
from alpha.operate.blessing import candidates_root
from alpha.operate.control import models_root
from alpha.operate.hints import BLESS, RESEARCH, SHADOW, command
from alpha.operate.statement import statement
from alpha.paper import Clock, trade
from alpha.report.daily import DailyReport, write_daily
from alpha.store import Blessings, bundles, load, locate, read_manifest, reference
from alpha.strategy import Bundle
from alpha.study import Track, tracked

HISTORY = Key("history of the features of what is traded after the sealed sessions")


@dataclass(frozen=True)
class Wanted:
    """The options of one paper run, beside the configuration.

    Parameters
    ----------
    start : str, optional
        First session of a new ledger; default: the last `paper.sessions` bars.
    steps : int, optional
        Largest number of bars to trade in this run.
    shadow : bool
        Replay the newest candidate, blessed or not, on a ledger of its own.
    acknowledge : str, optional
        Note to continue after a halt; it is journaled.
    new_cash : bool
        Whether the cash was given as an option, so that it must equal that of the ledger.
    options : str
        Command-line options that chose the configuration, for the commands in messages.
    """

    symbols: tuple[str, ...] = ()
    start: str | None = None
    steps: int | None = None
    shadow: bool = False
    acknowledge: str | None = None
    new_cash: bool = False
    options: str = ""

    @property
    def mode(self) -> str:
        """The name of this kind of run in its report."""
        return "shadow" if self.shadow else "paper"


@dataclass(frozen=True, eq=False)
class Chosen:
    """The bundle that trades, and notes about it for the report.

    Parameters
    ----------
    other_data : str, optional
        How the data of research differ from the data traded on.
    sealed : date, optional
        The last session that was sealed when the bundle was made, even if the configuration has changed since.
    fallback : str, optional
        Why the fallback trades instead of the selected bundle.
    """

    bundle: Bundle
    ref: str
    other_data: str | None = None
    sealed: date | None = None
    fallback: str | None = None


def paper(cfg: Config, wanted: Wanted, track: Track) -> tuple[DailyReport, Path]:
    """Trade until there are no more bars; return the report and the path of its page.

    An existing ledger is continued. On a halt the report is written first, then the error is raised.

    Raises
    ------
    ModelError
        ``nothing_blessed``, or the bundle is refused and there is no fallback.
    RiskBreach
        A limit or the kill file halted the run.
    """
    chosen = tracked(lambda: choose(cfg, wanted), f"{cfg.name}: bundle", track)
    feed = bars(cfg)
    _check_symbols(feed, wanted.symbols)

    def traded(journal: Journal) -> None:
        tracked(feed.since, f"{cfg.name}: data", track)
        ticks = clock(cfg, feed, wanted, track, chosen.sealed)
        trade(cfg, chosen.bundle, ticks, journal, ref=chosen.ref, symbols=wanted.symbols)

    return kept(cfg, wanted, chosen, traded)


def kept(
    cfg: Config | Sleeves, wanted: Wanted, chosen: Chosen, trade: Callable[[Journal], object]
) -> tuple[DailyReport, Path]:
    """Trade on the ledger of a configuration, and report; return the report and the path of its page.

    Raises
    ------
    ConfigError
        ``other_cash``, ``other_start``: the ledger began with other cash, or on another day, than asked for.
    DataError
        ``no_bars``: no bar could be traded.
    """
    path = ledger_path(cfg, wanted)
    with SqliteJournal(path, f"{wanted.mode}-{cfg.name}") as journal:
        _check_cash(cfg, journal, wanted)
        _check_start(cfg, journal, wanted)
        traded = _sessions(journal)
        if wanted.acknowledge is not None:
            _acknowledged(cfg, journal, wanted.acknowledge)
        try:
            trade(journal)
        finally:
            told = _tell(cfg, wanted, chosen, journal, traded)
    if told is None:
        raise DataError(f"no bar could be traded; {path} holds those that were skipped, and why", code="no_bars")
    return told


def choose(cfg: Config, wanted: Wanted) -> Chosen:
    """Return the bundle to trade: the selected one, else the fallback; in shadow mode the newest candidate."""
    if wanted.shadow:
        return _loaded(cfg, _newest(cfg, wanted.options))
    selected, fallback = cfg.models.selected, cfg.models.fallback
    try:
        return _blessed(cfg, selected, wanted.options)
    except ModelError as error:
        if fallback is None:
            raise
        return _instead(cfg, fallback, error)


def _instead(cfg: Config, fallback: str, refused: ModelError) -> Chosen:
    try:
        return replace(_blessed(cfg, fallback), fallback=str(refused))
    except ModelError as error:
        raise ModelError(f"{refused.args[0]}\nThe fallback is refused too: {error.args[0]}",
                         code=error.code) from None  # fmt: skip


def _newest(cfg: Config, options: str) -> Path:
    """Return the newest bundle of this world, blessed or not."""
    kept = (*bundles(candidates_root(cfg)), *bundles(models_root(cfg)))
    if not kept:
        raise ModelError(f"there is no candidate of {cfg.name!r} to replay; research keeps its best one: "
                         f"{command(RESEARCH, options)}", code="no_candidate")  # fmt: skip
    return max(kept, key=lambda path: path.stat().st_mtime_ns)


def _loaded(cfg: Config, path: Path) -> Chosen:
    """Load a bundle; note how the data of its research differ from those traded on."""
    made, here = read_manifest(path).config, cfg.resolved()
    other = [line for (key,) in keys(Config, "data") for line in _differences(key, made.get(key, []), here[key])]
    return Chosen(load(path), reference(path), other_data="; ".join(other) or None, sealed=_sealed(made, cfg))


def _sealed(made: Mapping[str, Any], cfg: Config) -> date | None:
    """Return the last session sealed when a bundle was made, if the data traded on have the same origin."""
    if made.get("holdout") is None or made["source"]["name"] not in source:
        return None
    same = overlap(origin(source.bind(made["source"])), origin(cfg.source))
    return date.fromisoformat(made["end"]) if same else None


def _differences(name: str, made: Any, here: Any) -> Iterator[str]:
    """Yield the differences between two values."""
    if made == here:
        return
    if isinstance(made, Mapping) and isinstance(here, Mapping) and made.get("name") == here.get("name"):
        for key in {**made, **here}:
            yield from _differences(f"{name}.{key}", made.get(key), here.get(key))
    elif isinstance(made, Sequence) and isinstance(here, Sequence) and not isinstance(made, str | bytes):
        sides = (("in research", made, here), ("here", here, made))
        only = [(where, [value for value in values if value not in others]) for where, values, others in sides]
        yield from (f"{name}: {_short(values)} only {where}" for where, values in only if values)
        if not any(values for _, values in only):
            yield f"{name}: the same in another order, or more than once"
    else:
        yield f"{name}: {_short(made)} in research, {_short(here)} here"


def _short(value: object) -> str:
    return textwrap.shorten(json.dumps(value), 120, placeholder=" ...")


def _blessed(cfg: Config, ref: str | None, options: str = "") -> Chosen:
    if ref is None:
        raise ModelError(
            f"no model is blessed: models.selected is null.\n"
            f"To bless one: {command(BLESS, options)}\n"
            f"To watch the newest candidate without blessing it: {command(SHADOW, options)}",
            code="nothing_blessed",
        )
    log = Blessings(models_root(cfg))
    log.require(ref)
    return _loaded(cfg, locate(models_root(cfg), ref))


def bars(cfg: Config) -> Feed:
    """Return the feed of the bars to trade: up to the newest finished session, or `paper.end`."""
    return cfg.feed(lambda: last_session(cfg), HISTORY)


def clock(cfg: Config, feed: Feed, wanted: Wanted, track: Track, sealed: date | None = None) -> Clock:
    """Return the clock over a feed, up to the newest bar or `paper.end`.

    It begins after the sessions that are `sealed` by the configuration, or were when the bundle was made: trading on
    them would show their results without a recorded look.
    """
    start = _day("--start", wanted.start)
    sealed = max(filter(None, (sealed, cfg.end if cfg.holdout else None)), default=None)
    if sealed and start and start.date() <= sealed:
        raise ConfigError(f"--start {start.date()} is not after the sealed sessions, which end {sealed}: nothing is "
                          f"traded on them; give a later one", code="sealed")  # fmt: skip

    return Clock(
        feed, sessions=cfg.paper.sessions, start=start, sealed=sealed, steps=wanted.steps, poll_sec=cfg.paper.poll_sec,
        follow=cfg.paper.poll_sec > 0, track=track,
    )  # fmt: skip


def _day(option: str, text: str | None) -> pd.Timestamp | None:
    try:
        return None if text is None else pd.Timestamp(date.fromisoformat(text), tz="UTC").as_unit("ns")
    except ValueError:
        raise ConfigError(f"{option} takes a date such as 2022-10-03; it was {text!r}", code="bad_date") from None


def last_session(cfg: Config) -> date:
    """Return `paper.end`; default: the newest finished session, because the bar of a running session is incomplete."""
    if cfg.paper.end is not None:
        return cfg.paper.end
    exchange, now = Calendar(cfg.calendar), pd.Timestamp.now("UTC")
    sessions = exchange.sessions(pd.Timestamp(cfg.start), now)
    over = sessions[exchange.closes(sessions) <= now]
    if over.empty:
        raise ConfigError(f"no session since start, {cfg.start}, is over", code="no_sessions")
    return over[-1].date()


def ledger_path(cfg: Config | Sleeves, wanted: Wanted) -> Path:
    """Return the path of the journal; a shadow run never shares the journal of a paper run."""
    path = cfg.ledger
    return path.with_stem(f"{path.stem}-shadow") if wanted.shadow else path


def _check_symbols(feed: Feed, symbols: tuple[str, ...]) -> None:
    if symbols:
        known = feed.since().symbols
        for symbol in symbols:
            if symbol not in known:
                raise ConfigError(f"--symbols: no symbol {symbol!r}; {nearest(symbol, known)}", code="unknown_symbol")


def _check_cash(cfg: Config | Sleeves, journal: Journal, wanted: Wanted) -> None:
    opened = next((event.cash for event in journal.events() if event.kind == "open"), None)
    if wanted.new_cash and opened is not None and opened != micros(cfg.paper.cash):
        raise ConfigError(f"the ledger was opened with {opened / MICRO:,.2f} in cash, not {cfg.paper.cash:,.2f}; "
                          f"leave --cash out, or name a new --ledger", code="other_cash")  # fmt: skip


def _check_start(cfg: Config | Sleeves, journal: Journal, wanted: Wanted) -> None:
    first = next(
        (pd.Timestamp(bar_time(event.bar)) for event in journal.events() if event.kind in ("mark", "skip")), None
    )
    start = _day("--start", wanted.start)
    if start is not None and first is not None:
        between = Calendar(cfg.calendar).sessions(start.tz_localize(None), first.tz_localize(None).normalize())
        if first < start or len(between) > 1:
            raise ConfigError(f"the ledger began on {first:%Y-%m-%d}, not on {start:%Y-%m-%d}; leave --start out, or "
                              f"name a new --ledger", code="other_start")  # fmt: skip


def _acknowledged(cfg: Config | Sleeves, journal: Journal, note: str) -> None:
    if cfg.paper.kill_file.exists():
        message = f"the kill file {cfg.paper.kill_file} is still there; remove it, then acknowledge"
        raise RiskBreach(message, code="kill_file")
    Account.replay(journal, cfg.broker()).acknowledge(note)


def _sessions(journal: Journal) -> int:
    return sum(event.kind == "mark" for event in journal.events())


def _tell(
    cfg: Config | Sleeves, wanted: Wanted, chosen: Chosen, journal: Journal, traded: int
) -> tuple[DailyReport, Path] | None:
    """Write the report; `traded` is the number of sessions traded before this run."""
    sessions = _sessions(journal)
    if not sessions:
        return None
    report = statement(
        journal, run=journal.run, mode=wanted.mode, fallback=chosen.fallback, other_data=chosen.other_data,
        traded=sessions - traded,
    )  # fmt: skip
    ledger = f"-{cfg.paper.ledger.stem}" if cfg.paper.ledger else ""  # two ledgers of a world have two reports
    folder = cfg.paths.reports / f"{journal.run}{ledger}" / f"{report.last_bar:%Y-%m-%d}"
    return report, write_daily(report, folder)[1]
