"""The commands that messages suggest to run next."""

from __future__ import annotations

import sys
from pathlib import Path

RESEARCH = "scripts/research.py"
BLESS = "tools/bless_model_inference.py --select"
PAPER = "scripts/paper_runner.py"
SHADOW = f"{PAPER} --shadow"


def command(words: str, options: str = "") -> str:
    """Return a command line that runs as written, with this interpreter where its environment is in the current folder.

    Parameters
    ----------
    words : str
        A script and its own options: one of the names above.
    options : str
        Options that chose the configuration, each after a space (`alpha.cli.chosen`).
    """
    python = Path(sys.executable)
    here = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else "python"
    return f"{here} {words}{options}"
