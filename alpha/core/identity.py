"""Hashes of values and of code, and the versions of the environment."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from types import CodeType
from typing import Any

from alpha.core.errors import ConfigError, nearest

PACKAGES = ("numpy", "pandas", "scikit-learn", "lightgbm", "xgboost", "numba", "scipy")
"""Packages whose versions every report records, if installed; a bundle also records those that its model needs."""


def canonical(value: Any) -> str:
    """Return the canonical JSON of a value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=str)


def digest(value: Any) -> str:
    """Return the SHA-256 of bytes, of a text, or of a value's canonical JSON."""
    if isinstance(value, str):
        value = value.encode()
    if not isinstance(value, bytes):
        value = canonical(value).encode()
    return hashlib.sha256(value).hexdigest()


@cache
def code_id() -> str:
    """Return the hash of Alpha's own source files."""
    root = Path(__file__).resolve().parents[1]
    files = sorted(root.rglob("*.py"))
    return digest({str(path.relative_to(root)): digest(path.read_bytes()) for path in files})


def environment(packages: Iterable[str] = ()) -> dict[str, str]:
    """Return the interpreter, the machine's architecture and the versions of packages; one not installed is absent.

    Parameters
    ----------
    packages : iterable of str
        Names of packages, as pip knows them, beside `PACKAGES`.
    """
    found = {name: _version(name) for name in dict.fromkeys([*PACKAGES, *packages])}
    known = {name: version for name, version in found.items() if version is not None}
    return {"python": platform.python_version(), "machine": platform.machine(), **known}


def packages_of(make: Any) -> tuple[str, ...]:
    """Return the packages that a model needs to read its files: those it names, else those that its module imports.

    Raises
    ------
    ConfigError
        ``missing_package``: it names none, and its module imports one that is not installed.
    """
    make = make if isinstance(make, type) else type(make)
    return tuple(getattr(make, "packages", None) or _imported(make))


def expect_packages(make: Any) -> None:
    """Raise ConfigError `missing_package` unless every package that a model needs is installed."""
    for name in packages_of(make):
        if _version(name) is None:
            hint = nearest(name, filter(None, (found.metadata["Name"] for found in metadata.distributions())))
            raise _missing(make, f"the package {name!r}", f"name it as pip does ({hint})")


def _imported(make: type) -> Iterator[str]:
    """Yield the packages that the module of a class imports, at its top or inside a function."""
    homes = metadata.packages_distributions()
    root = __name__.partition(".")[0]
    for module in sorted(_modules(make) - {root} - sys.stdlib_module_names):
        if module not in homes:
            raise _missing(make, f"the module {module!r}", "list what reads its files as `packages`")
        yield homes[module][0]


def _modules(make: type) -> set[str]:
    tree = ast.parse(inspect.getsource(sys.modules[make.__module__]))
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level)
    return {name.partition(".")[0] for name in (*plain, *(str(node.module) for node in nodes))}


def _missing(make: Any, what: str, otherwise: str) -> ConfigError:
    return ConfigError(
        f"model {make.__name__} needs {what}, and no such package is installed: install it, {otherwise}, or take "
        f"the model out of models.candidates",
        code="missing_package",
    )


@cache
def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@cache
def definition(make: Callable[..., Any]) -> str:
    """Return the hash of the code that defines a function or class.

    The hash covers the whole module, with its helpers and constants, as a syntax tree without docstrings: comments and
    layout do not count. Code of other modules and values of a closure do not count either. A module without source,
    such as that of a notebook, has no syntax tree: there the hash covers only the compiled code of the function, or of
    the methods and constants of the class. It then includes docstrings and depends on the version of Python.
    """
    try:
        tree = ast.parse(inspect.getsource(sys.modules[make.__module__]))
    except (KeyError, OSError, TypeError, SyntaxError):  # no such module, or none with a file, or one edited since
        return digest(_compiled(make))
    return digest(ast.unparse(_WithoutTexts().visit(tree)))  # ast.dump depends on the version of Python


class _WithoutTexts(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        """Drop a statement that is only a constant, such as a docstring."""
        return None if isinstance(node.value, ast.Constant) else node


def _compiled(thing: Any) -> Any:
    """Return the compiled code of a function, class or constant as plain values, without line and file names."""
    if isinstance(thing, type):
        own = {name: each for name, each in vars(thing).items() if callable(each) or not name.startswith("__")}
        return {name: _compiled(each) for name, each in own.items()}
    made: Any = thing.fget if isinstance(thing, property) else thing
    made = inspect.unwrap(made)
    code = made if isinstance(made, CodeType) else getattr(made, "__code__", None)
    if code is not None:
        given = [getattr(made, "__defaults__", None), getattr(made, "__kwdefaults__", None)]
        return [code.co_code.hex(), code.co_names, [_compiled(each) for each in (*code.co_consts, *given)]]
    if isinstance(made, dict):
        return {repr(name): _compiled(each) for name, each in made.items()}
    if isinstance(made, list | tuple):
        return [_compiled(each) for each in made]
    if isinstance(made, set | frozenset):
        return sorted(map(repr, made))
    return repr(made) if isinstance(made, str | bytes | int | float | complex | None) else type(made).__name__
