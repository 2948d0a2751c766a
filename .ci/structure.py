"""The rules about the repository itself: what stands at the top, and what may lie in attic/."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOP = {
    "alpha", "config", "scripts", "tools", "tests", "bench", "docs", "attic", "Makefile", "pyproject.toml",
    "README.md", "MASTER_DOCUMENTATION.md", "LICENSE", "requirements.lock",
}  # fmt: skip
ATTIC_DAYS = 90
IMPORTS_ATTIC = re.compile(r"^\s*(?:from|import)\s+attic\b|import_module\(\s*[\"']attic", re.MULTILINE)


def git(*arguments: str) -> list[str]:
    """Return the lines that a git command prints."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def strangers(files: list[str]) -> list[str]:
    """Name what stands at the top of the repository and should not."""
    top = {name.split("/")[0] for name in files}
    return [
        f"{name}: only {', '.join(sorted(TOP))} and dot files stand at the top"
        for name in sorted(top - TOP)
        if not name.startswith(".")
    ]


def imports_of_attic(files: list[str], root: Path = ROOT) -> list[str]:
    """Name the files outside attic/ that import from it."""
    code = [name for name in files if name.endswith(".py") and not name.startswith("attic/")]
    return [
        f"{name}: imports attic/, which nothing may"
        for name in code
        if (root / name).exists() and IMPORTS_ATTIC.search((root / name).read_text(encoding="utf-8"))
    ]


def overdue(files: list[str], arrived: dict[str, float], now: float) -> list[str]:
    """Name the files that have lain in attic/ for more than 90 days."""
    kept = [name for name in files if name.startswith("attic/") and name != "attic/README.md"]
    return [
        f"{name}: {(now - arrived[name]) / 86400:.0f} days in attic/; the limit is {ATTIC_DAYS}"
        for name in kept
        if now - arrived[name] > ATTIC_DAYS * 86400
    ]


def arrivals(files: list[str]) -> dict[str, float]:
    """Return when each file of attic/ was brought there, in seconds since 1970."""
    return {
        name: float((git("log", "--diff-filter=A", "--format=%ct", "--", name) or [str(time.time())])[0])
        for name in files
        if name.startswith("attic/")
    }


def main() -> int:
    """Print every broken rule; return the exit status."""
    files = git("ls-files")
    problems = [*strangers(files), *imports_of_attic(files), *overdue(files, arrivals(files), time.time())]
    print("\n".join(problems) or "structure: nothing astray")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
