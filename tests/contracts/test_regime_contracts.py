"""Regimes are filtered: the checks that every feature passes see one that is smoothed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from feature_checks import check_cut, check_shock, make_panel
from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

from alpha.features import Plan, columns


class Smoothed:
    """A Markov regime with given parameters, told in each row with the rows after it (Kim, 1994)."""

    recursive = False

    def __init__(self):
        self.plan = Plan(columns(["markov_regime"]))
        self.lookback = self.plan.lookback

    def batch(self, panel, **kwargs):
        features = self.plan.batch(panel, **kwargs)
        returns = pd.DataFrame(panel["close"]).pct_change(fill_method=None).mean(axis=1).fillna(0.0).to_numpy()
        model = MarkovRegression(returns * 100, 2, switching_variance=True)
        told = model.smooth(np.array([0.9, 0.2, 0.0, 0.0, 0.5, 1.5])).smoothed_marginal_probabilities
        return replace(features, values=np.broadcast_to(told[:, 1, None, None], features.values.shape))


@pytest.mark.parametrize("check", [check_cut, check_shock], ids=lambda check: check.__name__)
def test_a_smoothed_regime_is_seen(check):
    panel = make_panel()
    check(Smoothed().plan, panel, (420, 611))
    with pytest.raises(AssertionError, match="look-ahead"):
        check(Smoothed(), panel, (420, 611))


@pytest.mark.parametrize("name", ["markov_regime", "mixture_regime", "regime_scaled"])
def test_without_the_rows_after_it_a_regime_is_the_same(name):
    panel, plan = make_panel(), Plan(columns([name]))
    check_cut(plan, panel, np.random.default_rng(5).integers(300, len(panel), 8).tolist())
