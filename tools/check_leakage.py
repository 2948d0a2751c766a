"""Run the leak checks on planted leaks and clean worlds, or, with --config, on your own pipeline. Exit 5: failed."""

from __future__ import annotations

import argparse

from alpha import cli


def options() -> argparse.ArgumentParser:
    """Return the command line."""
    made = cli.parser(__doc__, config="")
    made.set_defaults(config=None)
    made.add_argument("--seeds", type=cli.positive, default=5, help="number of seeds of each clean world")
    made.add_argument("--leaks", type=cli.positive, default=1, help="number of seeds of each leak")
    made.add_argument("--only", action="append", default=[], metavar="WORLD", help="only this world; repeat")
    made.add_argument("--jobs", type=cli.positive, help="number of processes; default: all processors")
    made.add_argument("--explain", action="store_true", help="also print what each check found")
    return made


def main(args: argparse.Namespace) -> int:
    """Check the configured pipeline if one is named; otherwise print the matrix of the battery."""
    cfg = None
    if args.config or args.overlay or args.set:
        args.config = args.config or "config/base.yaml"
        cfg = cli.configured(args)
    from alpha.cli import show_lab
    from alpha.lab import leakage

    if cfg is not None:
        held = show_lab.checks(leakage.check_configured(cfg, cli.track))
    else:
        verdicts = leakage.battery(leaks=args.leaks, seeds=args.seeds, only=args.only, jobs=args.jobs,
                                   track=cli.track)  # fmt: skip
        held = show_lab.battery(verdicts, explain=args.explain)
    return 0 if held else 5


if __name__ == "__main__":
    cli.run(main, options())
