"""A worker process can die, be killed and be replaced; the caller lives on."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np
import psutil
import pytest
from threadpoolctl import threadpool_info

from ddaemon.isolation.process import WorkerProcess
from ddaemon.isolation.sandbox.confinement import Confinement


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    process = WorkerProcess(recycle=3, confinement=Confinement())
    yield process
    process.stop()


def test_calls_run_in_another_process_that_stays(worker: WorkerProcess) -> None:
    pids = {worker.submit(os.getpid).result() for _ in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_after_its_share_of_calls_the_process_is_replaced(worker: WorkerProcess) -> None:
    pids = [worker.submit(os.getpid).result() for _ in range(4)]
    assert pids[0] == pids[2]
    assert pids[3] != pids[2]
    assert not psutil.pid_exists(pids[0])


def test_a_process_that_dies_fails_its_call_and_the_next_one_works(worker: WorkerProcess) -> None:
    with pytest.raises(BrokenProcessPool):
        worker.submit(os.abort).result()
    assert worker.submit(os.getpid).result() > 0


def numpy_libraries() -> list[dict[str, Any]]:
    """Called in a worker, which has imported NumPy by reading this file."""
    np.zeros(1)
    return threadpool_info()


def test_its_numpy_keeps_to_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    process = WorkerProcess(recycle=3, confinement=Confinement())
    try:
        found = process.submit(numpy_libraries).result()
    finally:
        process.stop()
    assert [library["num_threads"] for library in found if library["user_api"] == "blas"] == [1]


def test_a_running_call_can_be_killed(worker: WorkerProcess) -> None:
    future = worker.submit(time.sleep, 600)
    assert worker.memory_bytes() > 0
    worker.kill()
    with pytest.raises(BrokenProcessPool):
        future.result(30)


def test_a_process_killed_while_idle_is_replaced(worker: WorkerProcess) -> None:
    pid = worker.submit(os.getpid).result()
    os.kill(pid, signal.SIGKILL)
    while worker.is_alive():  # a moment: the kernel is not done with it when kill() returns
        time.sleep(0.01)
    assert worker.submit(os.getpid).result() != pid


def test_an_error_of_the_call_is_the_callers(worker: WorkerProcess) -> None:
    with pytest.raises(ZeroDivisionError):
        worker.submit(divmod, 1, 0).result()
