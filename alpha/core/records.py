"""Parts shared by the records on disk: strict fields, numbers that JSON can hold, and the verdict of a gate."""

from __future__ import annotations

import math
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from alpha.core.nouns import Kind, Relation, Verdict


class Record(BaseModel):
    """A frozen part of a record; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _finite(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[Annotated[float, Field(strict=True)] | None, BeforeValidator(_finite)]
"""A number, or null where it is not finite: JSON has no NaN."""


class VerdictRecord(Record):
    """The verdict of a gate, as stored in reports, manifests and the log of blessings.

    A property is stored as the number of problems found, ``<= 0``. `kind` is stored only where this rule would give
    the wrong one: for a comparison whose limit is 0.
    """

    gate: str
    passed: bool
    value: Number
    limit: Number
    relation: Relation
    note: str = ""
    kind: Kind | None = Field(
        None, exclude_if=lambda kind: kind is None,
        description="absent: a property where the verdict is `<= 0`, else a comparison",
    )  # fmt: skip

    @model_validator(mode="after")
    def _judged(self) -> Self:
        if self.passed and self.value is None:
            raise ValueError(f"{self.gate} cannot pass without a value: a value that is not finite fails its gate")
        return self

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        """Record a verdict."""
        ruled = _kind_by_rule(verdict.relation, verdict.limit)
        return cls(
            gate=verdict.gate, passed=bool(verdict.passed), value=verdict.value, limit=verdict.limit,
            relation=verdict.relation, note=verdict.note, kind=None if verdict.kind == ruled else verdict.kind,
        )  # fmt: skip

    @property
    def verdict(self) -> Verdict:
        """The stored verdict as a `Verdict`, with NaN in place of null."""
        value, limit = (math.nan if number is None else number for number in (self.value, self.limit))
        kind = self.kind or _kind_by_rule(self.relation, self.limit)
        return Verdict(self.gate, self.passed, value, limit, self.relation, self.note, kind)


def _kind_by_rule(relation: Relation, limit: float | None) -> Kind:
    return "property" if (relation, limit) == ("<=", 0.0) else "comparison"
