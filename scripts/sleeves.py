"""Research the sleeves of an account and trade them together, or trade them on paper."""

from __future__ import annotations

import argparse

from alpha import cli


def options() -> argparse.ArgumentParser:
    """Return the command line."""
    made = cli.parser(__doc__, config="config/sleeves.yaml")
    made.add_argument("verb", choices=["research", "paper"], help="research all sleeves, or trade the blessed bundles")
    made.add_argument("--start", metavar="DATE", help="first session of a new ledger")
    made.add_argument("--steps", type=cli.positive, help="largest number of bars of all sleeves in this run")
    made.add_argument("--shadow", action="store_true", help="replay the newest candidates, blessed or not")
    made.add_argument("--acknowledge", metavar="NOTE", help="continue after a halt; the note is journaled")
    return made


def main(args: argparse.Namespace) -> int:
    """Research or trade; print the reports."""
    world = cli.shared(args)
    from alpha.cli import show
    from alpha.operate import papering, sleeves

    if args.verb == "research":
        show.together(world, sleeves.research_sleeves(world, cli.track))
    else:
        wanted = papering.Wanted(
            start=args.start,
            steps=args.steps,
            shadow=args.shadow,
            acknowledge=args.acknowledge,
            options=cli.chosen(args),
        )
        show.day(*sleeves.paper_sleeves(world, wanted, cli.track))
    return 0


if __name__ == "__main__":
    cli.run(main, options())
