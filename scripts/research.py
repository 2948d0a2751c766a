"""Research: fit the configured models walking forward, score and judge them, and write a report."""

from __future__ import annotations

import argparse

from alpha import cli


def main(args: argparse.Namespace) -> int:
    """Research; exit 0 whatever the verdict, because a model that fails its gates is a valid result."""
    cfg, options = cli.configured(args), cli.chosen(args)
    from alpha.cli import show
    from alpha.operate import blessing, hints, study

    found, folder = study.study(cfg, cli.track)
    show.study(found)
    show.table(found, folder, options)
    kept, shadow = blessing.keep_candidate(found), hints.command(hints.SHADOW, options)
    print(f"kept for shadow runs: {kept}; to replay it: {shadow}")
    return 0


if __name__ == "__main__":
    cli.run(main, cli.parser(__doc__))
