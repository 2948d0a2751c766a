"""What every guard must do, whoever wrote it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from views import TIME, frozen, risk, view

from alpha.core.errors import RiskBreach
from alpha.core.panel import Panel
from alpha.execution import Account, MemoryJournal, broker
from alpha.portfolio import policy
from alpha.risk import Permission, guard
from alpha.strategy import Rules, step

ODD = [np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0, -1.0, 1e-300]


@pytest.fixture(params=list(guard))
def bound(request):
    return guard.bind(request.param)


@pytest.fixture
def account():
    return Account.open(MemoryJournal("run"), 1e6, broker.bind("simulated")())


def views():
    """Yield views that a healthy account never has."""
    some = np.array([0.1, -0.1, 0.2])
    for odd in ODD:
        yield view(some, some, equity=odd)
        yield view(np.full(3, odd), some)
        yield view(some, np.full(3, odd), stuck=[0], risk=risk(3))
    yield view([], [])


def test_a_healthy_account_trades(bound, account, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert bound(account, view([0.1, 0.2], risk=risk(2))) == Permission("trade")


def test_it_answers_every_view_with_a_reason_and_a_code(bound, account):
    for seen in views():
        permission = bound(account, seen)
        assert isinstance(permission, Permission)
        assert permission.action in ("trade", "reduce", "halt")
        assert (permission.action == "trade") == (permission.reason == "") == (permission.code == "")
        assert permission.code == permission.code.lower().replace(" ", "_")


def test_it_reads_and_never_writes(bound, account):
    before, ledger = list(account.journal.events()), dict(vars(account.ledger))
    for seen in views():
        bound(account, frozen(seen))
    assert list(account.journal.events()) == before
    assert vars(account.ledger) == ledger


def test_the_same_question_has_the_same_answer(bound, account):
    for seen in views():
        assert bound(account, seen) == bound(account, seen)


def test_a_loss_that_is_no_number_is_no_reason_to_trade(account):
    for name in ("drawdown", "bar_loss"):
        assert guard.bind(name)(account, view([0.1], equity=np.nan)).action != "trade"
        assert guard.bind(name)(account, view([0.1], equity=-np.inf)).action != "trade"


def test_it_is_asked_in_every_bar_before_anything_is_decided(bound, account):
    """Also where another of its name comes after it."""
    asked = []

    def halts(account, view):
        asked.append(bound(account, view))
        return Permission("halt", "for the test", "tested")

    listed = Rules(policy.bind("long_only"), guards=(bound.__class__("guard", bound.name, {}, halts),))
    market = Panel(pd.DatetimeIndex([TIME]), ("A", "B"), {"close": np.full((1, 2), 50.0)})
    with pytest.raises(RiskBreach, match=r"\[tested\].*for the test"):
        step(np.ones(2), market.bar(0), listed, account)
    assert len(asked) == 1
    assert [event.kind for event in account.journal.events()] == ["open", "halt"]
