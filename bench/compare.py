"""Compare the speed of Alpha's features with Qlib, Polars, pandas, ta, TA-Lib and ml4t-engineer.

Run ``python bench/compare.py``. Each library runs in an environment of its own below ``.bench``, made at the first
run. The engines of a cell (a workload, a form, a size) take turns. After each cell the results so far are written to
the JSON file; with ``--resume`` cells already in the file are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "peers"))

import tables  # noqa: E402
from cells import agreement, left_out, turns  # noqa: E402
from engines import ALPHA, ENVIRONMENTS, MIDDLE, WORKLOADS, Engine  # noqa: E402
from workers import ROOT, STORE, Failed, answered, bars, interpreter  # noqa: E402


class Run:
    """The results so far, written to disk after each step."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.path = options, options.out
        self.results: dict[str, Any] = {"about": about(), "cells": {}, "agreement": {}, "own": {}}
        if options.resume and self.path.exists():
            self.results = json.loads(self.path.read_text())
            if self.results["about"] != about():
                raise SystemExit(f"{self.path} is of another commit or other versions; run without --resume")

    def step(self, part: str, name: str, measure: Any) -> None:
        """Measure a step and keep the result, unless the file already has it."""
        if name in self.results[part]:
            return
        print(f"  {part}: {name}", flush=True)
        start = time.perf_counter()
        self.results[part][name] = measure()
        print(f"    took {time.perf_counter() - start:.0f} s", flush=True)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.results, indent=1))

    def chosen(self, workload: str, form: str = "") -> list[Engine]:
        """Return the engines of a workload and form."""
        wanted = tuple(self.options.engines) or ("",)
        return [engine for engine in WORKLOADS[workload]
                if (not form or form in engine.forms) and engine.key.startswith(wanted)]  # fmt: skip

    def size(self, symbols: int, before: int | None) -> None:
        """Measure all cells of one number of symbols."""
        days, options = self.options.days, self.options
        folder = bars(symbols, days)
        for workload in options.workloads:
            if symbols <= options.compare:
                self.step("agreement", f"{workload}/{folder.name}",
                          lambda workload=workload: agreement(workload, folder, self.chosen(workload)))  # fmt: skip
            for form in options.forms:
                self.step("cells", tables.key(workload, form, folder.name),
                          lambda workload=workload, form=form: self.cell(workload, form, symbols, before))  # fmt: skip

    def cell(self, workload: str, form: str, symbols: int, before: int | None) -> dict[str, Any]:
        """Return the rows of a cell; an engine that is left out has the reason."""
        repeats, patience = self.options.repeats, self.options.patience
        if symbols > MIDDLE:
            repeats, patience = min(repeats, 3), self.options.patience_large
        earlier = self.results["cells"].get(tables.key(workload, form, f"{before}x{self.options.days}"), {})
        engines = [engine for engine in self.chosen(workload, form) if symbols <= engine.most]
        growth = symbols / (before or symbols)
        out = {engine.key: left_out(earlier.get(engine.key), growth, repeats, patience) for engine in engines}
        taking = [engine for engine in engines if not out[engine.key]]
        rows = turns(workload, form, bars(symbols, self.options.days), taking, repeats)
        return {key: {"left_out": why} if why else rows[key] for key, why in out.items()}

    def rows(self) -> None:
        """Measure Alpha alone with other numbers of rows."""
        ours = [engine for engine in WORKLOADS["alpha158"] if engine.key == ALPHA]
        for days in self.options.rows:
            folder = bars(min(MIDDLE, max(self.options.symbols)), days)
            for form in self.options.forms:
                self.step("cells", tables.key("alpha158", form, folder.name), lambda form=form, folder=folder: turns(
                    "alpha158", form, folder, ours, self.options.repeats))  # fmt: skip

    def own(self) -> None:
        """Run the measurements of Alpha alone."""
        middle = bars(min(MIDDLE, max(self.options.symbols)), self.options.days)
        largest = bars(max(self.options.symbols), self.options.days)
        places = {"push": middle, "chunks": largest, "plans": middle, "kernels": middle}
        for measure in self.options.own:
            self.step("own", measure, lambda measure=measure: alone(measure, places[measure]))

    def report(self) -> str:
        """Return all tables."""
        results, days = self.results, self.options.days
        sizes = [f"{symbols}x{days}" for symbols in self.options.symbols]
        middle = f"{min(MIDDLE, max(self.options.symbols))}x{days}"
        parts = [tables.conditions(results["about"]), tables.aims(results, middle)]
        for workload in self.options.workloads:
            parts += [tables.cell(results, workload, form, size) for form in self.options.forms for size in sizes]
            parts.append(tables.agreement(results, workload))
        parts += [tables.phases(results, middle), tables.own(results)]
        varied = sorted({*self.options.rows, days})
        parts.append(tables.scaling(results, self.options.symbols, varied, tuple(map(int, middle.split("x")))))
        return "\n".join(filter(None, parts))


def alone(measure: str, folder: Path) -> dict[str, Any]:
    """Return the result of a process of own.py."""
    line = [sys.executable, str(HERE / "peers" / "own.py"), measure, str(folder)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(line, env=variables, check=True, stdout=subprocess.PIPE, text=True)
    found = answered(done.stdout.splitlines())
    if found is None:
        raise Failed(f"{measure} said nothing")
    return {**found, "of": folder.name}


def about() -> dict[str, Any]:
    """Return the conditions of the measurements, without machine names."""
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True)
    return {"commit": commit.strip(), "processors": os.cpu_count(), "python": platform.python_version(),
            "peers": {name: list(pins) for name, pins in ENVIRONMENTS.items()}}  # fmt: skip


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)

    def numbers(text: str) -> list[int]:
        return sorted(map(int, filter(None, text.split(","))))

    def words(text: str) -> list[str]:
        return list(filter(None, text.split(",")))

    parser.add_argument("--symbols", type=numbers, default=[20, 100, 500, 3000], help="sizes of the panels")
    parser.add_argument("--days", type=int, default=2520)
    parser.add_argument("--rows", type=numbers, default=[630, 1260, 5040], help="other numbers of days, Alpha alone")
    parser.add_argument("--repeats", type=int, default=5, help="turns; at most 3 above 500 symbols")
    parser.add_argument("--patience", type=float, default=400, help="seconds that an engine may take in a cell")
    parser.add_argument("--patience-large", type=float, default=150, help="the same above 500 symbols")
    parser.add_argument("--compare", type=int, default=100, help="compare values up to this many symbols")
    parser.add_argument("--workloads", type=words, default=list(WORKLOADS))
    parser.add_argument("--forms", type=words, default=["warm", "cold"])
    parser.add_argument("--engines", type=words, default=[], help="those whose keys begin so; default: all")
    parser.add_argument("--own", type=words, default=["push", "chunks", "plans", "kernels"], help="of Alpha alone")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "bench-features.json")
    parser.add_argument("--resume", action="store_true", help="keep the cells that are in the file")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    run = Run(arguments())
    STORE.mkdir(exist_ok=True)
    used = {engine.environment for workload in run.options.workloads for engine in run.chosen(workload)}
    for environment in sorted(used):
        interpreter(environment)
    before = None
    for symbols in run.options.symbols:
        print(f"{symbols} symbols x {run.options.days} days", flush=True)
        run.size(symbols, before)
        before = symbols
    print("Alpha alone", flush=True)
    run.rows()
    run.own()
    report, page = run.report(), run.path.with_suffix(".md")
    page.write_text(report)
    print(f"\n{report}\nwritten to {run.path} and {page}")


if __name__ == "__main__":
    main()
