"""Names of a package that are imported when they are first used, so that a command answers ``--help`` at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from types import ModuleType
from typing import Any


def lazy(package: str, places: Mapping[str, Sequence[str]]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a package.

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
    """Let a package be imported when an attribute of it is first read, by whichever module imports it.

    pandas takes a second, and a command that refuses a typo, lists or halts needs none of it. ``import pandas as pd``
    stays as it is everywhere. A package that is imported already is left as it is.

    Raises
    ------
    ModuleNotFoundError
        At once: the package is not installed.
    """
    if name in sys.modules:
        return
    spec = find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    sys.modules[name] = module = _Postponed(name)
    module.__spec__ = spec


class _Postponed(ModuleType):
    """A package that is not imported yet, and afterwards another name for it.

    `importlib.util.LazyLoader` does not serve: on Python 3.11 a second ``import`` statement already imports. Here the
    ordinary import does the work, under its own locks, so threads that come at once wait for the whole package.
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


_taking_out = Lock()  # held for no import, so that nothing waits for it that holds the lock of a module


def _imported(module: _Postponed) -> ModuleType:
    """Return the package itself; it takes the place in ``sys.modules``."""
    known = vars(module)
    if "_whole" not in known:
        name = module.__name__
        with _taking_out:
            if sys.modules.get(name) is module:
                del sys.modules[name]
        known["_whole"] = import_module(name)
    whole: ModuleType = known["_whole"]
    return whole
