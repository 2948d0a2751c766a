"""The names of `alpha` itself: they work in any order of imports, and can be found."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

import alpha
import alpha.config
import alpha.stats

NAMES = sorted(set(alpha.__all__) - {"__version__"})


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_words_of_the_readme_are_there():
    assert {"load", "load_panel", "research", "score", "backtest", "trade", "Config", "Panel", "Study"} <= set(NAMES)


@pytest.mark.parametrize("package", [alpha, alpha.config, alpha.stats], ids=lambda package: package.__name__)
def test_no_module_has_the_name_of_what_a_package_offers(package):
    """Importing such a module would put it in the place of the name."""
    modules = [name for name in package.__all__ if importlib.util.find_spec(f"{package.__name__}.{name}")]
    assert not modules


def test_a_name_is_what_it_is_whatever_was_imported_before():
    python(
        "import pkgutil, importlib, alpha\n"
        "before = {name: getattr(alpha, name) for name in alpha.__all__}\n"
        "for found in pkgutil.walk_packages(alpha.__path__, 'alpha.'):\n"
        "    importlib.import_module(found.name)\n"
        "assert callable(alpha.research) and callable(alpha.load) and callable(alpha.score)\n"
        "assert before == {name: getattr(alpha, name) for name in alpha.__all__}\n"
    )


def test_they_are_listed_completed_and_explained():
    shown = python(
        "import rlcompleter, alpha\n"
        "print(*dir(alpha))\n"
        "completer = rlcompleter.Completer({'alpha': alpha})\n"
        "print(completer.complete('alpha.resea', 0))\n"
        "help(alpha)\n"
    )
    listed, completed, *page = shown.splitlines()
    assert set(NAMES) <= set(listed.split())
    assert completed.startswith("alpha.research")
    text = "\n".join(page)
    for name in NAMES:
        assert name in text, name
    assert "Load data, compute features and label, cross-fit, backtest, score" in text, "the first line of `research`"
    assert "label = <registry of 5 labels>" in text.replace("\n", "")


def test_importing_alpha_alone_imports_nothing_heavy():
    python(
        "import sys, alpha; dir(alpha); assert not {'numpy', 'pandas._libs', 'pydantic', 'numba'} & set(sys.modules)"
    )
