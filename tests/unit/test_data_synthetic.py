import numpy as np
import pandas as pd
import pytest

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError
from alpha.data import load_panel, source
from alpha.data.sources.synthetic import EPOCH, market

DATES = Calendar().sessions(EPOCH, "2007-12-31")
DEFAULTS = {name: field.default for name, field in source.schema("synthetic").model_fields.items()}
del DEFAULTS["calendar"]


def invent(dates=DATES, **params):
    return market(dates, **{**DEFAULTS, **params})


def ranks(values):
    return pd.DataFrame(values).rank(axis=1)


def forward(world, horizon):
    """Return from the next open to the open `horizon` bars later, the label of row t."""
    opens = world.fields["open"]
    result = np.full(opens.shape, np.nan)
    result[: -1 - horizon] = opens[1 + horizon :] / opens[1:-horizon] - 1
    return result


def information(signal, outcome):
    """Return the mean over dates of the cross-sectional Spearman correlation, and its standard error."""
    both = np.isfinite(signal) & np.isfinite(outcome)
    daily = ranks(np.where(both, signal, np.nan)).corrwith(ranks(np.where(both, outcome, np.nan)), axis=1)
    return daily.mean(), daily.std() / np.sqrt(daily.count())


def truth(world):
    return np.where(np.isfinite(world.fields["close"]), world.signal, np.nan)


@pytest.mark.parametrize("horizon", [1, 5])
@pytest.mark.parametrize("ic", [0.05, 0.10])
def test_the_planted_edge_is_as_large_as_asked_for(ic, horizon):
    world = invent(n_symbols=60, ic=ic, horizon=horizon)
    assert information(truth(world), forward(world, horizon))[0] == pytest.approx(ic, abs=0.015)


def test_without_an_edge_the_signal_is_worthless():
    world = invent(n_symbols=60)
    mean, error = information(truth(world), forward(world, 1))
    assert abs(mean) < 3 * error


def test_the_signal_is_learnable_from_past_bars():
    """A sum of two ranked features, as a linear model of them would find it, is nearly the truth."""
    world = invent(n_symbols=60, ic=0.1)
    close, volume = (pd.DataFrame(world.fields[name]) for name in ("close", "volume"))
    score = (volume - volume.rolling(20).mean()) / volume.rolling(20).std()
    found = score.rank(axis=1) - close.pct_change(5, fill_method=None).rank(axis=1)
    assert information(found.to_numpy(), truth(world))[0] > 0.97
    assert information(found.to_numpy(), forward(world, 1))[0] == pytest.approx(0.1, abs=0.015)
    assert information(-close.pct_change(5, fill_method=None).to_numpy(), forward(world, 1))[0] > 0.05


def test_the_edge_is_no_effect_of_the_bar_that_made_the_signal():
    world = invent(n_symbols=60, ic=0.1)
    close, opens = world.fields["close"], world.fields["open"]
    overnight = np.full(close.shape, np.nan)
    overnight[:-1] = opens[1:] / close[:-1] - 1
    mean, error = information(truth(world), overnight)
    assert abs(mean) < 3 * error  # the gap to the next open pays nothing: a fill on the close would earn no more


@pytest.mark.parametrize("params", [{}, {"ic": 0.1, "events": True, "late": 0.5, "delistings": 0.1}])
def test_a_longer_market_begins_alike_in_every_bit(params):
    short, long = invent(DATES[:300], n_symbols=12, **params), invent(DATES[:900], n_symbols=12, **params)
    for name, values in short.fields.items():
        np.testing.assert_array_equal(values, long.fields[name][:300])
    np.testing.assert_array_equal(short.signal, long.signal[:300])
    np.testing.assert_array_equal(short.vix, long.vix[:300])


def test_seeds_differ_and_repeat():
    assert not np.array_equal(invent(DATES[:50], seed=1).vix, invent(DATES[:50], seed=2).vix)
    np.testing.assert_array_equal(invent(DATES[:50]).fields["close"], invent(DATES[:50]).fields["close"])


