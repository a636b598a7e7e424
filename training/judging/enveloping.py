"""Adding an operating envelope to a detector that was trained before there were any.

Its weights, thresholds and calibration stay; its version increases, because its decisions outside
of the bounds change.
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


def learn_and_write(
    comparison: Comparison, out: Path, progress: ProgressCallback
) -> DetectorFolder:
    """Learn bounds from the one data set, and write the one detector with them into `out`.

    Raises `UserError` when there are several of either, when the detector has bounds already, or
    when its folder exists in `out`.
    """
    if len(comparison.datasets) != 1 or len(comparison.detectors) != 1:
        raise UserError("--envelope takes one data set and one detector")
    [detector] = comparison.detectors
    if detector.record.envelope is not None:
        raise UserError(f"{detector.name} {detector.record.version} has an envelope already")
    if (folder := out / detector.name).exists():
        raise UserError(f"{folder} is there already; choose another folder for --envelope")
    envelope = _learn(comparison, detector, progress)
    version = str(int(detector.record.version) + 1)
    card = _card(comparison, detector, version, envelope)
    return with_envelope(detector, folder, envelope, version, card)


def _learn(
    comparison: Comparison, detector: DetectorFolder, progress: ProgressCallback
) -> EnvelopeRecord:
    comparison.out.mkdir(parents=True, exist_ok=True)
    comparison.cache.mkdir(parents=True, exist_ok=True)
    journal, [name] = Journal(comparison.out / "journal.jsonl"), name_datasets(comparison.datasets)
    index = index_of(comparison, comparison.datasets[0], journal, progress)
    with collected_by(comparison, index, detector, journal, progress) as (collected, places):
        judge = judge_of(detector)
        scores = score_videos(collected.sequences, places, judge.head, judge.pooling)
        judged = make_judged(judge, name, collected, places, scores)
        measured_on = f"{name}, its split {comparison.split}" if comparison.split else name
        measures = collected.measures[scores.person]
        return learn_envelope(measures, judged, measured_on, FALSE_POSITIVES, comparison.seed)


def _card(
    comparison: Comparison, detector: DetectorFolder, version: str, envelope: EnvelopeRecord
) -> str:
    """The detector's card, with the envelope after it."""
    before = (detector.path / CARD_FILE).read_text(encoding="utf-8").rstrip()
    title = f"# {detector.name} {detector.record.version}"
    made = f"Learned by `{comparison.command}`; the weights are those of version "
    return "\n\n".join(
        [
            before.replace(title, f"# {detector.name} {version}", 1),
            ENVELOPE_HEADING,
            envelope_text(envelope),
            f"{made}{detector.record.version}.\n",
        ]
    )
