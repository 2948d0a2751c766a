"""Import names and packages on first use, so that a command answers ``--help`` at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from types import ModuleType
from typing import Any


def lazy(package: str, places: Mapping[str, Sequence[str]]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package whose names are imported on first use.

    Parameters
    ----------
    places : mapping of str to sequence of str
        The public names, by the module that defines them.
    """
    homes = {name: module for module, names in places.items() for name in names}

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return find, lambda: sorted(homes)


def postpone(name: str) -> None:
    """Postpone the import of a package until one of its attributes is read.

    pandas takes a second, and a command that refuses a typo, lists or halts does not need it. Modules still write
    ``import pandas as pd``. A package that is already imported is not changed.

    Raises
    ------
    ModuleNotFoundError
        The package is not installed; raised at once.
    """
    if name in sys.modules:
        return
    spec = find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    sys.modules[name] = module = _Postponed(name)
    module.__spec__ = spec


class _Postponed(ModuleType):
    """A proxy of a package, which is imported when an attribute is read.

    `importlib.util.LazyLoader` is no alternative: on Python 3.11 a second ``import`` statement already imports. Here
    the ordinary import does the work, under its own locks, so concurrent threads wait for the whole package.
    """

    def __getattr__(self, attribute: str) -> Any:
        return getattr(_imported(self), attribute)

    def __setattr__(self, attribute: str, value: Any) -> None:
        if attribute.startswith("__"):
            super().__setattr__(attribute, value)
        else:
            setattr(_imported(self), attribute, value)

    def __delattr__(self, attribute: str) -> None:
        delattr(_imported(self), attribute)

    def __dir__(self) -> list[str]:
        return dir(_imported(self))


_taking_out = Lock()  # never held during an import, so that it cannot deadlock with the lock of a module


def _imported(module: _Postponed) -> ModuleType:
    """Return the package itself, which replaces its proxy in ``sys.modules``."""
    known = vars(module)
    if "_whole" not in known:
        name = module.__name__
        with _taking_out:
            if sys.modules.get(name) is module:
                del sys.modules[name]
        known["_whole"] = import_module(name)
    whole: ModuleType = known["_whole"]
    return whole
