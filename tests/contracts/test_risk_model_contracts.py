"""What every risk model must do, whoever wrote it: no future, no gaps, the same bits however it is run."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import DataError
from alpha.core.panel import Panel
from alpha.portfolio import risk_model

ROWS, NAMES = 90, 8
LATE, DEAD, UNTRADED = 6, 7, 5  # listed late, gone early, without volume
SHORT = {"exponential": {"halflife": 20.0}, "ledoit_wolf": {"window": 40}, "statistical_factors": {"window": 40}}


def returns(seed=0):
    rng = np.random.default_rng(seed)
    market = rng.normal(0, 0.01, (ROWS, 1))
    return market * rng.uniform(0.5, 1.5, NAMES) + rng.normal(0, 1, (ROWS, NAMES)) * np.linspace(0.005, 0.03, NAMES)


def panel(moves, *, gaps=0.0, seed=0):
    """Return a market in which one name is listed late, one dies, one has no volume, and prices are missing."""
    rng = np.random.default_rng(seed)
    close = 50 * np.cumprod(1 + moves, axis=0)
    close[: ROWS - 30, LATE] = close[ROWS - 50 :, DEAD] = np.nan
    close[rng.random(close.shape) < gaps] = np.nan
    volume = np.exp(rng.normal(12, 1, close.shape)).round()
    volume[rng.random(close.shape) < gaps] = np.nan
    volume[:, UNTRADED] = np.nan
    times = pd.bdate_range("2020-01-01 21:00", periods=ROWS, tz="UTC")
    return Panel(times, tuple("ABCDEFGH"), {"close": close, "volume": volume})


MARKET = panel(returns(), gaps=0.1)


@pytest.fixture(params=list(risk_model))
def bound(request):
    return risk_model.bind({"name": request.param, **SHORT.get(request.param, {})})


def pushed(machine, market, rows=None):
    return [machine.push(market.bar(row)) for row in range(len(market)) if rows is None or row in rows]


def same(one, other):
    for name in ("cov", "beta", "vol", "adv"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def after(bound, market):
    """Return the estimate at the end of a market."""
    machine = bound()
    machine.catch_up(market.rows(slice(0, -1)))
    return machine.push(market.bar(len(market) - 1))


def test_a_batch_a_stream_and_a_restart_give_the_same_bits(bound):
    streamed = pushed(bound(), MARKET)
    for cut in (1, 2, 33, ROWS - 1):
        machine = bound()
        machine.catch_up(MARKET.rows(slice(0, cut)))
        restarted = bound()
        restarted.restore(machine.state())
        assert restarted.state() == machine.state()
        for row in range(cut, min(cut + 20, ROWS)):
            same(machine.push(MARKET.bar(row)), streamed[row])
            same(restarted.push(MARKET.bar(row)), streamed[row])
            restarted.restore(restarted.state())


def test_no_future_changes_the_past(bound):
    """Cut off or shocked, the bars after a row leave its estimate as it was; so do the pushes that follow."""
    whole = pushed(bound(), MARKET)
    for row in (10, 60):
        same(after(bound, MARKET.rows(slice(0, row + 1))), whole[row])
        close, volume = MARKET["close"].copy(), MARKET["volume"].copy()
        close[row + 1 :], volume[row + 1 :] = close[row + 1 :] * 3, 1.0
        same(pushed(bound(), MARKET.with_fields(close=close, volume=volume))[row], whole[row])


def test_an_estimate_that_was_given_out_stays_as_it_was(bound):
    machine = bound()
    machine.catch_up(MARKET.rows(slice(0, 50)))
    first = machine.push(MARKET.bar(50))
    kept = first.cov.copy()
    pushed(machine, MARKET, range(51, 60))
    np.testing.assert_array_equal(first.cov, kept)
    first.cov[:] = 0
    assert machine.push(MARKET.bar(60)).cov.any()


def check(risk):
    assert np.isfinite(risk.cov).all()
    assert np.isfinite(risk.beta).all()
    np.testing.assert_array_equal(risk.cov, risk.cov.T)
    assert np.linalg.eigvalsh(risk.cov).min() >= -1e-12 * np.trace(risk.cov)
    np.testing.assert_array_equal(risk.vol, np.sqrt(np.diagonal(risk.cov)))


def test_every_estimate_is_finite_symmetric_and_positive_semi_definite(bound):
    for row, risk in enumerate(pushed(bound(), MARKET)):
        check(risk)
        assert (risk.vol > 0).all()
        assert risk.beta[MARKET.tradable[row]].mean() == pytest.approx(1.0)
        assert (risk.adv[~np.isnan(risk.adv)] >= 0).all()
    assert np.isnan(risk.adv[UNTRADED])
    assert np.isfinite(np.delete(risk.adv, [UNTRADED, DEAD])).all()


@pytest.mark.parametrize("odd", [0.0, -5.0, np.inf, 1e300, 1e-300, np.nan])
def test_prices_that_cannot_be_spoil_nothing(bound, odd):
    close, volume = MARKET["close"].copy(), MARKET["volume"].copy()
    close[40, 1], close[41:43, 2], volume[44, 3], volume[45, 3] = odd, odd, odd, -odd
    for risk in pushed(bound(), MARKET.with_fields(close=close, volume=volume))[38:60]:
        check(risk)
        assert risk.adv[np.isfinite(risk.adv)].min() >= 0


def test_prices_of_which_none_is_known_spoil_nothing(bound):
    close = np.full_like(MARKET["close"], np.nan)
    for risk in pushed(bound(), MARKET.with_fields(close=close), range(3)):
        check(risk)
        np.testing.assert_allclose(risk.vol, bound.params["unseen"])


@pytest.mark.parametrize("scale", [0.25, 3.0])
def test_returns_that_are_larger_by_a_factor_give_a_deviation_larger_by_it(bound, scale):
    found, larger = (after(bound, panel(each)) for each in (returns(), returns() * scale))
    np.testing.assert_allclose(larger.cov, found.cov * scale**2, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(larger.vol, found.vol * scale, rtol=1e-8)
    np.testing.assert_allclose(larger.beta, found.beta, rtol=1e-7)


def test_the_unit_of_the_prices_does_not_matter(bound):
    unit = np.logspace(-3, 3, NAMES)
    found, other = after(bound, MARKET), after(bound, MARKET.with_fields(close=MARKET["close"] * unit))
    np.testing.assert_allclose(other.cov, found.cov, rtol=1e-8, atol=1e-16)
    np.testing.assert_allclose(other.adv, found.adv * unit, rtol=1e-12)


def test_the_order_of_the_names_does_not_matter(bound):
    order = np.random.default_rng(1).permutation(NAMES)
    found = after(bound, MARKET)
    other = after(bound, MARKET.select([MARKET.symbols[i] for i in order]))
    np.testing.assert_allclose(other.cov, found.cov[np.ix_(order, order)], rtol=1e-8, atol=1e-16)
    for name in ("beta", "vol", "adv"):
        np.testing.assert_allclose(getattr(other, name), getattr(found, name)[order], rtol=1e-8)


def test_a_name_without_a_history_is_as_risky_as_the_riskiest_and_moves_with_the_market(bound):
    risk = after(bound, MARKET.rows(slice(0, ROWS - 30)))
    seen = np.delete(risk.vol, [LATE, DEAD])
    assert risk.vol[LATE] >= np.quantile(seen**2, 0.9) ** 0.5 * (1 - 1e-12)
    assert 0.7 < risk.beta[LATE] < 1.7


def test_a_name_with_gaps_is_no_less_risky_for_them(bound):
    """Its missing returns are filled with the market's, which moves less than it does."""
    moves = returns()
    whole = after(bound, panel(moves))
    close = panel(moves)["close"].copy()
    close[ROWS - 60 :: 2, 4] = np.nan
    gapped = after(bound, panel(moves).with_fields(close=close))
    assert gapped.vol[4] > 0.9 * whole.vol[4]


