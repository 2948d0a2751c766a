"""Regimes: against statsmodels and scipy, on markets whose regimes are known, and never with what came later."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal
from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

from alpha.core.calendar import Calendar
from alpha.core.panel import Panel
from alpha.features import Plan, columns, regimes
from alpha.features.regimes import (
    MONTH,
    Mixture,
    Switching,
    fit_mixture,
    fit_switching,
    hamilton_filter,
    markov_turbulence,
    memberships,
    mixture_turbulence,
    stationary,
)

NYSE = Calendar()
SPY = Path(__file__).parents[2].parent / "shared/data/benchmark_etfs_daily_1998_2021.parquet"
CALM, STRESS, LEAVE = 0.006, 0.022, (0.01, 0.03)
FEATURES = ("markov_regime", "mixture_regime")


def simulated(rows=1500, seed=3):
    """Return returns and the true states: 0 calm, 1 turbulent."""
    rng = np.random.default_rng(seed)
    states, draws = np.zeros(rows, int), rng.random(rows)
    for t in range(1, rows):
        states[t] = states[t - 1] ^ (draws[t] < LEAVE[states[t - 1]])
    return rng.normal(0.0005, 1, rows) * np.array([CALM, STRESS])[states], states


def market(returns, symbols=3, seed=4):
    """Return a panel whose mean return is about `returns`."""
    own = np.random.default_rng(seed).normal(0, 0.002, (len(returns), symbols))
    times = NYSE.closes(NYSE.sessions("2000-01-03", "2020-12-31")[: len(returns)])
    prices = 100 * np.exp(np.cumsum(returns[:, None] + own - own.mean(axis=1, keepdims=True), axis=0))
    return Panel(times, tuple("ABCDEFG"[:symbols]), {"close": prices})


RETURNS, STATES = simulated()
PANEL = market(RETURNS)


def values(name, panel=PANEL, **params):
    return Plan(columns([{"name": name, **params}])).batch(panel).values[:, 0, 0]


@pytest.fixture(scope="module")
def found():
    return {name: values(name, fit=504) for name in FEATURES}


# the models


@pytest.fixture(scope="module")
def fitted():
    return fit_switching(RETURNS[:700])


def test_the_filter_is_that_of_statsmodels():
    model = MarkovRegression(RETURNS[:700] * 100, 2, switching_variance=True)
    params = np.array([0.96, 0.07, 0.05, -0.1, 0.4, 5.0])
    theirs = model.filter(params).filtered_marginal_probabilities
    transition = np.array([[0.96, 0.04], [0.07, 0.93]])
    ours = Switching(transition, params[2:4], params[4:6], stationary(transition))
    np.testing.assert_allclose(hamilton_filter(RETURNS[:700] * 100, ours), theirs, rtol=0, atol=1e-9)
    smoothed = model.smooth(params).smoothed_marginal_probabilities
    assert np.abs(smoothed - theirs).max() > 0.1  # the two are not to be confused


def test_a_fit_is_as_likely_as_that_of_statsmodels(fitted):
    model = MarkovRegression(RETURNS[:700] * 100, 2, switching_variance=True)
    best = model.fit(np.array([0.97, 0.05, 0.0, 0.0, 0.3, 4.0]), disp=False).llf
    params = [fitted.transition[0, 0], fitted.transition[1, 0], *fitted.mean * 100, *fitted.variance * 1e4]
    assert model.loglike(np.array(params)) > best - 1e-3


def test_a_fit_finds_the_market_that_was_simulated():
    model = fit_switching(simulated(6000, seed=8)[0])
    np.testing.assert_allclose(np.sqrt(model.variance), [CALM, STRESS], rtol=0.1)
    np.testing.assert_allclose(1 - np.diag(model.transition), LEAVE, rtol=0.4)


def test_filtering_in_two_parts_is_filtering_at_once(fitted):
    whole = hamilton_filter(RETURNS, fitted)
    first = hamilton_filter(RETURNS[:900], fitted)
    rest = hamilton_filter(RETURNS[900:], fitted._replace(filtered=first[-1]))
    np.testing.assert_array_equal(np.concatenate([first, rest]), whole)


def test_a_row_that_is_missing_says_nothing(fitted):
    chances = hamilton_filter(np.array([np.nan, np.inf, 0.001]), fitted)
    np.testing.assert_allclose(chances[0], fitted.filtered @ fitted.transition)
    np.testing.assert_allclose(chances[1], chances[0] @ fitted.transition)
    assert np.isfinite(chances).all()


def test_a_crash_beyond_all_likelihood_is_still_told():
    absorbing = Switching(np.eye(2), np.zeros(2), np.array([1e-6, 1e-4]), np.array([1.0, 0.0]))
    chances = hamilton_filter(np.array([10.0, 0.0]), absorbing)
    np.testing.assert_array_equal(chances, [[1.0, 0.0], [1.0, 0.0]])


def test_the_turbulent_state_is_the_last_one_whatever_the_order_of_the_data():
    for part in (RETURNS[:600], RETURNS[600:1200], RETURNS[:600][::-1].copy()):
        assert np.all(np.diff(fit_switching(part).variance) > 0)
        pair = np.column_stack([part, np.log(np.abs(part) + 1e-4)])
        assert np.diff(fit_mixture(pair).mean[:, -1]) > 0


def test_memberships_are_those_of_bayes():
    rng = np.random.default_rng(1)
    precision = np.array([[1.0, 2.0], [0.5, 0.7]])
    model = Mixture(np.array([0.7, 0.3]), np.array([[0.0, -1.0], [0.5, 1.0]]), precision, np.array([0.1, 0.2]),
                    np.array([2.0, 3.0]))  # fmt: skip
    rows = rng.normal(0, 3, (50, 2))
    standard = (rows - model.centre) / model.scale
    density = np.column_stack([w * multivariate_normal(m, np.diag(1 / p)).pdf(standard)
                               for w, m, p in zip(*model[:3], strict=True)])  # fmt: skip
    np.testing.assert_allclose(memberships(rows, model), density / density.sum(axis=1, keepdims=True), rtol=1e-9)


def test_a_chain_spends_its_time_as_the_long_run_says():
    transition = np.array([[0.9, 0.1], [0.3, 0.7]])
    np.testing.assert_allclose(stationary(transition), np.linalg.matrix_power(transition, 500)[0])


@pytest.mark.parametrize("rows", [np.full(300, 0.01), np.full(300, np.nan), np.r_[RETURNS[:270], np.full(30, np.nan)],
                                  np.zeros(0)])  # fmt: skip
def test_rows_that_say_too_little_are_not_fitted(rows):
    assert fit_switching(rows) is None
    assert fit_mixture(np.column_stack([rows, rows])) is None


def test_a_column_of_two_values_has_no_two_normal_halves():
    same = np.column_stack([RETURNS[:100], np.r_[np.zeros(99), -1.0]])
    assert fit_mixture(same) is None


def test_a_few_holes_are_left_out():
    holed = RETURNS[:700].copy()
    holed[[5, 100, 300]] = np.nan
    np.testing.assert_allclose(fit_switching(holed).variance, fit_switching(RETURNS[:700]).variance, rtol=0.02)


def test_fits_that_do_not_converge_are_unknown(monkeypatch):
    unconverged = MarkovRegression.fit

    def cut_short(self, *args, **kwargs):
        return unconverged(self, *args, **{**kwargs, "maxiter": 1, "em_iter": 0})

    monkeypatch.setattr(MarkovRegression, "fit", cut_short)
    assert fit_switching(RETURNS[:400]) is None

    def broken(self, *args, **kwargs):
        raise np.linalg.LinAlgError

    monkeypatch.setattr(MarkovRegression, "fit", broken)
    assert fit_switching(RETURNS[:400]) is None


def test_no_warning_is_let_out(recwarn):
    fit_switching(RETURNS[:100])
    fit_mixture(np.column_stack([RETURNS[:100], np.abs(RETURNS[:100])]))
    assert not recwarn.list


# window functions


def window(function, row, fit=504):
    """Call a window function as the plan does, with the rows up to one."""
    span = slice(row - fit - MONTH + 1, row + 1)
    seconds = PANEL.times.as_unit("ns").asi8[span, None] / 1e9
    rows = [RETURNS[span, None]]
    if function is mixture_turbulence:
        rows.append(np.abs(RETURNS[span, None]))
    return function(*rows, seconds, float(fit))[0]


@pytest.mark.parametrize("function", [markov_turbulence, mixture_turbulence])
def test_within_a_month_the_parameters_stay(function, monkeypatch):
    regimes._kept_switching.cache_clear()
    regimes._kept_mixture.cache_clear()
    fits = []
    for name in ("fit_switching", "fit_mixture"):
        original = getattr(regimes, name)
        monkeypatch.setattr(regimes, name, lambda rows, original=original: fits.append(1) or original(rows))
    rows = range(700, 763)
    chances = [window(function, row) for row in rows]
    assert len(fits) == PANEL.times[700:763].tz_localize(None).to_period("M").nunique()
    assert np.isfinite(chances).all()
    again = [window(function, row) for row in reversed(rows)][::-1]
    np.testing.assert_array_equal(again, chances)


def test_a_row_is_filtered_from_the_month_before_on():
    """The definition, in statsmodels' own words."""
    row, fit = 757, 504
    months = PANEL.times.tz_localize(None).to_period("M")
    start = int(np.flatnonzero(months == months[row])[0])
    assert start < row
    part = np.round(RETURNS[start - fit : start], 9)
    model = fit_switching(part)
    params = [model.transition[0, 0], model.transition[1, 0], *model.mean * 100, *model.variance * 1e4]
    upto = np.r_[part, RETURNS[start : row + 1]] * 100
    theirs = MarkovRegression(upto, 2, switching_variance=True).filter(np.array(params))
    assert window(markov_turbulence, row) == pytest.approx(theirs.filtered_marginal_probabilities[-1, 1], abs=1e-9)


