"""Trade the blessed model on paper: by default over the last 60 sessions of the configured source."""

from __future__ import annotations

import argparse

from alpha import cli


def options() -> argparse.ArgumentParser:
    """Return the command line."""
    made = cli.parser(__doc__)
    made.add_argument("--symbols", nargs="+", default=[], help="hold only these names")
    made.add_argument("--start", metavar="DATE", help="first session of a new ledger")
    made.add_argument("--steps", type=cli.positive, help="largest number of bars to trade in this run")
    made.add_argument("--poll-sec", type=float, help="seconds between bars")
    made.add_argument("--cash", type=float, help="cash of a new ledger")
    made.add_argument("--profile", help="overlay of config/profiles: paper_strict or risk_balanced")
    made.add_argument("--shadow", action="store_true", help="replay the newest candidate, blessed or not")
    made.add_argument("--source", help="another source: a name, or '{name: ..., parameters}'")
    made.add_argument("--kill-file", help="while this file exists nothing is traded")
    made.add_argument("--kill", nargs="?", const="", metavar="NOTE", help="write the kill file and exit")
    made.add_argument("--ledger", help="file of the journal; an existing one is continued")
    made.add_argument("--acknowledge", metavar="NOTE", help="continue after a halt; the note is journaled")
    return made


def main(args: argparse.Namespace) -> int:
    """Trade, then print the daily report."""
    from alpha.cli import paper

    overlays, overrides = paper.overlays(args.profile), paper.overrides(vars(args))
    if args.kill is not None:
        return paper.kill(cli.places(args, overlays, overrides), args.kill)
    cfg = cli.configured(args, overlays, overrides)
    from alpha.cli import show
    from alpha.operate import papering

    wanted = papering.Wanted(
        symbols=tuple(args.symbols), start=args.start, steps=args.steps, shadow=args.shadow,
        acknowledge=args.acknowledge, new_cash=args.cash is not None,
        options=cli.chosen(args),
    )  # fmt: skip
    show.day(*papering.paper(cfg, wanted, cli.track))
    return 0


if __name__ == "__main__":
    cli.run(main, options())
