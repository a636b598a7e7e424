"""The worker processes of the service: how many there are, and what each may do."""

import logging
import sys
from collections.abc import Container, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from ...isolation.process import WorkerProcess
from ...isolation.sandbox.confinement import Confinement
from ...stages.networks.devices import is_shared
from ...storage.errors import NetworkLost, WorkerError
from ...storage.queue import Outcome
from ...storage.registry import DetectorFolder
from ..home.config import Config
from .confining import confine_worker
from .networks import Networks
from .worker import Task, run_task, warm_up

logger = logging.getLogger(__name__)

WARM_UP_S = 120.0


class WorkerPool:
    """Workers of one configuration, each with one job at a time.

    Args:
        work: the folder that workers write into, inside the home.
        detectors: the folder of the user's own detectors.
        readable: folders that videos lie in.
    """

    def __init__(
        self, work: Path, detectors: Path, config: Config, readable: Sequence[Path]
    ) -> None:
        self._work = work
        self._detectors = detectors
        self._readable = [*readable]
        self._workers: list[WorkerProcess] = []
        self._networks = Networks(private=[work.parent])
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Take over changed settings; jobs that run now keep theirs."""
        self._config = config
        while len(self._workers) < config.workers.count:
            confinement = self._confine(self._detectors)
            self._workers.append(WorkerProcess(config.workers.recycle, confinement))

    def idle(self, busy: Container[WorkerProcess]) -> list[WorkerProcess]:
        """The workers that may take a job: as many as are configured, without the busy ones."""
        usable = self._workers[: self._config.workers.count]
        return [worker for worker in usable if worker not in busy]

    def retire_surplus(self, busy: Container[WorkerProcess]) -> None:
        """Stop the workers, and the networks, that the present settings do not want."""
        for worker in self._workers[self._config.workers.count :]:
            if worker not in busy:
                worker.stop()
                self._workers.remove(worker)
        self._networks.keep(worker.handle_source for worker in self._workers)

    def let_read(self, folder: Path) -> None:
        """A video may have come in through the inbox of another service on the same database."""
        if not any(folder.is_relative_to(place) for place in self._readable):
            self._readable.append(folder)

    def run(self, worker: WorkerProcess, detector: DetectorFolder, task: Task) -> "Future[Outcome]":
        """Have an idle worker do a task with this detector."""
        self._prepare(worker, detector)
        return worker.submit(run_task, task)

    def probe(self, worker: WorkerProcess, detector: DetectorFolder) -> "Future[int]":
        """Load the detector in a fresh process that has seen no video; what it raises is a fault
        of the set-up."""
        worker.stop()
        self._prepare(worker, detector)
        return self._load(worker, detector)

    def warm_up(self, detector: DetectorFolder) -> None:
        """Load the detector in every worker. Raises `UserError` when no job could ever run."""
        for worker in self._workers:
            self._prepare(worker, detector)
        try:
            for future in [self._load(worker, detector) for worker in self._workers]:
                future.result(WARM_UP_S)
        except NetworkLost as error:
            raise self.cause(error) from error
        except (BrokenProcessPool, TimeoutError) as error:
            raise WorkerError(
                "a worker process died or hung before its first job; is there enough memory, and "
                f"may this user run {sys.executable}? `ddaemon check VIDEO` shows more"
            ) from error
        self._report_missing()

    def cause(self, error: BaseException) -> BaseException:
        """What is behind an error of a worker, which may be that of a shared network."""
        return self._networks.cause(error)

    def stop(self) -> None:
        """End every process."""
        for worker in self._workers:
            worker.stop()
        self._networks.stop()

    def _prepare(self, worker: WorkerProcess, detector: DetectorFolder) -> None:
        """Have the worker's process, now or with its next call, be one for this detector."""
        worker.confinement = self._confine(detector.path)
        folders = (self._detectors, detector.path)
        worker.handle_source = self._networks.of(detector, self._config, folders)

    def _load(self, worker: WorkerProcess, detector: DetectorFolder) -> "Future[int]":
        settings = self._config.for_stages()
        return worker.submit(warm_up, detector.path, detector.bundled, settings)

    def _confine(self, detector: Path) -> Confinement:
        """What a worker may do that judges by this detector, which may be a link to elsewhere."""
        elsewhere = [detector] if detector.is_symlink() else []
        return confine_worker(
            self._config,
            (*self._readable, self._detectors, *elsewhere),
            self._work,
            private=[self._work.parent],
            shares=is_shared(self._config.features),
        )

    def _report_missing(self) -> None:
        missing = self._workers[0].missing()
        if self._config.workers.sandbox == "off":
            logger.warning("workers are not confined (workers.sandbox is off)")
        elif missing:
            logger.warning("workers are confined but for: %s", "; ".join(missing))
