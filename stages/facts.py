"""The facts that built-in stages pass to each other (arrays, so none of these is JSON)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..record.schema import Decision
from .media.video import Image

Box = tuple[int, int, int, int]  # x, y, width, height in pixels of the displayed frame


@dataclass(frozen=True, slots=True)
class FaceSample:
    """One face in one frame."""

    index: int  # of the frame in the sample
    t: float  # seconds
    box: Box  # what was cropped: a square around the face, cut at the frame's edges
    crop: Image  # (size, size, 3), as large as the detector's input
    profile: float | None = None  # 0 frontal .. 1 profile; None: of a whole frame, no landmarks


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """One person through the sampled frames, in order of time (fact `faces`: a list of these)."""

    track: int
    samples: tuple[FaceSample, ...]
    frames: int  # how many were looked at; the face is in `samples` of them


@dataclass(frozen=True, slots=True)
class TrackFeatures:
    """The backbone's output for one track (fact `features`: a list of these, one per track)."""

    track: int
    vectors: NDArray[np.float32]  # (frames, width): globally average-pooled
    maps: NDArray[np.float16]  # (frames, rows, columns, width): before the pooling


@dataclass(frozen=True, slots=True)
class TrackJudgement:
    """The head's output for one track."""

    track: int
    probability: float  # of fake, calibrated
    scores: NDArray[np.float32]  # (frames,): each frame alone, 0..1
    attention: NDArray[np.float32]  # (frames,): sums to 1
    gradient: NDArray[np.float32]  # (frames, width): d(logit) / d(vector)


@dataclass(frozen=True, slots=True)
class Outlier:
    """A measure of a person that lies outside what the detector was measured on."""

    measure: str
    value: float
    low: float | None
    high: float | None
    text: str


@dataclass(frozen=True, slots=True)
class EnvelopeCheck:
    """Where the person who decides stands in the detector's operating envelope."""

    measures: Mapping[str, float]
    outside: tuple[Outlier, ...]  # empty: inside


@dataclass(frozen=True, slots=True)
class Judgement:
    """The video's judgement (fact `judgement`)."""

    decision: Decision  # never not_analysable
    reason: str | None  # why it is inconclusive, in words
    probability: float  # the largest of the tracks'
    tracks: tuple[TrackJudgement, ...]
    envelope_check: EnvelopeCheck | None = None  # None: the detector's record has no envelope
