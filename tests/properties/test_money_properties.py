"""Equity in several currencies is a plain sum, and the journal alone gives it again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha.core.nouns import Fill, Order
from alpha.execution import Ledger
from alpha.execution.events import AccountOpened, DividendPaid, OrderFilled, OrderPlaced, RateFixed
from alpha.execution.journals.protocol import decoded, encoded

TERMS = {"SHARE": ("", 1.0), "INDEX": ("", 50.0), "EUROPE": ("EUR", 1.0), "FUTURE": ("EUR", 10.0),
         "JAPAN": ("JPY", 0.5)}  # fmt: skip
PRICES, RATES = st.floats(0.5, 5000.0), st.floats(0.005, 3.0)
QUANTITIES = st.integers(-200, 200).filter(bool).map(float)


@st.composite
def lives(draw):
    """Return events of an account, and what they come to: (cash in USD at last rates, units held, rates)."""
    start = draw(st.integers(0, 10**7))
    rates = {"EUR": draw(RATES), "JPY": draw(RATES)}
    events = [AccountOpened.of("run", float(start)), *(RateFixed.of("run", "0", *each) for each in rates.items())]
    flows, held = [("", float(start))], dict.fromkeys(TERMS, 0.0)
    for number in range(draw(st.integers(1, 20))):
        bar, symbol = f"{number:03d}", draw(st.sampled_from(sorted(TERMS)))
        currency, multiplier = TERMS[symbol]
        kind = draw(st.sampled_from(["fill", "fill", "fill", "rate", "dividend"]))
        if kind == "fill":
            order = Order(f"o{number}", bar, symbol, draw(QUANTITIES))
            fill = Fill(order.id, "f", symbol, order.quantity, draw(PRICES), draw(st.floats(0, 50)), 0.1)
            events += [OrderPlaced.of(order, fill.price, currency, multiplier), OrderFilled.of(bar, fill)]
            flows += [(currency, -fill.quantity * fill.price * multiplier), (currency, -fill.fee)]
            held[symbol] += fill.quantity
        elif kind == "rate":
            changed = draw(st.sampled_from(sorted(rates)))
            rates[changed] = draw(RATES)
            events.append(RateFixed.of("run", bar, changed, rates[changed]))
        elif held[symbol]:
            events.append(DividendPaid.of("run", bar, symbol, 0.25, held[symbol] * multiplier))
            flows.append((currency, 0.25 * held[symbol] * multiplier))
    return events, flows, held, rates


def posted(events):
    ledger = Ledger("run")
    for event in events:
        ledger.post(event)
    return ledger


@settings(max_examples=60, deadline=None)
@given(life=lives(), prices=st.fixed_dictionaries(dict.fromkeys(TERMS, PRICES)))
def test_equity_is_the_plain_sum_of_money_and_positions(life, prices):
    events, flows, held, rates = life
    rates = {**rates, "": 1.0}
    cash = sum(amount * rates[currency] for currency, amount in flows)
    units = [held[name] * prices[name] * multiplier * rates[currency] for name, (currency, multiplier) in TERMS.items()]
    scale = 1 + sum(map(abs, units)) + sum(abs(amount) * rates[currency] for currency, amount in flows)
    assert posted(events).equity(prices) == pytest.approx(cash + sum(units), abs=1e-11 * scale + 1e-4)


@settings(max_examples=60, deadline=None)
@given(life=lives())
def test_the_journal_alone_gives_the_account_again(life):
    events, *_ = life
    texts = [(event.kind, event.id, event.bar, encoded(event)) for event in events]
    live, again = posted(events), posted(decoded(*text) for text in texts)
    assert again.money == live.money
    own = {name: value for name, value in vars(live).items() if not name.startswith("_")}
    assert own == {name: value for name, value in vars(again).items() if name in own}


@settings(max_examples=60, deadline=None)
@given(life=lives())
def test_posting_again_pays_nothing(life):
    events, *_ = life
    ledger = posted(events)
    before = dict(ledger.money.balances)
    for event in events:
        ledger.post(event)
    assert ledger.money.balances == before
