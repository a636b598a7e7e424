"""The same chain without a queue: one video, one worker process, one record."""

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from ...isolation.process import WorkerProcess
from ...record.file import close_record
from ...stages.base import Subject
from ...storage.content import file_name, hash_file
from ...storage.errors import DdaemonError
from ...storage.registry import DetectorFolder
from ...storage.times import iso
from ..dispatch.confining import confine_worker
from ..dispatch.worker import Task, read_progress, run_task
from ..home.config import Config
from ..publishing.names import folder_name
from ..publishing.outbox import PublishDirectory

LIMIT_LOOK_S = 0.25

OnProgress = Callable[[str | None, float], None]  # stage, percent


class CheckFailed(DdaemonError):
    """The chain could not be run to a decision."""


class Checker:
    """Judges videos one after the other, in a process that can be killed.

    Args:
        config: the settings, limits included.
        detector: which one judges.
        videos: those that may be asked for: the process can read no others.
        out: where to leave a folder for each video, as the outbox would; None leaves nothing.
    """

    def __init__(
        self,
        config: Config,
        detector: DetectorFolder,
        videos: Sequence[Path],
        out: Path | None = None,
    ) -> None:
        self._config = config
        self._detector = detector
        self._out = out
        self._folder = Path(tempfile.mkdtemp(prefix="ddaemon-", dir=out)).absolute()
        confinement = confine_worker(config, (*videos, detector.path), self._folder)
        self._worker = WorkerProcess(config.workers.recycle, confinement)

    def __enter__(self) -> "Checker":
        return self

    def __exit__(self, *_exception: object) -> None:
        self._worker.stop()
        shutil.rmtree(self._folder)

    def check(
        self, video: Path, on_progress: OnProgress = lambda _stage, _percent: None
    ) -> dict[str, Any]:
        """The verdict's record. Raises `CheckFailed`, `UserError` or OSError without one."""
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            task = self._task(video, Path(folder) / "work")
            self._run(task, on_progress)
            record = close_record(task.work)
            if self._out is not None:
                name = folder_name(video.name, task.subject.sha256[:8])
                PublishDirectory(self._out).place(name, task.work)
        return record

    def _task(self, video: Path, work: Path) -> Task:
        now = iso(time.time())
        subject = Subject(
            name=file_name(video),
            sha256=hash_file(video),
            bytes=video.stat().st_size,
            received_at=now,
            started_at=now,
        )
        return Task(
            video=video.absolute(),
            stamp=None,
            work=work,
            progress=work.with_suffix(".progress"),
            subject=subject,
            settings=self._config.for_stages(),
            detector=self._detector.path,
            bundled=self._detector.bundled,
            detector_sha256=self._detector.sha256,
        )

    def _run(self, task: Task, on_progress: OnProgress) -> None:
        limits = self._config.workers
        future = self._worker.submit(run_task, task)
        deadline = time.monotonic() + limits.job_seconds
        while not wait([future], LIMIT_LOOK_S).done:
            if said := read_progress(task.progress):
                on_progress(said.stage, said.percent)
            too_large = self._worker.memory_bytes() > limits.memory_mb * 1_000_000
            if too_large or time.monotonic() > deadline:
                self._worker.kill()
        try:
            future.result()
        except BrokenProcessPool as error:
            raise CheckFailed(
                f"{task.subject.name}: the process that looked at it died or passed its limits: "
                f"{error} (workers.job_seconds {limits.job_seconds:g}, workers.memory_mb "
                f"{limits.memory_mb})"
            ) from error
