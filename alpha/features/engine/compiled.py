"""Compile kernels, and keep their machine code on disk between processes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils, config, types
from numba.extending import intrinsic

_HERE = Path(__file__).parents[1]
_FILES = tuple(path for path in sorted(_HERE.glob("*/*.py")) if "\n@jit\n" in path.read_text(encoding="utf-8"))
KERNELS = tuple(f"alpha.features.{path.parent.name}.{path.stem}" for path in _FILES)
"""The modules that hold kernels: those with a function under ``@jit``."""


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


@intrinsic
def prefetch(typing: Any, array: Any, at: Any) -> Any:
    """Ask for the memory of an element that is going to be written: no value changes, nothing waits."""

    def generated(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.gep(cgutils.create_struct_proxy(array)(context, builder, args[0]).data, [args[1]])
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        asked = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        builder.call(asked, [place, number(1), number(3), number(1)])  # to write; keep near; data
        return context.get_dummy_value()

    return types.void(array, types.intp), generated


def _folder() -> Path:
    text = b"".join(path.read_bytes() for path in (_HERE / "engine/compiled.py", _HERE / "engine/lower.py", *_FILES))
    places = (
        [Path(config.CACHE_DIR)]
        if config.CACHE_DIR
        else [_HERE / "engine" / "__pycache__", Path.home() / ".cache" / "alpha"]
    )
    base = next((place for place in places if _writable(place)), places[-1])
    return base / f"kernels-{hashlib.sha256(text).hexdigest()[:12]}"


def _writable(place: Path) -> bool:
    parent = next(folder for folder in (place, *place.parents) if folder.exists())
    return os.access(parent, os.W_OK)


FOLDER = _folder()
"""The folder of the machine code of all kernels, named by their text."""
