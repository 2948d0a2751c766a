"""Trade the blessed model on paper: by default over the last 60 sessions of the configured source."""

from __future__ import annotations

import argparse

from alpha import cli


def options() -> argparse.ArgumentParser:
    """Return the command line."""
    made = cli.parser(__doc__)
    made.add_argument("--symbols", nargs="+", default=[], help="hold only these names")
    made.add_argument("--start", help="first session of a new ledger, YYYY-MM-DD")
    made.add_argument("--steps", type=int, help="the most bars to trade in this run")
    made.add_argument("--poll-sec", type=float, help="seconds between bars")
    made.add_argument("--cash", type=float, help="cash of a new ledger")
    made.add_argument("--profile", help="an overlay in config/profiles: paper_strict, risk_balanced")
    made.add_argument("--shadow", action="store_true", help="replay the newest candidate, blessed or not, as a shadow")
    made.add_argument("--source", help="another source, by name or as {name: ..., parameters}")
    made.add_argument("--kill-file", help="while this file exists nothing is traded")
    made.add_argument("--ledger", help="the journal; one that exists is continued")
    made.add_argument("--acknowledge", metavar="NOTE", help="go on after a halt; the note is journaled")
    return made


def main(args: argparse.Namespace) -> int:
    """Trade, and end with the daily report."""
    from alpha import operate

    report = operate.paper(operate.paper_config(args), args, cli.track)
    operate.show_day(report)
    return 0


if __name__ == "__main__":
    cli.run(main, options())
