"""Try the leakage checks on planted leaks and clean worlds, or, with --config, on your own pipeline. Exit 5: failed."""

from __future__ import annotations

import argparse

from alpha import cli


def options() -> argparse.ArgumentParser:
    """Return the command line."""
    made = cli.parser(__doc__, config="")
    made.set_defaults(config=None)
    made.add_argument("--seeds", type=cli.positive, default=5, help="how often each clean world is drawn")
    made.add_argument("--leaks", type=cli.positive, default=1, help="how often each leak is drawn")
    made.add_argument("--only", action="append", default=[], metavar="WORLD", help="only this world; repeat")
    made.add_argument("--jobs", type=int, default=-1, help="processes; -1: one a processor")
    made.add_argument("--explain", action="store_true", help="also print what each check found")
    return made


def main(args: argparse.Namespace) -> int:
    """Check the configured pipeline where one is named, else print the matrix of the battery."""
    return _own(args) if args.config or args.overlay or args.set else _battery(args)


def _own(args: argparse.Namespace) -> int:
    from alpha.operate import leakage

    args.config = args.config or "config/base.yaml"
    model, leaks = "", 0
    for finding in leakage.check_configured(cli.configured(args), cli.track):
        if finding.model != model:
            model = finding.model
            print(f"\n{model}")
        print(finding, flush=True)
        leaks += finding.said is not None
    print(f"\nleaks found: {leaks}")
    return 5 if leaks else 0


def _battery(args: argparse.Namespace) -> int:
    from alpha.research import Counted
    from alpha.validation.battery import matrix

    count = len(matrix.drawn(leaks=args.leaks, seeds=args.seeds, names=args.only))
    running = matrix.run(leaks=args.leaks, seeds=args.seeds, names=args.only, jobs=args.jobs)
    verdicts = list(cli.track(Counted(running, count), "worlds"))
    print("\n".join(matrix.lines(verdicts)))
    if args.explain:
        for verdict in verdicts:
            for name, said in verdict.found.items():
                print(f"{verdict.world.name}, {name}: {said}")
    return 5 if any(verdict.wrong for verdict in verdicts) else 0


if __name__ == "__main__":
    cli.run(main, options())
