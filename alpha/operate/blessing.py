"""Bless a candidate, or keep it for shadow runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from alpha.config import Config
from alpha.core.errors import ConfigError, GateFailed, nearest
from alpha.core.nouns import Verdict
from alpha.operate.control import models_root
from alpha.operate.hints import SHADOW, command
from alpha.operate.opening import opened
from alpha.operate.study import write_report
from alpha.store import check_selectable, locked, promote, reference, save, select
from alpha.strategy import Candidate
from alpha.study import Study


def candidates_root(cfg: Config) -> Path:
    """Return the store of candidates that were not blessed, kept for shadow runs."""
    return cfg.home / "candidates"


@dataclass(frozen=True, eq=False)
class Kept:
    """The outcome of blessing a candidate.

    Parameters
    ----------
    report : Path
        The folder of its report.
    ref : str, optional
        Reference of the blessed bundle; None: it was refused.
    refused : GateFailed, optional
        The gates that it failed, and where it is kept for shadow runs.
    holdout : Verdict, optional
        The verdict of the holdout, where it was opened.
    """

    report: Path
    ref: str | None = None
    refused: GateFailed | None = None
    holdout: Verdict | None = None

    @property
    def blessed(self) -> str:
        """The reference of the bundle.

        Raises
        ------
        GateFailed
            It was refused.
        """
        if self.ref is None:
            assert self.refused is not None
            raise self.refused
        return self.ref


def check(cfg: Config, config_path: str | Path, *, model: str | None = None, selected: bool = False) -> None:
    """Raise, before research begins, the errors that `bless` would raise after it.

    Raises
    ------
    ConfigError
        ``unknown_model``: no candidate has that name; ``select_failed``: the file cannot name the bundle.
    """
    names = [candidate.name for candidate in cfg.models.candidates]
    if model is not None and model not in names:
        raise ConfigError(f"no candidate {model!r} in models.candidates; {nearest(model, names)}", code="unknown_model")
    if selected:
        check_selectable(config_path)


def bless(
    found: Study, config_path: str | Path, *, model: str | None = None, selected: bool = False,
    reason: str | None = None, options: str = "",
) -> Kept:  # fmt: skip
    """Bless the best candidate that passed every gate.

    Parameters
    ----------
    model : str, optional
        Bless this one; default: the best.
    selected : bool
        Set ``models.selected`` in the file at `config_path`: the last overlay, if there is any.
    reason : str, optional
        Why the holdout is opened, if it is; kept with the record of the look.
    options : str
        Command-line options that chose the configuration, for the next commands in messages.
    """
    with locked(models_root(found.config)):  # no other blessing may come between the log and the configuration
        kept = keep(found, named(found, model), options, reason)
        if selected and kept.ref is not None:
            select(config_path, kept.ref)
    return kept


def keep(found: Study, candidate: Candidate, options: str = "", reason: str | None = None) -> Kept:
    """Open the holdout for a candidate that passed the other gates, bless it, and write its report again.

    A candidate that fails is kept for shadow runs.
    """
    cfg = found.config
    judged = opened(found, candidate, reason)
    found = replace(found, candidates=tuple(judged if c is candidate else c for c in found.candidates))
    looked = judged.gates[-1] if len(judged.gates) > len(candidate.gates) else None
    try:
        ref = promote(judged, cfg.resolved(), models_root(cfg))
    except GateFailed as error:
        kept = save(judged, cfg.resolved(), candidates_root(cfg))
        message = f"{error.args[0]}\nkept in {kept}; to replay it, labelled as not blessed: {command(SHADOW, options)}"
        return Kept(write_report(found), refused=GateFailed(message, code=error.code), holdout=looked)
    return Kept(write_report(found, {judged.bundle.name: ref}), ref=ref, holdout=looked)


def keep_candidate(found: Study) -> str:
    """Keep the best candidate, blessed or not, for shadow runs; return its reference."""
    cfg = found.config
    return reference(save(found.best, cfg.resolved(), candidates_root(cfg)))


def named(found: Study, model: str | None) -> Candidate:
    """Return the candidate with this name; default: the best."""
    if model is None:
        return found.best
    return next(candidate for candidate in found.candidates if candidate.bundle.name == model)
