"""Run tests on mutants, each mutant in a forked process.

There are two ways. *Swapped*: pytest has already collected the tests; the child replaces the code of the module's
functions by that of the mutant and runs the tests that call them, which takes milliseconds. *Fresh*: the child imports
the library with the mutant and runs every test. A swapped mutant counts only if it is killed; all others, and those
outside functions, are run fresh.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import sysconfig
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import hypothesis
import pytest
from operators import Mutant, mutated, watched

ROOT = Path(__file__).resolve().parents[2]
SURVIVED, KILLED, BLOCKED, UNFIT = 0, 1, 90, 91
UNSURE = "unsure"
PATIENCE = 120  # seconds without CPU time after which a child counts as blocked
MEMORY = 4 << 30
ARGUMENTS = ["-q", "-s", "--disable-warnings", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov"]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a mutant (killed, survived, blocked or unsure: to be run fresh), the killing test, CPU seconds."""

    mutant: Mutant
    result: str
    by: str
    cpu: float


@dataclass(frozen=True)
class Clean:
    """The measurements of the tests without a mutant.

    Parameters
    ----------
    cpu : float
        Seconds of CPU time.
    callers : dict
        For each function of the module, the indices of the tests that call it.
    packages : list of str
        Every imported module that does not belong to this repository.
    """

    cpu: float
    callers: dict[str, list[int]]
    packages: list[str]


@dataclass(frozen=True)
class Budget:
    """The limits of a run: folder of files, number of processes, deadline to start a mutant, CPU seconds for each."""

    folder: Path
    jobs: int = 1
    until: float = float("inf")
    cpu: float = 900.0


def swapped(path: str, tests: Sequence[str], mutants: Sequence[Mutant], budget: Budget) -> Iterator[Outcome]:
    """Yield the outcome, killed or unsure, of every mutant inside a function; write ``clean.json`` to the folder."""
    reading, writing = os.pipe()
    if not (pid := os.fork()):
        os.close(reading)
        with _LastWords(), os.fdopen(writing, "w") as results:
            _quiet()
            _same_examples()
            loop = _Loop(path, [each for each in mutants if each.function], budget, results)
            os._exit(pytest.main([*ARGUMENTS, *tests], plugins=[loop]))
    os.close(writing)
    with os.fdopen(reading) as results:
        by_number, line = {each.number: each for each in mutants}, ""
        for line in results:
            if isinstance(row := json.loads(line), list):
                yield Outcome(by_number[row[0]], *row[1:])
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        raise SystemExit(f"{path}: its tests fail without a mutant; run pytest {' '.join(tests)}  {line}")


def clean_run(budget: Budget) -> Clean:
    """Return the measurements of the latest `swapped` without a mutant."""
    return Clean(**json.loads((budget.folder / "clean.json").read_text()))


def fresh(path: str, tests: Sequence[str], mutants: Sequence[Mutant], budget: Budget) -> Iterator[Outcome]:
    """Yield the outcome of every mutant, with the library imported anew and all tests run."""
    clean = clean_run(budget)
    budget = replace(budget, cpu=allowance(clean))
    _preload(clean.packages)
    source = (ROOT / path).read_text(encoding="utf-8")

    def child(mutant: Mutant | None) -> int:
        if mutant is not None:
            _load_instead(path, compile(mutated(source, mutant.number), str(ROOT / path), "exec"))
        return _tested(tests)

    for mutant, status, by, cpu in _forked([None, *mutants] if mutants else [], child, budget):
        if mutant is not None:
            yield Outcome(mutant, _result(status), by, cpu)
        elif status:
            raise SystemExit(f"{path}: its tests fail without a mutant: {by}")


def _tested(tests: Sequence[str]) -> int:
    first = _FirstFailure()
    _same_examples()
    status = pytest.main([*ARGUMENTS, "-x", *tests], plugins=[first])
    _say(first.name)
    return SURVIVED if status == pytest.ExitCode.OK else KILLED


class _FirstFailure:
    """Record the first test that failed."""

    name = ""
    calling = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.name = self.name or report.nodeid


class _Loop(_FirstFailure):
    """A pytest plugin that runs the tests on each mutant in place of once."""

    def __init__(self, path: str, mutants: Sequence[Mutant], budget: Budget, results: Any) -> None:
        self.path, self.mutants, self.budget, self.results = str(ROOT / path), mutants, budget, results
        self.kills: Counter[str] = Counter()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            return False
        self.source = Path(self.path).read_text(encoding="utf-8")
        self.live = _functions(self.path)
        [(_, status, by, _)] = _forked([None], lambda _: self._measured(session.items), replace(self.budget, jobs=1))
        if status:
            print(json.dumps(by), file=self.results, flush=True)
            raise session.Failed(by)
        clean = clean_run(self.budget)
        _preload(clean.packages)
        budget = replace(self.budget, cpu=allowance(clean))
        runs = _forked(self.mutants, lambda mutant: self._child(mutant, session.items, clean), budget)
        for mutant, status, by, cpu in runs:
            result = "killed" if _result(status) == "killed" else UNSURE
            self.kills[by] += result == "killed"
            print(json.dumps([mutant.number, result, by, cpu]), file=self.results, flush=True)
        return True

    def _measured(self, items: Sequence[pytest.Item]) -> int:
        """Run each test once and record the functions of the module that it calls; a fixture counts for every test."""
        callers: dict[str, set[int]] = {}

        def called(name: str) -> None:
            callers.setdefault(name, set()).update([self.place] if self.calling else range(len(items)))

        for functions in self.live.values():
            functions[0].__globals__["__called__"] = called
        _swap(self.live, compile(watched(self.source), self.path, "exec"))
        for self.place, (item, following) in enumerate(zip(items, [*items[1:], None], strict=True)):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        packages = [name for name, module in sys.modules.items() if _foreign(module)]
        own = {name: sorted(places) for name, places in callers.items()}
        found = json.dumps({"cpu": time.process_time(), "callers": own, "packages": packages})
        (self.budget.folder / "clean.json").write_text(found)
        _say(self.name)
        return KILLED if self.name else SURVIVED

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self) -> None:
        self.calling = True

    def pytest_runtest_teardown(self) -> None:
        self.calling = False

    def _child(self, mutant: Mutant, items: Sequence[pytest.Item], clean: Clean) -> int:
        chosen = [items[place] for place in clean.callers.get(mutant.function, [])]
        chosen.sort(key=lambda item: -min(self.kills[item.nodeid], 3))  # tests that kill most come first
        if not _swap(self.live, compile(mutated(self.source, mutant.number), self.path, "exec")):
            return UNFIT
        for item, following in zip(chosen, [*chosen[1:], None], strict=False):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.name:
                break
        _say(self.name)
        return KILLED if self.name else SURVIVED


