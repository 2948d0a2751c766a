"""Verify every log, series of trials, journal and bundle. Exit 0: none was changed."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from alpha import cli


def options() -> argparse.ArgumentParser:
    """Return the command line."""
    made = cli.parser(__doc__)
    made.add_argument("--all", metavar="FOLDER", type=Path, help="check this folder, without reading --config")
    return made


def main(args: argparse.Namespace) -> int:
    """Print one line for each checked artifact, and a summary."""
    from alpha.operate import verifying

    things = verifying.kept_in(args.all) if args.all else verifying.kept(cli.places(args))
    found = []
    for thing in cli.track(things, "verify"):
        for each in verifying.inspect(thing):
            found.append(each)
            print(f"{'DAMAGED' if each.error else 'ok':<8}{each.kind:<10} {each.path}: {each.error or each.holds}")
    damaged = sum(each.error is not None for each in found)
    counts = ", ".join(f"{kind} {count}" for kind, count in sorted(Counter(each.kind for each in found).items()))
    print(f"checked {len(found)} ({counts or 'nothing is there'}); damaged: {damaged}")
    return verifying.exit_code(found)


if __name__ == "__main__":
    cli.run(main, options())
