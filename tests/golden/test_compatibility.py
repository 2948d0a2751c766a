"""Every later version reads the files of versions 1 and 2, migrates them, or names the migration to run."""

from __future__ import annotations

import json
import platform
import sqlite3
from contextlib import closing
from importlib import metadata
from pathlib import Path

import pytest
from commands import SMALL, V1, V2, read_or_migrated, run
from reading import (
    CLOSE,
    PROPERTIES,
    AlphaError,
    ModelError,
    account,
    compare,
    daily,
    findings,
    looked,
    metrics,
    predictions,
    report,
    sample_weights,
    scored,
    shape,
    sleeves,
)

BLESS, PAPER = "tools/bless_model_inference.py", "scripts/paper_runner.py"
EXPECTED, EXPECTED_2 = (json.loads((folder / "expected.json").read_text(encoding="utf-8")) for folder in (V1, V2))
JOURNALS_2 = {"both": "artifacts/both/paper.sqlite", "plain": "artifacts/stocks/paper.sqlite"}
CONTINUE = {
    "both": "scripts/sleeves.py paper --config config/both.yaml",
    "plain": f"{PAPER} --config config/stocks.yaml",
}
LARGEST = 1_000_000  # bytes of a golden file
ANOTHER = "models.candidates=[{name: linear_v1, alphas: [1000.0]}]"


def minor(version):
    return version.split(".")[:2]


def other_packages(made):
    """Return the packages whose minor version is not the one that a bundle was made with."""
    here = {name: platform.python_version() if name == "python" else metadata.version(name) for name in made}
    return [name for name in made if minor(here[name]) != minor(made[name])]


MADE = [*EXPECTED["packages"].values(), *EXPECTED_2["packages"].values()]
MADE_ELSEWHERE = sorted({name for made in MADE for name in other_packages(made)})
needs_the_packages = pytest.mark.skipif(
    bool(MADE_ELSEWHERE), reason=f"the bundles were made with another minor version of {', '.join(MADE_ELSEWHERE)}"
)


@pytest.mark.parametrize("ref", EXPECTED["bundles"])
def test_a_bundle_answers_to_the_last_bit_as_it_did(ref, v1):
    """A bundle made with other minor versions of what reads it may be refused; the refusal says what to do."""
    check_bundle(v1 / "artifacts/golden/models" / ref, ref, EXPECTED)


def check_bundle(folder, ref, expected):
    if other_packages(expected["packages"][ref]):
        with pytest.raises(ModelError, match="bless the model again") as refused:
            predictions(folder, expected["inputs"])
        assert refused.value.code == "wrong_environment"
        return
    found = read_or_migrated(lambda: predictions(folder, expected["inputs"]))
    assert found == expected["bundles"][ref]


