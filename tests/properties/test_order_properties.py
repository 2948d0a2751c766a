"""Orders, partial fills, cancels, expiries and splits in any sequence: the ledger is what a plain reference says."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha.core.errors import BrokerError
from alpha.core.nouns import Accepted, Cancelled, Expired, Fill, Order, Rejected
from alpha.execution import Account, Ledger, MemoryJournal
from alpha.execution.events import BarMarked, OrderPlaced, SharesSplit
from alpha.execution.reports import news

CASH = 1_000_000
SHARES = st.integers(-300, 300).filter(bool).map(float)


class Reference:
    """Orders as a person would keep them on paper: what was ordered, what is left, how it ended."""

    def __init__(self):
        self.left, self.end, self.held, self.cash = {}, {}, defaultdict(float), CASH * 1_000_000
        self.symbol = {}

    def place(self, order):
        self.left[order.id], self.symbol[order.id] = order.quantity, order.symbol

    def fill(self, name, quantity, price, fee):
        self.left[name] -= quantity
        self.held[self.symbol[name]] += quantity
        self.cash -= round(quantity * price * 1e6) + round(fee * 1e6)
        if not self.left[name] and name not in self.end:
            self.end[name] = "filled"

    def finish(self, name, how):
        self.end.setdefault(name, how)

    def split(self, symbol, ratio):
        self.held[symbol] *= ratio
        for name in self.left:
            self.left[name] *= ratio if self.symbol[name] == symbol else 1

    def open(self):
        return {name: left for name, left in self.left.items() if name not in self.end}


def part(draw, left):
    """Return some of what is left, of its sign, in whole shares."""
    return float(draw(st.integers(1, int(abs(left))))) * (1 if left > 0 else -1)


@st.composite
def stories(draw):
    """Return what happened in some bars: orders, reports and splits, with the reference that kept them."""
    paper, story, fills = Reference(), [], 0
    for number in range(draw(st.integers(1, 30))):
        bar = f"2020-01-01T{number:02d}"
        waiting = [name for name, left in paper.left.items() if left and paper.end.get(name) != "rejected"]
        what = draw(st.sampled_from(["order", "order", "fill", "fill", "fill", "end", "split", "accept"]))
        if what == "order" or not waiting:
            order = Order(f"o{number}", bar, draw(st.sampled_from("AB")), draw(SHARES), expires=None)
            story.append(("place", bar, order))
            paper.place(order)
        elif what == "fill":
            name, fills = draw(st.sampled_from(waiting)), fills + 1
            quantity, price = part(draw, paper.left[name]), float(draw(st.integers(1, 90)))
            fill = Fill(name, f"f{fills}", paper.symbol[name], quantity, price, draw(st.floats(0, 9)))
            story.append(("report", bar, fill))
            paper.fill(name, quantity, price, fill.fee)
        elif what == "end" and (still := list(paper.open())):
            name, kind = draw(st.sampled_from(still)), draw(st.sampled_from([Cancelled, Expired, Rejected]))
            story.append(("report", bar, kind(name, "no") if kind is Rejected else kind(name)))
            paper.finish(name, kind.__name__.lower())
        elif what == "split":
            symbol = draw(st.sampled_from("AB"))
            story.append(("split", bar, SharesSplit.of("run", bar, symbol, 2.0, paper.held[symbol])))
            paper.split(symbol, 2.0)
        elif still := list(paper.open()):
            story.append(("report", bar, Accepted(draw(st.sampled_from(still)))))
    return story, paper


def lived(story, again):
    """Return the account after a story, each report coming once more where `again` says so."""
    account, told = Account.open(MemoryJournal("run"), CASH, None), []
    for (what, bar, thing), repeat in zip(story, again, strict=True):
        if what == "place":
            account.write([OrderPlaced.of(thing, 1.0)])
        elif what == "split":
            account.write([thing])
        else:
            told.append(thing)
            for updates in ([thing], told) if repeat else ([thing],):
                account.write(news(updates, bar, account.ledger, {}))
        account.write([BarMarked.of("run", bar, 1.0, prices=account.ledger.marks, unpriced={})])
    return account


@settings(max_examples=60, deadline=None)
@given(stories(), st.data())
def test_the_ledger_is_what_a_plain_reference_says(told, data):
    story, paper = told
    again = data.draw(st.lists(st.booleans(), min_size=len(story), max_size=len(story)))
    account = lived(story, again)
    ledger = account.ledger
    assert {name: order.quantity for name, order in ledger.open_orders.items()} == paper.open()
    assert ledger.positions == {symbol: held for symbol, held in paper.held.items() if held}
    assert ledger.cash == paper.cash
    assert {name: status for name, status in ledger.status.items() if name in paper.end} == paper.end
    assert {ledger.status[name] for name in paper.open()} <= {"submitted", "acknowledged", "partially filled"}
    replayed = Ledger.replay(account.journal)
    assert vars(replayed) == vars(ledger)


@settings(max_examples=60, deadline=None)
@given(stories(), st.data())
def test_one_share_more_than_is_left_is_refused(told, data):
    story, paper = told
    ledger = lived(story, [False] * len(story)).ledger
    name = data.draw(st.sampled_from(sorted(paper.left)))
    left = 0.0 if paper.end.get(name) == "rejected" else paper.left[name]
    ordered = next(order.quantity for what, _, order in story if what == "place" and order.id == name)
    more = left + (1.0 if ordered > 0 else -1.0)
    with pytest.raises(BrokerError, match="over_fill"):
        list(news([Fill(name, "last", paper.symbol[name], more, 5.0, 0.0)], "2021", ledger, {}))


@given(st.lists(st.integers(1, 4), max_size=8), st.one_of(st.none(), st.integers(1, 6)))
@settings(max_examples=40, deadline=None)
def test_an_order_lives_for_the_bars_that_it_was_given(skips, life):
    """`expires` counts finished bars, whatever their distance."""
    account = Account.open(MemoryJournal("run"), CASH, Idle())
    ledger = account.ledger
    account.write([OrderPlaced.of(Order("o", "2020-01-01", "A", 5.0, "limit", 1.0, life), 1.0)])
    account.write([BarMarked.of("run", "2020-01-01", 1.0, prices={}, unpriced={})])
    for number, distance in enumerate(skips, start=1):
        bar = f"2020-01-{1 + 3 * number + distance % 3:02d}"
        account.expire(bar)
        account.write([BarMarked.of("run", bar, 1.0, prices={}, unpriced={})])
        assert ("o" in ledger.open_orders) == (life is None or number < life)
        assert ledger.status["o"] == ("submitted" if "o" in ledger.open_orders else "expired")
    assert account.broker.cancelled == ([["o"]] if life and len(skips) >= life else [])


class Idle:
    """A broker that only writes down what is cancelled."""

    def __init__(self):
        self.cancelled = []

    def cancel(self, ids):
        self.cancelled.append(ids)
