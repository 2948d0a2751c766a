"""What holds for every journal, whatever happened."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha.core.nouns import Fill, Order
from alpha.execution import Ledger, MemoryJournal
from alpha.execution.events import (
    AccountOpened,
    DividendPaid,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    SharesSplit,
    micros,
)

BAR = "2020-01-01T21:00:00+00:00"
SYMBOLS = st.sampled_from("ABC")
PRICES = st.floats(0.01, 5000.0)
SHARES = st.integers(-500, 500).filter(bool).map(float)
FRACTIONS = st.floats(-500, 500).map(lambda shares: round(shares, 6)).filter(bool)


@st.composite
def histories(draw, shares=SHARES, splits=True):
    """Return a journal's worth of trades, splits, dividends, cancels and marks."""
    events, number = [AccountOpened.of("run", draw(st.floats(0, 1e9)))], 0
    held = dict.fromkeys("ABC", 0.0)
    for number in range(draw(st.integers(1, 25))):
        kind = draw(st.sampled_from(["trade"] * 5 + ["dividend", "cancel"] + ["split"] * splits))
        symbol, price, bar = draw(SYMBOLS), draw(PRICES), f"{BAR}{number}"
        if kind in ("trade", "cancel"):
            order = Order(f"o{number}", bar, symbol, draw(shares))
            events.append(OrderPlaced.of(order, price))
            if kind == "cancel":
                events.append(OrderCancelled.of(bar, order))
                continue
            fill = Fill(order.id, "f1", symbol, order.quantity, price, draw(st.floats(0, 50)), 0.1)
            events.append(OrderFilled.of(bar, fill))
            held[symbol] += order.quantity
        elif kind == "dividend":
            events.append(DividendPaid.of("run", bar, symbol, 0.1, held[symbol]))
        else:
            events.append(SharesSplit.of("run", bar, symbol, 2.0, held[symbol]))
            held[symbol] *= 2
    return events


def replayed(events):
    journal = MemoryJournal("run")
    journal.append(events)
    return Ledger.replay(journal)


@settings(max_examples=40, deadline=None)
@given(events=histories())
def test_cash_is_conserved_exactly_in_any_order_of_adding(events):
    ledger = replayed(events)
    flows = [getattr(event, "cash", 0) for event in events]
    assert ledger.cash == sum(flows) == sum(reversed(flows))


@settings(max_examples=40, deadline=None)
@given(events=histories())
def test_cash_is_what_trades_fees_and_dividends_come_to(events):
    ledger = replayed(events)
    paid = sum(micros(e.quantity * e.price) for e in events if e.kind == "fill")
    assert ledger.cash == events[0].cash - paid - ledger.fees + ledger.dividends


@settings(max_examples=40, deadline=None)
@given(events=histories())
def test_lots_add_up_to_positions_and_never_cross(events):
    ledger = replayed(events)
    assert ledger.lots.keys() == ledger.positions.keys()
    for symbol, lots in ledger.lots.items():
        assert sum(lot.quantity for lot in lots) == ledger.positions[symbol] != 0
        assert {np.sign(lot.quantity) for lot in lots} == {np.sign(ledger.positions[symbol])}


@settings(max_examples=40, deadline=None)
@given(events=histories(shares=FRACTIONS))
def test_fractions_of_shares_add_up_too(events):
    ledger = replayed(events)
    for symbol in "ABC":
        lots = sum(lot.quantity for lot in ledger.lots.get(symbol, ()))
        assert lots == pytest.approx(ledger.positions.get(symbol, 0.0), abs=1e-7)


@settings(max_examples=40, deadline=None)
@given(events=histories())
def test_profit_is_realised_and_unrealised_profit(events):
    ledger = replayed(events)
    at_cost = sum(lot.quantity * lot.price for lots in ledger.lots.values() for lot in lots)
    before = events[0].cash + ledger.realised - ledger.fees + ledger.dividends
    assert ledger.cash / 1e6 + at_cost == pytest.approx(before / 1e6, rel=1e-12, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(events=histories(), again=st.data())
def test_posting_again_changes_nothing(events, again):
    ledger = replayed(events)
    before = {name: repr(value) for name, value in vars(ledger).items()}
    for event in again.draw(st.lists(st.sampled_from(events))):
        ledger.post(event)
    assert {name: repr(value) for name, value in vars(ledger).items()} == before


@settings(max_examples=40, deadline=None)
@given(events=histories(), cut=st.integers(0, 60))
def test_a_prefix_and_then_the_rest_is_the_whole(events, cut):
    ledger = replayed(events[:cut])
    for event in events[cut:]:
        ledger.post(event)
    assert vars(ledger) == vars(replayed(events))
