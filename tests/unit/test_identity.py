"""What identifies code: what it does, and neither its layout nor its comments nor where it stands."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alpha.core.errors import ConfigError
from alpha.core.identity import PACKAGES, definition, environment, expect_packages, packages_of

MODULE = '''"""A label."""

SHARE = 0.5


def outcome(panel, *, horizon=5):
    """Return it."""
    return scaled(panel) - horizon  # less


def scaled(panel):
    return panel * SHARE


class Model:
    """A model."""

    penalty = 1.0

    def fit(self, X):
        """Fit."""
        return X.shape in {"a", "b", "c"}

    @classmethod
    def from_files(cls, files):
        return files[0]

    @property
    def size(self):
        return 3
'''

Maker = Callable[[str], types.ModuleType]


@pytest.fixture
def importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Maker]:
    """Return a function that imports a text as a module of its own."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    number = 0

    def imported(text: str) -> types.ModuleType:
        nonlocal number
        number += 1
        (tmp_path / f"plugin_{number}.py").write_text(text, encoding="utf-8")
        return __import__(f"plugin_{number}")

    yield imported
    for name in [name for name in sys.modules if name.startswith("plugin_")]:
        del sys.modules[name]


def typed(text: str, place: str = "<cell 1>") -> types.ModuleType:
    """Run a text as a notebook does: there is no file to read it from again."""
    module = types.ModuleType("typed_here")
    exec(compile(text, place, "exec", dont_inherit=True), module.__dict__)
    return module


SAME = {
    "comment": ("  # less", "  # what is left"),
    "layout": ("scaled(panel) - horizon", "(scaled( panel ) -\n            horizon)"),
    "quotes": ('"a", "b", "c"', "'a', 'b', 'c'"),
    "docstring of the module": ('"""A label."""', '"""Another text."""'),
    "docstring of a function": ('    """Return it."""\n', ""),
    "docstring of a class": ('    """A model."""\n\n', ""),
    "docstring of a method": ('"""Fit."""', '"""Learn."""'),
}
OTHER = {
    "code": ("- horizon", "+ horizon"),
    "a number in code": ("files[0]", "files[1]"),
    "a constant of the class": ("penalty = 1.0", "penalty = 2.0"),
    "a method": ("return X.shape", "return X.size"),
    "a property": ("return 3", "return 4"),
}
ELSEWHERE = {
    "a constant of the module": ("SHARE = 0.5", "SHARE = 0.6"),
    "another function that it calls": ("panel * SHARE", "panel / SHARE"),
}


def changed(change: tuple[str, str]) -> str:
    assert MODULE.count(change[0]) == 1
    return MODULE.replace(*change)


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_what_changes_no_result_changes_no_hash(importing: Maker, change: tuple[str, str]) -> None:
    before, after = importing(MODULE), importing(changed(change))
    assert definition(before.outcome) == definition(after.outcome)
    assert definition(before.Model) == definition(after.Model)


@pytest.mark.parametrize("change", (OTHER | ELSEWHERE).values(), ids=OTHER | ELSEWHERE)
def test_code_that_differs_has_another_hash_wherever_in_its_module(importing: Maker, change: tuple[str, str]) -> None:
    before, after = importing(MODULE), importing(changed(change))
    assert definition(before.outcome) != definition(after.outcome)
    assert definition(before.Model) != definition(after.Model)


class TestWithoutSource:
    """What was typed into a notebook is known by its compiled code."""

    @pytest.mark.parametrize("change", [SAME["comment"], SAME["layout"], SAME["quotes"]])
    def test_neither_layout_nor_place_counts(self, change: tuple[str, str]) -> None:
        before, after = typed(MODULE), typed("\n\n" + changed(change), "<cell 7>")
        assert definition(before.outcome) == definition(after.outcome)
        assert definition(before.Model) == definition(after.Model)

    @pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
    def test_code_counts(self, change: tuple[str, str]) -> None:
        before, after = typed(MODULE), typed(changed(change))
        assert (definition(before.outcome), definition(before.Model)) != (
            definition(after.outcome), definition(after.Model))  # fmt: skip

    @pytest.mark.parametrize(
        "change",
        [
            ("{'alpha': 1.0}", "{'alpha': -9.0}"),
            ("[1, 2]", "[7, 7]"),
            ("power=1.0", "power=3.0"),
            ("scale=2", "scale=4"),
        ],
    )
    def test_tables_and_defaults_count(self, change: tuple[str, str]) -> None:
        text = ("class Model:\n    PARAMS = {'alpha': 1.0}\n    W = [1, 2]\n"
                "    def fit(self, x, power=1.0, *, scale=2):\n        return x**power * scale")  # fmt: skip
        assert definition(typed(text).Model) != definition(typed(text.replace(*change)).Model)

    def test_a_function_is_not_the_one_beside_it(self) -> None:
        module = typed(MODULE)
        assert len({definition(made) for made in (module.outcome, module.scaled, module.Model)}) == 3

    def test_what_calls_it_may_be_wrapped(self) -> None:
        text = ("import functools\ndef wrap(f):\n    return functools.wraps(f)(lambda x: f(x))\n"
                "@wrap\ndef f(x):\n    return x {} 1")  # fmt: skip
        assert definition(typed(text.format("+")).f) != definition(typed(text.format("-")).f)

    def test_a_file_that_can_be_read_no_more_is_none(self, importing: Maker, tmp_path: Path) -> None:
        module = importing(MODULE)
        Path(str(module.__file__)).write_text("def half(", encoding="utf-8")
        assert definition(module.outcome) == definition(typed(MODULE).outcome)

    def test_a_builtin_has_a_hash(self) -> None:
        assert definition(len) != definition(typed(MODULE).outcome)

    def test_it_is_the_same_in_every_process(self) -> None:
        program = f"from alpha.core.identity import definition\nexec({MODULE!r})\nprint(definition(Model))"
        said = {
            subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, check=True,
                           capture_output=True, text=True).stdout
            for seed in ("1", "2", "3")
        }  # fmt: skip
        assert len(said) == 1


def test_a_version_is_looked_up_by_the_name_of_its_package():
    found = environment(["joblib", "no-such-package"])
    assert found["joblib"]
    assert "no-such-package" not in found
    assert set(environment()) == {"python", "machine", *PACKAGES}


def module_of(source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type:
    (tmp_path / "a_model_of_my_own.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "a_model_of_my_own", raising=False)
    return importlib.import_module("a_model_of_my_own").mine_v1


OWN = """
import os.path
import numpy.random
from alpha.models import model

class mine_v1:
    def fit(self, samples):
        from sklearn.linear_model import Ridge
{more}"""


def test_the_packages_of_a_model_are_those_its_module_imports(monkeypatch, tmp_path):
    assert set(packages_of(module_of(OWN.format(more=""), monkeypatch, tmp_path))) == {"numpy", "scikit-learn"}


def test_the_packages_that_a_model_names_come_before_those_it_imports(monkeypatch, tmp_path):
    mine = module_of(OWN.format(more="    packages = ('numpy',)"), monkeypatch, tmp_path)
    assert packages_of(mine) == packages_of(mine()) == ("numpy",)


def test_an_import_that_no_package_has_is_refused(monkeypatch, tmp_path):
    mine = module_of(OWN.format(more="        import absent_module.part"), monkeypatch, tmp_path)
    with pytest.raises(ConfigError, match="mine_v1 needs the module 'absent_module'") as caught:
        expect_packages(mine)
    assert caught.value.code == "missing_package"
