"""Compile all kernels before they are needed: ``python -m alpha.cli.kernels``, as `make setup` does.

A kernel's machine code is on disk, so every later process loads it. A kernel needs those that it calls, so all are
compiled by running the outermost ones on nothing: once in each of two processes, since the compiler takes one core.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, wait
from importlib import import_module
from multiprocessing import get_context

import numpy as np

from alpha.features.engine.compiled import FOLDER, KERNELS

_LOOK = 0.5  # seconds from one look at the folder to the next


def names() -> list[str]:
    """Return the name of every kernel: module and function."""
    return [f"{module.__name__.rpartition('.')[2]}.{name}" for module in map(import_module, KERNELS)
            for name, function in vars(module).items()
            if hasattr(function, "py_func") and function.py_func.__module__ == module.__name__]  # fmt: skip


def absent() -> list[str]:
    """Return the kernels whose machine code is not on disk."""
    there = {path.name.rsplit("-", 1)[0] for path in FOLDER.rglob("*.nbi")}
    return [name for name in names() if name not in there]


def warm(show: Callable[[int, int], object] = lambda done, of: None) -> None:
    """Compile all kernels, and call `show(done, all)` with the counts; do nothing where their code is on disk."""
    total = len(names())
    left = len(absent())
    show(total - left, total)
    if not left:
        return
    with ProcessPoolExecutor(len(_PARTS), mp_context=get_context("spawn")) as pool:
        parts = [pool.submit(part) for part in _PARTS]
        while wait(parts, timeout=_LOOK).not_done:
            show(total - len(absent()), total)
        for part in parts:
            part.result()
    show(total - len(absent()), total)


def run_blocks() -> None:
    """Run the interpreter, on nothing: half of the work."""
    from alpha.features.engine.interpreter import rewind, run_block

    memory, planes, whole = np.zeros(1), np.zeros((1, 1, 1)), np.zeros(0, np.int64)
    code, single = np.zeros((0, 7), np.int64), np.zeros((0, 1, 1), np.float32)
    run_block(code, np.zeros((0, 4)), memory, planes, planes, single, whole, whole, 0, 0, 0, 0, 1, 1, 0, 1)
    rewind(memory, whole, whole, 0, 1)


def run_others() -> None:
    """Run the kernels of rows, of window features, of trades and quotes, on nothing."""
    from alpha.features.engine.crossing import cross
    from alpha.features.engine.parabolic import stops
    from alpha.features.ticks import Events, bar_builder, tick_feature

    planes = np.zeros((1, 1, 1))
    cross(0, planes[0], planes[0], planes[0], planes, np.zeros((1, 1), np.int64), False, 0.0, 0.0)
    window = np.ones((2, 1))
    window.flags.writeable = False  # as window features get it: for the compiler another type
    stops(window, window, 0.0, 0.0)
    for registry in (tick_feature, bar_builder):
        for name in registry:
            registry.bind(name)().push(Events.of())


_PARTS = (run_blocks, run_others)
