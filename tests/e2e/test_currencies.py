"""An account in USD with 20 US stocks and futures in EUR: alike in backtest and on paper, stopped or not."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from alpha.config import load
from alpha.config.sections import Paper
from alpha.config.sleeves import SleeveEntry, Sleeves
from alpha.core.errors import ConfigError
from alpha.data.feed import PanelFeed
from alpha.execution import Ledger, MemoryJournal, order_hash
from alpha.operate.statement import statement
from alpha.paper import Clock, Trader, trade_sleeves
from alpha.report.daily import render_daily
from alpha.sleeves import Sleeve, backtest_sleeves
from alpha.strategy import backtest

ROOT = "config/base.yaml"
SPAN = [
    "holdout=null", "start=2018-01-02", "end=2019-06-28", "paper.end=2019-09-30", "models.candidates=[linear_v1]",
    "features.columns=[{name: ret, window: 5}, {name: ret, window: 1}]", "risk={max_drawdown: 0.9, lot_size: 0}",
    "policy={name: long_short, quantile: 0.4, rate: 0.5}",
]  # fmt: skip
MADE = ["name=futures", "calendar=24/7", "source={name: synthetic, n_symbols: 10, calendar: 24/7}"]
SHARES = {"futures": 0.4, "us_large_caps": 0.6}
START = pd.Timestamp("2019-07-01", tz="UTC")


@pytest.fixture(scope="module")
def quotes(tmp_path_factory):
    """Return the path of two years of EURUSD, which moves by a cent a day."""
    days = pd.bdate_range("2017-12-01", "2019-12-31")
    close = np.round(1.1 + 0.1 * np.sin(np.arange(len(days)) / 10), 4)
    path = tmp_path_factory.mktemp("fx") / "fx.csv"
    pd.DataFrame({"date": days, "symbol": "EURUSD", "close": close}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def configs(quotes):
    rates = f"{{source: {{name: csv, path: {quotes}}}, symbol: EURUSD}}"
    terms = f"instrument={{currency: EUR, multiplier: 50, conversion: {rates}}}"
    return {"futures": load(ROOT, (), [*SPAN, *MADE, terms]), "us_large_caps": load(ROOT, (), SPAN)}


@pytest.fixture(scope="module")
def panels(configs):
    return {name: cfg.panel(cfg.paper.end)[0] for name, cfg in configs.items()}


@pytest.fixture
def account(tmp_path):
    return Paper(kill_file=tmp_path / "KILL")


def bundle(cfg):
    """Return a stand-in for a bundle: its signal is the first feature."""
    outputs = lambda values, tradable: {"signal": np.where(tradable, values[..., 0], np.nan)}  # noqa: E731
    return SimpleNamespace(
        name=cfg.name, plan=cfg.plan(), outputs=outputs, trained={"end": "2019-06-28T20:00:00+00:00"}
    )


def sleeve(name, configs, panels):
    cfg, panel = configs[name], panels[name]
    made, first = bundle(cfg), int(panel.times.searchsorted(START))
    signal = made.outputs(made.plan.batch(panel).values, panel.tradable)["signal"]
    return Sleeve(name, signal[first:], panel.since(START), replace(cfg.rules(), share=SHARES[name]), cfg.broker)


def run(journal, configs, panels, account, **options):
    traders = [Trader(cfg, bundle(cfg), Clock(PanelFeed(lambda panel=panels[name]: panel), sessions=20, start=START),
                      name, SHARES[name]) for name, cfg in configs.items()]  # fmt: skip
    return trade_sleeves(traders, journal, account, ref="both", **options)


def test_paper_orders_what_the_backtest_ordered(configs, panels, account):
    book = backtest_sleeves([sleeve(name, configs, panels) for name in SHARES])
    journal = MemoryJournal("paper")
    ledger = run(journal, configs, panels, account)
    events = list(journal.events())
    assert order_hash(events) == book.order_hash
    assert [event.equity for event in events if event.kind == "mark"] == book.equity.tolist()
    assert book.trades > 100
    assert set(ledger.money.balances) == {"USD", "EUR"}
    contracts = ledger.money.contracts
    assert set(contracts.values()) == {("EUR", 50.0)}
    assert set(contracts) <= set(panels["futures"].symbols)
    held = np.abs(book.weights[10:])
    for name, own in (("futures", held[:, :10]), ("us_large_caps", held[:, 10:])):
        assert 0.3 * SHARES[name] < own.sum(axis=1).min() <= own.sum(axis=1).max() < 1.1 * SHARES[name]


def test_equity_is_what_journal_and_prices_add_up_to_in_a_plain_loop(configs, panels, account):
    journal = MemoryJournal("paper")
    run(journal, configs, panels, account)
    cash, rate, held, terms = {"USD": 0.0, "EUR": 0.0}, {"USD": 1.0}, {}, {}
    marks = 0
    for event in journal.events():
        match event.kind:
            case "open":
                cash["USD"] += event.cash / 1e6
            case "rate":
                rate[event.currency] = event.rate
            case "order":
                terms[event.symbol] = event.currency or "USD", event.multiplier
            case "fill":
                currency, multiplier = terms[event.symbol]
                cash[currency] -= event.quantity * event.price * multiplier + event.fee / 1e6
                held[event.symbol] = held.get(event.symbol, 0.0) + event.quantity
            case "mark":
                worth = [held[name] * price * terms[name][1] * rate[terms[name][0]]
                         for name, price in event.prices.items()]  # fmt: skip
                total = sum(worth) + sum(amount * rate[currency] for currency, amount in cash.items())
                assert event.equity == pytest.approx(total, rel=1e-9)
                marks += 1
    assert marks > 100
    assert len(rate) == 2


@pytest.mark.parametrize("steps", [1, 7])
def test_stopped_between_any_two_bars_it_ends_with_the_same_journal(steps, configs, panels, account):
    whole, stopped = MemoryJournal("paper"), MemoryJournal("paper")
    last = run(whole, configs, panels, account, steps=14).last_bar
    while Ledger.replay(stopped).last_bar < last:
        run(stopped, configs, panels, account, steps=steps)
    assert list(stopped.events()) == list(whole.events())


def test_a_conversion_of_one_and_a_multiplier_of_one_change_no_order(configs, panels):
    """In fractions of a unit, a contract of 50 is 50 shares: the same weights, a 50th of the quantity."""
    part = sleeve("futures", configs, panels)
    plain = replace(part.panel, rates=None, instrument=replace(part.panel.instrument, currency="USD", multiplier=1.0))
    free = replace(part.rules, share=1.0)
    shares = backtest(part.signal, plain, free, part.broker)
    contracts = backtest(part.signal, replace(plain, instrument=replace(plain.instrument, multiplier=50.0)), free,
                         part.broker)  # fmt: skip
    np.testing.assert_allclose(contracts.equity, shares.equity, rtol=1e-7)
    np.testing.assert_allclose(contracts.costs, shares.costs, rtol=1e-4, atol=1e-12)
    converted = backtest(part.signal, part.panel, free, part.broker)
    assert not np.allclose(converted.equity, shares.equity, rtol=1e-3), "money in EUR gains and loses with its rate"


def test_a_bar_that_cannot_be_used_still_has_a_rate(configs, panels, account):
    """Its dividends are paid at that rate."""
    panel = panels["futures"]
    row = int(panel.times.searchsorted(START)) + 2
    close = panel["close"].copy()
    close[row] = np.nan
    assert panel.rates[row] != panel.rates[row - 1]
    bad = panels | {"futures": replace(panel, fields={**panel.fields, "close": close})}
    journal = MemoryJournal("paper")
    run(journal, configs, bad, account, steps=10)
    [skip] = [event.bar for event in journal.events() if event.kind == "skip"]
    assert [event.rate for event in journal.events() if (event.kind, event.bar) == ("rate", skip)] == [panel.rates[row]]


def test_the_report_shows_the_cash_of_each_currency(configs, panels, account):
    journal = MemoryJournal("paper")
    ledger = run(journal, configs, panels, account, steps=25)
    report = statement(journal, run="paper", mode="paper")
    assert report.balances == {name: cash / 1e6 for name, cash in ledger.money.balances.items()}
    values = sum(position.value for position in report.positions)
    cash = report.balances["USD"] + report.balances["EUR"] * ledger.money.rates["EUR"]
    assert values + cash == pytest.approx(report.equity_end)
    assert "EUR" in render_daily(report)
    alone = MemoryJournal("paper")
    run(alone, {"us_large_caps": configs["us_large_caps"]}, panels, account, steps=5)
    one = statement(alone, run="paper", mode="paper")
    assert one.balances == {}
    assert "balances" not in one.model_dump(mode="json")
    assert "Cash by currency" not in render_daily(one)


def test_prices_in_another_currency_need_a_conversion(configs, panels, account):
    bare = panels | {"futures": replace(panels["futures"], rates=None)}
    for trading in (lambda: backtest_sleeves([sleeve(name, configs, bare) for name in SHARES]),
                    lambda: run(MemoryJournal("paper"), configs, bare, account)):  # fmt: skip
        with pytest.raises(ConfigError) as caught:
            trading()
        assert caught.value.code == "no_conversion"
    part = sleeve("futures", configs, bare)
    with pytest.raises(ConfigError) as caught:
        backtest(part.signal, part.panel, part.rules, part.broker)
    assert caught.value.code == "no_conversion"
    with pytest.raises(ConfigError) as caught:
        backtest(part.signal, panels["futures"].since(START), part.rules, part.broker, currency="EUR")
    assert caught.value.code == "needless_conversion"


def test_a_ledger_goes_on_only_on_the_terms_it_began_with(configs, panels, account):
    journal = MemoryJournal("paper")
    run(journal, configs, panels, account, steps=8)
    other = replace(panels["futures"], instrument=replace(panels["futures"].instrument, multiplier=20.0))
    with pytest.raises(ConfigError, match="multiplier of 50, not in EUR with 20") as caught:
        run(journal, configs, panels | {"futures": other}, account)
    assert caught.value.code == "other_instrument"
    stocks = {"us_large_caps": configs["us_large_caps"]}
    euros = replace(panels["us_large_caps"], instrument=replace(panels["us_large_caps"].instrument, currency="EUR"))
    with pytest.raises(ConfigError) as caught:
        run(journal, stocks, {"us_large_caps": euros}, account.model_copy(update={"currency": "EUR"}))
    assert caught.value.code == "other_currency"


def test_sleeves_of_one_account_agree_on_its_money(configs, monkeypatch):
    def world(**paper):
        entries = [SleeveEntry(config=f"{name}.yaml", share=share) for name, share in SHARES.items()]
        return Sleeves(name="both", sleeves=tuple(entries), paper=Paper(**paper))

    monkeypatch.setattr(SleeveEntry, "load", lambda self: given[self.config.stem])
    given = configs
    assert world().configs() == configs
    with pytest.raises(ConfigError, match="the same paper") as caught:
        world(currency="EUR").configs()
    assert caught.value.code == "other_currency"
    terms = configs["futures"].instrument.model_copy(update={"conversion": 1.1})
    given = {**configs, "us_large_caps": configs["us_large_caps"].model_copy(update={"instrument": terms})}
    with pytest.raises(ConfigError, match="converts EUR by other rates") as caught:
        world().configs()
    assert caught.value.code == "other_conversion"


def test_a_configuration_must_say_how_prices_are_converted():
    for given, told in (("instrument={currency: EUR}", "the units of USD for one of EUR"),
                        ("instrument={conversion: 1.1}", "nothing is converted"),
                        ("paper.currency=dollars", "three to five capital letters")):  # fmt: skip
        with pytest.raises(ConfigError, match=told) as caught:
            load(ROOT, (), [given])
        assert caught.value.code == "invalid_config"
    cfg = load(ROOT, (), ["paper.currency=EUR", "instrument={tick: 0.01}", "risk.lot_size=5"])
    assert (cfg.traded().currency, cfg.traded().tick, cfg.traded().lot) == ("EUR", 0.01, 5.0)
