"""Two sleeves with calendars of their own trade in one account: alike in backtest and on paper, killed or not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from alpha.config import load
from alpha.config.sections import Paper
from alpha.config.sleeves import SleeveEntry, Sleeves, load_sleeves
from alpha.core.errors import ConfigError, RiskBreach
from alpha.data.feed import PanelFeed
from alpha.execution import Ledger, MemoryJournal, SqliteJournal, order_hash
from alpha.execution.events import bar_sleeve, bar_time
from alpha.operate import sleeves
from alpha.operate.papering import Chosen, Wanted
from alpha.operate.statement import statement
from alpha.paper import Clock, Trader, trade_sleeves
from alpha.portfolio import policy
from alpha.sleeves import Sleeve, backtest_sleeves
from alpha.strategy import backtest
from alpha.study import research

ROOT = "config/base.yaml"
SMALL = [
    "holdout=null", "start=2018-01-02", "end=2019-06-28", "paper.end=2019-09-30", "models.candidates=[linear_v1]",
    "baselines=[always_long]", "walk_forward={name: walk_forward, folds: 2}", "gates=[{name: ic, limit: 0.02}]",
    "features.columns=[{name: ret, window: 1}, {name: ret, window: 5}, {name: vol, window: 10}]",
    "risk={max_drawdown: 0.9, lot_size: 0}", "label={name: forward_excess, horizon: 1}",
    "policy={name: long_short, quantile: 0.4, rate: 1.0}",
]  # fmt: skip
CLOCK = ["name=invented", "calendar=24/7", "source={name: synthetic, n_symbols: 10, ic: 0.2, calendar: 24/7}"]
SHARES = {"invented": 0.4, "us_large_caps": 0.6}
START = pd.Timestamp("2019-07-01", tz="UTC")


@pytest.fixture(scope="module")
def configs():
    return {"invented": load(ROOT, (), [*SMALL, *CLOCK]), "us_large_caps": load(ROOT, (), SMALL)}


@pytest.fixture(scope="module")
def panels(configs):
    return {name: cfg.panel(cfg.paper.end)[0] for name, cfg in configs.items()}


@pytest.fixture(scope="module")
def studies(configs, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("sleeves"))
        return {name: research(cfg) for name, cfg in configs.items()}


@pytest.fixture(scope="module")
def bundles(studies):
    return {name: study.best.bundle for name, study in studies.items()}


@pytest.fixture(scope="module")
def book(configs, panels, bundles):
    return backtest_sleeves([traded(name, configs, panels, bundles) for name in SHARES])


@pytest.fixture
def account(tmp_path):
    return Paper(kill_file=tmp_path / "KILL")


def traded(name, configs, panels, bundles):
    cfg, panel = configs[name], panels[name]
    signal = bundles[name].predict(bundles[name].plan.batch(panel).values, panel.tradable)
    first = int(panel.times.searchsorted(START))
    rules = replace(cfg.rules(), share=SHARES[name])
    return Sleeve(name, signal[first:], panel.since(START), rules, cfg.broker, panel.rows(slice(0, first)))


def run(journal, configs, panels, bundles, account, **options):
    traders = [
        Trader(configs[name], bundles[name], clock(panels[name]), name, SHARES[name]) for name in reversed(SHARES)
    ]
    return trade_sleeves(traders, journal, account, ref="both", **options)


def clock(panel):
    return Clock(PanelFeed(lambda: panel), sessions=20, start=START)


def test_paper_orders_what_the_backtest_ordered(configs, panels, bundles, account, book):
    journal = MemoryJournal("paper")
    ledger = run(journal, configs, panels, bundles, account)
    events = list(journal.events())
    assert order_hash(events) == book.order_hash
    assert [event.equity for event in events if event.kind == "mark"] == book.equity.tolist()
    assert sum(event.kind == "fill" for event in events) == book.trades > 100
    assert {ledger.sleeves[symbol] for symbol in ledger.positions} == set(SHARES)


def test_bars_merge_by_time_and_each_sleeve_trades_only_its_own(configs, panels, bundles, account, book):
    journal = MemoryJournal("paper")
    run(journal, configs, panels, bundles, account)
    events = list(journal.events())
    marks = [event.bar for event in events if event.kind == "mark"]
    assert marks == sorted(marks)
    for name, panel in panels.items():
        own = panel.times[panel.times >= START]
        assert [bar_time(key) for key in marks if bar_sleeve(key) == name] == [time.isoformat() for time in own]
    owners = {symbol: name for name, panel in panels.items() for symbol in panel.symbols}
    assert all(bar_sleeve(event.bar) == owners[event.symbol] for event in events if event.kind in ("order", "fill"))
    assert not [event for event in events if event.kind == "expire"], "a bar of one ends no order of the other"


@pytest.mark.parametrize("rate", [1.0, 0.5])
@pytest.mark.parametrize("name", SHARES)
def test_a_sleeve_wants_and_holds_its_share_of_what_it_would_alone(name, rate, configs, panels, bundles):
    """A slow policy reads what it holds: as a fraction of the share, not of the account."""
    slow = policy.bind({"name": "long_short", "quantile": 0.4, "rate": rate})
    parts = {each: traded(each, configs, panels, bundles) for each in SHARES}
    parts = {each: replace(part, rules=replace(part.rules, policy=slow)) for each, part in parts.items()}
    book, sleeve, share = backtest_sleeves(list(parts.values())), parts[name], SHARES[name]
    alone = backtest(sleeve.signal, sleeve.panel, replace(sleeve.rules, share=1.0), sleeve.broker)
    columns = np.isin([symbol for each in SHARES for symbol in panels[each].symbols], sleeve.panel.symbols)
    rows = np.isin(book.times, sleeve.panel.times)
    rows &= np.append(book.times[1:] != book.times[:-1], True)  # of a tie, the last
    assert rows.sum() == len(sleeve.panel)
    np.testing.assert_allclose(
        book.targets[rows][:, columns], alone.targets * share, atol=1e-12 if rate == 1.0 else 0.01
    )
    np.testing.assert_allclose(book.weights[rows][:, columns], alone.weights * share, atol=0.02)
    assert np.abs(alone.weights).sum(axis=1).max() > 0.5


@pytest.mark.parametrize("steps", [1, 17])
def test_stopped_between_any_two_bars_it_ends_with_the_same_journal(steps, configs, panels, bundles, account):
    whole, stopped = MemoryJournal("paper"), MemoryJournal("paper")
    last = run(whole, configs, panels, bundles, account, steps=30).last_bar
    while Ledger.replay(stopped).last_bar < last:
        run(stopped, configs, panels, bundles, account, steps=steps)
    events = list(stopped.events())
    assert [event for event in events if event.bar <= last] == list(whole.events())


@pytest.mark.parametrize("bad", [[], [5, 6]])
def test_bars_of_one_instant_go_by_sleeve_however_often_it_is_stopped(bad, configs, panels, bundles, account):
    """Two sleeves of one exchange close at the same time, and a bar that one cannot use is history of the other."""
    cfg, bundle, panel = configs["us_large_caps"], bundles["us_large_caps"], panels["us_large_caps"]
    first, second = panel.select(panel.symbols[:10]), panel.select(panel.symbols[10:])
    close = first["close"].copy()
    close[[int(panel.times.searchsorted(START)) + row for row in bad]] = np.nan
    first = replace(first, fields={**first.fields, "close": close})
    traders = [Trader(cfg, bundle, clock(each), name, 0.5) for name, each in (("a", first), ("b", second))]
    whole, stopped = MemoryJournal("paper"), MemoryJournal("paper")
    last = trade_sleeves(traders, whole, account, ref="both", steps=40).last_bar
    for _ in range(40):
        trade_sleeves(traders, stopped, account, ref="both", steps=1)
    assert list(stopped.events()) == list(whole.events())
    closed = [
        (bar_time(event.bar), bar_sleeve(event.bar)) for event in whole.events() if event.kind in ("mark", "skip")
    ]
    assert closed == [(time.isoformat(), name) for time in panel.since(START).times[:20] for name in "ab"]
    assert bar_sleeve(last) == "b"


class Killed(Exception):
    """The process ends."""


class Fragile(MemoryJournal):
    """A journal whose process is killed after so many writes."""

    def append(self, events):
        super().append(events)
        self.left -= 1
        if not self.left:
            raise Killed


def test_killed_after_any_write_it_ends_with_the_same_journal(configs, panels, bundles, account):
    whole, killed = MemoryJournal("paper"), Fragile("paper")
    last = run(whole, configs, panels, bundles, account, steps=6).last_bar
    for _ in range(100):
        killed.left = 3
        try:
            run(killed, configs, panels, bundles, account, steps=1)
        except Killed:
            continue
        if Ledger.replay(killed).last_bar >= last:
            break
    assert [event for event in killed.events() if event.bar <= last] == list(whole.events())


@pytest.mark.parametrize("name", ["", "us_large_caps"])
def test_one_sleeve_with_the_whole_account_is_the_plain_backtest(name, configs, panels, bundles):
    sleeve = traded("us_large_caps", configs, panels, bundles)
    sleeve = replace(sleeve, name=name, rules=replace(sleeve.rules, share=1.0))
    plain = backtest(sleeve.signal, sleeve.panel, sleeve.rules, sleeve.broker)
    alone = backtest_sleeves([sleeve])
    assert alone.order_hash == plain.order_hash
    for field in ("equity", "net_returns", "gross_returns", "weights", "targets", "turnover", "costs"):
        assert np.array_equal(getattr(alone, field), getattr(plain, field)), field


def test_a_bad_bar_of_one_sleeve_leaves_the_orders_of_the_other(configs, panels, bundles, account):
    panel = panels["invented"]
    close = panel["close"].copy()
    row = int(panel.times.searchsorted(START)) + 2
    close[row] = np.nan
    bad = panels | {"invented": replace(panel, fields={**panel.fields, "close": close})}
    journal = MemoryJournal("paper")
    run(journal, configs, bad, bundles, account, steps=12)
    events = list(journal.events())
    (skip,) = [event.bar for event in events if event.kind == "skip"]
    assert (bar_time(skip), bar_sleeve(skip)) == (panel.times[row].isoformat(), "invented")
    cancelled = [event.symbol for event in events if event.kind == "cancel"]
    assert cancelled
    assert set(cancelled) <= set(panel.symbols)


def test_names_that_are_not_quoted_are_counted_by_bars_of_their_own_sleeve(configs, panels, bundles):
    panel = panels["us_large_caps"]
    close = panel["close"].copy()
    gone = int(panel.times.searchsorted(START)) + 4
    close[gone:, :] = np.nan
    close[gone:, 0] = panel["close"][gone:, 0]
    silent = panels | {"us_large_caps": replace(panel, fields={**panel.fields, "close": close}, tradable=None)}
    parts = [traded(name, configs, panels, bundles) for name in SHARES]
    parts = [replace(each, panel=silent[each.name].since(START)) for each in parts]
    book = backtest_sleeves(parts)
    held = np.abs(book.weights[:, 11:]).sum(axis=1)
    settled = book.times[np.flatnonzero(held > 0)[-1] + 1]
    assert settled == panel.times[gone + configs["us_large_caps"].risk.delist_after - 1]


def test_a_guard_of_one_sleeve_halts_the_whole_account(configs, panels, bundles, account):
    journal = MemoryJournal("paper")
    run(journal, configs, panels, bundles, account, steps=5)
    account.kill_file.touch()
    with pytest.raises(RiskBreach, match="kill file"):
        run(journal, configs, panels, bundles, account)
    assert not Ledger.replay(journal).open_orders


def test_the_daily_report_reads_a_journal_with_sleeves(configs, panels, bundles, account):
    journal = MemoryJournal("paper")
    run(journal, configs, panels, bundles, account, steps=25)
    report = statement(journal, run="paper", mode="paper")
    assert (report.sessions, report.bundle) == (25, "both")
    assert {each.symbol for each in report.positions} & set(panels["invented"].symbols)


def test_shares_and_symbols_must_fit_in_one_account(configs, panels, bundles):
    first, second = (traded(name, configs, panels, bundles) for name in SHARES)
    with pytest.raises(ConfigError, match="S000 is traded by the sleeves 'again' and 'invented'") as caught:
        backtest_sleeves([replace(first, name="again"), first, second])
    assert caught.value.code == "shared_symbol"
    with pytest.raises(ConfigError, match=r"sum to 1\.3") as caught:
        backtest_sleeves([replace(first, rules=replace(first.rules, share=0.7)), second])
    assert caught.value.code == "bad_share"


@pytest.fixture
def world(configs, studies, bundles, tmp_path, monkeypatch):
    """Return the configuration of the account, in a folder of its own; its sleeves are those at hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Sleeves, "configs", lambda self: configs)
    monkeypatch.setattr(sleeves, "study", lambda cfg, track: (studies[cfg.name], tmp_path / cfg.name))
    monkeypatch.setattr(sleeves, "keep_candidate", lambda study: None)
    monkeypatch.setattr(sleeves, "choose", lambda cfg, wanted: Chosen(bundles[cfg.name], f"{wanted.options}/v1"))
    entries = [SleeveEntry(config=f"{name}.yaml", share=share) for name, share in SHARES.items()]
    return Sleeves(name="both", sleeves=tuple(entries), paper=Paper(sessions=12, end="2019-09-30"))


