"""List and look up blessings, roll back, and halt. None of these needs a plugin, data or a model."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from alpha.store.blessings import Blessings
from alpha.store.disk import locked
from alpha.store.selection import check_selectable, select

if TYPE_CHECKING:
    from alpha.config import Config, Places


def models_root(cfg: Config | Places) -> Path:
    """Return the store of blessed bundles."""
    return cfg.home / "models"


def blessings(cfg: Config | Places, at: str | None = None) -> list[str]:
    """Return a line for each blessing, oldest first; or the bundle that was blessed at the time `at`."""
    log = Blessings(models_root(cfg))
    if at is not None:
        return [log.at(at) or f"nothing was blessed at {at}"]
    lines = [f"{each.at:%Y-%m-%d %H:%M:%S}  {each.action:<8}  {each.ref}  config {each.config_id}"
             for each in log.history()]  # fmt: skip
    selected = cfg.models.selected
    return [*(lines or ["nothing was blessed yet"]), f"selected: {selected or 'none'}"]


def rollback(cfg: Config | Places, config_path: str | Path) -> str:
    """Go back to the previously blessed bundle, select it in the configuration, and return its reference."""
    check_selectable(config_path)
    with locked(models_root(cfg)):
        ref = Blessings(models_root(cfg)).rollback()
        select(config_path, ref)
    return ref


def kill(cfg: Config | Places, note: str = "") -> Path:
    """Write the kill file, which makes the paper runner cancel open orders and halt; return its path.

    Parameters
    ----------
    note : str
        Written into the file, after the time. An existing file is not changed.
    """
    path = cfg.paper.kill_file
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC {note}".rstrip() + "\n")
    return path
