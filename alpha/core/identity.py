"""Names for content: hashes of values, of the code and of the environment."""

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
"""Every report names the versions of these, where they are installed; a bundle, those of what its model needs too."""


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN."""
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
    """Return the hash of the library's own source files."""
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
    """Return the packages that reading the files of a model depends on: those it names, else those its module imports.

    Raises
    ------
    ConfigError
        ``missing_package``: it names none, and its module imports one that is not installed.
    """
    make = make if isinstance(make, type) else type(make)
    return tuple(getattr(make, "packages", None) or _imported(make))


def expect_packages(make: Any) -> None:
    """Raise ConfigError `missing_package` unless all that a model depends on is installed."""
    for name in packages_of(make):
        if _version(name) is None:
            hint = nearest(name, filter(None, (found.metadata["Name"] for found in metadata.distributions())))
            raise _missing(make, f"the package {name!r}", f"name it as pip does ({hint})")


def _imported(make: type) -> Iterator[str]:
    """Yield the packages whose modules a class's module imports, wherever in it that is done."""
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
    """Return the hash of the code that defines a function or class: what it does, whatever it is called.

    It is that of its whole module, helpers and constants included, as a syntax tree without docstrings: comments and
    layout do not count. A module without a source, such as that of a notebook, has no tree. There it is the compiled
    code of the function, or of the methods and constants of the class, alone: its docstrings count, the
    functions it calls do not, and another version of Python compiles another.

    What it calls in other modules never counts, nor does a value that it closes over.
    """
    try:
        tree = ast.parse(inspect.getsource(sys.modules[make.__module__]))
    except (KeyError, OSError, TypeError, SyntaxError):  # no such module, or none with a file, or one edited since
        return digest(_compiled(make))
    return digest(ast.unparse(_WithoutTexts().visit(tree)))  # ast.dump depends on the version of Python


class _WithoutTexts(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        """Drop a constant that stands alone: a docstring, or what does as little."""
        return None if isinstance(node.value, ast.Constant) else node


def _compiled(thing: Any) -> Any:
    """Return what a function, a class or a constant of either does, less where it stands and how it is laid out."""
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
