"""The runner of `make mutants`: faults that are real, tests that are run on each, outcomes that are kept."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = ROOT / "bench" / "mutants"


@pytest.fixture
def operators(monkeypatch):
    monkeypatch.syspath_prepend(MUTANTS)
    monkeypatch.delitem(sys.modules, "operators", raising=False)
    return importlib.import_module("operators")


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        ("def f(a, b): return a + b", ["a + b -> a - b"]),
        ("def f(a, b): return a <= b", ["a <= b -> a < b"]),
        ("def f(a): return a[1]", ["a[1] -> a[2]"]),
        ("def f(a): return not a", ["not a -> a"]),
        ("def f(a, b): return a and b", ["a and b -> b", "a and b -> a"]),
        ("def f(a, b, c): return a if b else c", ["a if b else c -> a", "a if b else c -> c"]),
        ("def f(a): return [x for x in a if x]", ["for x in a if x -> for x in a"]),
        ("def f(a): return g(a, b=a)", ["g(a, b=a) -> g(a)"]),
        ("def f(a): return max(a)", ["max(a) -> min(a)"]),
        ("def f(a): g(a)", ["g(a) -> pass"]),
        ("def f(a): a.b = a", ["a.b = a -> pass"]),
        ("def f(a):\n if a: raise E('it is bad', code='bad')", ["if a -> if False", "code='bad' -> code='bad_'"]),
        ("def f(a):\n if a: return a", ["if a -> if False", "if a -> if True"]),
        ("def f(a):\n for x in a:\n  break", ["break -> continue"]),
        ("def f(a=1): return a", ["a=1 -> a=2"]),
        ("A = True", ["True -> False"]),
    ],
)
def test_each_operator_plants_its_fault(source, changes, operators):
    found = operators.mutants("m.py", source)
    assert [f"{each.before} -> {each.after}" for each in found] == changes
    for each in found:
        assert ast.unparse(operators.mutated(source, each.number)) != ast.unparse(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "'''A docstring.'''",
        "@dataclass(frozen=True)\nclass A:\n a: Annotated[int, 3]",
        "def f(a: 'b') -> 'c': return zip(a, strict=True)",
        "A = Literal['b', 'c']",
        "if TYPE_CHECKING:\n import a",
        "def f():\n raise E(f'{1} is not {2}')",
        "def f(a):\n return 'two words'",
    ],
)
def test_what_no_test_can_see_is_left_alone(source, operators):
    assert operators.mutants("m.py", source) == []


def test_a_mutant_keeps_its_name_while_other_lines_change(operators):
    source = "def f(a): return a + 1 + 1\nclass A:\n def g(self): return 2"
    names = [each.name for each in operators.mutants("m.py", source)]
    assert names[-1] == "m.py A.g: 2 -> 3"
    assert names == [each.name for each in operators.mutants("m.py", f"import x\n\n{source}")]
    assert len(set(names)) == len(names)


def test_the_table_names_files_that_exist():
    rows = tomllib.loads((MUTANTS / "subjects.toml").read_text(encoding="utf-8"))
    paths = [path for row in rows.values() for path in (*row["modules"], *row["tests"])]
    assert [path for path in paths if not (ROOT / path).is_file()] == []
    assert all(row["modules"] and row["tests"] for row in rows.values())
    explained = tomllib.loads((MUTANTS / "explained.toml").read_text(encoding="utf-8")).get("mutant", [])
    assert all(set(row) == {"name", "reason"} and row["reason"] for row in explained)


MODULE = """
LIMIT = 3


def clipped(value):
    if value > LIMIT:
        return LIMIT
    return value


def untested(value):
    return value + 1
"""
TESTS = """
import toy


def test_clipped():
    assert toy.clipped(5) == 3
    assert toy.clipped(2) == 2
