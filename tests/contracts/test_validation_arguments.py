"""Every public statistic refuses what it cannot take by an error of our own: no wrong number, no traceback."""

from __future__ import annotations

import inspect
import re
import warnings

import numpy as np
import pandas as pd
import pytest

import alpha.stats as stats
import alpha.validation as validation
from alpha.core.errors import AlphaError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(0.05, 1, (2, 60))
MANY = RNG.normal(0.2, 1, (60, 4))
OUTCOME = MANY + RNG.normal(0, 1, (60, 4))
FLAGS = (X > 1).astype(int)
TIMES = pd.date_range("2001-01-01", periods=60, freq="D", tz="UTC")
EXAMPLES = {
    "basel_traffic_light": {"violations": 3, "n_obs": 250, "level": 0.99},
    "benjamini_hochberg": {"pvalues": np.array([0.01, 0.2]), "level": 0.05},
    "block_rows": {"n": 20, "draws": 3, "block": 2.0, "method": "stationary", "seed": 0},
    "bootstrap_interval": {"values": X, "method": "stationary", "interval": "percentile", "block": 2.0, "draws": 20,
                           "level": 0.9, "seed": 0},
    "christoffersen": {"violations": FLAGS, "level": 0.9},
    "christoffersen_independence": {"violations": FLAGS},
    "cscv": {"returns": MANY, "n_splits": 4},
    "deflated_sharpe_ratio": {"sharpe": 0.1, "n_obs": 250, "n_trials": 10, "trials_sharpe_std": 0.05, "skew": 0.0,
                              "kurtosis": 3.0},
    "diebold_mariano": {"loss_a": X, "loss_b": Y, "horizon": 2},
    "expected_max_sharpe": {"n_trials": 10, "trials_sharpe_std": 0.1},
    "holm": {"pvalues": np.array([0.01, 0.2]), "level": 0.05},
    "ic_by_sector": {"signal": MANY, "realised": OUTCOME, "min_names": 3, "horizon": 1},
    "ic_decay": {"signal": MANY, "returns": OUTCOME},
    "ic_by_year": {"ic": X, "horizon": 1},
    "ic_by_regime": {"ic": X, "horizon": 1},
    "kupiec_pof": {"violations": 3, "n_obs": 250, "level": 0.99},
    "mean_interval": {"x": X, "lags": 2, "level": 0.95, "horizon": 1},
    "min_backtest_length": {"n_trials": 10, "expected_max_sharpe": 1.0},
    "min_track_record_length": {"sharpe": 0.1, "skew": 0.0, "kurtosis": 3.0, "benchmark": 0.0, "confidence": 0.95},
    "monotonic_relation": {"returns": MANY, "block": 2.0, "draws": 99, "seed": 0},
    "newey_west_t": {"x": X, "lags": 2, "horizon": 1},
    "optimal_block": {"values": X, "method": "stationary"},
    "population_stability_index": {"expected": X, "actual": Y, "bins": 10},
    "probabilistic_sharpe_ratio": {"sharpe": 0.1, "n_obs": 250, "skew": 0.0, "kurtosis": 3.0, "benchmark": 0.0},
    "probability_of_backtest_overfitting": {"returns": MANY, "n_splits": 4},
    "reality_check": {"returns": MANY, "benchmark": X, "block": 2.0, "draws": 99, "seed": 0},
    "quantile_spread": {"signal": MANY, "realised": OUTCOME, "quantiles": 2, "horizon": 1, "draws": 99, "seed": 0},
    "rolling_interval": {"x": X, "window": 20, "step": 2, "level": 0.95, "horizon": 1},
    "scorecard_intervals": {"net_returns": X / 100, "ic": X / 10, "gross_returns": X / 99, "turnover": np.abs(Y),
                            "costs": np.abs(Y) / 1000, "hits": FLAGS, "pairs": FLAGS + 1, "horizon": 1,
                            "periods": 252, "block": 2.0, "draws": 20, "level": 0.95, "seed": 0},
    "sharpe_difference": {"returns_a": X, "returns_b": Y, "method": "bootstrap", "block": 2, "draws": 99, "level": 0.95,
                          "seed": 0},
    "superior_predictive_ability": {"returns": MANY, "benchmark": X, "block": 2.0, "draws": 99, "seed": 0},
}  # fmt: skip
"""Calls that are right."""
FIXED = {"ic_by_year": {"times": TIMES}, "ic_by_regime": {"regimes": list("ab" * 30)},
         "ic_by_sector": {"sectors": list("aaab")}, "ic_decay": {"horizons": (1, 2), "marginal": False}}  # fmt: skip
OWN_OBJECTS = {"Trials", "backtest_paths", "baseline", "cross_fit", "cross_fit_outputs", "cross_fit_paths", "detailed",
               "fit", "predict", "score", "splitter"}  # fmt: skip
"""What takes panels, labels or books, which have tests of their own."""
NO_NUMBERS = {"None": None, "text": "10", "list": [1.0], "truth": True, "NaN": np.nan, "complex": 1 + 2j,
              "no": np.empty(0), "endless to arithmetic": 10**400}  # fmt: skip
