"""Show the progress of long work: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import Any, TypeVar

T = TypeVar("T")


def track(items: Iterable[T], what: str) -> Iterable[T]:
    """Yield `items` and show their progress: a bar on a terminal, lines elsewhere."""
    if sys.stderr.isatty():
        return _bar(items, what)
    return _lines(items, what)


def _bar(items: Iterable[Any], what: str) -> Iterable[Any]:
    from rich.console import Console
    from rich.progress import track as rich_track

    return rich_track(items, what, console=Console(stderr=True), transient=False)


def _lines(items: Iterable[Any], what: str) -> Iterator[Any]:
    total = f"/{len(items)}" if isinstance(items, Sized) else ""
    said = time.monotonic()
    print(f"  {what} ...", file=sys.stderr, flush=True)
    for number, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - said > 2:
            said = time.monotonic()
            print(f"  {what} {number}{total}", file=sys.stderr, flush=True)
