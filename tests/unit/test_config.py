"""Configuration: strict to read, complete in what it complains about, and hashed by what it means."""

from __future__ import annotations

import copy
import random
from dataclasses import replace
from datetime import date
from functools import reduce
from operator import getitem
from pathlib import Path

import pandas as pd
import pytest
import yaml
from pydantic import PositiveInt

from alpha.config import Config, load, merged, read_yaml
from alpha.config.places import keys
from alpha.core.errors import ConfigError
from alpha.core.identity import digest
from alpha.features import feature
from alpha.features.apply import FUNCTIONS
from alpha.features.expr import Expr, close
from alpha.features.operators import apply, lag

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "config/base.yaml"


def refused(tmp_path: Path, text: str, *overrides: str) -> str:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(BASE, [overlay], overrides)
    assert caught.value.exit_code == 2
    return str(caught.value)


def written(tmp_path: Path, values: dict, name: str = "whole.yaml") -> Path:
    path = tmp_path / name
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture
def base() -> dict:
    return read_yaml(BASE)


@pytest.mark.parametrize("overlay", ["smoke.yaml", "profiles/paper_strict.yaml", "profiles/risk_balanced.yaml"])
def test_what_is_shipped_is_valid(overlay):
    assert load(BASE, [ROOT / "config" / overlay]).id != load(BASE).id


def test_every_problem_is_told_at_once_each_with_the_nearest_right_answer(tmp_path):
    told = refused(tmp_path, """
sourcee: bundled
end: 1989-01-01
paper: {sesions: 3, cash: lots}
universe: {waive: [{kode: gap}]}
features:
  crosssection: rank
  columns: [{name: momentom}, {name: ret, windoww: 5}, {name: rsi, window: -1}, {set: alpha_v2}]
label: {name: forward_exces}
models: {candidates: [{name: linear_v2}, {name: lightgbm_v1, num_leafs: 3}]}
walk_forward: {name: walk_forward, folds: none}
policy: [long_short]
limits: [{name: max_name, limitt: 0.1}]
gates: [{name: ick}]
""")  # fmt: skip
    for line in (
        "sourcee: no such key; did you mean 'source'?",
        f"end: must be after start ({load(BASE).start}) (it was 1989-01-01)",
        "paper.sesions: no such key; did you mean 'sessions'?",
        "paper.cash: Input should be a valid number",
        "universe.waive.0.kode: no such key; did you mean 'code'?",
        "universe.waive.0.code: is missing",
        "features.crosssection: no such key; did you mean 'cross_section'?",
        "no feature named 'momentom'; did you mean 'momentum'?",
        "ret has no parameter 'windoww'; did you mean 'window'?",
        "rsi.window: Input should be greater than 0 (it was -1)",
        "no feature_set named 'alpha_v2'; did you mean 'alpha_v1'?",
        "label: no label named 'forward_exces'; did you mean 'forward_excess'?",
        "models.candidates.0: no model named 'linear_v2'; did you mean 'linear_v1'?",
        "lightgbm_v1 has no parameter 'num_leafs'; did you mean 'num_leaves'?",
        "walk_forward: walk_forward.folds: Input should be a valid integer",
        "policy: expected the name of a policy, or a mapping with its name and parameters",
        "limits.0: max_name has no parameter 'limitt'; did you mean 'limit'?",
        "gates.0: no gate named 'ick'; did you mean 'ic'?",
    ):
        assert line in told, told
    assert "has 15 problems" in told.splitlines()[0], told
    assert len(told.splitlines()) == 16, "one line a problem"


def test_what_is_missing_is_told(tmp_path):
    empty = tmp_path / "empty.yaml"
    empty.write_text("{}")
    with pytest.raises(ConfigError) as caught:
        load(empty)
    required = [name for name, field in Config.model_fields.items() if field.is_required()]
    assert all(f"{name}: is missing" in str(caught.value) for name in required)


def test_one_problem_is_one_problem(tmp_path):
    assert "has 1 problem:" in refused(tmp_path, "sed: 3")