def test_the_last_bar_may_be_pushed_again_and_an_older_one_may_not(bound):
    machine = bound()
    first = pushed(machine, MARKET, range(30))[-1]
    state = machine.state()
    same(machine.push(MARKET.bar(29)), first)
    assert machine.state() == state
    with pytest.raises(DataError, match=r"\[bar_out_of_order\]"):
        machine.push(MARKET.bar(28))
    with pytest.raises(DataError, match=r"\[symbols_differ\]"):
        machine.push(replace(MARKET.bar(30), symbols=tuple("HGFEDCBA")))


def objects():
    held = io.BytesIO()
    np.savez(held, identity=np.array({"code": "runs"}, object), symbols=np.array([]))
    return held.getvalue()


def cut(state):
    """Return the state with one name less in one of its arrays."""
    with np.load(io.BytesIO(state)) as saved:
        arrays = {name: saved[name] for name in saved.files}
    held = io.BytesIO()
    np.savez(held, **{**arrays, "_close": arrays["_close"][1:]})
    return held.getvalue()


def test_a_state_of_anything_else_is_refused(bound):
    machine = bound()
    pushed(machine, MARKET, range(30))
    state = machine.state()
    others = [risk_model.bind(name)() for name in risk_model if name != bound.name]
    others.append(risk_model.bind({**bound.entry, "min_bars": 7})())
    for other in others:
        pushed(other, MARKET, range(30))
        with pytest.raises(DataError, match=r"\[foreign_state\]"):
            machine.restore(other.state())
    for broken in (b"", b"no archive", state[:-200], state[200:], objects(), cut(state)):
        with pytest.raises(DataError, match=r"\[foreign_state\]"):
            machine.restore(broken)
    assert machine.state() == state, "a state that is refused changes nothing"


def test_a_machine_that_has_seen_nothing_has_a_state_too(bound):
    machine = bound()
    pushed(machine, MARKET, range(5))
    machine.restore(bound().state())
    same(pushed(machine, MARKET)[-1], pushed(bound(), MARKET)[-1])
