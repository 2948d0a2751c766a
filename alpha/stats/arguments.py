"""Checks of the arguments of the statistical functions, and their result: a statistic with its p-value."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from alpha.core.errors import ConfigError, DataError
from alpha.core.panel import Panel

ONE_VALUE = 1e-9  # of their size: values that differ by less are one value and rounding errors
CANCELLED = 1e-12  # of a mean square: a variance below it, got as a difference of squares, is rounding errors
LARGEST = 1e100  # size of an argument, and 1 / LARGEST the smallest: no square overflows or underflows
FEWEST_OUTCOMES = 10  # that do not overlap: an interval from fewer is far too narrow


class SignificanceResult(NamedTuple):
    """A test statistic, and the probability of one as extreme where the null hypothesis holds."""

    statistic: float
    pvalue: float


def vector(values: Any, name: str, *, fewest: int = 2, smallest: float = 1 / LARGEST) -> np.ndarray:
    """Return `values` as a float array of shape (n,).

    Parameters
    ----------
    fewest : int
        How many values there must be at least.
    smallest : float
        Size that the largest value must have at least, unless all are 0.

    Raises
    ------
    DataError
        With the code `not_numbers`, `bad_shape`, `not_finite`, `out_of_range` or `too_short`.
    """
    return _checked(values, name, 1, "(n,)", fewest, smallest)


def matrix(values: Any, name: str, *, fewest: int = 2) -> np.ndarray:
    """Return `values` as a float array of shape (n, k); the errors are those of `vector`."""
    return _checked(values, name, 2, "(n, k)", fewest)


def _checked(
    values: Any, name: str, dimensions: int, shape: str, fewest: int, smallest: float = 1 / LARGEST
) -> np.ndarray:
    array = numbers(values, name)
    if array.ndim != dimensions or 0 in array.shape[1:]:
        raise DataError(f"{name} must have shape {shape}; it has {array.shape}", code="bad_shape")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise DataError(
            f"{name} must be finite; {bad} of {array.size} values are not: leave them out", code="not_finite"
        )
    size = np.abs(array).max(initial=0)
    if size > LARGEST or 0 < size < smallest:
        raise DataError(
            f"{name} must lie between {smallest:g} and {LARGEST:g} in size; the largest is {size:g}: is it a mark "
            f"of what is missing, or in the wrong unit?",
            code="out_of_range",
        )
    if len(array) < fewest:
        raise DataError(f"{name} must have at least {fewest} rows; it has {len(array)}", code="too_short")
    return array


def numbers(values: Any, name: str) -> np.ndarray:
    """Return `values` as a float array of any shape; a DataError (`not_numbers`) where they are something else.

    Masked values are NaN.
    """
    try:
        hidden = np.ma.getmask(values)
        given = np.asarray(values)
        if given.dtype.kind not in "biufO" or any(isinstance(each, str | bytes) for each in _objects(given)):
            raise TypeError(f"an array of {given.dtype if given.dtype.kind != 'O' else 'texts'}")
        array = given.astype(float, order="C")  # sums depend on the layout in the last digit
        return array if hidden is np.ma.nomask else np.where(hidden, np.nan, array)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{name} must be real numbers: {error}", code="not_numbers") from None


def _objects(given: np.ndarray) -> Iterable[Any]:
    return given.flat if given.dtype.kind == "O" else ()


def same_length(**arrays: np.ndarray) -> None:
    """Raise a DataError (`bad_shape`) unless all arrays have as many rows."""
    if len({len(array) for array in arrays.values()}) > 1:
        lengths = ", ".join(f"{name} {len(array)}" for name, array in arrays.items())
        raise DataError(f"rows must match one to one; there are: {lengths}", code="bad_shape")


def aligned(**given: Any) -> None:
    """Raise a DataError (`bad_shape`) where two are pandas objects whose rows, or columns, are not the same."""
    labelled = {name: values for name, values in given.items() if isinstance(values, pd.Series | pd.DataFrame)}
    for axis, what in enumerate(("rows", "columns")):
        found = {name: values.axes[axis] for name, values in labelled.items() if values.ndim > axis}
        first = next(iter(found), "")
        for name in found:
            if not found[name].equals(found[first]):
                raise DataError(
                    f"{first} and {name} have other {what}, or in another order; take the {what} both have: "
                    f"{name}.reindex({'columns=' if axis else ''}{first}.{'columns' if axis else 'index'})",
                    code="bad_shape",
                )


def expect(value: Any, kind: type, what: str) -> None:
    """Raise a ConfigError (`bad_parameter`), which says `what` is expected, unless `value` is of a kind."""
    if not isinstance(value, kind):
        raise ConfigError(f"{what}; it is {value!r:.80}", code="bad_parameter")


def paired(**given: Any) -> list[np.ndarray]:
    """Return values of the same times and symbols as float arrays of one shape, (T, N).

    Raises
    ------
    DataError
        `not_numbers`, `bad_shape`.
    """
    aligned(**given)
    arrays = {name: numbers(values, name) for name, values in given.items()}
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) > 1 or len(next(iter(shapes))) != 2:
        unequal = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise DataError(f"all must be of the same times and symbols, (T, N); they are: {unequal}", code="bad_shape")
    return list(arrays.values())


def of_panel(values: Any, name: str, panel: Panel) -> np.ndarray:
    """Return values of shape (T, N), checked to be of the panel's times and symbols.

    Raises
    ------
    DataError
        `not_numbers`, `bad_shape`.
    """
    array, shape = numbers(values, name), (len(panel), len(panel.symbols))
    if array.shape != shape:
        raise DataError(
            f"{name} must be of the panel's times and symbols, {shape}; it is {array.shape}", code="bad_shape"
        )
    frame = isinstance(values, pd.DataFrame)
    if frame and not (values.index.equals(panel.times) and (*values.columns,) == panel.symbols):
        raise DataError(
            f"{name} is a frame of other times or symbols than the panel's, or in another order; make it one of "
            f"index=panel.times and columns=panel.symbols",
            code="bad_shape",
        )
    return array


def listed(given: Iterable[Any], name: str) -> list[Any]:
    """Return an iterable as a list; raise a ConfigError (`bad_parameter`) where it is one thing, or a text."""
    expect(given, Iterable, f"{name} must be a sequence")
    if isinstance(given, str):
        raise ConfigError(f"{name} must be a sequence of labels, not one text; it is {given!r}", code="bad_parameter")
    return list(given)


def number(value: Any, name: str, *, missing: bool = False) -> float:
    """Return `value`; raise a ConfigError (`bad_parameter`) unless it is a real number, or NaN where one may be."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real) or (value != value and not missing):
        raise ConfigError(f"{name} must be a number; it is {value!r}", code="bad_parameter")
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        raise ConfigError(f"{name} must be at most {sys.float_info.max:g} in size", code="bad_parameter")
    return value  # type: ignore[return-value]  # a Real


