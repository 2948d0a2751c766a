"""The packages that a command imports before it has anything to compute with them. Modules are counted, not seconds."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from alpha.core.calendar import COMMON, Calendar
from alpha.core.lazy import postpone

ROOT = Path(__file__).parents[2]
HEAVY = "pandas._libs", "pyarrow", "numba", "scipy", "sklearn", "exchange_calendars", "structlog", "rich", "joblib"


def imported_by(code):
    """Run code in a process of its own; return its heavy packages and what it printed to standard error."""
    shown = f"import sys\n{textwrap.dedent(code)}\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", shown], cwd=ROOT, capture_output=True, text=True, check=True)
    return ran.stdout.split(), ran.stderr


@pytest.mark.parametrize("name", ["load", "Config", "load_places"])
def test_the_configuration_imports_nothing_heavy(name):
    assert imported_by(f"from alpha.config import {name}") == ([], "")


@pytest.mark.parametrize("command", ["scripts/research.py", "scripts/paper_runner.py", "scripts/smoke.py",
                                     "tools/bless_model_inference.py", "tools/check_leakage.py"])  # fmt: skip
def test_a_wrong_key_is_named_before_anything_heavy_is_imported(command):
    heavy, shown = imported_by(f"""
        import runpy
        sys.argv = [{command!r}, "--set", "lable.horizon=1"]
        try:
            runpy.run_path({command!r}, run_name="__main__")
        except SystemExit as ended:
            assert ended.code == 2
    """)
    assert "lable: no such key; did you mean 'label'?" in shown
    assert heavy == []


def test_pandas_is_whole_for_threads_that_need_it_at_once():
    assert imported_by("""
        from concurrent.futures import ThreadPoolExecutor
        import alpha, pandas as pd
        assert "pandas._libs" not in sys.modules
        def made(i): return pd.DataFrame({"i": [i]})["i"].sum()
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(made, range(8))) == list(range(8))
        import pandas, pandas.testing
        assert pandas is sys.modules["pandas"] is not pd and pandas.DataFrame is pd.DataFrame and "concat" in dir(pd)
        pd.chosen = 3
        assert pandas.chosen == 3
        del pd.chosen
        assert not hasattr(pandas, "chosen")
    """)[0][:2] == ["pandas._libs", "pyarrow"]  # fmt: skip


def test_a_submodule_imports_the_package_first():
    assert "pandas._libs" in imported_by("import alpha\nfrom pandas.tseries.offsets import Day\nDay(1)")[0]


def test_a_package_that_is_not_installed_is_missed_at_once():
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        postpone("no_such_package")


def test_the_calendars_that_are_known_without_their_package_are_known_to_it():
    from exchange_calendars import get_calendar_names

    assert set(COMMON) <= set(get_calendar_names(include_aliases=True))
    assert [Calendar(name).name for name in COMMON] == list(COMMON)
