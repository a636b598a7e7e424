"""Any detectors on any labelled data: training's report without the training."""

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
    """Which data sets are judged by which detectors, and where the results go."""

    datasets: tuple[Path, ...]
    detectors: tuple[DetectorFolder, ...]
    frames: int
    seed: int
    out: Path
    cache: Path
    workers: int
    command: str
    split: str | None = None  # judge only what the data sets themselves assign to it


def compare_detectors(
    comparison: Comparison, progress: ProgressCallback, announce: Callable[[str], None]
) -> dict[str, Any]:
    """Judge every data set with every detector, write the report into `out`, return its metrics.

    Raises `UserError` when a data set or a detector can't be used.
    """
    comparison.out.mkdir(parents=True, exist_ok=True)
    comparison.cache.mkdir(parents=True, exist_ok=True)
    journal = Journal(comparison.out / "journal.jsonl")
    judged, indexes = [], []
    for name, dataset in zip(name_datasets(comparison.datasets), comparison.datasets, strict=True):
        index = index_of(comparison, dataset, journal, progress)
        announce(describe(index))
        write_index(comparison.out / f"index-{name}.csv", index.rows)
        indexes.append(index)
        for detector in comparison.detectors:
            announce(f"{detector.name} judges {name}")
            judged.append(_judge(comparison, name, index, detector, journal, progress))
    return write_report(comparison.out, _report(comparison, judged, indexes), comparison.seed)


def index_of(
    comparison: Comparison, dataset: Path, journal: Journal, progress: ProgressCallback
) -> Index:
    """The part of a data set that is to be judged. Raises `UserError` when it can't be used."""
    return build_evaluation_index(
        dataset,
        comparison.seed,
        comparison.cache / FINGERPRINTS,
        journal,
        progress,
        comparison.workers,
        comparison.split,
    )


def name_datasets(datasets: Sequence[Path]) -> list[str]:
    """The name of each in reports: its own, with its folder's where two are the same."""
    stems = [dataset.absolute().stem for dataset in datasets]
    return [
        stem if stems.count(stem) == 1 else f"{dataset.absolute().parent.name}-{stem}"
        for stem, dataset in zip(stems, datasets, strict=True)
    ]


def judge_of(detector: DetectorFolder) -> HeadJudge:
    """The part of a detector that turns vectors into decisions."""
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
    comparison: Comparison,
    name: str,
    index: Index,
    detector: DetectorFolder,
    journal: Journal,
    progress: ProgressCallback,
) -> Judged:
    with collected_by(comparison, index, detector, journal, progress) as (collected, places):
        return judge_collected(judge_of(detector), name, collected, places)


@contextmanager
def collected_by(
    comparison: Comparison,
    index: Index,
    detector: DetectorFolder,
    journal: Journal,
    progress: ProgressCallback,
) -> Iterator[tuple[Collected, list[int]]]:
    """The vectors that a detector's backbone makes, and the places of the rows to be judged."""
    initial = initial_weights_of_detector(detector)
    folder = comparison.cache / "backbones" / initial.digest[:16]
    save_initial_weights(initial, folder)
    plan = make_plan(
        folder, initial.digest, initial.preprocessing, comparison.frames, comparison.cache
    )
    lost = compute(
        index.rows, Job(index.root, plan, comparison.workers), "vectors", journal, progress
    )
    with tempfile.TemporaryDirectory(dir=comparison.cache) as scratch:
        collected = gather(index.rows, plan, lost, Path(scratch))
        yield collected, of_split(collected.rows, TEST)


def _report(
    comparison: Comparison, judged: Sequence[Judged], indexes: Sequence[Index]
) -> ReportMaterial:
    names = ", ".join(name_datasets(comparison.datasets))
    return ReportMaterial(
        title=f"{', '.join(detector.name for detector in comparison.detectors)} on {names}",
        made_by=comparison.command,
        judged=judged,
        findings=indexes[0].findings.model_dump(mode="json") if len(indexes) == 1 else {},
        rows=[row for index in indexes for row in index.rows],
        curves=(),
        trials=(),
        recipe={"frames": comparison.frames, "seed": comparison.seed},
        seed_protocol=None,
        notes=_notes(comparison),
    )


def _notes(comparison: Comparison) -> list[str]:
    learned = [
        f"{detector.name} learned from: {'; '.join(detector.record.data)}"
        for detector in comparison.detectors
    ]
    return [
        "Every usable video of the data set is judged. Where a detector learned from some of them "
        "or from the same people, its figures flatter it.",
        *learned,
    ]
