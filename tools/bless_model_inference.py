"""Research, judge, and write the best model that passes every gate as an immutable bundle."""

from __future__ import annotations

import argparse

from alpha import cli


def options() -> argparse.ArgumentParser:
    """Return the command line."""
    made = cli.parser(__doc__)
    made.add_argument("--model", help="bless this candidate in place of the best one that passes")
    made.add_argument("--select", action="store_true", help="select the bundle in the last --overlay, else in --config")
    made.add_argument("--reason", help="why the sealed holdout is opened; kept with the record of the look")
    made.add_argument("--list", action="store_true", help="list the blessings and exit")
    made.add_argument("--at", metavar="DATE", help="print the bundle blessed at a time and exit")
    made.add_argument("--rollback", action="store_true", help="go back to the previously blessed bundle and exit")
    return made


def main(args: argparse.Namespace) -> int:
    """List, look up, roll back or bless."""
    written = [args.config, *args.overlay][-1]
    if not (args.list or args.at or args.rollback):
        cfg = cli.configured(args)
        from alpha.cli import bless

        bless.bless(cfg, written, args.model, args.reason, cli.chosen(args), select=args.select)
        return 0
    from alpha.operate import control

    if args.list or args.at:
        print("\n".join(control.blessings(cli.places(args), at=args.at)))
    else:
        print(f"selected: {control.rollback(cli.places(args), written)}")
    return 0


if __name__ == "__main__":
    cli.run(main, options())