def test_bars_are_possible():
    fields = invent(n_symbols=30, ic=0.1).fields
    listed = np.isfinite(fields["close"])
    high, low = fields["high"][listed], fields["low"][listed]
    for name in ("open", "close"):
        assert (fields[name][listed] <= high).all()
        assert (fields[name][listed] >= low).all()
    assert (low > 0).all()
    assert (fields["volume"][listed] >= 0).all()


def test_symbols_come_late_and_leave_for_good():
    listed = np.isfinite(invent(n_symbols=200, late=0.3, delistings=0.05).fields["close"])
    late = ~listed[0] & listed.any(axis=0)
    gone = ~listed[-1] & listed.any(axis=0)
    assert 0.15 < late.mean() < 0.4
    assert 0.2 < gone.mean() < 0.6
    assert (np.abs(np.diff(listed.astype(int), axis=0)).sum(axis=0) <= 2).all()
    assert np.isfinite(invent(n_symbols=20, late=0.0, delistings=0.0).fields["close"]).all()


def test_volatility_has_regimes_and_the_index_shows_them():
    world = invent(n_symbols=50)
    close = pd.DataFrame(world.fields["close"])
    market_return = close.pct_change(fill_method=None).mean(axis=1)
    stressed = world.vix > 20
    assert 0.05 < stressed.mean() < 0.5
    assert market_return[stressed].std() > 1.8 * market_return[~stressed].std()


def test_there_are_jumps():
    fields = invent(n_symbols=60).fields
    gap = np.log(fields["open"][1:] / fields["close"][:-1])
    gap = gap[np.isfinite(gap)]
    assert 0.0001 < (np.abs(gap) > 8 * np.median(np.abs(gap))).mean() < 0.002


def test_the_market_drifts_as_configured():
    yearly = [np.nanmean(np.diff(np.log(invent(drift=d, late=0.0, delistings=0.0).fields["close"]), axis=0)) * 252
              for d in (0.0, 0.2)]  # fmt: skip
    assert yearly[1] - yearly[0] == pytest.approx(0.2, abs=0.01)  # but for the symbols' betas


def load(**params):
    plugin = source.bind({"name": "synthetic", "n_symbols": 20, **params})
    return load_panel(plugin, pd.Timestamp("2004-01-01"), pd.Timestamp("2006-12-31"))


def test_events_are_consistent_with_the_adjusted_market():
    """Prices as traded, adjusted forward by the library, have the returns of the market without events."""
    (plain, _), (traded, findings) = load(), load(events=True)
    assert (traded["split"] == 2).sum() >= 2
    assert (traded["dividend"] > 0).sum() > 100
    returns = [np.diff(np.log(panel["close"]), axis=0) for panel in (plain, traded)]
    np.testing.assert_allclose(*returns, atol=1e-12)
    assert not any(finding.severity == "error" for finding in findings)


def test_it_loads_as_a_panel():
    panel, findings = load(ic=0.1)
    assert set(panel.fields) == {"open", "high", "low", "close", "volume", "vix"}
    assert panel.symbols[0] == "S000"
    assert len(panel) == len(Calendar().sessions("2004-01-01", "2006-12-31"))
    assert all(finding.severity == "warning" for finding in findings)
    assert (np.nanmax(panel["vix"], axis=1) == np.nanmin(panel["vix"], axis=1)).all()


def test_a_market_of_one_or_two_symbols_has_no_edge_but_exists():
    assert np.isfinite(invent(DATES[:60], n_symbols=1, late=0.0).fields["close"]).all()


def test_another_calendar():
    plugin = source.bind({"name": "synthetic", "calendar": "24/7", "n_symbols": 3})
    panel, _ = load_panel(plugin, pd.Timestamp("2001-01-01"), pd.Timestamp("2001-01-07"), calendar="24/7")
    assert len(panel) == 7


@pytest.mark.parametrize("params", [{"ic": 0.9}, {"ic": -0.1}, {"horizon": 0}, {"n_symbols": 0}, {"late": 2}])
def test_parameters_are_checked(params):
    with pytest.raises(ConfigError):
        source.bind({"name": "synthetic", **params})
