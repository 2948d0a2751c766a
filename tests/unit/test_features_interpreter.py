"""The interpreter's Python source, run as Python, gives the compiled result in every bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numba.core.registry import CPUDispatcher

from alpha.core.panel import Panel
from alpha.features import Plan
from alpha.features import expr as e
from alpha.features import operators as o
from alpha.features.engine import crossing, interpreter, kernels, lower, machine, rolling, windows

X, Y = e.field("x"), e.field("y")
COLUMNS = {
    "arithmetic": (X + Y) * (X - Y) / Y, "constants": 1 - 2 / (X * 3 + 1) + (X / 7), "signs": e.sign(X) + abs(X) + -Y,
    "compared": (X > Y) + (X >= Y) + (X < 0) + (X <= 0) + (X > 0) + (X >= 0),
    "bounded": e.minimum(X, Y) + e.maximum(X, Y) + e.clip(X, -1, 1), "functions": e.log(abs(Y)) + e.exp(X) + e.sqrt(X),
    "chosen": e.where(e.is_finite(X), X, e.where(Y > 0, 1, Y)),
    "moments": o.std(X, 5) + o.corr(X, Y, 4) + o.slope(X, 3),
    "extremes": o.argmax(X, 5) - o.argmin(Y, 6) + o.max(X, 3), "rank": o.rank(X, 4), "median": o.quantile(X, 4, 0.5),
    "maximum": o.quantile(X, 3, 1.0), "ema": o.ema(X, 3), "wilder": o.wilder(X, 3, seed="mean"),
    "cs_rank": o.cs_rank(X), "cs_zscore": o.cs_zscore(X), "cs_demean": o.lag(o.cs_demean(X), 2),
    "cs_mean": o.mean(o.cs_mean(Y), 3), "power": o.power(abs(Y), 0.5), "kurt": o.kurt(X, 5) + o.skew(Y, 4),
    "deviation": o.mean_deviation(X, 3), "deviation_2": o.mean_deviation(X, 4, min_periods=2),
    "adaptive": o.adaptive(X, abs(e.sign(Y)) / 2, slowest=0.5),
    **{name: function(X, 4, min_periods=2) for name, function in (
        ("sum_2", o.sum), ("mean_2", o.mean), ("var_2", o.var), ("min_2", o.min), ("argmax_2", o.argmax),
        ("rank_2", o.rank), ("wma_2", o.wma), ("mad_2", o.mad), ("slope_2", o.slope), ("intercept_2", o.intercept),
        ("resid_2", o.resid), ("rsquare_2", o.rsquare))},
    "skew_3": o.skew(X, 5, min_periods=3), "kurt_4": o.kurt(X, 6, min_periods=4), "count": o.count(X, 3),
    "since": o.days_since(X > 1, 5), "corr_2": o.corr(X, Y, 5, min_periods=2), "beta_2": o.beta(X, Y, 5, min_periods=2),
    "cs_std": o.cs_std(X, by=o.group("g")), "cs_bucket": o.cs_bucket(Y, 2),
    "cs_winsorize": o.cs_winsorize(X, 0.2, 0.8), "cs_neutralize": o.cs_neutralize(X, Y, by=o.group("g")),
}  # fmt: skip


LIBRARY_FUNCTIONS = {"functions", "power"}
"""Columns with a logarithm, an exponential or a power: numpy and the compiler's library differ in the last bit."""


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(26, 3)).round(1), rng.normal(size=(26, 3))
    x[[3, 11], 0] = np.nan
    x[15, 1], x[18], y[5, 2] = np.inf, 0.5, 0.0
    x[20] = np.nan
    tradable = np.ones((26, 3), bool)
    tradable[7:9, 1] = tradable[22, :2] = False
    times = pd.date_range("2001-01-01", periods=26, tz="UTC")
    return Panel(times, tuple("ABC"), {"close": np.ones((26, 3)), "x": x, "y": y}, tradable, {"g": ("a", "b", "a")})


@pytest.fixture
def as_python(monkeypatch):
    """Replace every compiled function by its source."""
    places = (crossing, interpreter, machine, rolling, windows)
    found = [(at, name, value) for at in places for name, value in vars(at).items() if isinstance(value, CPUDispatcher)]
    assert len(found) > 30
    for at, name, compiled in found:
        monkeypatch.setattr(at, name, compiled.py_func)
    monkeypatch.setattr(interpreter, "prefetch", lambda array, at: None)


def test_compiled_equals_python(panel, request):
    plan = Plan(COLUMNS)
    compiled = plan.batch(panel, chunk=4, threads=1).values
    stream = plan.stream(panel.rows(slice(0, 20)))
    request.getfixturevalue("as_python")
    with np.errstate(all="ignore"):
        python = plan.batch(panel, chunk=4, threads=1).values
        live = stream.push(panel.bar(20))
    np.testing.assert_array_equal(np.isnan(python), np.isnan(compiled))
    rounded = np.nan_to_num(python) != np.nan_to_num(compiled)
    assert {name for f, name in enumerate(COLUMNS) if rounded[..., f].any()} <= LIBRARY_FUNCTIONS
    np.testing.assert_allclose(python, compiled, rtol=1e-15)
    np.testing.assert_array_equal(live, python[20])
    assert np.isfinite(compiled).any(axis=(0, 1)).all()


def test_every_opcode_is_covered():
    program = Plan(COLUMNS).program
    used = {instruction.op for stage in program.stages for instruction in stage.instructions}
    assert used == set(interpreter.OPCODES)
    assert {made.op for stage in program.stages for made in stage.crossings} == set(crossing.CROSSINGS)
    gathered = {made.constants[2] for stage in program.stages for made in stage.instructions if made.op == "gather"}
    assert len(gathered) == len(lower.FUNCTIONS) - 3, "all but cov, max and argmin, which share a line with another"


def test_what_is_compiled_beforehand_is_everything_that_a_plan_runs(panel):
    kernels.run_blocks()
    kernels.run_others()
    entries = (interpreter.run_block, crossing.cross, interpreter.rewind)
    before = [set(f.signatures) for f in entries]
    plan = Plan(COLUMNS)
    plan.batch(panel, chunk=4)
    plan.batch(panel, dtype=np.float32)
    plan.stream(panel.rows(slice(0, 3))).push(panel.bar(3))
    assert [set(f.signatures) for f in entries] == before
    assert [len(signatures) for signatures in before] == [1, 1, 1]
