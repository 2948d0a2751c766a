"""The protocol between the driver and a worker: one process for each engine, in an environment of its own.

``cold`` reads the bars, computes, builds the frame and exits; ``serve`` keeps the bars in memory and executes one
command per line. Answers are lines of JSON that begin with ``@``, because a library may print too.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import numpy as np

MOMENT, MOST = 0.2, 25  # seconds, runs


class Engine(Protocol):
    """The functions of a worker's module: the steps of its library from bars on disk to one frame."""

    def load(self, folder: Path, workload: str, options: dict[str, Any]) -> Any:
        """Read the bars in the input format of the library."""

    def compute(self, inputs: Any) -> Any:
        """Compute every column, in the output format of the library."""

    def frame(self, result: Any) -> Any:
        """Return one frame: one column for each feature, one row for each symbol and day."""

    def values(self, inputs: Any, result: Any, symbols: list[int]) -> tuple[list[str], np.ndarray]:
        """Return the names and the values of some symbols, shape (columns, days, symbols)."""


def peak() -> int:
    """Return the peak memory of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def serve(engine: Engine) -> None:
    """Run a worker by its command line: ``cold|serve FOLDER WORKLOAD OPTIONS [FIRST]``.

    FIRST is another folder of bars, computed first as a warm-up, so that all code is loaded.
    """
    form, folder, workload, options, *first = sys.argv[1:]
    for small in first:
        engine.compute(engine.load(Path(small), workload, json.loads(options)))
    arguments = (Path(folder), workload, json.loads(options))
    (_cold if form == "cold" else _warm)(engine, *arguments)


def _cold(engine: Engine, folder: Path, workload: str, options: dict[str, Any]) -> None:
    inputs, loading = timed(lambda: engine.load(folder, workload, options))
    result, computing = timed(lambda: engine.compute(inputs))
    frame, framing = timed(lambda: engine.frame(result))
    phases = {"load": loading, "compute": computing, "frame": framing}
    answer({"phases": phases, "shape": list(frame.shape), "peak": peak()})


def _warm(engine: Engine, folder: Path, workload: str, options: dict[str, Any]) -> None:
    inputs = engine.load(folder, workload, options)
    prepare = getattr(engine, "prepare", lambda inputs: inputs)
    answer({"ready": True})
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "run":
            answer({"seconds": _turn(engine, prepare, inputs), "peak": peak()})
        elif order["do"] == "values":
            names, values = engine.values(inputs, engine.compute(prepare(inputs)), order["symbols"])
            np.save(order["to"], values)
            answer({"names": names})
        else:
            return


def _turn(engine: Engine, prepare: Callable[[Any], Any], inputs: Any) -> float:
    """Return the seconds of a run; for short runs, the median of as many as fit into `MOMENT`."""
    taken: list[float] = []
    while not taken or (sum(taken) < MOMENT and len(taken) < MOST):
        given = prepare(inputs)
        result, seconds = timed(lambda given=given: engine.compute(given))
        taken.append(seconds)
        del given, result
    return median(taken)


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result of a call, and its seconds."""
    start = time.perf_counter()
    returned = run()
    return returned, time.perf_counter() - start


def answer(what: dict[str, Any]) -> None:
    """Send an answer to the driver."""
    print(f"@{json.dumps(what)}", flush=True)
