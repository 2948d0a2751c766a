"""Any indicator of the `ta` package (Padial, 2018) as a window feature: the slow exception.

The expressions of this library give the same numbers in a few nanoseconds a row and symbol; `ta` takes 0.1 to 10
milliseconds. It is for what is not here, and for comparisons.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import import_module
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from alpha.core.errors import ConfigError, nearest
from alpha.features import feature
from alpha.features.expr import Expr, close, field
from alpha.features.operators import apply

_MODULES = ("momentum", "trend", "volatility", "volume")
_FIELDS = ("open", "high", "low", "close", "volume")
_REFUSALS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # what `ta` raises at bad parameters
_REMEMBERED = 8192  # windows, each of a few kilobytes
_PROBES = 8


@feature
def ta(
    *,
    indicator: str = "ROCIndicator",
    output: str = "roc",
    window: Annotated[int, Field(ge=2)] = 20,
    parameters: dict[str, int | float | bool] | None = None,
    over_close: bool | None = None,
) -> Expr:
    """Last value of an indicator of `ta`, by its class and method, on the last `window` rows. In the unit of `ta`.

    Example: ``{name: ta, indicator: KeltnerChannel, output: keltner_channel_hband, window: 120, parameters: {window:
    20}, as: keltner_upper}``. `parameters` go to the class. The indicator is begun anew in every window, so that it
    cannot look ahead even where it leaks, and a window with a NaN has no value. Averages that never end differ from
    those of a longer series: choose a `window` that is long against them. An output that is a price is divided by the
    close, unless `over_close` says otherwise: which ones are is found out by doubling the prices.
    """
    inputs, options = _bound(indicator, output, parameters or {})
    text = json.dumps(options, sort_keys=True)
    unit = _unit(indicator, output, text, inputs, window)
    fields = (field(name) for name in inputs)
    value = apply(last_value, *fields, window=window, params=(indicator, output, text), unit=unit)
    return value / close if (unit == 1 if over_close is None else over_close) else value


def last_value(*given: Any) -> np.ndarray:
    """Return an indicator's value in the last row of each column, shape (N,); NaN where a column has a hole.

    Parameters
    ----------
    *given
        The arrays of shape (window, N) that its class wants, in that order; then the names of class and method, and
        the parameters as JSON.
    """
    *arrays, indicator, output, text = given
    stacked = np.stack(arrays).transpose(2, 0, 1)
    whole = np.isfinite(stacked).all(axis=(1, 2))
    return np.array([_value(indicator, output, text, len(arrays), columns.tobytes()) if known else np.nan
                     for columns, known in zip(stacked, whole, strict=True)])  # fmt: skip


@lru_cache(_REMEMBERED)
def _value(indicator: str, output: str, text: str, inputs: int, content: bytes) -> float:
    """Compute one window. Stream, gates and a second run meet the windows of the first again."""
    series = map(pd.Series, np.frombuffer(content).reshape(inputs, -1).copy())
    with np.errstate(all="ignore"):
        made = _classes()[indicator](*series, **json.loads(text))
        return float(getattr(made, output)().iloc[-1])


@cache
def _classes() -> dict[str, type]:
    modules = [import_module(f"ta.{name}") for name in _MODULES]
    return {name: value for module in modules for name, value in vars(module).items()
            if inspect.isclass(value) and value.__module__ == module.__name__}  # fmt: skip


def _bound(indicator: str, output: str, parameters: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the fields that a class wants and its parameters, or say which name is wrong."""
    if indicator not in _classes():
        message = f"ta has no indicator {indicator!r}; {nearest(indicator, _classes())}"
        raise ConfigError(message, code="unknown_indicator")
    made = _classes()[indicator]
    outputs = [name for name, value in vars(made).items() if inspect.isfunction(value) and not name.startswith("_")]
    if output not in outputs:
        message = f"{indicator} of ta has no output {output!r}; {nearest(output, outputs)}"
        raise ConfigError(message, code="unknown_output")
    signature = inspect.signature(made).parameters
    inputs = tuple(name for name in signature if name in _FIELDS)
    options = {name: value.default for name, value in signature.items() if name not in _FIELDS}
    for name in parameters:
        if name not in options:
            raise ConfigError(f"{indicator} of ta has no parameter {name!r}; {nearest(name, options)}",
                              code="bad_parameter")  # fmt: skip
    options |= parameters
    missing = [name for name, value in options.items() if value is inspect.Parameter.empty]
    if missing:
        raise ConfigError(f"{indicator} of ta needs `parameters` with {', '.join(missing)}", code="bad_parameter")
    return inputs, options


@cache
def _unit(indicator: str, output: str, text: str, inputs: tuple[str, ...], window: int) -> float:
    """Return 0 where doubling the prices leaves the output as it is, 1 where it doubles, and refuse anything else."""
    found = []
    for seed in range(_PROBES):
        bars = _made_up(seed, window)
        for factor in (1.0, 2.0):
            content = np.stack([bars[name] * (1.0 if name == "volume" else factor) for name in inputs]).tobytes()
            try:
                found.append(_value(indicator, output, text, len(inputs), content))
            except _REFUSALS as error:
                message = f"{output} of {indicator} cannot be had from {window} rows with {text}: {error}"
                raise ConfigError(message, code="bad_parameter") from None
    once, doubled = np.array(found).reshape(-1, 2).T
    if not np.isfinite(once).any():
        message = f"{output} of {indicator} has no value after {window} rows with {text}; choose a longer window"
        raise ConfigError(message, code="bad_window")
    for unit in (0.0, 1.0):
        if np.allclose(doubled, 2**unit * once, rtol=1e-9, atol=0, equal_nan=True):
            return unit
    message = f"{output} of {indicator} is neither a price nor free of prices: when they double, it is {doubled[0]:g} "
    raise ConfigError(f"{message}where it was {once[0]:g}; write it as an expression", code="price_level")


def _made_up(seed: int, rows: int) -> dict[str, np.ndarray]:
    """Return bars of a random walk."""
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, rows)))
    start, above, below = close * np.exp(rng.normal(0, 0.01, (3, rows)))
    high, low = np.maximum(above, np.maximum(start, close)), np.minimum(below, np.minimum(start, close))
    return {"open": start, "high": high, "low": low, "close": close, "volume": np.exp(rng.normal(12, 0.5, rows))}
