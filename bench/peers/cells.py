"""One cell of the benchmark: a workload, a form and a size, in which all engines take turns."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from engines import SETTLED, WORKLOADS, Engine
from workers import Failed, Worker, available, bars, cold

Row = dict[str, Any]
FRESH = 2**31  # bytes of a result above which a worker computes once and exits: many libraries keep freed memory
SMALL = 20, 250  # symbols, days of the warm-up of a worker that computes once
COMPARED = 8  # symbols whose values are compared


def turns(workload: str, form: str, folder: Path, engines: Sequence[Engine], repeats: int) -> dict[str, Row]:
    """Return the times of each engine in `repeats` turns; engines alternate, so that a slow minute affects all."""
    rows: dict[str, Row] = {engine.key: {"seconds": [], "peak": [], "phases": []} for engine in engines}
    with ExitStack() as stack:
        run = _colds(workload, folder, rows) if form == "cold" else _warms(workload, folder, engines, stack, rows)
        for turn in range(repeats):
            for engine in engines:
                if "failed" not in rows[engine.key]:
                    _note(rows[engine.key], lambda engine=engine: run(engine))
            print(f"    turn {turn + 1} of {repeats}: " + ", ".join(map(_latest, rows.items())), flush=True)
        if form == "cold":
            _weigh(workload, folder, engines, rows)
    return rows


def _latest(item: tuple[str, Row]) -> str:
    key, row = item
    return f"{key} {row['seconds'][-1]:.3g}" if row["seconds"] and "failed" not in row else f"{key} failed"


def _note(row: Row, run: Callable[[], Row]) -> None:
    try:
        found = run()
    except (Failed, BrokenPipeError) as error:
        row["failed"] = str(error)
        return
    row["seconds"].append(found["seconds"])
    row["peak"].append(found["peak"])
    if "phases" in found:
        row["phases"].append(found["phases"])


def _colds(workload: str, folder: Path, rows: dict[str, Row]) -> Callable[[Engine], Row]:
    return lambda engine: cold(engine, folder, workload)


def _weigh(workload: str, folder: Path, engines: Sequence[Engine], rows: dict[str, Row]) -> None:
    """Replace the peak memory of engines with several processes by their sum, in a run that is not timed."""
    for engine in engines:
        if engine.processes and "failed" not in rows[engine.key]:
            rows[engine.key]["peak"] = [cold(engine, folder, workload, weigh=True)["peak"]]


def _warms(
    workload: str, folder: Path, engines: Sequence[Engine], stack: ExitStack, rows: dict[str, Row]
) -> Callable[[Engine], Row]:
    symbols, days = map(int, folder.name.split("x"))
    if symbols * days * (158 if workload == "alpha158" else 13) * 8 > FRESH:
        return lambda engine: _once(engine, folder, workload)
    workers = {}
    for engine in engines:
        try:
            workers[engine.key] = stack.enter_context(Worker(engine, folder, workload))
            workers[engine.key].ask("run")  # compile, plan and read once
        except (Failed, BrokenPipeError) as error:
            rows[engine.key]["failed"] = str(error)
    return lambda engine: workers[engine.key].ask("run")


def _once(engine: Engine, folder: Path, workload: str) -> Row:
    with Worker(engine, folder, workload, bars(*SMALL)) as worker:
        return worker.ask("run")


def left_out(before: Row | None, growth: float, repeats: int, patience: float) -> str:
    """Return why an engine is left out, estimated from a smaller size; empty if it takes part."""
    if before is None or "left_out" in before or not before["seconds"]:
        return (before or {}).get("left_out", "")
    seconds, peak = median(before["seconds"]) * growth * repeats, max(before["peak"]) * growth
    if seconds > patience:
        return f"left out: {repeats} runs would take about {seconds:.0f} s"
    if peak > 0.85 * available():
        return f"left out: would need about {peak / 2**30:.0f} GiB of memory"
    return ""


def agreement(workload: str, folder: Path, engines: Sequence[Engine]) -> dict[str, Row]:
    """Return how closely each engine agrees with Alpha on one thread, over some symbols and all settled rows."""
    total, days = map(int, folder.name.split("x"))
    chosen = sorted({int(i) for i in np.linspace(0, total - 1, COMPARED)})
    ours = next(engine for engine in WORKLOADS[workload] if engine.key == "alpha-1")
    names, reference = _values(ours, folder, workload, chosen)
    found, seen = {}, {}
    for engine in engines:
        if not engine.tolerance or engine.forms == ("cold",):
            continue
        start = time.perf_counter()
        try:
            theirs, values = _values(engine, folder, workload, chosen)
        except (Failed, BrokenPipeError) as error:
            found[engine.key] = {"failed": str(error)}
            continue
        values = values[[theirs.index(name) for name in names]]
        seen[engine.key] = values
        settled = min(SETTLED[workload], days // 2)
        found[engine.key] = compared(names, reference[:, settled:], values[:, settled:], engine.tolerance)
        if engine.like in seen:
            found[engine.key]["foreign"] = foreign(seen[engine.like][:, :settled, 1:], values[:, :settled, 1:])
        print(f"    {engine.key} ({time.perf_counter() - start:.0f} s): {said(found[engine.key])}", flush=True)
    return found


def _values(engine: Engine, folder: Path, workload: str, symbols: list[int]) -> tuple[list[str], np.ndarray]:
    with tempfile.NamedTemporaryFile(suffix=".npy") as file, Worker(engine, folder, workload) as worker:
        names = worker.ask("values", symbols=symbols, to=file.name)["names"]
        return names, np.load(file.name)


def compared(names: list[str], ours: np.ndarray, theirs: np.ndarray, tolerance: float) -> Row:
    """Return the number of columns that agree, and the largest difference.

    The distance of two values is relative to the larger of Alpha's value and the median size of its column, so that a
    value near zero does not make a large relative difference.
    """
    typical = np.nanmedian(np.abs(ours), axis=(1, 2))[:, None, None]
    with np.errstate(invalid="ignore"):
        far = np.abs(theirs - ours) / np.maximum(np.abs(ours), typical)
    far[np.isnan(ours) & np.isnan(theirs)] = 0
    unknown = np.isnan(far)
    worst = np.where(unknown, 0, far).max(axis=(1, 2))
    bad = (worst > tolerance) | unknown.any(axis=(1, 2))
    at = int(worst.argmax())
    differ = [names[i] for i in np.flatnonzero(bad)]
    return {"columns": len(names), "agree": int((~bad).sum()), "tolerance": tolerance, "worst": float(worst[at]),
            "where": names[at], "unknown": int(unknown.sum()), "differ": differ}  # fmt: skip


def foreign(own: np.ndarray, panel: np.ndarray) -> Row:
    """Count the early values of each symbol after the first that differ between the panel and the symbol alone."""
    other = np.isnan(own) != np.isnan(panel)
    with np.errstate(invalid="ignore"):
        other |= np.abs(own - panel) > 1e-9 * np.maximum(np.abs(own), 1)
    invented = np.isnan(own) & ~np.isnan(panel)
    return {"values": int(other.size), "other": int(other.sum()), "invented": int(invented.sum())}


def said(found: Row) -> str:
    """Return the agreement as a text."""
    if "failed" in found:
        return f"failed: {found['failed']}"
    told = f"{found['agree']} of {found['columns']} within {found['tolerance']:g}"
    told += f"; worst {found['worst']:.1e} ({found['where']})"
    if found["unknown"]:
        told += f"; {found['unknown']:,} values on one side only"
    if "foreign" in found:
        told += f"; in the first rows {found['foreign']['other']:,} of {found['foreign']['values']:,} not as alone"
    return told


def fastest(rows: dict[str, Row], prefix: str) -> float:
    """Return the smallest median of the engines of one library, or NaN."""
    found = [median(row["seconds"]) for key, row in rows.items() if key.startswith(prefix) and row.get("seconds")]
    return min(found, default=float("nan"))
