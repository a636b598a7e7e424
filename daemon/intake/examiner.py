"""Has files opened and hashed in a process of its own, several at a time, within a time limit."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from ...isolation.limits import CallLimits, CallWatch, Limit
from ...isolation.process import WorkerProcess
from ...isolation.sandbox.confinement import Confinement
from ...storage.content import FileStamp, file_name
from ...storage.text import printable
from ..home.config import WorkersSettings
from .identify import Examined, examine_all, fingerprint_all, require_answers

logger = logging.getLogger(__name__)

CALLS = 500  # then a fresh process, so that no leak of a decoder library adds up
OPEN_LIMIT_S = 60.0  # for opening what is in a batch,
SLOWEST_BYTES_S = 5_000_000  # and reading it at this rate: a network share may be slow

Seen = tuple[Path, FileStamp]  # a file as it was when it was found complete
Call = Callable[[Sequence[Path]], list[Examined]]


@dataclass(slots=True)
class ExaminerBatch:
    """What the process has before it now."""

    seen: list[Seen]
    call: Call
    future: "Future[list[Examined]]"
    watch: CallWatch


class Examiner:
    """One process and what it looks at. All of it runs in the caller's thread.

    A file that ends the process, or holds it up beyond the limit, is found by looking at each of
    its batch alone; it is then hashed without being opened, and if even that fails, the result
    is an OSError. `on_done` is called, from any thread, when there is something to collect.
    """

    def __init__(self, on_done: Callable[[], None]) -> None:
        self._on_done = on_done
        self._process = WorkerProcess(CALLS, Confinement())
        self._batch: ExaminerBatch | None = None
        self._alone: list[Seen] = []  # of a batch that ended the process

    def configure(self, confinement: Confinement, limits: WorkersSettings) -> None:
        """Before the first batch, and when the settings have changed."""
        self._process.confinement, self._limits = confinement, limits

    @property
    def is_free(self) -> bool:
        """Whether it takes a batch."""
        return self._batch is None

    def submit(self, seen: Sequence[Seen]) -> None:
        """Look at these; `is_free` must be true."""
        self._start(list(seen), examine_all)

    def collect(self) -> list[tuple[Path, FileStamp, Examined]]:
        """What was found since the last call. Never blocks."""
        if self._batch is None:
            return []
        if not self._batch.future.done():
            if exceeded := self._batch.watch.exceeded():
                logger.debug("the process that opens files is ended: %s", exceeded)
                self._process.kill()
            return []
        batch, self._batch = self._batch, None
        found = self._found(batch)
        if self._batch is None and self._alone:
            self._start([self._alone.pop(0)], examine_all)
        return found

    def next_moment(self) -> float | None:
        """When the limit of the present batch is over, by the monotonic clock."""
        return None if self._batch is None else self._batch.watch.ends_at

    def stop(self) -> None:
        """End the process."""
        self._process.stop()

    def _start(self, seen: list[Seen], call: Call) -> None:
        future = self._process.submit(call, [path for path, _ in seen])
        future.add_done_callback(lambda _future: self._on_done())
        # To hash is no decoding: a file that used up the time for opening is still hashed.
        opening = min(OPEN_LIMIT_S, self._limits.job_seconds)
        limit = opening if call is examine_all else OPEN_LIMIT_S
        limit += sum(stamp.size for _, stamp in seen) / SLOWEST_BYTES_S
        memory = Limit(self._limits.memory_mb, "MB", "workers.memory_mb")
        limits = CallLimits(time=Limit(limit, "s"), memory=memory)
        self._batch = ExaminerBatch(seen, call, future, CallWatch(self._process, limits))

    def _found(self, batch: ExaminerBatch) -> list[tuple[Path, FileStamp, Examined]]:
        try:
            answers = require_answers(batch.future.result(), len(batch.seen))
        # It may have died, or been taken over by what it read: then it says anything.
        except Exception as error:
            logger.debug("the process that opens files failed", exc_info=error)
            return self._after_a_crash(batch)
        return [(path, stamp, a) for (path, stamp), a in zip(batch.seen, answers, strict=True)]

    def _after_a_crash(self, batch: ExaminerBatch) -> list[tuple[Path, FileStamp, Examined]]:
        if len(batch.seen) > 1:
            self._alone = batch.seen
        elif batch.call is examine_all:
            # A container that kills its reader is for the queue, whose attempts are counted.
            name = printable(file_name(batch.seen[0][0]))
            logger.warning("%s ended the process that opened it", name)
            self._start(batch.seen, fingerprint_all)
        else:
            path, stamp = batch.seen[0]
            return [(path, stamp, OSError("the process that reads it dies, or is too slow"))]
        return []