def test_two_columns_of_one_name_are_refused(tmp_path):
    told = refused(tmp_path, "features: {columns: [{name: ret, window: 5}, {name: ret, window: 5}]}")
    assert "features.columns: two columns are named 'ret_5'" in told


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\na: 2\n", "key 'a' is given twice"),
        ("a:\n  b: {c: 1, c: 1}\n", "key 'c' is given twice"),
        ("a: &x 1\nb: *x\n", "aliases are not allowed"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "aliases are not allowed"),
        ("1: a\n", "key 1 must be a text"),
        ("- a\n", "must hold a mapping; it holds list"),
        ("", "must hold a mapping; it holds NoneType"),
        ("a: [\n", "is not valid"),
        ("start: 2020-13-45\n", "is not valid: month must be in 1..12"),
        ("a: !!python/object/apply:os.getcwd []\n", "is not valid"),
        ("a: \x07\n", "is not valid"),
    ],
)
def test_yaml_that_could_mean_two_things_is_refused(tmp_path, text, reason):
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert reason in str(caught.value)
    assert caught.value.code == "invalid_yaml"


@pytest.mark.parametrize("text", ["risk: {max_drawdown: .nan}", "paper: {cash: .inf}", "risk: {lot_size: -.inf}",
                                  "gates: [{name: ic, limit: .nan}]", "broker: {slippage_bps: .inf}",
                                  "source: {name: synthetic, ic: .nan}"])  # fmt: skip
def test_no_number_may_be_infinite_or_missing(tmp_path, text):
    assert "has 1 problem:" in refused(tmp_path, text)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9\n")
    for path in (tmp_path / "absent.yaml", tmp_path, tmp_path / "latin.yaml"):
        with pytest.raises(ConfigError, match="cannot read") as caught:
            load(path)
        assert caught.value.code == "unreadable_config"


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("seed", "takes key=value"),
        ("=3", "takes key=value"),
        ("seed=[", "is not a value"),
        ("end=2020-02-30", "is not a value"),
        ("seed=*x", "is not a value"),
        ("risk.max_drawdwn=0.1", "risk.max_drawdwn: no such key; did you mean 'max_drawdown'?"),
        ("risk..lot_size=1", "risk.: no such key"),
        ("risk=3", "risk: Input should be a valid dictionary"),
    ],
)
def test_an_override_that_says_nothing_is_refused(tmp_path, override, reason):
    assert reason in refused(tmp_path, "seed: 1", override)


def test_what_is_given_last_counts(tmp_path):
    first = written(tmp_path, {"seed": 1, "risk": {"max_drawdown": 0.1, "lot_size": 5}}, "first.yaml")
    second = written(tmp_path, {"seed": 2, "risk": {"max_drawdown": 0.2}}, "second.yaml")
    cfg = load(BASE, [first, second])
    assert (cfg.seed, cfg.risk.max_drawdown, cfg.risk.lot_size) == (2, 0.2, 5.0)
    assert load(BASE, [second, first]).seed == 1
    cfg = load(BASE, [first, second], ["seed=3", "risk.lot_size=0", "limits=[{name: max_gross, limit: 2}]", "seed=4"])
    assert (cfg.seed, cfg.risk.lot_size, cfg.limits[0].label) == (4, 0.0, "max_gross(limit=2.0)")
    assert len(cfg.limits) == 1, "a list replaces a list"


def test_another_plugin_replaces_the_one_below_whole():
    below = {"policy": {"name": "long_short", "quantile": 0.2, "rate": 0.2}}
    assert merged(below, {"policy": {"rate": 1.0}})["policy"] == {"name": "long_short", "quantile": 0.2, "rate": 1.0}
    same = {"policy": {"name": "long_short", "rate": 1.0}}
    assert merged(below, same)["policy"] == {"name": "long_short", "quantile": 0.2, "rate": 1.0}
    assert merged(below, {"policy": {"name": "rank_weighted"}})["policy"] == {"name": "rank_weighted"}
    assert below == {"policy": {"name": "long_short", "quantile": 0.2, "rate": 0.2}}, "merging changes nothing below"


