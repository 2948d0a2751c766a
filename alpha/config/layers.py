"""Read YAML files strictly, merge them in layers and validate them by a schema; one error names every problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from alpha.core.errors import ConfigError, nearest

T = TypeVar("T", bound=BaseModel)


def validated(
    schema: type[T], path: str | Path, overlays: Sequence[str | Path] = (), overrides: Sequence[str] = ()
) -> T:
    """Return the files as a value of the schema: base < overlays left to right < ``key.path=value`` overrides.

    Raises
    ------
    ConfigError
        Names every problem, each with the nearest right answer.
    """
    values = layered(path, overlays, overrides)
    try:
        return schema(**values)
    except ValidationError as error:
        found = error.errors(include_url=False)
    real = [problem for problem in found if not _follows(problem)] or found
    shown = "\n".join(f"  {_describe(problem, schema)}" for problem in real)
    noun = "problem" if len(real) == 1 else "problems"
    given = " + ".join([*map(str, (path, *overlays)), *(f"--set {override}" for override in overrides)])
    raise ConfigError(f"{given} has {len(real)} {noun}:\n{shown}", code="invalid_config")


def layered(path: str | Path, overlays: Sequence[str | Path] = (), overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Return the files merged into one mapping: base < overlays left to right < ``key.path=value`` overrides.

    Raises
    ------
    ConfigError
        ``unreadable_config``, ``invalid_yaml``, ``bad_override``.
    """
    values: dict[str, Any] = {}
    for each in (path, *overlays):
        values = merged(values, read_yaml(each))
    for override in overrides:
        values = merged(values, _parse_override(override))
    return values


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `over` on top: mappings are merged, anything else is replaced.

    A mapping that names another plugin than `base` replaces the whole mapping of `base`.
    """
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(below, str) and isinstance(value, Mapping):
            below = {"name": below}  # a plugin named without parameters
        same = isinstance(value, Mapping) and isinstance(below, Mapping) and _named_alike(below, value)
        result[key] = merged(below, value) if same else value  # type: ignore[arg-type]
    return result


YAML_FAULTS = (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError)
"""Errors of the YAML parser on bad text, such as an impossible date, a tag that does not fit or deep nesting."""


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML mapping strictly: no duplicate keys, no aliases, no infinities."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}", code="unreadable_config") from None
    try:
        values = yaml.load(text, _Strict)
    except YAML_FAULTS as error:
        raise ConfigError(f"{path} is not valid: {error}", code="invalid_yaml") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold a mapping; it holds {type(values).__name__}", code="invalid_yaml")
    return values


class _Strict(yaml.SafeLoader):
    """A safe YAML loader that refuses duplicate keys and aliases."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()
            raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} must be a text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _parse_override(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set takes key=value, with dots in the key; it was {text!r}", code="bad_override")
    try:
        result: Any = yaml.load(value, _Strict)
    except YAML_FAULTS as error:
        raise ConfigError(f"--set {key}: {value!r} is not a value: {error}", code="bad_override") from None
    for part in reversed(key.strip().split(".")):
        result = {part: result}
    return result


def _named_alike(below: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    return "name" not in value or below.get("name") == value["name"]


def _follows(problem: Mapping[str, Any]) -> bool:
    """Return whether a problem only follows from others: a list is too short because its wrong entries are left out."""
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
    """Yield the keys that the schema allows at `location`."""
    for part in location:
        if isinstance(part, str) and isinstance(section, type) and issubclass(section, BaseModel):
            annotation = section.model_fields[part].annotation
            arguments = [a for a in getattr(annotation, "__args__", ()) if isinstance(a, type)]
            section = next((a for a in [*arguments, annotation] if _is_model(a)), None)
    if _is_model(section):
        yield from section.model_fields


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)