def between(value: float, name: str, low: float, high: float, *, closed: bool = False) -> float:
    """Return `value`; raise a ConfigError (`bad_parameter`) unless it lies between `low` and `high`."""
    if not (low <= number(value, name) <= high if closed else low < number(value, name) < high):
        ends = "from {} to {}" if closed else "above {} and below {}"
        raise ConfigError(f"{name} must be {ends.format(low, high)}; it is {value}", code="bad_parameter")
    return value


def at_least(value: float, name: str, fewest: float) -> float:
    """Return `value`; raise a ConfigError (`bad_parameter`) where it is less than `fewest`, or no finite number."""
    if not fewest <= number(value, name) < np.inf:
        raise ConfigError(f"{name} must be at least {fewest} and finite; it is {value}", code="bad_parameter")
    return value


def count(value: float, name: str, fewest: int) -> int:
    """Return `value` as an integer; raise a ConfigError (`bad_parameter`) unless it is whole and at least `fewest`."""
    if at_least(value, name, fewest) != int(value):
        raise ConfigError(f"{name} must be a whole number; it is {value}", code="bad_parameter")
    return int(value)


def one_of(value: str, name: str, options: tuple[str, ...]) -> str:
    """Return `value`; raise a ConfigError (`bad_parameter`) unless it is one of `options`."""
    if not isinstance(value, str) or value not in options:
        raise ConfigError(f"{name} must be one of {', '.join(options)}; it is {value!r}", code="bad_parameter")
    return value


def varies(values: np.ndarray, scale: np.ndarray | float | None = None) -> np.ndarray:
    """Return whether values, or each column of them, differ by more than the rounding errors of their computation."""
    scale = np.abs(values).max(axis=0, initial=0.0) if scale is None else scale
    return np.asarray(values.max(axis=0, initial=-np.inf) - values.min(axis=0, initial=np.inf) > ONE_VALUE * scale)
