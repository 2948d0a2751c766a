"""Gates on the candidate itself: that live will compute what research did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
from pydantic import PositiveInt

from alpha.gates import gate
from alpha.gates.kinds import Property
from alpha.leaks import Case

if TYPE_CHECKING:
    from alpha.core.nouns import Model
    from alpha.strategy import Bundle


@gate
def batch_equals_stream(*, rows: PositiveInt = 8) -> Property:
    """The last `rows` bars, pushed one by one after their history, give the features and predictions of the batch."""

    def problems(study: Case, bundle: Bundle, signal: np.ndarray) -> Iterator[str | None]:
        panel, batch = study.panel, study.features.values
        first = max(len(panel) - rows, 1)
        predictions = bundle.predict(batch[first:], panel.tradable[first:])
        stream = bundle.plan.stream(panel.rows(slice(0, first)))
        for row in range(first, len(panel)):
            bar = panel.bar(row)
            values = stream.push(bar)
            yield _different(f"features of {bar.time}", batch[row], values)
            yield _different(
                f"predictions of {bar.time}", predictions[row - first], bundle.predict(values, bar.tradable)
            )

    return Property(of_candidate=problems)


@gate
def golden_reproduces() -> Property:
    """The model, written to files and read back, gives the golden predictions to the last bit."""

    def problems(study: Case, bundle: Bundle, signal: np.ndarray) -> Iterator[str | None]:
        again = replace(bundle, model=_read_back(bundle))
        yield _different(
            "golden predictions",
            bundle.golden_predictions,
            again.predict(bundle.golden_inputs, np.ones(len(bundle.golden_inputs), bool)),
        )
        if not np.isfinite(bundle.golden_predictions).any():
            yield "there is no golden prediction to reproduce"

    return Property(of_candidate=problems)


def _read_back(bundle: Bundle) -> Model:
    from alpha.models import model

    bound = model.bind(bundle.model_entry)
    kind = cast("type[Model]", model[bound.name])
    return kind.from_files(bundle.model.to_files(), bound.params)


def _different(what: str, expected: np.ndarray, actual: np.ndarray) -> str | None:
    """Compare to the last bit; any two NaN are alike."""
    if expected.shape != actual.shape:
        return f"{what}: {actual.shape} values instead of {expected.shape}"
    same = (expected.view(np.int64) == actual.view(np.int64)) | (np.isnan(expected) & np.isnan(actual))
    if same.all():
        return None
    at = np.unravel_index(int(np.argmin(same)), same.shape)
    return f"{what}: {expected[at]!r} became {actual[at]!r} ({int((~same).sum())} of {same.size} differ)"
