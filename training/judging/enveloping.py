"""The operating envelope of a detector that was trained before there was one.

Its weights, thresholds and calibration stay; it becomes its next version, because what it decides
outside of the bounds changes.
"""

from pathlib import Path

from ...storage.detector_record import EnvelopeRecord
from ...storage.errors import UserError
from ...storage.registry import DetectorFolder
from ..evaluation.calibration import FALSE_POSITIVES
from ..evaluation.envelope_fit import learn_envelope
from ..publishing.card import ENVELOPE_HEADING, envelope_text
from ..publishing.detector_folder import CARD_FILE, with_envelope
from ..run.journal import Journal
from ..run.progress_callback import ProgressCallback
from .comparing import Comparison, collected_by, index_of, judge_of, name_datasets
from .judging import make_judged
from .scoring import score_videos


def learn_and_write(asked: Comparison, out: Path, progress: ProgressCallback) -> DetectorFolder:
    """Learn bounds from the one data set, and write the one detector with them into `out`.

    Raises `UserError` when there are several of either, or a detector has bounds or stands there.
    """
    if len(asked.datasets) != 1 or len(asked.detectors) != 1:
        raise UserError("--envelope takes one data set and one detector")
    [detector] = asked.detectors
    if detector.record.envelope is not None:
        raise UserError(f"{detector.name} {detector.record.version} has an envelope already")
    if (folder := out / detector.name).exists():
        raise UserError(f"{folder} is there already; choose another folder for --envelope")
    envelope = _learn(asked, detector, progress)
    version = str(int(detector.record.version) + 1)
    card = _card(asked, detector, version, envelope)
    return with_envelope(detector, folder, envelope, version, card)


def _learn(
    asked: Comparison, detector: DetectorFolder, progress: ProgressCallback
) -> EnvelopeRecord:
    asked.out.mkdir(parents=True, exist_ok=True)
    asked.cache.mkdir(parents=True, exist_ok=True)
    journal, [name] = Journal(asked.out / "journal.jsonl"), name_datasets(asked.datasets)
    index = index_of(asked, asked.datasets[0], journal, progress)
    with collected_by(asked, index, detector, journal, progress) as (collected, places):
        judge = judge_of(detector)
        scores = score_videos(collected.sequences, places, judge.head, judge.pooling)
        judged = make_judged(judge, name, collected, places, scores)
        measured_on = f"{name}, its split {asked.split}" if asked.split else name
        measures = collected.measures[scores.person]
        return learn_envelope(measures, judged, measured_on, FALSE_POSITIVES, asked.seed)


def _card(
    asked: Comparison, detector: DetectorFolder, version: str, envelope: EnvelopeRecord
) -> str:
    """The card it had, with the envelope after it."""
    before = (detector.path / CARD_FILE).read_text(encoding="utf-8").rstrip()
    title = f"# {detector.name} {detector.record.version}"
    made = f"Learned by `{asked.command}`; the weights are those of version "
    return "\n\n".join(
        [
            before.replace(title, f"# {detector.name} {version}", 1),
            ENVELOPE_HEADING,
            envelope_text(envelope),
            f"{made}{detector.record.version}.\n",
        ]
    )
