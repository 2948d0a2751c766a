"""Import files that register plugins: Alpha's own packages, and the user's files, which a configuration names.

A file that cannot be imported is recorded as `Broken` and skipped: only a command that needs one of its names fails.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

from alpha.core.errors import ConfigError, nearest
from alpha.core.identity import digest

GROUP = "alpha.plugins"
"""The entry-point group in which an installed package names its plugins."""

FORGET: list[Callable[[str], None]] = []
"""Functions called with the name of a module whose import failed: they drop the plugins that it had registered."""

_DEFINED = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)
_loaded: dict[str, None] = {}
_broken: dict[str, Broken] = {}


@dataclass(frozen=True)
class Broken:
    """A file that could not be imported, and its error."""

    path: Path
    error: str

    def __str__(self) -> str:
        here = self.path.relative_to(Path.cwd()) if self.path.is_relative_to(Path.cwd()) else self.path
        return f"{here} could not be imported: {self.error}"

    @property
    def defines(self) -> frozenset[str]:
        """The names of the functions and classes in the file."""
        return _names(self.path)


@dataclass(frozen=True)
class Room:
    """A package of Alpha whose modules register plugins; a module is imported when one of its names is looked up."""

    package: str

    def reach(self, name: str) -> None:
        """Import the modules that define a function or class of this name."""
        for module, path in self._files.items():
            if name in _names(path):
                _import(module, path)

    def load(self) -> None:
        """Import every module."""
        for module, path in self._files.items():
            _import(module, path)

    def holds(self, module: str) -> bool:
        """Return whether a module belongs to this package."""
        return module.startswith(f"{self.package}.")

    @property
    def broken(self) -> list[Broken]:
        """The files of this package that could not be imported; a file not yet tried is not among them."""
        return [broken for module, broken in _broken.items() if self.holds(module)]

    @cached_property
    def _files(self) -> dict[str, Path]:
        """The file of each module, by its name."""
        return {f"{self.package}.{path.parent.name if path.stem == '__init__' else path.stem}": path
                for folder in map(Path, importlib.import_module(self.package).__path__)
                for path in sorted([*folder.glob("[!_]*.py"), *folder.glob("*/__init__.py")])}  # fmt: skip


room = cache(Room)
"""Return the room of a package; registries of the same package share it."""


def load(entries: Iterable[str]) -> None:
    """Import the plugins that a configuration names. This runs their code.

    Parameters
    ----------
    entries : iterable of str
        Each is a folder, whose ``*.py`` are imported (except those that begin with ``_``), a file, the name of an entry
        point of the group ``alpha.plugins``, or an installed module. Paths are relative to the working folder.

    Raises
    ------
    ConfigError
        ``unknown_plugin``: there is no such folder, file, entry point or module. A file that exists but cannot be
        imported raises nothing; see `broken`.
    """
    for entry in entries:
        path = Path(entry).resolve()
        for module, file in _found(entry, path):
            _import(module, file)
        _loaded[str(path) if path.exists() else entry] = None


def loaded() -> tuple[str, ...]:
    """Return the entries that were loaded, with absolute paths, so that another process can load the same."""
    return tuple(_loaded)


def broken() -> list[Broken]:
    """Return the user's files that could not be imported."""
    return [each for module, each in _broken.items() if not module.startswith("alpha.")]


def all_broken() -> list[Broken]:
    """Return every file that could not be imported; a file not yet tried is not among them."""
    return list(_broken.values())


def _found(entry: str, path: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name and file of each module of an entry."""
    if path.is_dir() or (path.is_file() and path.suffix == ".py"):
        files = sorted(path.glob("[!_]*.py")) if path.is_dir() else [path]
        yield from ((f"plugin_{digest(str(file))[:8]}_{file.stem}", file) for file in files)
        return
    points = entry_points(group=GROUP)
    name = next((point.module for point in points if point.name == entry), entry)
    top = name.partition(".")[0]
    spec = find_spec(top) if top.isidentifier() else None
    if spec is None or spec.origin is None:
        beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = nearest(path.name, {*beside, *points.names})
        raise ConfigError(f"no folder, *.py file, entry point or module named {entry!r}; {hint}", code="unknown_plugin")
    yield name, Path(spec.origin)
    for found in pkgutil.iter_modules(getattr(sys.modules.get(name), "__path__", ())):
        yield f"{name}.{found.name}", Path(spec.origin).with_name(f"{found.name}.py")


def _import(module: str, path: Path) -> None:
    """Import a module once; record the error where it fails."""
    if module in sys.modules or module in _broken:
        return
    try:
        if module.startswith("plugin_"):
            _run(module, path)
        else:
            importlib.import_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's file may raise anything
        _broken[module] = Broken(path, f"{type(error).__name__}: {error}")
        for forget in FORGET:
            forget(module)


def _run(module: str, path: Path) -> None:
    """Import a file that belongs to no package."""
    spec = spec_from_file_location(module, path)
    assert spec is not None
    assert spec.loader is not None, "every *.py has a loader"
    sys.modules[module] = made = module_from_spec(spec)
    try:
        spec.loader.exec_module(made)
    except BaseException:
        del sys.modules[module]
        raise


@cache
def _names(path: Path) -> frozenset[str]:
    """Return the names of the functions and classes that a file defines, from its text, without importing it."""
    return frozenset(_DEFINED.findall(path.read_text(encoding="utf-8", errors="replace")))
