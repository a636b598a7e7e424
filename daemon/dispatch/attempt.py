"""One attempt at one job: the task for its worker, and the watch over it while it runs."""

import logging
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from ...isolation.limits import CallLimits, CallWatch, Limit
from ...isolation.process import WorkerProcess
from ...stages.base import Subject
from ...storage.content import FileStamp
from ...storage.errors import LeaseLost
from ...storage.queue import Claim, Outcome, Queue
from ...storage.registry import DetectorFolder
from ...storage.times import iso
from ..home.config import Config, QueueSettings, WorkersSettings
from .worker import Progress, Task, read_progress

logger = logging.getLogger(__name__)


def limits_of(workers: WorkersSettings, queue: QueueSettings | None = None) -> CallLimits:
    """What one job may take; without a queue nobody waits for signs of life."""
    limits = CallLimits(
        time=Limit(workers.job_seconds, "s", "workers.job_seconds"),
        memory=Limit(workers.memory_mb, "MB", "workers.memory_mb"),
    )
    if queue is None:
        return limits
    silence = Limit(queue.lease, "s", "queue.lease")
    return CallLimits(limits.time, limits.memory, silence)


def make_task(
    video: Path,
    stamp: FileStamp | None,
    work: Path,
    subject: Subject,
    config: Config,
    detector: DetectorFolder,
) -> Task:
    """The task for a worker. Its progress file lies beside `work`, the folder that it fills."""
    return Task(
        video=video,
        stamp=stamp,
        work=work,
        progress=work.with_suffix(".progress"),
        subject=subject,
        settings=config.for_stages(),
        detector=detector.path,
        bundled=detector.bundled,
        detector_sha256=detector.sha256,
    )


def subject_of(claim: Claim) -> Subject:
    """The video of a claimed job, whose attempt begins now."""
    return Subject(
        name=claim.name,
        sha256=claim.sha256,
        bytes=claim.bytes,
        received_at=iso(claim.received_at),
        started_at=iso(time.time()),
        job=claim.job,
        attempts=claim.attempt,
    )


@dataclass(slots=True)
class Attempt:
    """One attempt in one worker, which runs from the moment that this object is made."""

    worker: WorkerProcess
    claim: Claim
    task: Task
    future: "Future[Outcome]"
    config: Config
    killed: str | None = None  # why we ended it
    _watch: CallWatch = field(init=False)
    _next_beat: float = field(init=False)  # monotonic seconds

    def __post_init__(self) -> None:
        self._next_beat = time.monotonic() + self.config.queue.heartbeat
        self._watch = CallWatch(self.worker, limits_of(self.config.workers, self.config.queue))

    def look(self, queue: Queue, config: Config) -> None:
        """Kill the worker when it passed a limit of the present settings, else renew the lease.

        A worker that fell silent gets no more time: its lease is left to run out.
        """
        if self.killed:
            return
        self._watch.limits = limits_of(config.workers, config.queue)
        beat = config.queue.heartbeat
        if exceeded := self._watch.exceeded():
            self._kill(exceeded)
        elif time.monotonic() >= self._next_beat and self._watch.silent_s < beat:
            self._next_beat = time.monotonic() + beat
            self._renew_lease(queue, config.queue.lease)

    def _renew_lease(self, queue: Queue, lease_s: float) -> None:
        progress = read_progress(self.task.progress) or Progress()
        try:
            queue.heartbeat(self.claim, lease_s, progress.stage, progress.percent)
        except LeaseLost:
            self._kill("the job was cancelled, or its lease was lost")

    def _kill(self, why: str) -> None:
        logger.warning("job %s: its worker is ended: %s", self.claim.job, why)
        self.killed = why
        self.worker.kill()