"""
SURVIVORS = [
    "clipped: value > LIMIT -> value >= LIMIT",
    "untested: value + 1 -> value - 1",
    "untested: value + 1 -> value + 2",
]


@pytest.fixture
def toy(tmp_path):
    (tmp_path / "toy.py").write_text(MODULE)
    (tmp_path / "test_toy.py").write_text(TESTS)
    (tmp_path / "subjects.toml").write_text(
        f"[toy]\nmodules = ['{tmp_path / 'toy.py'}']\ntests = ['{tmp_path / 'test_toy.py'}']"
    )
    return tmp_path


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    files = ["--subjects", str(folder / "subjects.toml"), "--results", str(folder / "results.jsonl")]
    return subprocess.run([sys.executable, str(MUTANTS), *files, *options], capture_output=True, text=True, cwd=folder)


def outcomes(folder: Path) -> dict[str, str]:
    rows = map(json.loads, (folder / "results.jsonl").read_text().splitlines())
    return {row["mutant"].split(" ", 1)[1]: row["result"] for row in rows}


def test_survivors_are_those_that_no_test_notices(toy):
    done = run(toy)
    found = outcomes(toy)
    assert sorted(name for name, result in found.items() if result == "survived") == sorted(SURVIVORS), done.stderr
    assert {name for name, result in found.items() if result == "killed"} == {
        "(module): 3 -> 4", "clipped: if value > LIMIT -> if False", "clipped: if value > LIMIT -> if True",
    }  # fmt: skip
    assert done.returncode == 5
    assert "| toy | 6 | 6 | 3 | 3 | 0 | 50.0% |" in done.stdout
    assert all(name in done.stdout for name in SURVIVORS)

    before = (toy / "results.jsonl").read_bytes()
    assert "mutants, " not in run(toy).stderr, "everything has its outcome"
    assert (toy / "results.jsonl").read_bytes() == before

    with (toy / "test_toy.py").open("a") as file:
        file.write("    assert toy.untested(1) == 2\n")
    assert "| toy | 6 | 0 | 0 | 0 | 0 | - |" in run(toy, "--table").stdout, "other tests, other outcomes"


def test_no_mutant_is_judged_by_tests_that_fail_anyway(toy):
    (toy / "test_toy.py").write_text(TESTS + "    assert toy.untested(1) == 3\n")
    done = run(toy)
    assert "tests fail without a mutant" in done.stderr
    assert done.returncode == 1
    assert not (toy / "results.jsonl").exists()


def test_no_outcome_is_kept_of_files_that_change_meanwhile(toy):
    (toy / "test_toy.py").write_text(TESTS + "    with open(__file__, 'a') as file:\n        file.write('# later')\n")
    done = run(toy)
    assert "changed while they were measured" in done.stderr
    assert done.returncode == 1
    assert not (toy / "results.jsonl").exists()


def test_a_spent_budget_starts_nothing(toy):
    done = run(toy, "--minutes", "0")
    assert "| toy | 6 | 0 | 0 | 0 | 0 | - |" in done.stdout
    assert done.returncode == 0


BOUNDED = """
import os, signal, sys, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import children

def spin():
    while True: pass

def outcomes(*works):
    budget = children.Budget(Path(tempfile.mkdtemp()), jobs=2, cpu=0.5)
    for work, status, by, cpu in children._forked(works, lambda work: work(), budget):
        print(works.index(work), children._result(status), by.strip())

outcomes(spin, lambda: children.SURVIVED, lambda: 1 / 0)
children.PATIENCE = 0.2
outcomes(signal.pause)
"""


def test_a_mutant_is_bounded_by_cpu_time_and_not_by_the_clock():
    done = subprocess.run([sys.executable, "-c", BOUNDED, str(MUTANTS)], capture_output=True, text=True, check=True)
    assert sorted(done.stdout.splitlines()) == [
        "0 blocked exit 90", "0 killed CPU time", "1 survived exit 0", "2 unfit ZeroDivisionError: division by zero",
    ]  # fmt: skip