def test_a_profile_is_an_overlay():
    strict = load(BASE, [ROOT / "config/profiles/paper_strict.yaml"])
    assert (strict.risk.max_drawdown, strict.paper.max_bad_bars) == (0.05, 1)
    assert strict.risk.lot_size == load(BASE).risk.lot_size


def test_aggregates_are_plugins_spelled_out(tmp_path):
    short = {"aggregates": [{"name": "news", "path": "news.csv"}]}
    long = {"aggregates": [{"name": "news", "path": "news.csv", "scorer": {"name": "vader", "words": None}}]}
    cfg, same = (load(BASE, [written(tmp_path, values)]) for values in (short, long))
    assert cfg.id == same.id != load(BASE).id
    assert load(written(tmp_path, cfg.resolved())).resolved() == cfg.resolved()
    assert "did you mean 'news'" in refused(tmp_path, "aggregates: [{name: new, path: news.csv}]")
    assert "no scorer named 'vadr'" in refused(tmp_path, "aggregates: [{name: news, path: a.csv, scorer: vadr}]")


def test_the_resolved_configuration_says_the_same_in_yaml(tmp_path):
    for overlays in ([], [ROOT / "config/smoke.yaml"], [ROOT / "config/profiles/risk_balanced.yaml"]):
        cfg = load(BASE, overlays)
        again = load(written(tmp_path, cfg.resolved()))
        assert again.id == cfg.id
        assert again.resolved() == cfg.resolved()


def test_the_id_does_not_depend_on_spelling(tmp_path, base):
    cfg = load(BASE)
    shuffled = list(base.items())
    random.Random(3).shuffle(shuffled)
    respelt = copy.deepcopy(dict(shuffled))
    respelt["models"]["selected"] = "linear_v1/v0001-0123456789ab"
    respelt["models"]["candidates"] = ["linear_v1", {"name": "lightgbm_v1"}]
    respelt["seed"] = 7
    respelt["risk"]["lot_size"] = 1
    respelt["features"]["columns"][0] = {"as": "ret_1", "window": 1, "name": "ret", "cross_section": "rank"}
    respelt["features"]["columns"][7] = {"name": "macd", "fast": 12, "slow": 26, "signal": 9}
    assert load(written(tmp_path, respelt)).id == cfg.id


def test_a_set_is_the_columns_in_it():
    from alpha.features import feature_set

    named = load(BASE, (), ["features={columns: [{set: alpha_v1}]}"])
    spelled = load(BASE, (), [f"features={{columns: {list(feature_set.bind('alpha_v1')())}}}"])
    assert named.id == spelled.id


@pytest.mark.parametrize(
    "override",
    ["name=other", "calendar=XLON", "start=1990-01-03", "end=2021-12-30", "seed=8", "source.name=synthetic",
     "universe.exclude=[GE]", "features.cross_section=zscore", "features.columns=[{name: ret, window: 1}]",
     "label.horizon=6", "models.candidates=[linear_v1]", "models.fallback=linear_v1/v0001-0123456789ab",
     "baselines=[random]", "walk_forward.folds=7", "policy.rate=0.3", "limits=[]", "risk.max_drawdown=0.4",
     "broker.fee_bps=2", "gates=[ic]", "paper.cash=1"],
)  # fmt: skip
def test_the_id_depends_on_everything_else(override):
    assert load(BASE, (), [override]).id != load(BASE).id


@pytest.mark.parametrize(
    "override",
    ["models.selected=linear_v1/v0001-0123456789ab", "paper.ledger=x", "paper.kill_file=x", "paths.trials=x"],
)
def test_the_id_does_not_depend_on_where_files_go(override):
    assert load(BASE, (), [override]).id == load(BASE).id


@pytest.mark.parametrize(
    "override",
    ["name=other", "gates=[ic]", "paper.sessions=9", "paths.reports=x", "baselines=[random]",
     "models.candidates=[linear_v1, xgboost_v1]", "source=synthetic", "start=1990-01-03", "end=2030-12-30",
     "calendar=XLON", "universe.exclude=[GE]", "aggregates=[{name: news, path: news.csv}]",
     "joins=[{field: vix, path: vix.csv, column: close, date: date, delay: 0D}]"],
)  # fmt: skip
def test_a_trial_is_the_same_where_the_score_cannot_differ(override):
    before, after = load(BASE), load(BASE, (), [override])
    model = before.models.candidates[0]
    assert after.trial_id(model) == before.trial_id(model)


