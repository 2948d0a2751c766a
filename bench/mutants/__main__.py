"""Measure the mutation score of the tests: ``python bench/mutants`` (`make mutants`).

Every subject of ``subjects.toml`` is mutated module by module, in an order drawn by hash. Each outcome is appended to
``reports/mutants/results.jsonl`` and counts as long as the module and its tests are unchanged; an interrupted run
resumes. Exit 5: a mutant survived that ``explained.toml`` does not explain, or an explanation names no mutant.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from children import ROOT, Budget, fresh, swapped
from results import RESULTS, SUBJECTS, Results, Subject, table

sys.path.insert(0, str(ROOT))


def options() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(prog="mutants", description=__doc__.split("\n")[0])
    made.add_argument("--only", action="append", default=[], metavar="SUBJECT", help="only this subject; repeat")
    made.add_argument(
        "--changed", nargs="?", const="HEAD", metavar="COMMIT", help="only modules changed since a commit"
    )
    made.add_argument("--minutes", type=float, default=float("inf"), help="start no mutant after this many minutes")
    made.add_argument("--jobs", type=int, default=1, help="number of processes")
    made.add_argument("--subjects", type=Path, default=SUBJECTS, help="table of modules and their tests")
    made.add_argument("--results", type=Path, default=RESULTS, help="file of outcomes")
    made.add_argument("--table", action="store_true", help="run nothing; print the results so far")
    return made


def main() -> int:
    """Run the mutants without an outcome; print the table and the survivors."""
    args = options().parse_args()
    results, subjects = Results(args.results), chosen(Subject.all(args.subjects), args.only, args.changed)
    until = time.monotonic() + 60 * args.minutes
    for subject in [] if args.table else subjects:
        for path in subject.modules:
            with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
                measure(subject, path, results, Budget(Path(folder), args.jobs, until))
    print(table(subjects, results))
    problems = [line for subject in subjects for line in results.survivors(subject)]
    problems += [f"explained, but no mutant: {name}" for name in results.stale(subjects)]
    print("\n".join(problems))
    return 5 if problems else 0


def measure(subject: Subject, path: str, results: Results, budget: Budget) -> None:
    """Run the mutants of a module that have no outcome; stop where the module or its tests change meanwhile."""
    state = subject.state(path)
    for way in (swapped, fresh):
        if time.monotonic() < budget.until and results.waiting(subject, path, "fresh"):
            waiting = results.waiting(subject, path, way.__name__)
            print(f"{subject.name}: {path}: {len(waiting)} mutants, {way.__name__}", file=sys.stderr, flush=True)
            for outcome in way(path, subject.tests, waiting, budget):  # without mutants, too, `swapped` times the tests
                if subject.state(path) != state:
                    raise SystemExit(f"{path} or its tests changed while they were measured; start again")
                results.add(subject, outcome)


def chosen(subjects: list[Subject], only: list[str], changed: str | None) -> list[Subject]:
    """Return the named subjects, restricted to the modules that changed."""
    if unknown := sorted(set(only) - {each.name for each in subjects}):
        raise SystemExit(f"no subject {', '.join(unknown)}; there are {', '.join(each.name for each in subjects)}")
    subjects = [each for each in subjects if not only or each.name in only]
    if changed is None:
        return subjects
    done = subprocess.run(["git", "diff", "--name-only", changed], cwd=ROOT, capture_output=True, text=True, check=True)
    return [each for every in subjects if (each := every.within(done.stdout.split())).modules]


if __name__ == "__main__":
    sys.exit(main())
