"""Run everything end to end, offline, in two markets: the bundled real one, and a simulated one with a planted edge."""

from __future__ import annotations

import argparse

from alpha import cli


def options() -> argparse.ArgumentParser:
    """Return the command line."""
    made = cli.parser(__doc__)
    made.add_argument("--planted", default="config/smoke.yaml", help="overlay of the simulated market")
    made.add_argument("--folder", default="artifacts/smoke", help="bundles and ledgers of these runs; emptied first")
    return made


def main(args: argparse.Namespace) -> int:
    """Run both worlds through the same code; end with a table."""
    worlds = {"real": cli.configured(args), "planted": cli.configured(args, [args.planted])}
    from alpha.cli import show_lab
    from alpha.lab.smoke import smoke

    return show_lab.smoke(smoke(worlds, args.folder, cli.track))


if __name__ == "__main__":
    cli.run(main, options())
