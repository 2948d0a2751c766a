"""The vocabulary: panels, registries, errors, identity."""

from __future__ import annotations

import hashlib
import pickle
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from pydantic import PositiveInt, ValidationError

from alpha.core import errors
from alpha.core.errors import ConfigError, DataError, nearest
from alpha.core.identity import canonical, code_id, digest, environment
from alpha.core.nouns import Label, Verdict
from alpha.core.panel import Bar, Panel
from alpha.core.records import VerdictRecord
from alpha.core.registry import Registry

TIMES = pd.date_range("2020-01-01 21:00", periods=4, tz="UTC")


def panel(**fields: np.ndarray) -> Panel:
    close = np.arange(8.0).reshape(4, 2) + 1
    return Panel(TIMES, ("A", "B"), {"close": close, **fields}, groups={"sector": ("x", "y")})


def test_a_panel_serves_the_past_and_nothing_else():
    past = panel().until(TIMES[1])
    assert len(past) == 2
    assert past.times[-1] == TIMES[1]
    assert panel().until(TIMES[1] - pd.Timedelta("1s")).times[-1] == TIMES[0]
    assert panel().since(TIMES[1]).times[0] == TIMES[1]


def test_a_panel_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        panel()["close"][0, 0] = 9.0


def test_an_absent_field_is_an_error_that_names_the_nearest():
    with pytest.raises(DataError, match="did you mean 'close'") as caught:
        panel()["clsoe"]
    assert caught.value.code == "absent_field"
    assert "volume" not in panel()


@pytest.mark.parametrize(
    ("times", "symbols", "code"),
    [
        (TIMES.tz_localize(None), ("A", "B"), "time_zone"),
        (TIMES.tz_convert("America/New_York"), ("A", "B"), "time_zone"),
        (TIMES[::-1], ("A", "B"), "unordered_times"),
        (TIMES[[0, 0, 1, 2]], ("A", "B"), "unordered_times"),
        (TIMES, ("A", "A"), "duplicate_symbol"),
        (TIMES, ("A",), "field_shape"),
    ],
)
def test_a_panel_refuses_a_bad_grid(times, symbols, code):
    with pytest.raises(DataError) as caught:
        Panel(times, symbols, {"close": np.ones((4, 2))})
    assert caught.value.code == code


def test_selecting_symbols_keeps_fields_and_groups_together():
    chosen = panel().select(["B"])
    np.testing.assert_array_equal(chosen["close"][:, 0], panel()["close"][:, 1])
    assert chosen.groups == {"sector": ("y",)}
    with pytest.raises(DataError, match="unknown_symbol"):
        panel().select(["C"])


def test_tradable_defaults_to_a_finite_close():
    close = np.array([[1.0, np.nan]] * 4)
    np.testing.assert_array_equal(Panel(TIMES, ("A", "B"), {"close": close}).tradable, np.isfinite(close))


def test_the_id_of_a_panel_changes_with_any_bit_of_it():
    base = panel().id
    assert panel().id == base
    assert Panel(TIMES.as_unit("ns"), ("A", "B"), dict(panel().fields), groups=panel().groups).id == base
    assert panel(volume=np.ones((4, 2))).id != base
    nudged = panel()["close"].copy()
    nudged[3, 1] = np.nextafter(nudged[3, 1], 9)
    assert panel(close=nudged).id != base


def test_the_id_of_a_panel_is_computed_once(monkeypatch):
    hashed, whole = [], panel()
    sha256 = lambda content: hashed.append(content) or hashlib.sha256(content)  # noqa: E731
    monkeypatch.setattr("alpha.core.panel.hashlib", SimpleNamespace(sha256=sha256))
    assert whole.id == whole.id == panel().id
    assert len(hashed) == 2, "once a panel"
    assert whole.until(TIMES[1]).id != whole.id != whole.select(["A"]).id
    assert pickle.loads(pickle.dumps(whole)).id == whole.id


def test_a_bar_quotes_what_the_market_traded_at():
    fields = {"open": np.array([3.0]), "close": np.array([1.0]), "raw_close": np.array([2.0])}
    bar = Bar(TIMES[0], ("A",), fields, np.array([True]))
    assert bar.quoted("close")[0] == 2.0
    assert bar.quoted("open")[0] == 6.0  # adjusted and raw prices are never mixed
    assert bar.quoted("vwap")[0] == 2.0  # absent: the close stands in
    assert panel().bar(1)["close"][0] == 3.0


def registry() -> Registry:
    made = Registry("thing")

    @made
    def momentum(*, window: PositiveInt = 20, skip: int = 0) -> int:
        """Window plus skip."""
        return window + skip

    return made


def test_the_signature_is_the_schema():
    plugin = registry().bind({"name": "momentum", "skip": 2})
    assert plugin() == 22
    assert plugin.entry == {"name": "momentum", "window": 20, "skip": 2}
    assert plugin.label == "momentum(skip=2, window=20)"
    assert registry().bind(plugin) is plugin
    assert registry().bind("momentum")() == 20


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "momentm"}, "did you mean 'momentum'"),
        ({"name": "momentum", "windw": 3}, "did you mean 'window'"),
        ({"name": "momentum", "window": -1}, "greater than 0"),
        ({"name": "momentum", "window": -1, "skp": 1}, "skp.*|.*window"),
        ({}, "no thing named None"),
    ],
)
def test_a_wrong_entry_is_explained(entry, message):
    with pytest.raises(ConfigError, match=message):
        registry().bind(entry)


