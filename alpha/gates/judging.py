"""Judge a study once, then each of its candidates; or judge a report alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from alpha.core.nouns import Verdict
from alpha.core.registry import Plugin
from alpha.gates.kinds import Numbers, Unsealed
from alpha.leaks import Case

if TYPE_CHECKING:
    from alpha.strategy import Bundle


Judge = Callable[[Numbers, "Bundle", np.ndarray], tuple[Verdict, ...]]


def judge_study(study: Case, gates: Sequence[Plugin]) -> Judge:
    """Judge the parts that the candidates of a study share; return the function that judges a candidate.

    Parameters
    ----------
    study : Case
        A case without a model: see `Property`.

    Returns
    -------
    callable
        ``judge(card, bundle, signal)``: the verdicts of all gates in their order, except those that are `waiting`.
    """
    judges = [judge for each in gates if (judge := each().judge_study(each.name, study)) is not None]
    return lambda card, bundle, signal: tuple(judge(card, bundle, signal) for judge in judges)


def waiting(gates: Sequence[Plugin]) -> tuple[str, ...]:
    """Return the names of the gates that judge only once blessing has opened the holdout."""
    return tuple(each.name for each in gates if isinstance(each(), Unsealed))


def judge_report(card: Numbers, recorded: Mapping[str, Verdict], gates: Sequence[Plugin]) -> tuple[Verdict, ...]:
    """Judge a candidate by the numbers in a report.

    A gate that needs the candidate itself repeats its recorded verdict; a gate that needs the holdout gives none where
    the holdout was not opened.
    """
    verdicts = (each().judge_report(each.name, card, recorded.get(each.name)) for each in gates)
    return tuple(verdict for verdict in verdicts if verdict is not None)
