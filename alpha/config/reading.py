"""From YAML files to a `Config`: read strictly, laid over each other, every problem told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from alpha.config.layers import layered
from alpha.config.places import Places
from alpha.config.schema import Config
from alpha.core.errors import ConfigError, nearest


def load(path: str | Path, overlays: Sequence[str | Path] = (), overrides: Sequence[str] = ()) -> Config:
    """Read a configuration: base < overlays left to right < ``key.path=value`` overrides.

    Raises
    ------
    ConfigError
        Naming every problem at once, with the nearest right answer.
    """
    values = layered(path, overlays, overrides)
    try:
        return Config(**values)
    except ValidationError as error:
        raise _refusal(error, Config, path, overlays, overrides) from None


def load_places(path: str | Path, overlays: Sequence[str | Path] = (), overrides: Sequence[str] = ()) -> Places:
    """Read from the same files where results are, and nothing else: no plugin is looked up, and no other key checked.

    Raises
    ------
    ConfigError
    """
    values = layered(path, overlays, overrides)
    try:
        return Places.model_validate(values)
    except ValidationError as error:
        raise _refusal(error, Places, path, overlays, overrides) from None


def _refusal(
    error: ValidationError, schema: type[BaseModel], path: str | Path, overlays: Sequence[str | Path],
    overrides: Sequence[str],
) -> ConfigError:  # fmt: skip
    found = error.errors(include_url=False)
    real = [problem for problem in found if not _follows(problem)] or found
    shown = "\n".join(f"  {_describe(problem, schema)}" for problem in real)
    noun = "problem" if len(real) == 1 else "problems"
    given = " + ".join([*map(str, (path, *overlays)), *(f"--set {override}" for override in overrides)])
    return ConfigError(f"{given} has {len(real)} {noun}:\n{shown}", code="invalid_config")


def _follows(problem: Mapping[str, Any]) -> bool:
    """Whether it only repeats others: a list is too short for what is wrong in it is left out."""
    return problem["type"] == "too_short" and bool(problem["input"])


def _describe(problem: Mapping[str, Any], schema: type[BaseModel]) -> str:
    where = ".".join(map(str, problem["loc"])) or "the file"
    if problem["type"] == "extra_forbidden":
        return f"{where}: no such key; {nearest(problem['loc'][-1], _keys_at(schema, problem['loc'][:-1]))}"
    if problem["type"] == "missing":
        return f"{where}: is missing"
    message = problem["msg"].removeprefix("Value error, ")
    given = problem["input"]
    shown = str(given) if isinstance(given, date) else repr(given)
    return f"{where}: {message}" + (f" (it was {shown})" if len(shown) < 60 else "")


def _keys_at(section: Any, location: Sequence[Any]) -> Iterator[str]:
    """Yield the keys a section may have, found by walking the schema along `location`."""
    for part in location:
        if isinstance(part, str) and isinstance(section, type) and issubclass(section, BaseModel):
            annotation = section.model_fields[part].annotation
            arguments = [a for a in getattr(annotation, "__args__", ()) if isinstance(a, type)]
            section = next((a for a in [*arguments, annotation] if _is_model(a)), None)
    if _is_model(section):
        yield from section.model_fields


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)
