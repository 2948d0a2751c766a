"""Every registered tick feature and builder of bars keeps the contract; each check fails on one that breaks it."""

from __future__ import annotations

import numpy as np
import pytest
from tick_checks import (
    BAR_CHECKS,
    FEATURE_CHECKS,
    check_bars,
    check_cut,
    check_restore,
    check_scale,
    check_shock,
    check_split,
    make_events,
)

from alpha.features.ticks import TickMachine, bar_builder, tick_feature
from alpha.features.ticks.book import QUOTE, TRADE

CHOICES = {  # beside the defaults: other rules and prices
    "trade_sign": [{"rule": "tick"}, {"rule": "told"}],
    "signed_volume": [{"rule": "tick"}, {"rule": "told"}],
    "realised_spread": [{"rule": "tick", "horizon": 5}],
    "vpin": [{"bucket": 700, "buckets": 5, "rule": "lee_ready"}, {"bucket": 3000, "buckets": 3, "bar": 7}],
    "realised_variance": [{"price": "mid", "every": 30}],
    "bipower_variation": [{"price": "mid", "every": 30}],
    "jump_share": [{"every": 30}],
    "time_bars": [{"every": 3600}, {"every": 0.5}],
    "imbalance_bars": [{"of": "volume", "ticks": 30}, {"of": "dollar", "ticks": 10, "span": 3}],
    "tick_bars": [{"ticks": 1}, {"ticks": 37}],
    "volume_bars": [{"volume": 1}, {"volume": 500}],
    "dollar_bars": [{"dollars": 20_000}],
}


def entries(registry):
    return [{"name": name, **params} for name in registry for params in ({}, *CHOICES.get(name, []))]


def label(thing):
    if isinstance(thing, dict):
        return "-".join(map(str, thing.values()))
    return getattr(thing, "__name__", str(thing))


@pytest.fixture(scope="module")
def events():
    return make_events()


@pytest.mark.parametrize("check", FEATURE_CHECKS, ids=label)
@pytest.mark.parametrize("entry", entries(tick_feature), ids=label)
def test_tick_feature_keeps_the_contract(entry, check, events):
    check(tick_feature.bind(entry), events)


@pytest.mark.parametrize("check", BAR_CHECKS, ids=label)
@pytest.mark.parametrize("entry", entries(bar_builder), ids=label)
def test_bar_builder_keeps_the_contract(entry, check, events):
    check(bar_builder.bind(entry), events)


@pytest.mark.parametrize("name", list(tick_feature))
def test_tick_feature_is_documented_and_known(name, events):
    assert len(tick_feature[name].__doc__ or "") > 40, f"{name}: say the formula, the unit and the source"
    values = tick_feature[name]().push(events)
    assert not np.isinf(values).any()
    assert np.isfinite(values).mean() > 0.4, f"{name} is hardly ever known"


class Broken:
    """The effective spread of each event, spoiled in some way."""

    def __init__(self):
        self.machine = tick_feature["effective_spread"]()

    def push(self, events):
        return self.machine.push(events)

    def state(self):
        return self.machine.state()

    def restore(self, state):
        self.machine.restore(state)


class QuoteAfter(Broken):
    """Twice the distance of each trade from the mid of the quote *after* it."""

    def push(self, events):
        mid = np.where(events.kind == QUOTE, events.values[:, 0] + events.values[:, 2], np.nan) / 2
        later = np.full(len(mid), np.nan)
        newest = np.nan
        for i in range(len(mid) - 1, -1, -1):
            newest = mid[i] if np.isfinite(mid[i]) else newest
            later[i] = newest
        return np.where(events.kind == TRADE, 2 * np.abs(events.values[:, 0] / later - 1), np.nan)


class Standardised(Broken):
    """Scaled by all events that it was given at once."""

    def push(self, events):
        values = super().push(events)
        return values / np.nanmean(values) if np.isfinite(values).any() else values


class Forgetful(Broken):
    """It saves nothing but its stamp."""

    def state(self):
        return super().state() * np.r_[1.0, 1.0, np.zeros(len(super().state()) - 2)]


class PriceLevel(Broken):
    def push(self, events):
        return np.where(events.kind == TRADE, events.values[:, 0], np.nan)


class EarlyBars(Broken):
    """Bars that are known when they start."""

    def __init__(self):
        self.machine = bar_builder["tick_bars"]()

    def push(self, events):
        bars = super().push(events)
        return bars.assign(known_at=bars["start"])


@pytest.mark.parametrize(
    ("make", "check", "match"),
    [
        (QuoteAfter, check_split, "split"),
        (QuoteAfter, check_cut, "look-ahead"),
        (QuoteAfter, check_shock, "look-ahead"),
        (Standardised, check_split, "split"),
        (Standardised, check_cut, "look-ahead"),
        (Standardised, check_shock, "look-ahead"),
        (Forgetful, check_restore, "restored"),
        (PriceLevel, check_scale, "prices"),
        (EarlyBars, check_bars, "look-ahead"),
    ],
    ids=label,
)
def test_what_breaks_the_contract_is_seen(make, check, match, events):
    with pytest.raises(AssertionError, match=match):
        check(make, events)


def test_what_is_not_spoiled_passes(events):
    for check in FEATURE_CHECKS:
        check(Broken, events)


def test_a_feature_is_a_machine():
    assert all(isinstance(tick_feature.bind(name)(), TickMachine) for name in tick_feature)
