"""The driver's side of a worker: make its environment, start it, send commands, measure its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from engines import ENVIRONMENTS, Engine

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
STORE = ROOT / ".bench"


class Failed(RuntimeError):
    """A worker ended without an answer; the message is the last line that it wrote."""


def interpreter(environment: str) -> Path:
    """Return the Python of an environment, which is made first if its packages are not those of `ENVIRONMENTS`."""
    if not environment:
        return Path(sys.executable)
    folder, wanted = STORE / f"venv-{environment}", "\n".join(ENVIRONMENTS[environment])
    ready, python = folder / "ready", folder / "bin" / "python"
    if not (ready.exists() and ready.read_text() == wanted):
        print(f"  making an environment for {environment} ({', '.join(ENVIRONMENTS[environment])}) ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "-q"]
        subprocess.run([*pip, *ENVIRONMENTS[environment]], check=True)
        ready.write_text(wanted)
    return python


def command(engine: Engine, form: str, folder: Path, workload: str) -> tuple[list[str], dict[str, str]]:
    """Return the command line of a worker and its environment variables."""
    line = [str(interpreter(engine.environment)), "-W", "ignore", str(HERE / engine.script), form, str(folder)]
    mine = {"PYTHONPATH": str(ROOT)} if not engine.environment else {"PYTHONPATH": ""}
    return [*line, workload, json.dumps(engine.options)], {**os.environ, **mine, **engine.variables}


class Worker:
    """A process that keeps the bars in memory and computes on command."""

    def __init__(self, engine: Engine, folder: Path, workload: str, first: Path | None = None) -> None:
        line, variables = command(engine, "serve", folder, workload)
        line += [str(first)] if first else []
        self._errors = (STORE / f"{engine.key}.log").open("w+")
        self._process = subprocess.Popen(line, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=self._errors, text=True)  # fmt: skip
        self._answer()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()  # closing its input ends the worker
        self._errors.close()

    def ask(self, what: str, **more: Any) -> dict[str, Any]:
        """Return the answer to a command."""
        self._process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        found = answered(self._process.stdout)
        if found is None:
            raise Failed(_last_line(self._process.wait(), self._errors))
        return found


def answered(lines: Any) -> dict[str, Any] | None:
    """Return the next answer; skip other lines that a library prints."""
    return next((json.loads(line[1:]) for line in lines if line.startswith("@")), None)


def cold(engine: Engine, folder: Path, workload: str, *, weigh: bool = False) -> dict[str, Any]:
    """Run a whole process; return its answer and its seconds from start to exit.

    With `weigh`, its peak memory is the sum over all its processes, sampled ten times a second, which takes time.
    """
    line, variables = command(engine, "cold", folder, workload)
    with (STORE / f"{engine.key}.log").open("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(line, env=variables, stdout=subprocess.PIPE, stderr=errors, text=True)
        scale = Scale(process.pid) if weigh else None
        found = answered(process.stdout)
        process.communicate()
        seconds = time.perf_counter() - start
        if found is None:
            raise Failed(_last_line(process.returncode, errors))
    return {**found, "seconds": seconds, **({"peak": scale.stop()} if scale else {})}


def _last_line(status: int, errors: Any) -> str:
    errors.seek(0)
    lines = [line for line in errors.read().splitlines() if line.strip()] or [""]
    return f"status {status}: {lines[-1][:200]}"


class Scale(threading.Thread):
    """Measures the memory of a process and its descendants; shared pages count once."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self._stopped = pid, 0, threading.Event()
        self.start()

    def run(self) -> None:
        while not self._stopped.wait(0.1):
            self.peak = max(self.peak, sum(map(_share, _tree(self.pid))))

    def stop(self) -> int:
        """Return the peak in bytes."""
        self._stopped.set()
        self.join()
        return self.peak


def _tree(root: int) -> set[int]:
    """Return a process and its descendants."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[int(stat.parent.name)] = int(words[1])
    found, size = {root}, 0
    while len(found) > size:
        size = len(found)
        found |= {pid for pid, parent in parents.items() if parent in found}
    return found


def _share(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def bars(symbols: int, days: int) -> Path:
    """Return the folder of the bars; if missing, it is written in another process, to keep this one small."""
    folder = STORE / "bars" / f"{symbols}x{days}"
    if not (folder / "complete").exists():
        code = f"from pathlib import Path; import bars; bars.write(Path({str(folder)!r}), {symbols}, {days})"
        subprocess.run([sys.executable, "-c", code], cwd=HERE, check=True)
    return folder


def available() -> int:
    """Return the free memory, in bytes."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
