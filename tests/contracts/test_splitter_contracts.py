"""What every splitter promises, over the registry."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.types import Label
from alpha.validation import splitter
from alpha.validation.crossfit import training_mask
from alpha.validation.leakage import check_folds

TIMES = pd.date_range("2015-01-01", periods=400, freq="B", tz="UTC")


def labelled(seed: int) -> Label:
    """Outcomes known after 1 to 20 rows, each name on its own."""
    rng = np.random.default_rng(seed)
    instants = TIMES.tz_localize(None).as_unit("ns").to_numpy()
    exits = np.arange(len(TIMES))[:, None] + rng.integers(1, 21, (len(TIMES), 3))
    known_at = np.where(exits < len(TIMES), instants[np.minimum(exits, len(TIMES) - 1)], np.datetime64("NaT", "ns"))
    return Label("any", rng.normal(size=exits.shape), known_at, 20, "next_open")


@pytest.mark.parametrize("name", list(splitter))
@pytest.mark.parametrize("seed", [0, 1])
def test_folds_never_leak_and_never_repeat(name: str, seed: int) -> None:
    label = labelled(seed)
    folds = splitter.bind(name)(TIMES, label)
    assert check_folds(folds, label, TIMES) is None
    for fold in folds:
        mask = training_mask(label, fold)
        assert mask.any()
        assert (label.known_at[mask] < fold.cutoff).all()
    tested = np.concatenate([fold.test for fold in folds])
    assert len(np.unique(tested)) == len(tested)


@pytest.mark.parametrize("name", list(splitter))
def test_splitting_again_gives_the_same_folds(name: str) -> None:
    label = labelled(0)
    for one, two in zip(splitter.bind(name)(TIMES, label), splitter.bind(name)(TIMES, label), strict=True):
        assert one.cutoff == two.cutoff
        np.testing.assert_array_equal(one.train, two.train)
        np.testing.assert_array_equal(one.test, two.test)
