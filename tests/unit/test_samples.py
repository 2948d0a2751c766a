"""Samples split again inside a fit, which learns from what was known before what it holds out; and their weights."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from fitting import DAY, START, samples
from hypothesis import assume, given
from hypothesis import strategies as st

from alpha.core.errors import ConfigError, ModelError
from alpha.models import weight
from alpha.models.samples import Samples
from alpha.models.weights import age, uniqueness


@st.composite
def many(draw: st.DrawFn) -> Samples:
    """Return samples of some symbols whose outcomes take from 1 to 12 rows, some of them not yet known."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, names = draw(st.integers(30, 60)), draw(st.integers(1, 4))
    row, symbol = np.nonzero(rng.random((rows, names)) < draw(st.sampled_from([0.4, 1.0])))
    made = samples(rng.normal(size=(len(row), 2)), rng.normal(size=len(row)), row, symbol,
                   horizon=rng.integers(1, draw(st.integers(2, 13)), len(row)))  # fmt: skip
    known_at = np.where(rng.random(len(row)) < 0.05, np.datetime64("NaT"), made.known_at)
    return replace(made, known_at=known_at)


def index(part: Samples) -> set[tuple[int, int]]:
    return set(zip(part.row.tolist(), part.symbol.tolist(), strict=True))


@given(many(), st.integers(0, 70))
def test_before_is_what_was_known_strictly_before(whole, day):
    instant = START + day * DAY
    part = whole.before(instant)
    assert (part.known_at < instant).all()
    assert len(part) == sum(1 for known in whole.known_at if known < instant)
    assert index(part) <= index(whole)


@given(many(), st.sampled_from([0.1, 0.25, 0.5]))
def test_a_split_learns_from_nothing_that_was_unknown_at_what_it_holds_out(whole, share):
    learned, held_out = whole.split(share)
    assert (learned.known_at < held_out.instant.min()).all()
    assert not index(learned) & index(held_out)
    newest = np.unique(whole.row)[-round(share * len(np.unique(whole.row))) :]
    np.testing.assert_array_equal(np.unique(held_out.row), newest)
    assert index(learned) == index(whole.before(held_out.instant[0])), "all that was known by then"


@given(many(), st.integers(1, 4))
def test_inner_folds_hold_out_each_row_once_and_learn_from_the_past(whole, number):
    second = np.array_split(np.unique(whole.row), number + 1)[1]
    assume(len(whole.before(START + second[0] * DAY)))
    made = whole.folds(number)
    held = np.concatenate([np.unique(block.row) for _, block in made])
    rows = np.unique(whole.row)
    np.testing.assert_array_equal(held, rows[len(rows) - len(held) :])
    assert len(made) == number
    for learned, block in made:
        assert index(learned) == index(whole.before(block.instant[0]))


def test_parts_keep_what_belongs_together():
    whole = samples(np.arange(20.0).reshape(10, 2), np.arange(10.0), np.arange(10), np.arange(10) % 3, horizon=2,
                    weight=np.linspace(0.5, 1.5, 10))  # fmt: skip
    mask = np.arange(10) % 4 == 1
    part = whole.take(mask)
    for each in fields(Samples):
        np.testing.assert_array_equal(getattr(part, each.name), getattr(whole, each.name)[mask])


def test_what_a_fit_is_given_cannot_be_changed_by_it():
    whole = samples(np.zeros((5, 2)), np.zeros(5))
    for part in (whole, whole.take(whole.row < 3), whole.split(0.4)[0]):
        for each in fields(Samples):
            with pytest.raises(ValueError, match="read-only"):
                getattr(part, each.name)[0] = 0


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_a_share_lies_between_nothing_and_everything(share):
    with pytest.raises(ConfigError, match="share must be above 0"):
        samples(np.zeros((5, 1)), np.zeros(5)).split(share)


def test_there_is_at_least_one_inner_fold():
    with pytest.raises(ConfigError, match="number must be at least 1"):
        samples(np.zeros((5, 1)), np.zeros(5)).folds(0)


@pytest.mark.parametrize("split", [lambda made: made.split(0.5), lambda made: made.folds(2)])
def test_what_leaves_nothing_to_learn_from_is_refused(split):
    with pytest.raises(ModelError, match="nothing is known before") as caught:
        split(samples(np.zeros((6, 1)), np.zeros(6), horizon=9))
    assert caught.value.code == "too_few_samples"


@pytest.mark.parametrize(
    ("parts", "why"),
    [({"row": np.arange(5)[::-1]}, "in the order of their rows"), ({"weight": np.ones(4)}, "there are 4 for 5")],
)
def test_samples_that_do_not_belong_together_are_refused(parts, why):
    with pytest.raises(ModelError, match=why) as caught:
        replace(samples(np.zeros((5, 1)), np.zeros(5)), **parts)
    assert caught.value.code == "bad_samples"


def test_weights_halve_with_age():
    made = samples(np.zeros((4, 1)), np.zeros(4), np.array([0, 10, 20, 30]))
    np.testing.assert_allclose(age(made, half_life=10, unit="rows"), [0.125, 0.25, 0.5, 1.0])
    by_years = age(made, half_life=10 / 365.25)
    np.testing.assert_allclose(by_years, [0.125, 0.25, 0.5, 1.0])


def plain_uniqueness(made: Samples) -> np.ndarray:
    """Count, bar by bar, the labels of a symbol whose span holds it: snippets 4.1 and 4.2 of the book."""
    bars = sorted({*made.instant, *(known for known in made.known_at if not np.isnat(known))})
    ends = [bars[-1] + DAY if np.isnat(known) else known for known in made.known_at]
    result = []
    for start, end, symbol in zip(made.instant, ends, made.symbol, strict=True):
        spanned = [bar for bar in bars if start <= bar < end]
        concurrent = [sum(1 for s, e, other in zip(made.instant, ends, made.symbol, strict=True)
                          if other == symbol and s <= bar < e) for bar in spanned]  # fmt: skip
        result.append(np.mean([1 / count for count in concurrent]))
    return np.array(result)


@given(many())
def test_uniqueness_equals_a_plain_count(made):
    made = made.take(np.arange(len(made)) < 40)
    np.testing.assert_allclose(uniqueness(made), plain_uniqueness(made), rtol=1e-12)


def test_outcomes_that_do_not_overlap_are_unique_and_equal_ones_share():
    apart = samples(np.zeros((5, 1)), np.zeros(5), np.arange(5) * 3, horizon=3)
    np.testing.assert_allclose(uniqueness(apart), 1.0)
    together = samples(np.zeros((40, 1)), np.zeros(40), horizon=5)
    np.testing.assert_allclose(uniqueness(together)[10:30], 0.2)


@pytest.mark.parametrize("name", list(weight))
def test_a_weight_is_a_positive_number_a_sample_and_never_looks_beyond_them(name):
    """Over the registry: the same whatever stands in other samples' symbols and inputs, and read from these alone."""
    rng = np.random.default_rng(0)
    row, symbol = np.nonzero(np.ones((50, 3), bool))
    made = samples(rng.normal(size=(150, 2)), rng.normal(size=150), row, symbol, horizon=rng.integers(1, 9, 150))
    found = weight.bind(name)(made)
    assert found.shape == (150,)
    assert ((found > 0) & (found <= 1)).all()
    np.testing.assert_array_equal(weight.bind(name)(made), found)
    np.testing.assert_allclose(weight.bind(name)(replace(made, X=-made.X)), found)
