"""Every registered feature, and every set, keeps the contract; and each check fails on a feature that breaks it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from feature_checks import (
    CHECKS,
    check_chunks,
    check_cut,
    check_memory,
    check_permutation,
    check_price_scale,
    check_shock,
    check_stream,
    make_panel,
)

from alpha.features import CROSS_SECTION, Plan, columns, feature, feature_set
from alpha.features.expr import Expr, close, volume
from alpha.features.operators import apply, cs_rank, ema, lag, std


@pytest.fixture(scope="module")
def panel():
    return make_panel()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", list(feature))
def test_feature_keeps_the_contract(name, check, panel):
    check(Plan(columns([name])), panel)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("across", sorted(CROSS_SECTION))
def test_all_features_in_one_plan_keep_the_contract(check, across, panel):
    check(Plan(columns(feature, cross_section=across)), panel)


@pytest.mark.parametrize("name", list(feature_set))
def test_set_makes_a_plan(name, panel):
    plan = Plan(columns([{"set": name}], cross_section="rank"))
    known = np.isfinite(plan.batch(panel).values)
    for f, column in enumerate(plan.names):
        assert known[..., f].any(), f"{column} is never known"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", list(feature_set))
def test_set_keeps_the_contract(name, check, panel):
    check(Plan(columns([{"set": name}])), panel)


@pytest.mark.parametrize("name", list(feature))
def test_feature_is_documented_and_has_defaults(name, panel):
    made = feature[name]
    assert len(made.__doc__ or "") > 40, f"{name}: say the formula, the unit and the source"
    assert isinstance(feature.bind(name)(), Expr)
    values = Plan(columns([name])).batch(panel).values
    assert not np.isinf(values).any()
    assert np.isfinite(values).mean() > 0.4, f"{name} is hardly ever known"


def test_features_are_the_same_alone_and_in_company(panel):
    together = Plan(columns(feature)).batch(panel).values
    for f, name in enumerate(feature):
        alone = Plan(columns([name])).batch(panel).values[..., 0]
        np.testing.assert_array_equal(alone, together[..., f], err_msg=name)


RET = close / lag(close, 1) - 1


class Spoiled:
    """A plan whose result is tampered with."""

    def __init__(self, spoil, plan=None, lookback=None):
        self.plan = plan or Plan({"ret": RET, "vol": std(RET, 10)})
        self.spoil, self.lookback, self.recursive = spoil, self.plan.lookback if lookback is None else lookback, False

    def batch(self, panel, **kwargs):
        features = self.plan.batch(panel, **kwargs)
        return replace(features, values=self.spoil(features.values, kwargs))

    def stream(self, *args, **kwargs):
        return self.plan.stream(*args, **kwargs)


def shifted(values, _):
    return np.concatenate([values[1:], values[-1:]])


def full_sample_zscore(values, _):
    known = np.isfinite(values)
    return (values - np.mean(values, axis=0, where=known)) / np.std(values, axis=0, where=known)


def centred(values, _):
    """The mean of the row before, the row and the row after."""
    return np.nanmean([np.roll(values, 1, axis=0), values, np.roll(values, -1, axis=0)], axis=0)


def backfilled(values, _):
    filled = values.copy()
    for row in range(len(values) - 2, -1, -1):
        filled[row] = np.where(np.isfinite(filled[row]), filled[row], filled[row + 1])
    return filled


def untouched(values, _):
    return values


@pytest.mark.parametrize("check", [check_cut, check_shock])
@pytest.mark.parametrize("leak", [shifted, full_sample_zscore, centred, backfilled])
@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_a_look_ahead_is_seen(check, leak, panel):
    check(Spoiled(untouched), panel, (131, 420))
    with pytest.raises(AssertionError, match="look-ahead"):
        check(Spoiled(leak), panel, (89, 131, 420))  # a listing, whose first value a fill takes to the past


SEEN = np.full(1, -np.inf)


def over_the_greatest_ever(x):
    """A window function that remembers: what it was given for later rows, in another run, is known in this one."""
    SEEN[0] = np.fmax(SEEN[0], np.fmax.reduce(x, axis=None))
    return x[-1] / SEEN[0]


@pytest.mark.parametrize("check", [check_cut, check_shock])
def test_a_window_function_with_a_memory_is_seen(check, panel):
    SEEN[0] = -np.inf
    with pytest.raises(AssertionError, match="look-ahead"):
        check(Plan({"scaled": apply(over_the_greatest_ever, RET, window=3)}), panel)


@pytest.mark.parametrize("lookback", [0, 9])
def test_an_understated_memory_is_seen(lookback, panel):
    with pytest.raises(AssertionError, match="declared memory"):
        check_memory(Spoiled(untouched, lookback=lookback), panel)


def test_an_understated_fading_memory_is_seen(panel):
    plan = Plan({"ema": ema(close, 20) / close - 1})
    plan.lookback = 60
    with pytest.raises(AssertionError, match="declared memory"):
        check_memory(plan, panel)


def test_a_stream_that_differs_in_the_last_bit_is_seen(panel):
    with pytest.raises(AssertionError, match="batch == stream"):
        check_stream(Spoiled(lambda values, _: np.nextafter(values, np.inf)), panel)


def test_a_result_that_depends_on_the_chunk_is_seen(panel):
    with pytest.raises(AssertionError, match="chunk"):
        check_chunks(Spoiled(lambda values, kwargs: values * (1 + kwargs.get("chunk", 0))), panel)


def test_a_sum_in_the_order_of_the_symbols_is_seen(panel):
    def demeaned(values, _):
        total = np.zeros(values.shape[::2])
        for i in range(values.shape[1]):
            total += np.nan_to_num(values[:, i])
        return values - total[:, None]

    with pytest.raises(AssertionError, match="permuted"):
        check_permutation(Spoiled(demeaned), panel)


def test_a_price_level_is_seen(panel):
    disguised = replace(close, unit=0.0)
    with pytest.raises(AssertionError, match="prices of one symbol"):
        check_price_scale(Plan({"close": disguised}), panel)
    check_price_scale(Plan({"rank": cs_rank(volume)}), panel)
