"""Research sleeves and trade them together, in a backtest or on paper, in one account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alpha.config.sleeves import Sleeves
from alpha.execution.book import Book
from alpha.operate.blessing import keep_candidate
from alpha.operate.papering import Chosen, Wanted, bars, choose, clock, kept
from alpha.operate.study import study
from alpha.paper import Trader, trade_sleeves
from alpha.report.daily import DailyReport
from alpha.sleeves import Sleeve, backtest_sleeves
from alpha.study import Study, Track, tracked

DAYS = 365.25


@dataclass(frozen=True, eq=False)
class Together:
    """The studies of all sleeves, and the book of their best candidates in one account.

    Parameters
    ----------
    studies : mapping of str to Study
        By sleeve.
    folders : mapping of str to Path
        The folder of each report, by sleeve.
    book : Book
        Out of sample, over the span in which every sleeve is tested.
    """

    studies: Mapping[str, Study]
    folders: Mapping[str, Path]
    book: Book

    def metrics(self) -> dict[str, float]:
        """Return annual metrics of the account, as fractions; volatility and Sharpe ratio include weekends."""
        book = self.book
        equity = pd.Series(book.equity, book.times).groupby(book.times.normalize()).last().asfreq("D").ffill()
        daily = equity.pct_change().dropna()
        years = len(daily) / DAYS
        return {
            "annual_return": float((equity.iloc[-1] / equity.iloc[0]) ** (1 / years) - 1),
            "volatility": float(daily.std() * np.sqrt(DAYS)),
            "sharpe": float(daily.mean() / daily.std() * np.sqrt(DAYS)),
            "max_drawdown": float((1 - equity / equity.cummax()).max()),
            "costs": float(book.costs.sum() / years),
        }


def research_sleeves(world: Sleeves, track: Track) -> Together:
    """Research each sleeve by its own configuration; trade the best candidates together where all are tested."""
    found = {name: study(cfg, track) for name, cfg in world.configs().items()}
    for each, _ in found.values():
        keep_candidate(each)
    studies = {name: each for name, (each, _) in found.items()}
    first = max(each.best.book.times[0] for each in studies.values())
    sleeves = [_sleeve(each, first, entry.share) for each, entry in zip(studies.values(), world.sleeves, strict=True)]
    book = tracked(lambda: backtest_sleeves(sleeves, cash=world.paper.cash, currency=world.paper.currency),
                   f"{world.name}: backtest", track)  # fmt: skip
    return Together(studies, {name: folder for name, (_, folder) in found.items()}, book)


def _sleeve(found: Study, first: pd.Timestamp, share: float) -> Sleeve:
    """Return the sleeve of the best candidate, from an instant to the end of its tested rows."""
    cfg, panel, best = found.config, found.panel, found.best
    rows = slice(int(panel.times.searchsorted(first)), int(panel.times.searchsorted(best.book.times[-1])) + 1)
    rules = replace(cfg.rules().unguarded(), share=share)
    return Sleeve(cfg.name, best.signal[rows], panel.rows(rows), rules, cfg.broker, panel.rows(slice(0, rows.start)))


def paper_sleeves(world: Sleeves, wanted: Wanted, track: Track) -> tuple[DailyReport, Path]:
    """Trade every sleeve up to its newest bar; return the report and the path of its page.

    An existing ledger is continued. A bar that arrives after a later bar of another sleeve was traded is not traded.

    Raises
    ------
    ModelError
        ``nothing_blessed``, or a bundle is refused and there is no fallback.
    RiskBreach
        A guard of a sleeve or the kill file halted the account.
    """
    shares = [entry.share for entry in world.sleeves]
    asked = [replace(wanted, options=entry.options) for entry in world.sleeves]
    configs = {name: cfg.model_copy(update={"paper": world.paper}) for name, cfg in world.configs().items()}
    chosen = {name: choose(cfg, each) for (name, cfg), each in zip(configs.items(), asked, strict=True)}
    traders = [Trader(cfg, chosen[name].bundle, clock(cfg, bars(cfg), replace(wanted, steps=None), _untracked,
                                                      chosen[name].sealed), name, share)
               for (name, cfg), share in zip(configs.items(), shares, strict=True)]  # fmt: skip
    together = _together(chosen)
    return kept(world, wanted, together, lambda journal: trade_sleeves(
        _aligned(traders), journal, world.paper, ref=together.ref, steps=wanted.steps, track=track))  # fmt: skip


def _aligned(traders: list[Trader]) -> list[Trader]:
    """Return the traders; in a new ledger all begin at the first bar that every one of them can trade."""
    start = max(trader.clock.first() for trader in traders)
    return [replace(each, clock=replace(each.clock, start=start, follow=False, poll_sec=0.0)) for each in traders]


def _together(chosen: Mapping[str, Chosen]) -> Chosen:
    """Return the notes about all bundles as one `Chosen`, each line with the name of its sleeve."""
    texts = [{name: getattr(each, field) for name, each in chosen.items() if getattr(each, field)}
             for field in ("ref", "other_data", "fallback")]  # fmt: skip
    ref, other, fallback = ["; ".join(f"{name}: {text}" for name, text in each.items()) for each in texts]
    bundle = max((each.bundle for each in chosen.values()), key=lambda bundle: str(bundle.trained["end"]))
    return Chosen(bundle, ref, other_data=other or None, fallback=fallback or None)


def _untracked(items: Iterable[Any], what: str) -> Iterable[Any]:
    return items