@pytest.mark.parametrize(
    "override",
    ["seed=8", "label.horizon=6", "policy.rate=0.3", "limits=[]", "risk.lot_size=2", "broker.fee_bps=2",
     "paper.cash=1", "walk_forward.folds=7", "weights=[age]",
     "weights=[uniqueness]", "features.cross_section=zscore", "features.columns=[{name: macd}]"],
)  # fmt: skip
def test_a_trial_is_another_where_the_score_may_differ(override):
    before, after = load(BASE), load(BASE, (), [override])
    model = before.models.candidates[0]
    assert after.trial_id(model) != before.trial_id(model)


def test_models_of_one_name_and_other_parameters_are_other_trials():
    entries = ("lightgbm_v1", "{name: lightgbm_v1, num_leaves: 7}")
    tried = [load(BASE, (), [f"models.candidates=[{entry}]"]) for entry in entries]
    assert len({cfg.trial_id(cfg.models.candidates[0]) for cfg in tried}) == 2


def test_every_key_is_of_the_data_or_of_the_experiment_or_of_what_comes_after():
    """A key that is new is of the experiment until somebody says that it is not: what is in doubt counts."""
    experiment = {"seed", "features", "label", "weights", "walk_forward", "policy", "overlays", "limits",
                  "risk_model", "risk", "instrument", "broker"}  # fmt: skip
    others = {section for section, *inner in keys(Config, "data", "window", "after", "place") if not inner}
    assert others | experiment == set(Config.model_fields)
    assert others & experiment == set()


def test_a_feature_that_was_rewritten_is_another_trial(monkeypatch):
    feature.load()
    cfg = load(BASE, (), ["features.columns=[{name: ret, window: 5}]"])
    before = cfg.trial_id(cfg.models.candidates[0])

    def ret(*, window: PositiveInt = 1) -> Expr:
        return close / lag(close, window)

    monkeypatch.setattr(feature, "_made", {name: made for name, made in feature._made.items() if name != "ret"})
    feature(ret)
    after = load(BASE, (), ["features.columns=[{name: ret, window: 5}]"])
    assert after.id == cfg.id
    assert after.trial_id(after.models.candidates[0]) != before


def rewritten(cfg: Config, key: str) -> Config:
    """Return the configuration with another plugin under the name of one."""
    before = getattr(cfg, key)
    if isinstance(before, tuple):
        return cfg.model_copy(update={key: (*before[:-1], replace(before[-1], make=lambda *args, **params: 1))})
    return cfg.model_copy(update={key: replace(before, make=lambda *args, **params: 1)})


@pytest.mark.parametrize(
    "key", ["label", "weights", "walk_forward", "policy", "overlays", "limits", "risk_model", "broker"]
)
def test_a_plugin_that_was_rewritten_under_its_name_is_another_trial(key):
    cfg = load(BASE, (), ["weights=[age]", "overlays=[no_trade_band]", "risk_model=exponential"])
    after = rewritten(cfg, key)
    assert after.id == cfg.id, "it is still the same configuration"
    assert after.trial_id(cfg.models.candidates[0]) != cfg.trial_id(cfg.models.candidates[0])


def test_a_model_that_was_rewritten_under_its_name_is_another_trial():
    cfg = load(BASE)
    before = cfg.models.candidates[0]
    assert cfg.trial_id(replace(before, make=lambda **params: 1)) != cfg.trial_id(before)


@pytest.mark.parametrize("key", ["source", "baselines", "gates"])
def test_what_no_score_depends_on_may_be_rewritten(key):
    cfg = load(BASE)
    model = cfg.models.candidates[0]
    assert rewritten(cfg, key).trial_id(model) == cfg.trial_id(model)


