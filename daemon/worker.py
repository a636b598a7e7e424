"""What runs inside a worker process: one job at a time, in a folder of its own.

A worker never touches the database. It reads the video, writes into its work folder, and says how
far it is in a small file that the service reads. Everything heavy is imported here, inside the
functions, so that the service process, which imports this file, stays small.
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

from ..storage.content import FileStamp, file_name, hash_file
from ..storage.errors import DdaemonError

if TYPE_CHECKING:
    from ..stages.base import Stage, Subject
    from ..stages.networks.detector import Detector
    from ..stages.settings import StageSettings
    from ..storage.queue import Outcome

PROGRESS_EVERY_S = 0.2
MAX_PROGRESS_BYTES = 4096
MAX_STAGE_NAME = 200


class VideoChanged(DdaemonError):
    """The file is no longer what was accepted."""


@dataclass(frozen=True, slots=True)
class Task:
    """All that a worker is told of a job."""

    video: Path
    stamp: FileStamp | None  # what it must still be; None: whatever it is
    work: Path
    progress: Path
    subject: "Subject"
    settings: "StageSettings"
    detector: Path
    bundled: bool
    detector_sha256: str  # of its record, as the service read it


class Progress(BaseModel):
    """How far a worker is."""

    model_config = ConfigDict(strict=True, frozen=True)

    pid: int = 0
    stage: Annotated[str, Field(max_length=MAX_STAGE_NAME)] | None = None
    percent: Annotated[float, Field(ge=0, le=100)] = 0.0


def warm_up(detector: Path, bundled: bool, settings: "StageSettings") -> int:
    """Load the detector and the stages before the first job needs them; return the process id."""
    from ..stages.trust import trust_anchors

    trust_anchors(settings.examine.trust)
    _chain(settings.stages)
    _detector(detector, bundled, settings)
    return os.getpid()


def examine(video: Path) -> tuple[str, str, str, FileStamp]:
    """Look at a file that seems complete.

    Returns its readiness and why, the SHA-256 of its content, and its stamp, which was the same
    before and after the reading. Raises `VideoChanged` when it was not.
    """
    from ..stages.media.probe import readiness

    before = FileStamp.of(video.lstat())
    ready, why = readiness(video)
    return _identify(video, before, ready.value, why)


def fingerprint(video: Path) -> tuple[str, str, str, FileStamp]:
    """The same without opening the container, for a file that killed `examine`."""
    return _identify(video, FileStamp.of(video.lstat()), "unread", "it ended its reader")


def _identify(
    video: Path, before: FileStamp, ready: str, why: str
) -> tuple[str, str, str, FileStamp]:
    digest = hash_file(video)
    if FileStamp.of(video.lstat()) != before:
        raise VideoChanged(f"{file_name(video)} changed while it was read")
    return ready, why, digest, before


def run_task(task: Task) -> "Outcome":
    """Run the chain over one video; the verdict is in `task.work` when this returns."""
    from ..stages.base import Context
    from ..stages.chain import run_chain
    from ..storage.queue import Outcome

    _require_unchanged(task)
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
    _require_unchanged(task)
    verdict = facts["verdict"]
    return Outcome(verdict["decision"], verdict["reason"], verdict["probability"])


def read_progress(path: Path) -> Progress | None:
    """What the worker last said; None when it has said nothing yet, or nonsense.

    The worker may have been taken over: a link is not followed, a FIFO not waited for, and no
    more is read than a worker has to say.
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
    """Writes the progress file, whole each time, and not more often than somebody could read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._said: tuple[str | None, float] = ("", 0.0)

    def __call__(self, stage: str | None, percent: float) -> None:
        now = time.monotonic()
        if stage == self._said[0] and now - self._said[1] < PROGRESS_EVERY_S:
            return
        self._said = (stage, now)
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps({"pid": os.getpid(), "stage": stage, "percent": percent}))
        beside.replace(self._path)


def _require_unchanged(task: Task) -> None:
    if task.stamp is None:
        return
    now = FileStamp.at(task.video)
    if now is None:
        raise VideoChanged(
            f"{file_name(task.video)} is gone from the inbox; drop it again to have it judged"
        )
    if now != task.stamp:
        raise VideoChanged(
            f"{file_name(task.video)} changed after it was accepted; its new content is a new job"
        )


@lru_cache(maxsize=4)
def _chain(names: tuple[str, ...]) -> "Sequence[Stage]":
    from ..stages.chain import build_chain

    return build_chain(names)


def _detector(
    path: Path, bundled: bool, settings: "StageSettings", sha256: str | None = None
) -> "Detector":
    from ..stages.networks.detector import load_detector
    from ..storage.registry import read_detector

    found = read_detector(path, bundled=bundled)
    found.require(sha256)
    return load_detector(found, settings.features)
