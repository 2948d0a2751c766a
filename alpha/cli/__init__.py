"""The command line: options, output and exit codes. No lower package prints.

Nothing heavy is imported here, so that `--help` answers at once; the functions that print are in `tables` and `show`.
"""

from __future__ import annotations

import argparse
import gc
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alpha.cli.progress import track
from alpha.core.errors import AlphaError

DEFAULT = "config/base.yaml"

if TYPE_CHECKING:
    from alpha.config import Config, Places
    from alpha.config.sleeves import Sleeves

__all__ = ["chosen", "configured", "parser", "places", "positive", "run", "shared", "track"]


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Show the default of an option that has one."""

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
    """Return the configuration that the options name; overlays and overrides of the command come before ``--set``."""
    from alpha.config import load

    cfg = load(args.config, [*args.overlay, *overlays], [*overrides, *args.set])
    _name_broken()
    _log(args)
    return cfg


def shared(args: argparse.Namespace) -> Sleeves:
    """Return the configuration of an account with sleeves that the options name."""
    from alpha.config.sleeves import load_sleeves

    world = load_sleeves(args.config, args.overlay, args.set)
    _name_broken()
    _log(args)
    return world


def _log(args: argparse.Namespace) -> None:
    """Log to standard error; every bar with ``--verbose``."""
    import structlog

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("info" if args.verbose else "warning"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _name_broken() -> None:
    """Print the plugin files that could not be imported."""
    from alpha.core.registry import broken

    for file in broken():
        print(f"skipped: {file}", file=sys.stderr)


def places(args: argparse.Namespace, overlays: Sequence[str | Path] = (), overrides: Sequence[str] = ()) -> Places:
    """Return the paths of results, by the same options, without importing plugins, which could be broken."""
    from alpha.config import load_places

    return load_places(args.config, [*args.overlay, *overlays], [*overrides, *args.set])


def chosen(args: argparse.Namespace) -> str:
    """Return the command-line options that choose the same configuration, each after a space."""
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
    """Parse the options, print that work has begun, run, exit. An AlphaError prints its message and sets the code."""
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
    finally:
        if executor := sys.modules.get("alpha.core.executor"):  # `--help` imports nothing
            executor.stop()
        gc.freeze()  # otherwise the interpreter searches all objects for cycles at exit, for seconds after a long study