def test_a_window_function_that_was_rewritten_is_another_trial(monkeypatch):
    def tried(body: str) -> tuple[str, str]:
        feature.load()
        typed = {"__name__": "typed_here"}
        exec(f"def last(x):\n    return {body}", typed)
        monkeypatch.setitem(FUNCTIONS, "typed_here.last", typed["last"])

        def newest() -> Expr:
            return apply(typed["last"], close, window=2, unit=1.0) / close

        monkeypatch.setattr(feature, "_made", {name: made for name, made in feature._made.items() if name != "newest"})
        feature(newest)
        cfg = load(BASE, (), ["features.columns=[{name: newest}]"])
        return cfg.id, cfg.trial_id(cfg.models.candidates[0])

    (same, before), (again, after) = tried("x[-1]"), tried("x[-2]")
    assert same == again
    assert before != after
    assert tried("x[-1]") == (same, before)


def test_keys_that_came_later_change_no_id_where_they_are_left_out():
    """The ids are those of the version before: a configuration that does not use the keys is the same one."""
    cfg, model = load(BASE), load(BASE).models.candidates[0]
    values = cfg.resolved()
    assert [values.pop(key) for key in ("weights", "overlays", "risk_model", "instrument", "guards")] == [
        [], [], None, None, []
    ]  # fmt: skip
    assert values["paper"].pop("currency") == "USD"
    for *sections, key in keys(Config, "place"):
        del reduce(getitem, sections, values)[key]
    assert cfg.id == digest(values)[:12]
    used = load(BASE, (), ["overlays=[no_trade_band]"])
    assert used.id != cfg.id
    assert used.trial_id(model) != cfg.trial_id(model)
    risky = load(BASE, (), ["risk_model=exponential"])
    assert risky.id != cfg.id
    assert risky.trial_id(model) != cfg.trial_id(model)
    long = load(BASE, (), ["instrument={shortable: false}"])
    assert (long.traded().shortable, cfg.traded().shortable) == (False, True)
    assert long.id != cfg.id
    assert long.trial_id(model) != cfg.trial_id(model)
    for spelt in ("instrument={}", "instrument={shortable: true, multiplier: 1}", "paper.currency=USD"):
        assert load(BASE, (), [spelt]).id == cfg.id
    future = load(BASE, (), ["instrument={multiplier: 50}"])
    assert future.id != cfg.id
    assert future.trial_id(model) != cfg.trial_id(model)
    assert load(BASE, (), ["paper.currency=EUR"]).id != cfg.id
    guarded = load(BASE, (), ["guards=[bar_loss]"])
    assert guarded.id != cfg.id
    assert guarded.trial_id(model) == cfg.trial_id(model), "research is not guarded"


@pytest.mark.parametrize("reader", ["overlays=[volatility_target]"])
def test_a_plugin_that_reads_covariances_needs_a_risk_model(reader):
    with pytest.raises(ConfigError, match=r"risk_model: volatility_target needs one; name one of exponential, led"):
        load(BASE, (), [reader])
    assert load(BASE, (), [reader, "risk_model=exponential"]).rules().risk_model.name == "exponential"


def test_every_world_has_a_ledger_of_its_own():
    assert str(load(BASE, (), ["name=mine"]).ledger) == "artifacts/mine/paper.sqlite"
    assert str(load(BASE, (), ["paper.ledger=x"]).ledger) == "x"


def test_parameters_laid_over_a_plugin_without_any_are_its_own(tmp_path):
    overlay = tmp_path / "over.yaml"
    overlay.write_text("source: {seed: 3}\n")
    cfg = load(BASE, [overlay], ["source=synthetic"])
    assert cfg.source.name == "synthetic"
    cfg = load(BASE, [], ["source=synthetic", "source.seed=3"])
    assert cfg.source.params["seed"] == 3


def test_an_error_names_everything_that_was_laid_over():
    with pytest.raises(ConfigError, match=r"base\.yaml \+ --set policy=nothing has 1 problem"):
        load(BASE, (), ["policy=nothing"])


def test_a_configuration_cannot_be_changed():
    cfg = load(BASE)
    with pytest.raises(ValueError, match="frozen"):
        cfg.seed = 3  # type: ignore[misc]


