"""Gives claimed jobs to worker processes and answers for them to the queue."""

import logging
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from ...isolation.process import WorkerProcess
from ...isolation.sandbox.confinement import Confinement
from ...stages.base import Subject
from ...stages.networks.devices import is_shared
from ...storage.content import FileStamp
from ...storage.errors import (
    DatabaseLost,
    DetectorError,
    LeaseLost,
    NetworkLost,
    UserError,
    WorkerError,
)
from ...storage.queue import Claim, Outcome, Queue
from ...storage.registry import DetectorFolder, Registry
from ...storage.times import iso
from ..home.config import Config
from ..publishing.names import folder_name
from ..publishing.publisher import attempt_folder, clear_attempt
from .confining import confine_worker
from .free_space import space_shortage
from .networks import Networks
from .outcomes import in_words, require_outcome, require_record
from .worker import Progress, Task, VideoChanged, read_progress, run_task, warm_up

logger = logging.getLogger(__name__)

IDLE_LOOK_S = 1.0  # between looks for jobs that another process put back into the queue
BLOCKED_S = 10.0  # before the next try, when no job can run whatever the video
WARM_UP_S = 120.0
# Counts towards a worker's silence, however long ago the last look was: when the service itself
# was stopped, or waited for its database, nobody listened.
LONGEST_LOOK_S = 2.0


@dataclass(slots=True)
class Attempt:
    """One attempt in one worker."""

    claim: Claim
    task: Task
    future: "Future[Outcome]"
    began: float  # monotonic seconds
    next_beat: float
    looked: float  # monotonic seconds
    signs: int  # of life, that the worker had given when it was looked at
    silent: float = 0.0  # seconds since it gave one
    killed: str | None = None  # why we ended it


