"""Gives claimed jobs to workers, and reports to the queue what came of them."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from ...isolation.process import WorkerProcess
from ...storage.content import FileStamp
from ...storage.errors import DatabaseLost, DetectorError, LeaseLost, UserError
from ...storage.queue import Claim, Queue
from ...storage.registry import DetectorFolder, Registry
from ..home.config import Config
from ..publishing.names import folder_name
from ..publishing.publisher import attempt_folder, clear_attempt
from .attempt import Attempt, make_task, subject_of
from .circuit_breaker import CircuitBreaker
from .free_space import space_shortage
from .outcomes import in_words, require_outcome, require_record
from .pool import WorkerPool
from .worker import VideoChanged

logger = logging.getLogger(__name__)

IDLE_LOOK_S = 1.0  # between looks for jobs that another process put back into the queue


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
        self._on_event = on_event
        self._on_verdict = on_verdict
        self._on_changed = on_changed
        self._is_away = is_away
        self._pool = WorkerPool(work, registry.folder, config, readable)
        self._breaker = CircuitBreaker(self._probe, self._describe_probe)
        self._attempts: dict[WorkerProcess, Attempt] = {}
        self._next_look = 0.0
        self._shortage: str | None = None  # of disk space, in words
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Take over changed settings; jobs that run now keep theirs."""
        self._config = config
        self._queue.max_attempts = config.queue.max_attempts
        self._queue.backoff_s = config.queue.backoff
        self._pool.configure(config)

    @property
    def trouble(self) -> str | None:
        """Why no job can run at present."""
        return self._breaker.reason

    def warm_up(self) -> None:
        """Load the detector in every worker. Raises `UserError` when no job could ever run."""
        detector = self._registry.active()
        detector.verify()
        self._pool.warm_up(detector)

    def tick(self, *, accepting: bool) -> None:
        """Do what is due now. Never blocks."""
        for attempt in list(self._attempts.values()):
            if attempt.future.done():
                self._end(attempt)
            else:
                attempt.look(self._queue, self._config)
        self._pool.retire_surplus(self._attempts)
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + IDLE_LOOK_S
            self._queue.reclaim(held=[each.claim.token for each in self._attempts.values()])
        if accepting and not self._is_short_of_space():
            self._start_attempts()

    def running(self) -> int:
        """How many jobs run now."""
        return len(self._attempts)

    def stop(self) -> None:
        """Kill what runs, and give it back to the queue untouched."""
        for worker in self._attempts:
            worker.kill()  # all, before a database that fails ends this
        for worker, attempt in list(self._attempts.items()):
            self._release(attempt.claim, "the service stopped")
            del self._attempts[worker]
        self._pool.stop()

    # -- starting ----------------------------------------------------------------------------

    def _start_attempts(self) -> None:
        if not self._breaker.is_closed():
            return
        for worker in self._pool.idle(self._attempts):
            claim = self._queue.claim(self._config.queue.lease)
            if claim is None:
                return
            self._start(worker, claim)

    def _start(self, worker: WorkerProcess, claim: Claim) -> None:
        try:
            detector = self._detector_for(claim)
        except DetectorError as error:
            if claim.detector is None:
                self._breaker.open(error)
                self._queue.release(claim, str(error))
                return
            self._queue.fail(claim, str(error))  # the detector of this rerun is gone
            return
        self._pool.let_read(claim.source.parent)
        work = attempt_folder(self._work, claim.job, claim.token)
        task = make_task(claim.source, claim.stamp, work, subject_of(claim), self._config, detector)
        future = self._pool.run(worker, detector, task)
        self._attempts[worker] = Attempt(worker, claim, task, future, self._config)
        future.add_done_callback(lambda _future: self._on_event())

    def _detector_for(self, claim: Claim) -> DetectorFolder:
        registry, name = self._registry, claim.detector
        return registry.get(name) if name else registry.active()

    def _probe(self) -> "Future[int] | None":
        idle = self._pool.idle(self._attempts)
        if not idle:
            return None
        probing = self._pool.probe(idle[0], self._registry.active())
        probing.add_done_callback(lambda _future: self._on_event())
        return probing

    def _describe_probe(self, error: BaseException) -> str:
        return in_words(self._pool.cause(error), self._config.workers)

    # -- ending ------------------------------------------------------------------------------

    def _end(self, attempt: Attempt) -> None:
        self._next_look = 0.0
        try:
            self._conclude(attempt)
        except LeaseLost:
            logger.info("job %s: the result of a lost lease is dropped", attempt.claim.job)
            clear_attempt(attempt.task.work)
        # Not before the queue knows: when the database is lost, the next tick tells it.
        del self._attempts[attempt.worker]
        attempt.task.progress.unlink(missing_ok=True)

    def _conclude(self, attempt: Attempt) -> None:
        claim = attempt.claim
        try:
            outcome = require_outcome(attempt.future.result())
            require_record(attempt.task.work, claim, outcome)
        # Whatever a stage raises costs this attempt, and nothing else.
        except Exception as error:  # noqa: BLE001
            clear_attempt(attempt.task.work)
            self._conclude_error(attempt, error)
            return
        self._queue.begin_publishing(claim, outcome, folder_name(claim.name, claim.job))
        self._breaker.succeeded(claim.job)
        self._on_verdict()

    def _conclude_error(self, attempt: Attempt, error: Exception) -> None:
        claim = attempt.claim
        if self._is_short_of_space():
            why = in_words(error, self._config.workers)
            self._release(claim, f"{self._shortage} ({why})")
        elif isinstance(error, VideoChanged | OSError) and self._is_away(claim.source):
            self._release(claim, "its inbox is away", self._config.inbox.rescan)
        elif self._is_of_the_set_up(claim, error):
            self._breaker.open(self._pool.cause(error), claim.job)
            self._release(claim, str(error))
        else:
            self._fail(attempt, error)

    def _is_of_the_set_up(self, claim: Claim, error: Exception) -> bool:
        is_about_all = isinstance(error, UserError) and claim.detector is None
        return is_about_all and self._breaker.believes(claim.job)

    def _fail(self, attempt: Attempt, error: BaseException) -> None:
        claim = attempt.claim
        logger.warning("job %s: attempt %d failed", claim.job, claim.attempt)
        logger.debug("job %s", claim.job, exc_info=error)
        self._queue.fail(claim, attempt.killed or in_words(error, self._config.workers))
        if isinstance(error, VideoChanged):
            self._on_changed(claim.source, claim.stamp)
        self._on_verdict()

    def _release(self, claim: Claim, why: str, delay_s: float = 0.0) -> None:
        try:
            self._queue.release(claim, why, delay_s)
        except LeaseLost:
            logger.info("job %s was taken away before it could be given back", claim.job)
        except DatabaseLost as error:
            logger.error("job %s: its lease must run out: %s", claim.job, error)  # noqa: TRY400

    def _is_short_of_space(self) -> bool:
        """On a full disk an attempt says nothing of its video: it would use up every attempt."""
        before, self._shortage = self._shortage, space_shortage(self._work)
        if self._shortage and before is None:
            logger.error("%s", self._shortage)
        return self._shortage is not None
