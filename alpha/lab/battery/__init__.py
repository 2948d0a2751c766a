"""The battery that tests the leak checks: worlds with a planted mistake, and worlds without one.

A plant is a function ``f(seed) -> Pipeline`` registered with ``@plant``: a correct pipeline except for one mistake,
over a small market of its own. Its docstring describes the mistake and why it is easily made. A clean world is
registered with ``@clean``.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from alpha.core.errors import ConfigError
from alpha.leaks import Pipeline

Make = Callable[[int], Pipeline]
FAMILIES = ("data", "features", "labels", "folds", "models", "execution")


@dataclass(frozen=True)
class World:
    """One world of the battery.

    Parameters
    ----------
    name : str
    family : str
        The module of the world: the stage in which the mistake is made; ``clean`` where there is none.
    caught_by : tuple of str
        Checks that must find the mistake; others may find it too. Empty: no check may find anything.
    make : callable
        From a seed to the pipeline.
    """

    name: str
    family: str
    caught_by: tuple[str, ...]
    make: Make

    @property
    def mistake(self) -> str:
        """The first line of the docstring, which names the mistake."""
        return (self.make.__doc__ or "").strip().splitlines()[0]


_WORLDS: dict[str, World] = {}


def plant(*caught_by: str) -> Callable[[Make], Make]:
    """Register a world with a mistake, and the checks that must find it."""
    return lambda make: _add(make, make.__module__.rpartition(".")[2], caught_by)


def clean(make: Make) -> Make:
    """Register a world without a mistake."""
    return _add(make, "clean", ())


def worlds() -> tuple[World, ...]:
    """Return all worlds in the order of the pipeline stages, clean worlds last."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    order = [*FAMILIES, "clean"]
    return tuple(sorted(_WORLDS.values(), key=lambda world: order.index(world.family)))


def _add(make: Make, family: str, caught_by: tuple[str, ...]) -> Make:
    name = make.__name__
    if name in _WORLDS:
        raise ConfigError(f"world {name!r} is registered twice", code="registered_twice")
    _WORLDS[name] = World(name, family, caught_by, make)
    return make
