"""What every splitter promises, over the registry, whatever the label; and that each guard is needed."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from split_checks import World, expect_no_leak, may_learn, worlds

from alpha.core.errors import ConfigError
from alpha.core.nouns import Fold, Label
from alpha.leaks.lookahead import check_folds
from alpha.validation import splitter
from alpha.validation.crossfit import training_mask
from alpha.validation.splits import nested, purge

TIMES = pd.date_range("2015-07-01", periods=200, freq="B", tz="UTC")
DRAWN = {"embargo": st.integers(0, 4), "folds": st.integers(2, 6), "tested": st.integers(1, 3)}


def labelled(seed: int, longest: int = 20) -> Label:
    """Outcomes known after 1 to 20 rows, each name on its own."""
    rng = np.random.default_rng(seed)
    instants = TIMES.tz_localize(None).as_unit("ns").to_numpy()
    exits = np.arange(len(TIMES))[:, None] + rng.integers(1, longest + 1, (len(TIMES), 3))
    known_at = np.where(exits < len(TIMES), instants[np.minimum(exits, len(TIMES) - 1)], np.datetime64("NaT", "ns"))
    return Label("any", rng.normal(size=exits.shape), known_at, longest, "next_open")


@pytest.fixture(params=list(splitter))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def parameters(data: st.DataObject, name: str) -> dict[str, Any]:
    fields = splitter.schema(name).model_fields
    return {key: data.draw(drawn, label=key) for key, drawn in DRAWN.items() if key in fields}


@pytest.mark.parametrize("odd", [None, "ten", [1], True, 1.5, -1, np.nan, np.inf])
def test_a_direct_call_is_checked_as_a_configuration_is(name: str, odd: object) -> None:
    schema = splitter.schema(name).model_fields
    needed = {key: 2 for key, field in schema.items() if field.is_required()}
    for key, field in schema.items():
        if odd is None and field.default is None:
            continue
        with pytest.raises(ConfigError) as caught:
            splitter[name](TIMES, labelled(0), **{**needed, key: odd})
        assert caught.value.code == "bad_parameter", key


def test_more_parts_than_names_are_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="3 symbols make 3 of 1000000000 groups") as caught:
        splitter["group_holdout"](TIMES, labelled(0), parts=10**9)
    assert caught.value.code == "too_few_groups"


@settings(max_examples=30, deadline=None)
@given(world=worlds(), data=st.data())
@pytest.mark.parametrize("name", list(splitter))
def test_nothing_is_learned_that_tells_of_what_is_tested(name: str, world: World, data: st.DataObject) -> None:
    chosen = parameters(data, name)
    try:
        folds = splitter.bind({"name": name, **chosen})(world.times, world.label)
    except ConfigError as error:
        if error.code not in {"too_few_rows", "folds"}:
            raise
        assume(False)
    expect_no_leak(world, folds, chosen.get("embargo", 0))


@settings(max_examples=30, deadline=None)
@given(world=worlds(), data=st.data())
@pytest.mark.parametrize("name", ["purged_kfold", "combinatorial_purged"])
def test_cross_validation_leaves_out_nothing_else(name: str, world: World, data: st.DataObject) -> None:
    chosen = parameters(data, name)
    try:
        folds = splitter.bind({"name": name, **chosen})(world.times, world.label)
    except ConfigError:
        assume(False)
    for fold in folds:
        np.testing.assert_array_equal(training_mask(world.label, fold), may_learn(world, fold, chosen["embargo"]))


@settings(max_examples=15, deadline=None)
@given(world=worlds(least=50, most=70), outer=st.sampled_from(list(splitter)))
@pytest.mark.parametrize("name", list(splitter))
def test_a_search_within_a_fold_sees_nothing_that_the_fold_may_not(name: str, world: World, outer: str) -> None:
    label, found = world.label, 0
    for fold in splitter.bind({"name": outer} | ({"folds": 3} if outer != "calendar_years" else {}))(
        world.times, label
    ):
        try:
            inner, seen = nested(fold, world.times, label, splitter.bind(name))
        except ConfigError as error:
            if error.code != "too_few_rows":
                raise
            continue
        found += len(inner)
        allowed = training_mask(label, fold)
        np.testing.assert_array_equal(np.isfinite(seen.values), allowed)
        np.testing.assert_array_equal(~np.isnat(seen.known_at), allowed)
        np.testing.assert_array_equal(seen.values[allowed], label.values[allowed])
        expect_no_leak(World(world.times, seen), inner, 0)
        for each in inner:
            assert not (training_mask(seen, each) & ~allowed).any()
            assert np.isin(each.test, fold.train).all()
    assume(found)


@pytest.mark.parametrize("seed", [0, 1])
def test_every_tested_cell_is_tested_as_often(name: str, seed: int) -> None:
    label = labelled(seed)
    folds = splitter.bind(name)(TIMES, label)
    assert [fold.index for fold in folds] == list(range(len(folds)))
    tested = np.zeros(label.values.shape, int)
    for fold in folds:
        assert training_mask(label, fold).any()
        assert not np.intersect1d(fold.train, fold.test).size
        for rows in (fold.train, fold.test):
            assert (np.diff(rows) > 0).all()
        tested[fold.cells(label.values.shape[1])] += 1
    assert len(np.unique(tested[tested > 0])) == 1


@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_said_to_walk_forward_does(name: str, seed: int) -> None:
    label = labelled(seed)
    folds = splitter.bind(name)(TIMES, label)
    if not getattr(splitter[name], "walks", False):
        return
    assert check_folds(folds, label, TIMES) is None
    assert all(fold.forward and fold.symbols is None for fold in folds)
    tested = np.concatenate([fold.test for fold in folds])
    np.testing.assert_array_equal(tested, np.arange(tested[0], len(TIMES)))


def test_splitting_again_gives_the_same_folds(name: str) -> None:
    label = labelled(0)
    for one, two in zip(splitter.bind(name)(TIMES, label), splitter.bind(name)(TIMES, label), strict=True):
        for part in ("train", "test", "cutoff", "cutoffs", "symbols"):
            np.testing.assert_array_equal(getattr(one, part), getattr(two, part))


def test_too_little_data_is_told(name: str) -> None:
    for rows in (0, 1, 2):
        part = labelled(0)
        part = Label("any", part.values[:rows], part.known_at[:rows], 20, "next_open")
        with pytest.raises(ConfigError, match="too few rows") as caught:
            splitter.bind(name)(TIMES[:rows], part)
        assert caught.value.code == "too_few_rows"


def test_a_label_that_nobody_knows_yet_teaches_nothing(name: str) -> None:
    label = labelled(0)
    unknown = Label("any", label.values, np.full(label.values.shape, np.datetime64("NaT", "ns")), 20, "next_open")
    with pytest.raises(ConfigError, match="too few rows"):
        splitter.bind(name)(TIMES, unknown)


class Careless(Label):
    """Takes everything for known."""

    def known_before(self, cutoff: Any) -> np.ndarray:
        return np.ones(self.values.shape, bool)


def test_without_the_purge_every_splitter_leaks(name: str) -> None:
    label = labelled(0)
    careless = Careless(label.name, label.values, label.known_at, label.horizon, label.entry)
    with pytest.raises(AssertionError, match="leaks"):
        expect_no_leak(World(TIMES, careless), splitter.bind(name)(TIMES, careless), 0)


@pytest.mark.parametrize("name", ["purged_kfold", "combinatorial_purged"])
def test_without_the_purge_after_a_test_run_they_leak(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(TIMES, labelled(0, longest=3))
    expect_no_leak(world, splitter.bind(name)(TIMES, world.label), 0)
    monkeypatch.setattr(purge, "_row_known", lambda run, moments, label: 0)
    with pytest.raises(AssertionError, match="leaks"):
        expect_no_leak(world, splitter.bind(name)(TIMES, world.label), 0)


def test_a_search_that_saw_the_whole_label_would_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["alpha.validation.splits.nested"], "_seen", lambda label, mask: label)
    label, whole = labelled(0), splitter.bind("purged_kfold")
    outer = splitter.bind("walk_forward")(TIMES, label)[0]
    inner, seen = nested(outer, TIMES, label, whole)
    assert any((training_mask(seen, fold) & ~training_mask(label, outer)).any() for fold in inner)


@pytest.mark.parametrize("name", [name for name in splitter if "embargo" in splitter.schema(name).model_fields])
def test_without_the_embargo_every_splitter_leaks(name: str) -> None:
    """The same folds, held against an embargo that they do not keep."""
    world = World(TIMES, labelled(0, longest=3))
    expect_no_leak(world, splitter.bind({"name": name, "embargo": 5})(TIMES, world.label), 5)
    with pytest.raises(AssertionError, match="leaks"):
        expect_no_leak(world, splitter.bind(name)(TIMES, world.label), 5)


def test_a_symbol_held_out_is_not_learned_from() -> None:
    label = labelled(0)
    held_out = Fold(0, np.arange(50), np.arange(80, 90), TIMES.tz_localize(None).as_unit("ns").to_numpy()[80],
                    symbols=np.array([1]))  # fmt: skip
    mask = training_mask(label, held_out)
    assert mask[:, [0, 2]].any(axis=0).all()
    assert not mask[:, 1].any()
