"""Gates on the candidate itself: live must compute the same features and predictions as research."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import numpy as np
from pydantic import PositiveInt

from alpha.gates import gate
from alpha.gates.kinds import Property
from alpha.leaks import Case
from alpha.models import differing, tolerance_of

if TYPE_CHECKING:
    from alpha.core.nouns import Model
    from alpha.strategy import Bundle


@gate
def batch_equals_stream(*, rows: PositiveInt = 8) -> Property:
    """The last `rows` bars, streamed one by one after their history, give the features and predictions of the batch."""

    def problems(study: Case, bundle: Bundle, signal: np.ndarray) -> Iterator[str | None]:
        panel, batch = study.panel, study.features.values
        first = max(len(panel) - rows, 1)
        predicted = bundle.outputs(batch[first:], panel.tradable[first:])
        stream = bundle.plan.stream(panel.rows(slice(0, first)))
        for row in range(first, len(panel)):
            bar = panel.bar(row)
            values = stream.push(bar)
            yield _different(f"features of {bar.time}", batch[row], values)
            for name, each in bundle.outputs(values, bar.tradable).items():
                what = f"{'predictions' if name == 'signal' else name} of {bar.time}"
                yield _different(what, predicted[name][row - first], each, tolerance_of(bundle.model))

    return Property(of_candidate=problems)


@gate
def golden_reproduces() -> Property:
    """The model, saved and loaded again, reproduces its golden predictions, exactly or within its tolerance."""

    def problems(study: Case, bundle: Bundle, signal: np.ndarray) -> Iterator[str | None]:
        again = _read_back(bundle).predict(bundle.golden_inputs) if len(bundle.golden_inputs) else np.empty(0)
        yield _different("golden predictions", bundle.golden_predictions, again, tolerance_of(bundle.model))
        if not np.isfinite(bundle.golden_predictions).any():
            yield "there is no golden prediction to reproduce"

    return Property(of_candidate=problems)


def _read_back(bundle: Bundle) -> Model:
    from alpha.models import model

    bound = model.bind(bundle.model_entry)
    kind = cast("type[Model]", model[bound.name])
    return kind.from_files(bundle.model.to_files(), bound.params)


def _different(what: str, expected: np.ndarray, actual: np.ndarray, tolerance: float = 0.0) -> str | None:
    """Yield a problem unless the values are equal, or within the tolerance; NaN equals NaN."""
    if expected.shape != actual.shape:
        return f"{what}: {actual.shape} values instead of {expected.shape}"
    other = differing(expected, actual, tolerance)
    if not other.any():
        return None
    at = np.unravel_index(int(np.argmax(other)), other.shape)
    return f"{what}: {expected[at]!r} became {actual[at]!r} ({int(other.sum())} of {other.size} differ)"
