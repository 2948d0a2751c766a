"""Meta-labels: whether following a primary signal earned, and nothing where it has no opinion."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alpha.config import Config, load
from alpha.core.errors import ConfigError
from alpha.core.panel import Panel
from alpha.core.registry import _Made
from alpha.features import Plan, columns
from alpha.labels import label
from alpha.labels.barrier import barrier
from alpha.labels.forward import forward_return
from alpha.labels.meta import meta


@pytest.fixture(scope="module")
def panel() -> Panel:
    rng = np.random.default_rng(0)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, (80, 6)), axis=0))
    close[50:, 2] = np.nan
    fields = {"close": close, "open": close * np.exp(rng.normal(0, 0.01, close.shape))}
    return Panel(pd.date_range("2021-03-01", periods=80, freq="B", tz="UTC"), tuple("ABCDEF"), fields)


def expected(side: np.ndarray, earned: np.ndarray) -> np.ndarray:
    values = np.full(side.shape, np.nan)
    for cell in np.ndindex(side.shape):
        if np.isfinite(side[cell]) and side[cell] != 0 and np.isfinite(earned[cell]):
            values[cell] = 1.0 if side[cell] * earned[cell] > 0 else -1.0
    return values


def test_one_where_following_the_primary_earned(panel):
    made = meta(panel, primary={"name": "ret", "window": 3}, outcome={"name": "forward_return", "horizon": 4})
    primary = Plan(columns([{"name": "ret", "window": 3}])).batch(panel).values[..., 0]
    returns = forward_return(panel, horizon=4)
    np.testing.assert_array_equal(made.values, expected(np.sign(primary), returns.values))
    np.testing.assert_array_equal(made.realised, np.sign(primary) * returns.values)
    np.testing.assert_array_equal(made.known_at, returns.known_at)
    assert (made.name, made.horizon, made.entry) == ("meta", 4, "next_open")
    assert {-1.0, 1.0} == set(made.values[np.isfinite(made.values)])


def test_the_primary_may_have_a_threshold_and_a_cross_section(panel):
    entry = {"name": "ret", "window": 3, "cross_section": "rank"}
    ranks = Plan(columns([entry])).batch(panel).values[..., 0]
    made = meta(panel, primary=entry, threshold=0.2)
    np.testing.assert_array_equal(made.values, expected(np.sign(ranks - 0.2), forward_return(panel).values))


def test_where_the_primary_has_no_opinion_there_is_no_label(panel):
    flat = panel.with_fields(mood=np.where(np.arange(80)[:, None] % 2, 0.0, np.full((80, 6), -1.0)))
    made = meta(flat, primary={"name": "field_level", "field": "mood"})
    assert np.isnan(made.values[1::2]).all()
    assert np.isnan(made.realised[1::2]).all()
    assert np.isfinite(made.values[0:60:2, 0]).all()


def test_any_label_says_what_was_earned(panel):
    ended = barrier(panel, profit=1.0, stop=2.0, horizon=7)
    made = meta(panel, primary="reversal", outcome={"name": "barrier", "profit": 1.0, "stop": 2.0, "horizon": 7})
    side = np.sign(Plan(columns(["reversal"])).batch(panel).values[..., 0])
    np.testing.assert_array_equal(made.values, expected(side, ended.realised))
    np.testing.assert_array_equal(made.known_at, ended.known_at)
    assert made.known_at.shape == panel.tradable.shape


def test_defaults_are_spelled_out_in_the_entry():
    entry = label.bind("meta").entry
    assert entry["primary"]["window"] == 5
    assert entry["outcome"] == {"name": "forward_return", "horizon": 5}
    assert label.bind(entry).entry == entry


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"primary": "momentun"}, "did you mean 'momentum'"),
        ({"primary": {"name": "ret", "windw": 5}}, "did you mean 'window'"),
        ({"primary": {"set": "alpha_v1"}}, "must be one feature"),
        ({"primary": 3}, "must be a name, or a mapping"),
        ({"outcome": "meta"}, "must be the label of an outcome"),
        ({"outcome": "forward_retrun"}, "did you mean 'forward_return'"),
        ({"outcome": [1]}, "must be a name, or a mapping"),
    ],
)
def test_an_entry_that_cannot_be_used_is_refused_with_the_configuration(wrong, why):
    with pytest.raises(ConfigError, match=why) as caught:
        label.bind({"name": "meta", **wrong})
    assert caught.value.code == "bad_parameter"


def trial(cfg: Config) -> str:
    return cfg.trial_id(cfg.models.candidates[0])


def test_what_a_label_is_made_of_is_part_of_the_trial(monkeypatch):
    def loaded(window: int) -> Config:
        entry = f"{{name: meta, primary: {{name: ret, window: {window}}}, outcome: {{name: barrier, horizon: 3}}}}"
        return load("config/base.yaml", (), [f"label={entry}"])

    before = trial(loaded(3))
    assert trial(loaded(3)) == before != trial(loaded(4))

    def rewritten(panel: Panel, *, horizon: int = 1) -> None:
        """Another label under the name of one."""

    monkeypatch.setitem(label._made, "barrier", _Made(rewritten))
    assert trial(loaded(3)) != before
