"""The gate that no feature, label or fold of a study looks ahead."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from alpha.gates import gate
from alpha.gates.kinds import Property
from alpha.leaks import Case, lookahead


@gate
def no_lookahead(*, cuts: PositiveInt = 4, shocks: NonNegativeInt = 1) -> Property:
    """No feature, label or fold reads data that were not yet known.

    The features up to each of `cuts` rows, drawn by the seed of the study, are computed again without the future, and
    `shocks` times with another future; every label is known after its row, and every fold learns only from labels known
    before its cutoff.
    """

    def problems(study: Case) -> Iterator[str | None]:
        panel, features, batch = study.panel, study.features, study.pipeline.features
        rows = lookahead.telling_rows(panel, cuts + shocks, np.random.default_rng(study.seed))
        yield lookahead.check_label(study.label, panel.times)
        yield lookahead.check_folds(study.folds, study.label, panel.times)
        yield None if study.folds else "there are no folds to check"
        yield lookahead.cut_and_compare(batch, panel, features, rows[:cuts])
        yield lookahead.shock_future(batch, panel, features, rows[cuts:], seed=study.seed)

    return Property(of_study=problems)
