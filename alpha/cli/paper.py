"""Options of the paper runner: those that set keys of the configuration, and `--kill`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alpha.core.errors import ConfigError, nearest
from alpha.operate import control, hints

if TYPE_CHECKING:
    from alpha.config import Places


def overrides(options: Mapping[str, object]) -> list[str]:
    """Return `key=value` overrides for the command-line options that were given."""
    keys = {"cash": "paper.cash", "poll_sec": "paper.poll_sec", "kill_file": "paper.kill_file",
            "ledger": "paper.ledger", "source": "source"}  # fmt: skip
    given = {key: options[name] for name, key in keys.items() if options.get(name) is not None}
    if "source" in given and not str(given["source"]).lstrip().startswith("{"):
        given["source"] = f"{{name: {given['source']}}}"
    return [f"{key}={value if key == 'source' else json.dumps(value)}" for key, value in given.items()]


def overlays(profile: str | None) -> list[Path]:
    """Return the overlay of a profile, if one is named."""
    return [] if profile is None else [profile_path(profile)]


def kill(places: Places, note: str) -> int:
    """Write the kill file and print how to resume trading; return the exit status."""
    path = control.kill(places, note)
    print(f"kill file: {path}; the runner cancels open orders and halts at its next bar")
    print(f'to go on: rm {path}, then {hints.command(hints.PAPER)} --acknowledge "NOTE"')
    return 0


def profile_path(name: str, folder: Path = Path("config/profiles")) -> Path:
    """Return the overlay of a profile.

    Raises
    ------
    ConfigError
        ``unknown_profile``, with the nearest name.
    """
    path = folder / f"{name}.yaml"
    if not path.exists():
        raise ConfigError(f"no profile {name!r} in {folder}; {nearest(name, (p.stem for p in folder.glob('*.yaml')))}",
                          code="unknown_profile")  # fmt: skip
    return path
