"""From configuration entries to columns."""

from __future__ import annotations

import subprocess
import sys

import pytest

from alpha.core.errors import ConfigError
from alpha.features import CROSS_SECTION, Plan, columns, feature, feature_set
from alpha.features.expr import close
from alpha.features.operators import cs_rank, cs_zscore, lag

RET = close / lag(close, 5) - 1


def refused(code, *entries, **kwargs):
    with pytest.raises(ConfigError) as caught:
        columns(entries, **kwargs)
    assert caught.value.code == code
    return str(caught.value)


def test_columns_keep_their_order_and_name_themselves():
    entries = [{"name": "momentum", "window": 126}, "gap", {"name": "macd", "part": "line"}, {"name": "bollinger_b"}]
    names = ["momentum_126_21", "gap", "macd_line_12_26_9", "bollinger_b_20_2"]
    assert list(columns(entries)) == names


def test_a_column_can_be_named():
    assert columns([{"name": "ret", "window": 5, "as": "week"}]) == {"week": RET}


def test_cross_section_of_an_entry_is_before_the_default():
    entries = [
        {"name": "ret", "window": 5, "as": "a"},
        {"name": "ret", "window": 5, "as": "b", "cross_section": "none"},
        {"name": "ret", "window": 5, "as": "c", "cross_section": "zscore"},
    ]
    assert columns(entries, cross_section="rank") == {"a": cs_rank(RET), "b": RET, "c": cs_zscore(RET)}
    assert set(CROSS_SECTION) == {"rank", "zscore", "none"}


def test_a_set_stands_for_its_entries():
    named = columns([{"set": "alpha_v1"}, {"name": "ret", "window": 5, "cross_section": "none"}], cross_section="rank")
    assert list(named)[:2] == ["ret_1d", "ret_5d"]
    assert named["ret_5d"] == cs_rank(named["ret_5"])
    plain = columns([{"set": "alpha_v1", "cross_section": "none"}], cross_section="rank")
    assert plain["ret_5d"] == RET
    assert {"alpha_v1", "technical"} <= set(feature_set)


def test_wrong_entries_are_refused_with_the_nearest_right_answer():
    assert "'momentum'" in refused("unknown_feature", {"name": "momentun"})
    assert "'window'" in refused("bad_parameter", {"name": "ret", "windw": 3})
    assert "ret.window" in refused("bad_parameter", {"name": "ret", "window": -3})
    assert "'rank'" in refused("bad_parameter", {"name": "ret", "cross_section": "ranks"})
    assert "'alpha_v1'" in refused("unknown_feature_set", {"set": "alpha_v2"})
    refused("bad_parameter", {"set": "alpha_v1", "window": 3})
    refused("bad_window", {"name": "momentum", "window": 5})
    refused("bad_window", {"name": "risk_adjusted_momentum", "skip": 126})
    refused("bad_window", {"name": "vol", "window": 1})


def test_two_columns_of_one_name_are_refused():
    assert "'ret_5'" in refused("duplicate_column", {"name": "ret", "window": 5}, {"name": "ret", "window": 5})
    refused("duplicate_column", {"set": "alpha_v1"}, {"set": "alpha_v1"})


def test_a_feature_that_is_a_price_is_refused_by_name():
    def level():
        """A price."""
        return close

    feature(level)
    try:
        assert "'level'" in refused("price_level", "level", cross_section="rank")
        with pytest.raises(ConfigError, match="divide by a price") as caught:
            Plan(columns(["level"]))
        assert caught.value.code == "price_level"
    finally:
        del feature._made["level"]


def test_importing_features_does_not_import_the_compiler():
    code = "import sys, alpha.features; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
