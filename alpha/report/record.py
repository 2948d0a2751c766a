"""Shared parts of the reports on disk: strict fields, atomic writes, errors that name the field."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import numpy as np
import pandas as pd
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, ValidationError

from alpha.core.errors import DataError, nearest
from alpha.core.records import Number, Record


def _plain(value: Any) -> Any:
    """Turn numpy scalars into Python's, instants into ISO texts, and numbers that are not finite into None."""
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64):
        value = value.item()
    if value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value.isoformat() if isinstance(value, date) else value


def _day(value: Any) -> Any:
    return value.date() if isinstance(value, datetime) else value


Cell = Annotated[bool | int | float | str | None, BeforeValidator(_plain)]
"""One value of a table."""

Count = Annotated[int, Field(ge=0, strict=True)]
Day = Annotated[date, BeforeValidator(_day)]
Instant = Annotated[AwareDatetime, AfterValidator(lambda value: value.astimezone(UTC))]

__all__ = ["Cell", "Count", "Day", "Instant", "Number", "Record", "read_record", "write_record", "write_text"]
R = TypeVar("R", bound=Record)


def write_record(record: Record, path: Path) -> Path:
    """Write a record as JSON, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False)
    return write_text(text + "\n", path)


def write_text(text: str, path: Path) -> Path:
    """Write a text beside `path`, then rename it, so that no reader sees a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)
    return path


def read_record(kind: type[R], path: Path) -> R:
    """Read a record and check every field of it.

    Raises
    ------
    DataError
        ``report_invalid``, naming each wrong field, its value, and the nearest right name.
    """
    try:
        values = json.loads(path.read_bytes(), parse_constant=_refuse, object_pairs_hook=_unique)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", code="report_invalid") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a JSON report: {error}", code="report_invalid") from None
    other = next((what for what, mark in _MARKS.items() if mark in values), None) if isinstance(values, dict) else None
    if other is not None and _MARKS[other] not in kind.model_fields:
        raise DataError(f"{path} is {other}; expected another kind of report", code="report_invalid")
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise DataError(f"{path}: {'; '.join(_problems(kind, error))}", code="report_invalid") from None


_MARKS = {"a daily report of the paper runner": "order_hash", "the scorecard of a research run": "folds"}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON; a number that is not finite is written as null")


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"the key {twice!r} occurs twice")
    return values


def _problems(kind: type[Record], error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        *parents, last = problem["loc"] or ("the whole report",)
        field = ".".join(map(str, (*parents, last)))
        if problem["type"] == "extra_forbidden":
            yield f"there is no field {field}; {nearest(last, _field_names(kind))}"
        elif problem["type"] == "missing":
            yield f"{field} is missing"
        elif problem["type"] == "value_error":  # raised by Alpha: its message already names the value
            yield f"{field}: {problem['ctx']['error']}"
        else:
            yield f"{field}: {problem['msg']} (it was {_short(problem['input'])})"


def _field_names(kind: type[Record]) -> set[str]:
    schema = kind.model_json_schema()
    return {name for part in (schema, *schema.get("$defs", {}).values()) for name in part.get("properties", {})}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