def test_a_configuration_makes_what_runs(small):
    panel, findings = small.panel()
    assert panel.times[-1].date() <= small.end
    assert isinstance(findings, tuple)
    longer, _ = small.panel(date(2001, 5, 31))
    assert longer.until(panel.times[-1]).id == panel.id
    assert small.plan().names[0] == "ret_1d"
    rules = small.rules()
    assert (rules.policy.name, [limit.name for limit in rules.limits]) == ("long_short", ["max_name", "max_gross"])
    assert rules.max_drawdown == small.risk.max_drawdown
    assert pd.Timestamp(small.start) <= panel.times[0].tz_localize(None)


@pytest.mark.parametrize("text", ["a: " + "[" * 5000, "a: !!timestamp foo", "a: !!bool maybe", "a: !!int ''"])
def test_a_text_that_breaks_the_parser_is_told(tmp_path, text):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="invalid_yaml"):
        read_yaml(path)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("calendar=XNYZ", "calendar: no exchange calendar named 'XNYZ'; did you mean 'XNZE'?"),
        ("start=1500-01-01", "start: must lie between 1678 and 2261 (it was 1500-01-01)"),
        ("end=9999-12-31", "end: must lie between 1678 and 2261 (it was 9999-12-31)"),
        ("paper.end=1500-01-01", "paper.end: must lie between 1678 and 2261"),
        ("seed=-1", "seed: Input should be greater than or equal to 0"),
        ("paper.poll_sec=1e+300", "paper.poll_sec: Input should be less than or equal to 86400"),
        ("walk_forward.first_test=foo", "walk_forward: walk_forward.first_test: must be a fraction between 0"),
        ("walk_forward.first_test=1.5", "walk_forward: walk_forward.first_test: must be a fraction between 0"),
        (
            "walk_forward.first_test=1500-01-01",
            "walk_forward: walk_forward.first_test: must be a fraction between 0",
        ),
        (
            "walk_forward=purged_kfold",
            "walk_forward: purged_kfold does not walk forward through every row and symbol, so what it shows cannot be "
            "blessed; use one of calendar_years, walk_forward. Call the others from Python",
        ),
    ],
)
def test_what_no_run_could_use_is_told_at_once(tmp_path, override, told):
    assert f"\n  {told}" in refused(tmp_path, "sed: 3", override)
    assert "has 2 problems" in refused(tmp_path, "sed: 3", override)


@pytest.mark.parametrize(
    "key", ["paper.sessions", "seed", "paper.cash", "risk.max_drawdown", "label.horizon", "walk_forward.first_test"]
)  # fmt: skip
def test_a_number_is_no_truth_value(tmp_path, key):
    told = refused(tmp_path, "seed: 3", f"{key}=true")
    assert "must not be true or false" in told
    assert "has 1 problem:" in told


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("models.candidates", "models: {candidates: [{name: lightgbm_v1, num_leaves: 7}, linear_v1, lightgbm_v1]}"),
        ("baselines", "baselines: [{name: momentum, window: 150}, random, {name: momentum, window: 2, skip: 0}]"),
    ],
)
def test_two_of_one_name_are_refused(tmp_path, key, text):
    name = "momentum" if key == "baselines" else "lightgbm_v1"
    told = refused(tmp_path, f"{text}\nsed: 3")
    assert f"{key}: {name} is given twice" in told
    assert "has 2 problems" in told


@pytest.mark.parametrize("key", ["artifacts", "reports", "trials"])
def test_a_place_below_a_file_can_hold_nothing(tmp_path, key):
    (tmp_path / "file").touch()
    told = refused(tmp_path, f"paths: {{{key}: {tmp_path / 'file' / 'deep' / 'place'}}}")
    assert f"paths.{key}: {tmp_path / 'file'} is no folder" in told
    assert f"paths.{key}: cannot be used" in refused(tmp_path, f"paths: {{{key}: {'long' * 100}/place}}")
    assert load(BASE, [], [f"paths.{key}={tmp_path / 'new' / 'place'}"])


def test_trials_are_a_file(tmp_path):
    assert f"paths.trials: {tmp_path} is a folder" in refused(tmp_path, f"paths: {{trials: {tmp_path}}}")
