"""The manifest of a bundle: its origin, its files and the verdicts of its gates."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field, JsonValue, NonNegativeInt, PositiveInt

from alpha.core.identity import canonical, code_id, environment, expect_packages, packages_of
from alpha.core.records import Number, Record, VerdictRecord

if TYPE_CHECKING:
    from datetime import datetime

    from alpha.core.nouns import Model
    from alpha.strategy import Candidate

ID = r"[a-z][a-z0-9_]*"
VERSION = r"v\d{4,}-[0-9a-f]{12}"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Stamp(Record):
    """Size and hash of one file."""

    size: NonNegativeInt
    sha256: Sha256

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return the stamp of the content of a file."""
        return cls(size=len(content), sha256=hashlib.sha256(content).hexdigest())


class Trained(Record):
    """The training data of a model: first and last row, number of rows and of samples."""

    start: str
    end: str
    rows: PositiveInt
    samples: PositiveInt


class Manifest(Record):
    """All metadata of a bundle.

    Parameters
    ----------
    columns : dict of str to str
        Columns in the order in which the model reads them, each with the hash of its expression.
    packages : dict of str to str
        Packages that wrote the model's files: another major or minor version may read them differently.
    environment : dict of str to str
        The other installed packages.
    config : dict
        The whole resolved configuration.
    """

    format: Literal[1] = 1
    id: Annotated[str, Field(pattern=f"^{ID}$")]
    number: PositiveInt
    created: AwareDatetime
    model: dict[str, JsonValue]
    features: tuple[dict[str, JsonValue], ...]
    columns: dict[str, str]
    fields: tuple[str, ...]
    lookback: NonNegativeInt
    label: dict[str, JsonValue]
    trained: Trained
    reference: dict[str, tuple[Number, ...]]
    gates: tuple[VerdictRecord, ...]
    metrics: dict[str, Number]
    config_id: str
    data_id: str
    code_id: str
    seed: int
    packages: dict[str, str]
    environment: dict[str, str]
    files: dict[FileName, Stamp]
    config: dict[str, JsonValue]

    @property
    def passed(self) -> bool:
        """True if the bundle was judged and passed every gate."""
        return bool(self.gates) and all(verdict.passed for verdict in self.gates)

    def to_bytes(self) -> bytes:
        """Return the content of ``manifest.json``."""
        return self.model_dump_json(indent=1).encode() + b"\n"

    @property
    def version(self) -> str:
        """The name of the folder: a running number, and the hash of this manifest."""
        return f"v{self.number:04d}-{hashlib.sha256(self.to_bytes()).hexdigest()[:12]}"


def describe(
    candidate: Candidate, config: Mapping[str, Any], files: Mapping[str, bytes], number: int, created: datetime
) -> Manifest:
    """Return the manifest of a candidate and its files."""
    bundle = candidate.bundle
    return Manifest(
        id=bundle.name, number=number, created=created, model=_plain(bundle.model_entry),
        features=tuple(map(_plain, bundle.feature_entries)), columns=fingerprints(bundle.plan),
        fields=bundle.plan.fields, lookback=bundle.plan.lookback, label=_plain(bundle.label_entry),
        trained=Trained(**bundle.trained), gates=tuple(map(VerdictRecord.of, candidate.gates)),
        reference={name: tuple(values) for name, values in bundle.reference.items()},
        metrics=dict(candidate.scorecard.metrics),
        config_id=candidate.config_id, data_id=candidate.data_id, code_id=code_id(), seed=candidate.seed,
        packages=_versions(bundle.model), environment=environment(packages_of(bundle.model)), config=_plain(config),
        files={name: Stamp.of(content) for name, content in files.items()},
    )  # fmt: skip


def fingerprints(plan: Any) -> dict[str, str]:
    """Return the columns of a plan in order, each with the hash of its expression."""
    return {name: column.key.hex() for name, column in plan.columns.items()}


def _versions(model: Model) -> dict[str, str]:
    """Return the versions of the packages that read a model's files."""
    expect_packages(type(model))
    names = packages_of(model)
    here = environment(names)
    return {name: here[name] for name in names}


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(canonical(entry))
