"""The benchmark's own guards: an engine that computes something else, or that would take too long, is told."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

PEERS = Path(__file__).resolve().parents[2] / "bench" / "peers"


@pytest.fixture
def cells(monkeypatch):
    monkeypatch.syspath_prepend(PEERS)
    before = set(sys.modules)
    yield importlib.import_module("cells")
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def ours():
    return np.random.default_rng(0).normal(1, 0.1, (3, 40, 4))


def test_equal_values_agree(cells, ours):
    ours[:, :5] = np.nan
    found = cells.compared(["a", "b", "c"], ours, ours * (1 + 1e-12), 1e-9)
    assert (found["agree"], found["unknown"], found["differ"]) == (3, 0, [])


def test_one_other_value_is_named(cells, ours):
    theirs = ours.copy()
    theirs[1, 7, 2] += 1e-3
    found = cells.compared(["a", "b", "c"], ours, theirs, 1e-9)
    assert (found["agree"], found["where"], found["differ"]) == (2, "b", ["b"])
    assert found["worst"] == pytest.approx(1e-3, rel=0.5)


@pytest.mark.parametrize("side", [0, 1])
def test_a_value_on_one_side_only_does_not_agree(cells, ours, side):
    both = [ours, ours.copy()]
    both[side][2, 3, 1] = np.nan
    found = cells.compared(["a", "b", "c"], *both, 1e-9)
    assert (found["differ"], found["unknown"]) == (["c"], 1)


def test_values_of_another_symbol_are_counted(cells, ours):
    alone = ours.copy()
    alone[:, :5] = np.nan
    found = cells.foreign(alone, np.where(np.isnan(alone), 1.0, alone))
    assert (found["other"], found["invented"]) == (60, 60)


@pytest.mark.parametrize(
    ("patience", "free", "reason"),
    [(100, 10**12, ""), (10, 10**12, "would take about 30 s"), (100, 10**9, "would need about 6 GiB")],
)
def test_who_would_take_too_long_is_left_out(cells, monkeypatch, patience, free, reason):
    monkeypatch.setattr(cells, "available", lambda: free)
    said = cells.left_out({"seconds": [1.0], "peak": [2**30]}, 6, 5, patience)
    assert reason in said
    assert bool(said) == bool(reason)
