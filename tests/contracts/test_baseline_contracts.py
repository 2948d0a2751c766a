"""What every baseline promises, over the registry: the past only, each name on its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.panel import Panel
from alpha.validation import baseline


@pytest.fixture(scope="module")
def panel() -> Panel:
    rng = np.random.default_rng(0)
    close = 10 * np.exp(np.cumsum(rng.normal(0, 0.02, (330, 6)), axis=0))
    close[100:110, 2] = np.nan
    return Panel(pd.date_range("2020-01-01", periods=330, freq="B", tz="UTC"), tuple("ABCDEF"), {"close": close})


@pytest.fixture(params=list(baseline))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def signal(name: str, panel: Panel) -> np.ndarray:
    return baseline.bind(name)(panel)


def test_has_an_opinion_on_tradable_names_only(name: str, panel: Panel) -> None:
    made = signal(name, panel)
    assert made.shape == panel.tradable.shape
    assert np.isnan(made[~panel.tradable]).all()
    assert np.isfinite(made[-1]).all()


@pytest.mark.parametrize("row", [0, 105, 300])
def test_does_not_see_the_future(name: str, panel: Panel, row: int) -> None:
    np.testing.assert_array_equal(signal(name, panel.rows(slice(0, row + 1))), signal(name, panel)[: row + 1])


def test_symbols_may_stand_in_any_order_and_may_be_left_out(name: str, panel: Panel) -> None:
    np.testing.assert_array_equal(signal(name, panel.select("FACE")), signal(name, panel)[:, [5, 0, 2, 4]])