def rows(path):
    """Return the schema of a journal, and its events as they are stored."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        meta = dict(db.execute("SELECT key, value FROM meta"))
        return meta["schema"], db.execute("SELECT * FROM events ORDER BY seq").fetchall()


@pytest.mark.parametrize("name", EXPECTED["journals"])
def test_a_journal_adds_up_to_the_same_account(name, v1):
    wanted, path = dict(EXPECTED["journals"][name]), v1 / f"artifacts/golden/{name}.sqlite"
    before = rows(path)
    found = read_or_migrated(lambda: account(path))
    assert wanted.pop("kinds").items() <= found.pop("kinds").items()
    assert found == wanted
    check_copy(path, before)


def check_copy(path, before):
    """Check that a journal that was migrated has a copy of its former rows beside it."""
    if rows(path)[0] != before[0]:
        kept = [
            other
            for other in path.parent.glob(f"{path.stem}*")
            if other.read_bytes()[:6] == b"SQLite" and other != path
        ]
        assert before in map(rows, kept), "a journal is migrated beside a copy of what it was"


@needs_the_packages
def test_a_paper_run_goes_on_as_it_would_have(v1):
    """Ten more bars, among them a split and dividends, by the bundle that is selected."""
    wanted, path = EXPECTED["continued"], v1 / "artifacts/golden/paper.sqlite"
    read_or_migrated(lambda: account(path))
    assert run(PAPER) == 0
    day = json.loads((v1 / "reports/paper-golden/2001-06-14/daily_report.json").read_text())
    compare({name: day[name] for name in wanted["day"]}, wanted["day"])
    found, wanted = account(path), dict(wanted["account"])
    assert wanted["kinds"].items() <= found["kinds"].items()
    for name in ("cash", "fees", "slippage", "dividends", "realised"):
        assert found[name] == pytest.approx(wanted[name], rel=CLOSE), name
    compare([order[1:] for order in sorted(found["open_orders"], key=lambda order: order[2])],
          [order[1:] for order in sorted(wanted["open_orders"], key=lambda order: order[2])])  # fmt: skip
    for name in ("positions", "lots", "marks", "peak", "last_equity", "last_bar", "bundles", "notes", "order_hash"):
        compare(found[name], wanted[name])


def test_what_was_blessed_is_listed(v1, capsys):
    assert run(f"{BLESS} --list") == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert [line.split()[2:4] for line in lines] == EXPECTED["blessings"]
    assert last == f"selected: {EXPECTED['blessings'][-1][1]}"


@needs_the_packages
def test_a_blessing_is_rolled_back(v1, capsys):
    first = EXPECTED["blessings"][0][1]
    assert run(f"{BLESS} --rollback") == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(f"selected: {first}")
    assert f"selected: {first}" in (v1 / "config/base.yaml").read_text()


def test_a_blessing_that_was_edited_is_refused(v1, capsys):
    path = v1 / "artifacts/golden/models/blessings.jsonl"
    path.write_text(path.read_text().replace("rollback", "bless", 1))
    assert run(f"{BLESS} --list") == 4
    assert "[blessings_altered]" in capsys.readouterr().err


def test_trials_and_looks_count_as_they_did(v1, capsys):
    """One more model on the same data is the fourth trial, discounted by the three that are in the log.

    It fails a gate, so it is not blessed, and the holdout is not looked at.
    """
    wanted, there = EXPECTED["continued"], {path.name for path in Path("reports").iterdir()}
    assert run(f"{BLESS} --set '{ANOTHER}' --set 'gates=[{{name: ic, limit: 0.9}}]'") == 5
    assert "[gates_failed]" in capsys.readouterr().err
    (made,) = {path.name for path in Path("reports").iterdir()} - there
    record = report(v1 / "reports" / made)
    assert record["models"][0]["trials"] == wanted["trials"] == 4
    assert findings(record)["holdout"] == findings({**record, "holdout": wanted["holdout"]})["holdout"]
    compare(metrics(record)["linear_v1"], wanted["metrics"])


@pytest.mark.parametrize("log", ["trials", "looks"])
def test_a_log_that_was_edited_is_refused(log, v1, capsys):
    path = v1 / f"artifacts/{log}.jsonl"
    path.write_text(path.read_text().replace("linear_v1", "linear_v0", 1))
    assert run(f"scripts/research.py {SMALL} --set 'gates=[{{name: ic}}]'") == 3
    assert f"[{log}_tampered]" in capsys.readouterr().err


@pytest.mark.parametrize("name", EXPECTED["reports"])
def test_a_report_is_judged_as_it_was(name, v1, capsys):
    wanted = EXPECTED["reports"][name]
    gates = ", ".join(f"{{name: {gate}, limit: {limit}}}" for gate, limit in limits(v1 / "reports" / name))
    status = run(f"tools/validate_alpha.py reports/{name} --set 'gates=[{gates}]'")
    out = capsys.readouterr().out
    assert status == (0 if all(wanted["gates"].values()) else 5)
    assert f"model: {wanted['chosen']}" in out
    failed = [gate for gate, passed in wanted["gates"].items() if not passed]
    assert out.splitlines()[-1] == (f"failed: {', '.join(failed)}" if failed else "passed every gate")


def limits(folder):
    """Return the gates of a report with their limits; those that hold or do not have none to choose."""
    verdicts = report(folder)["models"][0]["gates"]
    return [(verdict["gate"], verdict["limit"]) for verdict in verdicts if verdict["gate"] not in PROPERTIES]


def test_a_daily_report_is_read():
    (folder,) = (V1 / "reports/paper-golden").iterdir()
    wanted, found = EXPECTED["journals"]["paper"], daily(folder)
    assert found["order_hash"] == wanted["order_hash"]
    assert found["equity_end"] == wanted["last_equity"]
    assert {held["symbol"]: held["shares"] for held in found["positions"]} == wanted["positions"]
    assert [skip["reason"] for skip in found["skipped"]] == wanted["notes"][:1]


class TestVersion2:
    """Sleeves, currencies, partial fills and limit orders in a journal; sample weights; logs in SQLite."""

    @pytest.mark.parametrize("ref", EXPECTED_2["bundles"])
    def test_a_bundle_fitted_with_sample_weights_answers_to_the_last_bit_as_it_did(self, ref, v2):
        check_bundle(v2 / ref, ref, EXPECTED_2)
        assert sample_weights(v2 / ref) == EXPECTED_2["weights"][ref] != []

    @pytest.mark.parametrize("name", JOURNALS_2)
    def test_a_journal_adds_up_to_the_same_account(self, name, v2):
        wanted, path = EXPECTED_2["journals"][name], v2 / JOURNALS_2[name]
        before = rows(path)
        found = read_or_migrated(lambda: account(path))
        assert wanted["account"]["kinds"].items() <= found["kinds"].items()
        assert {**found, "kinds": {}} == {**wanted["account"], "kinds": {}}
        assert sleeves(path) == wanted["sleeves"]
        check_copy(path, before)

    def test_the_journals_hold_the_parts_that_are_new(self):
        """The file of expected values is compared to the purpose of the folder, so that no part can be lost."""
        both, plain = (EXPECTED_2["journals"][name] for name in ("both", "plain"))
        assert set(both["sleeves"]["sleeves"].values()) == {"stocks", "futures"}
        assert set(both["sleeves"]["balances"]) == {"USD", "EUR"}
        assert set(both["sleeves"]["placed"]) == {"USD x 1", "EUR x 50"}
        assert both["sleeves"]["status"].keys() >= {"partially filled", "expired", "cancelled", "rejected"}
        assert [action[1] for action in both["sleeves"]["actions"]] == ["split", "dividend"]
        limits = [order for order in both["sleeves"]["open"] if order[3] == "limit"]
        assert sorted((order[2], order[5] or 0) for order in limits) == [(5.0, 19), (592.0, 0)]
        for journal, code in ((both, "kill_file"), (plain, "drawdown")):
            assert [halt[1] for halt in journal["sleeves"]["halts"]] == [code]
            assert len(journal["account"]["notes"]) == 2
        assert plain["sleeves"]["balances"].keys() == {"USD"}
        assert not plain["sleeves"]["contracts"]

    @needs_the_packages
    @pytest.mark.parametrize("name", JOURNALS_2)
    def test_a_paper_run_goes_on_as_it_would_have(self, name, v2):
        """Some more sessions of each sleeve; the limit order for contracts is filled in further parts."""
        wanted, path = EXPECTED_2["continued"][name], v2 / JOURNALS_2[name]
        read_or_migrated(lambda: account(path))
        assert run(CONTINUE[name]) == 0
        found = account(path)
        assert wanted["account"]["kinds"].items() <= found["kinds"].items()
        compare({**found, "kinds": {}}, floats({**wanted["account"], "kinds": {}}))
        compare(sleeves(path), floats(wanted["sleeves"]))

    @pytest.mark.parametrize("where", EXPECTED_2["trials"])
    def test_trials_are_read_and_counted_as_they_were(self, where, v2):
        found = read_or_migrated(lambda: scored(where))
        assert found["count"] == EXPECTED_2["trials"][where]["count"] == 2
        compare(found, EXPECTED_2["trials"][where])

    @pytest.mark.parametrize("where", EXPECTED_2["looks"])
    def test_looks_are_read_as_they_were(self, where, v2):
        assert read_or_migrated(lambda: looked(where)) == EXPECTED_2["looks"][where] != []

    @pytest.mark.parametrize("edit", [
        "UPDATE lines SET line = replace(line, 'linear_v1', 'linear_v0') WHERE seq = 1",
        "DELETE FROM lines WHERE seq = 2",
        "UPDATE head SET count = 1",
    ])  # fmt: skip
    def test_a_log_in_sqlite_that_was_edited_is_refused(self, edit, v2):
        with closing(sqlite3.connect(v2 / "artifacts/stocks/trials.sqlite")) as db, db:
            assert db.execute(edit).rowcount == 1
        with pytest.raises(AlphaError) as refused:
            scored("sqlite:///artifacts/stocks/trials.sqlite")
        assert refused.value.code == "trials_tampered"

    def test_every_artifact_is_verified_as_unchanged(self, v2, capsys):
        assert run("tools/verify.py --all artifacts") == 0
        assert "damaged: 0" in capsys.readouterr().out.splitlines()[-1]

    def test_a_daily_report_of_two_currencies_is_read(self):
        (folder,) = (V2 / "reports/paper-both").iterdir()
        wanted, found = EXPECTED_2["journals"]["both"], daily(folder)
        assert found["order_hash"] == wanted["account"]["order_hash"]
        assert found["equity_end"] == wanted["account"]["last_equity"]
        assert {held["symbol"]: held["shares"] for held in found["positions"]} == wanted["account"]["positions"]
        assert found["balances"] == {name: cash / 1e6 for name, cash in wanted["sleeves"]["balances"].items()}


def floats(value):
    """Return a value of JSON with each number as a float, which `compare` compares to a tolerance."""
    if isinstance(value, dict):
        return {key: floats(each) for key, each in value.items()}
    if isinstance(value, list):
        return [floats(each) for each in value]
    return float(value) if isinstance(value, int) else value


class TestTheRules:
    """The rules of this suite hold for itself."""

    def test_golden_files_are_small_and_none_is_a_pickle(self):
        files = [path for path in V1.parent.rglob("*") if path.is_file()]
        assert len(files) > 20
        for path in files:
            assert path.stat().st_size < LARGEST, path
            assert path.suffix in {".json", ".jsonl", ".head", ".npz", ".sqlite", ".txt", ".yaml", ".csv"}, path

    def test_a_refusal_that_names_no_migration_is_a_failure(self):
        def read():
            raise AlphaError("it was written by another version", code="old")

        with pytest.raises(AssertionError, match="names the migration to run"):
            read_or_migrated(read, lambda line: 0)

    def test_a_migration_that_is_named_is_run_and_what_it_made_is_read(self, tmp_path):
        new, ran = tmp_path / "new", []

        def read():
            if not new.exists():
                raise AlphaError("it has schema 2; to migrate it: python tools/migrate.py old --keep\n", code="old")
            return new.read_text()

        def run(line):
            ran.append(line)
            new.write_text("read")
            return 0

        assert read_or_migrated(read, run) == "read"
        assert ran == ["tools/migrate.py old --keep"]
        new.unlink()
        with pytest.raises(AssertionError, match="exit status 3"):
            read_or_migrated(read, lambda line: 3)

    def test_numbers_are_compared_to_a_tolerance_and_all_else_exactly(self):
        wanted = {"ic": 0.02, "names": ["a", "b"], "missing": None, "trials": 3}
        compare(json.loads(json.dumps(wanted)), wanted)
        compare({**wanted, "ic": 0.02 * (1 + 1e-10)}, wanted)
        wrong = [
            {**wanted, "ic": 0.02 * (1 + 1e-8)},
            {**wanted, "ic": None},
            {**wanted, "missing": 0.0},
            {**wanted, "trials": 4},
            {**wanted, "names": ["b", "a"]},
            {**wanted, "names": ["a"]},
            {**wanted, "more": 1},
            {"ic": 0.02},
        ]
        for found in wrong:
            with pytest.raises(AssertionError):
                compare(found, wanted)

    def test_the_shape_of_a_report_shows_a_part_that_is_gone_or_of_another_type(self):
        record = {"models": [{"ic": 0.1, "bundle": None}, {"ic": 0.2, "bundle": None}], "blessed": False}
        assert shape(record) == {"blessed": "bool", "models": [{"bundle": "NoneType", "ic": "number"}]}
        assert shape({**record, "blessed": 0}) != shape(record)
        assert shape({**record, "models": [{"ic": 0.1}, *record["models"]]}) != shape(record)
