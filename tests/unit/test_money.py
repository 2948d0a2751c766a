"""An account in USD that trades a share in USD and a future in EUR, against sums worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import BrokerError, ConfigError
from alpha.core.instrument import Instrument
from alpha.core.nouns import Fill, Order
from alpha.core.panel import Bar
from alpha.execution import Account, Ledger, Lot, MemoryJournal, SqliteJournal
from alpha.execution.corporate import actions, delistings
from alpha.execution.events import (
    AccountOpened,
    DividendPaid,
    HoldingDelisted,
    OrderFilled,
    OrderPlaced,
    RateFixed,
    SharesSplit,
)
from alpha.execution.journals.protocol import encoded

DAYS = [f"2020-01-{day:02d}T21:00:00+00:00" for day in range(1, 29)]
FUTURE = Instrument(currency="EUR", multiplier=50.0)
F, A = Order("f", DAYS[0], "F", 4.0), Order("a", DAYS[0], "A", 100.0)


def rate(day, value):
    return RateFixed.of("run", DAYS[day], "EUR", value)


def fill(day, order, quantity, price, fee=0.0, slippage=0.0):
    return OrderFilled.of(DAYS[day], Fill(order.id, DAYS[day], order.symbol, quantity, price, fee, slippage))


def bar(day, symbol="F", instrument=FUTURE, value=1.2, **fields):
    fields = {name: np.array([each], float) for name, each in fields.items()}
    return Bar(pd.Timestamp(DAYS[day]), (symbol,), fields, np.ones(1, bool), instrument=instrument, rate=value)


OPENED = [AccountOpened.of("run", 100_000.0), rate(0, 1.1), OrderPlaced.of(F, 100.0, "EUR", 50.0),
          OrderPlaced.of(A, 20.0)]  # fmt: skip
BOUGHT = [rate(1, 1.2), fill(1, F, 3.0, 101.0, fee=2.5, slippage=1.0), fill(1, A, 100.0, 20.0, fee=1.0)]
SOLD = Order("s", DAYS[2], "F", -7.0)


def account(*events):
    ledger = Ledger("run")
    for event in events:
        ledger.post(event)
    return ledger


def test_each_fill_is_paid_in_its_own_currency():
    ledger = account(*OPENED, *BOUGHT)
    assert ledger.money.balances == {"USD": 97_999_000_000, "EUR": -(3 * 101 * 50 * 1_000_000 + 2_500_000)}
    assert ledger.cash == 97_999_000_000
    assert (ledger.fees, ledger.slippage) == (3_000_000 + 1_000_000, 1_200_000)
    assert ledger.open_orders["f"].quantity == 1.0
    assert ledger.equity({"F": 102.0, "A": 21.0}) == pytest.approx(100_276.0, abs=1e-9)


def test_a_new_rate_revalues_balance_and_position():
    ledger = account(*OPENED, *BOUGHT, rate(2, 1.25))
    assert ledger.equity({"F": 102.0, "A": 21.0}) == pytest.approx(97_999 - 15_152.5 * 1.25 + 15_300 * 1.25 + 2_100)
    assert (ledger.fees, ledger.slippage) == (4_000_000, 1_200_000), "what was paid was paid at the rate of its bar"


def test_dividends_splits_and_sales_come_to_what_they_do_by_hand():
    ledger = account(
        *OPENED, *BOUGHT, rate(2, 1.25), fill(2, F, 1.0, 103.0), DividendPaid.of("run", DAYS[2], "A", 0.5, 100.0),
        DividendPaid.of("run", DAYS[2], "F", 0.1, 4 * 50.0), SharesSplit.of("run", DAYS[2], "F", 2.0, 4.0),
        OrderPlaced.of(SOLD, 52.0, "EUR", 50.0), rate(3, 1.3), fill(3, SOLD, -7.0, 52.0),
    )  # fmt: skip
    assert ledger.money.balances == {"USD": 98_049_000_000, "EUR": -2_082_500_000}
    assert ledger.dividends == 50_000_000 + 25_000_000
    assert ledger.realised == (6 * 1.5 + 1 * 0.5) * 50 * 1.3 * 1_000_000
    assert list(ledger.lots["F"]) == [Lot(1.0, 51.5)]
    assert ledger.equity({"F": 53.0, "A": 21.0}) == pytest.approx(98_049 - 2_082.5 * 1.3 + 53 * 50 * 1.3 + 2_100)
    ledger.post(HoldingDelisted.of("run", DAYS[4], "F", 1.0, 52.0, 50.0))
    assert ledger.money.balances["EUR"] == -2_082_500_000 + 2_600_000_000
    assert ledger.realised == (617.5 + 32.5) * 1_000_000
    assert ledger.equity({"A": 21.0}) == pytest.approx(98_049 + 517.5 * 1.3 + 2_100)


def test_what_companies_do_counts_the_multiplier():
    ledger = account(*OPENED, *BOUGHT)
    [paid] = actions(bar(2, close=100.0, raw_close=100.0, dividend=0.1), ledger)
    assert paid.cash == 3 * 50 * 100_000
    [settled] = delistings(bar(2, close=np.nan), ledger, 1, active=["A"])
    assert (settled.quantity, settled.price, settled.cash) == (-3.0, 101.0, 3 * 101 * 50 * 1_000_000)


def test_weights_are_fractions_of_the_equity_of_the_account():
    ledger = account(*OPENED, *BOUGHT)
    worth = ledger.value(bar(1, close=102.0))
    assert worth.equity == pytest.approx(100_176.0)
    assert worth.weights == pytest.approx([3 * 102 * 50 * 1.2 / 100_176])
    assert ledger.value(bar(1, "A", Instrument(), 1.0, close=21.0)).weights == pytest.approx([2_100 / 100_096])


def test_whatever_changes_the_account_changes_its_valuation():
    ledger, close = account(*OPENED, *BOUGHT), bar(1, close=102.0)
    worth = [ledger.value(close).equity]
    for event in (rate(2, 1.25), fill(2, F, 1.0, 90.0), DividendPaid.of("run", DAYS[2], "F", 0.1, 200.0),
                  HoldingDelisted.of("run", DAYS[2], "F", 4.0, 90.0, 50.0)):  # fmt: skip
        ledger.post(event)
        worth.append(ledger.value(close).equity)
    assert len(set(worth)) == 5


@pytest.mark.parametrize("disk", [False, True])
def test_the_journal_alone_gives_the_same_account(disk, tmp_path):
    events = [*OPENED, *BOUGHT, rate(2, 1.25), fill(2, F, 1.0, 103.0)]
    with SqliteJournal(tmp_path / "j", "run") as kept:
        journal = kept if disk else MemoryJournal("run")
        live = Account.replay(journal, None)
        live.write(events)
        again = Ledger.replay(journal)
    assert again.money == live.ledger.money
    assert (again.positions, again.lots, again.fees, again.realised) == (
        live.ledger.positions, live.ledger.lots, live.ledger.fees, live.ledger.realised)  # fmt: skip


def test_an_account_in_one_currency_writes_what_it_always_wrote():
    assert encoded(AccountOpened.of("run", 1.0)) == '{"cash":1000000}'
    assert encoded(OrderPlaced.of(A, 20.0)) == (
        '{"expires":1,"limit":null,"price":20.0,"quantity":100.0,"symbol":"A","type":"market"}'
    )
    assert '"currency":"EUR"' in encoded(AccountOpened.of("run", 1.0, "EUR"))
    assert encoded(OrderPlaced.of(F, 100.0, "EUR", 50.0)).startswith('{"currency":"EUR","expires":1,')
    assert "multiplier" not in encoded(OrderPlaced.of(F, 100.0, "EUR"))


def test_the_rate_of_a_bar_is_journaled_where_it_is_another():
    opened = Account.open(MemoryJournal("run"), 1000.0, None)
    for day, value in enumerate((1.1, 1.1, 1.2, 1.1)):
        opened.take_rate(bar(day, value=value))
        opened.take_rate(bar(day, value=value))
    opened.take_rate(bar(5, "A", Instrument(), 1.0))
    rates = [(event.bar, event.rate) for event in opened.journal.events() if event.kind == "rate"]
    assert rates == [(DAYS[0], 1.1), (DAYS[2], 1.2), (DAYS[3], 1.1)]


def test_an_order_in_a_currency_without_a_rate_is_refused():
    with pytest.raises(BrokerError) as caught:
        account(OPENED[0], OPENED[2])
    assert caught.value.code == "unknown_rate"


def test_an_account_keeps_the_currency_it_was_opened_in():
    journal = MemoryJournal("run")
    opened = Account.open(journal, 1000.0, None, "EUR")
    assert (opened.ledger.money.currency, opened.ledger.cash) == ("EUR", 1000_000_000)
    assert next(journal.events()).currency == "EUR"
    Account.open(journal, 1000.0, None, "EUR")
    with pytest.raises(ConfigError, match="opened in EUR, not in USD") as caught:
        Account.open(journal, 1000.0, None)
    assert caught.value.code == "other_currency"


@pytest.mark.parametrize(
    ("symbol", "instrument"), [("F", Instrument(currency="EUR", multiplier=20.0)), ("F", Instrument(multiplier=50.0)),
                               ("A", FUTURE)]
)  # fmt: skip
def test_a_symbol_keeps_the_terms_it_was_traded_on(symbol, instrument):
    journal = MemoryJournal("run")
    journal.append([*OPENED, *BOUGHT])
    resumed = Account.replay(journal, None)
    resumed.expect(FUTURE, ["F", "NEW"])
    resumed.expect(Instrument(), ["A"])
    with pytest.raises(ConfigError, match=f"{symbol} was traded in") as caught:
        resumed.expect(instrument, ["NEW", symbol])
    assert caught.value.code == "other_instrument"
