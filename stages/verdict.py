"""The record of one judged video: `verdict.json`, format 2 (docs/verdict.schema.json)."""

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from ..record.words import words_of
from ..storage.detector_record import DetectorRecord
from ..storage.errors import NotAnalysable
from ..storage.times import iso
from .base import Context, Subject
from .chain import Timing
from .envelope import envelope_check_record
from .examination.examined import examined
from .facts import FaceTrack, Judgement, TrackJudgement
from .networks.detector import Detector
from .repeat import known_custody, repeatable_settings

FORMAT = 2
NOT_ANALYSABLE = "not_analysable"
KEY_LIBRARIES = ("av", "c2pa-python", "numpy", "opencv-python-headless", "openvino")
LIMITS = (
    "A score is evidence, not proof: it says how much the face resembles manipulated faces that "
    "the detector learned from. Kinds of manipulation it never saw can pass as real."
)
BLIND = "Do not expect this detector to see: {kinds}."

Record = dict[str, Any]


def compose(context: Context, closing: Timing) -> Record:
    """The whole record, from the facts that the chain gave and the closing stage's own timing."""
    refusal: NotAnalysable | None = context.facts.get("not_analysable")
    judgement: Judgement | None = None if refusal else context.facts["judgement"]
    decision = _decision(refusal, judgement)
    finished_at = iso(time.time())
    record: Record = {
        "format": FORMAT,
        "job": context.subject.job,
        "input": _input(context.subject, context.facts.get("container")),
        **decision,
        **examined(context.facts),
        "thresholds": _thresholds(context.detector),
        "faces": _faces(judgement, context.facts.get("faces", ())),
        "envelope": envelope_check_record(judgement.envelope_check) if judgement else None,
        "stability": context.facts.get("stability") if judgement else None,
        "heatmaps": list(context.facts.get("heatmaps", ())) if judgement else [],
        "facts": dict(context.facts["published"]),
        "limits": limits_of(context.detector.record),
        "stages": _stages([*context.facts["timings"], closing]),
        "detector": _detector(context.detector),
        "software": software(),
        "attempts": context.subject.attempts,
        "started_at": context.subject.started_at,
        "settings": repeatable_settings(context.settings),
        "custody": known_custody(context.subject, decision["decision"], finished_at),
        "files": {},  # listed when all of them are there (record.py)
        "finished_at": finished_at,
    }
    return {**record, "words": words_of(record)}


def limits_of(record: DetectorRecord) -> str:
    """What a score of this detector does not say."""
    if not record.blind_to:
        return LIMITS
    return f"{LIMITS} {BLIND.format(kinds='; '.join(record.blind_to))}"


def software() -> dict[str, str]:
    """The versions that can move a score or a finding."""
    libraries = {name: version(name) for name in KEY_LIBRARIES}
    return {"ddaemon": version("ddaemon"), "python": platform.python_version(), **libraries}


def _input(subject: Subject, container: Mapping[str, Any] | None) -> Record:
    return {
        "name": subject.name,
        "sha256": subject.sha256,
        "bytes": subject.bytes,
        "received_at": subject.received_at,
        "container": dict(container) if container else None,
    }


def _decision(refusal: NotAnalysable | None, judgement: Judgement | None) -> Record:
    if refusal is not None or judgement is None:
        return {
            "decision": NOT_ANALYSABLE,
            "reason": refusal.reason.value if refusal else None,
            "detail": refusal.detail if refusal else None,
            "probability": None,
        }
    return {
        "decision": judgement.decision,
        "reason": None,
        "detail": judgement.reason,
        "probability": _rounded(judgement.probability),
    }


def _thresholds(detector: Detector) -> Record:
    return detector.record.thresholds.model_dump(mode="json")


def _detector(detector: Detector) -> Record:
    record = detector.record
    return {
        "name": record.name,
        "version": record.version,
        "sha256": detector.sha256,
        "backbone": record.backbone.name,
    }


def _faces(judgement: Judgement | None, tracks: Sequence[FaceTrack]) -> list[Record]:
    if judgement is None:
        return []
    samples = {track.track: track for track in tracks}
    return [_face(judged, samples[judged.track]) for judged in judgement.tracks]


def _face(judged: TrackJudgement, track: FaceTrack) -> Record:
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


def _stages(timings: Sequence[Timing]) -> list[Record]:
    return [{**asdict(timing), "seconds": round(timing.seconds, 4)} for timing in timings]


def _rounded(value: Any) -> float:
    return round(float(value), 6)
