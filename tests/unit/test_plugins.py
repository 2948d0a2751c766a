"""A user's plugins, and files that cannot be imported: named, and in nobody's way."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fitting import samples

from alpha.config import load, load_places
from alpha.core import executor, plugins
from alpha.core.errors import ConfigError, ModelError
from alpha.core.registry import Registry, broken
from alpha.gates import gate
from alpha.models import model
from alpha.models.linear import linear_v1
from alpha.portfolio import policy
from alpha.store.child import reproduce_in_child

ROOT = Path(__file__).resolve().parents[2]
POLICY = """
from alpha.portfolio import policy

@policy
def {name}(signal, held, *, share: float = {share}):
    '''Weights in proportion to the signal.'''
    return share * signal
"""
MODEL = """
from alpha.models import model
from alpha.models.linear import linear_v1

@model
class my_linear(linear_v1):
    '''The linear model under another name.'''
"""
FAULTS = {
    "error": "from alpha.gates import NoSuchName\n\ndef needed():\n    pass\n",
    "syntax": "def needed(:\n    pass\n",
    "exit": "import sys\n\ndef needed():\n    pass\n\nsys.exit(3)\n",
    "half": "from alpha.portfolio import policy\n\n@policy\ndef needed(signal, held):\n    return signal\n\n1 / 0\n",
}


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch):
    """Forget afterwards what a test loaded."""
    broken()  # all of Alpha's own are registered by now
    kept = [(registry, dict(registry._made), set(registry._twice)) for registry in Registry.every]
    monkeypatch.setattr(plugins, "_loaded", dict(plugins._loaded))
    monkeypatch.setattr(plugins, "_broken", dict(plugins._broken))
    modules = set(sys.modules)
    yield
    Registry.every[:] = [registry for registry, _, _ in kept]
    for registry, made, twice in kept:
        registry._made, registry._twice = made, twice
    for name in {name for name in sys.modules if name.startswith(("plugin_", "mine"))} - modules:
        del sys.modules[name]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "mine"
    made.mkdir()
    return made


def base(*overrides):
    return load(ROOT / "config/base.yaml", (), overrides)


def test_a_folder_of_plugins_is_named_in_the_configuration(folder):
    (folder / "weights.py").write_text(POLICY.format(name="in_proportion", share=0.5))
    (folder / "_notes.py").write_text("raise RuntimeError('not a plugin')")
    cfg = base("plugins=[mine]", "policy=in_proportion")
    assert cfg.policy.entry == {"name": "in_proportion", "share": 0.5}
    assert cfg.policy(np.ones(2), np.zeros(2)).tolist() == [0.5, 0.5]
    assert plugins.broken() == []


def test_where_code_is_changes_no_id_and_what_it_does_changes_the_trial(folder):
    bare = base()
    assert base("plugins=[mine]").id == bare.id
    (folder / "weights.py").write_text(POLICY.format(name="in_proportion", share=0.5))
    named = base("plugins=[mine]", "policy=in_proportion")
    first = named.trial_id(named.models.candidates[0])
    assert first != bare.trial_id(bare.models.candidates[0])
    policy._made.pop("in_proportion")
    other = folder.with_name("other")
    other.mkdir()
    (other / "weights.py").write_text(POLICY.format(name="in_proportion", share=0.5).replace("share *", "2 * share *"))
    again = base("plugins=[other]", "policy=in_proportion")
    assert again.id == named.id
    assert again.trial_id(again.models.candidates[0]) != first


@pytest.mark.parametrize("text", FAULTS.values(), ids=FAULTS)
def test_a_file_that_cannot_be_imported_is_skipped_and_named(folder, text):
    (folder / "wrong.py").write_text(text)
    base("plugins=[mine]")
    (named,) = [each for each in broken() if each.path.name == "wrong.py"]
    assert str(named).startswith("mine/wrong.py could not be imported: ")
    with pytest.raises(
        ConfigError, match=r"no policy named 'needed'; mine/wrong.py could not be imported: \w+: ."
    ) as e:
        base("plugins=[mine]", "policy=needed")
    assert e.value.code == "invalid_config"
    with pytest.raises(ConfigError, match=r"did you mean 'long_short'\?; mine/wrong.py could not"):
        policy.bind("long_shor")


def test_a_name_of_alpha_is_not_taken_over(folder):
    (folder / "weights.py").write_text(POLICY.format(name="long_short", share=0.5))
    with pytest.raises(ConfigError, match="policy 'long_short' is registered twice"):
        base("plugins=[mine]")
    assert policy._made["long_short"].make.__module__.startswith("alpha.portfolio.")


def test_a_name_of_alpha_is_not_taken_over_before_it_is_imported(folder):
    """In a process in which nothing was looked up yet."""
    (folder / "weights.py").write_text(POLICY.format(name="long_short", share=0.5))
    code = (
        "from alpha.core import plugins\nfrom alpha.portfolio import policy\n"
        "plugins.load(['mine'])\nassert len(plugins.broken()) == 1\npolicy.bind('long_only')\n"
        "policy.bind('long_short')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.endswith("ConfigError: [registered_twice] policy 'long_short' is registered twice\n")


def test_a_module_and_an_entry_point(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    package = folder / "minepackage"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "weights.py").write_text(POLICY.format(name="of_a_package", share=0.1))
    (folder / "minemodule.py").write_text(POLICY.format(name="of_a_module", share=0.2))
    (folder / "mineentry.py").write_text(POLICY.format(name="of_an_entry_point", share=0.3))
    info = folder / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[alpha.plugins]\nof-mine = mineentry\n")
    base("plugins=[minepackage, minemodule]")
    assert {"of_a_package", "of_a_module"} <= set(policy)
    assert "of_an_entry_point" not in policy, "a package that is installed runs nothing before it is named"
    assert base("plugins=[of-mine]", "policy=of_an_entry_point").policy.entry["share"] == 0.3


def test_a_plugin_that_is_nowhere_is_a_problem_of_the_configuration(folder):
    with pytest.raises(ConfigError, match=r"plugins: no folder, .* named 'mime'; did you mean 'mine'") as caught:
        base("plugins=[mime]", "seed=x")
    assert "seed: " in caught.value.args[0], "all problems are told at once"
    places = load_places(ROOT / "config/base.yaml", (), ["plugins=[mime]", "gates=[none]", "seed=x"])
    assert (places.name, places.home) == ("us_large_caps", Path("artifacts/us_large_caps"))
    with pytest.raises(ConfigError, match=r"paths\.artifact: no such key; did you mean 'artifacts'"):
        load_places(ROOT / "config/base.yaml", (), ["paths.artifact=x"])


def test_a_worker_knows_the_plugins(folder):
    (folder / "weights.py").write_text(POLICY.format(name="in_proportion", share=0.5))
    cfg = base("plugins=[mine]", "policy=in_proportion")
    weights = executor.run(cfg.policy, [(np.full(2, k), np.zeros(2)) for k in range(3)], jobs=2)
    assert [each.tolist() for each in weights] == [[0.0, 0.0], [0.5, 0.5], [1.0, 1.0]]


def test_the_process_that_parses_a_bundle_knows_the_plugins(folder):
    (folder / "models.py").write_text(MODEL)
    base("plugins=[mine]", "models={candidates: [my_linear]}")
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(30, 2))
    fitted = linear_v1().fit(samples(inputs, inputs.sum(axis=1)))
    buffer = io.BytesIO()
    np.savez(buffer, inputs=inputs, predictions=fitted.predict(inputs))
    files = {**fitted.to_files(), "golden.npz": buffer.getvalue()}
    entry = model.bind("my_linear").entry
    reproduce_in_child("mine", entry, ("numpy",), files, 60.0)
    plugins._loaded.clear()
    with pytest.raises(ModelError) as caught:
        reproduce_in_child("mine", entry, ("numpy",), files, 60.0)
    assert caught.value.code == "parse_crashed"


def test_a_room_imports_only_the_module_that_is_needed(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    room = folder / "mineroom"
    room.mkdir()
    (room / "__init__.py").write_text("from alpha.core.registry import Registry\nthing = Registry('thing', __name__)\n")
    (room / "good.py").write_text("from mineroom import thing\n\n@thing\ndef good(): pass\n")
    (room / "more.py").write_text("from mineroom import thing\n\nfor name in ('one', 'two'):\n"
                                  "    def make(): pass\n    make.__name__ = name\n    thing(make)\n")  # fmt: skip
    (room / "wrong.py").write_text("def wrong(): pass\n\nraise OSError('no disk')\n")
    from mineroom import thing

    assert not {"mineroom.good", "mineroom.more"} & set(sys.modules)
    assert "good" in thing
    assert "mineroom.more" not in sys.modules
    assert list(thing) == ["good", "one", "two"]
    with pytest.raises(ConfigError, match=r"wrong\.py could not be imported: OSError: no disk"):
        thing.bind("wrong")


def test_every_room_of_alpha_can_be_imported():
    assert list(gate)
    assert broken() == []
