"""How kernels are compiled, and where their machine code is kept between processes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import config

_HERE = Path(__file__).parent
KERNELS = tuple(f"alpha.features.{name}" for name in (
    "crossing", "interpreter", "parabolic", "windows",
    "ticks.book", "ticks.spreads", "ticks.flow", "ticks.toxicity", "ticks.variance", "ticks.bars",
))  # fmt: skip
"""The modules in which kernels are."""
_READ = ("compiled", "lower", *(name.removeprefix("alpha.features.") for name in KERNELS))


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel when it is first called; later processes find its machine code on disk.

    Numba notices when the file of a function changes, but not when a function of another file does that was compiled
    into it. So the code is kept in a folder named by the text of all kernels.
    """
    given, config.CACHE_DIR = config.CACHE_DIR, str(FOLDER)
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = given


def _folder() -> Path:
    text = b"".join((_HERE / f"{name.replace('.', '/')}.py").read_bytes() for name in _READ)
    places = [Path(config.CACHE_DIR)] if config.CACHE_DIR else [_HERE / "__pycache__", Path.home() / ".cache" / "alpha"]
    base = next((place for place in places if _writable(place)), places[-1])
    return base / f"kernels-{hashlib.sha256(text).hexdigest()[:12]}"


def _writable(place: Path) -> bool:
    parent = next(folder for folder in (place, *place.parents) if folder.exists())
    return os.access(parent, os.W_OK)


FOLDER = _folder()
"""Where the machine code of all kernels is; named by their text."""