def test_a_window_without_a_new_month_or_a_known_row_is_unknown():
    inside = np.full((60 + MONTH, 1), 1.0) * np.arange(60 + MONTH)[:, None]  # ninety seconds of one month
    assert np.isnan(markov_turbulence(RETURNS[: 60 + MONTH, None], inside, 60.0)).all()
    assert window(markov_turbulence, 700) > 0
    gone = RETURNS[700 - 504 - MONTH + 1 : 701, None].copy()
    gone[-1] = np.nan
    seconds = PANEL.times.as_unit("ns").asi8[700 - 504 - MONTH + 1 : 701, None] / 1e9
    assert np.isnan(markov_turbulence(gone, seconds, 504.0)).all()


# the features


@pytest.mark.parametrize("name", FEATURES)
def test_regimes_that_were_simulated_are_found(name, found):
    chance = found[name]
    known = np.isfinite(chance)
    assert known[504 + MONTH + 12 :].all()
    right = (chance[known] > 0.5) == STATES[known]
    assert right.mean() > {"markov_regime": 0.9, "mixture_regime": 0.8}[name]
    assert right.mean() > max(STATES[known].mean(), 1 - STATES[known].mean()) + 0.05  # than the better constant guess


@pytest.mark.parametrize("name", FEATURES)
def test_regimes_are_filtered_not_smoothed(name, found):
    """Cut at random: without the rows after it a row is the same, to the bit."""
    rng = np.random.default_rng(12)
    for cut in rng.integers(560, len(PANEL), 6):
        part = values(name, PANEL.rows(slice(0, int(cut))), fit=504)
        np.testing.assert_array_equal(part, found[name][:cut])


