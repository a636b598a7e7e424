"""Gives claimed jobs to worker processes and answers for them to the queue."""

import logging
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from ..stages.base import Subject
from ..stages.process import WorkerProcess
from ..storage.content import FileStamp
from ..storage.errors import DetectorError, LeaseLost, UserError, WorkerError
from ..storage.queue import Claim, Outcome, Queue
from ..storage.registry import Registry
from ..storage.times import iso
from .config import Config
from .names import folder_name
from .publisher import attempt_folder
from .worker import Progress, Task, VideoChanged, read_progress, run_task, warm_up

logger = logging.getLogger(__name__)

IDLE_LOOK_S = 1.0  # between looks for jobs that another process put back into the queue
BLOCKED_S = 10.0  # before the next try, when no job can run whatever the video
WARM_UP_S = 120.0


@dataclass(slots=True)
class Run:
    """One attempt in one worker."""

    claim: Claim
    task: Task
    future: "Future[Outcome]"
    began: float  # monotonic seconds
    next_beat: float
    killed: str | None = None  # why we ended it


class Dispatcher:
    """Keeps every worker busy while there are jobs. All of it runs in the caller's thread.

    `on_changed` is called with a file, and the stamp under which it was accepted, that was found
    to be another one; `is_away` says
    of a file that can't be read whether it will come back, so that no attempt is used up.
    """

    def __init__(
        self,
        queue: Queue,
        registry: Registry,
        work: Path,
        config: Config,
        *,
        on_event: Callable[[], None],
        on_verdict: Callable[[], None],
        on_changed: Callable[[Path, FileStamp], None],
        is_away: Callable[[Path], bool],
    ) -> None:
        self._queue = queue
        self._registry = registry
        self._work = work
        self._on_event = on_event
        self._on_verdict = on_verdict
        self._on_changed = on_changed
        self._is_away = is_away
        self._workers: list[WorkerProcess] = []
        self._runs: dict[WorkerProcess, Run] = {}
        self._next_look = 0.0
        self.trouble: str | None = None  # why no job can run at present
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Take over changed settings; jobs that run now keep theirs."""
        self._config = config
        self._queue.max_attempts = config.queue.max_attempts
        self._queue.backoff_s = config.queue.backoff
        while len(self._workers) < config.workers.count:
            self._workers.append(WorkerProcess(config.workers.recycle))

    def warm_up(self) -> None:
        """Load the detector in every worker. Raises `UserError` when no job could ever run."""
        detector = self._registry.active()
        detector.verify()
        settings = self._config.for_stages()
        try:
            futures = [
                worker.submit(warm_up, detector.path, detector.bundled, settings)
                for worker in self._workers
            ]
            for future in futures:
                future.result(WARM_UP_S)
        except (BrokenProcessPool, TimeoutError) as error:
            raise WorkerError(
                "a worker process died or hung before its first job; is there enough memory, and "
                f"may this user run {sys.executable}? `ddaemon check VIDEO` shows more"
            ) from error

    def tick(self, *, accepting: bool) -> None:
        """Do what is due now. Never blocks."""
        now = time.monotonic()
        for worker, run in list(self._runs.items()):
            if run.future.done():
                self._end(worker, run)
            else:
                self._watch(worker, run, now)
        self._retire_surplus()
        if now >= self._next_look:
            self._next_look = now + IDLE_LOOK_S
            self._queue.reclaim(held=[run.claim.token for run in self._runs.values()])
        if accepting:
            self._start_runs(now)

    def running(self) -> int:
        """How many jobs run now."""
        return len(self._runs)

    def stop(self) -> None:
        """Kill what runs, and give it back to the queue untouched."""
        for worker, run in list(self._runs.items()):
            worker.kill()
            self._release(run, "the service stopped")
            del self._runs[worker]
        for worker in self._workers:
            worker.stop()

    # -- one attempt -------------------------------------------------------------------------

    def _start_runs(self, now: float) -> None:
        for worker in self._workers[: self._config.workers.count]:
            if worker in self._runs or now < self._blocked_until():
                continue
            claim = self._queue.claim(self._config.queue.lease)
            if claim is None:
                return
            self._start(worker, claim, now)

    def _start(self, worker: WorkerProcess, claim: Claim, now: float) -> None:
        try:
            task = self._task(claim)
        except DetectorError as error:
            if claim.detector is None:
                raise
            self._queue.fail(claim, str(error))  # the detector of this rerun is gone
            return
        future = worker.submit(run_task, task)
        self._runs[worker] = Run(claim, task, future, now, now + self._config.queue.heartbeat)
        future.add_done_callback(lambda _future: self._on_event())

    def _task(self, claim: Claim) -> Task:
        registry, name = self._registry, claim.detector
        detector = registry.get(name) if name else registry.active()
        work = attempt_folder(self._work, claim.job, claim.token)
        return Task(
            video=claim.source,
            stamp=claim.stamp,
            work=work,
            progress=work.with_suffix(".progress"),
            subject=Subject(
                name=claim.name,
                sha256=claim.sha256,
                bytes=claim.bytes,
                received_at=iso(claim.received_at),
                started_at=iso(time.time()),
                job=claim.job,
                attempts=claim.attempt,
            ),
            settings=self._config.for_stages(),
            detector=detector.path,
            bundled=detector.bundled,
        )

    def _watch(self, worker: WorkerProcess, run: Run, now: float) -> None:
        if run.killed:
            return
        limit = self._limit_passed(worker, run, now)
        if limit:
            self._kill(worker, run, limit)
        elif now >= run.next_beat:
            run.next_beat = now + self._config.queue.heartbeat
            self._beat(worker, run)

    def _limit_passed(self, worker: WorkerProcess, run: Run, now: float) -> str | None:
        limits = self._config.workers
        if now - run.began > limits.job_seconds:
            return f"it took longer than workers.job_seconds ({limits.job_seconds:g} s)"
        if worker.memory_bytes() > limits.memory_mb * 1_000_000:
            return f"it took more memory than workers.memory_mb ({limits.memory_mb} MB)"
        return None

    def _beat(self, worker: WorkerProcess, run: Run) -> None:
        said = read_progress(run.task.progress) or Progress(0, None, 0.0)
        try:
            self._queue.heartbeat(run.claim, self._config.queue.lease, said.stage, said.percent)
        except LeaseLost:
            self._kill(worker, run, "the job was cancelled, or its lease was lost")

    def _kill(self, worker: WorkerProcess, run: Run, why: str) -> None:
        logger.warning("job %s: its worker is ended: %s", run.claim.job, why)
        run.killed = why
        worker.kill()

    def _end(self, worker: WorkerProcess, run: Run) -> None:
        del self._runs[worker]
        run.task.progress.unlink(missing_ok=True)
        self._next_look = 0.0
        try:
            self._conclude(run)
        except LeaseLost:
            logger.info("job %s: the result of a lost lease is dropped", run.claim.job)
            shutil.rmtree(run.task.work, ignore_errors=True)

    def _conclude(self, run: Run) -> None:
        error = run.future.exception()
        if error is None:
            folder = folder_name(run.claim.name, run.claim.job)
            self._queue.begin_publishing(run.claim, run.future.result(), folder)
            self.trouble = None
            self._on_verdict()
            return
        shutil.rmtree(run.task.work, ignore_errors=True)
        if isinstance(error, UserError) and run.claim.detector is None:
            self._block(run, error)
        elif isinstance(error, VideoChanged | OSError) and self._is_away(run.claim.source):
            self._release(run, "its inbox is away", self._config.inbox.rescan)
        else:
            self._fail(run, error)

    def _fail(self, run: Run, error: BaseException) -> None:
        logger.warning("job %s: attempt %d failed", run.claim.job, run.claim.attempt)
        logger.debug("job %s", run.claim.job, exc_info=error)
        self._queue.fail(run.claim, run.killed or _in_words(error))
        if isinstance(error, VideoChanged):
            self._on_changed(run.claim.source, run.claim.stamp)
        self._on_verdict()

    def _block(self, run: Run, error: UserError) -> None:
        """The set-up is at fault, not the video: no attempt is used up."""
        self.trouble = str(error)
        self._next_look = time.monotonic() + BLOCKED_S
        logger.error("no job can run: %s", error)
        self._release(run, str(error))

    def _release(self, run: Run, why: str, delay_s: float = 0.0) -> None:
        try:
            self._queue.release(run.claim, why, delay_s)
        except LeaseLost:
            logger.info("job %s was taken away before it could be given back", run.claim.job)

    def _blocked_until(self) -> float:
        return self._next_look if self.trouble else 0.0

    def _retire_surplus(self) -> None:
        for worker in self._workers[self._config.workers.count :]:
            if worker not in self._runs:
                worker.stop()
                self._workers.remove(worker)


def _in_words(error: BaseException) -> str:
    if isinstance(error, BrokenProcessPool):
        return "the worker process died (a crash of the decoder, or killed from outside)"
    return f"{type(error).__name__}: {error}"
