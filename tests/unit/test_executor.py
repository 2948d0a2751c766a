"""Work in processes."""

from __future__ import annotations

import os
import threading

import pytest

from alpha.core import executor
from alpha.core.errors import DataError


def square(number):
    return number * number


def process(number):
    return os.getpid()


def thread(number):
    return os.getpid(), threading.get_ident()


def nested(number):
    return thread(number), list(executor.run(thread, [(1,), (2,)], jobs=2))


def fail(number):
    raise DataError(f"no bars in {number}", code="no_bars")


@pytest.mark.parametrize("jobs", [1, 2, None])
def test_results_come_in_the_order_of_the_tasks(jobs):
    results = executor.run(square, [(n,) for n in range(20)], jobs=jobs)
    assert len(results) == 20
    assert list(results) == [n * n for n in range(20)]


def test_results_may_come_as_they_finish():
    assert sorted(executor.run(square, [(n,) for n in range(20)], jobs=2, in_order=False)) == [n * n for n in range(20)]


def test_one_job_and_one_task_stay_in_this_process():
    assert set(executor.run(process, [(1,), (2,)], jobs=1)) == {os.getpid()}
    assert set(executor.run(process, [(1,)], jobs=2)) == {os.getpid()}
    assert os.getpid() not in set(executor.run(process, [(1,), (2,)], jobs=2))


def test_a_worker_starts_no_workers():
    for worker, inner in executor.run(nested, [(1,), (2,)], jobs=2):
        assert worker[0] != os.getpid()
        assert set(inner) == {worker}, "neither a process nor a thread"


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_comes_back_as_it_was(jobs):
    with pytest.raises(DataError, match="no bars in") as caught:
        list(executor.run(fail, [(1,), (2,)], jobs=jobs))
    assert caught.value.code == "no_bars"