def test_a_name_is_registered_once():
    made = registry()
    with pytest.raises(ConfigError, match="registered twice"):
        made(made["momentum"])
    assert list(made) == ["momentum"]
    assert "momentum" in made


def test_each_error_says_who_must_act_by_its_exit_code():
    codes = {kind.__name__: kind.exit_code for kind in errors.AlphaError.__subclasses__()}
    assert codes == {
        "ConfigError": 2, "DataError": 3, "ModelError": 4, "GateFailed": 5, "RiskBreach": 6, "BrokerError": 7,
    }  # fmt: skip
    assert str(DataError("gone", code="absent")) == "[absent] gone"
    back = pickle.loads(pickle.dumps(DataError("gone", code="absent")))
    assert (type(back), str(back)) == (DataError, "[absent] gone")


def test_a_hint_names_the_nearest_or_all():
    assert nearest("clse", ["close", "open"]) == "did you mean 'close'?"
    assert nearest("zzz", ["b", "a"]) == "choose from a, b"
    assert nearest("zzz", []) == "there is nothing to choose from"


def test_content_has_one_name():
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    assert digest("x") == digest(b"x")
    with pytest.raises(ValueError, match="JSON"):
        canonical({"x": float("nan")})
    assert len(code_id()) == 64
    assert "numpy" in environment()


def test_a_label_is_known_strictly_before_the_cutoff_and_never_if_it_has_no_time():
    known = np.array(["2020-01-02", "2020-01-03", "NaT"], "datetime64[ns]")
    label = Label("x", np.zeros((3, 2)), known, 1, "next_open")
    before = label.known_before(np.datetime64("2020-01-03"))
    np.testing.assert_array_equal(before, [[True, True], [False, False], [False, False]])
    by_symbol = Label("x", np.zeros((3, 2)), np.stack([known, known], axis=1), 1, "next_open")
    np.testing.assert_array_equal(by_symbol.known_before(np.datetime64("2020-01-03")), before)


@pytest.mark.parametrize(
    ("passed", "value", "said"), [(True, 0.0, "holds"), (False, 2.0, "2 against"), (False, np.nan, "- <= 0.0000")]
)
def test_a_property_holds_or_says_how_many_speak_against_it(passed, value, said):
    assert str(Verdict("leakage", passed, value, 0.0, "<=", kind="property")).endswith(f" {said}")


def test_a_comparison_with_a_limit_of_zero_shows_its_number():
    assert str(Verdict("turnover", False, 0.4, 0.0, "<=")).endswith(" 0.4000 <= 0.0000")


class TestVerdictRecords:
    """Reports, manifests and the log of blessings hold verdicts alike."""

    OLD: ClassVar = {"gate": "leakage", "passed": True, "value": 0.0, "limit": 0.0, "relation": "<=", "note": ""}

    @pytest.mark.parametrize(
        "given",
        [
            Verdict("turnover", True, 0.24, 2.0, "<="),
            Verdict("ic", False, 0.1, 0.2, ">", "a note"),
            Verdict("turnover", False, 0.4, 0.0, "<=", "over by 0.4"),
            Verdict("leakage", True, 0.0, 0.0, "<=", kind="property"),
            Verdict("leakage", False, 2.0, 0.0, "<=", "rsi changed", "property"),
            Verdict("odd", False, 2.0, 1.0, "<=", "", "property"),
        ],
    )
    def test_what_is_written_is_read_back(self, given):
        text = VerdictRecord.of(given).model_dump_json()
        assert VerdictRecord.model_validate_json(text).verdict == given

    def test_a_number_that_is_not_finite_is_null_and_nan_again(self):
        record = VerdictRecord.of(Verdict("ic", False, np.nan, np.inf))
        assert (record.value, record.limit) == (None, None)
        assert np.isnan([record.verdict.value, record.verdict.limit]).all()
        assert record.verdict.kind == "comparison"

    def test_a_verdict_without_its_kind_is_read_by_the_rule(self):
        for relation, limit, kind in (("<=", 0.0, "property"), ("<=", 0.5, "comparison"), (">", 0.0, "comparison")):
            record = VerdictRecord.model_validate({**self.OLD, "relation": relation, "limit": limit})
            assert record.verdict.kind == kind

    def test_the_kind_is_written_only_where_the_rule_would_misread_it(self):
        for each in (Verdict("leakage", True, 0.0, 0.0, "<=", kind="property"), Verdict("ic", True, 0.1, 0.0, ">")):
            assert list(VerdictRecord.of(each).model_dump(mode="json")) == list(self.OLD)
        exception = VerdictRecord.of(Verdict("pbo", False, 0.1, 0.0, "<="))
        assert exception.model_dump(mode="json")["kind"] == "comparison"

    def test_nothing_passes_without_a_number(self):
        with pytest.raises(ValidationError, match="leakage cannot pass without a value"):
            VerdictRecord.model_validate({**self.OLD, "value": None})
        assert VerdictRecord.model_validate({**self.OLD, "passed": False, "value": None}).value is None

    @pytest.mark.parametrize(
        "wrong", [{"value": "0.1"}, {"value": True}, {"relation": "~"}, {"kind": "x"}, {"more": 1}]
    )
    def test_what_is_no_verdict_is_refused(self, wrong):
        with pytest.raises(ValidationError):
            VerdictRecord.model_validate({**self.OLD, **wrong})


def test_a_gate_prints_as_one_line():
    line = str(Verdict("ic", False, 0.0156, 0.02, note="short by 0.0044"))
    assert line.startswith("FAIL  ic")
    assert line.endswith("(short by 0.0044)")
