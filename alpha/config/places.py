"""Where results are: all that a command needs that lists, rolls back or halts."""

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
    """A part of the configuration: frozen, and with no unknown key."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)


def role(name: str = "experiment", *, later: bool = False) -> dict[str, Any]:
    """Return the arguments of ``Field`` by which a key declares what it is to the ids of results.

    A key without a role is part of the experiment: a score depends on it.

    Parameters
    ----------
    name : {"data", "window", "after", "place", "experiment"}
        Of the data that are read; the part of them that research sees; of what is done with scores, so that no score
        depends on more of it than one model; the place of a result or of work, which changes no result.
    later : bool
        Whether configurations had ids before the key was added: left at its default, it changes none.
    """
    return {"json_schema_extra": {"role": name, "later": later}}


def keys(section: type[BaseModel], *roles: str, under: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the paths of all keys that have one of these roles."""
    found = []
    for key, field in section.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("role") in roles:
            found.append((*under, key))
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += keys(field.annotation, *roles, under=(*under, key))
    return found


def without_later(section: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of a section less the keys that were added later and are left at their default."""
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
    """Where results go, relative to the folder the command is run in."""

    artifacts: Path = Field(Path("artifacts"), description="a folder a world: bundles and ledgers", **role("place"))
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
        """Refuse, before the work, a place where no file can be made."""
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
    """The part of a configuration that says where results are. Its other keys are neither read nor checked."""

    model_config = ConfigDict(frozen=True)
    name: str = Field(pattern=NAME)
    paths: Paths = Paths()
    models: _Models = _Models()
    paper: _Paper = _Paper()

    @property
    def home(self) -> Path:
        """The folder of what this world made."""
        return self.paths.artifacts / self.name

    @property
    def ledger(self) -> Path:
        """The journal of a paper run."""
        return self.paper.ledger or self.home / "paper.sqlite"


def load_places(path: str | Path, overlays: Sequence[str | Path] = (), overrides: Sequence[str] = ()) -> Places:
    """Read where results are from the files of a configuration: no plugin is imported, and no other key is checked.

    Raises
    ------
    ConfigError
        As `load` does, for the keys that are read.
    """
    return validated(Places, path, overlays, overrides)
