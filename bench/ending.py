"""Measure the time from a command's last line to its exit: python bench/ending.py scripts/research.py --config FILE."""

from __future__ import annotations

import subprocess
import sys
import time


def ending(command: list[str]) -> tuple[float, str]:
    """Run a Python command; return the seconds from its last line to its exit, and that line."""
    last, at = "", time.monotonic()
    with subprocess.Popen([sys.executable, "-u", *command], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            last, at = line.rstrip(), time.monotonic()
        running.wait()
    return time.monotonic() - at, last


if __name__ == "__main__":
    seconds, line = ending(sys.argv[1:])
    print(f"{seconds:.2f} s after: {line}")
