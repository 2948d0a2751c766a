"""Write the generated pages: docs/configuration.md, features.md, leaks.md and the schema of alpha_eval.json."""

from __future__ import annotations

import argparse
from pathlib import Path

from alpha import cli


def main(args: argparse.Namespace) -> int:
    """Write each page; print its path."""
    from pages import configuration, features, leaks

    from alpha.report import evaluation

    root = Path(__file__).resolve().parents[1]
    pages = {
        root / "docs/configuration.md": configuration.page(),
        root / "docs/features.md": features.page(),
        root / "docs/leaks.md": leaks.page(),
        root / "alpha/report/alpha_eval.schema.json": evaluation.schema_text(),
    }
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(root))
    return 0


if __name__ == "__main__":
    cli.run(main, argparse.ArgumentParser(description=__doc__))
