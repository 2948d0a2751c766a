"""Paper trading as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from alpha.config import load
from alpha.core.errors import BrokerError, ConfigError, DataError, GateFailed, ModelError, RiskBreach
from alpha.execution import SqliteJournal, order_hash
from alpha.operate import papering
from alpha.operate.control import models_root
from alpha.report.daily import read_daily
from alpha.store import promote, select
from alpha.strategy import backtest

ROOT = Path(__file__).resolve().parents[2]
RUN = "scripts/paper_runner.py"


def events(path="artifacts/small/paper.sqlite"):
    with SqliteJournal(path, readonly=True) as journal:
        return list(journal.events())


def report(run="paper-small"):
    return read_daily(max(Path("reports", run).iterdir()))


@pytest.fixture
def book(study):
    """Return the backtest over the bars that paper trades."""
    cfg, bundle = study.config, study.best.bundle
    panel = cfg.panel(cfg.paper.end)[0]
    signal = bundle.predict(bundle.plan.batch(panel).values, panel.tradable)
    rows = slice(-cfg.paper.sessions, None)
    return backtest(signal[rows], panel.rows(rows), cfg.rules(), cfg.broker, cash=cfg.paper.cash)


def test_without_arguments_it_trades_the_blessed_model_over_the_last_sessions(command, capsys, book):
    """Nothing is set up by hand: the bundle is read from disk, the bars from the source."""
    assert command(RUN) == 0
    out = capsys.readouterr().out
    day = report()
    assert day.bundle == load("config/base.yaml").models.selected
    assert (day.sessions, day.mode, day.in_sample) == (24, "paper", False)
    assert (day.order_hash, day.equity_end) == (book.order_hash, book.equity[-1]), "paper is the backtest to the cent"
    assert f"orders     {day.order_hash}" in out
    assert f"{day.equity_end:,.2f}" in out
    page = Path("reports/paper-small/2001-07-02/daily_report.html")
    assert str(page) in out
    assert "SHADOW" not in out + page.read_text()
    assert json.loads(page.with_suffix(".json").read_text())["order_hash"] == day.order_hash


@pytest.mark.usefixtures("quick")
class TestLedger:
    def test_stopped_and_started_again_it_goes_on_exactly(self, command, capsys, book):
        for steps in (5, 12, 30, 2):
            assert command(f"{RUN} --steps {steps}") == 0
        assert (report().order_hash, report().equity_end, report().sessions) == (book.order_hash, book.equity[-1], 24)
        assert "24 sessions" in capsys.readouterr().out, "with no bar left it tells what the ledger holds"

    def test_a_ledger_begins_where_and_with_what_it_is_told(self, command, capsys):
        assert command(f"{RUN} --start 2001-06-20 --steps 2 --cash 50000 --ledger other.sqlite") == 0
        told = report("paper-small-other")
        assert (told.equity_start, told.sessions, told.traded) == (50_000.0, 2, 2)
        assert f"{told.first_bar:%Y-%m-%d}" == "2001-06-20"
        assert command(f"{RUN} --steps 1 --ledger other.sqlite") == 0, "the cash of a ledger need not be said again"
        assert command(f"{RUN} --steps 1 --cash 50000 --ledger other.sqlite") == 0
        assert command(f"{RUN} --steps 1 --cash 60000 --ledger other.sqlite") == 2
        assert command(f"{RUN} --steps 1 --start 2001-06-20 --ledger other.sqlite") == 0, "as it began"
        assert command(f"{RUN} --steps 1 --start 2001-06-19 --ledger other.sqlite") == 2
        assert command(f"{RUN} --steps 1 --start 2001-06-21 --ledger other.sqlite") == 2
        told = capsys.readouterr().err
        assert "[other_cash] the ledger was opened with 50,000.00 in cash, not 60,000.00" in told
        assert "[other_start] the ledger began on 2001-06-20, not on 2001-06-19" in told
        assert "[other_start] the ledger began on 2001-06-20, not on 2001-06-21" in told
        assert not Path("artifacts/small/paper.sqlite").exists()

    def test_no_steps_are_no_run(self, command, capsys):
        assert command(f"{RUN} --steps 0") == 2
        assert "expected a whole number above 0; it was 0" in capsys.readouterr().err

    def test_a_start_beyond_the_end(self, command, capsys):
        assert command(f"{RUN} --start 2001-12-24") == 3
        assert "there is no bar at or after 2001-12-24; the last is 2001-07-02" in capsys.readouterr().err

    def test_with_no_new_bar_it_says_so(self, command, capsys):
        assert command(RUN) == 0
        assert "NO NEW BAR" not in capsys.readouterr().out
        assert command(RUN) == 0
        assert "NO NEW BAR: nothing was traded in this run" in capsys.readouterr().out

    def test_a_ledger_in_use_is_left_alone(self, command, capsys):
        with SqliteJournal("artifacts/small/paper.sqlite", "paper-small"):
            assert command(RUN) == 7
        assert "[ledger_in_use]" in capsys.readouterr().err

    def test_only_some_symbols(self, command):
        assert command(f"{RUN} --symbols S001 S005 S009 S013") == 0
        assert {trade.symbol for trade in report().trades} <= {"S001", "S005", "S009", "S013"}
        assert command(f"{RUN} --symbols S001 XOM") == 2

    def test_profiles_and_overrides(self, command, capsys):
        assert command(f"{RUN} --profile paper_strict --steps 6 --set paper.cash=2000") == 0
        assert report().equity_start == 2000.0
        assert report().limits_hit.get("max_gross") == 6
        assert command(f"{RUN} --profile paper_strikt") == 2
        assert "no profile 'paper_strikt' in config/profiles; did you mean 'paper_strict'?" in capsys.readouterr().err

    def test_a_source_of_another_kind(self, command):
        assert command(f"{RUN} --steps 2 --source '{{name: synthetic, seed: 8}}' --ledger other.sqlite") == 0
        other = report("paper-small-other").order_hash
        assert command(f"{RUN} --steps 2") == 0
        assert report().order_hash != other


@pytest.mark.usefixtures("quick")
class TestHalts:
    def test_the_kill_file(self, command, capsys):
        assert command(f"{RUN} --steps 4") == 0
        Path("STOP").touch()
        assert command(f"{RUN} --kill-file STOP") == 6
        assert report().halted == "the kill file STOP was there"
        assert command(f"{RUN} --kill-file STOP --acknowledge early") == 6, "as long as it is there"
        assert "the kill file STOP is still there; remove it, then acknowledge" in capsys.readouterr().err
        Path("STOP").unlink()
        assert command(RUN) == 6
        assert "[halted] trading was halted: the kill file STOP was there" in capsys.readouterr().err
        assert command(f"{RUN} --acknowledge 'it was a drill'") == 0
        assert (report().sessions, report().halted) == (24, None)
        assert [event.note for event in events() if event.kind == "acknowledge"] == ["it was a drill"]

    def test_a_kill_file_from_the_start(self, command, capsys):
        Path("artifacts/KILL").touch()
        assert command(RUN) == 6
        assert not Path("reports/paper-small").exists(), "no bar, no report"

    def test_the_drawdown_limit(self, command, capsys):
        assert command(f"{RUN} --set risk.max_drawdown=0.0001") == 6
        halted = report()
        assert "below its peak" in halted.halted
        assert command(f"{RUN} --set risk.max_drawdown=0.0001") == 6, "it stays halted"
        assert report().equity == halted.equity
        assert command(f"{RUN} --acknowledge 'the limit was too tight'") == 0
        assert report().halted is None
        assert f"{report().last_bar:%Y-%m-%d}" == "2001-07-02"

    def test_bars_that_cannot_be_used(self, command, capsys, monkeypatch):
        from alpha import paper

        sane, bad = paper.sane, set()

        def strict(bar):
            if str(bar.time.date()) in bad:
                raise DataError(f"the bar of {bar.time.date()} is bad", code="bad_price")
            return sane(bar)

        monkeypatch.setattr(paper, "sane", strict)
        bad |= {"2001-06-04", "2001-06-06", "2001-06-07"}
        assert command(f"{RUN} --start 2001-06-01 --steps 8") == 0
        assert [skip.bar[:10] for skip in report().skipped] == sorted(bad)
        assert "skipped bars 3" in capsys.readouterr().out
        bad |= {"2001-06-13", "2001-06-14", "2001-06-15"}
        assert command(RUN) == 3
        assert "[too_many_bad_bars] 3 bars in a row could not be used" in capsys.readouterr().err
        assert len(report().skipped) == 6, "what happened is reported though it ended in an error"
        assert report().positions, "positions are held"

    def test_nothing_but_bad_bars(self, command, capsys, monkeypatch):
        from alpha import paper

        def refuse(bar):
            raise DataError("bad", code="bad_price")

        monkeypatch.setattr(paper, "sane", refuse)
        assert command(f"{RUN} --steps 2") == 3
        assert "[no_bars] no bar could be traded" in capsys.readouterr().err


class TestBundle:
    def test_with_nothing_blessed_it_says_what_to_run(self, command, capsys):
        select("config/base.yaml", None)
        assert command(f"{RUN} --set seed=9") == 4
        told = capsys.readouterr().err
        assert "python tools/bless_model_inference.py --select --set seed=9\n" in told
        assert "python scripts/paper_runner.py --shadow --set seed=9\n" in told
        assert not Path("artifacts/small/paper.sqlite").exists()

    def test_a_bundle_that_was_changed_is_refused_or_replaced_by_the_fallback(self, command, capsys, study):
        cfg = load("config/base.yaml")
        second = promote(study.best, cfg.resolved(), models_root(cfg))
        golden = models_root(cfg) / cfg.models.selected / "golden.npz"
        golden.chmod(0o644)
        golden.write_bytes(golden.read_bytes()[:-1] + b"?")
        assert command(RUN) == 4
        assert "[file_altered]" in capsys.readouterr().err
        assert command(f"{RUN} --steps 3 --set models.fallback={second}") == 0
        out = capsys.readouterr().out
        assert f"FALLBACK: {second} trades, because [file_altered]" in out
        assert report().bundle == second
        assert report().fallback.startswith("[file_altered]")
        page = next(Path("reports/paper-small").glob("*/daily_report.html")).read_text()
        assert "Trading on the fallback bundle" in page
        with pytest.raises(ModelError):
            papering.choose(cfg, papering.Wanted())

    def test_a_shadow_run_is_labelled_and_keeps_to_itself(self, command, capsys, quick):
        assert command(f"{RUN} --steps 3") == 0
        before = events()
        capsys.readouterr()
        assert command(f"{RUN} --shadow --steps 5") == 0
        assert capsys.readouterr().out.startswith("SHADOW: ")
        shadow = report("shadow-small")
        assert (shadow.mode, shadow.sessions) == ("shadow", 5)
        page = next(Path("reports/shadow-small").glob("*/daily_report.html")).read_text()
        assert "SHADOW: not blessed" in page
        assert events() == before, "the ledger of paper is not touched"
        assert len([e for e in events("artifacts/small/paper-shadow.sqlite") if e.kind == "mark"]) == 5
        assert report().mode == "paper"

    def test_profit_in_the_training_window_is_labelled(self, command, capsys, quick):
        assert command(f"{RUN} --start 2001-04-02 --steps 3") == 0
        assert "IN SAMPLE" in capsys.readouterr().out
        assert report().in_sample


def test_every_kind_of_error_has_its_exit_code(here, study):
    """Real processes, all at once; the last holds a ledger that another one wants."""
    broken = here / "broken.json"
    broken.write_text("{}")
    (here / "STOP").touch()
    none = here / "none.yaml"
    none.write_text("models: {selected: null}\n")
    gates = "--set 'gates=[{name: ic, limit: 0.9}]'"
    wanted = {
        2: f"{RUN} --profile paper_strikt",
        3: "tools/validate_alpha.py broken.json",
        4: f"{RUN} --overlay none.yaml",
        5: f"tools/bless_model_inference.py {gates} --set features.columns='[{{name: ret, window: 1}}]'",
        6: f"{RUN} --kill-file STOP --ledger six.sqlite",
        7: f"{RUN} --ledger seven.sqlite",
    }
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with SqliteJournal("seven.sqlite", "paper-small"):
        running = {
            code: subprocess.Popen(f"{sys.executable} {line}", shell=True, cwd=here, env=environment, text=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            for code, line in wanted.items()
        }  # fmt: skip
        told = {code: (process.communicate()[1], process.returncode) for code, process in running.items()}
    classes = (ConfigError, DataError, ModelError, GateFailed, RiskBreach, BrokerError)
    kinds = {kind.exit_code: kind.__name__ for kind in classes}
    for code, (text, status) in told.items():
        assert status == code, text
        assert f"{kinds[code]} [" in text
        assert "Traceback" not in text
    assert order_hash(events("six.sqlite")) == order_hash([]), "nothing was traded"
