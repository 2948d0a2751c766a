"""The daily report is what the journal adds up to."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from alpha.core.errors import DataError
from alpha.data.feed import PanelFeed
from alpha.execution import MICRO, Ledger, MemoryJournal, order_hash
from alpha.execution.events import BarSkipped, TradingHalted
from alpha.operate.statement import statement
from alpha.paper import Clock, trade
from alpha.report.daily import render_daily
from alpha.strategy import backtest


def told(journal, **options):
    return statement(journal, **{"run": "run", "mode": "paper", **options})


@pytest.fixture(scope="module")
def traded(small, study, tmp_path_factory):
    """Return the configuration, a journal of some bars, and the panel."""
    panel = small.panel(small.paper.end)[0]
    away = small.paper.model_copy(update={"kill_file": tmp_path_factory.mktemp("away") / "KILL"})
    strict = small.limits[0].__class__("limit", "max_name", {"limit": 0.05}, small.limits[0].make)
    cfg = small.model_copy(update={"paper": away, "limits": (strict,)})
    journal = MemoryJournal("run")
    trade(cfg, study.best.bundle, Clock(PanelFeed(lambda: panel), sessions=12), journal)
    return cfg, journal, panel


def test_it_adds_up(traded, study):
    cfg, journal, panel = traded
    report, ledger, events = told(journal), Ledger.replay(journal), list(journal.events())
    signal = study.best.bundle.predict(study.best.bundle.plan.batch(panel).values, panel.tradable)
    book = backtest(signal[-12:], panel.rows(slice(-12, None)), cfg.rules(), cfg.broker, cash=cfg.paper.cash)
    assert (report.first_bar, report.last_bar, report.sessions) == (panel.times[-12], panel.times[-1], 12)
    assert (report.equity_start, report.equity_end) == (cfg.paper.cash, book.equity[-1])
    assert report.pnl.total == book.equity[-1] - cfg.paper.cash
    assert report.pnl.day == book.equity[-1] - book.equity[-2]
    costs = (ledger.fees + ledger.slippage) / MICRO
    assert report.pnl.realised + report.pnl.unrealised - report.costs.fees == pytest.approx(report.pnl.total, abs=0.01)
    assert report.costs.fees + report.costs.slippage == pytest.approx(costs)
    assert sum(position.weight for position in report.positions) == pytest.approx(book.weights[-1].sum())
    assert sum(p.value for p in report.positions) + ledger.cash / MICRO == pytest.approx(report.equity_end)
    assert len(report.trades) == book.trades
    assert report.costs.fees == pytest.approx(sum(trade.fee for trade in report.trades), abs=0.01)
    assert {trade.side for trade in report.trades} == {"buy", "sell"}
    assert report.limits_hit == book.limits_hit == {"max_name": 12}
    assert report.order_hash == order_hash(events) == book.order_hash
    assert [point.equity for point in report.equity] == book.equity.tolist()
    assert (report.halted, report.skipped, report.fallback) == (None, (), None)


def test_bars_the_bundle_was_trained_on_are_no_evidence(traded):
    _, journal, panel = traded
    assert not told(trained_until(journal, panel.times[-13])).in_sample
    assert told(trained_until(journal, panel.times[-12])).in_sample


def trained_until(journal, when):
    """Return the journal as it would be had the bundle been trained until then."""
    other = MemoryJournal(journal.run)
    other.append([event._replace(trained_until=str(when)) if event.kind == "bundle" else event
                  for event in journal.events()])  # fmt: skip
    return other


def test_it_says_which_bundle_decided_which_bars(small, study, tmp_path):
    panel = small.panel(small.paper.end)[0]
    cfg = small.model_copy(update={"paper": small.paper.model_copy(update={"kill_file": tmp_path / "KILL"})})
    journal, best = MemoryJournal("run"), study.best.bundle
    for ref, steps in (("a/1", 4), ("a/1", 1), ("b/1", 3), ("b/1", None)):
        trade(cfg, best, Clock(PanelFeed(lambda: panel), sessions=12, steps=steps), journal, ref=ref)
    report = told(journal)
    assert [(span.ref, span.sessions) for span in report.bundles] == [("a/1", 5), ("b/1", 7)]
    assert report.bundle == "b/1"
    trade(cfg, best, Clock(PanelFeed(lambda: panel), sessions=12), journal, ref="waiting/1")
    assert told(journal).bundle == "b/1", "it decides from the next bar on, and none has come"
    late = replace(best, trained={**best.trained, "end": str(panel.times[-1])})
    trade(cfg, late, Clock(PanelFeed(lambda: panel), sessions=12), journal, ref="c/1")
    assert not told(journal).in_sample, "no bar was left for the bundle that has seen them all"
    page = render_daily(report)
    assert "a/1 for 5 sessions; then b/1 for 7 sessions" in page


def test_a_run_that_cannot_start_leaves_no_trace(small, study):
    journal, late = MemoryJournal("run"), pd.Timestamp("2050-01-03", tz="UTC")
    with pytest.raises(DataError):
        trade(small, study.best.bundle, Clock(PanelFeed(lambda: small.panel()[0]), 12, start=late),
              journal)  # fmt: skip
    assert list(journal.events()) == []


def test_one_bar_a_skip_and_a_halt(traded):
    _, journal, panel = traded
    first = next(event for event in journal.events() if event.kind == "mark").bar
    short = MemoryJournal("run")
    short.append([event for event in journal.events() if not event.bar or event.bar <= first])
    report = told(short, mode="shadow", fallback="the selected one is refused")
    assert (report.sessions, report.pnl.day, report.mode) == (1, 0.0, "shadow")
    assert report.fallback == "the selected one is refused"
    later, last = (time.isoformat() for time in panel.times[[-11, -10]])
    halt = TradingHalted.of("run", last, 0, "the kill file", 999_000.0)
    short.append([BarSkipped.of("run", later, "no price"), halt])
    report = told(short)
    assert [(skip.bar, skip.reason) for skip in report.skipped] == [(later, "no price")]
    assert (report.halted, report.equity_end, report.sessions) == ("the kill file", 999_000.0, 1)
    assert report.last_bar == panel.times[-10]
    before = next(event.equity for event in journal.events() if event.kind == "mark")
    assert report.pnl.day == 999_000.0 - before, "since the last bar that was finished"
