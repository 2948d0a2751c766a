"""Compile the kernels of features, with progress: ``python -m alpha.cli.kernels``."""

from __future__ import annotations

from alpha.features.engine.kernels import warm


def show(done: int, of: int) -> None:
    """Print the number of compiled kernels over the previous such line."""
    print(f"\rCompiling the kernels of features, once: {done} of {of} done", end="", flush=True)


if __name__ == "__main__":
    warm(show)
    print()