def test_a_paper_run_of_the_operations_stops_and_goes_on(world):
    untracked = lambda items, what: items  # noqa: E731
    first, _ = sleeves.paper_sleeves(world, Wanted(steps=7), untracked)
    assert (first.traded, first.sessions) == (7, 7)
    last, page = sleeves.paper_sleeves(world, Wanted(), untracked)
    assert last.bundle == "invented:  --config invented.yaml/v1; us_large_caps:  --config us_large_caps.yaml/v1"
    assert [each.sessions for each in last.bundles] == [last.sessions]
    assert page.exists()
    world.ledger.rename("stopped.sqlite")
    whole, _ = sleeves.paper_sleeves(world, Wanted(), untracked)
    assert (whole.order_hash, whole.equity) == (last.order_hash, last.equity)
    with SqliteJournal(world.ledger, readonly=True) as journal, SqliteJournal("stopped.sqlite", readonly=True) as other:
        assert list(journal.events()) == list(other.events())


def test_all_sleeves_begin_where_the_last_of_them_can(world, panels):
    report, _ = sleeves.paper_sleeves(world, Wanted(), lambda items, what: items)
    assert report.first_bar == panels["invented"].times[-12]
    assert report.first_bar > panels["us_large_caps"].times[-12]


def test_research_trades_the_best_candidates_where_all_were_tested(world, studies):
    found = sleeves.research_sleeves(world, lambda items, what: items)
    books = [study.best.book for study in studies.values()]
    assert found.book.times[0] == max(book.times[0] for book in books)
    assert found.book.times[-1] == max(book.times[-1] for book in books)
    assert found.book.trades > 0
    assert np.isfinite(list(found.metrics().values())).all()


def test_the_configuration_in_the_repository_names_two_sleeves():
    world = load_sleeves("config/sleeves.yaml")
    assert {cfg.calendar for cfg in world.configs().values()} == {"XNYS", "24/7"}
    with pytest.raises(ConfigError, match=r"sum to 1\.5"):
        load_sleeves(
            "config/sleeves.yaml", (), ["sleeves=[{config: a.yaml, share: 0.9}, {config: b.yaml, share: 0.6}]"]
        )
