"""Run every check on every world; count the leaks caught and missed, and the false alarms on clean worlds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alpha.core import executor
from alpha.core.errors import ConfigError, nearest
from alpha.lab.battery import World, worlds
from alpha.leaks import Case, check, examine
from alpha.stats.metrics import daily_ic, sharpe

ORDER = (
    "replay", "cut", "shock", "labels", "folds", "duplicates", "refit", "whole", "shuffled_labels", "reversed_labels",
    "delay", "lag", "fills", "fair",
)  # fmt: skip


@dataclass(frozen=True)
class WorldResult:
    """The findings of every check on one world, drawn with one seed.

    Parameters
    ----------
    ic, sharpe : float
        The results that the author of the pipeline would see: the mean IC, and the annual Sharpe ratio before costs,
        with each row counted as a session.
    found : mapping of str to str
        The finding of each check, by name; checks that found nothing are absent.
    """

    world: World
    seed: int
    ic: float
    sharpe: float
    found: Mapping[str, str]

    @property
    def planted(self) -> bool:
        """True if the world has a planted mistake."""
        return bool(self.world.caught_by)

    @property
    def wrong(self) -> bool:
        """True if a required check missed the mistake, or a check raised a false alarm on a clean world."""
        return not set(self.world.caught_by) <= set(self.found) if self.planted else bool(self.found)


def tried(world: World, seed: int) -> WorldResult:
    """Run every check on one world."""
    case = Case.of(world.make(seed), seed=seed)
    found = {name: said for name, said in examine(case).items() if said}
    ic = float(np.nanmean(daily_ic(case.signal, case.outcome)))
    tested = np.isfinite(case.signal).any(axis=1)
    return WorldResult(world, seed, ic, sharpe(case.pipeline.trade(case.signal, case.panel)[tested]), found)


def run(
    *, leaks: int = 1, seeds: int = 5, jobs: int | None = None, names: Sequence[str] = ()
) -> executor.Counted[WorldResult]:
    """Run every world in worker processes; return the results as they arrive, in the order of the worlds.

    Parameters
    ----------
    leaks, seeds : int
        Number of seeds for each world with a mistake, and for each clean world.
    jobs : int
        Number of processes; default: all processors.
    names : sequence of str
        Only these worlds; default: all.

    Raises
    ------
    ConfigError
        ``unknown_world``.
    """
    tasks = drawn(leaks=leaks, seeds=seeds, names=names)
    return executor.run(_named, [(world.name, seed) for world, seed in tasks], jobs=jobs)


def drawn(*, leaks: int = 1, seeds: int = 5, names: Sequence[str] = ()) -> list[tuple[World, int]]:
    """Return the worlds that `run` tries, each with its seed; worlds with a mistake first."""
    known = {world.name: world for world in worlds()}
    for name in names:
        if name not in known:
            raise ConfigError(f"no world named {name!r}; {nearest(name, known)}", code="unknown_world")
    chosen = [world for name, world in known.items() if not names or name in names]
    return [(world, seed) for world in chosen for seed in range(leaks if world.caught_by else seeds)]


def _named(name: str, seed: int) -> WorldResult:
    return tried(next(world for world in worlds() if world.name == name), seed)


def lines(results: Iterable[WorldResult]) -> Iterator[str]:
    """Yield the matrix: a row for each world with a mistake, a column for each check; then the false alarms."""
    known = list(results)
    planted = [result for result in known if result.planted]
    clean = [result for result in known if not result.planted]
    if planted:
        yield from _matrix(planted)
        missed = sorted({result.world.name for result in planted if result.wrong})
        count = len({result.world.name for result in planted})
        yield f"caught: {count - len(missed)} of {count} leaks" + (f"; MISSED: {', '.join(missed)}" if missed else "")
    if clean:
        yield ""
        yield from _accusations(clean)


def _matrix(planted: Sequence[WorldResult]) -> Iterator[str]:
    """Yield a row for each leak: X where a required check found it, ! where one missed it, x where another found it."""
    shown = [name for name in ORDER if name in check]
    width = max(len(result.world.name) for result in planted)
    yield f"{'':{width}}       IC  Sharpe  " + " ".join(f"{number:>2}" for number in range(1, len(shown) + 1))
    family = ""
    for name in dict.fromkeys(result.world.name for result in planted):
        rows = [result for result in planted if result.world.name == name]
        if rows[0].world.family != family:
            family = rows[0].world.family
            yield f"{family}:"
        marks = " ".join(f"{_mark(rows, column):>2}" for column in shown)
        yield f"{name:{width}}  {_mean(rows, 'ic'):7.3f}  {_mean(rows, 'sharpe'):6.1f}  {marks}"
    yield "checks: " + ", ".join(f"{number} {name}" for number, name in enumerate(shown, start=1))


def _mark(rows: Sequence[WorldResult], column: str) -> str:
    caught = all(column in result.found for result in rows)
    if column in rows[0].world.caught_by:
        return "X" if caught else "!"
    return "x" if caught else "."


def _mean(rows: Sequence[WorldResult], name: str) -> float:
    return float(np.mean([getattr(result, name) for result in rows]))


def _accusations(clean: Sequence[WorldResult]) -> Iterator[str]:
    accused = [result for result in clean if result.wrong]
    kinds = {result.world.name for result in clean}
    low, high = interval(len(accused), len(clean))
    yield (
        f"clean worlds accused: {len(accused)} of {len(clean)} ({len(kinds)} kinds); false alarms "
        f"{len(accused) / len(clean):.1%}, 95 % interval {low:.1%} to {high:.1%}"
    )
    for result in accused:
        for name, said in result.found.items():
            yield f"  ACCUSED: {result.world.name}, seed {result.seed}, by {name}: {said}"


def interval(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Clopper and Pearson, 1934)."""
    from scipy.stats import binomtest

    found: Any = binomtest(count, total).proportion_ci(method="exact")
    return float(found.low), float(found.high)
