"""What commands compute and how they end, as it was on commit d2885b9: no change within may change it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import PINS, ROOT, SMALL, V1, run, with_commands
from reading import CLOSE, SqliteJournal, compare, day, findings, report, shape

import alpha

WHOLE = os.environ.get("ALPHA_PINS") == "whole"
SP500 = ROOT / "../shared/data/us_equities_sp500_daily_1999_2017.parquet"
BLESS, PAPER, VALIDATE = "tools/bless_model_inference.py", "scripts/paper_runner.py", "tools/validate_alpha.py"
LINEAR = "models.selected=linear_v1/v0001-6a992e670181"


def pinned(name):
    return json.loads((PINS / f"{name}.json").read_text(encoding="utf-8"))


def absent(reason):
    """Skip what can be checked only after a command of minutes; where the whole is asked for, it is a failure."""
    if WHOLE:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def researched(tmp_path_factory):
    """Return the report of research on the golden market, in a folder where nothing was done before."""
    folder = with_commands(tmp_path_factory.mktemp("fresh"))
    shutil.copytree(V1 / "config", folder / "config")
    text = (folder / "config/base.yaml").read_text()
    (folder / "config/base.yaml").write_text("\n".join(line for line in text.splitlines() if "selected" not in line))
    return studied(folder, "scripts/research.py")


def studied(folder, line):
    """Run research in a folder; return its report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(line) == 0
    (made,) = folder.glob("reports/*/alpha_eval.json")
    return report(made.parent)


def test_research_finds_what_it_found(researched):
    compare(findings(researched), findings(pinned("golden")))


def test_a_report_has_the_parts_that_it_had(researched):
    assert shape(researched) == shape(pinned("golden"))


def test_a_backtest_decides_and_earns_what_it_did():
    """A signal that needs no model, on prices as traded: the orders are the same to the last share."""
    cfg, wanted = alpha.load(V1 / "config/base.yaml"), pinned("backtest")
    panel, _ = cfg.panel()
    close = panel.fields["close"]
    signal = np.full(close.shape, np.nan)
    signal[5:] = close[:-5] / close[5:]
    book = alpha.backtest(signal, panel, cfg.rules(), cfg.broker, cash=100_000.0)
    assert book.order_hash == wanted["order_hash"]
    assert book.trades == wanted["trades"]
    assert float(book.equity[-1]) == pytest.approx(wanted["equity_end"], rel=CLOSE)


@pytest.mark.parametrize(("world", "name"), [("real", "us_large_caps"), ("planted", "planted")])
def test_make_smoke_shows_what_it_showed(world, name, researched, monkeypatch):
    """Of the run of `make smoke` that is at hand: its metrics, and the orders and the money of its paper account."""
    monkeypatch.chdir(ROOT)
    own = Path("artifacts/smoke") / name / "config.yaml"
    if not own.exists():
        absent("`make smoke` has not run here")
    cfg, wanted = alpha.load(own), pinned(f"smoke_{world}")
    record = report(cfg.paths.reports / f"{cfg.name}-{cfg.id}")
    if record["code_id"] != researched["code_id"]:
        absent("`make smoke` has run here on other code: run it again")
    if counted(record) != counted(wanted):
        absent("`make smoke` has run here before, or other trials: its counts go on; run it in a fresh clone")
    compare(findings(record), findings(wanted))
    paper = cfg.paths.reports / f"{'paper' if world == 'planted' else 'shadow'}-{name}"
    compare(day(paper), pinned("smoke_paper")[world])


def counted(record):
    """Return how many trials and looks the metrics of a report are discounted by."""
    return [(result["trials"], result["metrics"].get("holdout_looks")) for result in record["models"]]


@pytest.mark.skipif(not SP500.exists(), reason="the prices of 492 large caps are not at hand (../shared/data)")
@pytest.mark.skipif(not WHOLE, reason="it takes a quarter of an hour of processor time: make pins")
def test_the_sp500_study_finds_what_it_found(tmp_path):
    folder = with_commands(tmp_path)
    shutil.copytree(ROOT / "config", folder / "config")
    found = studied(folder, f"scripts/research.py --config config/sp500.yaml --set source.path={SP500.resolve()}")
    wanted = findings(pinned("sp500"))
    compare({**findings(found), "source": wanted["source"]}, wanted)


ENDS = [
    (0, "", f"{BLESS} --list"),
    (0, "", f"{BLESS} --at 2001-01-01"),
    (0, "", f"{VALIDATE} reports/golden-7ece56415ae1 --set 'gates=[{{name: ic, limit: 0.02}}]'"),
    *((2, "invalid_config", f"{command} --set lable.horizon=1") for command in (
        "scripts/research.py", PAPER, "scripts/smoke.py", BLESS, "tools/check_leakage.py", f"{VALIDATE} report.json",
    )),
    (2, "unreadable_config", "scripts/research.py --config none.yaml"),
    (2, "unreadable_config", "scripts/calibrate.py --overlay none.yaml"),
    (2, "unknown_path", "scripts/research.py --set 'source={name: csv, path: none.csv}'"),
    (2, "bad_override", "scripts/research.py --set lable"),
    (2, "unknown_profile", f"{PAPER} --profile paper_strikt"),
    (2, "unknown_model", f"{BLESS} --model linear_v2"),
    (2, "unknown_model", f"{VALIDATE} reports/golden-7ece56415ae1 --model linear_v2"),
    (2, "bad_date", f"{BLESS} --at soon"),
    (2, "", "scripts/research.py --no-such-option"),
    (2, "", f"{PAPER} --steps 0"),
    (3, "short_history", f"scripts/research.py {SMALL} --set 'features.columns=[{{name: momentum, window: 320}}]'"),
    (3, "report_invalid", f"{VALIDATE} config/base.yaml"),
    (4, "nothing_blessed", f"{PAPER} --set models.selected=null"),
    (4, "not_blessed", f"{PAPER} --set models.selected=linear_v1/v0009-000000000000"),
    (4, "no_candidate", f"{PAPER} --shadow --set name=other"),
    (5, "", f"{VALIDATE} reports/golden-7ece56415ae1 --set 'gates=[{{name: ic, limit: 0.9}}]'"),
    (6, "halted", f"{PAPER} --set {LINEAR} --ledger artifacts/golden/halted.sqlite"),
    (7, "ledger_in_use", f"{PAPER} --set {LINEAR} --ledger used.sqlite"),
    (7, "journal_damaged", f"{PAPER} --set {LINEAR} --ledger config/base.yaml"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code", "line"), ENDS, ids=lambda given: str(given)[:60])
def test_a_command_ends_with_its_status(status, code, line, v1, capsys):
    with SqliteJournal(v1 / "used.sqlite", "paper-golden"):
        assert run(line) == status
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert f"[{code}]" in told if code else "Error [" not in told


def test_a_bundle_that_was_edited_ends_the_paper_runner_with_4(v1, capsys):
    path = v1 / "artifacts/golden/models/linear_v1/v0001-6a992e670181/model.json"
    path.write_text(path.read_text().replace("1", "2", 1))
    assert run(f"{PAPER} --set {LINEAR}") == 4
    assert "[file_altered]" in capsys.readouterr().err