def allowance(clean: Clean) -> float:
    """Return the seconds of CPU time after which a mutant counts as an infinite loop."""
    return 20 + 5 * clean.cpu


def _result(status: int) -> str:
    return {SURVIVED: "survived", BLOCKED: "blocked", UNFIT: "unfit"}.get(status, "killed")


def _forked(works: Iterable[Any], child: Callable[[Any], int], budget: Budget) -> Iterator[tuple[Any, int, str, float]]:
    """Run each task in a process of its own; yield its exit code, its last words, and its CPU seconds."""
    waiting, running = iter(works), {}
    while True:
        while len(running) < budget.jobs and time.monotonic() < budget.until:
            if (work := next(waiting, running)) is running:
                break
            folder = Path(tempfile.mkdtemp(dir=budget.folder))
            running[_fork(lambda work=work: child(work), folder, budget.cpu)] = work, folder
        if not running:
            return
        pid, status, usage = os.wait4(-1, 0)
        work, folder = running.pop(pid)
        code, cpu = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
        words = (folder / "said").read_text() if (folder / "said").exists() else ""
        shutil.rmtree(folder, ignore_errors=True)
        yield work, code, "CPU time" if code == -signal.SIGXCPU else words or f"exit {code}", round(cpu, 3)


def _fork(work: Callable[[], int], folder: Path, cpu: float) -> int:
    if pid := os.fork():
        return pid
    with _LastWords():
        tempfile.tempdir = str(folder)
        _quiet()
        _confine(cpu)
        os._exit(work())


class _LastWords:
    """Exit the process in every case, so that no child returns into the code of its parent."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        _say("".join(traceback.format_exception(error)[-1:]))
        os._exit(UNFIT)


def _say(words: str) -> None:
    (Path(tempfile.gettempdir()) / "said").write_text(words)


def _quiet() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def _confine(cpu: float) -> None:
    """Limit CPU time and memory; end a process that is blocked."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu) + 1, int(cpu) + 2))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    before = [time.process_time()]

    def look(*_: Any) -> None:
        if time.process_time() - before[0] < 0.01:
            os._exit(BLOCKED)
        before[0] = time.process_time()

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE, PATIENCE)


def _same_examples() -> None:
    """Make Hypothesis draw the same examples for each mutant, without a deadline."""
    checks = list(hypothesis.HealthCheck)
    hypothesis.settings.register_profile(
        "mutants", derandomize=True, database=None, deadline=None, suppress_health_check=checks
    )
    hypothesis.settings.load_profile("mutants")


def _foreign(module: Any) -> bool:
    """Return whether a module belongs to Python or to an installed package."""
    file = getattr(module, "__file__", None)
    places = map(sysconfig.get_path, ("stdlib", "purelib", "platlib"))
    return file is not None and any(Path(file).is_relative_to(place) for place in places)


def _preload(names: Iterable[str]) -> None:
    """Import the modules of the tests once for all children."""
    for name in names:
        if name not in sys.modules:
            with contextlib.suppress(ImportError):  # a module made by another one has no file to import
                importlib.import_module(name)


def _load_instead(path: str, code: CodeType) -> None:
    """Make the import of one file execute other code."""
    usual, file = SourceFileLoader.get_code, str(ROOT / path)

    def get_code(self: SourceFileLoader, name: str) -> CodeType | None:
        return code if self.path == file else usual(self, name)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def _functions(path: str) -> dict[tuple[str, int], list[FunctionType]]:
    """Return the function objects of a file that exist in memory, by qualified name and line."""
    found: dict[tuple[str, int], list[FunctionType]] = {}
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename == path:
            found.setdefault(_key(thing.__code__), []).append(thing)
    return found


def _key(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _swap(live: dict[tuple[str, int], list[FunctionType]], module: CodeType) -> bool:
    """Give existing functions the code of a mutant; return False if none differs or one cannot take it."""
    changed = False
    for code in _codes(module):
        for function in live.get(_key(code), []):
            if code != function.__code__ and code.co_name != "<lambda>":
                if len(code.co_freevars) != len(function.__code__.co_freevars):
                    return False
                function.__code__ = code
                changed = True
    return changed


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)
