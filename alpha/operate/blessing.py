"""Bless, look up and roll back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from alpha.config import Config
from alpha.core.errors import ConfigError, GateFailed, nearest
from alpha.operate.hints import SHADOW, command
from alpha.operate.opening import opened
from alpha.operate.study import show, write_report
from alpha.report import html
from alpha.research import Study, Track, research, tracked
from alpha.store import Blessings, check_selectable, locked, promote, reference, save, select
from alpha.strategy import Candidate


def models_root(cfg: Config) -> Path:
    """Return the store of what was blessed."""
    return cfg.home / "models"


def candidates_root(cfg: Config) -> Path:
    """Return the store of what was not: candidates kept for shadow runs."""
    return cfg.home / "candidates"


def bless(
    cfg: Config, config_path: str | Path, track: Track, *, model: str | None = None, selected: bool = False,
    reason: str | None = None, options: str = "",
) -> str:  # fmt: skip
    """Research, and bless the best candidate that passed every gate; return its reference.

    Parameters
    ----------
    model : str, optional
        Bless this one; default: the best.
    selected : bool
        Name it in ``models.selected`` of the file at `config_path`: that a world of its own is laid over with, if any.
    reason : str, optional
        Why the holdout is opened, if it is; kept with the record of the look.
    options : str
        Those that chose the configuration, for the commands that come next.

    Raises
    ------
    GateFailed
        The candidate failed a gate. It is kept for shadow runs, and its report is written.
    """
    _check_model(cfg, model)
    if selected:
        check_selectable(config_path)  # what cannot be written is told before the work, not after it
    found = research(cfg, track)
    folder = tracked(lambda: write_report(found), f"{cfg.name}: report", track)
    show(found)
    print(f"report: {folder / html.FILE}")
    with locked(models_root(cfg)):  # no other blessing comes between the log and the configuration
        ref = keep(found, named(found, model), options, reason)
        if selected:
            select(config_path, ref)
    return ref


def _check_model(cfg: Config, model: str | None) -> None:
    names = [candidate.name for candidate in cfg.models.candidates]
    if model is not None and model not in names:
        raise ConfigError(f"no candidate {model!r} in models.candidates; {nearest(model, names)}", code="unknown_model")


def keep(found: Study, candidate: Candidate, options: str = "", reason: str | None = None) -> str:
    """Open the holdout for a candidate that passed, bless it and write its report again.

    One that failed is kept for shadow runs.

    Raises
    ------
    GateFailed
    """
    cfg = found.config
    judged = opened(found, candidate, reason)
    found = replace(found, candidates=tuple(judged if c is candidate else c for c in found.candidates))
    if len(judged.gates) > len(candidate.gates):
        print(f"  {judged.gates[-1]}")
    try:
        ref = promote(judged, cfg.resolved(), models_root(cfg))
    except GateFailed as error:
        kept = save(judged, cfg.resolved(), candidates_root(cfg))
        write_report(found)
        raise GateFailed(f"{error.args[0]}\nkept in {kept}; to replay it, labelled as not blessed: "
                         f"{command(SHADOW, options)}", code=error.code) from None  # fmt: skip
    write_report(found, {judged.bundle.name: ref})
    return ref


def keep_candidate(found: Study) -> str:
    """Keep the best candidate, blessed or not, for shadow runs; return its reference."""
    cfg = found.config
    return reference(save(found.best, cfg.resolved(), candidates_root(cfg)))


def named(found: Study, model: str | None) -> Candidate:
    """Return the candidate of that name; default: the best."""
    if model is None:
        return found.best
    return next(candidate for candidate in found.candidates if candidate.bundle.name == model)


def blessings(cfg: Config, at: str | None = None) -> list[str]:
    """Return a line for each blessing, oldest first; or the one that stood at a time."""
    log = Blessings(models_root(cfg))
    if at is not None:
        return [log.at(at) or f"nothing was blessed at {at}"]
    lines = [f"{each.at:%Y-%m-%d %H:%M:%S}  {each.action:<8}  {each.ref}  config {each.config_id}"
             for each in log.history()]  # fmt: skip
    selected = cfg.models.selected
    return [*(lines or ["nothing was blessed yet"]), f"selected: {selected or 'none'}"]


def rollback(cfg: Config, config_path: str | Path) -> str:
    """Go back to the bundle blessed before, name it in the configuration, and return its reference."""
    check_selectable(config_path)
    with locked(models_root(cfg)):
        ref = Blessings(models_root(cfg)).rollback()
        select(config_path, ref)
    return ref
