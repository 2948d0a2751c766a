"""One bar of trading, and a backtest that is nothing but many of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import BrokerError, DataError, RiskBreach
from alpha.core.instrument import Instrument
from alpha.core.nouns import Fill, Order, Verdict
from alpha.core.panel import Panel
from alpha.core.registry import Plugin
from alpha.execution import Account, Ledger, MemoryJournal, SqliteJournal, broker, order_hash
from alpha.execution.events import OrderFilled, OrderPlaced
from alpha.portfolio import limit, overlay, policy, risk_model
from alpha.risk import Permission, guard
from alpha.strategy import Bundle, Candidate, Rules, backtest, step

LONG = policy.bind("long_only")
FREE = broker.bind({"name": "simulated", "slippage_bps": 0, "fee_bps": 0})
COSTLY = broker.bind({"name": "simulated", "slippage_bps": 50, "fee_bps": 20})


def panel(rows=40, symbols="ABCDE", seed=0, opens=True, **fields):
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, (rows, len(symbols))), axis=0))
    times = pd.date_range("2020-01-01 21:00", periods=rows, freq="D", tz="UTC")
    prices = {"open": close * np.exp(rng.normal(0, 0.005, close.shape))} if opens else {}
    return Panel(times, tuple(symbols), {"close": close, **prices, **fields})


def signals(panel, seed=1):
    return np.random.default_rng(seed).normal(size=panel["close"].shape)


def rules(policy=LONG, **more):
    return Rules(policy, **{"max_drawdown": 1.0, **more})


def in_fractions(panel):
    """Return the panel of what trades in any fraction of a share."""
    return replace(panel, instrument=Instrument(lot=0))


def fixed(*weights):
    """Return a policy that always wants the same weights."""
    return Plugin("policy", "fixed", {}, lambda view: np.array(weights, float))


def run(signal, panel, rules, journal, broker=FREE, cash=100_000.0, rows=None):
    """Trade some rows, as a paper run does; return the account."""
    account = Account.open(journal, cash, broker())
    account.reconcile()
    for row in range(len(panel)) if rows is None else rows:
        step(signal[row], panel.bar(row), rules, account)
    return account


class Spy:
    """Writes down in which order the journal and the broker are called."""

    def __init__(self, inner, log):
        self._inner, self._log = inner, log

    def __getattr__(self, name):
        value = getattr(self._inner, name)
        if not callable(value):
            return value

        def told(*args):
            self._log.append((name, args))
            return value(*args)

        return told


def test_orders_are_journaled_before_they_are_sent():
    market = panel(6)
    log, journal = [], MemoryJournal()
    account = Account.open(Spy(journal, log), 10_000.0, Spy(FREE(), log))
    for row in range(6):
        step(signals(market)[row], market.bar(row), rules(), account)
    on_disk, sent = set(), 0
    for name, args in log:
        if name == "append":
            on_disk |= {event.id for event in args[0] if event.kind == "order"}
        if name == "submit":
            assert {order.id for order in args[0]} <= on_disk, "an order was sent before its journal row"
            sent += len(args[0])
    assert sent == len(on_disk) > 0


def test_an_order_whose_row_cannot_be_written_is_not_sent():
    class Full(MemoryJournal):
        def append(self, events):
            if any(event.kind == "order" for event in events):
                raise BrokerError("disk is full", code="journal_unavailable")
            super().append(events)

    market, journal, venue = panel(1), Full(), FREE()
    with pytest.raises(BrokerError, match="disk is full"):
        step(signals(market)[0], market.bar(0), rules(), Account.open(journal, 10_000.0, venue))
    assert venue.open_orders() == ()


def test_a_bar_is_settled_decided_sent_and_marked():
    market, journal = panel(2), MemoryJournal()
    run(signals(market), market, rules(fixed(0.5, 0, 0, 0, 0), min_trade=0.1), journal)
    events = list(journal.events())
    assert [event.kind for event in events] == ["open", "order", "sent", "mark", "fill", "mark"]
    assert events[1].price == market["close"][0, 0]
    assert events[2].orders == 1
    assert events[3][2:] == (100_000.0, 1, (), {}, {}, "mark")
    assert (events[4].bar, events[4].price) == (events[5].bar, market["open"][1, 0])
    assert events[5].prices == {"A": market["close"][1, 0]}


def test_the_order_list_is_what_the_weights_say_to_a_loop():
    market, book_rules = panel(30), rules(policy.bind("long_short"))
    signal, journal = signals(market), MemoryJournal()
    run(signal, market, book_rules, journal)
    held, cash, expected = dict.fromkeys(market.symbols, 0.0), 100_000.0, []
    waiting = {}
    for row in range(30):
        for name, quantity in waiting.items():
            held[name] += quantity
            cash -= quantity * market["open"][row, market.symbols.index(name)]
        close = dict(zip(market.symbols, market["close"][row], strict=True))
        equity = cash + sum(held[name] * close[name] for name in held)
        weights = dict.fromkeys(market.symbols, 0.0)
        weights[market.symbols[int(np.argmax(signal[row]))]] = 0.5
        weights[market.symbols[int(np.argmin(signal[row]))]] = -0.5
        waiting = {}
        for name in market.symbols:
            change = weights[name] * equity / close[name] - held[name]
            quantity = float(np.trunc(change)) if weights[name] else -held[name]
            if quantity:
                waiting[name] = quantity
                expected.append(Order("", market.times[row].isoformat(), name, quantity))
    assert order_hash(journal.events()) == order_hash(expected)


def test_nothing_fills_at_the_price_that_made_the_signal():
    for opens, price in [(True, "open"), (False, "close")]:
        market, journal = panel(3, opens=opens), MemoryJournal()
        run(signals(market), market, rules(fixed(1, 0, 0, 0, 0)), journal)
        first = next(event for event in journal.events() if event.kind == "fill")
        assert first.price == market[price][1, 0]


def test_the_limits_are_in_force_and_told():
    market, journal = panel(1), MemoryJournal()
    account = Account.open(journal, 10_000.0, FREE())
    target = step(signals(market)[0], market.bar(0), rules(limits=(limit.bind("max_name"),)), account)
    np.testing.assert_array_equal(target.weights, np.full(5, 0.1))
    np.testing.assert_array_equal(target.raw, np.full(5, 0.2))
    assert target.clipped == ("max_name",)
    assert list(journal.events())[-1].limits == ("max_name",)


def test_a_finished_bar_is_not_traded_again():
    market, journal = panel(3), MemoryJournal()
    account = run(signals(market), market, rules(), journal)
    before = list(journal.events())
    for row in (1, 2):
        with pytest.raises(DataError, match=r"\[old_bar\]"):
            step(signals(market)[row], market.bar(row), rules(), account)
    assert list(journal.events()) == before


def crash(rows=6):
    """Return a market in which A loses half in one bar."""
    market = panel(rows)
    close = market["close"].copy()
    close[3:, 0] /= 2
    return market.with_fields(close=close, open=close)


def test_a_drawdown_halts_and_a_person_lets_it_go_on():
    market, journal = crash(), MemoryJournal()
    strict = rules(fixed(1, 0, 0, 0, 0), max_drawdown=0.3)
    with pytest.raises(RiskBreach, match=r"\[drawdown\].*at most 0.3"):
        run(signals(market), market, strict, journal)
    kinds = [event.kind for event in journal.events()]
    assert "halt" in kinds
    assert kinds.count("mark") == 3
    account = Account.replay(journal, FREE())
    with pytest.raises(RiskBreach, match=r"\[halted\]"):
        step(signals(market)[3], market.bar(3), strict, account)
    account.acknowledge("seen")
    for row in range(3, 6):
        step(signals(market)[row], market.bar(row), strict, account)
    assert account.ledger.last_bar == market.times[5].isoformat()


def test_an_order_that_did_not_fill_expires_before_a_halt():
    market, journal = crash(), MemoryJournal()
    opens = market["open"].copy()
    opens[1:, 1] = np.nan  # the order for B never fills
    strict = rules(fixed(0.9, 0.1, 0, 0, 0), max_drawdown=0.3, min_trade=0.05)
    with pytest.raises(RiskBreach):
        run(signals(market), market.with_fields(open=opens), strict, journal)
    assert [event.kind for event in journal.events()][-2:] == ["expire", "halt"]
    assert Ledger.replay(journal).open_orders == {}


def test_an_order_lives_for_one_bar():
    """A name that is gone for a while and comes back at another price is not bought for what it once cost."""
    market = panel(30, symbols="AB")
    close, opens = market["close"].copy(), market["open"].copy()
    close[1:20, 0] = opens[1:20, 0] = np.nan
    close[20:, 0] = opens[20:, 0] = 10 * close[0, 0]
    journal = MemoryJournal()
    once = Plugin("policy", "once", {}, lambda view: np.array([0.9, 0.0]) * (view.signal > 0))
    signal = np.full((30, 2), -1.0)
    signal[0] = 1.0
    account = run(signal, market.with_fields(close=close, open=opens), rules(once), journal)
    kinds = [(event.kind, event.bar) for event in journal.events() if event.kind in ("order", "fill", "expire")]
    assert kinds == [("order", market.times[0].isoformat()), ("expire", market.times[1].isoformat())]
    assert not account.ledger.positions
    assert not account.broker.open_orders()


def test_an_account_worth_nothing_is_halted():
    market, journal = crash(), MemoryJournal()
    with pytest.raises(RiskBreach, match=r"\[bankrupt\]"):
        run(signals(market), market, rules(fixed(3, 0, 0, 0, 0)), journal)


def test_weights_that_are_not_finite_halt():
    market, journal = panel(2), MemoryJournal()
    with pytest.raises(RiskBreach, match=r"\[bad_weights\].*fixed"):
        run(signals(market), market, rules(fixed(np.nan, 0, 0, 0, 0)), journal)


class Stray:
    """A broker that reports a fill of its own."""

    def __init__(self, order_id):
        self.order_id = order_id

    def submit(self, orders):
        pass

    def advance(self, bar):
        pass

    def poll(self):
        return [Fill(self.order_id, "f1", "A", 1.0, 2.0, 0.0)]

    def open_orders(self):
        return []

    def cancel(self, ids):
        pass

    def cancel_all(self):
        pass


def test_a_fill_of_an_unknown_order_is_refused_before_it_is_journaled():
    market, journal = panel(1), MemoryJournal()
    account = Account.open(journal, 10_000.0, Stray("stray"))
    with pytest.raises(BrokerError, match=r"\[unknown_fill\].*stray"):
        step(signals(market)[0], market.bar(0), rules(), account)
    assert [event.kind for event in journal.events()] == ["open"]


def test_a_fill_told_twice_counts_once():
    market, journal = panel(2), MemoryJournal()
    account = Account.open(journal, 10_000.0, Stray("o"))
    order = OrderPlaced.of(Order("o", "2019-12-31", "A", 1.0), 2.0)
    fill = OrderFilled.of(market.times[1].isoformat(), Fill("o", "f1", "A", 1.0, 2.0, 0.0))
    account.write([order, fill])
    account.ledger.settled = ""  # as after a bar in which nothing was journaled
    step(signals(market)[1], market.bar(1), rules(fixed(0, 0, 0, 0, 0)), account)
    assert account.ledger.cash == 9_998_000_000


def test_a_delisted_name_is_settled_and_its_orders_cancelled():
    market = panel(12, symbols="AB")
    close, opens = market["close"].copy(), market["open"].copy()
    close[4:, 0] = opens[4:, 0] = np.nan
    market, journal = market.with_fields(close=close, open=opens), MemoryJournal()
    wanted = Plugin("policy", "leave", {}, lambda view: np.where(np.isnan(view.signal), 0.0, 0.5))
    signal = np.ones((12, 2))
    signal[3, 0] = np.nan  # the sale is ordered at the last price there is, and never fills
    signal[4:, 0] = np.nan
    account = run(signal, market, rules(wanted, delist_after=3), journal)
    ledger = account.ledger
    [gone] = [event for event in journal.events() if event.kind == "delisting"]
    assert (gone.symbol, gone.price, gone.bar) == ("A", close[3, 0], market.times[6].isoformat())
    assert [event.symbol for event in journal.events() if event.kind == "expire"] == ["A"]
    assert ledger.positions.keys() == {"B"}
    assert "A" not in {order.symbol for order in (*ledger.open_orders.values(), *account.broker.open_orders())}
    marks = [event for event in journal.events() if event.kind == "mark"]
    assert [mark.unpriced for mark in marks[3:7]] == [{}, {"A": 1}, {"A": 2}, {}]
    assert marks[6].equity == pytest.approx(ledger.cash / 1e6 + ledger.positions["B"] * close[-1, 1], rel=0.2)


def corporate(rows=30):
    """Return a market as traded, with a split and a dividend, and the same one adjusted."""
    adjusted = panel(rows, symbols="AB")
    split, dividend = np.ones((rows, 2)), np.zeros((rows, 2))
    split[10, 0] = 4.0
    unit = 1 / np.cumprod(split, axis=0)
    before = (adjusted["close"] * unit)[19, 0]
    dividend[20, 0] = 0.1 * before
    with_dividend = before * adjusted["close"][20, 0] / adjusted["close"][19, 0]
    unit[20:, 0] *= (with_dividend - dividend[20, 0]) / with_dividend
    raw = {f"raw_{name}": adjusted[name] * unit for name in ("open", "close")}
    return adjusted, adjusted.with_fields(**raw, split=split, dividend=dividend)


def test_splits_and_dividends_come_to_what_adjusted_prices_say():
    adjusted, as_traded = corporate()
    once = Plugin("policy", "once", {}, lambda view: np.where(view.held == 0, view.signal, view.held))
    signal = np.tile([0.9, 0.1], (30, 1))
    plain = backtest(signal, in_fractions(adjusted), rules(once), FREE)
    traded = backtest(signal, in_fractions(as_traded), rules(once), FREE)
    np.testing.assert_allclose(plain.equity[:20], traded.equity[:20], rtol=1e-9)
    np.testing.assert_allclose(plain.net_returns[20], traded.net_returns[20], rtol=1e-9)
    assert plain.trades == traded.trades == 2


def test_a_book_adds_up():
    market = panel(60)
    book = backtest(signals(market), market, rules(policy.bind("long_short"), limits=(limit.bind("max_name"),)), COSTLY)
    np.testing.assert_allclose(1e6 * np.cumprod(1 + book.net_returns), book.equity)
    np.testing.assert_allclose(book.gross_returns - book.costs, book.net_returns)
    before = np.vstack([np.zeros(5), book.weights[:-1]])
    np.testing.assert_allclose(book.turnover, np.abs(book.weights - before).sum(axis=1))
    assert book.limits_hit == {"max_name": 60}
    assert book.costs[0] == 0.0
    assert (book.costs[1:] > 0).all()
    assert np.abs(book.targets).max() == 0.1
    np.testing.assert_allclose(book.weights[1:], book.targets[:-1], atol=0.01)
    assert book.trades > 100


def test_a_frame_is_traded_as_its_array_is():
    market = panel(12)
    signal, by = signals(market), rules(policy.bind("long_short"), min_trade=0.001)
    frame = pd.DataFrame(signal, market.times, list(market.symbols))
    assert backtest(frame, market, by, COSTLY).order_hash == backtest(signal, market, by, COSTLY).order_hash
    for wrong in (frame[list(market.symbols)[::-1]], frame.shift(freq="1D"), signal[1:], "up"):
        with pytest.raises(DataError, match="signal"):
            backtest(wrong, market, by, COSTLY)


def test_costs_are_what_they_are_said_to_be():
    market = panel(3)
    book = backtest(signals(market), market, rules(fixed(0.5, 0, 0, 0, 0), min_trade=0.1), COSTLY)
    quantity = np.floor(0.5e6 / market["close"][0, 0])
    quote = market["open"][1, 0]
    assert book.costs[1] * 1e6 == pytest.approx(quantity * quote * (0.005 + 1.005 * 0.002), abs=1e-5)
    assert book.trades == 1


def test_paper_with_restarts_equals_the_backtest_to_the_cent(tmp_path):
    market = panel(12)
    signal, strategy = signals(market), rules(policy.bind("long_short"), min_trade=0.001)
    book = backtest(signal, market, strategy, COSTLY, cash=100_000.0)
    for row in range(12):  # a new process each bar
        with SqliteJournal(tmp_path / "paper.sqlite", "paper") as journal:
            ledger = run(signal, market, strategy, journal, COSTLY, rows=[row]).ledger
            assert ledger.last_equity == book.equity[row]
            np.testing.assert_array_equal(ledger.weights(market.bar(row)), book.weights[row])
    with SqliteJournal(tmp_path / "paper.sqlite", readonly=True) as journal:
        assert order_hash(journal.events()) == book.order_hash


def test_a_backtest_does_not_depend_on_the_order_of_the_columns():
    market = panel(40)
    signal, order = signals(market), [3, 1, 4, 0, 2]
    mixed = market.select([market.symbols[i] for i in order])
    strategy = rules(policy.bind("long_short"), limits=(limit.bind("max_gross"),))
    one, other = backtest(signal, market, strategy, COSTLY), backtest(signal[:, order], mixed, strategy, COSTLY)
    assert one.order_hash == other.order_hash
    np.testing.assert_array_equal(one.equity, other.equity)


def test_a_candidate_passes_when_it_was_judged_and_every_gate_passed():
    good, bad = Verdict("ic", True, 1.0, 0.5), Verdict("ic", False, 0.1, 0.5)

    def judged(*gates):
        return Candidate(*[None] * 7, gates=gates)

    assert judged(good, good).passed
    assert not judged(good, bad).passed
    assert not judged().passed


def test_a_bundle_predicts_where_names_are_tradable():
    class Double:
        handles_nan = True

        def predict(self, X):
            return 2 * X[:, 0]

    bundle = Bundle("double", Double(), {}, (), None, {}, {}, np.ones((1, 1)), np.ones(1), {})
    found = bundle.predict(np.array([[1.0], [2.0]]), np.array([True, False]))
    np.testing.assert_array_equal(found, [2.0, np.nan])


def without_prices(market, names, row):
    """Return the market in which some names have no price from a row on."""
    close, opens = market["close"].copy(), market["open"].copy()
    for name in names:
        at = market.symbols.index(name)
        close[row:, at] = opens[row:, at] = np.nan
    return market.with_fields(close=close, open=opens)


def test_holdings_without_a_price_count_in_the_limits():
    """Sixty names are held alike, thirty lose their price, and the policy wants the whole gross in the others."""
    names = tuple(f"S{i:02d}" for i in range(60))
    market = in_fractions(without_prices(panel(6, names), names[:30], 3))
    wanted = Plugin("policy", "rest", {}, lambda view: view.bar.tradable / view.bar.tradable.sum())
    bounded = rules(wanted, limits=(limit.bind("max_gross"),))
    account = Account.open(MemoryJournal(), 100_000.0, FREE())
    for row in range(6):
        target = step(np.ones(60), market.bar(row), bounded, account)
        assert np.abs(target.weights).sum() <= 1 + 1e-9
        assert np.abs(account.ledger.weights(market.bar(row))).sum() < 1.1
        assert target.stuck == (names[:30] if row >= 3 else ())
        assert ("max_gross" in target.clipped) == (row >= 3)


def test_the_view_is_the_account_at_the_close_after_what_happened():
    seen = []
    keen = Plugin("policy", "keen", {}, lambda view: seen.append(view) or np.array([0.5, 0.3]))
    market = without_prices(panel(3, "AB"), "B", 2)
    market = replace(market, groups={"sector": ("x", "y")})
    account = Account.open(MemoryJournal(), 100_000.0, COSTLY())
    for row in range(3):
        step({"signal": np.full(2, row), "spread": np.ones(2)}, market.bar(row), rules(keen), account)
    assert [view.stuck.tolist() for view in seen] == [[False, False], [False, False], [False, True]]
    assert [view.held.tolist() for view in seen[:1]] == [[0, 0]]
    np.testing.assert_allclose(seen[1].held, [0.5, 0.3], atol=0.02)
    np.testing.assert_allclose(seen[2].held, account.ledger.weights(market.bar(2)))
    assert seen[2].held[1] > 0.25, "at the last price known"
    assert seen[2].equity == account.ledger.last_equity
    np.testing.assert_allclose(seen[2].costs, 70e-4)
    assert (seen[2].signal.tolist(), seen[2].outputs["spread"].tolist()) == ([2, 2], [1, 1])
    assert seen[2].groups == {"sector": ("x", "y")}
    assert seen[2].risk is None


def test_all_outputs_of_a_model_may_be_traded():
    market = panel(10)
    by_spread = Plugin("policy", "sure", {}, lambda view: np.where(view.outputs["spread"] < 1, 0.1, 0.0))
    spread = np.abs(signals(market))
    book = backtest({"signal": signals(market), "spread": spread}, market, rules(by_spread), FREE)
    np.testing.assert_array_equal(book.targets, np.where(spread < 1, 0.1, 0.0))
    with pytest.raises(DataError, match=r"\[bad_shape\].*spread"):
        backtest({"signal": signals(market), "spread": spread[1:]}, market, rules(by_spread), FREE)


def test_overlays_come_before_the_limits_in_the_order_listed():
    double = Plugin("overlay", "double", {}, lambda weights, view: weights * 2)
    more = Plugin("overlay", "more", {}, lambda weights, view: weights + 0.01)
    market, account = panel(1), Account.open(MemoryJournal(), 100_000.0, FREE())
    both = rules(fixed(0.1, 0.02, 0, 0, 0), overlays=(double, more), limits=(limit.bind("max_name"),))
    target = step(signals(market)[0], market.bar(0), both, account)
    np.testing.assert_allclose(target.raw, [0.21, 0.05, 0.01, 0.01, 0.01])
    np.testing.assert_allclose(target.weights, [0.1, 0.05, 0.01, 0.01, 0.01])


@pytest.mark.parametrize("wanted", [np.array([np.inf] * 5), np.full(4, 0.1), 0.1, np.full(5, 1.7e308)])
def test_an_overlay_that_gives_no_weights_halts(wanted):
    odd = Plugin("overlay", "odd", {}, lambda weights, view: wanted)
    with pytest.raises(RiskBreach, match=r"\[bad_weights\].*odd wants weights"):
        run(signals(panel(1)), panel(1), rules(overlays=(odd,)), MemoryJournal())


def says(action, name="says", **why):
    return Plugin("guard", name, {}, lambda account, view: Permission(action, **why))


def test_a_guard_that_reduces_lets_positions_only_shrink():
    market, journal = in_fractions(panel(4, "ABCD")), MemoryJournal()
    targets = iter([[0.3, 0.3, -0.3, 0.0], [0.4, 0.1, 0.2, 0.2]])
    turning = Plugin("policy", "turning", {}, lambda view: np.array(next(targets)))
    account = run(signals(market), market, rules(turning), journal, rows=[0])
    guarded = rules(turning, guards=(says("reduce", reason="for the test", code="tested"),))
    target = step(signals(market)[1], market.bar(1), guarded, account)
    held = account.ledger.weights(market.bar(1))
    np.testing.assert_allclose(target.weights, [held[0], 0.1, 0.0, 0.0])
    np.testing.assert_allclose(target.raw, [0.4, 0.1, 0.2, 0.2])
    assert target.clipped == ("says",)
    assert list(journal.events())[-1].limits == ("says",)
    orders = {event.symbol: event.quantity for event in journal.events() if event.kind == "order" and
              event.bar == market.times[1].isoformat()}  # fmt: skip
    assert orders.keys() == {"B", "C"}
    assert orders["B"] < 0 < orders["C"]


def test_a_book_that_only_shrinks_anyway_is_not_reported_as_reduced():
    market, account = panel(1), Account.open(MemoryJournal(), 100_000.0, FREE())
    guarded = rules(fixed(0, 0, 0, 0, 0), guards=(says("reduce", reason="for the test", code="tested"),))
    assert step(signals(market)[0], market.bar(0), guarded, account).clipped == ()


def test_a_halt_goes_before_a_reduction_and_the_first_halt_counts():
    market, journal = panel(1), MemoryJournal()
    guards = (
        says("reduce", code="no"),
        says("halt", reason="one", code="first"),
        says("halt", reason="2", code="second"),
    )
    with pytest.raises(RiskBreach, match=r"\[first\].*one"):
        run(signals(market), market, rules(guards=guards), journal)


def test_the_drawdown_is_a_guard_and_an_unguarded_backtest_has_none():
    strict = rules(fixed(1, 0, 0, 0, 0), max_drawdown=0.3, guards=(says("halt", reason="x", code="x"),))
    assert [each.name for each in strict.watch] == ["says", "drawdown"]
    assert strict.watch[-1].params == {"limit": 0.3}
    free = strict.unguarded()
    assert [each.params for each in free.watch] == [{"limit": 1.0}]
    assert backtest(signals(crash()), crash(), free, FREE).net_returns.min() < -0.3


def test_a_loss_in_one_bar_lets_positions_only_shrink():
    market, journal = crash(), MemoryJournal()
    wanted = iter([[0.5, 0.0, 0.0, 0.0, 0.0]] * 3 + [[0.6, 0.2, 0.0, 0.0, 0.0]] * 3)
    growing = Plugin("policy", "growing", {}, lambda view: np.array(next(wanted)))
    guarded = rules(growing, guards=(guard.bind({"name": "bar_loss", "limit": 0.1}),))
    account = run(signals(market), market, guarded, journal, rows=range(3))
    assert step(signals(market)[3], market.bar(3), guarded, account).clipped == ("bar_loss",)
    assert step(signals(market)[4], market.bar(4), guarded, account).clipped == ()


MACHINE = risk_model.bind({"name": "exponential", "halflife": 10.0, "min_bars": 5})


def test_the_risk_model_has_seen_the_history_and_every_bar_up_to_the_decision():
    market, seen = panel(30), []
    keen = Plugin("policy", "keen", {}, lambda view: seen.append(view.risk.cov.copy()) or np.zeros(5))
    risky = rules(keen, risk_model=MACHINE)
    backtest(signals(market)[20:], market.rows(slice(20, None)), risky, FREE, history=market.rows(slice(0, 20)))
    machine = MACHINE()
    expected = [machine.push(market.bar(row)).cov for row in range(30)]
    np.testing.assert_array_equal(seen, expected[20:])


def test_a_target_volatility_is_met():
    market = in_fractions(panel(300, seed=3))
    calm = overlay.bind({"name": "volatility_target", "annual": 0.05})
    risky = rules(fixed(0.3, 0.3, -0.2, 0.1, 0.1), overlays=(calm,), risk_model=MACHINE)
    book = backtest(signals(market), market, risky, FREE)
    assert 0.04 < book.net_returns[50:].std() * np.sqrt(252) < 0.06
    wild = backtest(signals(market), market, rules(risky.policy), FREE)
    assert wild.net_returns[50:].std() * np.sqrt(252) > 0.1
