"""Any detectors on any labelled data: the report of training without the training."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...stages.networks.arrays import arrays_from, part
from ...stages.networks.detector import HEAD_PREFIX, WEIGHTS_FILE
from ...stages.networks.head import Head
from ...storage.registry import DetectorFolder
from ..datasets.index import Index, build_evaluation_index, describe
from ..datasets.rows import TEST, of_split, write_index
from ..evaluation.evaluation_report import write_report
from ..evaluation.judged import Judged
from ..evaluation.material import ReportMaterial
from ..features.collect import Collected, Job, compute, gather
from ..features.initial_weights import initial_weights_of_detector, save_initial_weights
from ..features.plan import make_plan
from ..publishing.detector_folder import LOGISTIC_PREFIX
from ..run.journal import Journal
from ..run.progress_callback import ProgressCallback
from .judging import HeadJudge, judge_collected

FINGERPRINTS = "fingerprints.jsonl"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is judged by whom, and where things go."""

    datasets: tuple[Path, ...]
    detectors: tuple[DetectorFolder, ...]
    frames: int
    seed: int
    out: Path
    cache: Path
    workers: int
    command: str
    split: str | None = None  # only what the data sets themselves put into it


def compare_detectors(
    asked: Comparison, progress: ProgressCallback, say: Callable[[str], None]
) -> dict[str, Any]:
    """Judge every data set by every detector and write the report into `out`; its metrics.

    Raises `UserError` when a data set or a detector can't be used.
    """
    asked.out.mkdir(parents=True, exist_ok=True)
    asked.cache.mkdir(parents=True, exist_ok=True)
    journal = Journal(asked.out / "journal.jsonl")
    judged, indexes = [], []
    for name, dataset in zip(name_datasets(asked.datasets), asked.datasets, strict=True):
        index = index_of(asked, dataset, journal, progress)
        say(describe(index))
        write_index(asked.out / f"index-{name}.csv", index.rows)
        indexes.append(index)
        for detector in asked.detectors:
            say(f"{detector.name} judges {name}")
            judged.append(_judge(asked, name, index, detector, journal, progress))
    return write_report(asked.out, _report(asked, judged, indexes), asked.seed)


def index_of(
    asked: Comparison, dataset: Path, journal: Journal, progress: ProgressCallback
) -> Index:
    """What of a data set is to be judged. Raises `UserError` when it can't be used."""
    return build_evaluation_index(
        dataset,
        asked.seed,
        asked.cache / FINGERPRINTS,
        journal,
        progress,
        asked.workers,
        asked.split,
    )


def name_datasets(datasets: Sequence[Path]) -> list[str]:
    """What each is called in reports: its own name, and its folder's where two are alike."""
    stems = [dataset.absolute().stem for dataset in datasets]
    return [
        stem if stems.count(stem) == 1 else f"{dataset.absolute().parent.name}-{stem}"
        for stem, dataset in zip(stems, datasets, strict=True)
    ]


def judge_of(detector: DetectorFolder) -> HeadJudge:
    """What of a detector turns vectors into decisions."""
    arrays, record = arrays_from(detector.read(WEIGHTS_FILE), WEIGHTS_FILE), detector.record
    return HeadJudge(
        f"{record.name} {record.version}",
        Head(part(arrays, HEAD_PREFIX)),
        record.head.pooling,
        record.calibration,
        record.thresholds,
        part(arrays, LOGISTIC_PREFIX) or None,
        record.envelope,
    )


def _judge(
    asked: Comparison,
    name: str,
    index: Index,
    detector: DetectorFolder,
    journal: Journal,
    progress: ProgressCallback,
) -> Judged:
    with collected_by(asked, index, detector, journal, progress) as (collected, places):
        return judge_collected(judge_of(detector), name, collected, places)


@contextmanager
def collected_by(
    asked: Comparison,
    index: Index,
    detector: DetectorFolder,
    journal: Journal,
    progress: ProgressCallback,
) -> Iterator[tuple[Collected, list[int]]]:
    """The vectors that a detector's backbone makes, and the places of what is to be judged."""
    start = initial_weights_of_detector(detector)
    folder = asked.cache / "backbones" / start.digest[:16]
    save_initial_weights(start, folder)
    plan = make_plan(folder, start.digest, start.preprocessing, asked.frames, asked.cache)
    lost = compute(index.rows, Job(index.root, plan, asked.workers), "vectors", journal, progress)
    with tempfile.TemporaryDirectory(dir=asked.cache) as scratch:
        collected = gather(index.rows, plan, lost, Path(scratch))
        yield collected, of_split(collected.rows, TEST)


def _report(
    asked: Comparison, judged: Sequence[Judged], indexes: Sequence[Index]
) -> ReportMaterial:
    names = ", ".join(name_datasets(asked.datasets))
    return ReportMaterial(
        title=f"{', '.join(detector.name for detector in asked.detectors)} on {names}",
        made_by=asked.command,
        judged=judged,
        findings=indexes[0].findings.model_dump(mode="json") if len(indexes) == 1 else {},
        rows=[row for index in indexes for row in index.rows],
        curves=(),
        trials=(),
        recipe={"frames": asked.frames, "seed": asked.seed},
        seed_protocol=None,
        notes=_notes(asked),
    )


def _notes(asked: Comparison) -> list[str]:
    learned = [
        f"{detector.name} learned from: {'; '.join(detector.record.data)}"
        for detector in asked.detectors
    ]
    return [
        "Every usable video of the data set is judged. Where a detector learned from some of them "
        "or from the same people, its figures flatter it.",
        *learned,
    ]