class Dispatcher:
    """Keeps every worker busy while there are jobs. All of it runs in the caller's thread.

    `on_changed` is called with a file, and the stamp under which it was accepted, that was found
    to be another one; `is_away` says of a file that can't be read whether it will come back, so
    that no attempt is used up.
    """

    def __init__(
        self,
        queue: Queue,
        registry: Registry,
        work: Path,
        config: Config,
        *,
        readable: Sequence[Path],
        on_event: Callable[[], None],
        on_verdict: Callable[[], None],
        on_changed: Callable[[Path, FileStamp], None],
        is_away: Callable[[Path], bool],
    ) -> None:
        self._queue = queue
        self._registry = registry
        self._work = work
        self._readable = [*readable]
        self._on_event = on_event
        self._on_verdict = on_verdict
        self._on_changed = on_changed
        self._is_away = is_away
        self._workers: list[WorkerProcess] = []
        self._networks = Networks(private=[work.parent])
        self._runs: dict[WorkerProcess, Attempt] = {}
        self._next_look = 0.0
        self.lack: str | None = None  # of room on the disk, in words
        self.trouble: str | None = None  # why no job can run at present
        self._next_proof = 0.0  # when a fresh worker is asked whether that is still so
        self._proof: Future[int] | None = None
        self._blockers: set[str] = set()  # jobs whose worker said so
        self._suspects: set[str] = set()  # of them, those that said so where all was well
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Take over changed settings; jobs that run now keep theirs."""
        self._config = config
        self._queue.max_attempts = config.queue.max_attempts
        self._queue.backoff_s = config.queue.backoff
        while len(self._workers) < config.workers.count:
            confinement = self._confine(self._registry.folder)
            self._workers.append(WorkerProcess(config.workers.recycle, confinement))

    def _confine(self, detector: Path) -> Confinement:
        """What a worker may do that judges by this detector, which may be a link to elsewhere."""
        elsewhere = [detector] if detector.is_symlink() else []
        read = (*self._readable, self._registry.folder, *elsewhere)
        return confine_worker(
            self._config,
            read,
            self._work,
            private=[self._work.parent],
            shares=is_shared(self._config.features),
        )

    def _prepare(self, worker: WorkerProcess, detector: DetectorFolder) -> None:
        """Have the worker's process, now or with its next call, be one for this detector."""
        worker.confinement = self._confine(detector.path)
        places = (self._registry.folder, detector.path)
        worker.handle_source = self._networks.of(detector, self._config, places)

    def _let_read(self, folder: Path) -> None:
        """A video may have come in through the inbox of another service on the same database."""
        if not any(folder.is_relative_to(place) for place in self._readable):
            self._readable.append(folder)

    def warm_up(self) -> None:
        """Load the detector in every worker. Raises `UserError` when no job could ever run."""
        detector = self._registry.active()
        detector.verify()
        settings = self._config.for_stages()
        for worker in self._workers:
            self._prepare(worker, detector)
        try:
            futures = [
                worker.submit(warm_up, detector.path, detector.bundled, settings)
                for worker in self._workers
            ]
            for future in futures:
                future.result(WARM_UP_S)
            self._tell_missing()
        except NetworkLost as error:
            raise self._networks.cause(error) from error
        except (BrokenProcessPool, TimeoutError) as error:
            raise WorkerError(
                "a worker process died or hung before its first job; is there enough memory, and "
                f"may this user run {sys.executable}? `ddaemon check VIDEO` shows more"
            ) from error

    def _tell_missing(self) -> None:
        missing = self._workers[0].missing()
        if self._config.workers.sandbox == "off":
            logger.warning("workers are not shut in (workers.sandbox is off)")
        elif missing:
            logger.warning("workers are shut in but for: %s", "; ".join(missing))

    def tick(self, *, accepting: bool) -> None:
        """Do what is due now. Never blocks."""
        now = time.monotonic()
        for worker, run in list(self._runs.items()):
            if run.future.done():
                self._end(worker, run)
            else:
                self._watch(worker, run, now)
        self._retire_surplus()
        self._networks.keep(worker.handle_source for worker in self._workers)
        if now >= self._next_look:
            self._next_look = now + IDLE_LOOK_S
            self._queue.reclaim(held=[run.claim.token for run in self._runs.values()])
        if accepting and not self._has_no_room():
            self._start_runs(now)

    def running(self) -> int:
        """How many jobs run now."""
        return len(self._runs)

    def stop(self) -> None:
        """Kill what runs, and give it back to the queue untouched."""
        for worker in self._runs:
            worker.kill()  # all, before a database that fails ends this
        for worker, run in list(self._runs.items()):
            self._release(run, "the service stopped")
            del self._runs[worker]
        for worker in self._workers:
            worker.stop()
        self._networks.stop()

    # -- one attempt -------------------------------------------------------------------------

    def _start_runs(self, now: float) -> None:
        if self.trouble and not self._is_mended(now):
            return
        for worker in self._workers[: self._config.workers.count]:
            if worker in self._runs:
                continue
            claim = self._queue.claim(self._config.queue.lease)
            if claim is None:
                return
            self._start(worker, claim, now)

    def _start(self, worker: WorkerProcess, claim: Claim, now: float) -> None:
        try:
            detector = self._judge_of(claim)
        except DetectorError as error:
            if claim.detector is None:
                self._block(error)
                self._queue.release(claim, str(error))
                return
            self._queue.fail(claim, str(error))  # the detector of this rerun is gone
            return
        self._let_read(claim.source.parent)
        task = self._task(claim, detector)
        self._prepare(worker, detector)
        future = worker.submit(run_task, task)
        beat = now + self._config.queue.heartbeat
        self._runs[worker] = Attempt(claim, task, future, now, beat, now, worker.signs())
        future.add_done_callback(lambda _future: self._on_event())

    def _judge_of(self, claim: Claim) -> DetectorFolder:
        registry, name = self._registry, claim.detector
        return registry.get(name) if name else registry.active()

    def _task(self, claim: Claim, detector: DetectorFolder) -> Task:
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
            detector_sha256=detector.sha256,
        )

    def _watch(self, worker: WorkerProcess, run: Attempt, now: float) -> None:
        if run.killed:
            return
        self._listen(worker, run, now)
        limit = self._limit_passed(worker, run, now)
        if limit:
            self._kill(worker, run, limit)
        elif now >= run.next_beat and run.silent < self._config.queue.heartbeat:
            run.next_beat = now + self._config.queue.heartbeat
            self._beat(worker, run)

    def _listen(self, worker: WorkerProcess, run: Attempt, now: float) -> None:
        signs = worker.signs()
        if signs != run.signs:
            run.signs, run.silent = signs, 0.0
        else:
            run.silent += min(now - run.looked, LONGEST_LOOK_S)
        run.looked = now

    def _limit_passed(self, worker: WorkerProcess, run: Attempt, now: float) -> str | None:
        limits, lease = self._config.workers, self._config.queue.lease
        if run.silent > lease:
            return f"its worker gave no sign of life for queue.lease ({lease:g} s)"
        if now - run.began > limits.job_seconds:
            return f"it took longer than workers.job_seconds ({limits.job_seconds:g} s)"
        if worker.memory_bytes() > limits.memory_mb * 1_000_000:
            return f"it took more memory than workers.memory_mb ({limits.memory_mb} MB)"
        return None

    def _beat(self, worker: WorkerProcess, run: Attempt) -> None:
        said = read_progress(run.task.progress) or Progress()
        try:
            self._queue.heartbeat(run.claim, self._config.queue.lease, said.stage, said.percent)
        except LeaseLost:
            self._kill(worker, run, "the job was cancelled, or its lease was lost")

    def _kill(self, worker: WorkerProcess, run: Attempt, why: str) -> None:
        logger.warning("job %s: its worker is ended: %s", run.claim.job, why)
        run.killed = why
        worker.kill()

    def _end(self, worker: WorkerProcess, run: Attempt) -> None:
        self._next_look = 0.0
        try:
            self._conclude(run)
        except LeaseLost:
            logger.info("job %s: the result of a lost lease is dropped", run.claim.job)
            clear_attempt(run.task.work)
        # Not before the queue knows: when the database is lost, the next tick tells it.
        del self._runs[worker]
        run.task.progress.unlink(missing_ok=True)

    def _conclude(self, run: Attempt) -> None:
        try:
            outcome = require_outcome(run.future.result())
            require_record(run.task.work, run.claim, outcome)
        # Whatever a stage raises costs this attempt, and nothing else.
        except Exception as error:  # noqa: BLE001
            clear_attempt(run.task.work)
            if self._has_no_room():
                why = in_words(error, self._config.workers)
                self._release(run, f"{self.lack} ({why})")
            elif isinstance(error, VideoChanged | OSError) and self._is_away(run.claim.source):
                self._release(run, "its inbox is away", self._config.inbox.rescan)
            elif self._is_of_the_set_up(run, error):
                self._blockers.add(run.claim.job)
                self._block(self._networks.cause(error))
                self._release(run, str(error))
            else:
                self._fail(run, error)
            return
        folder = folder_name(run.claim.name, run.claim.job)
        self._queue.begin_publishing(run.claim, outcome, folder)
        self._suspects.discard(run.claim.job)
        self._clear()
        self._on_verdict()

    def _fail(self, run: Attempt, error: BaseException) -> None:
        logger.warning("job %s: attempt %d failed", run.claim.job, run.claim.attempt)
        logger.debug("job %s", run.claim.job, exc_info=error)
        self._queue.fail(run.claim, run.killed or in_words(error, self._config.workers))
        if isinstance(error, VideoChanged):
            self._on_changed(run.claim.source, run.claim.stamp)
        self._on_verdict()

    def _is_of_the_set_up(self, run: Attempt, error: Exception) -> bool:
        """A worker's word, which is believed once: what a video took over may say so each time."""
        is_suspect = run.claim.job in self._suspects
        return isinstance(error, UserError) and run.claim.detector is None and not is_suspect

    def _block(self, error: BaseException) -> None:
        """The set-up is at fault, not the video: no attempt is used up."""
        self.trouble = str(error)
        self._next_proof = time.monotonic() + BLOCKED_S
        logger.error("no job can run: %s", error)

    def _has_no_room(self) -> bool:
        """On a full disk an attempt says nothing of its video: it would use up every attempt."""
        before, self.lack = self.lack, space_shortage(self._work)
        if self.lack and before is None:
            logger.error("%s", self.lack)
        return self.lack is not None

    def _release(self, run: Attempt, why: str, delay_s: float = 0.0) -> None:
        try:
            self._queue.release(run.claim, why, delay_s)
        except LeaseLost:
            logger.info("job %s was taken away before it could be given back", run.claim.job)
        except DatabaseLost as error:
            logger.error("job %s: its lease must run out: %s", run.claim.job, error)  # noqa: TRY400

    def _is_mended(self, now: float) -> bool:
        """Whether a fresh worker, that saw no video yet, finds no fault. Never blocks."""
        if self._proof is None:
            idle = [worker for worker in self._workers if worker not in self._runs]
            if now >= self._next_proof and idle:
                self._ask_for_proof(idle[0])
            return False
        if not self._proof.done():
            return False
        error, self._proof = self._proof.exception(), None
        if error is not None:
            self.trouble = in_words(self._networks.cause(error), self._config.workers)
            self._next_proof = now + BLOCKED_S
            return False
        self._clear()
        return True

    def _ask_for_proof(self, worker: WorkerProcess) -> None:
        try:
            detector = self._registry.active()
        except DetectorError as error:
            self._block(error)
            return
        worker.stop()
        self._prepare(worker, detector)
        settings = self._config.for_stages()
        self._proof = worker.submit(warm_up, detector.path, detector.bundled, settings)
        self._proof.add_done_callback(lambda _future: self._on_event())

    def _clear(self) -> None:
        """All is well with the set-up."""
        self.trouble = None
        self._suspects |= self._blockers
        self._blockers.clear()

    def _retire_surplus(self) -> None:
        for worker in self._workers[self._config.workers.count :]:
            if worker not in self._runs:
                worker.stop()
                self._workers.remove(worker)
