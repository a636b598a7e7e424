"""Tasks over several worker processes, none of which a hostile file can take down for good."""

import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from ...isolation.limits import CallLimits, Limit, wait_within
from ...isolation.process import WorkerProcess
from ...isolation.sandbox.confinement import Confinement

RECYCLE = 10_000  # calls a process
MEMORY_MB = 4096  # of one task's process: the default of `workers.memory_mb`, for files like those
DIED = "it ended the process that read it"

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Ended(Generic[T, R]):
    """One task's end: its result, or why its process was lost, or what it raised."""

    task: T
    result: R | None = None
    lost: str = ""
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Where the tasks of one step read and write."""

    read: tuple[Path, ...]
    write: tuple[Path, ...] = ()

    def confine(self, limit_s: float) -> Confinement:
        """What a worker may do there. Its memory is watched from outside alone: what a library
        keeps in hand, and does not use, is no reason to lose a file."""
        cpu_seconds = limit_s * (os.cpu_count() or 1)
        return Confinement(read=self.read, write=self.write, cpu_seconds=cpu_seconds)


def folders_of(root: Path, files: Iterable[str]) -> tuple[Path, ...]:
    """A data set's folder, and those that links lead to from it."""
    base = os.path.realpath(root)
    found = {os.path.dirname(os.path.realpath(root / file)) for file in files}  # noqa: PTH120
    return (root, *(Path(path) for path in found if not Path(path).is_relative_to(base)))


def run_tasks(
    call: Callable[[T], R], tasks: Sequence[T], workers: int, limit_s: float, places: Places
) -> Iterator[Ended[T, R]]:
    """Run `call` on every task, `workers` at a time, and yield them as they end.

    Each process holds one task: when it dies, or is killed because it took more than `limit_s`
    seconds or `MEMORY_MB`, that task alone is lost. What a call raises is raised here. It reads and
    writes at `places` only.
    """
    waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
    ended: queue.SimpleQueue[Ended[T, R]] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    stop = threading.Event()
    threads = [
        threading.Thread(
            target=_work, args=(call, waiting, ended, limit_s, places, stop), daemon=True
        )
        for _ in range(min(workers, len(tasks)))
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in tasks:
            end = ended.get()
            if end.error is not None:
                raise end.error
            yield end
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _work(
    call: Callable[[T], R],
    waiting: "queue.SimpleQueue[T]",
    ended: "queue.SimpleQueue[Ended[T, R]]",
    limit_s: float,
    places: Places,
    stop: threading.Event,
) -> None:
    process = WorkerProcess(RECYCLE, places.confine(limit_s))
    try:
        while not stop.is_set():
            try:
                task = waiting.get_nowait()
            except queue.Empty:
                return
            ended.put(_run(process, call, task, limit_s))
    finally:
        process.stop()


def _run(process: WorkerProcess, call: Callable[[T], R], task: T, limit_s: float) -> Ended[T, R]:
    future = process.submit(call, task)
    limits = CallLimits(Limit(limit_s, "seconds"), Limit(MEMORY_MB, "MB"))
    exceeded = wait_within(limits, process, future)
    try:
        return Ended(task, result=future.result())
    except BrokenProcessPool:
        process.stop()
        return Ended(task, lost=exceeded or DIED)
    # The thread must hand over whatever it is, or its reader would wait for ever.
    except BaseException as error:  # noqa: BLE001
        return Ended(task, error=error)
