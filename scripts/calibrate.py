"""Calibrate the gates: run the whole pipeline in worlds of noise and of planted edges, and count the blessings."""

from __future__ import annotations

import argparse
from pathlib import Path

from alpha import cli


def options() -> argparse.ArgumentParser:
    """Return the command line."""
    made = cli.parser(__doc__)
    made.add_argument("--worlds", type=int, default=200, help="worlds of pure noise")
    made.add_argument("--planted", type=int, default=50, help="worlds for each planted IC")
    made.add_argument("--ic", type=float, nargs="*", default=[0.01, 0.02, 0.03, 0.05], help="planted ICs")
    made.add_argument("--jobs", type=cli.positive, default=2, help="processes")
    made.add_argument("--results", default="reports/calibration/worlds.jsonl", help="results; continued if it exists")
    return made


def main(args: argparse.Namespace) -> int:
    """Run the missing worlds, and print the tables."""
    cli.configured(args, ["config/calibrate.yaml"])  # refuse a wrong configuration before the work
    from alpha.lab import calibration

    pipeline = calibration.Experiment(args.config, (*args.overlay, "config/calibrate.yaml"), tuple(args.set))
    wanted = calibration.worlds(args.worlds, args.planted, args.ic)
    print(calibration.summary(calibration.calibrate(pipeline, wanted, Path(args.results), args.jobs, cli.track)))
    return 0


if __name__ == "__main__":
    cli.run(main, options())
