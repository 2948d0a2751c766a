"""Operators across symbols and within groups, against pandas and numpy; and window features."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.core.errors import ConfigError, DataError
from alpha.core.panel import Panel
from alpha.features import Plan
from alpha.features import expr as e
from alpha.features import operators as o

X, Y, Z = e.field("x"), e.field("y"), e.field("z")
SECTOR = o.group("sector")
LABELS = ("tech", "bank", "tech", "bank", "", "tech", "bank", "tech", "tech", "bank", "bank", "tech")


def make(seed=0, rows=40, symbols=12):
    rng = np.random.default_rng(seed)
    fields = {name: rng.normal(size=(rows, symbols)) for name in "xyz"}
    fields["x"][rng.random((rows, symbols)) < 0.1] = np.nan
    fields["y"][5, :4] = np.nan
    fields["x"][7] = 2.5
    fields["x"][8] = np.nan
    fields["x"][9, 1:] = np.nan
    tradable = rng.random((rows, symbols)) < 0.95
    fields["close"] = np.ones((rows, symbols))
    times = pd.date_range("2001-01-01", periods=rows, tz="UTC")
    return Panel(times, tuple(f"S{i}" for i in range(symbols)), fields, tradable, {"sector": LABELS[:symbols]})


PANEL = make()
MEMBERS = np.isfinite(PANEL["x"]) & PANEL.tradable


def computed(expression, panel=PANEL):
    return Plan({"out": expression}).batch(panel, chunk=7).values[..., 0]


def by_row(function, by=False):
    """Apply a function to the members of each row, or of each group in it."""
    out = np.full(PANEL.tradable.shape, np.nan)
    labels = np.array(PANEL.groups["sector"])
    for t in range(len(out)):
        for label in sorted(set(labels) - {""}) if by else [None]:
            at = np.flatnonzero(MEMBERS[t] & ((labels == label) if by else True))
            if len(at):
                out[t, at] = function(pd.Series(PANEL["x"][t, at])).to_numpy()
    return out


def zscore(x):
    return (x - x.mean()) / x.std() if x.min() < x.max() else x * np.nan


EACH = {
    "cs_rank": (o.cs_rank, lambda x: (x.rank() - 0.5) / len(x) - 0.5),
    "cs_zscore": (o.cs_zscore, zscore),
    "cs_demean": (o.cs_demean, lambda x: x - x.mean()),
    "cs_winsorize": (
        lambda x, by=None: o.cs_winsorize(x, 0.1, 0.75, by=by),
        lambda x: x.clip(x.quantile(0.1), x.quantile(0.75)),
    ),
    "cs_bucket": (
        lambda x, by=None: o.cs_bucket(x, 3, by=by),
        lambda x: np.floor((x.rank() - 0.5) / len(x) * 3),
    ),
}


@pytest.mark.parametrize("by", [False, True], ids=["all", "grouped"])
@pytest.mark.parametrize("name", EACH)
def test_as_pandas_says(name, by):
    made, reference = EACH[name]
    expected = by_row(reference, by)
    np.testing.assert_allclose(computed(made(X, by=SECTOR if by else None)), expected, rtol=1e-9, atol=1e-12)
    assert np.isfinite(expected).mean() > 0.5


@pytest.mark.parametrize("by", [False, True], ids=["all", "grouped"])
@pytest.mark.parametrize(("made", "function"), [(o.cs_mean, np.mean), (o.cs_std, lambda x: np.std(x, ddof=1))])
def test_what_everyone_gets(made, function, by):
    labels = np.array(PANEL.groups["sector"])
    expected = np.full(PANEL.tradable.shape, np.nan)
    for t in range(len(expected)):
        for s, label in enumerate(labels):
            members = PANEL["x"][t, MEMBERS[t] & ((labels == label) if by else True)]
            if len(members) and (label or not by) and (made is o.cs_mean or len(np.unique(members)) > 1):
                expected[t, s] = function(members)
    np.testing.assert_allclose(computed(made(X, by=SECTOR if by else None)), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("by", [False, True], ids=["all", "grouped"])
def test_neutralised_is_what_least_squares_leave(by):
    labels = np.array(PANEL.groups["sector"])
    expected = np.full(PANEL.tradable.shape, np.nan)
    for t in range(len(expected)):
        known = MEMBERS[t] & np.isfinite(PANEL["y"][t]) & ((labels != "") if by else True)
        at = np.flatnonzero(known)
        if len(at):
            dummies = pd.get_dummies(labels[at]).to_numpy(float) if by else np.ones((len(at), 1))
            design = np.column_stack([PANEL["y"][t, at], PANEL["z"][t, at], dummies])
            fit = np.linalg.lstsq(design, PANEL["x"][t, at], rcond=None)[0]
            expected[t, at] = PANEL["x"][t, at] - design @ fit
    got = computed(o.cs_neutralize(X, Y, Z, by=SECTOR if by else None))
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-10)


def test_a_column_that_says_nothing_new_changes_nothing():
    once = computed(o.cs_neutralize(X, Y))
    np.testing.assert_allclose(computed(o.cs_neutralize(X, Y, 3 * Y, 0 * Z)), once, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("symbols", [PANEL.symbols[::-1], PANEL.symbols[5:] + PANEL.symbols[:5]])
def test_the_order_of_symbols_changes_no_bit(symbols):
    for made in (o.cs_neutralize(X, Y, Z, by=SECTOR), o.cs_std(X, by=SECTOR), o.cs_winsorize(X), o.cs_neutralize(X, Y)):
        here = computed(made)[:, [PANEL.symbols.index(name) for name in symbols]]
        np.testing.assert_array_equal(computed(made, PANEL.select(symbols)), here)


def test_a_bucket_is_a_group_as_well():
    within = computed(o.cs_demean(X, by=o.cs_bucket(Y, 2)))
    half = computed(o.cs_bucket(Y, 2))
    for t in (0, 3, 20):
        for bucket in (0, 1):
            assert abs(np.nansum(within[t, half[t] == bucket])) < 1e-12


def test_an_absent_group_is_named():
    panel = Panel(PANEL.times, PANEL.symbols, PANEL.fields, PANEL.tradable)
    with pytest.raises(DataError, match=r"needs the field 'group:sector'") as caught:
        computed(o.cs_rank(X, by=SECTOR), panel)
    assert caught.value.code == "absent_field"


def test_groups_reach_a_stream():
    plan = Plan({"x": o.lag(o.cs_demean(X, by=SECTOR), 1)})
    stream = plan.stream(PANEL.rows(slice(0, 20)))
    np.testing.assert_array_equal(stream.push(PANEL.bar(20)), plan.batch(PANEL).values[20])


def test_how_they_print():
    assert repr(o.cs_rank(X, by=SECTOR)) == "cs_rank((x + (0 * group:sector)), by=group:sector)"
    assert repr(o.cs_neutralize(X, Y)) == "cs_neutralize((x + (0 * y)), y)"


@pytest.mark.parametrize(
    "made",
    [lambda: o.cs_rank(e.close), lambda: o.cs_winsorize(X, 0.9, 0.1), lambda: o.cs_bucket(X, 1),
     lambda: o.cs_neutralize(X, e.close)],
)  # fmt: skip
def test_nonsense_across_is_refused(made):
    with pytest.raises(ConfigError):
        made()


def spread(x, y, scale):
    """A window feature: the range of x where y is known, times a number."""
    known = np.where(np.isfinite(y), x, np.nan)
    return (np.fmax.reduce(known) - np.fmin.reduce(known)) * scale


def last(x):
    return x[-1]


class TestApply:
    def test_it_sees_its_window_and_nothing_else(self):
        got = computed(o.apply(spread, X, Y, window=5, params=(2.0,)))
        x = np.vstack([np.full((4, 12), np.nan), np.where(np.isfinite(PANEL["y"]), PANEL["x"], np.nan)])
        frame = pd.DataFrame(x).rolling(5, min_periods=1)
        np.testing.assert_allclose(got, 2 * (frame.max() - frame.min()).to_numpy()[4:])

    def test_it_is_an_expression_like_any_other(self):
        made = o.cs_rank(o.lag(o.apply(last, o.mean(X, 3), window=1), 2))
        assert made.lookback == 4
        np.testing.assert_array_equal(computed(made), computed(o.cs_rank(o.lag(o.mean(X, 3), 2))))

    def test_of_a_comparison(self):
        made = o.apply(last, o.cs_demean(X), window=3)
        np.testing.assert_array_equal(computed(made), computed(o.cs_demean(X)))

    def test_batch_equals_stream_with_a_restart(self):
        plan = Plan({"a": o.apply(spread, X, o.lag(Y, 2), window=6, params=(1.0,)), "b": o.mean(X, 4)})
        whole, stream = plan.batch(PANEL).values, plan.stream(PANEL.rows(slice(0, 15)))
        for row in range(15, 40):
            if row == 25:
                state, stream = stream.state(), plan.stream(symbols=PANEL.symbols)
                stream.restore(state)
            np.testing.assert_array_equal(stream.push(PANEL.bar(row)), whole[row])

    def test_its_arrays_cannot_be_written(self):
        with pytest.raises(ValueError, match="read-only"):
            computed(o.apply(overwriting, X, window=2))

    @pytest.mark.parametrize(
        "made",
        [lambda: o.apply(lambda x: x[-1], X, window=2), lambda: o.apply(last, X, window=0),
         lambda: o.apply(last, window=2)],
    )  # fmt: skip
    def test_what_cannot_be_found_again_is_refused(self, made):
        with pytest.raises(ConfigError):
            made()

    def test_two_functions_of_one_name_are_refused(self):
        o.apply(last, X, window=1)
        other = type(last)(last.__code__, globals(), "last")
        with pytest.raises(ConfigError, match="two functions"):
            o.apply(other, X, window=1)


def overwriting(x):
    x[0] = 0
    return x[-1]


def test_time_is_when_the_bar_was_known():
    got = computed(o.delta(e.time, 2))
    assert (got[2:] == 2 * 86400).all()
    seconds = computed(e.time)
    assert pd.Timestamp(seconds[4, 3], unit="s", tz="UTC") == PANEL.times[4]
    stream = Plan({"t": e.time}).stream(symbols=PANEL.symbols)
    np.testing.assert_array_equal(stream.push(PANEL.bar(4))[:, 0], seconds[4])


def test_single_precision_on_request_and_memory_that_is_used_again():
    plan = Plan({"a": o.mean(X, 3), "b": o.cs_rank(X)})
    double = plan.batch(PANEL).values
    single = plan.batch(PANEL, dtype=np.float32).values
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, double.astype(np.float32))
    out = np.empty((2, *PANEL.tradable.shape))
    np.testing.assert_array_equal(plan.batch(PANEL, out=out).values, double)
    np.testing.assert_array_equal(out[0], double[..., 0])
    with pytest.raises(ConfigError, match="of shape"):
        plan.batch(PANEL, out=out[:1])