def test_a_stream_that_remembers_no_fit_gives_the_bits_of_the_batch(found):
    """What is kept of fits changes no value."""
    regimes._kept_switching.cache_clear()
    regimes._kept_mixture.cache_clear()
    plan = Plan(columns([{"name": name, "fit": 504} for name in FEATURES]))
    stream = plan.stream(PANEL.rows(slice(0, 900)))
    for row in range(900, 930):
        got = stream.push(PANEL.bar(row))[0]
        np.testing.assert_array_equal(got, [found[name][row] for name in FEATURES])


def test_a_decade_is_fitted_once_a_month(monkeypatch):
    regimes._kept_switching.cache_clear()
    monkeypatch.setattr(regimes, "fit_switching", lambda rows: Switching(
        np.array([[0.9, 0.1], [0.2, 0.8]]), np.zeros(2), np.array([1e-5, 1e-4]), np.array([0.5, 0.5])))  # fmt: skip
    panel = market(simulated(2520)[0])
    values("markov_regime", panel)
    assert regimes._kept_switching.cache_info().misses <= panel.times.tz_localize(None).to_period("M").nunique() == 121
    regimes._kept_switching.cache_clear()


def test_the_crisis_of_2008_was_turbulent_and_2017_was_not():
    if not SPY.is_file():
        pytest.skip("needs ../shared/data/benchmark_etfs_daily_1998_2021.parquet")
    table = pd.read_parquet(SPY).query("symbol == 'SPY'").astype({"date": "datetime64[ns]"})
    times = NYSE.closes(pd.DatetimeIndex(table["date"]))
    panel = Panel(times, ("SPY",), {"close": (table["close"] * table["adj_factor"]).to_numpy()[:, None]})
    for start, end, low, high in (("2008-10-01", "2008-12-31", 0.9, 1.0), ("2017-01-01", "2017-12-31", 0.0, 0.3)):
        rows = slice(times.searchsorted(pd.Timestamp(start, tz="UTC")) - 504 - MONTH - 11,
                     times.searchsorted(pd.Timestamp(end, tz="UTC")))  # fmt: skip
        for name in FEATURES:
            chance = values(name, panel.rows(rows), fit=504)[504 + MONTH + 11 :]
            assert np.isfinite(chance).all()
            assert low <= chance.mean() <= high
