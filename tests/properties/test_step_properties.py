"""A crash anywhere in a bar, resumed, ends in the same journal and the same account."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha.core.errors import RiskBreach
from alpha.core.panel import Panel
from alpha.execution import Account, Ledger, MemoryJournal, SqliteJournal, broker
from alpha.portfolio import limit, policy
from alpha.strategy import Rules, step

BARS = 8
MARKET = broker.bind({"name": "simulated", "slippage_bps": 5, "fee_bps": 1})
FRICTIONS = broker.bind({"name": "frictional", "participation": 0.05, "parts": 3, "rejects": 0.2})


def market(seed, *, missing=0.15, corporate=True):
    """Return a panel in which prices are missing, a name dies, shares split and dividends are paid."""
    rng = np.random.default_rng(seed)
    shape = (BARS, 5)
    close = np.round(30 * np.exp(np.cumsum(rng.normal(0, 0.03, shape), axis=0)), 2)
    opens = np.round(close * np.exp(rng.normal(0, 0.01, shape)), 2)
    gone = rng.random(shape) < missing
    gone[0] = False
    gone[4:, 2] = True
    opens[gone | (rng.random(shape) < missing)] = np.nan
    close[gone] = np.nan
    split = np.where(rng.random(shape) < 0.1, 2.0, 1.0)
    scale = np.cumprod(split, axis=0)  # a split halves the price, or shorts would go bankrupt by accident
    dividend = np.where(rng.random(shape) < 0.1, 0.2 / scale, 0.0)
    raw = {"raw_open": opens / scale, "raw_close": close / scale}
    traded = {**raw, "split": split, "dividend": dividend} if corporate else {}
    times = pd.date_range("2020-01-01 21:00", periods=BARS, tz="UTC")
    volume = {"volume": np.round(rng.uniform(0, 20_000, shape))}
    return Panel(times, tuple("ABCDE"), {"open": opens, "close": close, **volume, **traded}), rng.normal(size=shape)


RULES = Rules(policy.bind({"name": "long_short", "rate": 0.7, "gross": 1.5}),
              (limit.bind({"name": "max_name", "limit": 0.4}), limit.bind("max_gross")),
              max_drawdown=0.9, delist_after=2)  # fmt: skip


class Crash(Exception):
    """The process dies."""


class Fuse:
    """Lets a number of calls pass, then kills the process before or after the next one."""

    def __init__(self, calls, *, after):
        self.calls, self.after = calls, after

    def guard(self, call):
        def guarded(*args):
            self.calls -= 1
            if self.calls == -1 and not self.after:
                raise Crash
            value = call(*args)
            if self.calls == -1:
                raise Crash
            return value

        return guarded


VERBS = {"append", "submit", "advance", "poll", "cancel", "cancel_all"}


class Fused:
    """A journal or a broker behind a fuse."""

    def __init__(self, inner, fuse):
        self._inner, self._fuse = inner, fuse

    def __getattr__(self, name):
        value = getattr(self._inner, name)
        return self._fuse.guard(value) if name in VERBS else value


def life(journal, panel, signal, rules, fuse, venue=MARKET):
    """Live from start or restart to the end of the bars, or to the crash."""
    account = Account.open(Fused(journal, fuse), 50_000.0, Fused(venue(), fuse))
    account.reconcile()
    for row in range(len(panel)):
        if panel.times[row].isoformat() > account.ledger.last_bar:
            known = np.where(np.isfinite(panel["close"][row]), signal[row], np.nan)
            step(known, panel.bar(row), rules, account)
    return account.ledger


def state(ledger):
    return {name: value for name, value in vars(ledger).items() if name != "_valued"}


def outcome(live):
    """Return the account, or the breach that ended it."""
    try:
        return state(live())
    except RiskBreach as breach:
        return breach.code


def check_every_crash(panel, signal, rules, journals, venue=MARKET):
    reference = MemoryJournal("run")
    expected = outcome(lambda: life(reference, panel, signal, rules, Fuse(10**9, after=False), venue))
    events = list(reference.events())
    calls = 0
    while True:
        for after in (False, True):
            journal = next(journals)
            try:
                found = outcome(lambda: life(journal, panel, signal, rules, Fuse(calls, after=after), venue))  # noqa: B023
                crashed = False
            except Crash:
                crashed = True
                found = outcome(lambda: life(journal, panel, signal, rules, Fuse(10**9, after=False), venue))  # noqa: B023
            assert list(journal.events()) == events
            if isinstance(expected, dict):  # else it ended in a breach, which a restart calls halted
                assert found == expected
            assert state(Ledger.replay(journal)) == state(Ledger.replay(reference))
        if not crashed:
            return calls
        calls += 1


def in_memory():
    while True:
        yield MemoryJournal("run")


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_crash_at_any_call_changes_nothing(seed):
    calls = check_every_crash(*market(seed), RULES, in_memory())
    assert calls > 3 * BARS


@pytest.mark.parametrize("seed", range(2))
def test_a_crash_among_partial_fills_and_rejects_changes_nothing(seed):
    panel, signal = market(seed)
    check_every_crash(panel, signal, RULES, in_memory(), FRICTIONS)
    journal = MemoryJournal("run")
    ledger = life(journal, panel, signal, RULES, Fuse(10**9, after=False), FRICTIONS)
    assert {"filled", "expired", "rejected"} <= set(ledger.status.values())
    fills = [event.order for event in journal.events() if event.kind == "fill"]
    assert len(fills) > len(set(fills)), "one order, several fills in a bar"


@pytest.mark.parametrize("seed", range(3))
def test_a_crash_in_a_halt_changes_nothing(seed):
    strict = Rules(RULES.policy, RULES.limits, max_drawdown=0.005, delist_after=2)
    panel, signal = market(seed, missing=0.3)
    check_every_crash(panel, signal, strict, in_memory())


def test_a_crash_at_any_call_changes_nothing_on_disk(tmp_path):
    def on_disk():
        number = 0
        while True:
            number += 1
            with SqliteJournal(tmp_path / f"{number}.sqlite", "run") as journal:
                yield journal

    panel, signal = market(5)
    check_every_crash(panel.rows(slice(0, 4)), signal[:4], RULES, on_disk())


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(1, BARS - 1))
def test_a_stop_between_bars_changes_nothing(seed, cut):
    panel, signal = market(seed)
    whole, parts = MemoryJournal("run"), MemoryJournal("run")
    life(whole, panel, signal, RULES, Fuse(10**9, after=False))
    life(parts, panel.rows(slice(0, cut)), signal, RULES, Fuse(10**9, after=False))
    life(parts, panel, signal, RULES, Fuse(10**9, after=False))
    assert list(whole.events()) == list(parts.events())


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_equity_is_cash_and_positions_and_cash_is_conserved(seed):
    panel, signal = market(seed)
    journal = MemoryJournal("run")
    ledger = life(journal, panel, signal, RULES, Fuse(10**9, after=False))
    events = list(journal.events())
    assert ledger.cash == sum(getattr(event, "cash", 0) for event in events)
    moved = [event for event in events if event.kind in ("fill", "split", "delisting")]
    for symbol in panel.symbols:
        held = sum(event.quantity for event in moved if event.symbol == symbol)
        assert held == ledger.positions.get(symbol, 0.0)
        assert held == sum(lot.quantity for lot in ledger.lots.get(symbol, ()))
    value = ledger.value(panel.bar(BARS - 1))
    worth = ledger.cash / 1e6 + sum(held * value.prices[name] for name, held in ledger.positions.items())
    assert value.equity == pytest.approx(worth, rel=1e-12)
    assert ledger.last_equity == value.equity
