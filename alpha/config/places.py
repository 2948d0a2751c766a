"""The paths of results: all that the commands that list, roll back or halt need of a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from alpha.config.layers import validated
from alpha.core.log import SQLITE, place
from alpha.core.registry import Schema

NAME = r"^[a-z0-9_]+$"
Place = Annotated[Path | str, BeforeValidator(lambda where: place(where) if isinstance(where, str | Path) else where)]


class Section(Schema):
    """A section of the configuration: frozen; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)


def role(name: str = "experiment", *, later: bool = False) -> dict[str, Any]:
    """Return the arguments of ``Field`` that declare the role of a key: which ids of results depend on it.

    A key without a role belongs to the experiment: scores depend on it.

    Parameters
    ----------
    name : {"data", "window", "after", "place", "experiment"}
        ``data``: chooses the data that are read. ``window``: the part of them that research sees. ``after``: used once
        scores exist, so a score depends on no more of it than its own model. ``place``: a path or a way of working,
        which changes no result.
    later : bool
        True for a key added after configurations had ids: left at its default, it changes no id.
    """
    return {"json_schema_extra": {"role": name, "later": later}}


def keys(section: type[BaseModel], *roles: str, under: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the key paths of all keys that have one of these roles."""
    found = []
    for key, field in section.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("role") in roles:
            found.append((*under, key))
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += keys(field.annotation, *roles, under=(*under, key))
    return found


def without_later(section: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of a section without later keys that are left at their default."""
    kept = {}
    for key, value in values.items():
        field = section.model_fields[key]
        inner = next((kind for kind in (field.annotation, *get_args(field.annotation)) if _is_section(kind)), None)
        value = without_later(inner, value) if inner and isinstance(value, dict) else value
        extra = field.json_schema_extra
        later = isinstance(extra, dict) and extra.get("later")
        if not later or (value not in (None, [], {}) and value != field.default):
            kept[key] = value
    return kept


def _is_section(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


class Paths(Section):
    """Paths of results, relative to the folder in which the command runs."""

    artifacts: Path = Field(
        Path("artifacts"), description="bundles and ledgers, in one folder for each world", **role("place")
    )
    reports: Path = Field(Path("reports"), description="scorecards and reports", **role("place"))
    trials: Place = Field(
        Path("artifacts/trials.jsonl"),
        description="the record of everything that was scored: a file, or `sqlite:///FILE`",
        **role("place"),
    )
    looks: Place = Field(
        Path("artifacts/looks.jsonl"),
        description="every look at a sealed holdout: a file, or `sqlite:///FILE`",
        **role("place"),
    )

    @field_validator("*")
    @classmethod
    def _can_be_made(cls, where: Path | str, info: ValidationInfo) -> Path | str:
        """Refuse a path where no file can be created, before any work begins."""
        path = Path(str(where).removeprefix(SQLITE))
        folder = path.parent if info.field_name in ("trials", "looks") else path
        try:
            there = next(place for place in (folder, *folder.parents) if place.exists())
            if folder != path and path.is_dir():
                raise ValueError(f"{path} is a folder; name a file in it")
        except OSError as error:
            raise ValueError(f"cannot be used: {error}") from None
        if not there.is_dir():
            raise ValueError(f"{there} is no folder, so nothing can be kept in it")
        return where


class _Models(BaseModel):
    selected: str | None = None


class _Paper(BaseModel):
    kill_file: Path = Path("artifacts/KILL")
    ledger: Path | None = None


class Places(BaseModel):
    """The part of a configuration that names the paths of results. Other keys are neither read nor checked."""

    model_config = ConfigDict(frozen=True)
    name: str = Field(pattern=NAME)
    paths: Paths = Paths()
    models: _Models = _Models()
    paper: _Paper = _Paper()

    @property
    def home(self) -> Path:
        """The folder of the results of this world."""
        return self.paths.artifacts / self.name

    @property
    def ledger(self) -> Path:
        """The journal of a paper run."""
        return self.paper.ledger or self.home / "paper.sqlite"


def load_places(path: str | Path, overlays: Sequence[str | Path] = (), overrides: Sequence[str] = ()) -> Places:
    """Read the paths of results from configuration files, without importing plugins or checking other keys.

    Raises
    ------
    ConfigError
        As `load`, for the keys that are read.
    """
    return validated(Places, path, overlays, overrides)
