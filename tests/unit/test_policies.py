"""From a signal to the weights wanted, against plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from views import view

from alpha.core.errors import ConfigError
from alpha.core.instrument import Instrument
from alpha.portfolio import policy
from alpha.portfolio.costs import fee, paid
from alpha.portfolio.target import target

NAN = np.nan
FLAT = np.zeros(5)


def want(name, signal, held=None, **params):
    return policy.bind({"name": name, **params})(view(signal, held))


def average_rank(signal, i):
    known = [s for s in signal if np.isfinite(s)]
    return sum(s < signal[i] for s in known) + (sum(s == signal[i] for s in known) + 1) / 2


def long_short_by_loops(signal, quantile, gross):
    known = [i for i, s in enumerate(signal) if np.isfinite(s)]
    tail = max(1, int(len(known) * quantile + 1e-9))
    long = [i for i in known if average_rank(signal, i) > len(known) - tail]
    short = [i for i in known if average_rank(signal, i) < tail + 1]
    weights = np.zeros(len(signal))
    for i in long if short else []:
        weights[i] += gross / 2 / len(long)
    for i in short if long else []:
        weights[i] -= gross / 2 / len(short)
    return weights


@pytest.mark.parametrize("seed", range(30))
def test_long_short_equals_the_loops(seed):
    rng = np.random.default_rng(seed)
    signal = rng.integers(0, 1 + rng.integers(1, 12), rng.integers(0, 15)).astype(float)
    signal[rng.random(len(signal)) < 0.2] = NAN
    quantile, gross = rng.choice([0.05, 0.2, 0.3, 0.5]), rng.choice([0.5, 1.0, 2.0])
    found = want("long_short", signal, quantile=quantile, gross=gross)
    np.testing.assert_allclose(found, long_short_by_loops(signal, quantile, gross), atol=1e-15)
    assert abs(found.sum()) < 1e-12


def test_long_short_holds_the_tails():
    np.testing.assert_allclose(want("long_short", [1, 2, 3, 4, 5]), [-0.5, 0, 0, 0, 0.5])
    np.testing.assert_allclose(want("long_short", [5, NAN, 1]), [0.5, 0, -0.5])
    np.testing.assert_allclose(want("long_short", [3, 3, 1, 0, 2], quantile=0.4), [0.25, 0.25, -0.25, -0.25, 0])


@pytest.mark.parametrize("signal", [[NAN] * 5, [7.0] * 5, [NAN, 3.0, NAN, NAN, NAN], []])
@pytest.mark.parametrize("name", ["long_short", "signal_weighted"])
def test_a_neutral_book_needs_a_difference(name, signal):
    np.testing.assert_array_equal(want(name, signal), np.zeros(len(signal)))


def test_names_that_tie_across_the_edge_are_all_in_or_all_out():
    np.testing.assert_allclose(want("long_short", [0, 1, 9, 9, 9], quantile=0.4), [-0.25, -0.25, 1 / 6, 1 / 6, 1 / 6])
    np.testing.assert_allclose(want("long_only", [0, 9, 9, 9, 9], quantile=0.2), FLAT)


def test_long_only_holds_the_best():
    np.testing.assert_allclose(want("long_only", [1, 2, NAN, 4]), [1 / 3, 1 / 3, 0, 1 / 3])
    np.testing.assert_allclose(want("long_only", [1, 2, 3, 4, 5], quantile=0.4, gross=0.5), [0, 0, 0, 0.25, 0.25])
    np.testing.assert_array_equal(want("long_only", [NAN] * 3), np.zeros(3))


def test_signal_weighted_is_neutral_and_proportional():
    np.testing.assert_allclose(want("signal_weighted", [1, 2, 3, NAN], gross=2.0), [-1, 0, 1, 0])
    np.testing.assert_array_equal(want("signal_weighted", [0.1] * 3), np.zeros(3))


@pytest.mark.parametrize("name", ["long_short", "long_only", "signal_weighted"])
def test_the_rate_goes_part_of_the_way_and_leaves_names_without_a_signal_at_once(name):
    signal, held = [1, 2, 3, 4, NAN], [0.4, 0.0, -0.2, 0.1, 0.3]
    whole = want(name, signal, held)
    part = want(name, signal, held, rate=0.25)
    np.testing.assert_allclose(part[:4], np.array(held[:4]) + 0.25 * (whole[:4] - held[:4]))
    assert part[4] == 0.0


@pytest.mark.parametrize("wrong", [{"quantile": 0.6}, {"quantile": 0}, {"gross": 0}, {"rate": 0}, {"rate": 1.1}])
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ConfigError):
        want("long_short", [1.0], **wrong)


def test_costs_are_against_the_trader():
    assert paid(100.0, 5, 10) == pytest.approx(100.1)
    assert paid(100.0, -5, 10) == pytest.approx(99.9)
    assert fee(100.0, -5, 10) == fee(100.0, 5, 10) == pytest.approx(0.5)


def long_only(seen):
    """Return the view of names that cannot be sold short."""
    return replace(seen, bar=replace(seen.bar, instrument=Instrument(shortable=False)))


def test_names_that_cannot_be_sold_short_have_no_negative_weight():
    policy_, seen_ = policy.bind("long_short"), view([0.5, -0.5, 0.1, -0.1, 0.3, -0.3])
    free, long = target(seen_, policy_), target(long_only(seen_), policy_)
    assert (free.weights < 0).any()
    np.testing.assert_array_equal(long.weights, np.maximum(free.weights, 0.0))
    np.testing.assert_array_equal(long.raw, free.raw)
    assert (free.clipped, long.clipped) == ((), ("shortable",))
    assert target(long_only(view([0.0] * 6)), policy_).clipped == ()