NO_SERIES = {
    "None": None, "text": "10", "number": 1.0, "empty": np.empty(0), "objects": np.array([None, "a", {}] * 20),
    "texts": np.array(["1.0"] * 60), "cube": np.zeros((60, 2, 2)), "complex": X + 1j, "inf": np.append(X[1:], np.inf),
    "dates": TIMES.to_numpy(), "sets": [{1}, {2}] * 30, "ragged": [[1.0], [1.0, 2.0]] * 30, "huge": 1e200 * X,
    "a series of texts": pd.Series(["1.0"] * 60), "objects that are texts": np.array(["1.0"] * 60, dtype=object),
}  # fmt: skip


def public(name):
    return getattr(stats if name in stats.__all__ else validation, name)


def call(name, arguments):
    """Return what a function gives, everything it yields included; a warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = public(name)(**arguments, **FIXED.get(name, {}))
        return list(found) if inspect.isgenerator(found) else found


def parameters():
    for name, example in EXAMPLES.items():
        kinds = inspect.signature(public(name)).parameters
        yield from ((name, argument, str(kinds[argument].annotation)) for argument in example)


def refused(name, argument, value):
    with pytest.raises(AlphaError) as caught:
        call(name, {**EXAMPLES[name], argument: value})
    assert caught.value.code
    assert re.search(rf"\b{argument}\b", str(caught.value)), "the error names the argument"


def test_every_public_name_has_an_example():
    assert {*validation.__all__, *stats.__all__} == set(EXAMPLES) | OWN_OBJECTS
    for name, example in EXAMPLES.items():
        call(name, example)
        takes = set(inspect.signature(public(name)).parameters) - set(FIXED.get(name, {}))
        assert takes - set(example) <= {"statistic"}, name


@pytest.mark.parametrize(("name", "argument", "kind"), [each for each in parameters() if "ndarray" not in each[2]])
class TestScalars:
    @pytest.mark.parametrize("odd", NO_NUMBERS)
    def test_what_is_no_number_is_refused(self, name, argument, kind, odd):
        if odd == "None" and "None" in kind:
            pytest.skip("it may be left out")
        refused(name, argument, NO_NUMBERS[odd])

    def test_half_a_thing_is_refused(self, name, argument, kind):
        if kind.startswith("int"):
            refused(name, argument, 2.5)

    def test_a_whole_number_may_be_a_float(self, name, argument, kind):
        if kind.startswith("int"):
            whole = float(EXAMPLES[name][argument])
            told = [str(call(name, {**EXAMPLES[name], argument: value})) for value in (whole, int(whole))]
            assert told[0] == told[1]

    def test_what_is_endless_or_negative_is_refused_where_it_is_a_count(self, name, argument, kind):
        if kind.startswith("int"):
            refused(name, argument, np.inf)
            refused(name, argument, -1)


@pytest.mark.parametrize(("name", "argument", "kind"), [each for each in parameters() if "ndarray" in each[2]])
class TestSeries:
    @pytest.mark.parametrize("odd", NO_SERIES)
    def test_what_is_no_series_is_refused(self, name, argument, kind, odd):
        if odd == "None" and "None" in kind:
            pytest.skip("it may be left out")
        if (argument == "ic" and odd == "inf") or ((argument == "x" or name == "optimal_block") and odd == "empty"):
            pytest.skip("what is undefined counts for nothing, and of nothing the answer is NaN, or blocks of one")
        refused(name, argument, NO_SERIES[odd])

    def test_lists_and_pandas_do_as_well(self, name, argument, kind):
        values = EXAMPLES[name][argument]
        as_pandas = pd.DataFrame(values) if values.ndim == 2 else pd.Series(values)
        told = [str(call(name, {**EXAMPLES[name], argument: each})) for each in (values, values.tolist(), as_pandas)]
        assert told[0] == told[1] == told[2]

    def test_what_a_mask_hides_is_missing(self, name, argument, kind):
        """Not a number like any other, whatever lies under the mask."""
        hidden = np.ma.masked_array(EXAMPLES[name][argument].astype(float), np.zeros(EXAMPLES[name][argument].shape))
        hidden[1] = np.ma.masked
        bare = hidden.filled(np.nan)
        found = []
        for values in (hidden, bare):
            try:
                found.append(str(call(name, {**EXAMPLES[name], argument: values})))
            except AlphaError as error:
                found.append(error.code)
        assert found[0] == found[1]


def pairs():
    """Yield what takes several series or frames of the same rows, with the names of the first and of another."""
    for name, example in EXAMPLES.items():
        same = [argument for argument, value in example.items() if isinstance(value, np.ndarray) and len(value) == 60]
        if len(same) > 1 and name != "population_stability_index":
            yield from ((name, same[0], other) for other in same[1:])


def pandas(values, index):
    return pd.Series(values, index) if values.ndim == 1 else pd.DataFrame(values, index)


@pytest.mark.parametrize(("name", "one", "other"), list(pairs()))
def test_series_of_other_rows_are_not_paired_by_position(name, one, other):
    example = EXAMPLES[name]
    given = {one: pandas(example[one], TIMES), other: pandas(example[other], TIMES)}
    assert str(call(name, {**example, **given})) == str(call(name, example))
    for index in (TIMES[::-1], TIMES + pd.Timedelta("1D")):
        with pytest.raises(AlphaError, match=f"{one} and {other} have other rows") as caught:
            call(name, {**example, **given, other: pandas(example[other], index)})
        assert caught.value.code == "bad_shape"


def test_frames_of_other_names_are_not_paired_by_position():
    signal, outcome = (pd.DataFrame(values, TIMES, list("abcd")) for values in (MANY, OUTCOME))
    with pytest.raises(AlphaError, match="have other columns"):
        stats.ic_decay(signal, outcome[list("badc")])


@pytest.mark.parametrize(
    "odd",
    [
        lambda: stats.ic_by_year(X, list(range(60))),
        lambda: stats.ic_by_year(X, None),
        lambda: stats.ic_by_year(X, TIMES[1:]),
        lambda: stats.ic_by_regime(X, "ab" * 30),
        lambda: stats.ic_by_regime(X, 3),
        lambda: stats.ic_by_regime(X, ["a"] * 59),
        lambda: stats.ic_by_regime(pd.Series(X, TIMES), pd.Series(["a"] * 60, TIMES[::-1])),
        lambda: stats.ic_by_sector(MANY, OUTCOME, "aaab"),
        lambda: stats.ic_by_sector(MANY, OUTCOME, None),
        lambda: stats.ic_by_sector(MANY, OUTCOME, list("aaa")),
        lambda: stats.ic_decay(MANY, OUTCOME, 3),
        lambda: stats.ic_decay(MANY, OUTCOME, ["a"]),
        lambda: stats.ic_decay(MANY, OUTCOME, [0]),
        lambda: stats.ic_decay(MANY, OUTCOME[:, :3]),
        lambda: stats.ic_decay(MANY, OUTCOME[1:]),
        lambda: stats.quantile_spread(MANY, OUTCOME[1:], quantiles=2),
    ],
)
def test_labels_that_do_not_fit_are_refused(odd):
    with pytest.raises(AlphaError) as caught:
        odd()
    assert caught.value.code in {"bad_parameter", "bad_shape"}


def test_a_regime_may_be_anything_that_is_equal_to_itself():
    found = stats.ic_by_regime(X, [(1, 2), (3, 4)] * 30)
    assert found.index.tolist() == [(1, 2), (3, 4)]
    assert set(stats.ic_by_regime(X, [1, "calm"] * 30).index) == {1, "calm"}


def test_a_rate_may_be_as_small_as_one_likes():
    """It was rounded to nothing, and one violation was then impossible."""
    for level in (1e-13, 1 - 1e-13):
        found = stats.kupiec_pof(1, 100, level)
        assert found.statistic == pytest.approx(2 * (np.log(1e-2 / 1e-13) + 99 * np.log(0.99)), rel=1e-3)
    assert stats.kupiec_pof(3, 250, 0.99) == stats.kupiec_pof(3, 250, 0.01)


@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if "block" in example])
def test_blocks_of_more_than_half_of_the_rows_are_refused(name):
    """Each draw is then the whole history turned around: nothing is as extreme as what was seen, and noise is sure."""
    if name == "sharpe_difference":
        pytest.skip("its blocks are cut to half of the rows: it compares several")
    for block in (1e9, 1e300, 31):
        refused(name, "block", block)


def test_what_is_too_small_to_square_is_refused():
    for call_it in (stats.newey_west_t, stats.mean_interval):
        with pytest.raises(AlphaError, match="1e-100"):
            call_it(1e-165 * X)
    assert np.isnan(stats.newey_west_t(np.zeros(20)))


def test_a_light_of_billions_of_days_is_lit():
    assert stats.basel_traffic_light(3, 2**31).zone == "green"
    assert stats.basel_traffic_light(2**31, 2**31).zone == "red"


def test_what_has_no_end_is_told_at_once():
    found = stats.ic_decay(MANY, OUTCOME, [1, 10**20])
    assert found["days"].tolist() == [60, 0]


@pytest.mark.parametrize(
    "odd",
    [
        lambda: stats.newey_west_t([10**400, 1, 2]),
        lambda: stats.min_backtest_length(10, 1e-300),
        lambda: stats.ic_by_regime(X, [["a"], ["b"]] * 30),
        lambda: stats.bootstrap_interval(X, lambda values: values[:2]),
        lambda: stats.bootstrap_interval(X, lambda values: "high"),
    ],
)
def test_no_error_is_somebody_elses(odd):
    with pytest.raises(AlphaError):
        odd()


def test_a_missing_regime_may_be_missing_in_any_way():
    found = stats.ic_by_regime(X, [pd.NA, "a", None, np.nan] * 15)
    assert found.index.tolist() == ["a"]
