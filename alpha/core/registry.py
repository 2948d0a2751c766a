"""Registries of plugins: a decorator registers a callable, and its signature becomes its configuration schema."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any, ClassVar, ParamSpec, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, create_model, field_validator
from pydantic_core import core_schema

from alpha.core import plugins
from alpha.core.errors import ConfigError, nearest

P = ParamSpec("P")
R = TypeVar("R")


class Schema(BaseModel):
    """Checked parameters: no unknown key, no infinite or NaN number, no true or false (YAML's `yes`) for a number."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, given: Any, info: ValidationInfo) -> Any:
        wanted = cls.model_fields[str(info.field_name)].annotation
        if isinstance(given, bool) and not {bool, Any} & {wanted, *get_args(wanted)}:
            raise ValueError("must not be true or false")
        return given


@dataclass(frozen=True)
class Plugin:
    """A registered callable with its keyword parameters filled in."""

    kind: str
    name: str
    params: Mapping[str, Any]
    make: Callable[..., Any] = field(repr=False, compare=False)

    def __call__(self, *args: Any) -> Any:
        return self.make(*args, **self.params)

    @property
    def entry(self) -> dict[str, Any]:
        """The configuration entry of this plugin, with every default spelled out."""
        return {"name": self.name, **self.params}

    @property
    def label(self) -> str:
        """A stable, readable name such as ``momentum(skip=21, window=126)``."""
        shown = ", ".join(f"{key}={value}" for key, value in sorted(self.params.items()))
        return f"{self.name}({shown})" if shown else self.name


@dataclass(frozen=True)
class _Made:
    make: Callable[..., Any]

    @cached_property
    def schema(self) -> type[BaseModel]:
        """The schema, made on first use: there are hundreds, and each takes a millisecond."""
        return _schema(self.make)


class Registry:
    """Named plugins of one kind. The instance is also the decorator that registers a plugin.

    The parameters of a plugin are the keyword-only arguments of its signature. They are typed and, unless
    the user must give them, have defaults, so that ``{name: momentum}`` is a valid entry.

    Parameters
    ----------
    kind : str
        The noun for a plugin of this registry, such as ``model``.
    rooms : str
        Packages whose modules register plugins of this kind. A module is imported when one of its names is looked up.
    """

    every: ClassVar[list[Registry]] = []
    """All registries, in the order in which they were made."""

    def __init__(self, kind: str, *rooms: str) -> None:
        self.kind = kind
        self._rooms = [plugins.room(package) for package in rooms]
        self._made: dict[str, _Made] = {}
        self._twice: set[str] = set()
        self.every.append(self)

    def __call__(self, make: Callable[..., Any]) -> Callable[..., Any]:
        if not any(room.holds(make.__module__) for room in self._rooms):
            self.load()  # a user's plugin must not take the name of one of Alpha's
        if make.__name__ in self._made:
            self._twice.add(make.__name__)
            raise self._registered_twice(make.__name__)
        self._made[make.__name__] = _Made(make)
        return make

    def __repr__(self) -> str:
        return f"<registry of {len(list(self))} {self.kind}s>"

    def __iter__(self) -> Iterator[str]:
        self.load()
        return iter(sorted(self._made))

    def __contains__(self, name: object) -> bool:
        self._reach(name)
        return name in self._made

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._find(name).make

    def load(self) -> None:
        """Import every module of the rooms; skip files that cannot be imported (see `alpha.core.plugins`)."""
        for room in self._rooms:
            room.load()

    def forget(self, module: str) -> None:
        """Drop the plugins of a module."""
        self._made = {name: made for name, made in self._made.items() if made.make.__module__ != module}

    def schema(self, name: str) -> type[BaseModel]:
        """Return the pydantic model of a plugin's parameters."""
        return self._find(name).schema

    def _reach(self, name: object) -> None:
        """Import the modules whose text defines a name; all modules if none does."""
        for room in self._rooms if name not in self._made else ():
            room.reach(str(name))
        if name not in self._made:
            self.load()

    def _find(self, name: object) -> _Made:
        self._reach(name)
        if name in self._twice:
            raise self._registered_twice(str(name))
        if name not in self._made:
            raise ConfigError(f"no {self.kind} named {name!r}; {self._hint(name)}", code=f"unknown_{self.kind}")
        return self._made[str(name)]

    def _hint(self, name: object) -> str:
        """Return a hint for an unknown name: the nearest name, and the broken files that may define it."""
        broken = [*(each for room in self._rooms for each in room.broken), *plugins.broken()]
        if meant := [str(each) for each in broken if name in each.defines]:
            return "; ".join(meant)
        return "; ".join([nearest(name, self), *map(str, broken)])

    def _registered_twice(self, name: str) -> ConfigError:
        return ConfigError(f"{self.kind} {name!r} is registered twice", code="registered_twice")

    def bind(self, entry: Mapping[str, Any] | str | Plugin) -> Plugin:
        """Turn an entry ``{name: ..., **params}`` (or a bare name) into a callable.

        Raises
        ------
        ConfigError
            Names every wrong parameter, each with the nearest right answer.
        """
        if isinstance(entry, Plugin):
            return entry
        given = {"name": entry} if isinstance(entry, str) else dict(entry)
        name = given.pop("name", None)
        made = self._find(name)
        return Plugin(self.kind, str(name), _parameters(str(name), made.schema, given), made.make)


def checked(make: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that it checks its keyword arguments as a configuration entry does."""
    made = _Made(make)
    data = {name for name, each in inspect.signature(make).parameters.items() if each.kind is not each.KEYWORD_ONLY}

    @wraps(make)
    def called(*args: P.args, **given: P.kwargs) -> R:
        named = {name: given.pop(name) for name in data & given.keys()}
        return make(*args, **named, **_parameters(make.__name__, made.schema, given))  # type: ignore[arg-type]

    return called


class Bound:
    """Annotation of a field that holds one plugin of a registry, given as a name or as ``{name: ..., parameters}``."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def __get_pydantic_core_schema__(self, source_type: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.bind, serialization=core_schema.plain_serializer_function_ser_schema(lambda plugin: plugin.entry)
        )

    def bind(self, entry: Any) -> Plugin:
        """Return the plugin of an entry; raise ValueError if there is none."""
        if not isinstance(entry, (str, Mapping, Plugin)):
            raise ValueError(f"expected the name of a {self.registry.kind}, or a mapping with its name and parameters")
        with value_errors():
            return self.registry.bind(entry)


@contextmanager
def value_errors() -> Iterator[None]:
    """Turn a ConfigError into a ValueError, which pydantic collects and reports together with the others."""
    try:
        yield
    except ConfigError as error:
        raise ValueError(error.args[0]) from None


def broken() -> list[plugins.Broken]:
    """Import every module that registers plugins; return the files that could not be imported."""
    for registry in Registry.every:
        registry.load()
    return plugins.all_broken()


def _forget(module: str) -> None:
    for registry in Registry.every:
        registry.forget(module)


plugins.FORGET.append(_forget)


def _schema(make: Callable[..., Any]) -> type[BaseModel]:
    target = make.__init__ if inspect.isclass(make) else make
    known = getattr(inspect.unwrap(target), "__globals__", {})
    fields: dict[str, Any] = {
        p.name: (_evaluated(p.annotation, known), ... if p.default is p.empty else p.default)
        for p in inspect.signature(target).parameters.values()
        if p.kind is p.KEYWORD_ONLY
    }
    return create_model(make.__name__, __base__=Schema, **fields)


def _evaluated(annotation: Any, known: dict[str, Any]) -> Any:
    """Return the type of one annotation; evaluating those of all arguments could import slow packages."""
    return eval(annotation, known) if isinstance(annotation, str) else annotation


def _parameters(name: str, schema: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters, checked and with defaults; one error names every wrong parameter."""
    try:
        return schema(**given).model_dump()
    except ValidationError as error:
        raise ConfigError("; ".join(_problems(name, schema, error)), code="bad_parameter") from None


def _problems(name: str, schema: type[BaseModel], error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        key = ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden":
            yield f"{name} has no parameter {key!r}; {nearest(key, schema.model_fields)}"
        else:
            yield f"{name}.{key}: {problem['msg'].removeprefix('Value error, ')} (it was {problem['input']!r})"
