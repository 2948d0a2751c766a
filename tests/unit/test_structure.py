"""The rules about the repository itself, and that they bite."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("structure", ROOT / ".ci/structure.py")
structure = importlib.util.module_from_spec(spec)
spec.loader.exec_module(structure)


def test_a_stranger_at_the_top_is_named():
    assert structure.strangers(["alpha/core/x.py", ".gitignore", "README.md"]) == []
    assert structure.strangers(["src/x.py"])[0].startswith("src")


def test_an_import_of_attic_is_named(tmp_path):
    (tmp_path / "a.py").write_text("from attic.old import x\n")
    (tmp_path / "b.py").write_text("import atticus\n# from attic we moved this\n")
    assert [line.split(":")[0] for line in structure.imports_of_attic(["a.py", "b.py"], tmp_path)] == ["a.py"]


def test_what_is_too_long_is_named(tmp_path):
    (tmp_path / "alpha").mkdir()
    body = "".join(f"    x = {i}\n" for i in range(39))
    told = '    """Say it.\n' + "\n" * 30 + '    """\n'
    (tmp_path / "alpha/a.py").write_text(f"def short():\n{told}{body}\n\nclass A:\n    def long(self):\n" +
                                         "".join(f"        x = {i}\n" for i in range(40)))  # fmt: skip
    (tmp_path / "alpha/b.py").write_text("x = 1\n" * 401)
    (tmp_path / "tests.py").write_text("x = 1\n" * 401)
    problems = structure.too_long(["alpha/a.py", "alpha/b.py", "alpha/gone.py", "tests.py"], tmp_path)
    assert [line.split(";")[0] for line in problems] == ["alpha/a.py: long has 41 lines", "alpha/b.py: 401 lines"]


def test_modules_that_import_each_other_are_named(tmp_path):
    (tmp_path / "alpha").mkdir()
    files = {
        "alpha/__init__.py": "",
        "alpha/a.py": "from alpha.b import x\n",
        "alpha/b.py": "try:\n    import alpha.a\nexcept ImportError:\n    pass\n",
        "alpha/c.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from alpha import d\n",
        "alpha/d.py": "from alpha import c\ndef f():\n    from alpha import a\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (problem,) = structure.cycles([*files, "alpha/gone.py"], tmp_path)
    assert set(problem.split(":")[0].split(" <- ")) == {"alpha.a", "alpha.b"}
    (tmp_path / "alpha/b.py").write_text("")
    assert structure.cycles(list(files), tmp_path) == []


def test_every_test_that_the_docs_name_is_there():
    named = {name for page in (ROOT / "docs").rglob("*.md")
             for name in re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", page.read_text(encoding="utf-8"))}  # fmt: skip
    assert named
    for path, _, function in (name.partition("::") for name in sorted(named)):
        assert f"def {function}" in (ROOT / path).read_text(encoding="utf-8"), (path, function)


def test_this_repository_keeps_its_rules(capsys):
    assert structure.main() == 0, capsys.readouterr().out
