"""Kernels are compiled once a machine: later processes find all of their machine code on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import alpha
from alpha.features.engine import kernels
from alpha.features.engine.compiled import FOLDER, KERNELS

ROOT = Path(alpha.__file__).parent
USE = """
from numba.core import event

class Compiled(event.Listener):
    def on_start(self, event):
        print("compiled", event.data["dispatcher"].py_func.__qualname__)
    def on_end(self, event):
        pass

event.register("numba:compile", Compiled())

import numpy as np, pandas as pd
from alpha.core.panel import Panel
from alpha.features import Plan, columns
from alpha.features.expr import close
from alpha.features.operators import cs_bucket, cs_neutralize, median, skew
from alpha.features.ticks import Events, bar_builder, tick_feature

close_, days = np.linspace(1, 2, 120).reshape(40, 3), pd.date_range("2001-01-01", periods=40, tz="UTC")
panel = Panel(days, tuple("ABC"), {name: close_ for name in ("open", "high", "low", "close", "volume", "vwap")})
ratio = close / median(close, 5)
own = {"skew": skew(ratio, 6, min_periods=3), "rest": cs_neutralize(ratio, ratio * ratio, by=cs_bucket(ratio, 2))}
plan = Plan(columns(["macd", "momentum", "parabolic_sar", {"set": "alpha158"}]) | own)
for dtype in (np.float64, np.float32):
    plan.batch(panel, dtype=dtype)
stream = plan.stream(panel.rows(slice(0, 30)))
stream.push(panel.bar(30))
stream.restore(stream.state())
when = pd.DataFrame({"time": days, "price": 1.0, "size": 1.0})
events = Events.of(when, opens=days[:1], closes=days[-1:])
for registry in (tick_feature, bar_builder):
    for name in registry:
        registry.bind(name)().push(events)
print("ran")
"""


def used(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout.split("\n")[:-1]


def files():
    return {path: path.stat().st_mtime_ns for path in FOLDER.rglob("*.nb?")}


def test_every_module_with_kernels_is_named():
    found = {path for path in (ROOT / "features").rglob("*.py") if "\n@jit\n" in path.read_text(encoding="utf-8")}
    named = {ROOT.joinpath(*name.split(".")[1:]).with_suffix(".py") for name in KERNELS}
    assert found == named, (
        "name each in KERNELS of alpha/features/engine/compiled.py, which names the folder of their code"
    )


def test_a_second_process_compiles_nothing():
    kernels.warm()
    assert kernels.absent() == []
    before = files()
    assert used(USE) == ["ran"]
    assert files() == before


def test_a_compilation_would_be_seen():
    assert used(USE + "import numba\nnumba.njit(lambda x: x + 1)(1)\n") == ["ran", "compiled <lambda>"]


def test_what_compiles_the_kernels_runs():
    kernels.run_blocks()
    kernels.run_others()


def test_it_says_how_many_are_done(monkeypatch):
    left, seen = [["a", "b", "c"], []], []
    monkeypatch.setattr(kernels, "absent", lambda: left.pop(0) if len(left) > 1 else left[0])
    monkeypatch.setattr(kernels, "names", lambda: list("abcd"))
    monkeypatch.setattr(kernels, "_PARTS", (print,))  # a process that does nothing
    kernels.warm(lambda done, of: seen.append((done, of)))
    assert seen[0] == (1, 4)
    assert seen[-1] == (4, 4)
    assert seen == sorted(seen)


def test_a_kernel_without_code_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(kernels, "FOLDER", tmp_path)
    assert kernels.absent() == kernels.names()
    assert "interpreter.run_block" in kernels.absent()
    (tmp_path / "interpreter.run_block-340.py311.nbi").touch()
    assert "interpreter.run_block" not in kernels.absent()
    assert len(kernels.names()) == len(set(kernels.names())) > 60
