"""Window features: a Python function of the last rows, for a feature that no expression gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from alpha.core.errors import ConfigError
from alpha.features.expr import Expr

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""The functions that expressions name, by module and name: an expression itself holds only words and numbers."""


def apply(
    function: Callable[..., Any],
    *args: Expr,
    window: int,
    params: tuple[float | str, ...] = (),
    unit: float | None = 0.0,
) -> Expr:
    """Return the result of `function` on the last `window` rows, in every row: the exception, not the rule.

    Parameters
    ----------
    function : callable
        ``function(*arrays, *params)``: one read-only float64 array of shape (window, N) for each argument, newest row
        last, rows before the start of the data NaN. It returns N numbers, NaN where it has none. It must be defined at
        the top of a module, and its result must depend on its arguments alone: it is called once a row, in no
        particular order, in research and live.
    window : int
    params : tuple of numbers and texts
    unit : float or None
        Price unit of the result.

    Raises
    ------
    ConfigError
        `bad_window`, or `not_a_function` for one that cannot be found again by its name.
    """
    if window != int(window) or window < 1:
        raise ConfigError(f"apply needs a whole window of at least 1 row; it was {window!r}", code="bad_window")
    name = f"{function.__module__}.{function.__qualname__}"
    if "<" in name or not args:
        message = f"apply needs a function at the top of a module, and arguments; it was {name}"
        raise ConfigError(message, code="not_a_function")
    if FUNCTIONS.setdefault(name, function) is not function:
        message = f"two functions are called {name}; an expression could not tell which is meant"
        raise ConfigError(message, code="not_a_function")
    return Expr("apply", args, (name, int(window), *params), unit=unit, past=int(window) - 1)


def applied(columns: Iterable[Expr]) -> list[Callable[..., Any]]:
    """Return the functions that expressions name, each once, in the order of their names."""
    seen: set[Expr] = set()
    left = list(columns)
    while left:
        if (node := left.pop()) not in seen:
            seen.add(node)
            left += node.args
    return [FUNCTIONS[name] for name in sorted({str(node.params[0]) for node in seen if node.op == "apply"})]
