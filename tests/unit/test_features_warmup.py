"""From which row on a feature can have a value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.panel import Panel
from alpha.features import Plan, columns, feature
from alpha.features.engine.warmup import warmup
from alpha.features.expr import close, volume
from alpha.features.operators import adaptive, count, ema, lag, mean, quantile, std, wilder

BARS = {"open", "high", "low", "close", "volume", "vwap"}
ROWS = 560


@pytest.fixture(scope="module")
def panel() -> Panel:
    rng = np.random.default_rng(5)
    path = np.exp(np.cumsum(rng.normal(0, 0.02, (ROWS, 4)), axis=0))
    fields = {
        "open": path, "close": path * 1.001, "high": path * 1.01, "low": path * 0.99, "vwap": path,
        "volume": np.exp(rng.normal(9, 1, path.shape)),
    }  # fmt: skip
    return Panel(pd.date_range("2001-01-01", periods=ROWS, tz="UTC"), tuple("ABCD"), fields)


def first_value(column, panel):
    known = np.isfinite(Plan({"x": column}).batch(panel).values).any(axis=(1, 2))
    return int(known.argmax()) if known.any() else None


def bars_alone(column) -> bool:
    """Whether it reads bars, and says NaN of itself nowhere."""
    return column.fields <= BARS and "nan" not in repr(column)


@pytest.mark.parametrize("name", [name for name in feature if bars_alone(*columns([name]).values())])
def test_no_feature_of_bars_begins_later(name, panel):
    (column,) = columns([name]).values()
    first = first_value(column, panel)
    assert first is None or first <= warmup(column) <= column.lookback


RET = close / lag(close, 1) - 1


@pytest.mark.parametrize(
    ("column", "row"),
    [
        (RET, 1),
        (std(RET, 10), 10),
        (ema(RET, 20), 20),
        (wilder(RET, 14, seed="mean", min_periods=3), 3),
        (mean(RET, 10, min_periods=4), 4),
        (quantile(RET, 10, 0.5), 10),
        (quantile(RET, 10, 0.5, min_periods=2), 2),
        (count(RET, 10), 1),
        (adaptive(volume / lag(volume, 3), volume * 0 + 0.5, slowest=0.5), 3),
        (ema(ema(RET, 5), 7), 11),
    ],
    ids=repr,
)
def test_it_is_the_first_row_with_a_value(column, row, panel):
    assert warmup(column) == row
    assert first_value(column, panel) in (row, 0)  # a count is there at once
