"""The features step: every row's vectors, computed once, then gathered for fitting."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..datasets.media import split_archive
from ..datasets.rows import IMAGE, UNUSED, Row
from ..run.journal import Journal
from ..run.progress_callback import ProgressCallback
from ..run.workers import Places, folders_of, run_tasks
from .crops import TrackMeasures, measured_rows
from .extract import ExtractTask, FileFeatures, extract, is_done, load_features
from .plan import Plan
from .sequences import Sequences, write_sequences

IMAGES_PER_TASK = 32
VIDEO_LIMIT_S = 900.0  # the same as the service's workers.job_seconds

Wants = Literal["vectors", "crops"]


@dataclass(frozen=True, slots=True)
class Collected:
    """The vectors of all rows that could be read, and what was measured along with them."""

    rows: list[Row]
    sequences: Sequences  # `video` is the place in `rows`
    face_px: NDArray[np.float64]  # (rows,)
    brightness: NDArray[np.float64]  # (rows,)
    measures: TrackMeasures  # (sequences, measures)
    left_out: dict[str, str]  # row's name -> why


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be computed for all rows."""

    root: Path
    plan: Plan
    workers: int
    keep_crops: bool = False
    keep_frames: Path | None = None


def compute(
    rows: Sequence[Row], job: Job, wants: Wants, journal: Journal, progress: ProgressCallback
) -> dict[str, str]:
    """Compute what is not there yet; return the rows whose process was lost, and why.

    When a file ends its process, the files of its batch are tried again one by one.
    """
    used = [row for row in rows if row.split != UNUSED]
    todo = [row for row in used if not _nothing_left(row, job, wants)]
    done, lost = len(used) - len(todo), {}
    progress(wants, done, len(used))
    tasks, places = list(_make_tasks(todo, job, wants)), _places(todo, job)
    while tasks:
        again = []
        for end in run_tasks(extract, tasks, job.workers, VIDEO_LIMIT_S, places):
            if end.lost and len(end.task.rows) > 1:
                again += [replace(end.task, rows=(row,)) for row in end.task.rows]
                continue
            for row in end.task.rows:
                if end.lost:
                    lost[row.name] = end.lost
                journal.note(wants, row.name)
            done += len(end.task.rows)
            progress(wants, done, len(used))
        tasks = again
    return lost


def _places(rows: Sequence[Row], job: Job) -> Places:
    """Where workers read and write. Makes the folders: access needs existing ones."""
    kept = [job.plan.cache, *([job.keep_frames] if job.keep_frames else ())]
    for folder in kept:
        folder.mkdir(parents=True, exist_ok=True)
    files = (split_archive(row.path)[0] or row.path for row in rows)
    return Places((*folders_of(job.root, files), job.plan.backbone_folder), tuple(kept))


def _nothing_left(row: Row, job: Job, wants: Wants) -> bool:
    if job.keep_frames and row.kind != IMAGE and not (job.keep_frames / row.name).is_dir():
        return False
    return is_done(row, job.plan, wants)


def gather(rows: Sequence[Row], plan: Plan, lost: dict[str, str], folder: Path) -> Collected:
    """Write the cached vectors of all used rows into one file in `folder`."""
    seen, left_out = [], dict(lost)
    steps, facts, measures = 0, [], [measured_rows([])]
    for row in (row for row in rows if row.split != UNUSED and row.name not in lost):
        features = load_features(plan.vectors_file(row))
        if features.reason:
            left_out[row.name] = features.reason
            continue
        seen.append(row)
        steps += len(features.vectors)
        facts.append((features.face_px, features.brightness))
        measures.append(features.measures)
    width = load_width(seen, plan)
    sequences = write_sequences(folder, _persons(seen, plan), steps, width)
    face_px, brightness = np.array(facts, np.float64).reshape(-1, 2).T
    return Collected(seen, sequences, face_px, brightness, np.concatenate(measures), left_out)


def load_width(rows: Sequence[Row], plan: Plan) -> int:
    """Width of the vectors; 0 without any."""
    return load_features(plan.vectors_file(rows[0])).vectors.shape[1] if rows else 0


def _persons(rows: Sequence[Row], plan: Plan) -> Iterator[list[NDArray[np.float16]]]:
    for row in rows:
        features: FileFeatures = load_features(plan.vectors_file(row))
        yield features.persons()


def _make_tasks(rows: Sequence[Row], job: Job, wants: Wants) -> Iterator[ExtractTask]:
    images = [row for row in rows if row.kind == IMAGE]
    videos = [row for row in rows if row.kind != IMAGE]
    batches = [(row,) for row in videos] + [
        tuple(images[start : start + IMAGES_PER_TASK])
        for start in range(0, len(images), IMAGES_PER_TASK)
    ]
    for batch in batches:
        yield ExtractTask(job.root, batch, job.plan, wants, job.keep_crops, job.keep_frames)
