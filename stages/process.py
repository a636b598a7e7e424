"""A worker process that can be killed, behind the shape of an Executor.

Each worker is a `ProcessPoolExecutor` of one process: a shared pool breaks as a whole when one of
its processes dies, and a hostile video will make one die. A limit ends a running call by killing
the process; the next call starts a new one.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import psutil

T = TypeVar("T")

START_PATIENCE_S = 60.0
PARENT_POLL_S = 1.0


class WorkerProcess:
    """One process at a time, spawned when first needed.

    Args:
        recycle: calls after which the process is replaced by a fresh one.
    """

    def __init__(self, recycle: int) -> None:
        self._recycle = recycle
        self._calls = 0
        self._executor: ProcessPoolExecutor | None = None
        self._pid: int | None = None

    def submit(self, call: Callable[..., T], *args: object) -> "Future[T]":
        """Run `call(*args)` in the process. One call at a time: wait for the future first.

        The future raises `BrokenProcessPool` when the process died in mid-call.
        """
        if self._executor is not None and (self._calls >= self._recycle or not self.is_alive()):
            self.stop()
        self._calls += 1
        try:
            return self._running().submit(call, *args)
        except BrokenProcessPool:  # it died after the look and before the call
            self.stop()
            return self._running().submit(call, *args)

    def is_alive(self) -> bool:
        """Whether there is a process now."""
        if self._pid is None:
            return False
        try:
            # A killed process stays in the table as a zombie until the executor waits for it.
            return psutil.Process(self._pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def memory_bytes(self) -> int:
        """What the process holds in memory now; 0 without a process."""
        if self._pid is None:
            return 0
        try:
            return int(psutil.Process(self._pid).memory_info().rss)
        except psutil.NoSuchProcess:
            return 0

    def kill(self) -> None:
        """End the process at once, whatever it does; its future raises `BrokenProcessPool`."""
        if self._pid is None:
            return
        try:
            os.kill(self._pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def stop(self) -> None:
        """Have no process any more."""
        self.kill()
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
        self._executor, self._pid, self._calls = None, None, 0

    def _running(self) -> ProcessPoolExecutor:
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                max_workers=1,
                # A forked child would inherit the service's locks in whatever state they are.
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_prepare,
            )
            self._pid = self._executor.submit(os.getpid).result(START_PATIENCE_S)
        return self._executor


def _prepare() -> None:
    """First thing in a new worker: leave signals to the service, and don't outlive it."""
    # Read when NumPy is imported, which is later. The head's small products gain nothing from more
    # threads, and wait for them for a tenth of a second each where the other cores are busy.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = os.getppid()
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_S)
    os.kill(os.getpid(), signal.SIGKILL)
