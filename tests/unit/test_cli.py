"""What every command shares."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from alpha import cli
from alpha.cli import progress
from alpha.core.errors import GateFailed

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted([*ROOT.glob("scripts/*.py"), *ROOT.glob("tools/*.py")])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_help_answers_without_importing_anything_heavy(script):
    """Heavy packages take seconds to import; without them --help takes a tenth of one."""
    code = (
        "import runpy, sys; sys.argv = ['x', '--help']\n"
        f"try: runpy.run_path({str(script)!r}, run_name='__main__')\n"
        "except SystemExit as e: assert not e.code, e.code\n"
        "heavy = {'pandas._libs', 'numpy', 'numba', 'sklearn', 'matplotlib', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


def test_a_deliberate_error_exits_with_its_code_and_one_line(capsys, monkeypatch):
    def fail(args):
        raise GateFailed("ic is short by 0.0044", code="gates_failed")

    monkeypatch.setattr(sys, "argv", ["x"])
    with pytest.raises(SystemExit) as caught:
        cli.run(fail, cli.parser("x"))
    assert caught.value.code == 5
    begun, told = capsys.readouterr().err.splitlines()
    assert begun.endswith(" config/base.yaml ...")
    assert told == "GateFailed [gates_failed] ic is short by 0.0044"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_it_is_said_at_once_that_work_has_begun(script):
    """Before anything heavy is imported, and so before anything that lasts."""
    given = {"generate_docs": [], "validate_alpha": ["report.json", "--overlay", "b.yaml"],
             "sleeves": ["research", "--overlay", "b.yaml"]}  # fmt: skip
    options = given.get(script.stem, ["--overlay", "b.yaml"])
    code = (
        "import runpy, sys\n"
        "class Deaf:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in {'numpy', 'numba', 'pydantic'}: raise SystemExit(name)\n"
        "sys.meta_path.insert(0, Deaf())\n"
        f"sys.argv[0], sys.path[0] = {script.name!r}, {str(script.parent)!r}\n"  # as of a script
        f"runpy.run_path({str(script)!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *options], capture_output=True, text=True, cwd=ROOT, check=False
    )  # fmt: skip
    begun, stopped = done.stderr.splitlines()
    config = {"check_leakage": "", "sleeves": "config/sleeves.yaml + "}.get(script.stem, "config/base.yaml + ")
    assert begun == f"{script.name}{f' {config}b.yaml' if options else ''} ..."
    assert stopped in {"numpy", "numba", "pydantic"}


def test_an_interrupt_says_how_to_go_on(capsys, monkeypatch):
    def stop(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["x"])
    with pytest.raises(SystemExit) as caught:
        cli.run(stop, cli.parser("x"))
    assert caught.value.code == 130
    assert "run the same command again" in capsys.readouterr().err


def test_a_bug_is_not_hidden(monkeypatch):
    def bug(args):
        raise ZeroDivisionError

    monkeypatch.setattr(sys, "argv", ["x"])
    with pytest.raises(ZeroDivisionError):
        cli.run(bug, cli.parser("x"))


def test_progress_passes_everything_on(capsys, monkeypatch):
    assert list(cli.track([1, 2, 3], "counting")) == [1, 2, 3]
    assert "counting" in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(cli.track([1, 2, 3], "counting")) == [1, 2, 3]


def test_long_work_is_heard_of(capsys, monkeypatch):
    clock = iter(range(0, 100, 3))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    list(cli.track([1, 2], "fitting"))
    assert "fitting 2/2" in capsys.readouterr().err


def test_help_shows_a_default_where_there_is_one():
    options = cli.parser("What it does.")
    options.add_argument("--start", help="first session")
    shown = options.format_help()
    assert "(default: config/base.yaml)" in shown
    assert "first session\n" in shown
    assert "None" not in shown
    assert "[]" not in shown


def test_the_options_that_chose_the_configuration_can_be_typed_again():
    options = cli.parser("x")
    given = ["--set", "source={name: csv, path: a b.csv}", "--overlay", "one.yaml", "--overlay", "two.yaml"]
    typed = cli.chosen(options.parse_args(["--config", "other.yaml", *given]))
    assert typed == (
        " --config other.yaml --overlay one.yaml --overlay two.yaml --set 'source={name: csv, path: a b.csv}'"
    )
    assert cli.chosen(options.parse_args([])) == ""


@pytest.mark.parametrize(
    ("target", "given", "expected"),
    [
        ("research", [], "scripts/research.py --config config/base.yaml"),
        ("research", ["CONFIG=config/sp500.yaml"], "scripts/research.py --config config/sp500.yaml"),
        (
            "research",
            ["OVERLAY=a.yaml b.yaml", "SET=seed=8 label.horizon=1"],
            "scripts/research.py --config config/base.yaml --overlay a.yaml --overlay b.yaml "
            "--set 'seed=8' --set 'label.horizon=1'",
        ),
        ("bless", ["OVERLAY=a.yaml"], "bless_model_inference.py --config config/base.yaml --overlay a.yaml --select"),
        (
            "paper",
            ["OVERLAY=a.yaml", "PROFILE=paper_strict", "ARGS=--shadow --steps 3"],
            "paper_runner.py --config config/base.yaml --overlay a.yaml --profile paper_strict --shadow --steps 3",
        ),
    ],
)
def test_make_passes_on_what_chooses_the_configuration(target, given, expected):
    done = subprocess.run(
        ["make", "-n", "--no-print-directory", target, *given], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert " ".join(done.stdout.splitlines()[-1].split()).endswith(expected)


def test_make_takes_no_options_from_the_environment_by_accident():
    done = subprocess.run(
        ["make", "-n", "--no-print-directory", "paper"], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "PROFILE": "x", "SET": "y", "OVERLAY": "z", "ARGS": "a"},
    )  # fmt: skip
    assert " ".join(done.stdout.splitlines()[-1].split()).endswith("paper_runner.py --config config/base.yaml")
