"""The search over parameters: what it draws, and that nothing it scores goes uncounted."""

from __future__ import annotations

import numpy as np
import pytest

from alpha.config import load
from alpha.core.errors import ConfigError
from alpha.models import model
from alpha.models.search import Choice, Range, Search, drawn
from alpha.study import research
from alpha.validation import Trials

BASE = "config/base.yaml"


def searched(plugin, worth, draws=15, seed=1, **space):
    """Return the best draw, and all that were scored."""
    scored = []

    def score(variant):
        scored.append(variant)
        return worth(variant)

    search = Search(draws=draws, space={plugin.name: space} if space else {})
    return drawn(plugin, search, score, seed=seed), scored


def test_the_configured_parameters_come_first_and_the_best_is_returned():
    plugin = model.bind({"name": "lightgbm_v1", "num_leaves": 20})
    best, scored = searched(plugin, lambda variant: -abs(variant.params["num_leaves"] - 9))
    assert scored[0] == plugin
    assert len(scored) == 15
    assert best == max(scored, key=lambda variant: -abs(variant.params["num_leaves"] - 9))
    space = plugin.make.space
    for variant in scored[1:]:
        for name, part in space.items():
            assert part.code(variant.params[name]) is not None
        assert variant.params["seed"] == plugin.params["seed"], "what is not searched stays"


def test_the_same_seed_draws_the_same():
    plugin = model.bind("xgboost_v1")
    one, other = (searched(plugin, lambda variant: variant.params["learning_rate"]) for _ in range(2))
    assert one == other
    assert searched(plugin, lambda variant: variant.params["learning_rate"], seed=2)[1] != one[1]


def test_a_draw_without_a_score_is_the_worst():
    plugin = model.bind("lightgbm_v1")
    best, _ = searched(plugin, lambda v: np.nan if v == plugin else -1.0)
    assert best != plugin
    assert searched(plugin, lambda v: np.nan)[0] == plugin


def test_it_finds_more_than_chance():
    """A tree-structured Parzen estimator comes nearer to the top than its first random draws."""
    plugin = model.bind("lightgbm_v1")

    def worth(variant):
        return -abs(np.log(variant.params["reg_lambda"] / 7)) - abs(variant.params["colsample"] - 0.6)

    best, scored = searched(plugin, worth, draws=60)
    assert worth(best) > max(map(worth, scored[:10]))


def test_a_space_of_ones_own():
    plugin = model.bind("linear_v1")
    options = [(1.0,), (10.0,)]
    _, scored = searched(plugin, lambda variant: 0.0, alphas=options)
    assert {variant.params["alphas"] for variant in scored} == set(options), "the configured ones are no option"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("{draws: 0}", "greater than 0"),
        ("{space: {lightgbm: {num_leaves: {low: 1, high: 2}}}}", "did you mean 'lightgbm_v1'"),
        ("{space: {lightgbm_v1: {leaves: {low: 1, high: 2}}}}", "did you mean 'num_leaves'"),
        ("{space: {lightgbm_v1: {num_leaves: {low: 2, high: 2}}}}", "low must be below high"),
        ("{space: {lightgbm_v1: {reg_lambda: {low: 0.0, high: 2, log: true}}}}", "above 0 where log"),
        ("{space: {lightgbm_v1: {num_leaves: [3]}}}", "at least 2 items"),
    ],
)
def test_a_wrong_search_is_told(wrong, why):
    with pytest.raises(ConfigError, match=why):
        load(BASE, (), [f"models.search={wrong}"])


def test_parts_know_what_is_in_them():
    assert (Range(low=1, high=3).code(3), Range(low=1, high=3).code(4)) == (3, None)
    assert (Choice(options=("a", "b")).code("b"), Choice(options=("a", "b")).code("c")) == (1, None)


def test_every_draw_is_a_trial(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    models = small.models.model_copy(update={"search": Search(draws=3)})
    cfg = small.model_copy(update={"models": models, "end": small.panel()[0].times[260].date()})
    found = research(cfg)
    trials = Trials(cfg.paths.trials)
    assert len(trials.read()) == 3
    distinct = {record["config_id"] for record in trials.read()}
    assert found.trials == trials.count(found.panel.id) == len(distinct)
    assert found.best.scorecard.metrics["trials"] == len(distinct)
