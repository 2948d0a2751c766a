"""The gates are measured: a few small worlds, some with an edge, interrupted and continued."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from alpha.config import load
from alpha.data import source
from alpha.data.sources import resampled
from alpha.lab import calibration
from alpha.lab.calibration import Experiment, Market

SMALL = (
    "start=2001-01-02", "end=2003-12-31", "source.n_symbols=20", "models.search=null", "models.candidates=[linear_v1]",
    "features.columns=[{set: alpha_v1}]", "baselines=[random]",
)  # fmt: skip


@pytest.fixture(scope="module")
def pipeline():
    return Experiment("config/base.yaml", ("config/calibrate.yaml",), SMALL)


def silent(items, what):
    return items


def test_noise_is_not_blessed_and_a_large_edge_is(pipeline, tmp_path):
    wanted = calibration.worlds(2, 1, [0.2])
    assert wanted == [Market(0.0, 1000), Market(0.2, 1000), Market(0.0, 1001)]
    path = tmp_path / "deep" / "worlds.jsonl"
    first = calibration.calibrate(pipeline, wanted[:1], path, 1, silent)
    assert len(first) == 1
    before = path.read_text()
    found = calibration.calibrate(pipeline, wanted, path, 2, silent)
    assert path.read_text().startswith(before), "what is known is not tried again"
    assert len(path.read_text().splitlines()) == 3
    assert dict(zip(found["ic"], found["blessed"], strict=True)) == {0.0: False, 0.2: True}
    text = calibration.summary(found)
    assert "| 0 | 2 | 0 | 0.0% (0.0% to 65.8%) |" in text
    assert "| 0.2 | 1 | 1 | 100.0% (20.7% to 100.0%) |" in text
    assert "| `holdout` |" in text


def test_the_limits_are_those_that_candidates_are_judged_by():
    """Softer ones would tell of a power that nobody has."""
    measured, judged = (load("config/base.yaml", over).gates for over in (["config/calibrate.yaml"], []))
    limits = {gate.name: gate.params.get("limit") for gate in judged if gate.name != "leakage"}
    assert {gate.name: gate.params.get("limit") for gate in measured} == limits


def test_what_the_hardest_gate_costs_is_told():
    worlds = [
        {"ic": 0.03, "blessed": hit and sure, "metrics.ic": 0.03, "gates.hit_rate": hit, "gates.spa": sure}
        for hit, sure in ((True, True), (False, True), (False, True), (True, False))
    ]
    text = calibration._blessed(pd.DataFrame(worlds))
    assert text.splitlines()[-1].startswith("| 0.03 | 4 | 1 | 25.0% (4.6% to 69.9%) | 75.0% (30.1% to 95.4%) |")


def test_an_interval_is_held_against_what_its_own_world_costs():
    """In noise a book earns nothing, has costs of its own, and compounding takes half its variance."""
    world = {f"first.{name}_{part}": 0.0 for name in calibration.HELD for part in ("value", "low", "high")}
    world |= {"first.ic_t": 0.0, "blessed": False,
              "metrics.ic": 0.0, "metrics.deflated_sharpe": 0.5, "metrics.spa_p": 0.5}  # fmt: skip
    for name, truth in (("sharpe", -0.02 / 0.1), ("net_return_annual", np.exp(-0.02 - 0.1**2 / 2) - 1)):
        world |= {f"first.{name}_low": truth - 1e-6, f"first.{name}_high": truth + 1e-6}
    kinds = ((0.0, 0.02, 0.1), (0.0, 0.021, 0.1), (0.0, 0.02, 0.11), (0.1, 0.02, 0.1))
    found = pd.DataFrame([{**world, "ic": ic, "first.cost_annual": costs, "first.volatility_value": volatility}
                          for ic, costs, volatility in kinds])  # fmt: skip
    text = calibration.summary(found)
    held = dict(re.findall(r"`(\w+)` \| 0 \| 3 \| ([\d.]+)%", text))
    returns = {"net_return_annual": "33.3", "sharpe": "33.3"}
    assert held == {"ic": "100.0", "ic_newey_west": "100.0", "icir": "100.0", **returns}
    assert re.findall(r"`(\w+)` \| 0.1 \|", text) == ["ic", "ic_newey_west", "icir"]


def test_another_pipeline_does_not_read_its_worlds(pipeline, tmp_path):
    path = tmp_path / "worlds.jsonl"
    another = {"pipeline": "another", "code": calibration.code_id(), "ic": 0.0, "seed": 1000}
    path.write_text(json.dumps(another) + "\n")
    assert calibration._read(path, pipeline) == []


def test_other_code_does_not_read_its_worlds(pipeline, tmp_path, monkeypatch):
    """What earlier code found says nothing of the present one: the world is tried again."""
    path, world = tmp_path / "worlds.jsonl", [Market(0.0, 1000)]
    monkeypatch.setattr(calibration, "_tried", lambda pipeline, world: line)
    line = {"pipeline": calibration._name(pipeline), "ic": 0.0, "seed": 1000, "code": "of yesterday"}
    assert calibration.calibrate(pipeline, world, path, 1, silent).empty
    line = {**line, "code": calibration.code_id()}
    for _ in range(2):
        assert len(calibration.calibrate(pipeline, world, path, 1, silent)) == 1
    assert len(path.read_text().splitlines()) == 2


class TestNoise:
    """The source the worlds are drawn from."""

    @staticmethod
    def bars(**params):
        made = source.bind({"name": "resampled", "n_symbols": 40, **params})
        return made(pd.Timestamp("2000-01-03"), pd.Timestamp("2009-12-31"))

    @staticmethod
    def returns(frame):
        close = frame.pivot_table(index="time", columns="symbol", values="close")
        return np.log(close).diff().iloc[1:]

    def test_its_noise_is_that_of_real_returns(self):
        real = source.bind("bundled")(pd.Timestamp("1990-01-02"), pd.Timestamp("2022-12-28"))
        ours, theirs = self.returns(self.bars()), self.returns(real)
        assert ours.std().mean() == pytest.approx(theirs.std().mean(), rel=0.3)
        assert ours.corr().to_numpy().mean() == pytest.approx(theirs.corr().to_numpy().mean(), abs=0.15)
        assert pd.Series(ours.to_numpy().ravel()).kurt() > 3
        market = ours.mean(axis=1).abs()
        assert market.autocorr(1) > 0.1, "calm and stress come in spells"

    def test_nothing_foretells_the_next_row(self):
        """A row's ranking says nothing of the next: mean rank correlations lie within what chance gives."""
        past = self.returns(self.bars(seed=3))
        for signal in (past, past.rolling(20).sum(), past.rolling(20).std()):
            ic = signal.shift(1).corrwith(past, axis=1, method="spearman").dropna()
            assert abs(ic.mean()) < 3.5 * ic.std() / np.sqrt(len(ic))

    def test_what_is_earned_in_one_world_is_lost_in_its_mirror(self, monkeypatch):
        """Each sign is as likely as the other, so no book earns anything on average; of volatile names least of all."""
        ours = self.bars(seed=4)
        drawn = resampled._drawn
        monkeypatch.setattr(resampled, "_drawn", lambda *args: -drawn(*args))
        theirs = self.bars(seed=4)
        for frame in (ours, theirs):
            frame["day"] = frame["close"] / frame["open"] - 1
            frame["gap"] = frame["open"] / frame.groupby("symbol", observed=True)["close"].shift() - 1
        for part in ("day", "gap"):
            np.testing.assert_allclose(ours[part], -theirs[part], atol=1e-9)
        assert ours[["day", "gap"]].abs().max().max() > 0.1

    def test_a_planted_edge_is_there(self):
        plain, edged = self.bars(seed=5), self.bars(seed=5, ic=0.1)
        assert not np.allclose(plain["close"], edged["close"])

    def test_a_longer_market_begins_alike(self):
        whole = self.bars(seed=2)
        part = source.bind({"name": "resampled", "n_symbols": 40, "seed": 2})(
            pd.Timestamp("2000-01-03"), pd.Timestamp("2001-12-31")
        )
        pd.testing.assert_frame_equal(whole[whole["time"] <= part["time"].max()].reset_index(drop=True), part)
