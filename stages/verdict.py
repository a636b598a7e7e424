"""Composes the record of one judged video, `verdict.json` of format 2 (`record/schema.py`)."""

import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from ..record.schema import (
    FORMAT,
    ContainerPart,
    CustodyPart,
    Decision,
    DetectorPart,
    FacePart,
    HeatmapPart,
    InputPart,
    RefusalReason,
    StabilityPart,
    StagePart,
    ThresholdsPart,
    Verdict,
)
from ..record.words import WordedOutcome, words_of
from ..storage.detector_record import DetectorRecord, ThresholdsRecord
from ..storage.errors import NotAnalysable, Reason
from ..storage.times import iso
from .base import Context, Subject
from .chain import Timing
from .envelope import envelope_check_record
from .examination.examined import provenance_of
from .facts import FaceTrack, Judgement, TrackJudgement
from .networks.detector import Detector
from .settings import StageSettings

NOT_ANALYSABLE: Final = "not_analysable"
KEY_LIBRARIES = ("av", "c2pa-python", "numpy", "opencv-python-headless", "openvino")
LIMITS = (
    "A score is evidence, not proof: it says how much the face resembles manipulated faces that "
    "the detector learned from. Kinds of manipulation it never saw can pass as real."
)
BLIND = "Do not expect this detector to see: {kinds}."


def compose(context: Context, closing: Timing) -> Verdict:
    """The whole record, from the facts that the chain gave and the closing stage's own timing."""
    facts, subject, detector = context.facts, context.subject, context.detector
    refusal: NotAnalysable | None = facts.get("not_analysable")
    judgement: Judgement | None = None if refusal else facts["judgement"]
    finding = _finding(refusal, judgement, facts.get("stability"), detector.record.thresholds)
    finished_at = iso(time.time())
    return {
        "format": FORMAT,
        "job": subject.job,
        "input": _input(subject, facts.get("container")),
        "decision": finding["decision"],
        "reason": finding["reason"],
        "detail": _detail(refusal, judgement),
        "probability": finding["probability"],
        "examination": facts.get("examination"),
        "provenance": provenance_of(facts),
        "thresholds": finding["thresholds"],
        "faces": _faces(judgement, facts.get("faces", ())),
        "envelope": finding["envelope"],
        "stability": finding["stability"],
        "heatmaps": _heatmaps(judgement, facts.get("heatmaps", ())),
        "facts": dict(facts["published"]),
        "limits": limits_of(detector.record),
        "stages": _stages([*facts["timings"], closing]),
        "detector": _detector(detector),
        "software": software(),
        "attempts": subject.attempts,
        "started_at": subject.started_at,
        "settings": repeatable_settings(context.settings),
        "custody": known_custody(subject, finding["decision"], finished_at),
        "files": {},  # listed when all of them are there (`close_record`)
        "finished_at": finished_at,
        "words": words_of(finding),
    }


def limits_of(record: DetectorRecord) -> str:
    """What a score of this detector does not say."""
    if not record.blind_to:
        return LIMITS
    return f"{LIMITS} {BLIND.format(kinds='; '.join(record.blind_to))}"


def software() -> dict[str, str]:
    """The versions that can move a score or a finding."""
    libraries = {name: version(name) for name in KEY_LIBRARIES}
    return {"ddaemon": version("ddaemon"), "python": platform.python_version(), **libraries}


def repeatable_settings(settings: StageSettings) -> dict[str, object]:
    """The settings of the stages, as `StageSettings` reads them again.

    Tables of plugins that are not in the chain stay out: they had no part in the verdict.
    """
    plugins = {name: table for name, table in settings.plugins.items() if name in settings.stages}
    return settings.model_copy(update={"plugins": plugins}).model_dump(mode="json")


def known_custody(subject: Subject, decision: Decision, judged_at: str) -> list[CustodyPart]:
    """What is known of the file's way when the verdict is written, oldest first."""
    received = f"{subject.name}, {subject.bytes} bytes, SHA-256 {subject.sha256}"
    return [
        {"at": subject.received_at, "what": "received", "detail": received},
        {
            "at": subject.started_at,
            "what": "attempt started",
            "detail": f"attempt {subject.attempts}",
        },
        {"at": judged_at, "what": "judged", "detail": decision},
    ]


def _input(subject: Subject, container: ContainerPart | None) -> InputPart:
    return {
        "name": subject.name,
        "sha256": subject.sha256,
        "bytes": subject.bytes,
        "received_at": subject.received_at,
        "container": {**container} if container else None,
    }


def _finding(
    refusal: NotAnalysable | None,
    judgement: Judgement | None,
    stability: StabilityPart | None,
    thresholds: ThresholdsRecord,
) -> WordedOutcome:
    if refusal is not None or judgement is None:
        return {
            "decision": NOT_ANALYSABLE,
            "reason": REASONS[refusal.reason] if refusal else None,
            "probability": None,
            "thresholds": _thresholds(thresholds),
            "envelope": None,
            "stability": None,
        }
    return {
        "decision": judgement.decision,
        "reason": None,
        "probability": _rounded(judgement.probability),
        "thresholds": _thresholds(thresholds),
        "envelope": envelope_check_record(judgement.envelope_check),
        "stability": stability,
    }


def _detail(refusal: NotAnalysable | None, judgement: Judgement | None) -> str | None:
    if judgement is not None:
        return judgement.reason
    return refusal.detail if refusal else None


def _thresholds(thresholds: ThresholdsRecord) -> ThresholdsPart:
    return {
        "fake": thresholds.fake,
        "real": thresholds.real,
        "false_positive_rate": thresholds.false_positive_rate,
        "false_positive_interval": list(thresholds.false_positive_interval),
        "false_negative_rate": thresholds.false_negative_rate,
        "false_negative_interval": list(thresholds.false_negative_interval),
        "inconclusive_rate": thresholds.inconclusive_rate,
        "measured_on": thresholds.measured_on,
        "videos": thresholds.videos,
    }


def _detector(detector: Detector) -> DetectorPart:
    record = detector.record
    return {
        "name": record.name,
        "version": record.version,
        "sha256": detector.sha256,
        "backbone": record.backbone.name,
    }


def _faces(judgement: Judgement | None, tracks: Sequence[FaceTrack]) -> list[FacePart]:
    if judgement is None:
        return []
    samples = {track.track: track for track in tracks}
    return [_face(judged, samples[judged.track]) for judged in judgement.tracks]


def _face(judged: TrackJudgement, track: FaceTrack) -> FacePart:
    return {
        "track": judged.track,
        "probability": _rounded(judged.probability),
        "frames": [
            {
                "t": _rounded(sample.t),
                "box": list(sample.box),
                "score": _rounded(score),
                "attention": _rounded(attention),
            }
            for sample, score, attention in zip(
                track.samples, judged.scores, judged.attention, strict=True
            )
        ],
    }


def _heatmaps(judgement: Judgement | None, found: Sequence[HeatmapPart]) -> list[HeatmapPart]:
    return list(found) if judgement else []


def _stages(timings: Sequence[Timing]) -> list[StagePart]:
    return [
        {"name": timing.name, "version": timing.version, "seconds": round(timing.seconds, 4)}
        for timing in timings
    ]


def _rounded(value: float) -> float:
    return round(float(value), 6)


REASONS: dict[Reason, RefusalReason] = {
    Reason.NO_FACE: "no_face",
    Reason.TOO_SHORT: "too_short",
    Reason.UNDECODABLE: "undecodable",
    Reason.UNSUPPORTED: "unsupported",
}
