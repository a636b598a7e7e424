"""The stage `classify`: the head's judgement of each person, and the one of the video."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ..record.schema import Decision
from ..storage.detector_record import EnvelopeRecord, ThresholdsRecord
from ..storage.errors import NotAnalysable, Reason
from .base import Context
from .envelope import check_envelope, measure_track
from .facts import FaceTrack, Judgement, TrackFeatures, TrackJudgement
from .networks.detector import Detector
from .settings import FacesSettings

FAKE: Final = "fake"
REAL: Final = "real"
INCONCLUSIVE: Final = "inconclusive"
UNMEASURED = (
    'Whole frames were looked at (faces.mode is "frame"), but this detector was measured on faces: '
    "its thresholds and their error rates do not hold here."
)
OUTSIDE = (
    "The face that decides lies outside of what this detector was measured on, so its error rates "
    "do not hold here: {}."
)


class Classify:
    """Judges every person seen often enough; the video is as fake as its most suspicious person.

    Gives `judgement`: a `Judgement`.
    Raises `NotAnalysable` (too_short) when nobody was seen in `faces.min_frames` frames.
    """

    name = "classify"
    version = "2"
    needs = frozenset({"faces", "features"})
    gives = frozenset({"judgement"})
    publishes: frozenset[str] = frozenset()

    def run(self, context: Context) -> Mapping[str, Any]:
        """Judge each track by itself, then the video."""
        features: Sequence[TrackFeatures] = context.facts["features"]
        fewest = context.settings.faces.min_frames
        enough = [track for track in features if len(track.vectors) >= fewest]
        if not enough:
            longest = max((len(track.vectors) for track in features), default=0)
            raise NotAnalysable(Reason.TOO_SHORT, _too_short(longest, context.settings.faces))
        tracks = tuple(judge_track(track, context.detector) for track in enough)
        context.progress(1.0)
        judgement = judge_video(tracks, context.detector.record.thresholds)
        learned = context.detector.record.preprocessing.crop.kind
        if context.settings.faces.mode == "frame" and learned != "whole_frame":
            return {"judgement": replace(judgement, decision=INCONCLUSIVE, reason=UNMEASURED)}
        envelope = context.detector.record.envelope
        return {"judgement": heed_envelope(judgement, context.facts["faces"], envelope)}


def judge_track(features: TrackFeatures, detector: Detector) -> TrackJudgement:
    """The head's judgement of one person."""
    output = detector.judge(features.vectors)
    return TrackJudgement(
        track=features.track,
        probability=detector.probability(output.logit),
        scores=detector.frame_scores(output.frame_logits),
        attention=output.attention,
        gradient=output.gradient,
    )


def judge_video(tracks: tuple[TrackJudgement, ...], thresholds: ThresholdsRecord) -> Judgement:
    """The decision from the most suspicious of `tracks`; a threshold itself counts as reached."""
    probability = max(track.probability for track in tracks)
    decision = decide(probability, thresholds)
    reason = _between(probability, thresholds) if decision == INCONCLUSIVE else None
    return Judgement(decision, reason, probability, tracks)


def heed_envelope(
    judgement: Judgement, faces: Sequence[FaceTrack], envelope: EnvelopeRecord | None
) -> Judgement:
    """The judgement, inconclusive when the most suspicious person, who decides, lies outside of
    what the detector was measured on. The probability stays."""
    if envelope is None:
        return judgement
    decides = max(judgement.tracks, key=lambda track: track.probability).track
    person = next(track for track in faces if track.track == decides)
    envelope_check = check_envelope(measure_track(person), envelope)
    if envelope_check is None or not envelope_check.outside:
        return replace(judgement, envelope_check=envelope_check)
    reason = OUTSIDE.format("; ".join(outlier.text for outlier in envelope_check.outside))
    return replace(judgement, decision=INCONCLUSIVE, reason=reason, envelope_check=envelope_check)


def decide(probability: float, thresholds: ThresholdsRecord) -> Decision:
    """`fake`, `real` or `inconclusive`."""
    if probability >= thresholds.fake:
        return FAKE
    return REAL if probability <= thresholds.real else INCONCLUSIVE


def _between(probability: float, thresholds: ThresholdsRecord) -> str:
    return (
        f"The probability of a manipulation is {probability:.2f}. This detector says real up to "
        f"{thresholds.real:.2f} and fake from {thresholds.fake:.2f}; between them it does not say."
    )


def _too_short(longest: int, settings: FacesSettings) -> str:
    seen = "1 frame" if longest == 1 else f"{longest} frames"
    what = (
        "Nobody's face was seen in more than"
        if settings.mode == "faces"
        else "There is no more than"
    )
    return (
        f"{what} {seen} of the sample; a judgement needs {settings.min_frames} "
        "(faces.min_frames). A longer video, or a larger frames.count, may give them."
    )
