import os
import time

import pytest

from ddaemon.tests.unit.training.run.worker_tasks import work
from ddaemon.training.run import workers
from ddaemon.training.run.workers import DIED, Places, run_tasks


def ends(tasks, count=2, limit_s=60.0):
    return {end.task: end for end in run_tasks(work, tasks, count, limit_s, Places(()))}


def test_a_task_that_ends_its_process_is_lost_alone():
    found = ends(["a", "die", "b", "c"])
    assert found["die"].lost == DIED
    assert all(found[name].result for name in "abc")


def test_a_task_that_takes_too_long_is_ended():
    begun = time.monotonic()
    found = ends(["sleep", "a"], count=1, limit_s=3.0)
    assert "longer than 3 seconds" in found["sleep"].lost
    assert found["a"].result
    assert time.monotonic() - begun < 30


def test_a_task_that_takes_too_much_memory_is_ended(monkeypatch):
    monkeypatch.setattr(workers, "MEMORY_MB", 400)
    found = ends(["swell", "a"], count=1)
    assert "more memory than 400 MB" in found["swell"].lost
    assert found["a"].result


def test_what_a_task_raises_is_raised_here():
    with pytest.raises(KeyError):
        ends(["a", "raise", "b"])


def test_each_worker_is_a_process_of_its_own():
    found = ends(list("abcdefgh"))
    assert os.getpid() not in {end.result for end in found.values()}
    assert 1 <= len({end.result for end in found.values()}) <= 2
