"""Run independent tasks in worker processes. No other module starts workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from alpha.core import plugins

T = TypeVar("T")

_in_worker = False
_started = False


class Counted(Generic[T]):
    """An iterator of results with a known length, so that progress can be shown."""

    def __init__(self, items: Iterable[T], length: int) -> None:
        self.items, self.length = items, length

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return self.length


def run(
    function: Callable[..., T], tasks: Iterable[Sequence[Any]], *, jobs: int | None = None, in_order: bool = True
) -> Counted[T]:
    """Call a function with the arguments of each task; return the results as they arrive.

    Inside a worker the tasks run one after the other. A worker loads the same plugins as this process. An error
    that a task raises is raised here.

    Parameters
    ----------
    tasks : iterable of sequence
        Positional arguments; picklable unless `jobs` is 1.
    jobs : int, optional
        Number of processes; 1 runs the tasks in this process. Default: one for each processor.
    in_order : bool
        True: results come in the order of the tasks. False: in the order in which the tasks finish.
    """
    tasks = [tuple(task) for task in tasks]
    if _in_worker or jobs == 1 or len(tasks) < 2:
        return Counted((function(*task) for task in tasks), len(tasks))
    from joblib import Parallel, delayed

    global _started
    _started = True
    pool = Parallel(jobs or -1, return_as="generator" if in_order else "generator_unordered", batch_size=1)
    return Counted(pool(delayed(_Task(function, task))() for task in tasks), len(tasks))


def stop() -> None:
    """End the idle workers, which would delay the exit of this process."""
    if _started:
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor(reuse=True).shutdown(kill_workers=True)


class _Task:
    """A pickled call. It loads the plugins before it unpickles the function and arguments, which may belong to them."""

    def __init__(self, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (_Plugins(), self.function, self.arguments)

    def __call__(self) -> Any:
        return self.function(*self.arguments)


class _Plugins:
    """The plugins of this process. Unpickling this object loads them."""

    def __reduce__(self) -> tuple[Any, ...]:
        return plugins.load, (plugins.loaded(),)


def _arrived(loaded: None, function: Callable[..., Any], arguments: Sequence[Any]) -> _Task:
    global _in_worker
    _in_worker = True
    return _Task(function, arguments)
