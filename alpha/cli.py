"""What every command shares: options, progress, and errors that say who must act."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from alpha.core.errors import AlphaError

DEFAULT = "config/base.yaml"

T = TypeVar("T")

if TYPE_CHECKING:
    from alpha.config import Config


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Show a default where there is one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return super()._get_help_string(action) if action.default not in (None, False, []) else action.help


def parser(description: str, *, config: str = DEFAULT) -> argparse.ArgumentParser:
    """Return a parser with the options that choose a configuration."""
    made = argparse.ArgumentParser(description=description, formatter_class=_Formatter)
    made.add_argument("--config", default=config, help="configuration file")
    made.add_argument("--overlay", action="append", default=[], metavar="FILE", help="laid over the config; repeat")
    made.add_argument("--verbose", action="store_true", help="log every bar to standard error")
    made.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="laid over all; repeat")
    return made


def configured(args: argparse.Namespace, overlays: Sequence[str | Path] = (), overrides: Sequence[str] = ()) -> Config:
    """Return the configuration that the options name, a command's own overlays and overrides before ``--set``."""
    import structlog

    from alpha.config import load

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("info" if args.verbose else "warning"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    return load(args.config, [*args.overlay, *overlays], [*overrides, *args.set])


def chosen(args: argparse.Namespace) -> str:
    """Return the options that chose the configuration, to be typed again: each after a space."""
    given = [("--config", args.config)] if args.config != DEFAULT else []
    given += [("--overlay", overlay) for overlay in args.overlay] + [("--set", override) for override in args.set]
    return "".join(f" {option} {shlex.quote(value)}" for option, value in given)


def positive(text: str) -> int:
    """Read a whole number above zero."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0; it was {text}")
    return number


def run(main: Callable[[argparse.Namespace], int | None], options: argparse.ArgumentParser) -> None:
    """Parse, say that work has begun, run, exit. A deliberate error prints one message and exits with its own code."""
    args = options.parse_args()
    read = [*filter(None, [args.config]), *args.overlay, *args.set] if "config" in args else []
    print(
        " ".join([options.prog, " + ".join(read)]).rstrip(), "...", file=sys.stderr, flush=True
    )  # imports take seconds
    try:
        sys.exit(main(args) or 0)
    except AlphaError as error:
        print(f"{type(error).__name__} {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted; nothing is lost: run the same command again", file=sys.stderr)
        sys.exit(130)


def track(items: Iterable[T], what: str) -> Iterable[T]:
    """Yield `items` while showing how far they are: a bar on a terminal, lines elsewhere."""
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
