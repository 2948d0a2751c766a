"""The table of a scorecard in the terminal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from alpha.cli.tables import evidence_table
from alpha.core.nouns import Scorecard

CARD = Scorecard(
    model="m",
    metrics={"ic": 0.0123, "ic_t": 2.5, "hit_rate": 0.51, "hit_base_rate": 0.505, "net_return_annual": -0.0143,
             "total_net_return": 12_345.0, "max_drawdown": 0.384, "cvar_95": np.nan, "predictions": 69_640.0,
             "ic_days": 3_482.0, "trials": 14.0, "trials_effective": 5.0, "pbo": 0.31, "spa_p": 0.042,
             "deflated_sharpe": 0.87, "oddness": 1.0},
    baselines={"momentum": {"ic": 0.02, "max_drawdown": 0.45, "net_return_annual": 0.01, "ic_t": np.nan},
               "always_long_and_more": {"ic": np.nan, "max_drawdown": 0.4, "net_return_annual": 0.109, "ic_t": 1.0}},
    by_year=[], by_fold=[],
    intervals={"ic": (-0.001, 0.0256), "net_return_annual": (-0.0624, 0.0373), "cvar_95": (np.nan, np.nan),
               "total_net_return": (-0.59, 23_456.0)},
)  # fmt: skip


def test_every_metric_has_its_interval_and_the_best_baseline():
    text = evidence_table(CARD)
    cells = {line[:38].strip(): line[38:].split() for line in text.splitlines()}
    assert cells["metric"] == ["value", "95", "%", "interval", "best", "baseline"]
    assert cells["Information coefficient (IC)"] == ["0.0123", "−0.0010", "to", "0.0256", "0.0200", "momentum"]
    assert cells["t of the IC"] == ["2.50", "–", "1.00", "always_long_and_more"]
    assert cells["Net return, % a year"] == ["−1.43", "−6.24", "to", "3.73", "10.90", "always_long_and_more"]
    assert cells["Largest drawdown, %"] == ["38.4", "–", "40.0", "always_long_and_more"], "less is better"
    assert cells["Base rate of the hit rate"] == ["0.5050", "–", "–"], "no base rate is better than another"
    assert cells["Expected shortfall, 95 %, % a bar"] == ["–", "–", "–"]
    assert text.splitlines()[-2:] == [
        "  predictions 69,640, bars with an IC 3,482, deflated Sharpe 0.8700",
        "  of all trials together: trials 14 (effective 5.0), PBO 0.3100, SPA p 0.0420",
    ]


def test_the_table_fits_in_a_hundred_columns_and_survives_nothing():
    assert max(map(len, evidence_table(replace(CARD, baselines={"momentum": CARD.metrics})).splitlines())) <= 100
    bare = evidence_table(Scorecard("m", {}, {}, [], []))
    assert bare.splitlines()[-1] == "  of all trials together: trials – (effective –), PBO –, SPA p –"
