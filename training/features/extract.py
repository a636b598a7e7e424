"""From a row of the index to vectors on disk: the work of a worker process."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...stages.networks.backbone import OpenVinoBackbone
from ...storage.detector_record import PreprocessingRecord
from ...storage.errors import NotAnalysable
from ..datasets.rows import Row
from .crops import (
    THREADS,
    RowCrops,
    TrackMeasures,
    load_crops,
    measured_rows,
    read_crops,
    write_crops,
    write_whole,
)
from .initial_weights import load_saved
from .plan import BATCH, Plan


@dataclass(frozen=True, slots=True)
class ExtractTask:
    """Rows for one worker: videos one by one, images in batches."""

    root: Path
    rows: tuple[Row, ...]
    plan: Plan
    wants: str  # "vectors" or "crops"
    keep_crops: bool  # of videos, so that for another backbone they need not be decoded again
    keep_frames: Path | None


@dataclass(frozen=True, slots=True)
class FileFeatures:
    """What is kept for one row. Without vectors, `reason` says why."""

    vectors: NDArray[np.float16]  # (rows, width): its persons one after the other
    lengths: NDArray[np.int64]  # (persons,)
    face_px: float
    brightness: float
    measures: TrackMeasures
    reason: str

    def persons(self) -> list[NDArray[np.float16]]:
        """The vectors of each person, the largest face first: (steps, width)."""
        return np.split(self.vectors, np.cumsum(self.lengths)[:-1]) if len(self.lengths) else []


def extract(task: ExtractTask) -> list[str]:
    """Compute and keep the vectors of each row; return the names of the rows that are done."""
    for row in task.rows:
        try:
            crops = _crops_of(row, task)
        except (NotAnalysable, OSError) as error:
            _keep_reason(task.plan.vectors_file(row), str(error))
            continue
        if task.wants == "vectors":
            _keep_vectors(row, crops, task.plan)
    return [row.name for row in task.rows]


def is_done(row: Row, plan: Plan, wants: str) -> bool:
    """Whether nothing is left to do for a row."""
    if wants == "crops" and plan.crops_file(row).is_file():
        return True
    return plan.vectors_file(row).is_file()


def load_features(path: Path) -> FileFeatures:
    """Read what `extract` kept for one row."""
    with np.load(path) as kept:
        return FileFeatures(
            kept["vectors"],
            kept["lengths"],
            float(kept["face_px"]),
            float(kept["brightness"]),
            kept["measures"],
            str(kept["reason"]),
        )


def _crops_of(row: Row, task: ExtractTask) -> RowCrops:
    kept = task.plan.crops_file(row)
    if kept.is_file():
        return load_crops(kept)
    folder = task.keep_frames / row.name if task.keep_frames else None
    crops = read_crops(task.root, row, task.plan, folder)
    if task.keep_crops:
        write_crops(kept, crops)
    return crops


def _keep_vectors(row: Row, crops: RowCrops, plan: Plan) -> None:
    backbone = _backbone(plan.backbone_folder, plan.preprocessing)
    batches: Sequence[NDArray[np.uint8]] = [
        crops.images[start : start + BATCH] for start in range(0, len(crops.images), BATCH)
    ]
    vectors = np.concatenate([backbone.run(batch)[0] for batch in batches])
    write_whole(
        plan.vectors_file(row),
        vectors=vectors.astype(np.float16),
        lengths=crops.lengths,
        face_px=np.float64(crops.face_px),
        brightness=np.float64(crops.brightness),
        measures=crops.measures,
        reason="",
    )


def _keep_reason(path: Path, reason: str) -> None:
    write_whole(
        path,
        vectors=np.zeros((0, 0), np.float16),
        lengths=np.zeros(0, np.int64),
        face_px=np.float64(0),
        brightness=np.float64(0),
        measures=measured_rows([]),
        reason=reason,
    )


@lru_cache(maxsize=1)
def _backbone(folder: Path, preprocessing: PreprocessingRecord) -> OpenVinoBackbone:
    return load_saved(folder, preprocessing, THREADS)
