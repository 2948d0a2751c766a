"""Search over the parameters of a model, with Optuna. The caller scores each draw."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BeforeValidator, Discriminator, Field, PositiveInt, Tag, model_validator

from alpha.core.errors import ConfigError, nearest
from alpha.core.registry import Plugin, Schema
from alpha.models import model

if TYPE_CHECKING:
    import optuna

_WORST = -1e9  # the value that Optuna gets for a draw without a score


class Range(Schema, frozen=True):
    """Numbers from `low` to `high`, both included; whole ones where both are whole."""

    low: float | int
    high: float | int
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high or (self.log and self.low <= 0):
            raise ValueError(f"low must be below high, and above 0 where log: it was {self.low} to {self.high}")
        return self

    def draw(self, trial: optuna.trial.BaseTrial, name: str) -> Any:
        """Let Optuna choose."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def code(self, value: Any) -> Any:
        """Return the form of a value in Optuna; None where it is outside."""
        return value if self.low <= value <= self.high else None


class Choice(Schema, frozen=True):
    """One of `options`."""

    options: tuple[Any, ...] = Field(min_length=2)

    def draw(self, trial: optuna.trial.BaseTrial, name: str) -> Any:
        """Let Optuna choose; it gets the number of the option, since an option may be of any type."""
        return self.options[trial.suggest_categorical(name, range(len(self.options)))]

    def code(self, value: Any) -> Any:
        """Return the form of a value in Optuna; None where it is no option."""
        return self.options.index(value) if value in self.options else None


def _kind(given: Any) -> str:
    return "options" if isinstance(given, (list, tuple, Choice)) else "range"


def _listed(given: Any) -> Any:
    return {"options": given} if isinstance(given, (list, tuple)) else given


Space = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Choice, BeforeValidator(_listed), Tag("options")], Discriminator(_kind)
]


class Search(Schema, frozen=True):
    """Parameters of the candidates are drawn by Optuna, and every draw is scored and counted as a trial."""

    draws: PositiveInt = Field(20, description="draws a candidate, the configured parameters being the first")
    space: dict[str, dict[str, Space]] = Field(
        default_factory=dict,
        description="by model and parameter: {low, high, log} or a list of options; default: those the model names",
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, parameters in self.space.items():
            try:
                known = model.schema(name).model_fields
            except ConfigError as error:
                raise ValueError(error.args[0]) from None
            for parameter in parameters:
                if parameter not in known:
                    raise ValueError(f"{name} has no parameter {parameter!r}; {nearest(parameter, known)}")
        return self

    def space_of(self, plugin: Plugin) -> Mapping[str, Range | Choice]:
        """Return the parameters that may vary in a model: as configured, else as its class declares."""
        return self.space.get(plugin.name) or getattr(plugin.make, "space", {})


def drawn(
    plugin: Plugin,
    search: Search,
    score: Callable[[Plugin], float],
    *,
    seed: int,
    track: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Plugin:
    """Return the best of `search.draws` variants of a model, by a tree-structured Parzen estimator.

    Parameters
    ----------
    score : callable
        Higher is better; NaN is worst.
    seed : int
        Seed of the sampler: the same draws come again as long as the scores do.
    """
    import optuna

    space = search.space_of(plugin)
    if not space:
        return plugin
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    codes = {name: part.code(plugin.params[name]) for name, part in space.items()}
    study.enqueue_trial({name: code for name, code in codes.items() if code is not None})
    found: list[tuple[float, Plugin]] = []
    for _ in track(range(search.draws)):
        trial = study.ask()
        params = {name: part.draw(trial, name) for name, part in space.items()}
        variant = model.bind({**plugin.entry, **params})
        value = score(variant)
        value = value if math.isfinite(value) else _WORST
        study.tell(trial, value)
        found.append((value, variant))
    return max(found, key=lambda pair: pair[0])[1]
