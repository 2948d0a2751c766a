"""The set alpha158 has the values of Qlib itself, written down by bench/peers/qlib_golden.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from alpha158_market import DAYS, SHOWN, SYMBOLS, bars

from alpha.core.errors import DataError
from alpha.core.panel import Panel
from alpha.features import Plan, columns

ROUNDED = 2.0**-23  # what Qlib computes in float64 it rounds to float32 at the end: half a unit, twice for a ratio
COARSE = {"WVMA": 5e-6, "CORR": 3e-6, "CORD": 3e-6}  # absolute: Qlib takes their logarithms and returns in float32
EXACT = 1e-12  # running sums of Qlib against windows of ours
TINY = {"KMID2", "KUP2", "KLOW2", "KSFT2", "RSV", "SUMP", "SUMN", "SUMD"}  # 1e-12 of the close, not of the currency


def golden(name):
    frame = pd.read_csv(Path(__file__).with_name(name), index_col=[0, 1])
    return frame.columns, frame.to_numpy().reshape(len(SYMBOLS), SHOWN, -1)


@pytest.fixture(scope="module")
def panel():
    fields = {name: values.astype(np.float64) for name, values in bars().items()}
    return Panel(pd.date_range("2020-01-01", periods=DAYS, tz="UTC"), SYMBOLS, fields)


@pytest.fixture(scope="module")
def features(panel):
    return Plan(columns([{"set": "alpha158"}])).batch(panel)


@pytest.fixture(scope="module", params=["alpha158_qlib.csv", "alpha158_qlib_float64.csv"])
def case(request, features):
    names, expected = golden(request.param)
    actual = features.values[-SHOWN:].transpose(1, 0, 2)
    return "float64" in request.param, names, actual, expected


def test_the_names_are_qlibs_in_its_order(features):
    for name in ("alpha158_qlib.csv", "alpha158_qlib_float64.csv"):
        assert tuple(golden(name)[0]) == features.names
    assert len(features.names) == 158


def tolerance(name, exact):
    """Return the least relative and absolute tolerance at which a column equals Qlib's."""
    family = name if name in TINY else name.rstrip("0123456789")
    if exact:
        return (4e-10 if family in TINY else EXACT), 1e-15
    return ROUNDED, COARSE.get(family, 1e-15)


def test_every_column_equals_qlibs(case):
    exact, names, actual, expected = case
    assert np.isfinite(expected).all()
    for i, name in enumerate(names):
        rtol, atol = tolerance(name, exact)
        np.testing.assert_allclose(actual[..., i], expected[..., i], rtol=rtol, atol=atol, err_msg=name)


def test_a_window_is_unknown_until_it_is_full(features):
    first = np.isfinite(features.values).argmax(axis=0)
    for i, name in enumerate(features.names):
        digits = name[len(name.rstrip("0123456789")) :]
        window = int(digits) if digits and name[:-1] not in ("KMID", "KUP", "KLOW", "KSFT") else 0
        lagged = name.startswith(("ROC", "CNT", "SUM", "VSUM", "CORD", "WVMA"))
        assert (first[:, i] == max(window - 1 + lagged, 0)).all(), name


def test_a_bar_at_one_price_has_no_body(features):
    row = DAYS - SHOWN + 3
    for name in ("KMID2", "KUP2", "KLOW2", "KSFT2"):
        np.testing.assert_array_equal(features.values[row, :, features.names.index(name)], 0)


def test_without_the_average_price_the_other_157_remain(panel):
    fields = {name: values for name, values in panel.fields.items() if name != "vwap"}
    bare = Panel(panel.times, panel.symbols, fields)
    with pytest.raises(DataError, match="'VWAP0' needs the field 'vwap'"):
        Plan(columns([{"set": "alpha158"}])).batch(bare)
    names = Plan(columns([{"set": "alpha158", "vwap": False}])).batch(bare).names
    assert len(names) == 157
    assert "VWAP0" not in names
