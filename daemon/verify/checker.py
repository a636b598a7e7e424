"""The same chain without a queue: one video, one worker process, one record."""

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from ...isolation.limits import wait_within
from ...isolation.process import WorkerProcess
from ...record.file import close_record
from ...stages.base import Subject
from ...storage.content import file_name, hash_file
from ...storage.errors import DdaemonError
from ...storage.registry import DetectorFolder
from ...storage.times import iso
from ..dispatch.attempt import limits_of, make_task
from ..dispatch.confining import confine_worker
from ..dispatch.worker import Task, read_progress, run_task
from ..home.config import Config
from ..publishing.names import folder_name
from ..publishing.outbox import PublishDirectory

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
        return make_task(video.absolute(), None, work, subject, self._config, self._detector)

    def _run(self, task: Task, on_progress: OnProgress) -> None:
        future = self._worker.submit(run_task, task)

        def report() -> None:
            if progress := read_progress(task.progress):
                on_progress(progress.stage, progress.percent)

        exceeded = wait_within(limits_of(self._config.workers), self._worker, future, report)
        try:
            future.result()
        except BrokenProcessPool as error:
            why = f"was ended: {exceeded}" if exceeded else f"died: {error}"
            raise CheckFailed(
                f"{task.subject.name}: the process that looked at it {why}"
            ) from error
