"""Paper is the backtest on another clock: same orders, same money, however often it is stopped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import DataError, RiskBreach
from alpha.data.feed import PanelFeed
from alpha.execution import Account, Ledger, MemoryJournal, SqliteJournal, order_hash
from alpha.paper import Clock, sane, trade
from alpha.portfolio import overlay, risk_model
from alpha.risk import guard
from alpha.strategy import backtest

BARS = 24


@pytest.fixture(scope="module")
def panel(small):
    return small.panel(small.paper.end)[0]


@pytest.fixture(scope="module")
def bundle(study):
    return study.best.bundle


@pytest.fixture
def cfg(small, tmp_path):
    return changed(small, kill_file=tmp_path / "KILL")


@pytest.fixture(scope="module")
def whole(small, bundle, panel, tmp_path_factory):
    """Return the events of a run over the last bars that nothing stopped."""
    cfg = changed(small, kill_file=tmp_path_factory.mktemp("whole") / "KILL")
    journal = MemoryJournal("run")
    trade(cfg, bundle, replay(panel), journal)
    return list(journal.events())


def changed(cfg, **values):
    return cfg.model_copy(update={"paper": cfg.paper.model_copy(update=values)})


def replay(panel, **options):
    return Clock(PanelFeed(lambda: panel), **{"sessions": BARS, **options})


def spoiled(panel, *rows, value=np.nan, symbols=slice(None)):
    """Return the panel with closes that no decision can rest on in some rows, counted from the end."""
    close = panel["close"].copy()
    for row in rows:
        close[row, symbols] = value
    return replace(panel, fields={**panel.fields, "close": close})


def marks(journal):
    return [event.bar for event in journal.events() if event.kind == "mark"]


def test_paper_is_the_backtest_to_the_cent(cfg, bundle, panel, tmp_path):
    signal = bundle.predict(bundle.plan.batch(panel).values, panel.tradable)
    book = backtest(signal[-BARS:], panel.rows(slice(-BARS, None)), cfg.rules(), cfg.broker, cash=cfg.paper.cash)
    with SqliteJournal(tmp_path / "paper.sqlite", "run") as journal:
        ledger = trade(cfg, bundle, replay(panel), journal)
        events = list(journal.events())
    assert ledger.last_equity == book.equity[-1]
    assert [event.equity for event in events if event.kind == "mark"] == book.equity.tolist()
    assert order_hash(events) == book.order_hash
    assert sum(event.kind == "fill" for event in events) == book.trades > 0


@pytest.mark.parametrize("steps", [1, 7, 23])
def test_runs_of_some_steps_are_one_run(steps, cfg, bundle, panel, whole, tmp_path):
    for _ in range(-(-BARS // steps)):
        with SqliteJournal(tmp_path / "paper.sqlite", "run") as journal:
            trade(cfg, bundle, replay(panel, steps=steps), journal)
    with SqliteJournal(tmp_path / "paper.sqlite", readonly=True) as journal:
        assert list(journal.events()) == whole


@pytest.fixture
def risky(cfg):
    """Return a configuration whose decisions hang on covariances since the first bar."""
    values = {
        "risk_model": risk_model.bind({"name": "exponential", "halflife": 100.0}),
        "overlays": (overlay.bind({"name": "volatility_target", "annual": 0.02}),),
    }
    return cfg.model_copy(update=values)


@pytest.mark.parametrize("steps", [1, 7])
def test_a_risk_model_decides_as_in_a_backtest_however_often_it_is_stopped(steps, risky, bundle, panel, whole):
    signal = bundle.predict(bundle.plan.batch(panel).values, panel.tradable)
    rows, before = slice(-BARS, None), panel.rows(slice(0, len(panel) - BARS))
    book = backtest(signal[rows], panel.rows(rows), risky.rules(), risky.broker, cash=risky.paper.cash, history=before)
    journal = MemoryJournal("run")
    for _ in range(-(-BARS // steps)):
        trade(risky, bundle, replay(panel, steps=steps), journal)
    assert order_hash(journal.events()) == book.order_hash
    assert book.order_hash != order_hash(whole)


def test_bars_that_were_skipped_do_not_enter_the_risk_after_a_restart(risky, bundle, panel):
    bad = spoiled(panel, -12, value=-1.0, symbols=3)
    at_once, stopped = MemoryJournal("run"), MemoryJournal("run")
    trade(risky, bundle, replay(bad), at_once)
    for _ in range(BARS):
        trade(risky, bundle, replay(bad, steps=1), stopped)
    assert list(stopped.events()) == list(at_once.events())


def test_a_configured_guard_halts_and_the_kill_file_is_asked_first(cfg, bundle, panel):
    strict = guard.bind({"name": "drawdown", "limit": 1e-4})
    cfg = cfg.model_copy(update={"guards": (strict,)})
    with pytest.raises(RiskBreach, match="below its peak") as caught:
        trade(cfg, bundle, replay(panel), MemoryJournal("run"))
    assert caught.value.code == "drawdown"
    journal = MemoryJournal("run")
    trade(cfg, bundle, replay(panel, steps=1), journal)
    cfg.paper.kill_file.touch()
    with pytest.raises(RiskBreach, match="kill file") as caught:
        trade(cfg, bundle, replay(panel), journal)
    assert caught.value.code == "kill_file"


def test_more_bars_later_are_one_run(cfg, bundle, panel, whole):
    journal = MemoryJournal("run")
    first = len(panel) - BARS
    trade(cfg, bundle, replay(panel.rows(slice(0, first + 9)), sessions=9), journal)
    trade(cfg, bundle, replay(panel), journal)
    trade(cfg, bundle, replay(panel), journal)
    assert list(journal.events()) == whole


def test_a_bar_that_cannot_be_used_is_journaled_and_positions_are_held(cfg, bundle, panel):
    journal, bad = MemoryJournal("run"), spoiled(panel, -10, -9)
    ledger = trade(cfg, bundle, replay(bad, steps=BARS - 8), journal)
    skips = [event for event in journal.events() if event.kind == "skip"]
    assert [event.bar for event in skips] == [time.isoformat() for time in panel.times[[-10, -9]]]
    assert "has no price for any symbol" in skips[0].reason
    assert len(marks(journal)) == BARS - 10
    assert ledger.last_bar == panel.times[-9].isoformat()
    assert ledger.positions, "positions are held"
    assert not ledger.open_orders, "and what was on order is cancelled"
    last = panel.times[-9].isoformat()
    assert not [event for event in journal.events() if event.kind == "fill" and event.bar >= skips[0].bar <= last]
    trade(cfg, bundle, replay(bad), journal)
    assert len(marks(journal)) == BARS - 2


def test_bars_that_were_skipped_do_not_enter_the_features_after_a_restart(cfg, bundle, panel):
    seen = []

    class Watched:
        def __init__(self):
            self.plan, self.name, self.trained = bundle.plan, bundle.name, bundle.trained

        def outputs(self, values, tradable):
            seen.append(values)
            return bundle.outputs(values, tradable)

    bad = spoiled(panel, -12, value=-1.0, symbols=3)
    trade(cfg, Watched(), replay(bad), MemoryJournal("run"))
    at_once, seen = seen, []
    journal = MemoryJournal("run")
    for _ in range(BARS):
        trade(cfg, Watched(), replay(bad, steps=1), journal)
    assert len(seen) == len(at_once) == BARS - 1
    for one, other in zip(at_once, seen, strict=True):
        np.testing.assert_array_equal(one, other)


def test_too_many_bad_bars_in_a_row_end_the_run(cfg, bundle, panel):
    cfg, journal = changed(cfg, kill_file=cfg.paper.kill_file, max_bad_bars=3), MemoryJournal("run")
    bad = spoiled(panel, -20, -19, -10, -9, -8)
    with pytest.raises(DataError, match="3 bars in a row could not be used; the last: the bar of") as caught:
        trade(cfg, bundle, replay(bad), journal)
    assert (caught.value.code, caught.value.exit_code) == ("too_many_bad_bars", 3)
    assert marks(journal)[-1] == panel.times[-11].isoformat()
    ledger = trade(cfg, bundle, replay(bad), journal)  # whoever starts it again has looked into it
    assert ledger.last_bar == panel.times[-1].isoformat()


def test_bad_bars_in_a_row_are_counted_across_restarts(cfg, bundle, panel):
    bad, journal = spoiled(panel, -10, -9, -8), MemoryJournal("run")
    for _ in range(BARS - 8):
        trade(cfg, bundle, replay(bad, steps=1), journal)
    with pytest.raises(DataError, match="3 bars in a row"):
        trade(cfg, bundle, replay(bad, steps=1), journal)


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf])
def test_a_price_that_cannot_be_is_bad_data(panel, value):
    with pytest.raises(DataError, match=f"S002 at .*: close is {value}; it must be positive and finite"):
        sane(spoiled(panel, -1, value=value, symbols=2).bar(len(panel) - 1))
    bar = spoiled(panel, -1, symbols=2).bar(len(panel) - 1)
    assert sane(bar) is bar, "a symbol may be without a price"


def as_traded(panel, row, **actions):
    """Return the panel with raw prices, and a split 1:2 (or a dividend) of the first symbol in a row from the end."""
    values = {"split": np.ones_like(panel["close"]), "dividend": np.zeros_like(panel["close"])}
    for name, value in actions.items():
        values[name][row, :] = value
    unit = np.cumprod(values["split"], axis=0)
    raw = {f"raw_{name}": panel[name] / unit for name in ("open", "close") if name in panel}
    return panel.with_fields(**raw, **values)


@pytest.mark.parametrize("actions", [{"split": 2.0}, {"dividend": 0.5}])
def test_what_companies_do_on_a_bar_that_is_skipped_has_been_done(actions, cfg, bundle, panel):
    market = as_traded(panel, -8, **actions)
    whole, broken = MemoryJournal("run"), MemoryJournal("run")
    trade(cfg, bundle, replay(market), whole)
    ledger = trade(cfg, bundle, replay(spoiled(market, -8, value=-1.0, symbols=0)), broken)
    done = [(event.kind, event.symbol) for event in broken.events() if event.kind in ("split", "dividend")]
    assert done == [(event.kind, event.symbol) for event in whole.events() if event.kind in ("split", "dividend")]
    assert done
    assert sum(event.kind == "skip" for event in broken.events()) == 1
    assert ledger.last_equity == pytest.approx(Ledger.replay(whole).last_equity, rel=0.05)


def test_a_halt_values_the_account_after_the_split_of_its_bar(cfg, bundle, panel):
    market, journal = as_traded(panel, -5, split=10.0), MemoryJournal("run")
    before = trade(cfg, bundle, replay(market, steps=BARS - 5), journal).last_equity
    cfg.paper.kill_file.touch()
    with pytest.raises(RiskBreach, match="kill file"):
        trade(cfg, bundle, replay(market), journal)
    assert Ledger.replay(journal).last_equity == pytest.approx(before, rel=0.1)


def test_the_kill_file_cancels_and_halts_until_a_person_says_so(cfg, bundle, panel, tmp_path):
    journal = MemoryJournal("run")
    trade(cfg, bundle, replay(panel, steps=5), journal)
    cfg.paper.kill_file.touch()
    with pytest.raises(RiskBreach, match="kill file") as caught:
        trade(cfg, bundle, replay(panel), journal)
    assert (caught.value.code, caught.value.exit_code) == ("kill_file", 6)
    assert not Ledger.replay(journal).open_orders
    cfg.paper.kill_file.unlink()
    with pytest.raises(RiskBreach) as caught:
        trade(cfg, bundle, replay(panel), journal)
    assert caught.value.code == "halted"
    assert len(marks(journal)) == 5
    Account.replay(journal, cfg.broker()).acknowledge("it was a drill")
    ledger = trade(cfg, bundle, replay(panel), journal)
    assert len(marks(journal)) == BARS
    assert not ledger.halted


def test_the_drawdown_limit_halts(cfg, bundle, panel):
    cfg = cfg.model_copy(update={"risk": cfg.risk.model_copy(update={"max_drawdown": 1e-4})})
    journal = MemoryJournal("run")
    with pytest.raises(RiskBreach, match="below its peak") as caught:
        trade(cfg, bundle, replay(panel), journal)
    assert caught.value.code == "drawdown"
    with pytest.raises(RiskBreach):
        trade(cfg, bundle, replay(panel), journal)


def test_only_some_symbols_are_held_but_all_are_compared(cfg, bundle, panel, whole):
    journal = MemoryJournal("run")
    ledger = trade(cfg, bundle, replay(panel), journal, symbols=("S001", "S002", "S003", "S004"))
    assert ledger.positions
    assert {e.symbol for e in journal.events() if e.kind == "order"} <= {"S001", "S002", "S003", "S004"}
    assert order_hash(journal.events()) != order_hash(whole)


class TestClock:
    def test_it_begins_where_it_is_told(self, panel):
        history, bars = replay(panel, sessions=3).after(None)
        assert [bar.time for bar in bars] == list(panel.times[-3:])
        assert history.times[-1] == panel.times[-4]
        history, bars = replay(panel, start=panel.times[-5].normalize()).after(None)
        assert next(iter(bars)).time == panel.times[-5]
        assert len(history) == len(panel) - 5

    def test_a_ledger_goes_on_after_its_last_bar_wherever_a_start_was_asked_for(self, panel):
        _, bars = replay(panel, start=panel.times[-5]).after(panel.times[-3])
        assert [bar.time for bar in bars] == list(panel.times[-2:])

    def test_a_history_shorter_than_the_sessions_is_traded_from_its_first_bar(self, panel):
        history, bars = replay(panel.rows(slice(0, 4)), sessions=60).after(None)
        assert (len(history), len(list(bars))) == (0, 4)

    def test_a_start_after_the_last_bar_is_refused(self, panel):
        with pytest.raises(DataError, match=r"no bar at or after 2030-01-01; the last is 2001-07-02") as caught:
            replay(panel, start=pd.Timestamp("2030-01-01", tz="UTC")).after(None)
        assert caught.value.code == "no_bars"

    def test_a_clock_that_replays_sleeps_between_bars_only(self, panel):
        slept = []
        _, bars = replay(panel, sessions=4, poll_sec=0.5, sleep=slept.append).after(None)
        assert (len(list(bars)), slept) == (4, [0.5, 0.5, 0.5])

    def test_it_shows_progress(self, panel):
        said = []
        _, bars = replay(panel, track=lambda bars, what: said.append(what) or bars).after(None)
        assert (len(list(bars)), said) == (BARS, ["trading"])

    def live(self, panels, **options):
        answers = iter(panels)

        def read():
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        slept: list[float] = []
        return Clock(PanelFeed(read, live=True), sessions=2, poll_sec=0.1, sleep=slept.append, **options), slept

    def test_a_live_clock_waits_for_bars_and_delivers_each_once(self, panel):
        grown = [panel.rows(slice(0, 100 + more)) for more in (0, 0, 0, 1, 1, 3)]
        clock, slept = self.live(grown, steps=5)
        times = [bar.time for bar in clock.after(None)[1]]
        assert times == list(panel.times[98:103])
        assert len(slept) == 1 + 5 + 1, "between the bars there were, before each reading, between the last two"

    def test_a_bar_that_comes_late_delays_and_repeats_nothing(self, panel):
        gap = panel.rows(np.delete(np.arange(101), 50))
        clock, _ = self.live([gap, panel.rows(slice(0, 103))], steps=4)
        assert [bar.time for bar in clock.after(None)[1]] == list(panel.times[99:103])

    def test_a_bar_that_goes_and_comes_back_is_delivered_once(self, panel):
        clock, _ = self.live([panel.rows(slice(0, 100 + more)) for more in (0, -1, 0, 1)], steps=3)
        assert [bar.time for bar in clock.after(None)[1]] == list(panel.times[98:101])

    def test_a_clock_that_need_not_follow_ends_with_what_there_is(self, panel):
        clock, _ = self.live([panel.rows(slice(0, 100))], follow=False)
        assert len(list(clock.after(None)[1])) == 2

    def test_bad_answers_are_asked_for_again(self, panel):
        error = DataError("Yahoo did not answer", code="no_connection")
        clock, _ = self.live([panel.rows(slice(0, 100)), error, error, panel.rows(slice(0, 101))], steps=3)
        assert [bar.time for bar in clock.after(None)[1]] == list(panel.times[98:101])

    def test_too_many_bad_answers_are_told(self, panel):
        error = DataError("Yahoo did not answer", code="no_connection")
        clock, _ = self.live([panel.rows(slice(0, 100)), *[error] * 3])
        _, bars = clock.after(None)
        with pytest.raises(DataError, match="did not answer"):
            list(bars)


def test_trading_live_is_trading_a_replay(cfg, bundle, panel, whole):
    rows = [slice(0, len(panel) - BARS + 1 + more) for more in range(BARS)]
    panels = iter([panel.rows(row) for row in rows])
    clock = Clock(PanelFeed(lambda: next(panels), live=True), sessions=1, steps=BARS, sleep=lambda seconds: None)
    journal = MemoryJournal("run")
    trade(cfg, bundle, clock, journal)
    assert list(journal.events()) == whole


def test_orders_are_journaled_before_anything_is_sent(cfg, bundle, panel, monkeypatch):
    """The order path keeps this; here it is seen to hold through `trade` too."""
    journal = MemoryJournal("run")
    simulated = cfg.broker.make
    told = []

    class Watched(simulated):
        def submit(self, orders):
            known = {event.id for event in journal.events()}
            told.append(all(order.id in known for order in orders))
            super().submit(orders)

    watched = cfg.model_copy(update={"broker": replace(cfg.broker, make=Watched)})
    trade(watched, bundle, replay(panel, steps=6), journal)
    assert len(told) > 3
    assert all(told)
