"""``alpha_eval.json``: the results of one run of research, complete enough to be judged alone.

After a change of these models, write the JSON Schema again with `write_schema`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import Field, JsonValue, model_validator

from alpha.core.nouns import Fold, Label, Scorecard, Verdict
from alpha.core.records import VerdictRecord
from alpha.report.record import Cell, Count, Day, Instant, Number, Record, read_record, write_record

FILE = "alpha_eval.json"
SCHEMA = Path(__file__).with_name("alpha_eval.schema.json")
FILLS = {
    "next_open": "A signal known at the close of bar t fills at the open of bar t + 1; a horizon of h bars runs from "
    "that open to the open h bars later. Nothing fills on the bar that made the signal.",
    "next_close": "These data hold no opens, so a signal known at the close of bar t fills at the close of bar t + 1, "
    "a whole bar later; a horizon of h bars runs from that close to the close h bars later. Filling at the close of "
    "bar t would trade on the price that made the signal: a leak.",
}


class Span(Record):
    """The range of bars that was read."""

    start: Day
    end: Day
    sessions: Count
    symbols: Count

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end < self.start:
            raise ValueError(f"end ({self.end}) must not be before start ({self.start})")
        return self


class LabelSpec(Record):
    """The label: the predicted outcome, and the price of its entry."""

    name: str
    horizon: Annotated[Count, Field(ge=1, description="bars from entry to exit")]
    entry: Literal["next_open", "next_close"]
    fills: str = Field(min_length=1, description="at which price a signal fills, and why")

    @classmethod
    def of(cls, label: Label) -> Self:
        """Describe a label; the sentence about fills follows from its entry."""
        return cls.model_validate(
            {"name": label.name, "horizon": int(label.horizon), "entry": label.entry, "fills": FILLS.get(label.entry)}
        )


class FoldSpan(Record):
    """One refit: its training rows, its cutoff and its test rows."""

    index: Count
    train_start: Day
    train_end: Day
    cutoff: Instant = Field(description="training used only labels known strictly before this instant")
    test_start: Day
    test_end: Day

    @classmethod
    def of(cls, fold: Fold, times: pd.DatetimeIndex) -> Self:
        """Describe a fold of the rows at `times`."""
        train, test = times[fold.train], times[fold.test]
        cutoff = pd.Timestamp(fold.cutoff).tz_localize("UTC").floor("us").to_pydatetime()
        return cls(index=int(fold.index), train_start=train[0], train_end=train[-1], cutoff=cutoff,
                   test_start=test[0], test_end=test[-1])  # fmt: skip


class FindingCount(Record):
    """The findings of the sanity checks with one code."""

    code: str
    kind: Literal["warning", "waiver"] = Field(description="shown, or an error that a person accepted")
    count: Count
    examples: tuple[str, ...] = ()


class ModelResult(Record):
    """One model: its metrics out of sample, and the verdict of every gate."""

    model: str
    metrics: dict[str, Number] = Field(description="fractions, not percent; null where not finite")
    intervals: dict[str, tuple[Number, Number]] = Field(
        default_factory=dict, exclude_if=lambda given: not given,
        description="95 % intervals of the metrics, low and high; since version 2",
    )  # fmt: skip
    baselines: dict[str, dict[str, Number]] = Field(description="the same metrics of each baseline, in the same run")
    by_year: tuple[dict[str, Cell], ...]
    by_fold: tuple[dict[str, Cell], ...]
    gates: tuple[VerdictRecord, ...]
    blessed: bool
    bundle: str | None = Field(description="the immutable bundle, where one was written")
    trials: Count = Field(description="configurations tried on these data so far, this one included")

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts of the gates."""
        return tuple(record.verdict for record in self.gates)

    @model_validator(mode="after")
    def _earned(self) -> Self:
        failed = [verdict.gate for verdict in self.gates if not verdict.passed]
        if self.blessed and (failed or not self.gates):
            raise ValueError(f"blessed: {self.model} cannot be blessed; failed: {', '.join(failed) or 'no gate ran'}")
        return self

    @classmethod
    def of(
        cls, card: Scorecard, gates: Iterable[Verdict], *, blessed: bool, trials: int, bundle: str | None = None
    ) -> Self:
        """Make the record of a scorecard and its gates; values that are not finite become null."""
        return cls.model_validate(
            {
                "model": card.model,
                "metrics": dict(card.metrics),
                "intervals": dict(card.intervals),
                "baselines": {name: dict(metrics) for name, metrics in card.baselines.items()},
                "by_year": tuple(map(dict, card.by_year)),
                "by_fold": tuple(map(dict, card.by_fold)),
                "gates": tuple(map(VerdictRecord.of, gates)),
                "blessed": blessed,
                "bundle": bundle,
                "trials": trials,
            }
        )


class Evaluation(Record):
    """The report of one run of research.

    Raises
    ------
    ValidationError
        Parts contradict each other, such as a blessed model with a failed gate, or a chosen model that is absent.
    """

    schema_version: Literal[1, 2] = Field(2, description="1: without intervals and holdout; read and written as it was")
    created: Instant
    run: str = Field(min_length=1)
    source: dict[str, JsonValue] = Field(description="configuration entry of the data source")
    span: Span
    label: LabelSpec
    folds: tuple[FoldSpan, ...]
    broker: dict[str, JsonValue] = Field(description="configuration entry of the broker, with its costs")
    config_id: str
    data_id: str
    code_id: str
    environment: dict[str, str]
    command: str = Field(min_length=1, description="command that makes this report again")
    findings: tuple[FindingCount, ...]
    holdout: str = Field(
        "", exclude_if=lambda given: not given,
        description="sealed sessions, looks so far and the level of the next look; since version 2",
    )  # fmt: skip
    models: tuple[ModelResult, ...] = Field(min_length=1)
    chosen: str = Field(description="name of the best candidate; its entry in `models` shows whether it is blessed")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        names = [result.model for result in self.models]
        if len(set(names)) < len(names):
            raise ValueError(f"models: each name must occur once, but they were {', '.join(names)}")
        if self.chosen not in names:
            raise ValueError(f"chosen: expected one of {', '.join(names)}, but it was {self.chosen!r}")
        return self

    @property
    def ranked(self) -> tuple[ModelResult, ...]:
        """The models, the chosen one first."""
        return tuple(sorted(self.models, key=lambda result: result.model != self.chosen))


def write(evaluation: Evaluation, folder: str | Path) -> Path:
    """Write ``alpha_eval.json`` into `folder` and return its path."""
    return write_record(evaluation, Path(folder) / FILE)


def read(path: str | Path) -> Evaluation:
    """Read a report from its file, or from the folder of that file.

    Raises
    ------
    DataError
        ``report_invalid``, naming each wrong field.
    """
    path = Path(path)
    return read_record(Evaluation, path / FILE if path.is_dir() else path)


def schema() -> Mapping[str, Any]:
    """Return the JSON Schema of ``alpha_eval.json``, generated from the models."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Evaluation.model_json_schema(mode="serialization"),
    }


def schema_text() -> str:
    """Return the text of the schema file that ships with the package."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"


def write_schema() -> Path:
    """Write the schema file that ships with the package."""
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    return SCHEMA
