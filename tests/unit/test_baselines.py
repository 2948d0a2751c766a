"""What a person without a model would do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.panel import Panel
from alpha.validation import baseline
from alpha.validation.baselines import always_long, momentum, random


@pytest.fixture(scope="module")
def panel() -> Panel:
    rng = np.random.default_rng(0)
    close = 10 * np.exp(np.cumsum(rng.normal(0, 0.02, (300, 40)), axis=0))
    close[:5, 0] = np.nan
    return Panel(pd.date_range("2020-01-01", periods=300, freq="B", tz="UTC"), [f"S{i}" for i in range(40)],
                 {"close": close})  # fmt: skip


def test_always_long_holds_what_is_tradable(panel: Panel) -> None:
    signal = always_long(panel)
    np.testing.assert_array_equal(np.nan_to_num(signal), panel.tradable.astype(float))


def test_momentum_skips_the_newest_bars(panel: Panel) -> None:
    signal, close = momentum(panel), panel["close"]
    assert np.isnan(signal[:252]).all()
    np.testing.assert_array_equal(signal[260], close[260 - 21] / close[260 - 252] - 1)
    short = momentum(panel, window=2, skip=0)
    np.testing.assert_array_equal(short[9], close[9] / close[7] - 1)


@pytest.mark.parametrize("window", [300, 1000])
def test_momentum_without_enough_history_has_no_opinion(panel: Panel, window: int) -> None:
    assert np.isnan(momentum(panel, window=window)).all()


def test_momentum_must_look_further_back_than_it_skips(panel: Panel) -> None:
    assert np.isnan(momentum(panel, window=21, skip=21)).all()


def test_random_is_uniform_and_without_memory(panel: Panel) -> None:
    signal = random(panel)
    drawn = signal[panel.tradable]
    assert -0.5 <= drawn.min() < -0.49
    assert 0.49 < drawn.max() < 0.5
    assert abs(drawn.mean()) < 0.01
    assert drawn.std() == pytest.approx(np.sqrt(1 / 12), abs=0.005)
    assert abs(np.corrcoef(signal[5:-1].ravel(), signal[6:].ravel())[0, 1]) < 0.03
    assert abs(np.corrcoef(signal[5:, :-1].ravel(), signal[5:, 1:].ravel())[0, 1]) < 0.03


def test_random_follows_its_seed(panel: Panel) -> None:
    np.testing.assert_array_equal(random(panel, seed=3), random(panel, seed=3))
    assert (random(panel, seed=3) != random(panel, seed=4))[panel.tradable].all()


def test_a_baseline_says_how_it_is_traded() -> None:
    named = {name: getattr(baseline.bind(name).make, "policy", None) for name in baseline}
    assert named["always_long"] == "long_only"
    assert named["momentum"] is None
    assert named["random"] is None
