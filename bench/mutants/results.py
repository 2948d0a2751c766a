"""The subjects, the outcomes on disk, and the table of scores."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections import Counter
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from children import ROOT, UNSURE, Outcome
from operators import Mutant, mutants

HERE = Path(__file__).resolve().parent
SUBJECTS = HERE / "subjects.toml"
RESULTS = ROOT / "reports/mutants/results.jsonl"


@dataclass(frozen=True)
class Subject:
    """Modules, and the tests that should find a fault in them; paths are relative to the repository."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]

    @classmethod
    def all(cls, path: Path = SUBJECTS) -> list[Self]:
        """Read the table of subjects."""
        rows = tomllib.loads(path.read_text(encoding="utf-8"))
        return [cls(name, tuple(row["modules"]), tuple(row["tests"])) for name, row in rows.items()]

    def within(self, paths: list[str]) -> Self:
        """Return the subject with only these of its modules."""
        return replace(self, modules=tuple(path for path in self.modules if path in paths))

    def state(self, path: str) -> str:
        """Return the hash of a module and of the tests."""
        files = [path, *(test.split("::")[0] for test in self.tests)]
        return hashlib.sha256(b"\0".join((ROOT / each).read_bytes() for each in files)).hexdigest()[:16]


class Results:
    """The outcomes in a file of JSON lines; the last line of a mutant counts."""

    def __init__(self, path: Path = RESULTS, explained: Path = HERE / "explained.toml") -> None:
        self.path, self._explained = path, explained
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._known = {(row["state"], row["mutant"]): row for row in map(json.loads, lines)}

    @cached_property
    def explained(self) -> dict[str, str]:
        """Mutants that no test can find, with the reason."""
        rows = tomllib.loads(self._explained.read_text(encoding="utf-8")).get("mutant", [])
        return {row["name"]: row["reason"] for row in rows}

    def of(self, subject: Subject, path: str) -> list[tuple[Mutant, dict[str, Any] | None]]:
        """Return the mutants of a module, in an order drawn by hash, each with its outcome if there is one."""
        made = mutants(path, (ROOT / path).read_text(encoding="utf-8"))
        made.sort(key=lambda each: hashlib.sha256(each.name.encode()).digest())
        state = subject.state(path)
        return [(each, self._known.get((state, each.name))) for each in made]

    def waiting(self, subject: Subject, path: str, way: str) -> list[Mutant]:
        """Return the mutants to run ``swapped`` or ``fresh``, without those that are explained."""
        rest = [(each, row) for each, row in self.of(subject, path) if each.name not in self.explained]
        if way == "swapped":
            return [each for each, row in rest if row is None and each.function]
        return [each for each, row in rest if row is None or row["result"] == UNSURE]

    def add(self, subject: Subject, outcome: Outcome) -> None:
        """Append an outcome."""
        row = {**asdict(outcome), "mutant": outcome.mutant.name, "state": subject.state(outcome.mutant.path)}
        self._known[row["state"], row["mutant"]] = row
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def survivors(self, subject: Subject) -> list[str]:
        """Return each mutant that was not killed and is not explained."""
        return [
            f"{row['result']}: line {mutant.line}: {mutant.name}"
            for path in subject.modules
            for mutant, row in sorted(self.of(subject, path), key=lambda each: each[0].number)
            if row and row["result"] != "killed" and mutant.name not in self.explained
        ]

    def stale(self, subjects: list[Subject]) -> list[str]:
        """Return the explanations that match no mutant of the subjects."""
        paths = {path for subject in subjects for path in subject.modules}
        there = {each.name for path in paths for each in mutants(path, (ROOT / path).read_text(encoding="utf-8"))}
        return sorted(name for name in self.explained if name.split(" ")[0] in paths and name not in there)


def table(subjects: list[Subject], results: Results) -> str:
    """Return the scores as a Markdown table: the share killed of all mutants that a test could find."""
    lines = [
        "| subject | mutants | tried | killed | survived | explained | score | CPU seconds |",
        "|---|" + "---:|" * 7,
    ]
    total: Counter[str] = Counter()
    for subject in subjects:
        count: Counter[str] = Counter()
        for path in subject.modules:
            for mutant, row in results.of(subject, path):
                count["mutants"] += 1
                if mutant.name in results.explained:
                    count["explained"] += 1
                elif row:
                    count.update({"tried": 1, "killed": row["result"] == "killed", "cpu": row["cpu"]})
        lines.append(_line(subject.name, count))
        total += count
    return "\n".join([*lines, _line("all", total)])


def _line(name: str, count: Counter[str]) -> str:
    tried, killed = count["tried"], count["killed"]
    score = f"{killed / tried:.1%}" if tried else "-"
    return (f"| {name} | {count['mutants']} | {tried} | {killed} | {tried - killed} | {count['explained']} | {score} | "
            f"{count['cpu']:.0f} |")  # fmt: skip
