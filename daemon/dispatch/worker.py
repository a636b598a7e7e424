"""What runs inside a worker process: one job at a time, in a folder of its own.

A worker never touches the database. It reads the video, writes into its work folder, and reports
its progress in a small file that the service reads. Everything heavy is imported inside the
functions here, so that the service process, which imports this file, stays small.
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...storage.content import FileStamp, file_name, hash_file
from ...storage.errors import DdaemonError

if TYPE_CHECKING:
    from ...stages.base import Stage, Subject
    from ...stages.networks.detector import Detector
    from ...stages.settings import StageSettings
    from ...storage.queue import Outcome

PROGRESS_EVERY_S = 0.2
MAX_PROGRESS_BYTES = 4096
MAX_STAGE_NAME = 200
NEW_JOB = "what it holds now is a job of its own"


class VideoChanged(DdaemonError):
    """The video file is no longer the one that was accepted."""


@dataclass(frozen=True, slots=True)
class Task:
    """Everything that a worker needs to know about a job."""

    video: Path
    stamp: FileStamp | None  # what the file must still have; None: any
    work: Path
    progress: Path
    subject: "Subject"
    settings: "StageSettings"
    detector: Path
    bundled: bool
    detector_sha256: str  # of its record, as the service read it


class Progress(BaseModel):
    """How far a worker has come."""

    model_config = ConfigDict(strict=True, frozen=True)

    pid: int = 0
    stage: Annotated[str, Field(max_length=MAX_STAGE_NAME)] | None = None
    percent: Annotated[float, Field(ge=0, le=100)] = 0.0


def warm_up(detector: Path, bundled: bool, settings: "StageSettings") -> int:
    """Load the detector and the stages before the first job needs them; return the process id."""
    from ...stages.examination.trust import trust_anchors

    trust_anchors(settings.examine.trust)
    _chain(settings.stages)
    _detector(detector, bundled, settings)
    return os.getpid()


def engine_of(detector: Path, bundled: bool, settings: "StageSettings") -> str:
    """The engine that runs the detector's network with these settings on this machine."""
    return _detector(detector, bundled, settings).backbone.engine


def run_task(task: Task) -> "Outcome":
    """Run the chain over one video; the verdict is in `task.work` when this returns."""
    from ...stages.base import Context
    from ...stages.chain import run_chain
    from ...storage.queue import Outcome

    touched_at = _require_accepted(task)
    task.work.mkdir(parents=True, exist_ok=True)
    report = _ProgressFile(task.progress)
    report(None, 0.0)
    context = Context(
        video=task.video,
        work=task.work,
        subject=task.subject,
        settings=task.settings,
        detector=_detector(task.detector, task.bundled, task.settings, task.detector_sha256),
        facts={},
        progress=lambda _part: None,
    )
    facts = run_chain(_chain(task.settings.stages), context, report)
    _require_unchanged(task, touched_at)
    verdict = facts["verdict"]
    return Outcome(verdict["decision"], verdict["reason"], verdict["probability"])


def read_progress(path: Path) -> Progress | None:
    """What the worker last reported; None when that is nothing yet, or not valid.

    The worker may have been hijacked: a link is not followed, a FIFO is not waited for, and no
    more is read than a valid report can have.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        try:
            return Progress.model_validate_json(file.read(MAX_PROGRESS_BYTES))
        except (OSError, ValidationError):
            return None


class _ProgressFile:
    """Writes the progress file, whole each time, and no more often than it could be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: tuple[str | None, float] = ("", 0.0)

    def __call__(self, stage: str | None, percent: float) -> None:
        now = time.monotonic()
        if stage == self._last[0] and now - self._last[1] < PROGRESS_EVERY_S:
            return
        self._last = (stage, now)
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps({"pid": os.getpid(), "stage": stage, "percent": percent}))
        beside.replace(self._path)


def _require_accepted(task: Task) -> int | None:
    """Raise `VideoChanged` unless the video is byte for byte what was accepted: size, time and
    inode can be forged. Returns when the kernel last saw it touched, which nobody can set."""
    if task.stamp is None:
        return None
    touched_at = _require_unchanged(task, None)
    if hash_file(task.video) != task.subject.sha256:
        raise VideoChanged(
            f"{file_name(task.video)} holds other bytes than were accepted; {NEW_JOB}"
        )
    return touched_at


def _require_unchanged(task: Task, touched_at: int | None) -> int | None:
    if task.stamp is None:
        return None
    try:
        status = task.video.lstat()
    except OSError as error:
        raise VideoChanged(
            f"{file_name(task.video)} is gone from the inbox ({error.strerror})"
        ) from error
    if FileStamp.of(status) != task.stamp:
        raise VideoChanged(f"{file_name(task.video)} changed after it was accepted; {NEW_JOB}")
    if touched_at not in (None, status.st_ctime_ns):
        raise VideoChanged(f"{file_name(task.video)} was touched while it was judged")
    return status.st_ctime_ns


@lru_cache(maxsize=4)
def _chain(names: tuple[str, ...]) -> "Sequence[Stage]":
    from ...stages.chain import build_chain

    return build_chain(names)


def _detector(
    path: Path, bundled: bool, settings: "StageSettings", sha256: str | None = None
) -> "Detector":
    from ...stages.networks.detector import load_detector
    from ...storage.registry import read_detector

    found = read_detector(path, bundled=bundled)
    found.require(sha256)
    return load_detector(found, settings.features)
