"""Judge a model by its report: read alpha_eval.json and apply the gates. Exit 0: passed; 5: failed."""

from __future__ import annotations

import argparse

from alpha import cli


def options() -> argparse.ArgumentParser:
    """Return the command line."""
    made = cli.parser(__doc__)
    made.add_argument("report", help="path of an alpha_eval.json")
    made.add_argument("--model", help="judge this model; default: the one that the report chose")
    made.add_argument("--ic-threshold", type=float, help="instead of the configured limit")
    made.add_argument("--hit-rate-threshold", type=float, help="instead of the configured limit")
    return made


def main(args: argparse.Namespace) -> int:
    """Print one line for each gate."""
    cfg = cli.configured(args)
    from alpha.operate import study

    limits = {"ic": args.ic_threshold, "hit_rate": args.hit_rate_threshold}
    model, results = study.validate(cfg, args.report, model=args.model, limits=limits)
    print(f"model: {model}")
    print(f"limits: {' + '.join([args.config, *args.overlay, *args.set])}")
    print("\n".join(map(str, results)))
    failed = [result.gate for result in results if not result.passed]
    print(f"failed: {', '.join(failed)}" if failed else "passed every gate")
    return 5 if failed else 0


if __name__ == "__main__":
    cli.run(main, options())
